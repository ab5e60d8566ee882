"""All verdicts on one screen."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from modnoise.figures import style
from modnoise.figures.style import Palette

_MARKS = {"confirmed": "o", "refuted": "X", "not tested": "o"}
_LETTERS = 58


def verdict_board(card: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """One line per verdict: page, claim, statement, a mark in the column of its state.

    ``card`` is `modnoise.scorecard.read`'s. States differ by column and mark, not by colour;
    beside a mark stands how many conditions hold.
    """
    fig, ax = style.panels((7.0, 0.21 * len(card) + 0.9))
    for y, row in enumerate(card.itertuples()):
        x = list(_MARKS).index(row.state)
        face = "none" if row.state == "not tested" else color["ink"]
        ax.plot(x, y, _MARKS[row.state], markersize=6, mfc=face, mec=color["ink"], mew=0.9)
        if row.state != "not tested":
            ax.annotate(
                row.tally, (x, y), xytext=(8, 0), textcoords="offset points", va="center",
                fontsize=7.5, color=color["muted"],
            )  # fmt: skip
        if y and card.page.iloc[y] != card.page.iloc[y - 1]:
            ax.axhline(y - 0.5, color=color["faint"], linewidth=0.8)
    texts = [f"{row.page[:2]}  {_cut(row.statement)}  ({row.claim})" for row in card.itertuples()]
    ax.set_yticks(range(len(card)), texts, fontsize=7.5)
    ax.set_xticks(range(len(_MARKS)), list(_MARKS))
    ax.xaxis.tick_top()
    ax.set_xlim(-0.4, len(_MARKS) - 0.6)
    ax.set_ylim(len(card) - 0.4, -0.6)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    style.set_title(fig, title)
    return fig


def _cut(text: str) -> str:
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1].rstrip() + "…"
