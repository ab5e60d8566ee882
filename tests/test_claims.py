"""Rules on synthetic numbers: one that must confirm, ones that must refute, ones that cannot."""

from __future__ import annotations

import pandas as pd
import pytest

from modnoise.claims import CLAIMS, check

PARTS = {
    # part: (test, noisy) of an ideal net at any noise
    "full": (0.01, 1.0),
    "G": (1.0, 0.0),
    "R": (0.0, 0.9),
    "G_quadratic": (1.0, 0.0),
    "G_random": (0.4, 0.0),
    "G_random_relu": (0.1, 0.0),
    "quadratic": (0.01, 0.95),
    "reverse_relu": (0.02, 0.02),
}


def frame(noises=(0.3, 0.5, 0.8), seeds=(1, 2, 3), **parts):
    """Rows of an ideal net, with some parts replaced; p = 113, so 3 x chance is 2.65 %."""
    rows = [
        {"part": part, "accuracy_test": test, "accuracy_noisy": noisy, "noise": noise,
         "seed": seed, "p": 113, "op": "add", "width": 1025, "steps": 1000, "step": 1000}
        for noise in noises for seed in seeds for part, (test, noisy) in {**PARTS, **parts}.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def changed(rows, part, noise, column, value, seeds=(1, 2, 3)):
    rows = rows.copy()
    where = (rows.part == part) & (rows.noise == noise) & rows.seed.isin(seeds)
    rows.loc[where, column] = value
    return rows


def state(claim, rows, scale="laptop"):
    return check(claim, rows, scale=scale).state


SEPARATIONS = [("R4.1-FF", "G"), ("R4.1-FF-quadratic-part", "G_quadratic"),
               ("D-FF-subtraction", "G")]  # fmt: skip


@pytest.mark.parametrize(("claim", "part"), SEPARATIONS)
def test_separation_is_confirmed_by_ideal_numbers(claim, part):
    assert state(claim, frame()) == "confirmed"


@pytest.mark.parametrize(("claim", "part"), SEPARATIONS)
@pytest.mark.parametrize(
    ("which", "noise", "column", "fine", "broken"),
    [
        ("G", 0.3, "accuracy_test", 0.99, 0.985),
        ("G", 0.5, "accuracy_test", 0.95, 0.945),
        ("G", 0.8, "accuracy_test", 0.95, 0.945),
        ("G", 0.5, "accuracy_noisy", 0.058, 0.06),  # 1/113 + 0.05 = 0.05885
        ("R", 0.8, "accuracy_noisy", 0.5, 0.49),
        ("R", 0.3, "accuracy_test", 0.1, 0.11),
        ("full", 0.8, "accuracy_test", 0.79, 0.81),  # the gain must be 20 points
    ],
)
def test_each_condition_of_a_separation_refutes_alone(
    claim, part, which, noise, column, fine, broken
):
    which = part if which == "G" else which
    assert state(claim, changed(frame(), which, noise, column, fine)) == "confirmed"
    assert state(claim, changed(frame(), which, noise, column, broken)) == "refuted"


def test_the_median_over_seeds_decides():
    one = changed(frame(), "G", 0.8, "accuracy_test", 0.1, seeds=(1,))
    two = changed(one, "G", 0.8, "accuracy_test", 0.1, seeds=(2,))
    assert (state("R4.1-FF", one), state("R4.1-FF", two)) == ("confirmed", "refuted")


def test_a_missing_noise_ratio_or_part_or_too_small_a_scale_is_not_tested():
    assert state("R4.1-FF", frame(noises=(0.3, 0.5))) == "not tested"
    rows = frame()
    assert state("R4.1-FF", rows[rows.part != "R"]) == "not tested"
    verdict = check("R4.1-FF", rows, scale="smoke")
    assert verdict.state == "not tested"
    assert verdict.measured[0] == "smoke scale is too small to tell"


@pytest.mark.parametrize(
    ("part", "column", "fine", "broken"),
    [
        ("quadratic", "accuracy_test", 0.0, -0.02),
        ("quadratic", "accuracy_noisy", 1.0, 1.01),
        ("reverse_relu", "accuracy_noisy", 0.79, 0.81),
        ("reverse_relu", "accuracy_test", 0.0, -0.02),
    ],
)
def test_the_swap_must_keep_the_test_and_lower_the_noise(part, column, fine, broken):
    assert state("R4.1-swap", frame()) == "confirmed"
    assert state("R4.1-swap", changed(frame(), part, 0.5, column, fine)) == "confirmed"
    assert state("R4.1-swap", changed(frame(), part, 0.5, column, broken)) == "refuted"


@pytest.mark.parametrize("claim", ["D-FF-quadratic", "D-FF-clean"])
def test_ff_must_not_lower_the_test_accuracy_at_any_noise(claim):
    assert state(claim, frame()) == "confirmed"
    assert state(claim, changed(frame(), "G", 0.5, "accuracy_test", 0.005)) == "refuted"


def test_no_part_may_find_a_rule_where_all_labels_are_wrong():
    nothing = {part: (0.02, 0.0) for part in ("full", "G", "G_quadratic", "G_random")}
    rows = frame(noises=(0.3, 1.0), **nothing)
    assert state("CONTROL-noise-1", rows) == "confirmed"
    assert state("CONTROL-noise-1", frame()) == "not tested"
    for part in nothing:
        assert state("CONTROL-noise-1", changed(rows, part, 1.0, "accuracy_test", 0.03)) == (
            "refuted"
        )


def test_an_untrained_net_must_stay_near_chance():
    rows = frame(seeds=(1,))
    rows = rows[rows.part == "full"]
    assert state("CONTROL-untrained", rows) == "confirmed"
    assert state("CONTROL-untrained", rows.assign(accuracy_test=0.027)) == "refuted"


def test_the_dominant_frequency_must_beat_a_random_one_by_ten_points():
    assert state("CONTROL-frequency", frame()) == "confirmed"
    close = changed(frame(), "G_random", 0.3, "accuracy_test", 0.91)
    assert state("CONTROL-frequency", close) == "refuted"
    close = changed(frame(), "G_random_relu", 0.8, "accuracy_test", 0.91)
    assert state("CONTROL-frequency", close) == "refuted"


def curves(full_at_20):
    """FF passes 50 % at step 20; the full net has ``full_at_20`` then."""
    rows = []
    for step, g, full in ((0, 0.0, 0.0), (20, 0.6, full_at_20), (40, 0.9, 0.9)):
        for part, test in (("full", full), ("G", g), ("G_quadratic", g)):
            rows.append({"part": part, "step": step, "accuracy_test": test, "p": 113})
    return pd.DataFrame(rows)


def test_ff_leads_only_if_the_full_net_is_still_at_chance():
    assert state("LEAD", curves(0.017)) == "confirmed"
    assert state("LEAD", curves(0.018)) == "refuted"
    assert "step 20" in check("LEAD", curves(0.0), scale="laptop").measured[0]
    never = curves(0.0).assign(accuracy_test=0.3)
    assert state("LEAD", never) == "refuted"


def test_a_verdict_prints_rule_measure_scale_and_setting():
    verdict = check("R4.1-FF", frame(), scale="laptop")
    for text in (str(verdict), verdict._repr_html_()):
        for part in ("confirmed", "laptop", CLAIMS["R4.1-FF"].statement, "p = 113", "3 seeds"):
            assert part in text
    assert 'class="mn-verdict confirmed"' in verdict._repr_html_()
    assert "mn-verdict not-tested" in check("R4.1-FF", frame(), scale="smoke")._repr_html_()


def test_an_unknown_claim_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'R9' is not known.*R4\.1-FF"):
        check("R9", frame(), scale="laptop")
