"""The board of verdicts: one line each, a mark in the column of its state."""

from __future__ import annotations

import pandas as pd
import pytest

from modnoise.pages.board import verdict_board
from modnoise.pages.style import themed

CARD = pd.DataFrame(
    {
        "claim": ["A", "B", "C", "D"],
        "statement": ["short", "a statement " * 9, "third", "fourth"],
        "state": ["confirmed", "refuted", "not tested", "not seen here"],
        "tally": ["4 of 4", "0 of 4", "not tested", "1 of 2"],
        "page": ["01_a.ipynb", "01_a.ipynb", "02_b.ipynb", "02_b.ipynb"],
    }
)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_draws_in_both_themes(theme, assert_readable):
    assert_readable(themed(theme, verdict_board, CARD, title="A title"))


def test_a_verdict_is_a_mark_of_its_state_with_its_name_in_the_rows_of_its_page():
    more = CARD.iloc[[1] * 4].assign(page="02_b.ipynb", claim=list("EFGH"))
    figure = themed("light", verdict_board, pd.concat([CARD, more]), title="A title")
    (ax,) = figure.axes
    marks = [line for line in ax.lines if line.get_marker() in ("o", "X", "v")]
    places = [(int(m.get_xdata()[0]), int(m.get_ydata()[0])) for m in marks]
    # four in a row; the second page begins a row of its own and goes on in a third
    assert places == [(0, 0), (1, 0), (0, 1), (1, 1), (2, 1), (3, 1), (0, 2), (1, 2)]
    assert [m.get_marker() for m in marks] == list("oXovXXXX")
    assert [m.get_markerfacecolor() == "none" for m in marks[:4]] == [False, False, True, True]
    assert [text.get_text() for text in ax.texts] == list("ABCDEFGH")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["01", "02"]
    assert list(ax.get_yticks()) == [0, 1]
    assert len(ax.lines) == len(marks) + 1  # one rule, where another page begins
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["confirmed", "refuted", "not seen here", "not tested"]
