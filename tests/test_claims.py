"""Rules on synthetic numbers: one that must confirm, ones that must refute, ones that cannot."""

from __future__ import annotations

import pandas as pd
import pytest
from judging import cells, said

from modnoise.judge import check
from modnoise.studies import CLAIMS

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


def frame(noises=(0.3, 0.5, 0.8), seeds=(1, 2, 3), op="add", act="relu", step=1000, **parts):
    """Rows of an ideal net, with some parts replaced; p = 113, so 3 x chance is 2.65 %."""
    rows = [
        {"part": part, "accuracy_test": test, "accuracy_noisy": noisy, "noise": noise,
         "seed": seed, "p": 113, "op": op, "act": act, "width": 1025, "steps": step, "step": step}
        for noise in noises for seed in seeds for part, (test, noisy) in {**PARTS, **parts}.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def changed(rows, part, noise, column, value, seeds=(1, 2, 3)):
    rows = rows.copy()
    where = (rows.part == part) & (rows.noise == noise) & rows.seed.isin(seeds)
    rows.loc[where, column] = value
    return rows


def state(claim, rows, scale="laptop"):
    return said(check(claim, rows, scale=scale))


SEPARATIONS = pytest.mark.parametrize(
    ("claim", "part", "op"),
    [
        ("R4.1-FF", "G", "add"),
        ("R4.1-FF-quadratic-part", "G_quadratic", "add"),
        ("D-FF-subtraction", "G", "sub"),
    ],
)


@SEPARATIONS
def test_separation_is_confirmed_by_ideal_numbers(claim, part, op):
    assert state(claim, frame(op=op)) == "holds"


@SEPARATIONS
@pytest.mark.parametrize(
    ("which", "noise", "column", "fine", "broken"),
    [
        ("G", 0.3, "accuracy_test", 0.99, 0.985),
        ("G", 0.5, "accuracy_test", 0.95, 0.945),
        ("G", 0.8, "accuracy_test", 0.95, 0.945),
        ("G", 0.5, "accuracy_noisy", 0.058, 0.06),  # 1/113 + 0.05 = 0.05885
        ("R", 0.8, "accuracy_noisy", 0.5, 0.49),
        ("R", 0.3, "accuracy_test", 0.1, 0.11),
    ],
)
def test_each_condition_of_a_separation_fails_alone(
    claim, part, op, which, noise, column, fine, broken
):
    which = part if which == "G" else which
    for value, expected in ((fine, "holds"), (broken, "fails")):
        rows = changed(frame(op=op), which, noise, column, value)
        assert cells(check(claim, rows, scale="laptop"))[f"{op}, noise {noise:g}"] == expected


def test_the_median_over_seeds_decides():
    one = changed(frame(), "G", 0.8, "accuracy_test", 0.1, seeds=(1,))
    two = changed(one, "G", 0.8, "accuracy_test", 0.1, seeds=(2,))
    assert (state("R4.1-FF", one), state("R4.1-FF", two)) == ("holds", "fails")


def test_the_lowest_and_highest_seed_stand_beside_the_median():
    rows = changed(frame(), "G", 0.8, "accuracy_test", 0.961, seeds=(1,))
    rows = changed(rows, "G", 0.8, "accuracy_test", 0.985, seeds=(2,))
    verdict = check("R4.1-FF", rows, scale="laptop")
    assert "FF test 98.5 % (96.1 to 100.0), noisy 0.0 %;" in verdict.deciding
    assert "median (lowest to highest) of 3 seeds" in verdict.setting


def test_a_net_that_diverged_is_not_passed_over():
    rows = changed(frame(), "G", 0.8, "accuracy_test", float("nan"), seeds=(3,))
    verdict = check("R4.1-FF", rows, scale="laptop")
    assert verdict.state == "not tested"
    assert verdict.measured == ("G has no test accuracy in 1 of 3 rows",)


@pytest.mark.parametrize(
    ("claim", "settings"),
    [
        ("R4.1-FF", {"act": "gelu"}),
        ("R4.1-swap", {"act": "quadratic"}),
        ("D-FF-subtraction", {"op": "add"}),
    ],
)
def test_a_claim_about_other_nets_is_not_tested(claim, settings):
    verdict = check(claim, frame(**settings), scale="laptop")
    assert verdict.state == "not tested"
    assert next(iter(settings.values())) in verdict.measured[0]


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_rows_are_not_tested(claim):
    assert state(claim, frame().iloc[:0]) == "not tested"


@pytest.mark.parametrize("column", ["p", "act", "steps", "step"])
def test_a_median_over_different_settings_is_refused(column):
    rows = frame()
    rows.loc[rows.seed == 2, column] = "gelu" if column == "act" else 17
    with pytest.raises(ValueError, match=f"{column} = .*(17|gelu).*R4.1-FF needs one {column}"):
        check("R4.1-FF", rows, scale="laptop")


def test_a_missing_noise_ratio_is_undecidable_and_a_missing_part_not_tested():
    told = check("R4.1-FF", frame(noises=(0.3, 0.5)), scale="laptop")
    assert cells(told)["add, noise 0.8"] == "undecidable"
    assert state("R4.1-FF", frame(noises=(0.1,))) == "not tested"
    rows = frame()
    assert state("R4.1-FF", rows[rows.part != "R"]) == "not tested"
    assert check("R4.1-FF", rows, scale="smoke").state == "not tested"


def test_the_widest_networks_of_each_noise_ratio_decide():
    narrow = frame(G=(0.5, 0.0)).assign(width=513)
    assert state("R4.1-FF", pd.concat([narrow, frame()])) == "holds"
    wide = frame(noises=(0.8,), G=(0.5, 0.0)).assign(width=2049)
    told = cells(check("R4.1-FF", pd.concat([wide, frame()]), scale="laptop"))
    assert list(told.values()) == ["holds", "holds", "fails"]


GENERALIZING = {"full": (0.6, 1.0), "quadratic": (0.6, 0.95), "reverse_relu": (0.7, 0.02)}


@pytest.mark.parametrize(
    ("part", "column", "fine", "broken"),
    [
        ("quadratic", "accuracy_test", 0.581, 0.579),
        ("quadratic", "accuracy_noisy", 1.0, 1.01),
        ("reverse_relu", "accuracy_noisy", 0.79, 0.81),
        ("reverse_relu", "accuracy_test", 0.581, 0.579),
    ],
)
def test_the_swap_must_keep_the_test_and_lower_the_noise(part, column, fine, broken):
    rows = frame(**GENERALIZING)
    assert state("R4.1-swap", rows) == "holds"
    assert state("R4.1-swap", changed(rows, part, 0.5, column, fine)) == "holds"
    assert state("R4.1-swap", changed(rows, part, 0.5, column, broken)) == "fails"


def test_nets_at_chance_have_no_test_accuracy_that_a_swap_could_keep():
    for test, expected in ((0.026, "undecidable"), (0.027, "holds")):  # 3/113 is 2.65 %
        rows = changed(frame(**GENERALIZING), "full", 0.8, "accuracy_test", test)
        told = cells(check("R4.1-swap", rows, scale="laptop"))
        assert {told[f"{part}, noise 0.8"] for part in ("quadratic", "reverse relu")} == {expected}


@pytest.mark.parametrize(
    ("full", "filtered", "expected"),
    [(0.5, 0.51, "holds"), (0.5, 0.509, "fails"), (0.026, 1.0, "undecidable"),
     (0.96, 0.97, "undecidable"), (0.95, 0.96, "holds")],
)  # fmt: skip
@pytest.mark.parametrize(("act", "noise"), [("relu", 0.0), ("quadratic", 0.5)])
def test_ff_must_gain_a_point_where_there_is_something_to_gain(
    act, noise, full, filtered, expected
):
    rows = frame(noises=(noise,), act=act, full=(full, 0.0), G=(filtered, 0.0))
    told = cells(check("D-FF", rows, scale="laptop"))
    assert told[f"{act}, noise {noise:g}"] == expected
    other = frame(noises=(0.3,), act="relu")
    assert set(cells(check("D-FF", other, scale="laptop")).values()) == {"undecidable"}


NOTHING = {part: (0.02, 0.0) for part in ("full", "G", "G_quadratic", "G_random")}


@pytest.mark.parametrize("part", NOTHING)
def test_no_part_may_find_a_rule_where_all_labels_are_wrong(part):
    rows = frame(noises=(0.3, 1.0), **NOTHING)
    assert state("CONTROL-noise-1", rows) == "holds"
    assert state("CONTROL-noise-1", frame()) == "not tested"
    assert state("CONTROL-noise-1", changed(rows, part, 1.0, "accuracy_test", 0.03)) == "fails"


@pytest.mark.parametrize("part", NOTHING)
def test_no_part_may_find_a_rule_in_an_untrained_net(part):
    rows = frame(noises=(0.8,), step=0, **NOTHING)
    assert state("CONTROL-untrained", rows) == "holds"
    assert state("CONTROL-untrained", changed(rows, part, 0.8, "accuracy_test", 0.027)) == (
        "fails"
    )
    assert state("CONTROL-untrained", rows[rows.part != part]) == "not tested"
    assert state("CONTROL-untrained", frame(step=1, **NOTHING)) == "not tested"


def test_the_dominant_frequency_must_beat_a_random_one_by_ten_points():
    assert state("CONTROL-frequency", frame()) == "holds"
    close = changed(frame(), "G_random", 0.3, "accuracy_test", 0.91)
    assert state("CONTROL-frequency", close) == "fails"
    close = changed(frame(), "G_random_relu", 0.8, "accuracy_test", 0.91)
    assert state("CONTROL-frequency", close) == "fails"


def curves(full_at_20):
    """FF passes 50 % at step 20; the full net has ``full_at_20`` then."""
    rows = []
    for step, g, full in ((0, 0.0, 0.0), (20, 0.6, full_at_20), (40, 0.9, 0.9)):
        for part, test in (("full", full), ("G", g), ("G_quadratic", g)):
            rows.append({"part": part, "step": step, "accuracy_test": test, "p": 113})
    return pd.DataFrame(rows)


def test_ff_leads_only_if_the_full_net_is_still_at_chance():
    assert state("LEAD", curves(0.017)) == "holds"
    assert state("LEAD", curves(0.018)) == "fails"
    assert "step 20" in check("LEAD", curves(0.0), scale="laptop").measured[0]
    never = curves(0.0).assign(accuracy_test=0.3)
    assert state("LEAD", never) == "fails"
    late = curves(0.0)
    late = late[(late.part != "full") | (late.step != 20)]  # the full net is known at 0 and 40
    assert "then 0.0 %" in check("LEAD", late, scale="laptop").measured[0]


def test_the_lead_is_that_of_one_noise_ratio():
    mixed = pd.concat([curves(0.0).assign(noise=0.3), curves(0.0).assign(noise=0.8)])
    with pytest.raises(ValueError, match=r"noise = 0\.3 and 0\.8 .*LEAD needs one noise"):
        check("LEAD", mixed, scale="laptop")


def test_an_unknown_claim_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'R9' is not known.*R4\.1-FF"):
        check("R9", frame(), scale="laptop")


CONTROLLED = {
    "every": (0.9, 0.0),
    "every_quadratic": (0.9, 0.0),
    "label_prior": (1.0, 0.0),
    "G_log": (1.0, 0.0),
    "R_log": (0.0, 0.9),
}


def test_the_dominant_frequency_must_not_do_worse_than_all_frequencies_apart():
    rows = frame(**CONTROLLED)
    assert state("CONTROL-every", rows) == "holds"
    for part in ("every", "every_quadratic"):
        assert state("CONTROL-every", changed(rows, part, 0.5, "accuracy_test", 1.0)) == "holds"
        lower = changed(rows, "G" + part.removeprefix("every"), 0.5, "accuracy_test", 0.89)
        assert state("CONTROL-every", lower) == "fails"
    assert state("CONTROL-every", rows[rows.part != "every"]) == "not tested"


def periodic(after: float) -> pd.DataFrame:
    start = frame(noises=(0.3,), step=0).assign(sparsity=0.08)
    return pd.concat([start, frame().assign(sparsity=after)], ignore_index=True)


def test_trained_neurons_must_be_half_as_periodic_again_as_untrained_ones():
    assert state("CONTROL-periodic", periodic(0.1201)) == "holds"
    assert state("CONTROL-periodic", periodic(0.1199)) == "fails"
    alone = periodic(0.5)
    assert state("CONTROL-periodic", alone[alone.steps > 0]) == "not tested"
    assert state("CONTROL-periodic", frame()) == "not tested"


def test_the_angles_must_cohere_outside_the_dominant_frequency():
    assert state("CONTROL-coherence", frame().assign(coherence_other=0.051)) == "holds"
    assert state("CONTROL-coherence", frame().assign(coherence_other=0.049)) == "fails"
    assert state("CONTROL-coherence", frame()) == "not tested"


def test_the_prior_alone_must_answer_95_percent():
    rows = frame(**CONTROLLED)
    assert state("CONTROL-prior", changed(rows, "label_prior", 0.8, "accuracy_test", 0.951)) == (
        "holds"
    )
    assert state("CONTROL-prior", changed(rows, "label_prior", 0.8, "accuracy_test", 0.949)) == (
        "fails"
    )
    assert state("CONTROL-prior", frame()) == "not tested"


@pytest.mark.parametrize(
    ("part", "column", "broken"),
    [
        ("G_log", "accuracy_test", 0.949),
        ("G_log", "accuracy_noisy", 0.0589),
        ("R_log", "accuracy_noisy", 0.499),
    ],
)
def test_ff_for_multiplication_needs_all_three(part, column, broken):
    rows = frame(noises=(0.1, 0.3, 0.5), op="mul", **CONTROLLED)
    assert state("D-FF-multiplication", rows) == "holds"
    assert state("D-FF-multiplication", changed(rows, part, 0.3, column, broken)) == "fails"
    assert state("D-FF-multiplication", rows[rows.noise < 0.5]) == "not tested"
    assert state("D-FF-multiplication", rows.assign(op="add")) == "not tested"
