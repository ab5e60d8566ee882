"""All verdicts in one glance."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from modnoise.pages import style
from modnoise.pages.scorecard import PLACES, place
from modnoise.pages.style import Palette

_MARKS = {
    "holds": "o", "holds in part": "o", "contradicted": "X", "undecided here": "v",
    "not tested": "o",
}  # fmt: skip
_ROW = 6  # marks side by side


def verdict_board(card: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """A mark per verdict, in the row of its page and the column of whose setting it is at.

    ``card`` has a page's rows together, as those of `scorecard` have. States differ by mark, not
    by colour alone: a disc holds, a half disc holds in part, a cross is contradicted, an empty
    triangle is undecided here, a ring is not tested.
    """
    where = pd.Series([place(at) for at in card["at"]], index=card.index)
    pages = list(dict.fromkeys(card.page))
    tops, y = [], 0
    fig, ax = style.panels((7.0, 0.26 * len(pages) + 1.3))
    for name in pages:
        tops.append(y)
        lines = 1
        for column, at in enumerate(PLACES):
            some = card[(card.page == name) & (where == at)]
            lines = max(lines, -(-len(some) // _ROW))
            for i, state in enumerate(some.state):
                x = column + 0.13 * (i % _ROW)
                ax.plot(x, y + i // _ROW, **_look(state, color))
        y += lines
    for top in tops[1:]:
        ax.axhline(top - 0.5, color=color["faint"], linewidth=0.8)
    titles = card.drop_duplicates("page").title
    names = [f"{page[:2]} {_short(told)}" for page, told in zip(pages, titles, strict=True)]
    ax.set_yticks(tops, names)
    labels = [at.replace(", ", ",\n").replace(" or ", "\nor ") for at in PLACES]
    ax.set_xticks([column + 0.13 * (_ROW - 1) / 2 for column in range(len(PLACES))], labels)
    ax.xaxis.tick_top()
    ax.set_xlim(-0.1, len(PLACES) - 0.2)
    ax.set_ylim(y - 0.4, -0.6)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    handles = [Line2D([], [], label=state, **_look(state, color)) for state in _MARKS]
    fig.legend(handles=handles, loc="outside lower left", ncols=3, frameon=False)
    style.set_title(fig, title)
    return fig


def _short(text: str, most: int = 34) -> str:
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + " …"


def _look(state: str, color: Palette) -> dict:
    colors = {
        "holds": color["test"], "holds in part": color["partial"],
        "contradicted": color["noisy"], "undecided here": color["muted"],
    }  # fmt: skip
    edge = colors.get(state, color["ink"])
    empty = state in ("undecided here", "not tested")
    look = {
        "marker": _MARKS[state], "linestyle": "", "markersize": 6.5, "color": edge,
        "markerfacecolor": "none" if empty else edge, "markeredgecolor": edge,
        "markeredgewidth": 0.9,
    }  # fmt: skip
    if state == "holds in part":
        look |= {"fillstyle": "left", "markerfacecoloralt": "none"}
    return look
