"""What tells a trained net from a network that learned no features."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from modnoise.pages import style
from modnoise.pages.style import Palette

_UNRELATED = np.pi**2 / 3
"""Phase MSE of unrelated angles, rad^2."""


def gap(table: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Medians of trained and of frozen networks per measure, a panel per noise ratio.

    ``table``: `claims.lazy.gap_table`, with ``noise``, ``measure``, ``trained``, ``frozen`` and
    ``apart``. The Phase MSE is drawn in units of that of unrelated angles, pi^2 / 3; the line
    between two dots is solid where the measure tells the networks apart.
    """
    noises = sorted(table.noise.unique())
    fig, axes = style.panels(style.TALL, len(noises), sharey=True)
    for ax, noise in zip(np.atleast_1d(axes), noises, strict=True):
        rows = table[table.noise == noise].reset_index(drop=True)
        unit = np.where(rows.measure.str.startswith("Phase MSE"), _UNRELATED, 1.0)
        height = -np.arange(len(rows))
        for y, row, by in zip(height, rows.itertuples(), unit, strict=True):
            ends = [row.trained / by, row.frozen / by]
            ax.plot(ends, [y, y], color=color["muted"], lw=1.5, ls="-" if row.apart else ":")
        ax.plot(rows.trained / unit, height, "o", color=color["test"], label="trained")
        ax.plot(rows.frozen / unit, height, "D", color=color["noisy"], label="frozen")
        names = [x.replace("Phase MSE, rad²", "Phase MSE / chance") for x in rows.measure]
        ax.set_yticks(height, names)
        ax.set_xlim(-0.05, 1.1)
        ax.xaxis.set_major_formatter(PercentFormatter(1.0, 0, ""))
        ax.set_xlabel("%")
        ax.set_title(f"noise {noise:g}")
    np.atleast_1d(axes)[0].legend(frameon=False, fontsize=9, loc="lower right")
    style.set_title(fig, title)
    return fig
