"""Grokking, much later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from modnoise.arithmetic.figures.lines import legend
from modnoise.arithmetic.figures.steps import heading, median_curve, step_axis
from modnoise.pages import style
from modnoise.pages.style import Palette


def grokking(
    frame: pd.DataFrame, *, chance: float, grok: Mapping[str, float], title: str, color: Palette
) -> Figure:
    """Test accuracy against step: rows are optimizers, columns noise ratios, lines weight decays.

    ``frame`` has ``key``, ``optimizer``, ``noise``, ``weight_decay``, ``step``, ``accuracy_test``.
    ``grok`` says, per ``key``, at which step to put a dot.
    """
    levels, names = sorted(frame.noise.unique()), sorted(frame.optimizer.unique())
    fig, axes = style.panels(
        (7.0, 1.1 + 1.35 * len(names)), len(names), len(levels),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    drawn = frame[frame.step >= 1]
    for line, name in zip(axes, names, strict=True):
        here = drawn[drawn.optimizer == name]
        decays = sorted(here.weight_decay.unique())
        colors = dict(
            zip(decays, style.ordered_colors(len(decays), "cividis", color), strict=True)
        )
        for ax, noise in zip(line, levels, strict=True):
            _by_decay(ax, here[here.noise == noise], colors, grok)
            ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
            if ax in axes[0]:
                ax.set_title(heading("noise", noise), fontsize=9.5)
            if not (here.noise == noise).any():
                ax.text(0.5, 0.5, "not recorded", transform=ax.transAxes, ha="center",
                        fontsize=8.5)  # fmt: skip
        lines = [Line2D([], [], color=one) for one in colors.values()]
        line[-1].legend(lines, [heading("weight_decay", x) for x in decays], frameon=False,
                        fontsize=8.5, loc="center left", bbox_to_anchor=(1.0, 0.5))  # fmt: skip
        line[0].set_ylabel(heading("optimizer", name), fontsize=9.5)
    style.accuracy_axis(axes[0, 0])
    step_axis(axes[0, 0], "step", True)
    axes[0, 0].xaxis.set_major_locator(LogLocator(numticks=3))
    for ax in axes[-1]:
        ax.set_xlabel("step")
    handles = {style.chance_name(chance): Line2D([], [], color=color["muted"], lw=0.8)}
    legend(fig, handles, color, below=True)
    style.set_title(fig, title)
    return fig


def _by_decay(
    ax: Axes, rows: pd.DataFrame, colors: Mapping[float, Any], grok: Mapping[str, float]
) -> None:
    for decay, one in colors.items():
        nets = rows[rows.weight_decay == decay]
        median_curve(ax, nets, "step", "accuracy_test", color=one)
        for key, curve in nets.groupby("key"):
            at = curve[curve.step == grok.get(str(key))]
            ax.plot(at.step, at.accuracy_test, "o", color=one, ms=5)
