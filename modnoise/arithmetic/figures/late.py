"""Grokking, much later."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from modnoise.arithmetic.figures.lines import legend
from modnoise.arithmetic.figures.steps import heading, median_curve, step_axis
from modnoise.pages import style
from modnoise.pages.style import Palette


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
            median_curve(ax, rows, "step", "accuracy_test", color=one)
            for key, curve in rows.groupby("key"):
                at = curve[curve.step == grok.get(str(key))]
                ax.plot(at.step, at.accuracy_test, "o", color=one, ms=5)
        ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        ax.set_title(heading("noise", noise))
    style.accuracy_axis(axes[0, 0])
    step_axis(axes[0, 0], "step", True)
    for ax in axes[0]:
        ax.set_xlabel("step")
    axes[0, 0].set_ylabel("test accuracy")
    handles = {
        heading("weight_decay", decay): Line2D([], [], color=one)
        for decay, one in zip(decays, colors, strict=True)
    }
    handles[style.chance_name(chance)] = Line2D([], [], color=color["muted"], lw=0.8)
    legend(fig, handles, color, below=True)
    style.set_title(fig, title)
    return fig
