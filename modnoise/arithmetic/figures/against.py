"""Recorded numbers of the inside of nets against width, noise and weight decay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from modnoise.arithmetic.figures.lines import (
    DASHES,
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
    colors = noise_colors(by_width.noise.unique(), color)
    widths = sorted(int(x) for x in by_width.width.unique())
    for (top, bottom), (heading, shown) in zip(axes.T, columns.items(), strict=True):
        for column, dash in zip(shown, DASHES, strict=False):
            for noise, one in colors.items():
                rows = by_width[by_width.noise == noise]
                if rows[column].notna().any():
                    median_line(top, rows, "width", column, color=one, ls=dash, lw=1.4)
            for op, rows in by_noise.groupby("op", sort=False):
                look = line_look("ink", OPERATIONS[op].marker, op == "add", dash, color)
                median_line(bottom, rows, "noise", column, **look)
        widths_axis(top, widths, len(columns))
        noise_axis(bottom, by_noise.noise.unique())
        for ax in (top, bottom):
            for value in bounds.values():
                ax.axhline(value, color=color["muted"], lw=0.8, zorder=0)
        top.set_title(heading)
    for ax in axes[:, 0]:
        ax.set_ylabel(label)
        if log:
            ax.set_yscale("log")
            ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    handles: dict[str, Any] = noise_names(colors)
    for op in by_noise.op.unique():
        look = line_look("ink", OPERATIONS[op].marker, op == "add", "", color)
        handles[OPERATIONS[op].label] = Line2D([], [], **look)
    for name, dash in zip(names, DASHES, strict=False):
        handles[name] = Line2D([], [], color=color["ink"], ls=dash)
    for name in bounds:
        handles[name] = Line2D([], [], color=color["muted"], lw=0.8)
    if by_noise.seed.nunique() > 1:
        handles["one seed;\nthick: median"] = Line2D([], [], color=color["ink"], lw=0.5)
    legend(fig, handles, color)
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
    fig, axes = style.panels(style.FULL, 1, len(decays), sharex=True, sharey=True, squeeze=False)
    colors = noise_colors(final.noise.unique(), color)
    for ax, decay in zip(axes[0], decays, strict=True):
        for noise, one in colors.items():
            rows = final[(final.noise == noise) & (final.weight_decay == decay)]
            median_line(ax, rows, "width", column, color=one, lw=1.4)
        lines = {
            name: ax.axhline(value, color=color["muted"], lw=0.8, zorder=0)
            for name, value in bounds.items()
        }
        ax.set_title(f"decay {decay:g}")
        widths_axis(ax, sorted(int(x) for x in final.width.unique()), len(decays))
    axes[0, 0].set_ylabel(label)
    legend(fig, noise_names(colors) | lines, color, below=True)
    style.set_title(fig, title)
    return fig
