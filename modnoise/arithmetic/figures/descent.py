"""Test error, cross-entropy and regimes against width, weight decay and noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from modnoise.pages import style
from modnoise.pages.style import Palette

_MARKERS = {"relu": ("o", "-"), "gelu": ("^", "--"), "quadratic": ("s", ":")}
_ACTS = {"relu": "ReLU", "gelu": "GeLU", "quadratic": "x²"}
_COLUMNS = {  # of `descent`: what a column is called
    "weight_decay": "decay {:g}",
    "act": "{}",
    "op": "{}",
    "train_frac": "training share {:g}",
}
_OPS = {"add": "addition", "sub": "subtraction", "mul": "multiplication"}
_REGIMES = {  # fill, share of it over the page
    "coexistence": ("clean", 0.45),
    "memorization": ("noisy", 0.45),
    "partial inversion": ("test", 0.2),
    "full inversion": ("test", 0.45),
    "confusion": ("faint", 0.6),
    "diverged": ("page", 1.0),
}
_KIND = {"wrong": "random noise", "any": "random noise", "symmetric": "symmetric noise"}


def _widths(ax: Axes, widths: Sequence[int], panels: int) -> None:
    """Ticks at all widths, numbers at as many as there is room for beside ``panels`` panels."""
    style.width_axis(ax, widths)
    every = -(-len(widths) * panels // 13)
    named = set(sorted(widths)[::every])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}" if x in named else ""))


def _legend(fig: Figure, handles: Mapping[str, Line2D | Patch], color: Palette) -> None:
    """Names below the panels in the colour of text: those of ordered lines are hard to read."""
    style.name_handles(fig, handles, below=True)
    for text in fig.legends[0].get_texts():
        text.set_color(color["ink"])


def _medians(rows: pd.DataFrame, column: str) -> pd.Series:
    return rows.groupby("width")[column].median().dropna()


def one_ladder(
    final: pd.DataFrame, *, threshold: float, chance: float, title: str, color: Palette
) -> Figure:
    """Test error against width at one noise ratio and decay, the two regimes marked.

    ``final``: rows of `outcomes`. ``threshold``: M*, from where the wrong labels are fit; NaN if
    no width fits them. The dashed line is the accuracy on the given wrong labels.
    """
    fig, ax = style.panels(style.FULL)
    widths = sorted(int(x) for x in final.width.unique())
    style.accuracy_axis(ax)
    _widths(ax, widths, 1)
    error = 1 - _medians(final, "accuracy_test")
    fit = _medians(final, "accuracy_noisy")
    if np.isfinite(threshold):
        ax.axvline(threshold, color=color["muted"], lw=0.8)
        for text, side, shift in (("wrong labels not fit", "right", -6), ("fit", "left", 6)):
            ax.annotate(
                text, (threshold, 1), xycoords=("data", "axes fraction"), xytext=(shift, 3),
                textcoords="offset points", ha=side, fontsize=9, color=color["muted"],
            )  # fmt: skip
    ax.plot(fit.index, fit, color=color["noisy"], ls="--", marker="v")
    ax.plot(error.index, error, color=color["test"], marker="o")
    style.label_end(ax, fit.index, fit, "accuracy on\nwrong labels", color["noisy"])
    style.label_end(ax, error.index, error, "test error", color["test"])
    ax.axhline(1 - chance, color=color["muted"], lw=0.8, zorder=0)
    style.label_end(ax, widths[-1:], [1 - chance], "guessing", color["muted"])
    ax.set_ylabel("share of pairs")
    style.set_title(fig, title)
    return fig


def descent(
    final: pd.DataFrame, *, column: str, chance: float, title: str, color: Palette
) -> Figure:
    """Test error and test cross-entropy against width, one line per noise ratio.

    ``final``: rows of `outcomes`; one column of panels per value of the field ``column``. A dot
    is filled where the net fits its wrong labels; without noise there are none and no dots.

    Raises:
        ValueError: a column that has no name here.
    """
    if column not in _COLUMNS:
        allowed = ", ".join(_COLUMNS)
        raise ValueError(f"column = {column!r} is not allowed: it must be one of {allowed}")
    points = list(dict.fromkeys(final[column]))
    beside = len(points) == 1
    fig, axes = style.panels(
        style.FULL if beside else style.GRID,
        *((1, 2) if beside else (2, len(points))),
        sharex=True, sharey=False if beside else "row", squeeze=False,
    )  # fmt: skip
    levels = sorted(final.noise.unique())
    colors = dict(zip(levels, style.ordered_colors(len(levels), "plasma", color), strict=True))
    widths = sorted(int(x) for x in final.width.unique())
    for j, point in enumerate(points):
        rows = final[final[column] == point]
        top, bottom = axes[0] if beside else axes[:, j]
        for noise in levels:
            here = rows[rows.noise == noise]
            fits = here.groupby("width").interpolates.median() > 0.5
            error = 1 - _medians(here, "accuracy_test")
            for ax, y in ((top, error), (bottom, _medians(here, "cross_entropy_test"))):
                _dotted(ax, y, fits if noise > 0 else None, colors[noise], color)
        top.axhline(1 - chance, color=color["muted"], lw=0.8, zorder=0)
        bottom.axhline(-np.log(chance), color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(top)
        _log_axis(bottom)
        if not beside:
            name = _ACTS.get(point, _OPS.get(point, point)) if isinstance(point, str) else point
            top.set_title(_COLUMNS[column].format(name))
    for ax in axes.flat:
        _widths(ax, widths, axes.shape[1])
        if ax not in axes[-1]:
            ax.set_xlabel("")
    first = axes[0] if beside else axes[:, 0]
    first[0].set_ylabel("test error")
    first[1].set_ylabel("test cross-entropy, nats")
    _legend(fig, _noise_handles(colors, color), color)
    style.set_title(fig, title)
    return fig


def seed_ladders(final: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test error against width: a thin line per seed, their median with dots; a panel per noise.

    ``final``: rows of `outcomes`. A dot is filled where most seeds fit their wrong labels.
    """
    levels = sorted(final.noise.unique())
    fig, axes = style.panels(style.FULL, 1, len(levels), sharey=True, squeeze=False)
    widths = sorted(int(x) for x in final.width.unique())
    for ax, noise in zip(axes[0], levels, strict=True):
        rows = final[final.noise == noise]
        for _, one in rows.groupby("seed"):
            error = 1 - _medians(one, "accuracy_test")
            (thin,) = ax.plot(error.index, error, color=color["test"], lw=0.8, alpha=0.6)
        fits = rows.groupby("width").interpolates.median() > 0.5
        _dotted(ax, 1 - _medians(rows, "accuracy_test"), fits, color["test"], color)
        line = ax.axhline(1 - chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        _widths(ax, widths, len(levels))
        ax.set_title(f"noise {100 * noise:.0f} %")
    axes[0, 0].set_ylabel("test error")
    median = Line2D([], [], color=color["test"], lw=1.4)
    _legend(
        fig, {"a seed": thin, "median": median, **_dot_handles(color), "guessing": line}, color
    )
    style.set_title(fig, title)
    return fig


def _dotted(ax: Axes, y: pd.Series, fits: pd.Series | None, line: Any, color: Palette) -> None:
    """A line with dots, filled where ``fits``; without dots for None."""
    ax.plot(y.index, y, color=line, lw=1.4)
    if fits is not None:
        face = [line if fits[width] else color["page"] for width in y.index]
        ax.scatter(y.index, y, c=face, edgecolors=[line], s=18, linewidths=1.1, zorder=3)


def _noise_handles(colors: Mapping[float, Any], color: Palette) -> dict[str, Line2D]:
    names = [f"{100 * noise:.0f} %" for noise in colors]
    names[0] = f"noise {names[0]}"
    lines = (Line2D([], [], color=one) for one in colors.values())
    handles = dict(zip(names, lines, strict=True))
    return handles | _dot_handles(color)


def _dot_handles(color: Palette) -> dict[str, Line2D]:
    dot = {"ls": "none", "marker": "o", "ms": 4.5, "color": color["ink"]}
    hollow = Line2D([], [], **dot, mfc=color["page"])
    return {"wrong labels fit": Line2D([], [], **dot), "not": hollow}


def _log_axis(ax: Axes) -> None:
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def activations(final: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test accuracy against width, one line per activation, one panel per noise ratio.

    ``final``: rows of `outcomes` with the field ``act``.
    """
    levels = sorted(final.noise.unique())
    fig, axes = style.panels(style.FULL, 1, len(levels), sharey=True, squeeze=False)
    widths = sorted(int(x) for x in final.width.unique())
    for ax, noise in zip(axes[0], levels, strict=True):
        for act, (marker, dash) in _MARKERS.items():
            rows = final[(final.act == act) & (final.noise == noise)]
            y = _medians(rows, "accuracy_test")
            ax.plot(y.index, y, color=color["test"], marker=marker, ls=dash, label=_ACTS[act])
        line = ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        _widths(ax, widths, len(levels))
        ax.set_title(f"noise {100 * noise:.0f} %")
    axes[0, 0].set_ylabel("test accuracy")
    handles = {one.get_label(): one for one in axes[0, 0].lines if one is not line}
    handles = {name: one for name, one in handles.items() if name in _ACTS.values()}
    _legend(fig, handles | {style.chance_name(chance): line}, color)
    style.set_title(fig, title)
    return fig


def regime_map(final: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Every net's regime in Doshi's words, width x weight decay, one band per noise ratio.

    ``final``: rows of `outcomes`, one seed. Numbers are test accuracies in percent; the thick
    line goes between nets that fit their wrong labels and nets that do not (our rule).
    """
    levels = sorted(final.noise[final.noise > 0].unique())
    widths = sorted(int(x) for x in final.width.unique())
    decays = sorted(final.weight_decay.unique())
    fig, axes = style.panels(
        (7.0, 0.3 * len(levels) * (len(decays) + 1) + 1.2), len(levels), 1, sharex=True,
        squeeze=False,
    )  # fmt: skip
    seen = set()
    for ax, noise in zip(axes[:, 0], levels, strict=True):
        rows = final[final.noise == noise].set_index(["weight_decay", "width"])
        fits = np.full((len(decays), len(widths)), np.nan)
        for i, decay in enumerate(decays):
            for j, width in enumerate(widths):
                if (decay, width) in rows.index:
                    net = rows.loc[(decay, width)]
                    fits[i, j] = net.interpolates
                    seen.add(net.regime)
                    _cell(ax, i, j, net, color)
        _borders(ax, fits, color)
        ax.set(xlim=(-0.5, len(widths) - 0.5), ylim=(-0.5, len(decays) - 0.5))
        ax.set_yticks(range(len(decays)), [f"{decay:g}" for decay in decays])
        ax.set_xticks(range(len(widths)), [str(width) for width in widths])
        ax.set_ylabel(f"noise {100 * noise:.0f} %\ndecay")
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    axes[-1, 0].set_xlabel("width M")
    handles: dict[str, Any] = {
        name: Patch(color=_fill(name, color)) for name in _REGIMES if name in seen
    }
    handles["right of it: wrong labels fit"] = Line2D([], [], color=color["ink"], lw=2.4)
    _legend(fig, handles, color)
    style.set_title(fig, title)
    return fig


def _fill(regime: str, color: Palette) -> tuple[float, ...]:
    role, share = _REGIMES[regime]
    over, page = (np.array(to_rgb(color[x])) for x in (role, "page"))
    return tuple(share * over + (1 - share) * page)


def _cell(ax: Axes, i: int, j: int, net: pd.Series, color: Palette) -> None:
    ax.add_patch(Rectangle((j - 0.49, i - 0.47), 0.98, 0.94, color=_fill(net.regime, color), lw=0))
    text = "–" if np.isnan(net.accuracy_test) else f"{100 * net.accuracy_test:.0f}"
    ax.text(j, i, text, ha="center", va="center", fontsize=9, color=color["ink"])


def _borders(ax: Axes, fits: np.ndarray, color: Palette) -> None:
    """Thick lines between neighbours of which one fits its wrong labels and one does not."""
    line = {"color": color["ink"], "lw": 2.4, "solid_capstyle": "butt"}
    for i, j in np.argwhere(np.abs(np.diff(fits, axis=1)) == 1):
        ax.plot([j + 0.5, j + 0.5], [i - 0.5, i + 0.5], **line)
    for i, j in np.argwhere(np.abs(np.diff(fits, axis=0)) == 1):
        ax.plot([j - 0.5, j + 0.5], [i + 0.5, i + 0.5], **line)


def tied_nets(final: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Accuracies of tied nets against width, one panel per kind of noise and weight decay.

    ``final``: rows of `outcomes` with ``ceiling_noisy`` and ``ceiling_train``, the best that a
    function with f(a, b) = f(b, a) can do on the noisy and on all training labels (dotted).
    """
    points = list(dict.fromkeys(zip(final.noise_kind, final.weight_decay, strict=True)))
    fig, axes = style.panels(style.TALL, -(-len(points) // 2), 2, sharey=True, squeeze=False)
    shown = {
        "test": ("accuracy_test", {"color": color["test"], "marker": "o"}),
        "wrong labels, as given": (
            "accuracy_noisy", {"color": color["noisy"], "ls": "--", "marker": "v"}
        ),
        "all training labels": ("accuracy_train", {"color": color["ink"], "lw": 1.0}),
    }  # fmt: skip
    ceilings = {"accuracy_noisy": "ceiling_noisy", "accuracy_train": "ceiling_train"}
    widths = sorted(int(x) for x in final.width.unique())
    handles: dict[str, Any] = {}
    for ax, (kind, decay) in zip(axes.flat, points, strict=False):
        rows = final[(final.noise_kind == kind) & (final.weight_decay == decay)]
        for name, (column, look) in shown.items():
            y = _medians(rows, column)
            (handles[name],) = ax.plot(y.index, y, **look)
            if column in ceilings:
                ceiling = float(rows[ceilings[column]].median())
                ax.axhline(ceiling, color=look["color"], ls=":", lw=1.2)
        line = ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        _widths(ax, widths, 2)
        ax.set_title(f"{_KIND[kind]}, decay {decay:g}")
        ax.label_outer()
    for ax in axes.flat[len(points) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel("accuracy")
    handles["ceiling of f(a, b) = f(b, a)"] = Line2D([], [], color=color["muted"], ls=":")
    _legend(fig, handles | {style.chance_name(chance): line}, color)
    style.set_title(fig, title)
    return fig
