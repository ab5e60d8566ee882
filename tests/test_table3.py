"""Table 3 as text and the region of its first row and its slider, by hand."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from modnoise.transformer import widgets
from modnoise.transformer.table3 import PAPER_TABLE3, gains, like_before, region, table3

SHARES = {  # part: clean, noisy, test
    "full": (1.0, 1.0, 0.75),
    "top": (0.98, 0.4, 0.85),
    "random": (0.3, 0.1, 0.2),
}


def rows(seed=1, step=100, noise=0.1, decay=1.0, shift=0.0, **parts):
    """Last rows of one run: 20 of 56 frequencies, and all of them, which change nothing."""
    made = []
    for part, (clean, noisy, test) in {**SHARES, **parts}.items():
        for kept in (56,) if part == "full" else (20, 56):
            values = SHARES["full"] if kept == 56 and part != "full" else (clean, noisy, test)
            made.append(
                {"part": part, "kept": kept, "draw": 0, "seed": seed, "p": 113, "noise": noise,
                 "weight_decay": decay, "step": step, "steps": 100,
                 "accuracy_clean": values[0], "accuracy_noisy": values[1],
                 "accuracy_test": values[2] + shift}
            )  # fmt: skip
    return pd.DataFrame(made)


def three_seeds():
    return pd.concat([rows(seed=s, shift=x) for s, x in enumerate((-0.01, 0.0, 0.02))])


def test_the_table_holds_the_papers_rows_and_medians_with_their_range():
    table = table3(three_seeds())
    assert list(PAPER_TABLE3.loc["after FF"]) == [0.981, 0.368, 0.878]
    assert table.loc[("paper", "before FF"), "test"] == "76.8%"
    assert table.loc[("ours", "before FF"), "test"] == "75.0% (74.0 to 77.0)"
    assert table.loc[("ours", "after FF: top 20"), "noisy"] == "40.0%"
    assert table.loc[("ours", "control: 20 at random"), "test"] == "20.0% (19.0 to 22.0)"


def test_the_papers_first_row_needs_every_label_fit_and_test_accuracy_in_between():
    found = {
        (1.0, 1.0, 0.6): True,
        (0.99, 0.99, 0.9): True,
        (1.0, 0.98, 0.75): False,
        (0.98, 1.0, 0.75): False,
        (1.0, 1.0, 0.59): False,
        (1.0, 1.0, 0.91): False,
    }
    columns = ["accuracy_clean", "accuracy_noisy", "accuracy_test"]
    frame = pd.DataFrame(list(found), columns=columns)
    assert list(like_before(frame)) == list(found.values())


def test_the_region_names_the_steps_at_which_the_row_is_met():
    course = {10: (0.9, 0.2, 0.1), 20: (1.0, 1.0, 0.4), 40: (1.0, 1.0, 0.7), 80: (1.0, 1.0, 0.8)}
    met = [rows(step=step, full=full) for step, full in course.items()]
    met.append(rows(step=100, full=(1.0, 1.0, 0.95)))
    never = rows(step=100, decay=3.0, full=(0.9, 0.1, 0.9))
    table = region(pd.concat([*met, never]))
    assert list(table.loc[(0.1, 1.0)]) == ["20", "40 to 80", "95.0 %", "85.0 %"]
    assert list(table.loc[(0.1, 3.0)]) == ["–", "–", "90.0 %", "85.0 %"]


def test_gains_are_of_nets_like_the_papers_at_steps_where_ff_was_recorded():
    met, unmet = rows(step=50), rows(step=100, full=(1.0, 1.0, 0.95))
    without_ff = rows(step=70)
    runs = pd.concat([met, unmet, without_ff[without_ff.part == "full"]]).assign(key="one")
    found = gains(runs)
    assert list(found.index) == [("one", 50)]
    assert list(found.iloc[0]) == pytest.approx([-0.02, -0.6, 0.1])


def test_the_slider_starts_at_the_papers_share_and_says_what_ff_does_there():
    made = widgets.recorded_kept(three_seeds(), chance=1 / 113)
    assert made.data["values"] == ["20", "56"]
    assert made.index == 0
    assert made.data["rows"][0]["top frequencies"] == {
        "test": pytest.approx(0.85), "noisy": pytest.approx(0.4), "clean": pytest.approx(0.98)
    }  # fmt: skip
    full = [row["full network"]["test"] for row in made.data["rows"]]
    assert full == pytest.approx([0.75, 0.75])
    numbers = re.findall(r"[-+]?\d+(?:\.\d+)?", made.data["sentences"][0])
    assert numbers == ["20", "56", "85.0", "+10.0", "40.0", "98.0", "20", "20.0"]
