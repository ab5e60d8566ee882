"""Accuracies and cross-entropies against a loop over pairs and torch's own loss."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy

from modnoise import frames
from modnoise.arithmetic import metrics
from modnoise.arithmetic.analytic import exact_nets
from modnoise.arithmetic.metrics import ROLES, accuracy, predictions, scores
from modnoise.arithmetic.nets import new_nets
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import CLEAN, NOISY, TEST, VAL, noisy_table
from modnoise.frames import first_step
from modnoise.training.loop import train

RUNS = [Run(p=7, width=9, dtype="float64", init="normal", seed=s, noise=0.4) for s in (1, 2)]
ROLE = {"clean": CLEAN, "noisy": NOISY, "recovered": NOISY, "val": VAL, "test": TEST}


def naive(nets, table, r: int, role: str) -> tuple[float, float]:
    """One pair after the other; `recovered` asks noisy pairs for the true label."""
    logits = nets.logits()[r]
    labels = table.given[r] if role == "noisy" else table.true[r]
    hits, losses = [], []
    for a in range(nets.p):
        for b in range(nets.p):
            if table.role[r, a, b] == ROLE[role]:
                label = labels[a, b]
                hits.append(logits[a, b].argmax() == label)
                losses.append(cross_entropy(logits[a, b][None], label[None]))
    return float(np.mean(hits)), float(np.mean(losses))


@pytest.mark.parametrize("chunk", [1, 150, 2**22])
def test_scores_are_a_loop_over_pairs_whatever_the_chunk(monkeypatch, chunk):
    monkeypatch.setitem(metrics.CHUNK, "cpu", chunk)
    nets, table = new_nets(RUNS), noisy_table(RUNS)
    right, loss = scores(nets, table)
    for r in range(2):
        for j, role in enumerate(ROLES):
            hits, losses = naive(nets, table, r, role)
            assert right[r, j].item() == pytest.approx(hits, abs=1e-12)
            assert loss[r, j].item() == pytest.approx(losses, rel=1e-10)
    assert torch.equal(predictions(nets), nets.logits().argmax(-1))


def test_an_exact_adder_is_right_on_true_labels_and_never_on_wrong_ones():
    table = noisy_table(Run(p=31, noise=0.5))
    found = accuracy(exact_nets(31, (1, 5, 11)), table)
    assert found.columns.tolist() == list(ROLES)
    assert found.index.name == "run"
    assert found.loc[0].to_dict() == {
        "clean": 1.0, "noisy": 0.0, "recovered": 1.0, "val": 1.0, "test": 1.0
    }  # fmt: skip


def test_a_net_of_zeros_has_the_cross_entropy_log_p():
    run = Run(p=7, width=3, dtype="float64")
    nets = new_nets(run)
    nets = nets.keep(torch.zeros(1, 3, dtype=torch.bool))
    loss = scores(nets, noisy_table(run))[1]
    torch.testing.assert_close(loss, torch.full_like(loss, np.log(7)))


def test_an_empty_role_is_nan():
    run = Run(p=7, width=3, noise=0.0, val_frac=0.0, train_frac=0.7)
    found = accuracy(new_nets(run), noisy_table(run)).loc[0]
    assert found.isna().to_dict() == {
        "clean": False, "noisy": True, "recovered": True, "val": True, "test": False
    }  # fmt: skip


def test_a_diverged_net_is_nan_and_its_stack_mate_is_not():
    nets, table = new_nets(RUNS), noisy_table(RUNS)
    alone = scores(nets[0], table_of(table, 0))
    nets.W[1] = torch.nan
    right, loss = scores(nets, table)
    assert right[1].isnan().all()
    assert loss[1].isnan().all()
    assert torch.equal(right[0], alone[0][0])
    assert torch.equal(loss[0], alone[1][0])


def table_of(table, run: int):
    pick = slice(run, run + 1)
    return type(table)(table.p, table.true[pick], table.given[pick], table.role[pick])


def test_cross_entropy_survives_huge_logits_in_float32():
    run = Run(p=7, width=3)
    nets = new_nets(run)
    nets.mu[0, 2] = 1e4  # exp overflows: the loss must come from log-sum-exp
    loss = scores(nets, noisy_table(run))[1]
    assert loss.isfinite().all()
    table = noisy_table(run)
    test = table.role == TEST
    expected = 1e4 * (table.true != 2)[test].double().mean()
    assert loss[0, ROLES.index("test")].item() == pytest.approx(expected.item(), rel=1e-3)


def test_the_first_step_at_a_level_is_the_first_recorded_one():
    steps, curve = np.array([0, 10, 20, 40]), np.array([0.1, 0.5, 0.4, 0.9])
    assert first_step(steps, curve, 0.5) == 10.0  # reached, not passed
    assert first_step(steps, curve, 0.6) == 40.0
    assert np.isnan(first_step(steps, curve, 0.95))
    assert np.isnan(first_step(steps, np.full(4, np.nan), 0.5))


def test_tables_for_the_page_hold_medians_by_hand_and_dashes_for_nothing():
    rows = [
        {"noise": 0.5, "part": part, "seed": seed, "accuracy_test": x, "accuracy_noisy": np.nan}
        for part, values in (("full", (0.1, 0.2, 0.9)), ("G", (1.0, 0.5, 0.75)))
        for seed, x in enumerate(values)
    ]
    table = frames.median_table(pd.DataFrame(rows), by="noise", test=["G", "full"], noisy=["G"])
    assert list(table.columns) == [("test", "G"), ("test", "full"), ("noisy", "G")]
    assert table.loc[0.5, ("test", "G")] == 0.75
    assert list(frames.percent(table).loc[0.5]) == ["75.0%", "20.0%", "–"]


def test_outcomes_are_the_full_nets_at_the_last_step_with_what_they_do():
    runs = [Run(p=5, width=65, steps=60, lr=0.05, noise=x, record_parts=True) for x in (0.0, 0.5)]
    found = metrics.outcomes(runs, [train(run, progress=False) for run in runs])
    assert found.key.tolist() == [run.key for run in runs]
    assert set(found.part) == {"full"}
    assert set(found.step) == {60}
    assert found.interpolates.tolist() == [False, True]  # without noise there is none to fit
    assert found.accuracy_train.tolist() == [1.0, 1.0]
    assert found.regime[1] == "memorization"
    assert found.accuracy_test[1] < 0.9


def test_late_gain_is_what_the_second_half_of_the_steps_adds_to_the_test_accuracy():
    run = Run(p=5, width=3, steps=100)
    steps = pd.Series([0, 40, 50, 60, 100])
    history = pd.DataFrame({"run": 0, "step": steps, "part": "full"})
    for role in ROLES:
        history[f"accuracy_{role}"] = [0.1, 0.2, 0.3, 0.9, 0.7]
    other = history.assign(part="G", accuracy_test=0.0)
    trained = SimpleNamespace(history=pd.concat([history, other]))
    (found,) = metrics.outcomes([run], [trained]).late_gain
    assert found == pytest.approx(0.4)  # .7 at step 100 less .3 at step 50


def test_a_ladder_table_has_the_widths_beside_each_other_and_medians_over_seeds():
    rows = [
        {"weight_decay": decay, "noise": 0.1, "width": width, "accuracy_test": x + decay / 10}
        for decay in (0.3, 1.0)
        for width, seeds in ((33, (0.1, 0.2, 0.6)), (17, (0.5,)))
        for x in seeds
    ]
    table = metrics.ladder_table(pd.DataFrame(rows[:-1]), ["weight_decay", "noise"])
    assert table.index.names == ["decay", "noise"]
    assert list(table.columns) == [17, 33]
    assert table.loc[0.3, 0.1].tolist() == ["53.0%", "23.0%"]
    assert table.loc[1.0, 0.1].tolist() == ["–", "30.0%"]


def test_curves_stand_beside_the_fields_of_their_runs():
    runs = [Run(p=5, width=3, steps=2, noise=noise) for noise in (0.0, 0.5)]
    trained = [train(run, progress=False) for run in runs]
    frame = metrics.curves(runs, trained)
    assert len(frame) == sum(len(one.history) for one in trained) == 2 * 3
    assert list(frame.groupby("noise").key.first()) == [run.key for run in runs]
    assert set(frame.steps) == {2}
    last = frame[(frame.noise == 0.5) & (frame.step == 2)].iloc[0]
    shown = metrics.compare({"it": (trained[1].nets, trained[1].table)})
    assert last.accuracy_test == shown.loc["it", "test"]
