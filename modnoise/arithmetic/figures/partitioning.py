"""Ranked neurons, and what keeping or pruning them is worth."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from modnoise.arithmetic.figures.lines import (
    RANKINGS,
    legend,
    line_look,
    median_line,
    noise_axis,
    noise_colors,
    noise_names,
    widths_axis,
)
from modnoise.arithmetic.operations import OPERATIONS
from modnoise.pages import style
from modnoise.pages.style import Palette

_SELECTED = {  # columns of `structure`: name, palette role, marker, filled, dash
    "accuracy_test": ("full network", "ink", ".", True, "-"),
    "strength_test": ("best neurons by Str.", "ink", "^", False, "-"),
    "ipr_test": ("best neurons by IPR", "ink", "v", False, "--"),
    "random_test": ("neurons in random order", "recovered", "", True, "-."),
    "ff": ("FF of the full network", "test", "o", True, "-"),
    "strength_ff": ("FF of the best by Str.", "test", "^", False, "-"),
    "ipr_ff": ("FF of the best by IPR", "test", "v", False, "--"),
}


def ranked_neurons(found: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """IPR against strength, a dot per neuron, a panel and a colour per noise ratio.

    ``found``: rows of `neuron_table` with ``noise`` and ``panel``, the heading.
    """
    colors = noise_colors(found.noise.unique(), color)
    fig, axes = style.panels(style.FULL, 1, len(colors), sharex=True, sharey=True, squeeze=False)
    for ax, (noise, one) in zip(axes[0], colors.items(), strict=True):
        rows = found[found.noise == noise]
        ax.scatter(
            rows.strength, rows.ipr, s=6, color=[one], alpha=0.6, linewidths=0, rasterized=True
        )
        ax.set(title=rows.panel.iloc[0], xlabel="strength (Str.)", ylim=(0, 1.02))
        ax.xaxis.set_major_locator(MaxNLocator(3))
    axes[0, 0].set_ylabel("IPR (peaked spectrum)")
    style.set_title(fig, title)
    return fig


def selection(final: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test accuracy against noise of the full net, of selected neurons, and of FF of both.

    ``final``: last rows of the full net with the columns of `structure`, a panel per operation.
    """
    ops = list(dict.fromkeys(final.op))
    fig, axes = style.panels(style.TALL, 1, len(ops), sharex=True, sharey=True, squeeze=False)
    handles: dict[str, Any] = {}
    for ax, op in zip(axes[0], ops, strict=True):
        rows = final[final.op == op]
        for column, (name, role, marker, filled, dash) in _SELECTED.items():
            look = line_look(role, marker, filled, dash, color)
            handles[name] = median_line(ax, rows, "noise", column, **look)
        line = ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        noise_axis(ax, final.noise.unique())
        ax.set_title(OPERATIONS[op].label)
    axes[0, 0].set_ylabel("test accuracy")
    handles[style.chance_name(chance)] = line
    legend(fig, handles, color)
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
    fig, axes = style.panels(style.GRID, 2, len(ops), sharex="row", sharey=True, squeeze=False)
    colors = noise_colors(by_width.noise.unique(), color)
    for (top, bottom), op in zip(axes.T, ops, strict=True):
        for part, look in (
            (score, line_look("ink", "o", True, "-", color)),
            ("random", line_look("recovered", "", True, "-.", color)),
        ):
            rows = by_noise[by_noise.op == op]
            gain = rows.assign(gain=100 * (rows[f"{part}_test"] - rows.accuracy_test))
            median_line(top, gain, "noise", "gain", **look)
        of = by_width[by_width.op == op]
        for noise, one in colors.items():
            rows = of[of.noise == noise]
            gain = rows.assign(gain=100 * (rows[f"{score}_test"] - rows.accuracy_test))
            median_line(bottom, gain, "width", "gain", color=one, lw=1.4, marker="o", ms=3)
        for ax in (top, bottom):
            ax.axhline(0, color=color["muted"], lw=0.8, zorder=0)
        top.set_title(OPERATIONS[op].label)
        noise_axis(top, by_noise.noise.unique())
        widths_axis(bottom, sorted(int(x) for x in by_width.width.unique()), len(ops))
    for ax in axes[:, 0]:
        ax.set_ylabel("points gained")
    handles: dict[str, Any] = {
        f"best by {RANKINGS[score]}": Line2D([], [], **line_look("ink", "o", True, "-", color)),
        "random order": Line2D([], [], **line_look("recovered", "", True, "-.", color)),
    }
    handles |= noise_names(colors)
    legend(fig, handles, color)
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
    legend(fig, handles, color, below=True)
    style.set_title(fig, title)
    return fig
