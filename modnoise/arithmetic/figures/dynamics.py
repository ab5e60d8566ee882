"""Which labels come first: curves of clean and noisy pairs, gradients, collisions, grokking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, PercentFormatter

from modnoise.pages import style
from modnoise.pages.style import Palette

_LINES = {"clean": ":", "noisy": "--", "test": "-"}
_NAMES = {"clean": "clean pairs", "noisy": "noisy pairs, given label", "test": "test pairs"}
_NULL = "label-blind"
_KINDS = {"wrong": "random wrong labels", "bijective": "bijective wrong labels"}
_OPTIMIZERS = {"adamw": "AdamW", "adam": "Adam", "muon": "Muon", "sgd": "SGD"}


def _said(field: str, value: Any) -> str:
    """How a panel or a line is headed.

    >>> [_said("noise", 0.3), _said("width", 17), _said("batch", float("inf"))]
    ['noise 30 %', 'M = 17', 'full batch']
    """
    if field == "batch":
        return f"batch {value:.0f}" if np.isfinite(value) else "full batch"
    texts = {
        "noise": lambda x: f"noise {100 * x:.0f} %",
        "width": lambda x: f"M = {x}",
        "lr": lambda x: f"lr {x:g}",
        "weight_decay": lambda x: f"decay {x:g}",
        "noise_kind": lambda kind: _KINDS[kind].split()[0],
        "optimizer": _OPTIMIZERS.get,
    }
    return texts.get(field, str)(value)


def _drawn(
    ax: Axes, rows: pd.DataFrame, x: str, y: str, *, each: bool = True, **line: Any
) -> None:
    """The median over runs thick; where there are several, and ``each``, each one thin."""
    rows = rows.sort_values(x, kind="stable")
    if each and rows.key.nunique() > 1:
        for _, one in rows.groupby("key"):
            ax.plot(one[x], one[y], **{**line, "lw": 0.5, "alpha": 0.5})
    middle = rows.groupby(x)[y].median()
    ax.plot(middle.index, middle, **line)


def _x_axis(ax: Axes, x: str, log: bool) -> None:
    ax.margins(x=0)
    if log:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(numticks=4))
        ax.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda t, _: f"{t:,g}"))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(2, integer=True))


def rise_grid(
    frame: pd.DataFrame,
    *,
    cols: str,
    rows: str | None = None,
    roles: Sequence[str] = ("clean", "noisy"),
    x: str = "step",
    log: bool = False,
    null: bool = False,
    top: float = 1.0,
    title: str,
    color: Palette,
) -> Figure:
    """Accuracies against step, a panel for each value of the fields ``cols`` and ``rows``.

    ``frame`` has ``key`` (of the run), ``x`` and ``accuracy_<role>``; with several runs in a panel
    each is thin, their median thick; more than eight panels have medians alone, as they are too
    small to tell, and too many to store, lines that thin. ``log`` leaves ``x`` = 0 out. ``null``
    adds the label-blind noisy accuracy, a column of that name. Axes are shared and end at ``top``.
    """
    across, down = sorted(frame[cols].unique()), sorted(frame[rows].unique()) if rows else [None]
    fig, axes = style.panels(
        (7.0, 1.2 + (1.15 if rows else 1.7) * len(down)), len(down), len(across),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    shown, each = frame[frame[x] > 0] if log else frame, axes.size <= 8
    for line, below in zip(axes, down, strict=True):
        for ax, beside in zip(line, across, strict=True):
            here = shown[
                (shown[cols] == beside) & (True if below is None else shown[rows] == below)
            ]
            for role in roles:
                line_of_role = {"color": color[role], "ls": _LINES[role]}
                _drawn(ax, here, x, f"accuracy_{role}", each=each, **line_of_role)
            if null:
                _drawn(ax, here, x, "label_blind", each=each, color=color["muted"], lw=1.0)
            if ax in axes[0]:
                ax.set_title(_said(cols, beside), fontsize=9.5)
    style.accuracy_axis(axes[0, 0])
    axes[0, 0].set_ylim(-0.03 * top, 1.03 * top)
    if top < 0.5:
        axes[0, 0].yaxis.set_major_locator(MaxNLocator(3))
    _x_axis(axes[0, 0], x, log)
    for ax, below in zip(axes[:, 0], down, strict=True):
        ax.set_ylabel("accuracy" if below is None else _said(rows, below), fontsize=9.5)
    for ax in axes[-1]:
        ax.set_xlabel(x)
    handles = {_NAMES[r]: Line2D([], [], color=color[r], ls=_LINES[r]) for r in roles}
    if null:
        handles[_NULL] = Line2D([], [], color=color["muted"], lw=1.0)
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def speed_and_gap(
    by_width: pd.DataFrame, by_noise: pd.DataFrame, *, title: str, color: Palette
) -> Figure:
    """Noisy accuracy against step, a line per width; noisy less clean accuracy, one per noise.

    Both frames have ``key``, ``step``, ``accuracy_clean``, ``accuracy_noisy``; the first has one
    noise ratio, the second one width. Medians over runs.
    """
    fig, (left, right) = style.panels(style.FULL, 1, 2)
    parts = [
        (left, by_width, "width", "viridis", by_width.accuracy_noisy),
        (right, by_noise, "noise", "plasma", by_noise.accuracy_noisy - by_noise.accuracy_clean),
    ]
    for ax, frame, field, palette, height in parts:
        values = sorted(frame[field].unique())
        other = "noise" if field == "width" else "width"
        for value, one in zip(
            values, style.ordered_colors(len(values), palette, color), strict=True
        ):
            middle = height[frame[field] == value].groupby(frame.step).median()
            ax.plot(middle.index, middle, color=one, label=_said(field, value))
        ax.set_title("noisy accuracy, " * (field == "width") + "noisy less clean, "
                     * (field == "noise") + _said(other, frame[other].iloc[0]))  # fmt: skip
        _x_axis(ax, "step", False)
        ax.set_xlabel("step")
    style.accuracy_axis(left)
    right.axhline(0, color=color["muted"], lw=0.8, zorder=0)
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    right.set_ylabel("points")
    right.set_ylim(top=1.3 * right.dataLim.y1)  # room for the names
    for ax, columns in ((left, 1), (right, 2)):
        ax.legend(frameon=False, fontsize=8.5, loc="upper left", ncols=columns, handlelength=1.2,
                  labelspacing=0.25, columnspacing=1.0)  # fmt: skip
    left.set_ylabel("accuracy")
    style.set_title(fig, title)
    return fig


def gradient_rates(frame: pd.DataFrame, *, cols: str, title: str, color: Palette) -> Figure:
    """r_n and r_c against step above, cos(g_c, g_n) below, one column per value of ``cols``.

    ``frame`` has ``key``, ``step``, ``r_c``, ``r_n``, ``cos``; rows without them are not drawn.
    """
    across, known = sorted(frame[cols].unique()), frame[frame.cos.notna()]
    fig, axes = style.panels(style.TALL, 2, len(across), sharex=True, sharey="row", squeeze=False)
    for column, value in zip(axes.T, across, strict=True):
        here = known[known[cols] == value]
        for name, role in (("r_c", "clean"), ("r_n", "noisy")):
            _drawn(column[0], here, "step", name, color=color[role], ls=_LINES[role])
        _drawn(column[1], here, "step", "cos", color=color["ink"])
        column[0].set_title(_said(cols, value), fontsize=9.5)
        for ax in column:
            ax.axhline(0, color=color["muted"], lw=0.8, zorder=0)
    _x_axis(axes[0, 0], "step", False)
    axes[0, 0].set_ylabel("rate per sample")
    axes[1, 0].set_ylabel("cos(g$_c$, g$_n$)")
    for ax in axes[1]:
        ax.set_xlabel("step")
    handles = {
        "r$_c$, clean": Line2D([], [], color=color["clean"], ls=_LINES["clean"]),
        "r$_n$, noisy": Line2D([], [], color=color["noisy"], ls=_LINES["noisy"]),
        "cosine of the two gradients": Line2D([], [], color=color["ink"]),
    }
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def collision_counts(frame: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Mean collisions of clean and noisy pairs against noise: dots counted, lines closed forms.

    ``frame`` is `collision_table`'s: a row per run.
    """
    kinds = [kind for kind in _KINDS if (frame.noise_kind == kind).any()]
    fig, axes = style.panels(style.FULL, 1, len(kinds), sharey=True, squeeze=False)
    for ax, kind in zip(axes[0], kinds, strict=True):
        rows = frame[frame.noise_kind == kind].sort_values("noise", kind="stable")
        for role in ("clean", "noisy"):
            line = rows.groupby("noise")[f"expected_{role}"].first()
            ax.plot(line.index, line, color=color[role], ls=_LINES[role])
            ax.plot(rows.noise, rows[f"collisions_{role}"], "o", color=color[role], ms=3.5,
                    mfc="none")  # fmt: skip
            style.label_end(ax, line.index, line, role, color[role])
        ax.set_title(_KINDS[kind])
        ax.set_xlabel("label noise α")
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes[0, 0].set_ylabel("collisions of a pair")
    axes[0, 0].set_ylim(0, None)
    style.set_title(fig, title)
    return fig


