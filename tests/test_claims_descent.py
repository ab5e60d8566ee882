"""Rules about test error against width, on ladders that must confirm, refute, or are too short."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from judging import said

from modnoise.arithmetic.claims import descent, tied, variants
from modnoise.judge import check, check_first
from modnoise.studies import CLAIMS

IDS = [claim.id for section in (descent, variants, tied) for claim in section.CLAIMS]
WIDTHS = (17, 33, 65, 129, 257, 513, 1025)
TEST = (0.90, 0.92, 0.80, 0.70, 0.85, 0.95, 0.97)
NOISY = (0.0, 0.1, 0.5, 0.995, 1.0, 1.0, 1.0)  # M* = 129
CROSS_ENTROPY = (2.0, 1.9, 2.5, 3.0, 1.5, 1.0, 0.8)


def ladder(test=TEST, noisy=NOISY, cross_entropy=CROSS_ENTROPY, widths=WIDTHS, **settings):
    """Last rows of one run per width."""
    fields = {"noise": 0.3, "weight_decay": 1.0, "seed": 42, "act": "relu", "op": "add", "p": 59}
    fields |= {"tied": False, "noise_kind": "wrong", "step": 4000, "steps": 4000, "part": "full"}
    return pd.DataFrame(
        {"width": widths, "accuracy_test": test, "accuracy_noisy": noisy,
         "cross_entropy_test": cross_entropy}
    ).assign(**(fields | settings))  # fmt: skip


def state(claim, *ladders, scale="laptop"):
    return said(check(claim, pd.concat(ladders), scale=scale))


def measured(claim, *ladders):
    return check(claim, pd.concat(ladders), scale="laptop").measured


def but(values, **changed):
    """``values`` with some replaced, keys like ``at3`` counting from 0."""
    found = list(values)
    for place, value in changed.items():
        found[int(place.removeprefix("at"))] = value
    return tuple(found)


def thrice(*frames):
    """The same ladders at three decays."""
    return [frame.assign(weight_decay=d) for frame in frames for d in (1.0, 2.0, 4.0)]


# R3.1-1a


def test_a_peak_of_the_error_inside_the_ladder_is_double_descent():
    assert state("R3.1-1a", *thrice(ladder())) == "holds"
    # errors .10 .08 .20 .30 .15 .05 .03: the peak is 22 points over .08 and 27 over the last
    assert "M = 129: test error 30.0 %, +22.0 points" in measured("R3.1-1a", *thrice(ladder()))[0]
    assert "+27.0 over the widest" in measured("R3.1-1a", *thrice(ladder()))[0]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ((0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95), "fails"),  # only better
        ((0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3), "fails"),  # only worse: the peak is the last
        ((0.5, 0.9, 0.9, 0.9, 0.9, 0.9, 0.95), "fails"),  # the worst is the first
        (but(TEST, at2=0.88, at3=0.88, at4=0.88), "fails"),  # 4 points over the best before
        (but(TEST, at2=0.87, at3=0.87, at4=0.87), "holds"),  # exactly 5
        ((0.9, 0.8, 0.7, 0.7, 0.7, 0.74, 0.74), "fails"),  # falls by 4 only
        ((0.9, 0.8, 0.7, 0.7, 0.7, 0.76, 0.76), "holds"),
        # the highest peak is not over a better narrower net, a later one is
        ((0.1, 0.05, 0.9, 0.8, 0.9, 0.9, 0.9), "holds"),
    ],
)
def test_the_peak_must_rise_by_five_points_and_fall_by_five(test, expected):
    assert state("R3.1-1a", *thrice(ladder(test))) == expected


def test_double_descent_is_asked_of_two_thirds_of_the_setups():
    flat = (0.5,) * 7
    three = [ladder(weight_decay=d) for d in (0.3, 1.0)] + [ladder(flat, weight_decay=3.0)]
    assert state("R3.1-1a", *three) == "holds"
    assert state("R3.1-1a", *three, ladder(flat, noise=0.1)) == "fails"
    # clean nets and noise above the range count neither way
    clean = ladder(flat, noise=0.0, noisy=(np.nan,) * 7)
    assert state("R3.1-1a", *three, clean, ladder(flat, noise=0.8)) == "holds"


def test_four_widths_are_too_few_for_a_peak():
    short = ladder().iloc[:5]
    assert state("R3.1-1a", *thrice(short.iloc[:4])) == "not tested"
    assert state("R3.1-1a", *thrice(short)) == "holds"  # .08, .20, .30, .15


def test_of_two_settings_two_thirds_cannot_be_asked():
    two = thrice(ladder())[:2]
    assert state("R3.1-1a", *two) == "not tested"
    assert measured("R3.1-1a", *two) == ("2 settings of noise and decay: it takes 3",)


def test_the_median_over_seeds_decides():
    shifted = [
        ladder(np.array(TEST) + shift, seed=seed) for seed, shift in enumerate((-0.1, 0.03))
    ]
    assert state("R3.1-1a", *thrice(ladder(), *shifted)) == "holds"
    assert "test error 30.0 %" in measured("R3.1-1a", *thrice(ladder(), *shifted))[0]


@pytest.mark.parametrize("claim", ["R3.1-1a", "R3.1-1b", "R3.1-2", "R3.1-confidence"])
def test_a_net_that_diverged_is_not_passed_over(claim):
    broken = ladder(but(TEST, at4=np.nan), weight_decay=3.0)
    verdict = check(claim, pd.concat([ladder(), broken]), scale="laptop")
    assert verdict.state == "not tested"
    assert "1 of 14 rows" in verdict.measured[0]


@pytest.mark.parametrize(
    ("claim", "settings", "others"),
    [
        ("C1-seeds", {"seed": 43}, None),
        ("C1-longer", {"steps": 16_000}, None),
        ("C1-own", {"steps": 200_000}, None),
        ("C1-finer", {"op": "sub"}, None),
        ("C1-gelu", {"act": "gelu"}, {"act": "relu"}),
        ("C1-quadratic", {"act": "quadratic"}, {"act": "gelu"}),
        ("C1-adam", {"optimizer": "adam"}, {"optimizer": "adamw"}),
        ("C1-muon", {"optimizer": "muon"}, {"optimizer": "adam"}),
        ("C1-subtraction", {"op": "sub"}, {"op": "add"}),
        ("C1-multiplication", {"op": "mul"}, {"op": "sub"}),
        ("C1-less-data", {"train_frac": 0.6}, None),
        ("C1-more-data", {"train_frac": 0.8}, None),
    ],
)
def test_the_same_rule_is_asked_of_each_variant_alone(claim, settings, others):
    assert state(claim, ladder(**settings)) == "holds"
    assert state(claim, ladder((0.5,) * 7, **settings)) == "fails"
    assert state(claim, ladder(**settings).iloc[:4]) == "not tested"
    if others:
        assert state(claim, ladder(**others)) == "not tested"


def test_finer_ladders_are_asked_one_by_one_whatever_differs_between_them():
    flat = (0.5,) * 7
    fields = [{"act": "gelu"}, {"op": "mul"}, {"optimizer": "muon"}, {"train_frac": 0.8}]
    usual = {"act": "relu", "op": "add", "optimizer": "adamw", "train_frac": 0.7}
    ladders = [ladder(flat if i == 3 else TEST, **usual | x) for i, x in enumerate(fields)]
    texts = measured("C1-finer", *ladders)
    assert [text.split(":")[0] for text in texts] == [
        "noise 0.3, decay 1, gelu, add, adamw, 0.7",
        "noise 0.3, decay 1, relu, add, adamw, 0.8",
        "noise 0.3, decay 1, relu, add, muon, 0.7",
        "noise 0.3, decay 1, relu, mul, adamw, 0.7",
    ]
    assert ["fails" in text for text in texts] == [False, True, False, False]
    assert state("C1-finer", *ladders) == "holds"  # three of four
    with pytest.raises(ValueError, match="in one frame"):
        state("R3.1-1a", *ladders[1:])


def test_a_verdict_counts_the_conditions_that_hold():
    flat = thrice(ladder((0.5,) * 7))[1:]
    verdict = check("R3.1-1a", pd.concat([ladder(), *flat]), scale="laptop")
    assert (verdict.state, verdict.tally) == ("not seen here", "1 of 3")
    assert check("R3.1-1a", ladder().iloc[:4], scale="laptop").tally == "not tested"


def test_the_first_setting_at_which_a_claim_can_be_tested_decides():
    long, short = pd.concat(thrice(ladder())), ladder()
    flat = pd.concat(thrice(ladder((0.5,) * 7)))
    verdict = check_first("R3.1-1a", (short, "fast"), (flat, "laptop"), (long, "laptop"))
    assert (verdict.state, verdict.scale) == ("not seen here", "laptop")
    assert check_first("R3.1-1a", (long, "fast"), (flat, "laptop")).state == "holds"
    none = check_first("R3.1-1a", (short, "fast"), (short.iloc[:4], "laptop"))
    assert none.measured == ("1 settings of noise and decay: it takes 3",)


# R3.1-1b


def test_bigger_is_better_past_the_threshold_whatever_happens_below():
    assert state("R3.1-1b", ladder()) == "holds"
    assert "85.0 % (M = 257) to 97.0 % (M = 1025)" in measured("R3.1-1b", ladder())[0]


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ((0.85, 0.831, 0.97), "fails"),  # tau (1 + 1 - 1) / 3
        ((0.85, 0.85, 0.97), "holds"),  # one tie: 2 / sqrt(2 * 3) = 0.82
        ((0.95, 0.98, 0.97), "fails"),
        ((0.995, 0.993, 0.991), "holds"),  # nothing left to gain
        ((0.995, 0.993, 0.989), "fails"),
        ((1.0, 1.0, 1.0), "holds"),
        ((0.9, 0.9, 0.9), "fails"),  # no growth
    ],
)
def test_growth_is_read_from_the_widths_above_the_threshold(tail, expected):
    assert state("R3.1-1b", ladder(TEST[:4] + tail)) == expected


def test_a_drop_of_more_than_two_points_refutes_even_when_the_trend_is_up():
    noisy = (0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)  # M* = 33: five widths above, tau 8 / 10
    up = (0.1, 0.2, 0.3, 0.4, 0.5, 0.479, 0.9)
    assert state("R3.1-1b", ladder(up, noisy)) == "fails"
    assert state("R3.1-1b", ladder(but(up, at5=0.481), noisy)) == "holds"


def test_of_four_widths_not_even_two_may_change_places():
    noisy = (0.0, 0.1, 1.0, 1.0, 1.0, 1.0, 1.0)
    swapped = (0.1, 0.1, 0.1, 0.2, 0.3, 0.41, 0.40)  # tau (5 - 1) / 6
    assert state("R3.1-1b", ladder(swapped, noisy)) == "fails"
    assert "tau 0.67" in measured("R3.1-1b", ladder(swapped, noisy))[0]


@pytest.mark.parametrize("claim", ["R3.1-1b", "R3.1-confidence"])
def test_nets_trained_on_clean_labels_count_neither_way(claim):
    nothing = (np.nan,) * 7
    assert state(claim, ladder(), ladder((0.5,) * 7, nothing, noise=0.0)) == "holds"


def test_every_setup_that_can_be_judged_must_hold():
    bad = ladder((*TEST[:4], 0.97, 0.9, 0.85), weight_decay=3.0)
    assert state("R3.1-1b", ladder(), bad) == "fails"
    late = ladder(noisy=(0, 0, 0, 0, 1, 1, 1), weight_decay=3.0)  # two widths above M* = 257
    assert state("R3.1-1b", ladder(), late) == "holds"
    assert state("R3.1-1b", late) == "not tested"


# R3.1-2


def at_threshold(position, **settings):
    noisy = (0.5,) * position + (1.0,) * (len(WIDTHS) - position)
    return ladder(noisy=noisy, **settings)


def decays(*positions, noise=0.3):
    """M* at the given positions of the ladder for decays 0.3, 1, 3; 7: none interpolates."""
    return [
        at_threshold(position, weight_decay=decay, noise=noise)
        for position, decay in zip(positions, (0.3, 1.0, 3.0), strict=True)
    ]


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        ((2, 3, 4), "holds"),
        ((2, 2, 4), "holds"),
        ((2, 4, 7), "holds"),  # at the largest decay above all recorded widths
        ((2, 7, 7), "holds"),
        ((3, 3, 3), "fails"),  # never moves
        ((2, 4, 3), "fails"),  # falls
        ((7, 3, 4), "fails"),
        ((7, 7, 7), "not tested"),
    ],
)
def test_the_threshold_must_move_to_the_right_with_the_decay(positions, expected):
    assert state("R3.1-2", *decays(*positions)) == expected


def test_the_threshold_must_move_at_two_thirds_of_the_noise_ratios():
    moving, still = (2, 3, 4), (3, 3, 3)
    two = [*decays(*moving, noise=0.1), *decays(*moving, noise=0.2)]
    assert state("R3.1-2", *two, *decays(*still)) == "holds"
    assert state("R3.1-2", *two[:3], *decays(*still), *decays(*still, noise=0.2)) == "fails"
    texts = measured("R3.1-2", *two, *decays(2, 4, 7))
    assert texts[2] == "noise 0.3: M* 65 (decay 0.3), 257 (decay 1), above 1025 (decay 3) (holds)"
    assert texts[3].endswith("M* larger at 3 of 3 noise ratios (holds)")


def test_one_decay_says_nothing_about_regularization():
    assert state("R3.1-2", ladder()) == "not tested"


# R3.1-3


GELU = but(TEST, at4=0.9, at6=0.92)


def activations(relu=TEST, gelu=GELU, quadratic=(0.9,) * 7, **settings):
    """GeLU gains 2.0 points from M = 257 to 1025, x^2 none; ReLU ends at 97 %."""
    tests = {"relu": relu, "gelu": gelu, "quadratic": quadratic}
    return [ladder(test, act=act, **settings) for act, test in tests.items()]


def test_a_ceiling_of_the_others_below_relu_confirms():
    assert state("R3.1-3", *activations()) == "holds"
    assert "gelu, noise 0.3: +2.0 points from M = 257 to 1025" in measured(
        "R3.1-3", *activations()
    )[0]  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"gelu": but(TEST, at4=0.9, at6=0.921)},  # gains 2.1
        {"quadratic": but((0.9,) * 7, at6=0.93)},
        {"quadratic": (0.97,) * 7},  # as good as ReLU
        {"gelu": (0.98,) * 7},
    ],
)
def test_each_condition_on_activations_refutes_alone(changed):
    assert state("R3.1-3", *activations(**changed)) == "fails"


def test_activations_are_compared_from_noise_03_to_05_with_all_three_there():
    assert state("R3.1-3", *activations(noise=0.2)) == "not tested"
    assert state("R3.1-3", *activations()[:2]) == "not tested"
    bad = activations(gelu=(0.98,) * 7, noise=0.2)
    assert state("R3.1-3", *activations(), *bad) == "holds"
    assert state("R3.1-3", *activations(), *activations(noise=0.4)[:2]) == "not tested"
    short = [one[one.width > 65] for one in activations()]
    assert state("R3.1-3", *short) == "not tested"


# R3.1-confidence


@pytest.mark.parametrize(
    ("cross_entropy", "expected"),
    [
        (CROSS_ENTROPY, "holds"),
        (but(CROSS_ENTROPY, at6=1.01), "fails"),  # rises at the end
        (but(CROSS_ENTROPY, at0=0.7), "fails"),  # a narrow net is surer
        (but(CROSS_ENTROPY, at4=1.0, at6=1.0), "holds"),
        (but(CROSS_ENTROPY, at3=9.0), "holds"),  # the peak at the threshold itself
    ],
)
def test_confidence_is_read_from_the_last_widths_against_the_best_below(cross_entropy, expected):
    assert state("R3.1-confidence", ladder(cross_entropy=cross_entropy)) == expected


def test_confidence_needs_widths_on_both_sides_of_the_threshold():
    assert state("R3.1-confidence", ladder(noisy=(1.0,) * 7)) == "not tested"
    assert state("R3.1-confidence", ladder(noisy=(0, 0, 0, 0, 0, 1, 1))) == "not tested"
    assert state("R3.1-confidence", ladder(noisy=(0, 0, 0, 0, 1, 1, 1))) == "holds"


# C2-misspecification

INVERTED = {"test": (0.3, 0.96, 0.98, 0.97, 0.9, 0.9, 0.9), "noisy": (0.0,) * 7}
UNFIT = {"noisy": (0.1, 0.3, 0.5, 0.7, 0.85, 0.88, 0.90)}


def tied(random=UNFIT, inverted=INVERTED, symmetric=None, ceiling=0.9, **settings):
    made = [
        ladder(**random, weight_decay=0.3),
        ladder(**inverted, weight_decay=1.0),
        ladder(**(symmetric or {}), noise_kind="symmetric"),
    ]
    fields = {"split": "unordered", "ceiling_noisy": ceiling, "tied": True}
    return [one.assign(**(fields | settings)) for one in made]


def test_the_three_halves_of_misspecification_confirm():
    assert state("C2-misspecification", *tied()) == "holds"
    texts = measured("C2-misspecification", *tied())
    assert "noisy 90.0 % at M = 1025, ceiling 90.0 %" in texts[0]
    assert "test 98.0 %, noisy 0.0 % at decay 1, M = 65" in texts[1]
    assert "M* 129" in texts[2]


@pytest.mark.parametrize(
    "changed",
    [
        {"ceiling": 0.88},  # 2 points under what was measured
        {"random": {"noisy": but(UNFIT["noisy"], at6=0.99)}, "ceiling": 1.0},
        {"inverted": INVERTED | {"test": (0.9,) * 7}},
        {"inverted": INVERTED | {"noisy": (0.07,) * 7}},  # 1/59 + 0.05 = 0.0669
        {"symmetric": {"noisy": (0.9,) * 7}},
        {"symmetric": {"test": (*TEST[:4], 0.9, 0.8, 0.7)}},
    ],
)
def test_each_half_of_misspecification_refutes_alone(changed):
    assert state("C2-misspecification", *tied(**changed)) == "fails"


def test_noisy_accuracy_near_chance_is_allowed_up_to_five_points_more():
    assert state("C2-misspecification", *tied(inverted=INVERTED | {"noisy": (0.066,) * 7})) == (
        "holds"
    )


def test_misspecification_needs_its_ceiling_both_noises_and_two_decays():
    random, inverted, symmetric = tied()
    claim = "C2-misspecification"
    whole = pd.concat([random, inverted, symmetric])
    assert state(claim, whole.drop(columns="ceiling_noisy")) == "not tested"
    assert state(claim, random, inverted) == "not tested"
    assert state(claim, random, symmetric) == "not tested"
    assert state(claim, symmetric) == "not tested"
    assert state(claim, *tied(tied=False)) == "not tested"
    late = tied(symmetric={"noisy": (0, 0, 0, 0, 0, 1, 1)})
    assert "fewer than 3 widths above M*" in measured(claim, *late)[0]


# all


@pytest.mark.parametrize("claim", IDS)
def test_smoke_scale_is_too_small_to_say(claim):
    rows = {
        "R3.1-1a": thrice(ladder()), "R3.1-2": decays(2, 3, 4), "R3.1-3": activations(),
        "C2-misspecification": tied(),
    }.get(claim, [ladder(**CLAIMS[claim].needs)])  # fmt: skip
    assert state(claim, *rows) == "holds"
    assert state(claim, *rows, scale="smoke") == "not tested"


@pytest.mark.parametrize("claim", IDS)
def test_nets_of_two_moduli_are_not_mixed(claim):
    with pytest.raises(ValueError, match="p = 59 and 113"):
        state(claim, ladder(), ladder(p=113))


def test_every_claim_of_the_section_is_known_by_its_id():
    assert set(IDS) <= set(CLAIMS)
