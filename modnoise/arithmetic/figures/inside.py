"""Inside trained nets: angles, frequencies, ranked neurons, partitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from modnoise.arithmetic.figures.spectra import frequency_axis
from modnoise.pages import style
from modnoise.pages.style import Palette

OPS = {"add": "addition", "sub": "subtraction", "mul": "multiplication"}
RANKINGS = {"strength": "Str.", "ipr": "IPR"}

_MARKERS = {"add": "o", "sub": "s", "mul": "^"}
_DASHES = ("-", "--", ":")
_TURN = {-np.pi: "−π", 0.0: "0", np.pi: "π"}
_SELECTED = {  # columns of `structure`: name, palette role, marker, filled, dash
    "accuracy_test": ("full net", "ink", ".", True, "-"),
    "strength_test": ("best neurons by Str.", "ink", "^", False, "-"),
    "ipr_test": ("best neurons by IPR", "ink", "v", False, "--"),
    "random_test": ("neurons in random order", "recovered", "", True, "-."),
    "ff": ("FF of the full net", "test", "o", True, "-"),
    "strength_ff": ("FF of the best by Str.", "test", "^", False, "-"),
    "ipr_ff": ("FF of the best by IPR", "test", "v", False, "--"),
}


def _noise_axis(ax: Axes, levels: Iterable[float]) -> None:
    ax.set_xlabel("label noise α in %")
    ax.xaxis.set_major_locator(FixedLocator(sorted(levels)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.0f}"))


def _widths(ax: Axes, widths: Sequence[int], panels: int) -> None:
    """Ticks at all widths, numbers at as many as there is room for beside ``panels`` panels."""
    style.width_axis(ax, widths)
    every = -(-len(widths) * panels // 13)
    named = set(sorted(widths)[::-1][::every])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}" if x in named else ""))


def _medians(
    ax: Axes, rows: pd.DataFrame, x: str, y: str, *, seeds: bool = True, **line: Any
) -> Line2D:
    """The median over seeds thick, each of several seeds thin."""
    rows = rows.dropna(subset=[y]).sort_values(x, kind="stable")
    if seeds and rows.seed.nunique() > 1:
        for _, one in rows.groupby("seed"):
            ax.plot(one[x], one[y], color=line["color"], ls=line.get("ls"), lw=0.5, alpha=0.5)
    middle = rows.groupby(x)[y].median()
    return ax.plot(middle.index, middle, **line)[0]


def _noise_colors(levels: Iterable[float], color: Palette) -> dict[float, Any]:
    levels = sorted(levels)
    return dict(zip(levels, style.ordered_colors(len(levels), "plasma", color), strict=True))


def _noise_names(colors: Mapping[float, Any]) -> dict[str, Line2D]:
    names = [f"{100 * noise:.0f} %" for noise in colors]
    names[0] = f"noise {names[0]}"
    lines = (Line2D([], [], color=one) for one in colors.values())
    return dict(zip(names, lines, strict=True))


def _legend(
    fig: Figure, handles: Mapping[str, Line2D | Patch], color: Palette, *, below: bool = False
) -> None:
    """`style.name_handles`, in the colour of text: light lines are hard to read as letters."""
    style.name_handles(fig, handles, below=below)
    for text in fig.legends[0].get_texts():
        text.set_color(color["ink"])


def _look(role: str, marker: str, filled: bool, dash: str, color: Palette) -> dict[str, Any]:
    line = {"color": color[role], "ls": dash, "lw": 1.2 if role == "ink" else 1.6}
    if marker:
        line |= {"marker": marker, "ms": 5, "mfc": color[role] if filled else "none"}
    return line


def phase_relation(found: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """angle_u +- angle_v against angle_w of every neuron, a panel per value of ``panel``.

    ``found``: rows of `neuron_table` with a column ``panel``, its heading. The area of a dot goes
    with the size of w at its frequency; where the relation holds, dots lie on the diagonal,
    whose ends are one point of the circle.
    """
    headings = list(dict.fromkeys(found.panel))
    fig, axes = style.panels(
        (7.0, 7.0 / max(len(headings), 3) + 0.75), 1, len(headings), sharey=True, squeeze=False
    )
    for ax, heading in zip(axes[0], headings, strict=True):
        rows = found[found.panel == heading]
        ax.plot([-np.pi, np.pi], [-np.pi, np.pi], color=color["muted"], lw=0.8, zorder=0)
        ax.scatter(
            rows.angle_sum, rows.angle_w, s=1 + 14 * rows["size"] / rows["size"].max(),
            color=color["test"], alpha=0.6, linewidths=0, rasterized=True,
        )  # fmt: skip
        ax.set(xlim=(-3.3, 3.3), ylim=(-3.3, 3.3), aspect="equal", title=heading)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(FixedLocator(list(_TURN)))
            axis.set_major_formatter(FuncFormatter(lambda x, _: _TURN.get(x, "")))
        minus = "−" if (rows.op == "sub").all() else "+"
        ax.set_xlabel(f"$\\varphi_u$ {minus} $\\varphi_v$")
    axes[0, 0].set_ylabel("$\\varphi_w$")
    style.set_title(fig, title)
    return fig


def against_width_and_noise(
    by_width: pd.DataFrame,
    by_noise: pd.DataFrame,
    *,
    columns: Mapping[str, Sequence[str]],
    names: Sequence[str] = (),
    bounds: Mapping[str, float],
    label: str,
    log: bool = False,
    title: str,
    color: Palette,
) -> Figure:
    """Recorded numbers against width, a colour per noise ratio, and below against noise.

    ``by_width``, ``by_noise``: last rows of the full net, the latter over operations and seeds.
    ``columns``: a column of panels each, by heading: columns of the frames, drawn solid, dashed
    and dotted and called ``names``. ``bounds``: horizontal lines in every panel, by name.
    ``log``: of the vertical axis.
    """
    fig, axes = style.panels(style.GRID, 2, len(columns), sharey=True, squeeze=False)
    colors = _noise_colors(by_width.noise.unique(), color)
    widths = sorted(int(x) for x in by_width.width.unique())
    for (top, bottom), (heading, shown) in zip(axes.T, columns.items(), strict=True):
        for column, dash in zip(shown, _DASHES, strict=False):
            for noise, one in colors.items():
                rows = by_width[by_width.noise == noise]
                if rows[column].notna().any():
                    _medians(top, rows, "width", column, color=one, ls=dash, lw=1.4)
            for op, rows in by_noise.groupby("op", sort=False):
                look = _look("ink", _MARKERS[op], op == "add", dash, color)
                _medians(bottom, rows, "noise", column, **look)
        _widths(top, widths, len(columns))
        _noise_axis(bottom, by_noise.noise.unique())
        for ax in (top, bottom):
            for value in bounds.values():
                ax.axhline(value, color=color["muted"], lw=0.8, zorder=0)
        top.set_title(heading)
    for ax in axes[:, 0]:
        ax.set_ylabel(label)
        if log:
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    handles: dict[str, Any] = _noise_names(colors)
    for op in by_noise.op.unique():
        look = _look("ink", _MARKERS[op], op == "add", "", color)
        handles[OPS[op]] = Line2D([], [], **look)
    for name, dash in zip(names, _DASHES, strict=False):
        handles[name] = Line2D([], [], color=color["ink"], ls=dash)
    for name in bounds:
        handles[name] = Line2D([], [], color=color["muted"], lw=0.8)
    if by_noise.seed.nunique() > 1:
        handles["one seed;\nthick: median"] = Line2D([], [], color=color["ink"], lw=0.5)
    _legend(fig, handles, color)
    style.set_title(fig, title)
    return fig


def over_decays(
    final: pd.DataFrame,
    *,
    column: str,
    bounds: Mapping[str, float],
    label: str,
    title: str,
    color: Palette,
) -> Figure:
    """One recorded number against width, a panel per weight decay, a colour per noise ratio.

    ``bounds``: horizontal lines in every panel, by name.
    """
    decays = sorted(final.weight_decay.unique())
    fig, axes = style.panels(style.FULL, 1, len(decays), sharey=True, squeeze=False)
    colors = _noise_colors(final.noise.unique(), color)
    for ax, decay in zip(axes[0], decays, strict=True):
        for noise, one in colors.items():
            rows = final[(final.noise == noise) & (final.weight_decay == decay)]
            _medians(ax, rows, "width", column, color=one, lw=1.4)
        lines = {
            name: ax.axhline(value, color=color["muted"], lw=0.8, zorder=0)
            for name, value in bounds.items()
        }
        ax.set_title(f"decay {decay:g}")
        _widths(ax, sorted(int(x) for x in final.width.unique()), len(decays))
    axes[0, 0].set_ylabel(label)
    _legend(fig, _noise_names(colors) | lines, color, below=True)
    style.set_title(fig, title)
    return fig


def frequency_cover(k: Any, control: Any, *, p: int, title: str, color: Palette) -> Figure:
    """Number of neurons at each dominant frequency (neuron), and of an untrained net's."""
    fig, ax = style.panels(style.FULL)
    edges = np.arange(1, p // 2 + 2) - 0.5
    counts, blind = (np.histogram(style.array(x), edges)[0] for x in (k, control))
    ax.bar(edges[:-1] + 0.5, counts, width=0.8, color=color["test"])
    ax.stairs(blind, edges, color=color["recovered"], lw=1.4)
    frequency_axis(ax, p // 2)
    ax.set_xlim(0.4, p // 2 + 0.6)
    ax.set_ylabel("neurons")
    handles = {
        "trained": Patch(color=color["test"]),
        "untrained": Line2D([], [], color=color["recovered"], lw=1.4),
    }
    _legend(fig, handles, color, below=True)
    style.set_title(fig, title)
    return fig


def row_norms(
    norms: Mapping[int, Any],
    variation: pd.DataFrame,
    control: Mapping[int, float],
    *,
    title: str,
    color: Palette,
) -> Figure:
    """Row norms of the DFT of W^G by width, in units of their mean, and how much they vary.

    ``norms``: (freq) by width. ``variation``: last rows of the full net with ``norm_cv`` over
    widths and noise ratios; ``control``: the same number of untrained nets by width.
    """
    fig, (left, right) = style.panels(style.FULL, 1, 2)
    widths = sorted(norms)
    shades = style.ordered_colors(len(widths), "viridis", color)
    for width, shade in zip(widths, shades, strict=True):
        norm = style.array(norms[width])
        k = np.arange(1, len(norm) + 1)
        left.plot(k, norm / norm.mean(), color=shade, lw=1.4)
        style.label_end(left, k, norm / norm.mean(), f"M = {width}", to_hex(shade))
    frequency_axis(left, len(norm))
    left.set(ylabel="row norm / mean", ylim=(0, None))
    colors = _noise_colors(variation.noise.unique(), color)
    for noise, one in colors.items():
        rows = variation[variation.noise == noise]
        _medians(right, rows, "width", "norm_cv", color=one, lw=1.4)
    right.plot(list(control), list(control.values()), color=color["recovered"], ls="-.")
    _widths(right, sorted(int(x) for x in variation.width.unique()), 2)
    right.set(ylabel="coefficient of variation", ylim=(0, None))
    handles: dict[str, Any] = _noise_names(colors)
    handles["untrained"] = Line2D([], [], color=color["recovered"], ls="-.")
    _legend(fig, handles, color, below=True)
    style.set_title(fig, title)
    return fig


def ranked_neurons(found: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """IPR against strength, a dot per neuron, a panel and a colour per noise ratio.

    ``found``: rows of `neuron_table` with ``noise`` and ``panel``, the heading.
    """
    colors = _noise_colors(found.noise.unique(), color)
    fig, axes = style.panels(style.FULL, 1, len(colors), sharex=True, sharey=True, squeeze=False)
    for ax, (noise, one) in zip(axes[0], colors.items(), strict=True):
        rows = found[found.noise == noise]
        ax.scatter(
            rows.strength, rows.ipr, s=6, color=[one], alpha=0.6, linewidths=0, rasterized=True
        )
        ax.set(title=rows.panel.iloc[0], xlabel="Str.", ylim=(0, 1.02))
        ax.xaxis.set_major_locator(MaxNLocator(3))
    axes[0, 0].set_ylabel("IPR")
    style.set_title(fig, title)
    return fig


def selection(final: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test accuracy against noise of the full net, of selected neurons, and of FF of both.

    ``final``: last rows of the full net with the columns of `structure`, a panel per operation.
    """
    ops = list(dict.fromkeys(final.op))
    fig, axes = style.panels(style.TALL, 1, len(ops), sharey=True, squeeze=False)
    handles: dict[str, Any] = {}
    for ax, op in zip(axes[0], ops, strict=True):
        rows = final[final.op == op]
        for column, (name, *look) in _SELECTED.items():
            handles[name] = _medians(ax, rows, "noise", column, **_look(*look, color))
        line = ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        _noise_axis(ax, rows.noise.unique())
        ax.set_title(OPS[op])
    axes[0, 0].set_ylabel("test accuracy")
    handles[style.chance_name(chance)] = line
    _legend(fig, handles, color)
    style.set_title(fig, title)
    return fig


def improvement(
    by_noise: pd.DataFrame, by_width: pd.DataFrame, *, score: str, title: str, color: Palette
) -> Figure:
    """Test accuracy gained by keeping the best neurons, against noise and against width.

    ``score``: "strength" or "ipr". Above against noise, a panel per operation, with neurons in
    random order (dash-dotted) as the control; below against width, a colour per noise ratio.
    """
    ops = list(dict.fromkeys(by_noise.op))
    fig, axes = style.panels(style.GRID, 2, len(ops), sharey=True, squeeze=False)
    colors = _noise_colors(by_width.noise.unique(), color)
    for (top, bottom), op in zip(axes.T, ops, strict=True):
        for part, look in (
            (score, _look("ink", "o", True, "-", color)),
            ("random", _look("recovered", "", True, "-.", color)),
        ):
            rows = by_noise[by_noise.op == op]
            gain = rows.assign(gain=100 * (rows[f"{part}_test"] - rows.accuracy_test))
            _medians(top, gain, "noise", "gain", **look)
        of = by_width[by_width.op == op]
        for noise, one in colors.items():
            rows = of[of.noise == noise]
            gain = rows.assign(gain=100 * (rows[f"{score}_test"] - rows.accuracy_test))
            _medians(bottom, gain, "width", "gain", color=one, lw=1.4, marker="o", ms=3)
        for ax in (top, bottom):
            ax.axhline(0, color=color["muted"], lw=0.8, zorder=0)
        top.set_title(OPS[op])
        _noise_axis(top, by_noise.noise.unique())
        _widths(bottom, sorted(int(x) for x in by_width.width.unique()), len(ops))
    for ax in axes[:, 0]:
        ax.set_ylabel("points gained")
    handles: dict[str, Any] = {
        f"best by {RANKINGS[score]}": Line2D([], [], **_look("ink", "o", True, "-", color)),
        "random order": Line2D([], [], **_look("recovered", "", True, "-.", color)),
    }
    handles |= _noise_names(colors)
    _legend(fig, handles, color)
    style.set_title(fig, title)
    return fig


def pruning(found: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Accuracies against the share of pruned neurons, from the worst-ranked and from the best.

    ``found``: `pruning_table` of one ranking, and of "random" as the control.
    """
    fig, axes = style.panels(style.FULL, 1, 2, sharey=True)
    shown = {"clean": ":", "noisy": "--", "test": "-"}
    names = {"clean": "clean", "noisy": "noisy, given label", "test": "test"}
    handles: dict[str, Any] = {}
    headings = {"best": "pruned from the worst-ranked", "worst": "from the best-ranked"}
    for ax, (kept, heading) in zip(axes, headings.items(), strict=True):
        rows = found[(found.kept == kept) & (found.order != "random")]
        blind = found[(found.kept == kept) & (found.order == "random")]
        for role, dash in shown.items():
            if rows[f"accuracy_{role}"].notna().any():
                (handles[names[role]],) = ax.plot(
                    rows.pruned, rows[f"accuracy_{role}"], color=color[role], ls=dash
                )
        (handles["test, random order"],) = ax.plot(
            blind.pruned, blind.accuracy_test, color=color["recovered"], ls="-."
        )
        line = ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        ax.set(title=heading, xlabel="share of neurons pruned", xlim=(0, 1))
    axes[0].set_ylabel("accuracy")
    handles[style.chance_name(chance)] = line
    _legend(fig, handles, color, below=True)
    style.set_title(fig, title)
    return fig
