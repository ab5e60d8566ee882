"""The board of verdicts: a row per page, a column per setting, a mark per verdict."""

from __future__ import annotations

import pandas as pd

from modnoise.pages.board import verdict_board
from modnoise.pages.scorecard import PLACES
from modnoise.pages.style import themed
from modnoise.verdict import STATES

CARD = pd.DataFrame(
    {
        "claim": ["A", "B", "C", "D"],
        "state": ["holds", "contradicted", "not tested", "undecided here"],
        "at": [
            "the paper's setting, first 200 steps",
            "the paper's setting, trained 20 × faster",
            "smaller setting: p = 59",
            "another setting",
        ],
        "page": ["01_a.ipynb", "01_a.ipynb", "02_b.ipynb", "02_b.ipynb"],
        "title": ["short", "short", "a title " * 9, "a title " * 9],
    }
)


def test_it_is_readable(assert_readable):
    assert_readable(themed("light", verdict_board, CARD, title="A title"))


def test_a_verdict_is_a_mark_of_its_state_in_the_row_of_its_page_and_the_column_of_its_setting():
    more = CARD.iloc[[1] * 7].assign(page="02_b.ipynb")
    figure = themed("light", verdict_board, pd.concat([CARD, more]), title="A title")
    (ax,) = figure.axes
    marks = [line for line in ax.lines if line.get_marker() in ("o", "X", "v")]
    found = [(m.get_marker(), int(m.get_xdata()[0]), int(m.get_ydata()[0])) for m in marks]
    # six in a row; of the second page's seven contradicted ones the last is below
    assert found == [
        ("o", 0, 0), ("X", 1, 0), *[("X", 1, 1)] * 6, ("X", 1, 2), ("o", 2, 1), ("v", 2, 1),
    ]  # fmt: skip
    hollow = [m.get_markerfacecolor() == "none" for m in marks]
    assert hollow == [False] * 9 + [True, True]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["01 short", "02 a title a title a title a title …"]
    heads = [label.get_text().replace("\n", " ") for label in ax.get_xticklabels()]
    assert heads == [*PLACES]
    assert len(ax.lines) == len(marks) + 1  # one rule, where another page begins
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [*STATES]
