"""What the gradients of clean and of noisy pairs do to each other."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from modnoise.arithmetic.figures.steps import LINES, heading, median_curve, step_axis
from modnoise.pages import style
from modnoise.pages.style import Palette


def gradient_rates(frame: pd.DataFrame, *, cols: str, title: str, color: Palette) -> Figure:
    """r_n and r_c against step above, cos(g_c, g_n) below, one column per value of ``cols``.

    ``frame`` has ``key``, ``step``, ``r_c``, ``r_n``, ``cos``; rows without them are not drawn.
    """
    across, known = sorted(frame[cols].unique()), frame[frame.cos.notna()]
    fig, axes = style.panels(style.TALL, 2, len(across), sharex=True, sharey="row", squeeze=False)
    for column, value in zip(axes.T, across, strict=True):
        here = known[known[cols] == value]
        for name, role in (("r_c", "clean"), ("r_n", "noisy")):
            median_curve(column[0], here, "step", name, color=color[role], ls=LINES[role])
        median_curve(column[1], here, "step", "cos", color=color["ink"])
        column[0].set_title(heading(cols, value), fontsize=9.5)
        for ax in column:
            ax.axhline(0, color=color["muted"], lw=0.8, zorder=0)
    step_axis(axes[0, 0], "step", False)
    axes[0, 0].set_ylabel("rate per pair")
    axes[1, 0].set_ylabel("cos(g$_c$, g$_n$)")
    for ax in axes[1]:
        ax.set_xlabel("step")
    handles = {
        "r$_c$, clean": Line2D([], [], color=color["clean"], ls=LINES["clean"]),
        "r$_n$, noisy": Line2D([], [], color=color["noisy"], ls=LINES["noisy"]),
        "cosine between the two gradients": Line2D([], [], color=color["ink"]),
    }
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig
