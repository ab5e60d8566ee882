"""The explorers: what they show is what was computed."""

from __future__ import annotations

import pandas as pd
import pytest

from modnoise import widgets
from modnoise.experiments import base_run
from modnoise.pages import Colophon, statements


def final_rows():
    """Two noise ratios, two seeds; medians by hand: test of full 0.2 and 0.6, noisy NaN at 0."""
    rows = []
    for noise, seeds in ((0.0, (0.1, 0.3)), (0.5, (0.5, 0.7))):
        for seed, test in enumerate(seeds):
            for part, factor in (("full", 1.0), ("G_quadratic", 1.25), ("G_random", 0.5)):
                noisy = float("nan") if noise == 0 else 0.9
                rows.append(
                    {
                        "noise": noise,
                        "seed": seed,
                        "part": part,
                        "accuracy_test": test * factor,
                        "accuracy_noisy": noisy,
                    }
                )
    return pd.DataFrame(rows)


PARTS = ("full", "G_quadratic", "G_random")


def test_the_slider_walks_through_medians_over_seeds():
    made = widgets.recorded(final_rows(), chance=0.01, parts=PARTS)
    assert made.data["values"] == ["0%", "50%"]
    assert made.data["rows"][0]["full"] == {"test": pytest.approx(0.2), "noisy": None}
    assert made.data["rows"][1]["full"]["test"] == pytest.approx(0.6)
    assert made.data["rows"][1]["G_quadratic"] == {
        "test": pytest.approx(0.75),
        "noisy": pytest.approx(0.9),
    }
    assert 0 <= made.index < 2


def test_the_text_form_has_no_address_so_that_it_can_be_compared():
    made = widgets.recorded(final_rows(), chance=0.01, parts=PARTS)
    assert repr(made) == "Recorded(label noise: 0%, 50%)"


def test_a_part_that_the_sentence_needs_is_asked_for():
    with pytest.raises(ValueError, match="lacks.*G_random"):
        widgets.recorded(final_rows(), chance=0.01, parts=("full", "G_quadratic"))


def test_pressing_train_trains_what_the_controls_say():
    made = widgets.explore("smoke", width=33, steps=20)
    made.noise.value, made.seed.value = 0.5, 7
    made.button.click()
    expected = base_run("smoke", noise=0.5, width=33, steps=20, seed=7)
    assert made.trained is not None
    assert int((made.trained.table.role == 1).sum()) == round(0.5 * expected.n_train)
    full = made.trained.history.query("part == 'full' and step == 20").iloc[0]
    assert f"<td>{full.accuracy_clean:.1%}</td>" in made.table.value
    assert "step 20 of 20" in made.table.value
    assert "<th>G_random</th>" in made.table.value
    assert made.progress.value == 20
    assert not made.button.disabled


def test_statements_and_colophon_read_the_same_without_html():
    made = statements({"one is one": True, "a < b": 0 > 1})
    assert repr(made) == "holds: one is one\nFAILS: a < b"
    assert "a &lt; b" in made._repr_html_()
    assert repr(Colophon({"torch": "2", "commit": "abc"})) == "torch 2 · commit abc"
