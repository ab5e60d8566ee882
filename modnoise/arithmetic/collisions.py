"""Why noise comes first: pairs that share an input and the label, counted and expected.

A pair (a, b) *collides* with another training pair that has the same a or the same b and the same
given label: one update raises the same entries of U or V and of W for both. The follow-up paper
(arXiv 2610.11833) finds that from a small initialization the loss of a pair falls the faster the
more collisions it has. Right labels form a Latin square, so a right pair collides with wrong ones
only; a randomly wrong pair also collides with the right ones of its row and column.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import one_hot

from modnoise.arithmetic.metrics import predictions
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.operations import OPERATIONS
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import (
    CLEAN,
    NOISY,
    NoisyTable,
    bijective_labels,
    noisy_table,
    true_labels,
)

_ROLES = {"clean": CLEAN, "noisy": NOISY}


def count_collisions(table: NoisyTable) -> Int[Tensor, "run p p"]:
    """Delta: how many *other* training pairs share exactly one input, and the given label.

    For pairs outside the training set: with how many training pairs they would collide.
    """
    train = table.train.long()
    labels = one_hot(table.given, table.p) * train[..., None]
    same_a, same_b = labels.sum(2), labels.sum(1)  # (run p p): row a, or column b, and class
    b = table.given.mT
    return same_a.gather(2, table.given) + same_b.gather(2, b).mT - 2 * train


def mean_collisions(table: NoisyTable) -> pd.DataFrame:
    """Mean collisions of clean and of noisy training pairs, one row per run; NaN without pairs."""
    count = count_collisions(table).double()
    means = {}
    for name, code in _ROLES.items():
        here = table.role == code
        means[name] = ((count * here).sum((1, 2)) / here.sum((1, 2))).numpy()
    return pd.DataFrame(means).rename_axis("run")


def expected_collisions(run: Run) -> dict[str, float]:
    """Mean collisions over splits and noise, in closed form, for ``clean`` and ``noisy`` pairs.

    With N = p^2 pairs, n of them for training, m = round(noise n) of those noisy, each *other*
    pair of a training pair's row and column is clean with probability (n - m)/(N - 1) beside a
    noisy pair, noisy with m/(N - 1) beside a clean one and (m - 1)/(N - 1) beside a noisy one:

    - wrong: clean 2 m/(N - 1); noisy 2 (n - m)/(N - 1) + 2 (p - 2)/(p - 1) (m - 1)/(N - 1);
    - any: clean (1 - 1/p) 2 m/(N - 1); noisy (1 - 1/p) 2 (n - 1)/(N - 1), as the follow-up paper
      has it: 2 alpha (1 - 1/p) and 2 (1 - 1/p) on the full table, up to 1/N;
    - bijective: clean 2 q m/(N - 1), noisy 2 q (n - m)/(N - 1), where q is the share of pairs
      whose bijective label differs from the true one. On the full table noisy less clean is
      2 q (1 - 2 alpha); the follow-up prints half of that.

    Source: ours (the follow-up has the full table). Checked against counts.

    Raises:
        ValueError: an operation whose table is no Latin square, an unordered split, or symmetric
            noise.
    """
    if not OPERATIONS[run.op].latin or run.split != "ordered" or run.noise_kind == "symmetric":
        raise ValueError(
            f"op = {run.op!r}, split = {run.split!r}, noise_kind = {run.noise_kind!r} is not "
            f"allowed: closed forms are for add and sub, ordered splits, and wrong, any or "
            f"bijective noise"
        )
    p, n, m = run.p, run.n_train, round(run.noise * run.n_train)
    clean, noisy, more = (2 * x / (p**2 - 1) for x in (n - m, m, m - 1))
    if run.noise_kind == "wrong":
        return {"clean": noisy, "noisy": clean + (p - 2) / (p - 1) * more}
    if run.noise_kind == "any":
        return {"clean": (1 - 1 / p) * noisy, "noisy": (1 - 1 / p) * (clean + more)}
    wrong = float((bijective_labels(p) != true_labels(run.op, p)).mean())
    return {"clean": wrong * noisy, "noisy": wrong * clean}


def collision_table(runs: Iterable[Run]) -> pd.DataFrame:
    """One row per run: its fields and ``key``, mean collisions counted and expected.

    Columns ``collisions_clean``, ``collisions_noisy``, ``expected_clean``, ``expected_noisy``.
    """
    rows = []
    for run in runs:
        counted = mean_collisions(noisy_table(run)).iloc[0]
        numbers = {f"collisions_{role}": x for role, x in counted.items()}
        numbers |= {f"expected_{role}": x for role, x in expected_collisions(run).items()}
        rows.append({"key": run.key, **run.model_dump(), **numbers})
    return pd.DataFrame(rows)


def learned_by_collisions(nets: NetStack, table: NoisyTable) -> pd.DataFrame:
    """How many training pairs of a role and number of collisions are answered as they were given.

    Rows (role, collisions) with the counts ``pairs`` and ``right``, over all runs of the stack.
    """
    right, count = predictions(nets) == table.given, count_collisions(table)
    parts = [
        pd.DataFrame({"collisions": count[here].numpy(), "right": right[here].numpy()}).assign(
            role=role
        )
        for role, code in _ROLES.items()
        if (here := table.role == code).any()
    ]
    groups = pd.concat(parts).groupby(["role", "collisions"]).right
    return groups.agg(pairs="size", right="sum").reset_index()
