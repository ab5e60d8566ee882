"""Rules about phases, frequencies and ranked neurons, on numbers that must confirm or refute."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from judging import said

from modnoise.arithmetic.claims import partitioning, phases
from modnoise.judge import check
from modnoise.studies import CLAIMS

IDS = [claim.id for section in (phases, partitioning) for claim in section.CLAIMS]
NOISES = (0.0, 0.1, 0.2, 0.3, 0.5)
SEEDS = (42, 43, 44)


def rows(ops=("add", "sub"), noises=NOISES, widths=(513,), seeds=SEEDS, **changed):
    """Last rows of nets on which every claim holds; ``changed`` replaces or sets columns.

    A value of ``changed`` may be a function of the frame.
    """
    frame = pd.DataFrame(
        [
            {"op": op, "noise": noise, "width": width, "seed": seed}
            for op, noise, width, seed in itertools.product(ops, noises, widths, seeds)
        ]
    )
    gain = 0.1 * frame.noise
    fields = {
        "part": "full", "p": 59, "act": "relu", "weight_decay": 1.0, "step": 4000, "steps": 4000,
        "phase_mse": 1 + frame.noise, "phase_mse_weighted": 0.1 + 0.5 * frame.noise,
        "coherence": 0.9, "coherence_dominant": 0.99, "coherence_other": 0.3, "covered": 1.0,
        "norm_cv": 1 / frame.width, "ipr_strength": 0.7, "periodic": 400 * (1 - frame.noise),
        "accuracy_test": 0.8, "ff": 0.8 + 4 * gain,
    }  # fmt: skip
    for score, better in (("strength", 0.05), ("ipr", 0.0), ("random", -0.02)):
        fields |= {
            f"{score}_test": 0.8 + gain + better, f"{score}_ff": 0.79,
            f"{score}_gamma_g": 0.6 - 0.5 * frame.noise, f"{score}_gamma_r": 0.4,
            f"{score}_gamma_r99": 0.3,
        }  # fmt: skip
    # D1 is 0.05 + gain at most, D2/2 is 2 gain: half of D2 is reached from noise 0.5 on only
    fields |= {"strength_test": 0.8 + gain + 0.01} if ops != ("mul",) else {}
    frame = frame.assign(**fields)
    return frame.assign(**changed)


def at(frame, noise, column, value, op=None):
    """The frame with one column changed at one noise ratio, and operation if given."""
    here = np.isclose(frame.noise, noise)
    if op:
        here &= frame.op == op
    return frame.assign(**{column: frame[column].where(~here, value)})


def verdict(claim, frame, scale="laptop"):
    return check(claim, frame, scale=scale)


def state(claim, frame, scale="laptop"):
    return said(verdict(claim, frame, scale))


def untrained(**changed):
    chance = np.pi**2 / 3
    fields = {"step": 0, "steps": 0, "phase_mse": chance, "phase_mse_weighted": chance}
    return rows(ops=("add",), noises=(0.3,), **(fields | {"coherence": 0.01} | changed))


GOOD = {
    "R4.1-phase": rows(),
    "D3-noise": rows(),
    "CONTROL-phase": untrained(),
    "COHERENCE": rows(),
    "D4": pd.concat([rows(), rows(ops=("add",), widths=(17, 33, 65, 129), seeds=(42,))]),
    "R5.1": rows(),
    "R5.2": rows(ops=("add",)),
    "R5.3": rows(),
    "E1-multiplication": rows(ops=("mul",)),
    "E1-logarithm": rows(ops=("mul",), ipr_log_test=lambda f: f.ipr_test + f.noise / 3),
}
EACH = pytest.mark.parametrize("claim", GOOD)


def test_every_claim_of_the_section_is_tested_here_and_known_by_its_id():
    assert list(GOOD) == IDS
    assert set(GOOD) <= set(CLAIMS)


@EACH
def test_the_numbers_of_the_paper_confirm(claim):
    assert state(claim, GOOD[claim]) == "holds", verdict(claim, GOOD[claim])


@EACH
def test_smoke_scale_is_too_small_to_say(claim):
    assert state(claim, GOOD[claim], scale="smoke") == "not tested"


@EACH
def test_nets_of_two_moduli_or_two_decays_are_not_mixed(claim):
    for name, other in (("p", 23), ("weight_decay", 3.0)):
        with pytest.raises(ValueError, match=f"needs one {name}"):
            check(
                claim,
                pd.concat([GOOD[claim], GOOD[claim].assign(**{name: other})]),
                scale="laptop",
            )


@pytest.mark.parametrize("claim", [x for x in GOOD if x not in ("D4", "CONTROL-phase")])
def test_narrow_nets_are_not_tested(claim):
    ops = tuple(GOOD[claim].op.unique())
    for width, expected in ((471, "not tested"), (472, "holds")):  # 8 * 59 = 472
        frame = rows(ops=ops, widths=(width,)).assign(ipr_log_test=1.0)
        assert state(claim, frame) == expected


@pytest.mark.parametrize("claim", ["R4.1-phase", "D3-noise", "D4", "R5.1", "R5.3"])
def test_addition_alone_is_not_enough(claim):
    assert state(claim, rows(ops=("add",))) == "not tested"
    assert "no wide net with op = sub" in verdict(claim, rows(ops=("add",))).measured[0]


@pytest.mark.parametrize(
    ("claim", "column"),
    [
        ("R4.1-phase", "phase_mse"),
        ("D3-noise", "phase_mse_weighted"),
        ("CONTROL-phase", "coherence"),
        ("COHERENCE", "coherence_other"),
        ("D4", "covered"),
        ("D4", "norm_cv"),
        ("R5.1", "periodic"),
        ("R5.2", "ipr_gamma_r99"),
        ("R5.3", "random_test"),
        ("E1-multiplication", "ipr_test"),
        ("E1-logarithm", "ipr_log_test"),
    ],
)
def test_what_is_not_recorded_is_not_tested(claim, column):
    good = GOOD[claim]
    assert state(claim, good.drop(columns=column)) == "not tested"
    text = verdict(claim, good.assign(**{column: np.nan})).measured[0]
    assert text == f"{column} is not recorded for every net"


@pytest.mark.parametrize(("value", "expected"), [(0.3289, "holds"), (0.3291, "fails")])
@pytest.mark.parametrize("noise", [0.0, 0.2, 0.3])
def test_a_tenth_of_chance_is_the_bound_of_the_weighted_phase_mse(noise, value, expected):
    frame = at(rows(), noise, "phase_mse_weighted", value, op="sub")  # pi^2 / 30 = 0.32899
    assert state("R4.1-phase", frame) == expected


def test_phases_above_noise_0_3_do_not_count_and_both_0_1_and_0_3_must_be_there():
    assert state("R4.1-phase", at(rows(), 0.5, "phase_mse_weighted", 3.0)) == "holds"
    assert state("R4.1-phase", rows(noises=(0.0, 0.1, 0.2))) == "not tested"


@pytest.mark.parametrize("column", ["phase_mse", "phase_mse_weighted"])
def test_the_phase_mse_may_swap_neighbours_once_among_five(column):
    # ranks 1 2 4 3 5: Spearman 1 - 6 * 2 / 120 = 0.9; 1 4 3 2 5: 1 - 6 * 8 / 120 = 0.6
    def ranked(*ranks):
        return rows(**{column: lambda f: f.noise.map(dict(zip(NOISES, ranks, strict=True)))})

    assert state("D3-noise", ranked(1, 2, 4, 3, 5)) == "holds"
    assert state("D3-noise", ranked(1, 4, 3, 2, 5)) == "fails"
    assert state("D3-noise", ranked(1, 1, 1, 1, 1)) == "fails"  # constant
    assert state("D3-noise", rows(noises=(0.1, 0.3, 0.5))) == "not tested"


def test_the_control_wants_chance_before_the_first_step():
    assert state("CONTROL-phase", untrained(step=4000)) == "not tested"
    assert state("CONTROL-phase", untrained(phase_mse=2.75)) == "fails"  # 0.85 * 3.29 = 2.796
    assert state("CONTROL-phase", untrained(phase_mse_weighted=2.75)) == "fails"
    assert state("CONTROL-phase", untrained(phase_mse=2.85)) == "holds"
    assert state("CONTROL-phase", untrained(coherence=-0.11)) == "fails"


@pytest.mark.parametrize(("value", "expected"), [(0.2, "holds"), (0.19, "fails")])
def test_the_coherence_elsewhere_must_be_a_fifth_at_every_noise(value, expected):
    assert state("COHERENCE", at(rows(), 0.5, "coherence_other", value, op="add")) == expected


def test_one_net_with_one_missing_frequency_is_against_the_cover():
    good = GOOD["D4"].reset_index(drop=True)
    frame = good.assign(covered=good.covered.mask(good.index == 3, 28 / 29))
    assert state("D4", frame) == "fails"
    assert "100.0 (96.6 to 100.0) %" in verdict("D4", frame).measured[1]
    narrow = good.assign(covered=good.covered.mask(good.width < 472, 0.5))
    assert state("D4", narrow) == "holds"


def test_the_row_norms_must_even_out_at_every_noise_with_a_ladder():
    good = GOOD["D4"]
    assert len(verdict("D4", good).measured) == 15  # two operations and a ladder, five ratios
    for noise in NOISES:
        rising = good.assign(norm_cv=good.norm_cv.where(good.noise != noise, good.width))
        assert state("D4", rising) == "fails"
    one = good[(good.noise != 0.2) | (good.width == 513)]
    assert len(verdict("D4", one).measured) == 14
    assert state("D4", good[good.width > 33]) == "not tested"  # three widths
    assert verdict("D4", rows()).measured == ("no noise ratio with a ladder of widths",)


@pytest.mark.parametrize(("value", "expected"), [(0.6, "holds"), (0.59, "fails")])
@pytest.mark.parametrize("noise", [0.1, 0.3, 0.5])
def test_ipr_and_strength_must_correlate(noise, value, expected):
    assert state("R5.1", at(rows(), noise, "ipr_strength", value, op="sub")) == expected


def test_periodic_neurons_must_become_fewer():
    assert state("R5.1", at(rows(), 0.5, "periodic", 500, op="add")) == "fails"
    assert state("R5.1", at(rows(), 0.0, "ipr_strength", 0.0)) == "holds"  # clean: no matter
    assert state("R5.1", rows(noises=(0.0, 0.1, 0.2, 0.5))) == "not tested"  # 0.3 is missing


@pytest.mark.parametrize("score", ["strength", "ipr"])
def test_the_two_shares_must_not_overlap(score):
    good = GOOD["R5.2"]
    name = f"{score}_gamma_r"  # gamma_g is 0.45 at noise 0.3
    assert state("R5.2", at(good, 0.3, name, 0.55)) == "holds"
    assert state("R5.2", at(good, 0.3, name, 0.56)) == "fails"
    assert state("R5.2", at(good, 0.0, name, np.nan)) == "holds"  # no noise, no gamma_r
    assert state("R5.2", at(good, 0.1, f"{score}_gamma_g", 0.2)) == "fails"  # not falling
    assert state("R5.2", rows(ops=("sub",))) == "not tested"


def test_every_wide_width_is_asked_for_its_shares():
    two = pd.concat([GOOD["R5.2"], rows(ops=("add",), widths=(1025,), ipr_gamma_r=0.9)])
    assert state("R5.2", two) == "fails"
    assert any("M = 1025" in text and "fails" in text for text in verdict("R5.2", two).measured)


@pytest.mark.parametrize(
    ("noise", "column", "fine", "broken"),
    [
        (0.0, "strength_test", 0.8, 0.799),  # D1 >= 0
        (0.2, "ipr_ff", 0.88, 0.89),  # D3 >= 0: FF of the full net has 0.88
        (0.3, "ff", 0.88, 0.87),  # D1 is 0.04 by strength
        (0.5, "random_test", 0.845, 0.855),  # D1 by IPR is 0.05
    ],
)
@pytest.mark.parametrize("op", ["add", "sub"])
def test_selection_helps_less_than_half_of_ff_and_more_than_chance(
    op, noise, column, fine, broken
):
    assert state("R5.3", at(rows(), noise, column, fine, op)) == "holds"
    assert state("R5.3", at(rows(), noise, column, broken, op)) == "fails"


def test_below_noise_0_3_selection_may_be_no_better_than_random():
    assert state("R5.3", at(rows(), 0.2, "random_test", 0.95)) == "holds"
    assert state("R5.3", rows(noises=(0.0, 0.1, 0.3))) == "not tested"  # 0.5 is missing


def test_differences_are_paired_by_seed():
    shift = pd.Series({42: 0.0, 43: 0.1, 44: -0.1})
    frame = rows()
    moved = {
        name: frame[name] + frame.seed.map(shift)
        for name in frame
        if name == "ff" or name.endswith(("_test", "_ff"))
    }
    assert state("R5.3", frame.assign(**moved)) == "holds"


def test_strength_must_lead_by_two_points_at_most_noise_ratios():
    good = GOOD["E1-multiplication"]  # leads by 5 points
    for noises, expected in (((0.1,), "holds"), ((0.1, 0.2), "fails")):
        frame = good
        for noise in noises:
            frame = at(frame, noise, "ipr_test", good.strength_test - 0.01)
        assert state("E1-multiplication", frame) == expected, noises
    assert state("E1-multiplication", good.assign(ipr_test=good.strength_test - 0.02)) == "holds"
    # leads of 1, 20 and 1 points by seed: their median counts, not the difference of medians
    uneven = {"strength_test": (0.9, 0.8, 0.7), "ipr_test": (0.89, 0.6, 0.69)}
    frame = good.assign(
        **{name: good.seed.map(dict(zip(SEEDS, x, strict=True))) for name, x in uneven.items()}
    )
    assert state("E1-multiplication", frame) == "fails"
    assert state("E1-multiplication", rows(ops=("mul",), noises=(0.0, 0.1, 0.3))) == "not tested"
    assert state("E1-multiplication", rows(ops=("add",))) == "not tested"


def test_the_logarithm_must_lead_by_ten_points_at_noise_0_3_and_nowhere_lag():
    good = GOOD["E1-logarithm"]  # leads by 10 points at 0.3, by 3.3 at 0.1
    assert state("E1-logarithm", at(good, 0.3, "ipr_log_test", good.ipr_test + 0.09)) == "fails"
    assert state("E1-logarithm", at(good, 0.1, "ipr_log_test", good.ipr_test)) == "holds"
    lagging = at(good, 0.1, "ipr_log_test", good.ipr_test - 0.01)
    assert state("E1-logarithm", lagging) == "fails"
    assert state("E1-logarithm", at(good, 0.0, "ipr_log_test", 0.0)) == "holds"  # no noise
    assert state("E1-logarithm", good[good.noise < 0.25]) == "not tested"