def lead_against_collisions(frame: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Lead of the noisy labels against the collisions a noisy pair has more than a clean one.

    ``frame`` has a row per run: ``noise_kind``, ``noise``, ``lead``, ``collisions_clean``,
    ``collisions_noisy``. Medians over runs, bars from the lowest to the highest.
    """
    fig, ax = style.panels(style.FULL)
    looks = {
        "wrong": ("o", "noisy", (6, -10), "left"),
        "bijective": ("s", "ink", (-6, 3), "right"),
    }
    for kind, (marker, role, beside, side) in looks.items():
        rows = frame[frame.noise_kind == kind]
        more = (rows.collisions_noisy - rows.collisions_clean).groupby(rows.noise).median()
        lead = rows.lead.groupby(rows.noise).agg(["median", "min", "max"])
        if lead.empty:
            continue
        reach = [lead["median"] - lead["min"], lead["max"] - lead["median"]]
        ax.errorbar(more, lead["median"], yerr=reach, fmt=marker, color=color[role], ms=5,
                    elinewidth=0.8, label=_KINDS[kind])  # fmt: skip
        for noise in more.index:
            ax.annotate(
                f"{100 * noise:.0f} %", (more[noise], lead["median"][noise]), xytext=beside,
                textcoords="offset points", ha=side, fontsize=8.5, color=color[role],
            )  # fmt: skip
    ax.margins(x=0.09)
    ax.axhline(0, color=color["muted"], lw=0.8, zorder=0)
    ax.axvline(0, color=color["muted"], lw=0.8, zorder=0)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    ax.set_xlabel("collisions of a noisy pair less those of a clean one")
    ax.set_ylabel("noisy less clean accuracy, points")
    ax.legend(frameon=False, fontsize=9, labelcolor="linecolor", loc="best")
    style.set_title(fig, title)
    return fig


def known_by_collisions(frame: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Share of training pairs known at one step, by role and number of collisions.

    ``frame`` has ``role``, ``collisions``, ``pairs`` and ``right``; bars are one binomial standard
    error. Groups of fewer than 10 pairs are not drawn.
    """
    fig, ax = style.panels(style.FULL)
    for role in ("clean", "noisy"):
        rows = frame[(frame.role == role) & (frame.pairs >= 10)]
        rows = rows.sort_values("collisions", kind="stable")
        share = rows.right / rows.pairs
        error = np.sqrt(share * (1 - share) / rows.pairs)
        ax.errorbar(rows.collisions, share, yerr=error, color=color[role], ls=_LINES[role],
                    marker="o", ms=4, elinewidth=0.8)  # fmt: skip
        style.label_end(ax, rows.collisions, share, _NAMES[role], color[role])
    style.accuracy_axis(ax)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("collisions of the pair")
    ax.set_ylabel("share known")
    style.set_title(fig, title)
    return fig


def grokking(
    frame: pd.DataFrame, *, chance: float, grok: Mapping[str, float], title: str, color: Palette
) -> Figure:
    """Test accuracy against step, a panel per noise ratio and a line per weight decay.

    ``frame`` has ``key``, ``noise``, ``weight_decay``, ``step``, ``accuracy_test``. ``grok`` says,
    per ``key``, at which step to put a dot.
    """
    levels, decays = sorted(frame.noise.unique()), sorted(frame.weight_decay.unique())
    fig, axes = style.panels(style.FULL, 1, len(levels), sharex=True, sharey=True, squeeze=False)
    colors = style.ordered_colors(len(decays), "cividis", color)
    drawn = frame[frame.step >= 1]
    for ax, noise in zip(axes[0], levels, strict=True):
        for decay, one in zip(decays, colors, strict=True):
            rows = drawn[(drawn.noise == noise) & (drawn.weight_decay == decay)]
            _drawn(ax, rows, "step", "accuracy_test", color=one)
            for key, curve in rows.groupby("key"):
                at = curve[curve.step == grok.get(str(key))]
                ax.plot(at.step, at.accuracy_test, "o", color=one, ms=5)
        ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        ax.set_title(_said("noise", noise))
    style.accuracy_axis(axes[0, 0])
    _x_axis(axes[0, 0], "step", True)
    for ax in axes[0]:
        ax.set_xlabel("step")
    axes[0, 0].set_ylabel("test accuracy")
    handles = {
        _said("weight_decay", decay): Line2D([], [], color=one)
        for decay, one in zip(decays, colors, strict=True)
    }
    handles[style.chance_name(chance)] = Line2D([], [], color=color["muted"], lw=0.8)
    style.name_handles(fig, handles, below=True)
    for text in fig.legends[0].get_texts():  # light lines are hard to read as letters
        text.set_color(color["ink"])
    style.set_title(fig, title)
    return fig
