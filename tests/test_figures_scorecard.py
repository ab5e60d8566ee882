"""The board of verdicts: one line each, a mark in the column of its state."""

from __future__ import annotations

import pandas as pd
import pytest

from modnoise.figures import verdict_board
from modnoise.figures.style import themed

CARD = pd.DataFrame(
    {
        "claim": ["A", "B", "C"],
        "statement": ["short", "a statement " * 9, "third"],
        "state": ["confirmed", "refuted", "not tested"],
        "tally": ["4 of 4", "0 of 4", "not tested"],
        "page": ["01_a.ipynb", "01_a.ipynb", "02_b.ipynb"],
    }
)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_draws_in_both_themes(theme, assert_readable):
    assert_readable(themed(theme, verdict_board, CARD, title="A title"))


def test_a_verdict_is_a_mark_in_the_column_of_its_state_with_its_tally():
    (ax,) = themed("light", verdict_board, CARD, title="A title").axes
    marks = [line for line in ax.lines if line.get_marker() in "oX"]
    assert [(int(m.get_xdata()[0]), int(m.get_ydata()[0])) for m in marks] == [
        (0, 0),
        (1, 1),
        (2, 2),
    ]
    assert [m.get_marker() for m in marks] == ["o", "X", "o"]
    assert marks[2].get_markerfacecolor() == "none"
    assert [text.get_text() for text in ax.texts] == ["4 of 4", "0 of 4"]
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[0] == "01  short  (A)"
    assert names[1].startswith("01  a statement a")
    assert names[1].endswith("…  (B)")
    assert len(names[1]) < 70
    assert len(ax.lines) == 4  # one rule, where another page begins
