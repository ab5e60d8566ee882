"""Times and leads read off curves drawn by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import NOISY, noisy_table
from modnoise.arithmetic.timing import as_steps, label_blind, milestones
from modnoise.frames import curves
from modnoise.training.loop import train

NEVER = np.inf
STEPS = [0, 10, 20, 30, 40]


def history(clean, noisy, test=(0.0,) * 5, recovered=(0.0,) * 5, key="a", **fields):
    """Curves of one run over five steps, p = 11."""
    return pd.DataFrame(
        {"step": STEPS, "accuracy_clean": clean, "accuracy_noisy": noisy, "accuracy_test": test,
         "accuracy_recovered": recovered, "part": "full", "key": key, "p": 11, "noise": 0.5,
         **fields}
    )  # fmt: skip


NOISY_CURVE = [0.1, 0.3, 0.6, 0.9, 1.0]
CLEAN_CURVE = [0.1, 0.1, 0.4, 0.5, 0.9]


def test_times_are_the_first_recorded_steps_at_a_level():
    (row,) = milestones(history(CLEAN_CURVE, NOISY_CURVE)).to_dict("records")
    assert (row["t50_noisy"], row["t50_clean"], row["t90_noisy"]) == (20, 30, 30)
    assert (row["best_noisy"], row["half_noisy"], row["half_clean"]) == (1.0, 20, 30)


def test_labels_are_met_when_right_and_wrong_ones_are_and_the_rule_at_half_of_its_last_value():
    curves = history([0.5, 1, 1, 1, 1], [0.5, 0.9, 0.97, 0.99, 1], test=[0, 0, 0.3, 0.55, 0.8])
    (row,) = milestones(curves).to_dict("records")
    # the mean of both is 0.95, 0.985, 0.995 from step 10 on; 0.4 is half of 0.8
    assert (row["fit"], row["half_test"], row["t50_test"]) == (30, 30, 30)
    (row,) = milestones(history([0.5] * 5, [0.5] * 5, test=[0.1] * 5)).to_dict("records")
    assert (row["fit"], row["t50_test"]) == (NEVER, NEVER)


def test_the_gap_is_the_widest_one_and_the_excess_is_over_a_label_blind_net():
    rows = history(CLEAN_CURVE, NOISY_CURVE, recovered=[0.0, 0.0, 0.0, 0.5, 0.0])
    (row,) = milestones(rows).to_dict("records")
    assert (row["gap"], row["gap_step"]) == (pytest.approx(0.4), 30)
    assert row["excess"] == pytest.approx(0.9 - (1 - 0.5) / 10)


def test_the_lead_is_taken_where_the_mean_of_both_first_is_a_quarter():
    (row,) = milestones(history(CLEAN_CURVE, NOISY_CURVE)).to_dict("records")  # at step 20
    assert row["lead"] == pytest.approx(0.2)
    (row,) = milestones(history([0.1] * 5, [0.3] * 5)).to_dict("records")
    assert np.isnan(row["lead"])


def test_a_level_that_is_never_reached_is_reached_at_infinity():
    (row,) = milestones(history([0.1] * 5, [0.1, 0.2, 0.3, 0.3, 0.2])).to_dict("records")
    assert (row["t50_noisy"], row["t50_clean"], row["t90_noisy"]) == (NEVER, NEVER, NEVER)
    assert (row["best_noisy"], row["half_noisy"], row["half_clean"]) == (0.3, 10, NEVER)


def test_grokking_is_at_nine_tenths_of_the_last_test_accuracy():
    (row,) = milestones(history(CLEAN_CURVE, NOISY_CURVE, test=[0, 0, 0.71, 0.73, 0.8])).to_dict(
        "records"
    )
    assert row["grok"] == 30  # 0.72 or above


def test_a_net_without_noisy_pairs_has_grokking_and_no_gap():
    rows = history(CLEAN_CURVE, [np.nan] * 5, test=[0, 0, 0, 1, 1], recovered=[np.nan] * 5)
    (row,) = milestones(rows).to_dict("records")
    assert row["grok"] == 30
    assert row["t50_noisy"] == NEVER
    assert all(np.isnan(row[name]) for name in ("best_noisy", "gap", "lead", "excess"))


def test_a_net_that_diverges_is_judged_by_the_steps_before():
    gone = np.nan
    rows = history(
        [0.1, 0.1, 0.2, 0.3, gone], [0.1, 0.2, 0.6, 0.7, gone], test=[0.0, 0.0, 0.0, 0.0, gone]
    )
    (row,) = milestones(rows).to_dict("records")
    assert (row["t50_noisy"], row["gap"]) == (20, pytest.approx(0.4))
    assert np.isnan(row["grok"])
    assert np.isnan(row["accuracy_noisy"])


def test_there_is_one_row_per_run_of_the_full_net_with_its_fields():
    first = history(CLEAN_CURVE, NOISY_CURVE, noise=0.1)
    second = history(NOISY_CURVE, CLEAN_CURVE, key="b", noise=0.2)
    filtered = history([1.0] * 5, [1.0] * 5).assign(part="G")
    mixed = pd.concat([first, filtered, second]).sample(frac=1, random_state=0)
    found = milestones(mixed).set_index("key")
    assert found.gap.to_dict() == pytest.approx({"a": 0.4, "b": 0.0})  # at 0 they are equal
    assert found.noise.to_dict() == {"a": 0.1, "b": 0.2}
    assert (found.step == 40).all()
    assert (found.part == "full").all()


def test_real_curves_keep_their_runs_fields():
    run = Run(p=7, width=9, steps=3)
    found = milestones(curves([run], [train(run, progress=False)]))
    assert found.key.tolist() == [run.key]
    assert found.width.tolist() == [9]


def test_answers_that_ignore_wrong_labels_meet_them_as_often_as_the_null_says():
    table = noisy_table([Run(p=23, noise=0.8, seed=seed) for seed in range(40)])
    answers = (table.true + (table.true > 11)) % 23  # right for about half of the pairs
    noisy = table.role == NOISY
    recovered = float((answers == table.true)[noisy].double().mean())
    met = float((answers == table.given)[noisy].double().mean())
    assert 0.4 < recovered < 0.6
    assert met == pytest.approx(float(label_blind(pd.Series([recovered]), 23)[0]), rel=0.15)


def test_told_times_name_their_setting_shortly():
    index = pd.MultiIndex.from_tuples(
        [("adam", 3e-5), ("adamw", 0.3), ("adamw", 1.0)], names=["optimizer", "decay"]
    )
    text = as_steps(pd.DataFrame({"t": [5.0, np.inf, np.nan]}, index=index))
    assert list(text.index) == [("adam", "3e-05"), ("adamw", "0.3"), ("adamw", "1")]
    assert list(text.index.names) == ["optimizer", "decay"]
    assert list(text.t) == ["5", "never", "–"]


def test_milestones_keep_the_order_of_runs_that_begin_together():
    """40 curves that all begin at step 0: an unstable sort mixes them."""
    keys = [f"{7 * i % 40:02d}" for i in range(40)]
    rows = [
        {"key": key, "part": "full", "p": 59, "noise": 0.3, "step": step,
         **{f"accuracy_{role}": 0.1 for role in ("clean", "noisy", "recovered", "test")}}
        for key in keys
        for step in range(3)
    ]  # fmt: skip
    assert milestones(pd.DataFrame(rows)).key.tolist() == keys
