"""What frequency filtration finds, beside what its prior finds by itself."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from modnoise.pages import style
from modnoise.pages.style import Palette

_LINES = {
    # part: name, palette role, dash, marker
    "label_prior": ("label table, no net", "muted", ":", "D"),
    "every_quadratic": ("every frequency, x²", "clean", "--", "s"),
    "G_quadratic": ("dominant frequency, x²", "test", "-", "o"),
    "G_random": ("random frequency, x²", "recovered", "-.", "^"),
    "G": ("dominant frequency, ReLU", "test", "--", "."),
}


def prior_against(frame: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test accuracy against noise: median over seeds as lines, seeds as dots.

    ``frame`` holds rows at the last step with the columns ``part``, ``noise``, ``seed`` and
    ``accuracy_test``; parts that it lacks are not drawn.
    """
    fig, ax = style.panels(style.TALL)
    for part, (name, role, dash, marker) in _LINES.items():
        rows = frame[frame.part == part]
        if rows.empty:
            continue
        median = rows.groupby("noise").accuracy_test.median()
        ax.plot(
            median.index, median, dash, color=color[role], marker=marker, markersize=5, label=name
        )
        ax.plot(rows.noise, rows.accuracy_test, ".", color=color[role], markersize=3, alpha=0.6)
    ax.axhline(chance, color=color["muted"], linewidth=0.8)
    style.accuracy_axis(ax)
    ax.set_xlabel("label noise (share of training labels replaced)")
    ax.set_ylabel("test accuracy")
    ax.annotate(
        style.chance_name(chance), (0.0, chance), xytext=(0, 3), textcoords="offset points",
        fontsize=8, color=color["muted"],
    )  # fmt: skip
    ax.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 0.08))
    style.set_title(fig, title)
    return fig
