"""All verdicts on one screen."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from modnoise.pages import style
from modnoise.pages.style import Palette

_MARKS = {"confirmed": "o", "refuted": "X", "not seen here": "v", "not tested": "o"}
_COLUMNS = 4


def verdict_board(card: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """A mark and the claim's name per verdict, in rows under the number of their page.

    ``card`` has a page's rows together, as those of `scorecard` have. States differ by mark, not
    by colour alone: a disc is confirmed, a cross is refuted, an empty triangle is not seen here,
    a ring is not tested.
    """
    places, row = [], -1
    for _, page in card.groupby("page", sort=False):
        row += 1
        places += [(i % _COLUMNS, row + i // _COLUMNS) for i in range(len(page))]
        row = places[-1][1]
    fig, ax = style.panels((7.0, 0.21 * (row + 1) + 0.9))
    for (x, y), one in zip(places, card.itertuples(), strict=True):
        ax.plot(x, y, **_look(one.state, color))
        ink = color["muted" if one.state == "confirmed" else "ink"]
        ax.annotate(
            one.claim, (x, y), xytext=(7, 0), textcoords="offset points", va="center",
            fontsize=7, color=ink,
        )  # fmt: skip
    first = ~card.page.duplicated().to_numpy()
    starts = [y for (_, y), new in zip(places, first, strict=True) if new]
    for y in starts[1:]:
        ax.axhline(y - 0.5, color=color["faint"], linewidth=0.8)
    ax.set_yticks(starts, [name[:2] for name in card.page[first]])
    ax.set_xticks([])
    ax.set_xlim(-0.15, _COLUMNS - 0.1)
    ax.set_ylim(row + 0.6, -0.6)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    handles = [Line2D([], [], label=state, **_look(state, color)) for state in _MARKS]
    fig.legend(handles=handles, loc="outside lower left", ncols=len(handles), frameon=False)
    style.set_title(fig, title)
    return fig


def _look(state: str, color: Palette) -> dict:
    face = "none" if state.startswith("not") else color["ink"]
    return {
        "marker": _MARKS[state], "linestyle": "", "markersize": 6,
        "markerfacecolor": face, "markeredgecolor": color["ink"], "markeredgewidth": 0.9,
    }  # fmt: skip
