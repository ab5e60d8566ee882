"""The figure of the page on speed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.pages.speed import speed_bars
from modnoise.pages.style import themed

ROWS = pd.DataFrame(
    [
        {"what": "one net", "p": 113, "width": 513, "of_bound": 0.875, "over_plain": 5.04},
        {"what": "stack", "p": 59, "width": 17, "of_bound": 1.5, "over_plain": np.nan},
        {"what": "memory", "p": 59, "width": 17, "of_bound": np.nan, "over_plain": np.nan},
        {"what": "scaling", "p": np.nan, "width": np.nan, "of_bound": np.nan},
    ]
)


def test_it_is_readable(assert_readable):
    assert_readable(themed("light", speed_bars, ROWS, title="A title"))


def test_a_bar_is_the_share_of_the_bound_with_what_was_measured_beside_it():
    (ax,) = themed("light", speed_bars, ROWS, title="A title").axes
    assert [bar.get_width() for bar in ax.patches] == [0.875, 1.5]
    assert [x.get_text() for x in ax.texts] == ["88 %, 5.0 × a plain loop", "150 %"]
    assert [x.xy[0] for x in ax.texts] == [1.0, 1.5]  # never across the line of the bound
    names = [x.get_text() for x in ax.get_yticklabels()]
    assert names == ["one net, p = 113, M = 513", "stack, p = 59, M = 17"]
