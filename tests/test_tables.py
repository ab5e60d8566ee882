"""Labels, split and noise, against hand arithmetic, counts and the follow-up's collisions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import (
    CLEAN,
    NOISY,
    TEST,
    UNUSED,
    VAL,
    NoisyTable,
    bijective_labels,
    noisy_table,
    symmetric_ceiling,
    true_labels,
)
from modnoise.spec import SpecError

KINDS = [
    {"noise_kind": "wrong"},
    {"noise_kind": "any"},
    {"noise_kind": "symmetric", "split": "unordered"},
    {"noise_kind": "bijective"},
]


def test_labels_modulo_3_by_hand():
    assert true_labels("add", 3).tolist() == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    assert true_labels("sub", 3).tolist() == [[0, 2, 1], [1, 0, 2], [2, 1, 0]]
    assert true_labels("mul", 3).tolist() == [[0, 0, 0], [0, 1, 2], [0, 2, 1]]


def test_labels_modulo_5_by_hand():
    assert true_labels("add", 5)[3].tolist() == [3, 4, 0, 1, 2]
    assert true_labels("sub", 5)[1].tolist() == [1, 0, 4, 3, 2]
    assert true_labels("mul", 5)[3].tolist() == [0, 3, 1, 4, 2]


def test_the_table_holds_the_true_labels_with_a_in_rows_and_b_in_columns():
    table = noisy_table(Run(p=5, op="sub", noise=0.0))
    assert table.true[0, 1].tolist() == [1, 0, 4, 3, 2]
    assert torch.equal(table.given, table.true)


def test_roles_partition_the_table_with_the_counts_of_the_fractions():
    run = Run(p=113)
    table = noisy_table(run)
    counts = torch.bincount(table.role.flatten(), minlength=5).tolist()
    n = 6384  # floor(12769 / 2)
    noisy = 1915  # round(0.3 * 6384)
    # floor of 20 % and 30 % of 12769; what the floors leave is unused
    assert counts == [n - noisy, noisy, 2553, 3830, 12769 - n - 2553 - 3830]
    assert torch.equal(table.train, (table.role == CLEAN) | (table.role == NOISY))
    assert set(table.role.unique().tolist()) <= {CLEAN, NOISY, VAL, TEST, UNUSED}


@pytest.mark.parametrize("split", ["ordered", "unordered"])
@pytest.mark.parametrize("fractions", [(0.5, 0.2, 0.3), (0.37, 0.11, 0.29), (1.0, 0.0, 0.0)])
def test_n_train_is_the_number_of_training_pairs_for_every_seed(split, fractions):
    train_frac, val_frac, test_frac = fractions
    for p in (3, 10, 17):
        runs = [
            Run(p=p, split=split, train_frac=train_frac, val_frac=val_frac, test_frac=test_frac,
                seed=seed)
            for seed in range(4)
        ]  # fmt: skip
        assert noisy_table(runs).train.sum((1, 2)).tolist() == [runs[0].n_train] * 4


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.25, 0.5, 0.77])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["noise_kind"])
def test_the_number_of_noisy_pairs_is_exact(kind, noise):
    run = Run(p=17, noise=noise, **kind)
    expected = round(noise * run.n_train)
    if run.noise_kind == "symmetric":  # mirror pairs: an even number
        expected = 2 * round(noise * run.n_train / 2)
    assert (noisy_table(run).role == NOISY).sum() == expected


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["noise_kind"])
def test_only_noisy_pairs_have_another_than_the_true_label(kind):
    table = noisy_table(Run(p=17, noise=0.5, **kind))
    other = table.role != NOISY
    assert torch.equal(table.given[other], table.true[other])
    assert table.given.min() >= 0
    assert table.given.max() < 17


@pytest.mark.parametrize("op", ["add", "sub", "mul"])
def test_a_wrong_label_is_never_the_true_one_and_uniform_over_the_others(op):
    table = noisy_table([Run(p=17, op=op, noise=1.0, seed=seed) for seed in range(40)])
    noisy = table.role == NOISY
    shift = (table.given - table.true)[noisy] % 17
    assert (shift != 0).all()
    n, share = noisy.sum().item(), 1 / 16
    sigma = (n * share * (1 - share)) ** 0.5
    counts = torch.bincount(shift, minlength=17)[1:]
    assert ((counts - n * share).abs() < 4.5 * sigma).all()  # 16 classes at 4.5 sigma: 1.1e-4


def test_noise_over_any_class_hits_the_true_one_with_probability_1_over_p():
    table = noisy_table([Run(p=17, noise_kind="any", noise=1.0, seed=s) for s in range(40)])
    noisy = table.role == NOISY
    n, share = noisy.sum().item(), 1 / 17
    right = (table.given == table.true)[noisy].sum().item()
    assert abs(right - n * share) < 4 * (n * share * (1 - share)) ** 0.5


def test_symmetric_noise_gives_mirror_pairs_one_wrong_label_and_spares_the_diagonal():
    for op in ("add", "mul"):
        run = Run(p=17, op=op, noise=0.6, noise_kind="symmetric", split="unordered")
        table = noisy_table(run)
        noisy = table.role == NOISY
        assert torch.equal(noisy, noisy.mT)
        assert torch.equal(table.given, table.given.mT)
        assert not noisy.diagonal(dim1=1, dim2=2).any()
        assert (table.given != table.true)[noisy].all()


def test_an_unordered_split_gives_mirror_pairs_one_role():
    role = noisy_table(Run(p=17, split="unordered", noise=0.0)).role
    assert torch.equal(role, role.mT)
    ordered = noisy_table(Run(p=17, noise=0.0)).role
    assert not torch.equal(ordered, ordered.mT)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["noise_kind"])
def test_noise_sets_are_nested_with_the_same_labels(kind):
    few, many = (noisy_table(Run(p=17, noise=noise, **kind)) for noise in (0.2, 0.6))
    shared = few.role == NOISY
    assert (many.role[shared] == NOISY).all()
    assert torch.equal(few.given[shared], many.given[shared])
    assert torch.equal(few.train, many.train)


@pytest.mark.parametrize("split", ["ordered", "unordered"])
def test_the_test_set_stays_while_the_training_fraction_varies(split):
    small, large = (
        noisy_table(Run(p=17, split=split, train_frac=share, val_frac=0.7 - share))
        for share in (0.3, 0.6)
    )
    assert torch.equal(small.role == TEST, large.role == TEST)
    assert (large.train >= small.train).all()


def test_the_split_does_not_depend_on_operation_or_noise():
    base = noisy_table(Run(p=17))
    for other in (Run(p=17, op="mul"), Run(p=17, noise=0.7), Run(p=17, noise_kind="any")):
        assert torch.equal(noisy_table(other).train, base.train)
    assert not torch.equal(noisy_table(Run(p=17, seed=1)).train, base.train)


def test_a_stack_of_tables_is_its_members():
    runs = [Run(p=11, seed=1), Run(p=11, op="mul", noise=0.8), Run(p=11, noise_kind="any")]
    stack = noisy_table(runs)
    for i, run in enumerate(runs):
        alone = noisy_table(run)
        for name in ("true", "given", "role"):
            assert torch.equal(getattr(stack, name)[i], getattr(alone, name)[0])
    with pytest.raises(ValueError, match=r"must share p, got \[5, 11\]"):
        noisy_table([Run(p=11), Run(p=5)])


def _is_latin(square: np.ndarray) -> bool:
    classes = np.arange(len(square))
    return bool(
        (np.sort(square, 0) == classes[:, None]).all() and (np.sort(square, 1) == classes).all()
    )


def test_bijective_labels_are_a_latin_square_for_exactly_the_moduli_that_a_run_allows():
    allowed = []
    for p in range(3, 130):
        try:
            Run(p=p, noise_kind="bijective")
        except SpecError:
            continue
        allowed.append(p)
    primes = [p for p in range(3, 130) if all(p % d for d in range(2, p))]
    assert allowed == [p for p in primes if _is_latin(bijective_labels(p))]
    assert {7, 17, 113} <= set(allowed)
    assert not {3, 5, 11, 23, 31} & set(allowed)
    assert (bijective_labels(113).diagonal() == np.arange(113)).all()  # g(x, x) = x


def test_bijective_labels_by_hand():
    # p = 7: squares are 1, 2, 4; g(0, 1) = 5 * 1, g(0, 3) = 3 * 3 = 2, g(2, 1): d = 6, 2 + 18 = 6
    g = bijective_labels(7)
    assert (g[0, 1], g[0, 3], g[2, 1]) == (5, 2, 6)


def _collisions(given: np.ndarray) -> np.ndarray:
    """Delta: other pairs in the same row or the same column with the same label."""
    p = len(given)
    one = given[..., None] == np.arange(p)
    rows, columns = one.sum(1), one.sum(0)  # (row, class), (column, class)
    i, j = np.indices((p, p))
    return rows[i, given] + columns[j, given] - 2


@pytest.mark.parametrize("noise", [0.1, 0.3, 0.7])
def test_noisy_labels_collide_as_often_as_the_follow_up_says(noise):
    # full table, labels over all classes: Delta_clean = 2 alpha (1 - 1/p), noise 2 (1 - 1/p)
    p = 113
    table = noisy_table(
        Run(p=p, train_frac=1.0, val_frac=0.0, test_frac=0.0, noise=noise, noise_kind="any")
    )
    delta = _collisions(table.given[0].numpy())
    role = table.role[0].numpy()
    # a Delta is about Poisson: the mean of k of them has sigma sqrt(2 / k), neighbours share pairs
    for code, expected in ((CLEAN, 2 * noise), (NOISY, 2.0)):
        of_role = delta[role == code]
        sigma = 2 * (expected / len(of_role)) ** 0.5
        assert of_role.mean() == pytest.approx(expected * (1 - 1 / p), abs=4 * sigma)


def test_bijective_noise_collides_only_with_clean_pairs():
    # full table: a g-labelled pair meets clean ones, 2 (1 - alpha); a clean one meets 2 alpha
    table = noisy_table(
        Run(p=113, train_frac=1.0, val_frac=0.0, test_frac=0.0, noise=0.3, noise_kind="bijective")
    )
    delta = _collisions(table.given[0].numpy())
    role = table.role[0].numpy()
    assert delta[role == NOISY].mean() == pytest.approx(2 * 0.7, abs=0.1)
    assert delta[role == CLEAN].mean() == pytest.approx(2 * 0.3, abs=0.1)


def test_the_ceiling_of_symmetric_functions_by_hand():
    # mirror pairs: (0,1) clean against noisy, (0,2) noisy against noisy with other labels,
    # (1,2) noisy against test; the diagonal: clean, noisy, validation
    role = torch.tensor([[[CLEAN, NOISY, NOISY], [CLEAN, NOISY, NOISY], [NOISY, TEST, VAL]]])
    true = torch.from_numpy(true_labels("add", 3))[None]
    given = torch.tensor([[[0, 0, 1], [1, 0, 2], [0, 0, 1]]])
    noisy, train = symmetric_ceiling(NoisyTable(3, true, given, role))
    assert noisy.tolist() == [pytest.approx(4 / 5)]  # 5 noisy pairs, one of (0, 2) is lost
    assert train.tolist() == [pytest.approx(5 / 7)]  # and one of (0, 1)


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("split", ["ordered", "unordered"])
def test_no_symmetric_function_beats_the_ceiling_and_one_reaches_both(split, noise):
    table = noisy_table([Run(p=11, split=split, noise=noise, seed=seed) for seed in (1, 2)])
    ceilings = symmetric_ceiling(table)
    for i in range(2):
        given, role, train = table.given[i], table.role[i], table.train[i]
        best = {"noisy": 0, "train": 0, "both": [0, 0]}
        for a in range(11):
            for b in range(a + 1):
                cells = {(a, b), (b, a)}
                hits = [
                    [
                        sum(bool(given[c] == label and inside[c]) for c in cells)
                        for inside in (role == NOISY, train)
                    ]
                    for label in range(11)
                ]
                best["noisy"] += max(x for x, _ in hits)
                best["train"] += max(x for _, x in hits)
                noisy, all_ = max(hits)
                best["both"] = [best["both"][0] + noisy, best["both"][1] + all_]
        assert best["both"] == [best["noisy"], best["train"]]
        counts = [int((role == NOISY).sum()), int(train.sum())]
        if noise:
            assert ceilings[0][i].item() == pytest.approx(best["noisy"] / counts[0])
            assert noise < 0.7 or ceilings[0][i] < 1
        else:
            assert ceilings[0][i].isnan()
        assert ceilings[1][i].item() == pytest.approx(best["train"] / counts[1])


def test_symmetric_noise_and_clean_labels_lie_in_reach_of_symmetric_functions():
    run = Run(p=23, noise=0.4, noise_kind="symmetric", split="unordered")
    assert [x.item() for x in symmetric_ceiling(noisy_table(run))] == [1.0, 1.0]
    assert symmetric_ceiling(noisy_table(Run(p=23, noise=0.0)))[1].item() == 1.0
    subtraction = symmetric_ceiling(noisy_table(Run(p=23, op="sub", noise=0.0, train_frac=1.0,
                                                    val_frac=0.0, test_frac=0.0)))  # fmt: skip
    assert subtraction[1].item() == pytest.approx((23 + 23 * 22 / 2) / 23**2)
