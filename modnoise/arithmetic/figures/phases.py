"""Angles and frequencies of the neurons of trained nets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter

from modnoise.arithmetic.figures.lines import (
    legend,
    median_line,
    noise_colors,
    noise_names,
    widths_axis,
)
from modnoise.arithmetic.figures.spectra import frequency_axis
from modnoise.pages import style
from modnoise.pages.style import Palette

_TURN = {-np.pi: "−π", 0.0: "0", np.pi: "π"}


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
        ax.set_xlabel(f"$\\theta_u$ {minus} $\\theta_v$")
    axes[0, 0].set_ylabel("$\\theta_w$")
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
    handles: dict[str, Line2D | Patch] = {
        "trained": Patch(color=color["test"]),
        "untrained": Line2D([], [], color=color["recovered"], lw=1.4),
    }
    legend(fig, handles, color, below=True)
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
    colors = noise_colors(variation.noise.unique(), color)
    for noise, one in colors.items():
        rows = variation[variation.noise == noise]
        median_line(right, rows, "width", "norm_cv", color=one, lw=1.4)
    right.plot(list(control), list(control.values()), color=color["recovered"], ls="-.")
    widths_axis(right, sorted(int(x) for x in variation.width.unique()), 2)
    right.set(ylabel="coefficient of variation", ylim=(0, None))
    handles: dict[str, Any] = noise_names(colors)
    handles["untrained"] = Line2D([], [], color=color["recovered"], ls="-.")
    legend(fig, handles, color, below=True)
    style.set_title(fig, title)
    return fig
