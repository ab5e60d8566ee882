"""What frequency filtration finds, beside what its prior finds by itself."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from modnoise.arithmetic.figures.lines import parts_against_noise
from modnoise.pages import style
from modnoise.pages.style import Palette

_LINES = {
    # part: name, palette role, dash, marker
    "label_prior": ("label table, no net", "muted", ":", "D"),
    "label_vote": ("vote by residue, no net", "muted", "--", "v"),
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
    parts_against_noise(ax, frame, _LINES, chance=chance, color=color)
    ax.annotate(
        style.chance_name(chance), (0.0, chance), xytext=(0, 3), textcoords="offset points",
        fontsize=8, color=color["muted"],
    )  # fmt: skip
    ax.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 0.08))
    style.set_title(fig, title)
    return fig
