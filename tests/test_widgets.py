"""The explorers: what they show is what was computed."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from modnoise.arithmetic import widgets
from modnoise.mnist import widgets as mnist_widgets
from modnoise.pages.colophon import Colophon, statements


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


def numbers(sentence):
    """Every number of a sentence in its order."""
    return re.findall(r"\d+\.\d+", sentence)


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
    assert (made.data["parts"], made.data["roles"]) == (list(PARTS), ["test", "noisy"])


def test_the_sentence_says_what_the_bars_show():
    first, second = widgets.recorded(final_rows(), chance=0.01, parts=PARTS).data["sentences"]
    # full 0.2, filtered 0.25, control 0.1; then 0.6, 0.75, 0.3
    assert numbers(first) == ["20.0", "1.0", "25.0", "10.0"]
    assert "no wrong labels" in first
    assert "part of the rule" in first
    assert numbers(second) == ["90.0", "60.0", "1.0", "75.0", "30.0"]
    best = final_rows().assign(accuracy_test=0.96)
    sentences = widgets.recorded(best, chance=0.01, parts=PARTS).data["sentences"]
    assert "reveals the rule: 96.0 %" in sentences[0]
    assert "hardly matters" in sentences[0]  # the control is as good
    assert "hardly matters" not in first
    none = final_rows().assign(accuracy_test=0.03)
    assert (
        "reveals nothing" in widgets.recorded(none, chance=0.01, parts=PARTS).data["sentences"][0]
    )


def outcome_rows():
    """Two widths, two seeds: the narrow net inverts, the wide one memorizes."""
    common = {"noise": 0.2, "accuracy_clean": 1.0}
    return pd.DataFrame(
        [
            {"width": width, "seed": seed, "accuracy_noisy": noisy,
             "accuracy_recovered": 1 - noisy, "accuracy_test": test + seed / 100,
             "cross_entropy_test": 1.0 + seed, **common}
            for width, noisy, test in ((33, 0.0, 0.94), (257, 1.0, 0.5))
            for seed in (0, 2)
        ]
    )  # fmt: skip


def test_a_slider_over_widths_has_a_bar_per_role_and_says_what_the_net_does():
    made = widgets.recorded_roles(outcome_rows(), chance=1 / 59)
    assert (made.data["axis"], made.data["values"]) == ("width M", ["33", "257"])
    narrow, wide = made.data["rows"]
    # a stored notebook sorts objects by name: lists hold the order
    assert made.data["parts"] == ["clean", "noisy, given label", "noisy, true label", "test"]
    assert made.data["roles"] == ["clean", "noisy", "recovered", "test"]
    assert [list(narrow[part]) for part in made.data["parts"]] == [[x] for x in made.data["roles"]]
    assert narrow["test"]["test"] == pytest.approx(0.95)
    assert wide["noisy, true label"]["recovered"] == pytest.approx(0.0)
    inverted, memorized = made.data["sentences"]
    assert numbers(inverted) == ["0.0", "95.0", "2.00", "1.7", "4.08"]
    assert "does not fit" in inverted
    assert inverted.endswith("full inversion.")
    assert numbers(memorized)[:2] == ["100.0", "51.0"]
    assert "does not fit" not in memorized
    assert memorized.endswith("memorization.")


def test_a_slider_over_noise_ratios_knows_that_clean_labels_leave_nothing_to_fit():
    rows = outcome_rows().assign(width=65)
    rows["noise"] = [0.0, 0.0, 0.2, 0.2]
    rows.loc[rows.noise == 0, ["accuracy_noisy", "accuracy_recovered"]] = float("nan")
    made = widgets.recorded_roles(rows, chance=1 / 59, by="noise")
    assert (made.data["axis"], made.data["values"]) == ("label noise", ["0%", "20%"])
    assert made.data["rows"][0]["noisy, given label"] == {"noisy": None}
    assert numbers(made.data["sentences"][0])[0] == "95.0"
    assert "no wrong labels" in made.data["sentences"][0]
    assert made.data["sentences"][0].endswith("coexistence.")


def test_the_text_form_has_no_address_so_that_it_can_be_compared():
    made = widgets.recorded(final_rows(), chance=0.01, parts=PARTS)
    assert repr(made) == "Recorded(label noise: 0%, 50%)"


def test_a_part_that_the_sentence_needs_is_asked_for():
    with pytest.raises(ValueError, match="lacks.*G_random"):
        widgets.recorded(final_rows(), chance=0.01, parts=("full", "G_quadratic"))


def test_statements_and_colophon_read_the_same_without_html():
    made = statements({"one is one": True, "a < b": 0 > 1})
    assert repr(made) == "holds: one is one\nFAILS: a < b"
    assert "a &lt; b" in made._repr_html_()
    assert repr(Colophon({"torch": "2", "commit": "abc"})) == "torch 2 · commit abc"


def pruned_rows(noisy=0.5):
    """Half of a net's four neurons by IPR know the rule, at a quarter of the noise."""
    return pd.DataFrame(
        [
            {"order": order, "kept": kept, "gamma": i / 4, "accuracy_test": test,
             "accuracy_noisy": noisy * i / 4}
            for order, kept, tests in (
                ("IPR", "best", (0.0, 0.4, 0.8, 0.7, 0.6)),
                ("IPR", "worst", (0.0, 0.0, 0.1, 0.3, 0.6)),
                ("random", "best", (0.0, 0.1, 0.2, 0.4, 0.6)),
                ("random", "worst", (0.0, 0.1, 0.2, 0.4, 0.6)),
            )
            for i, test in enumerate(tests)
        ]
    )  # fmt: skip


def test_a_slider_over_the_share_kept_shows_both_ends_and_the_control():
    made = widgets.recorded_pruning(pruned_rows(), score="IPR", chance=0.01)
    assert (made.data["axis"], made.data["roles"]) == ("share kept", ["test", "noisy"])
    assert made.data["values"] == ["0%", "25%", "50%", "75%", "100%"]
    half = made.data["rows"][2]
    assert half == {
        "best by IPR": {"test": 0.8, "noisy": 0.25},
        "worst by IPR": {"test": 0.1, "noisy": 0.25},
        "random order": {"test": 0.2, "noisy": 0.25},
    }
    assert re.findall(r"\d+(?:\.\d+)?", made.data["sentences"][2]) == [
        "50", "80.0", "25.0", "20.0", "60.0"
    ]  # fmt: skip
    clean = widgets.recorded_pruning(pruned_rows(float("nan")), score="IPR", chance=0.01)
    assert "know" not in clean.data["sentences"][1]
    assert clean.data["rows"][1]["best by IPR"]["noisy"] is None


def test_a_slider_over_many_neurons_stops_at_sixteenths():
    fine = pd.concat(
        pruned_rows()[lambda x: x.gamma == 1].assign(gamma=i / 128) for i in range(129)
    )
    made = widgets.recorded_pruning(fine, score="IPR", chance=0.01)
    assert made.data["values"] == [f"{i / 16:.0%}" for i in range(17)]


def epoch_rows() -> pd.DataFrame:
    """Two epochs, three seeds; medians by hand: noisy 0.10 and 0.6, null 0.08 and 0.05."""
    shares = {
        0: {"clean": 0.1, "noisy": 0.10, "null": 0.08, "test": 0.2},
        1: {"clean": 0.8, "noisy": 0.60, "null": 0.05, "test": 0.7},
    }
    return pd.DataFrame(
        {
            "step": step,
            "seed": seed,
            "accuracy_clean": one["clean"] + off,
            "accuracy_noisy": one["noisy"] + off,
            "null_exact": one["null"] + off,
            "accuracy_test": one["test"] + off,
        }
        for step, one in shares.items()
        for seed, off in enumerate((-0.05, 0.0, 0.01))
    )


def test_epochs_are_walked_beside_a_predictor_blind_to_the_wrong_labels():
    made = mnist_widgets.recorded_epochs(epoch_rows(), chance=0.1)
    assert (made.data["axis"], made.data["values"]) == ("epoch", ["0", "1"])
    assert made.data["roles"] == ["clean", "noisy", "test"]
    assert made.data["rows"][1] == {
        "right labels": {"clean": pytest.approx(0.8)},
        "wrong labels": {"noisy": pytest.approx(0.6)},
        "blind to the wrong labels": {"noisy": pytest.approx(0.05)},
        "test images": {"test": pytest.approx(0.7)},
    }
    assert made.data["sentences"] == [
        "After 0 epochs the net knows 10.0 % of its wrong labels and 10.0 % of the right ones "
        "(medians of 3 seeds). A predictor as good that is blind to the wrong labels hits 8.0 % "
        "of them by accident, so +2.0 points are memory.",
        "After 1 epoch the net knows 60.0 % of its wrong labels and 80.0 % of the right ones "
        "(medians of 3 seeds). A predictor as good that is blind to the wrong labels hits 5.0 % "
        "of them by accident, so +55.0 points are memory.",
    ]
