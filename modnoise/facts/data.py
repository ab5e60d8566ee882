"""Rules and facts: inputs, a teacher, and labels of which some are a coin's, by seed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_INPUTS, _TEACHER, _LABELS, _FRESH = range(4)  # streams of a seed


class Examples(NamedTuple):
    """A training set, and what new inputs are judged by.

    ``x`` (n, d) standard normal; ``teacher`` (d,) of length sqrt(d); ``rule`` (n,) the teacher's
    labels -1 or 1; ``given`` (n,) those taught; ``fact`` (n,) where they are a coin's.
    """

    x: np.ndarray
    teacher: np.ndarray
    rule: np.ndarray
    given: np.ndarray
    fact: np.ndarray


def examples(n: int, d: int, eps: float, seed: int) -> Examples:
    """n examples of which exactly round(eps n) are facts, each +1 or -1 with probability 1/2.

    The same seed gives the same inputs and teacher at every eps, and facts that are nested.
    """
    x = np.random.default_rng([seed, _INPUTS]).normal(size=(n, d))
    teacher = np.random.default_rng([seed, _TEACHER]).normal(size=d)
    teacher *= np.sqrt(d) / np.linalg.norm(teacher)
    rng = np.random.default_rng([seed, _LABELS])
    order, coin = rng.permutation(n), rng.choice([-1.0, 1.0], n)
    fact = np.zeros(n, dtype=bool)
    fact[order[: round(eps * n)]] = True
    rule = _signs(x @ teacher)
    return Examples(x, teacher, rule, np.where(fact, coin, rule), fact)


def fresh(some: Examples, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """New inputs (n, d) and the teacher's labels (n,)."""
    x = np.random.default_rng([seed, _FRESH]).normal(size=(n, some.x.shape[1]))
    return x, _signs(x @ some.teacher)


def _signs(field: np.ndarray) -> np.ndarray:
    return np.where(field >= 0, 1.0, -1.0)
