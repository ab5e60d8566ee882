"""How close the trainers come to the bound."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from modnoise.pages import style
from modnoise.pages.style import Palette


def speed_bars(frame: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Share of the bound, one bar per configuration; how many times a plain loop beside it.

    ``frame``: rows of the benchmark; those with ``of_bound`` are drawn, in their order, with
    ``what``, ``p``, ``width``, ``nets`` and, where measured, ``over_plain``.
    """
    rows = frame[frame.of_bound.notna()]
    fig, ax = style.panels((7.0, 0.3 * len(rows) + 1.2))
    for y, row in enumerate(rows.itertuples()):
        ax.barh(y, row.of_bound, height=0.62, color=color["muted"])
        text = f"{row.of_bound:.0%}".replace("%", " %")
        if pd.notna(row.over_plain):
            text += f", {row.over_plain:.1f} × a plain loop"
        ax.annotate(
            text, (max(row.of_bound, 1.0), y), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=9, color=color["ink"],
        )  # fmt: skip
    names = [f"{r.what}, p = {r.p:.0f}, M = {r.width:.0f}" for r in rows.itertuples()]
    ax.set_yticks(range(len(rows)), names)
    ax.invert_yaxis()
    ax.axvline(1, color=color["ink"], linewidth=0.8)
    ax.set_xlim(0, max(1.0, rows.of_bound.max()) * 1.35)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    ax.set_xlabel("share of the bound: bare products and softmax")
    style.set_title(fig, title)
    return fig
