"""Rules of Table 3 on synthetic numbers: confirmed, refuted, and not to be decided."""

from __future__ import annotations

import pandas as pd
import pytest
from judging import said

from modnoise.judge import check

IDEAL = {
    # part: (clean, noisy, test) of a net as the paper reports it
    "full": (1.0, 1.0, 0.768),
    "top": (0.981, 0.368, 0.878),
    "random": (0.3, 0.1, 0.3),
}
HOPELESS = {"full": (1.0, 1.0, 0.01), "top": (0.5, 0.5, 0.01), "random": (0.1, 0.1, 0.026)}


def frame(seeds=(42, 43, 44), p=113, noise=0.1, step=3000, kept=None, **parts):
    """Rows with 20 of 56 frequencies kept, and rows with all of them, which no rule may read."""
    kept = kept or {113: 20, 59: 10}[p]
    rows = [
        {"part": part, "kept": n, "draw": draw, "accuracy_clean": clean, "accuracy_noisy": noisy,
         "accuracy_test": test, "noise": noise, "seed": seed, "p": p, "step": step, "steps": step}
        for seed in seeds
        for part, (clean, noisy, test) in {**IDEAL, **parts}.items()
        for n in ([p // 2] if part == "full" else [kept, p // 2])
        for draw in range(5 if part == "random" else 1)
    ]  # fmt: skip
    rows = pd.DataFrame(rows)
    everything = (rows.part != "full") & (rows.kept == p // 2)
    rows.loc[everything, ["accuracy_clean", "accuracy_noisy", "accuracy_test"]] = 0.5
    return rows


def state(claim, rows, scale="laptop"):
    return said(check(claim, rows, scale=scale))


@pytest.mark.parametrize("claim", ["T3", "CONTROL-T3-random"])
def test_the_papers_own_row_is_confirmed_with_20_of_56_and_10_of_29(claim):
    assert state(claim, frame()) == "holds"
    assert state(claim, frame(p=59)) == "holds"


@pytest.mark.parametrize(
    ("top", "failing"),
    [
        ((0.981, 0.368, 0.817), "test"),  # 76.8 + 4.9
        ((0.981, 0.71, 0.878), "noisy"),  # 100 - 29
        ((0.949, 0.368, 0.878), "clean"),
    ],
)
def test_each_condition_of_table_3_alone_refutes(top, failing):
    verdict = check("T3", frame(top=top), scale="laptop")
    assert said(verdict) == "fails"
    assert [text.split(":")[0] for text in verdict.measured if "(fails)" in text] == [failing]


def test_bounds_that_are_just_met_confirm():
    assert state("T3", frame(top=(0.95, 0.7, 0.818))) == "holds"


def test_the_median_over_seeds_decides():
    rows = frame()
    rows.loc[(rows.part == "top") & (rows.seed == 42), "accuracy_test"] = 0.1
    assert state("T3", rows) == "holds"
    rows.loc[(rows.part == "top") & (rows.seed == 43), "accuracy_test"] = 0.1
    assert state("T3", rows) == "fails"


@pytest.mark.parametrize("random", [(0.3, 0.1, 0.82), (0.3, 0.1, 0.779)])
def test_random_frequencies_that_help_or_come_near_refute_the_control(random):
    assert state("CONTROL-T3-random", frame(random=random)) == "fails"


@pytest.mark.parametrize("claim", ["T3", "CONTROL-T3-random"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": (42, 43)}, "2 seeds: it takes 3"),
        ({"full": (1.0, 0.98, 0.768)}, "not like the paper's before FF"),
        ({"full": (0.98, 1.0, 0.768)}, "not like the paper's before FF"),
        ({"full": (1.0, 1.0, 0.59)}, "not like the paper's before FF"),
        ({"full": (1.0, 1.0, 0.91)}, "not like the paper's before FF"),
        ({"kept": 19}, "no recorded part"),
    ],
)
def test_what_cannot_say_is_not_tested(claim, changes, said):
    verdict = check(claim, frame(**changes), scale="laptop")
    assert verdict.state == "not tested"
    assert said in verdict.measured[0]


@pytest.mark.parametrize("claim", ["T3", "CONTROL-T3-random"])
def test_the_smoke_scale_is_too_small_to_say(claim):
    assert state(claim, frame(), scale="smoke") == "not tested"


@pytest.mark.parametrize(
    ("claim", "where"),
    [("CONTROL-T3-noise-1", {"noise": 1.0}), ("CONTROL-T3-untrained", {"step": 0})],
)
def test_controls_without_a_rule_are_held_against_three_times_chance(claim, where):
    assert state(claim, frame(**HOPELESS, **where)) == "holds"
    for part in HOPELESS:  # 3/113 is 2.65 %
        lucky = {**HOPELESS, part: (1.0, 1.0, 0.027)}
        assert state(claim, frame(**lucky, **where)) == "fails"
    assert state(claim, frame(**HOPELESS)) == "not tested"
