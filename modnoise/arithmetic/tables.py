"""The p x p world: operation, split, label noise.

All ordered pairs (a, b) form a table, so a data set is three p x p arrays and never a shuffled
list of one-hot vectors. Arrays of several runs are stacked on a leading axis ``run``; a single
run is a stack of one. Axis names used all over the package: ``run``, ``neuron``, ``a``, ``b``
(inputs), ``p`` (classes), ``freq``, ``role``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from modnoise.arithmetic.operations import OPERATIONS
from modnoise.arithmetic.run import TableRun

CLEAN, NOISY, VAL, TEST, UNUSED = range(5)
"""Codes in `NoisyTable.role`."""

_SPLIT, _NOISE = 1, 2  # streams of a seed; the initialization is stream 3 (nets.py)


@dataclass(frozen=True)
class NoisyTable:
    """Labels and roles of all pairs, stacked over runs.

    ``true[r, a, b]`` is a o b mod p; ``given`` differs from it on (most) NOISY pairs only;
    ``role`` holds the codes CLEAN, NOISY (training), VAL, TEST, UNUSED.
    """

    p: int
    true: Int[Tensor, "run p p"]
    given: Int[Tensor, "run p p"]
    role: Int[Tensor, "run p p"]

    @property
    def train(self) -> Tensor:
        """Boolean (run p p): clean or noisy."""
        return self.role <= NOISY

    def __getitem__(self, run: int) -> NoisyTable:
        """The table of one run, still with a run axis of length 1."""
        pick = slice(run, run + 1)
        return NoisyTable(self.p, self.true[pick], self.given[pick], self.role[pick])

    def to(self, device: str | torch.device) -> NoisyTable:
        """The same table on another device."""
        return NoisyTable(
            self.p, self.true.to(device), self.given.to(device), self.role.to(device)
        )


def true_labels(op: str, p: int) -> np.ndarray:
    """The (p, p) table of a o b mod p, on all pairs, zeros of multiplication included; division by
    0, which no pair asks for, gives 0.

    >>> true_labels("sub", 3)
    array([[0, 2, 1],
           [1, 0, 2],
           [2, 1, 0]])
    """
    a, b = np.arange(p)[:, None], np.arange(p)[None, :]
    return OPERATIONS[op].labels(a, b, p) % p


def bijective_labels(p: int) -> np.ndarray:
    """The Latin square g(x, y) = x + (4 + chi(y - x)) (y - x) mod p, and g(x, x) = x.

    chi is the Legendre symbol. Every row, and every column, holds every class once, so a pair
    mislabelled by g shares its label with no more pairs of its row and column than a right label
    does (follow-up paper, arXiv 2610.11833). True for primes with chi(2) = 1 and chi(3) = chi(5),
    such as 7, 17, 113 (ours); `TableRun` refuses all others.
    """
    d = (np.arange(p)[None, :] - np.arange(p)[:, None]) % p
    square = np.isin(d, np.arange(1, p) ** 2 % p)
    return (np.arange(p)[:, None] + np.where(square, 5, 3) * d) % p


def _by_share(order: np.ndarray, run: TableRun) -> list[tuple[np.ndarray, int]]:
    """Cut one permutation: test from its start, train behind it, validation from its end."""
    n_test, n_train, n_val = (
        int((f + 1e-9) * len(order)) for f in (run.test_frac, run.train_frac, run.val_frac)
    )
    n_val = min(n_val, len(order) - n_test - n_train)
    return [
        (order[:n_test], TEST),
        (order[n_test : n_test + n_train], CLEAN),
        (order[len(order) - n_val :], VAL),
    ]


def _split(run: TableRun, rng: np.random.Generator) -> np.ndarray:
    """Roles of all pairs before label noise; a growing train_frac keeps the test set."""
    p = run.p
    role = np.full((p, p), UNUSED)
    if run.split == "ordered":
        order = rng.permutation(OPERATIONS[run.op].defined(p))
        for cells, code in _by_share(order, run):
            role.flat[cells] = code
        return role
    upper_a, upper_b = np.triu_indices(p, 1)
    for cells, code in _by_share(rng.permutation(len(upper_a)), run):
        role[upper_a[cells], upper_b[cells]] = code
        role[upper_b[cells], upper_a[cells]] = code
    for cells, code in _by_share(rng.permutation(p), run):
        role[cells, cells] = code
    return role


def _add_noise(
    run: TableRun, true: np.ndarray, role: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Replace labels of round(noise n) training pairs; one permutation, so the sets are nested."""
    p = run.p
    given = true.copy()
    cells = rng.permutation(np.flatnonzero(role == CLEAN))
    lowest = 0 if run.noise_kind == "any" else 1
    wrong = rng.integers(lowest, p, size=p * p)  # drawn for every pair: nested labels too
    if run.noise_kind == "symmetric":
        a, b = cells // p, cells % p
        upper = cells[a < b][: round(run.noise * run.n_train / 2)]
        mirror = upper % p * p + upper // p
        wrong[mirror] = wrong[upper]
        noisy = np.concatenate([upper, mirror])
    else:
        noisy = cells[: round(run.noise * run.n_train)]
    if run.noise_kind == "bijective":
        given.flat[noisy] = bijective_labels(p).flat[noisy]
    else:
        given.flat[noisy] = (true.flat[noisy] + wrong[noisy]) % p
    role = role.copy()
    role.flat[noisy] = NOISY
    return given, role


def _one_table(run: TableRun) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    true = true_labels(run.op, run.p)
    role = _split(run, np.random.default_rng([run.seed, _SPLIT]))
    given, role = _add_noise(run, true, role, np.random.default_rng([run.seed, _NOISE]))
    return true, given, role


def noisy_table(runs: TableRun | Sequence[TableRun]) -> NoisyTable:
    """Tables of one or several runs with the same p, stacked on the axis ``run``.

    The split depends on (seed, fractions, split), the noise on (seed, noise_kind) and the split;
    for one seed the noisy set at a lower noise ratio is part of the one at a higher ratio, with
    the same labels. No global random state is read or changed.

    Paper: section 2 and C.2. Source of the nesting: ours.
    """
    runs = [runs] if isinstance(runs, TableRun) else list(runs)
    if len({run.p for run in runs}) != 1:
        raise ValueError(f"runs of one stack must share p, got {sorted({r.p for r in runs})}")
    true, given, role = (
        torch.from_numpy(np.stack(parts)) for parts in zip(*map(_one_table, runs), strict=True)
    )
    return NoisyTable(runs[0].p, true, given, role)


def symmetric_ceiling(table: NoisyTable) -> tuple[Float[Tensor, " run"], Float[Tensor, " run"]]:
    """The best accuracy that any f with f(a, b) = f(b, a) can have on the given labels.

    First on the NOISY pairs, then on all training pairs. Of two mirror pairs in the set whose
    labels differ such a function gets one right, of all others both: 1 less the number of
    unordered conflicting pairs over the size of the set. One function reaches both bounds: it
    takes the wrong label where a clean and a noisy pair conflict. NaN for an empty set. Paper:
    appendix C.2 says that a tied net cannot interpolate random noise; the exact number is ours.
    """
    differ = table.given != table.given.mT
    noisy, train = (
        1 - (inside & inside.mT & differ).sum((1, 2)).double() / 2 / inside.sum((1, 2))
        for inside in (table.role == NOISY, table.train)
    )
    return noisy, train
