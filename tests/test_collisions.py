"""Collisions against a loop over pairs, by hand, and against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modnoise.arithmetic.collisions import (
    collision_table,
    count_collisions,
    expected_collisions,
    learned_by_collisions,
    mean_collisions,
)
from modnoise.arithmetic.nets import new_nets
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import (
    CLEAN,
    NOISY,
    NoisyTable,
    bijective_labels,
    noisy_table,
    true_labels,
)
from modnoise.studies import EXPERIMENTS

FULL = {"train_frac": 1.0, "val_frac": 0.0, "test_frac": 0.0}


def naive(table, r):
    """One training pair after the other, and all others of its row and column."""
    found = np.zeros((table.p, table.p), int)
    for a in range(table.p):
        for b in range(table.p):
            for i in range(table.p):
                for x, y in ((i, b), (a, i)):
                    if (x, y) != (a, b) and table.train[r, x, y]:
                        found[a, b] += int(table.given[r, x, y] == table.given[r, a, b])
    return found


@pytest.mark.parametrize("op", ["add", "sub", "mul"])
def test_collisions_are_those_of_a_loop_over_pairs(op):
    runs = [Run(p=11, op=op, noise=noise, seed=seed) for noise, seed in ((0.3, 1), (0.8, 2))]
    table = noisy_table(runs)
    found = count_collisions(table)
    for r in range(2):
        assert found[r].tolist() == naive(table, r).tolist()


def test_one_wrong_label_by_hand():
    """3 x 3 addition, all for training; (0, 0) says 1 and so collides with (0, 1) and (1, 0)."""
    true = torch.tensor([[[0, 1, 2], [1, 2, 0], [2, 0, 1]]])
    given, role = true.clone(), torch.full((1, 3, 3), CLEAN)
    given[0, 0, 0], role[0, 0, 0] = 1, NOISY
    table = NoisyTable(3, true, given, role)
    assert count_collisions(table).tolist() == [[[2, 1, 0], [1, 0, 0], [0, 0, 0]]]
    means = mean_collisions(table).to_dict("records")
    assert means == [{"clean": 2 / 8, "noisy": 2.0}]


@pytest.mark.parametrize("op", ["add", "sub"])
def test_right_labels_never_collide(op):
    table = noisy_table(Run(p=13, op=op, noise=0.0))
    assert int(count_collisions(table).abs().max()) == 0
    assert np.isnan(mean_collisions(table).noisy[0])
    assert expected_collisions(Run(p=13, op=op, noise=0.0))["clean"] == 0


def test_bijective_labels_of_everything_never_collide_either():
    table = noisy_table(Run(p=17, noise=1.0, noise_kind="bijective", **FULL))
    assert int(count_collisions(table).abs().max()) == 0


@pytest.mark.parametrize("shares", [{}, FULL])
@pytest.mark.parametrize("kind", ["wrong", "any", "bijective"])
@pytest.mark.parametrize("noise", [0.1, 0.5, 0.9])
def test_the_closed_forms_are_the_mean_count_over_seeds(kind, noise, shares):
    runs = [Run(p=17, noise=noise, noise_kind=kind, seed=seed, **shares) for seed in range(400)]
    counted = mean_collisions(noisy_table(runs))
    for role, expected in expected_collisions(runs[0]).items():
        error = counted[role].std() / len(runs) ** 0.5
        assert abs(counted[role].mean() - expected) < 4.5 * error + 1e-9, role
        assert error < 0.02


@pytest.mark.parametrize("op", ["add", "sub"])
def test_a_single_wrong_label_collides_with_two_right_ones(op):
    run = Run(p=5, op=op, noise=1 / 25, **FULL)
    (counted,) = mean_collisions(noisy_table(run)).to_dict("records")
    assert counted == pytest.approx({"clean": 2 / 24, "noisy": 2.0})
    assert expected_collisions(run) == pytest.approx(counted)


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.7])
def test_the_full_table_has_the_follow_up_papers_values(noise):
    """2 alpha (1 - 1/p) and 2 (1 - 1/p), up to O(1/p^2)."""
    run = Run(noise=noise, noise_kind="any", **FULL)
    found = expected_collisions(run)
    assert found["clean"] == pytest.approx(2 * noise * (1 - 1 / 113), rel=1e-3)
    assert found["noisy"] == pytest.approx(2 * (1 - 1 / 113), rel=1e-3)


def test_bijective_noise_changes_sides_at_one_half():
    def more(noise):
        found = expected_collisions(Run(noise=noise, noise_kind="bijective", **FULL))
        return found["noisy"] - found["clean"]

    right_by_accident = float((bijective_labels(113) == true_labels("add", 113)).mean())
    assert 0 < right_by_accident < 0.02
    for noise in (0.1, 0.3, 0.7, 0.9):
        assert more(noise) == pytest.approx(
            2 * (1 - right_by_accident) * (1 - 2 * noise), rel=1e-3
        )
    assert abs(more(0.5)) < 1e-3


@pytest.mark.parametrize(
    "fields",
    [{"op": "mul"}, {"split": "unordered"}, {"split": "unordered", "noise_kind": "symmetric"}],
)
def test_where_there_is_no_closed_form_it_says_so(fields):
    with pytest.raises(ValueError, match="is not allowed: closed forms are for add and sub"):
        expected_collisions(Run(**fields))


def test_the_table_of_runs_has_counted_beside_expected():
    runs = [Run(p=17, noise=noise, noise_kind="bijective", **FULL) for noise in (0.2, 0.6)]
    frame = collision_table(runs)
    assert frame.key.tolist() == [run.key for run in runs]
    assert frame.noise.tolist() == [0.2, 0.6]
    for role in ("clean", "noisy"):
        assert (
            frame[f"collisions_{role}"].tolist()
            == mean_collisions(noisy_table(runs))[role].tolist()
        )
        expected = [expected_collisions(run)[role] for run in runs]
        assert frame[f"expected_{role}"].tolist() == expected


def test_what_is_learned_is_counted_by_role_and_collisions():
    """A net that answers 1 to everything, on the table by hand above."""
    true = torch.tensor([[[0, 1, 2], [1, 2, 0], [2, 0, 1]]])
    given, role = true.clone(), torch.full((1, 3, 3), CLEAN)
    given[0, 0, 0], role[0, 0, 0] = 1, NOISY
    nets = new_nets(Run(p=3, width=2))
    nets.W.zero_()
    nets.mu.copy_(torch.tensor([[0.0, 1.0, 0.0]]))
    found = learned_by_collisions(nets, NoisyTable(3, true, given, role))
    assert found.to_dict("records") == [
        {"role": "clean", "collisions": 0, "pairs": 6, "right": 1},
        {"role": "clean", "collisions": 1, "pairs": 2, "right": 2},
        {"role": "noisy", "collisions": 2, "pairs": 1, "right": 1},
    ]


def test_without_noise_all_pairs_are_clean():
    run = Run(p=7, width=3, noise=0.0)
    found = learned_by_collisions(new_nets(run), noisy_table(run))
    assert found.role.tolist() == ["clean"]
    assert found.pairs.sum() == run.n_train


def test_stopped_nets_are_those_of_figure_3_in_the_middle_of_their_training():
    longer = EXPERIMENTS["fig3"].runs("laptop")
    longer = {run.but(record_gradients=False, steps=115) for run in longer}
    stopped = EXPERIMENTS["collisions-within"].runs("laptop")
    assert set(stopped) <= longer
    assert {(run.noise, run.width, run.optimizer) for run in stopped} == {(0.3, 513, "adamw")}
