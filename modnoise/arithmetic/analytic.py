"""Nets that add by construction, without training (paper, Eq. 2).

Neuron m has a scale lambda and a frequency k:  u[i] = lambda cos(2 pi k i / p + phi_a),
v[j] = lambda cos(2 pi k j / p + phi_b), w[c] = lambda cos(2 pi k c / p + phi_c) with
phi_c = phi_a + phi_b for addition and phi_a - phi_b for subtraction, and mu = 0. Summed over
evenly spread phases, the logits are a sum over k of cosines of 2 pi k (c - a o b) / p, largest at
the right class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.operations import OPERATIONS
from modnoise.spec import SpecError

_QUARTERS = {
    16: [(a, b) for a in range(4) for b in range(4)],
    8: [(0, 0), (0, 2), (1, 1), (1, 3), (1, 0), (1, 2), (0, 1), (0, 3)],
}
"""Pairs (phi_a, phi_b) in quarter turns. All 16 cancel every unwanted term of x^2, ReLU, reverse
ReLU and |x|; the 8 are enough for x^2 and |x|, not for ReLU."""


def _cosine_nets(
    p: int,
    k: np.ndarray,
    phi_a: np.ndarray,
    phi_b: np.ndarray,
    scale: float | Sequence[float] | np.ndarray,
    op: str,
    act: str,
) -> NetStack:
    if op not in OPERATIONS or OPERATIONS[op].logarithms:
        raise SpecError(f"op = {op!r} is not allowed: it must be 'add' or 'sub'")
    if not ((k >= 1) & (k <= (p - 1) // 2)).all():
        raise SpecError(
            f"frequencies = {np.unique(k).tolist()} is not allowed: they must lie in "
            f"1 ... {(p - 1) // 2}"
        )
    phi_c = phi_a + OPERATIONS[op].sign * phi_b
    turn = 2 * np.pi * np.arange(p) * k[:, None] / p
    size = np.broadcast_to(np.asarray(scale, float), k.shape)[:, None]
    U, V, W = (
        torch.from_numpy(size * np.cos(turn + phi[:, None]))[None] for phi in (phi_a, phi_b, phi_c)
    )
    return NetStack(U, V, W, torch.zeros(1, p, dtype=torch.float64), act)


def exact_nets(
    p: int,
    frequencies: Sequence[int],
    *,
    phases: int = 16,
    act: str = "quadratic",
    op: str = "add",
    scale: float | Sequence[float] | np.ndarray = 1.0,
) -> NetStack:
    """A stack of one net in float64 with ``phases`` neurons for every given frequency.

    ``phases=16``: all pairs of quarter turns; ``phases=8``: a smaller set, exact for x^2. Five
    frequencies, such as 1, 7, 20, 33, 50 for p = 113, separate the classes well. ``scale``:
    lambda, one number or one per neuron (ordered by frequency, then phase pair); within one
    frequency it must be constant for the cancellation to be exact.

    Raises:
        SpecError: phases, op, act or a frequency outside 1 ... (p - 1) // 2.
    """
    if phases not in _QUARTERS:
        raise SpecError(f"phases = {phases!r} is not allowed: it must be 16 or 8")
    quarters = np.array(_QUARTERS[phases]) * np.pi / 2
    k = np.repeat(np.asarray(frequencies, int), phases)
    phi_a, phi_b = np.tile(quarters, (len(frequencies), 1)).T
    return _cosine_nets(p, k, phi_a, phi_b, scale, op, act)


def random_phase_nets(
    p: int,
    width: int,
    *,
    act: str = "relu",
    op: str = "add",
    scale: float | Sequence[float] | np.ndarray = 1.0,
    seed: int = 0,
) -> NetStack:
    """A stack of one net in float64 with random frequencies and random phases phi_a, phi_b.

    Computes the operation with a probability that goes to 1 with the width; its unwanted terms
    fall like 1/sqrt(M) (follow-up paper, arXiv 2610.11833; Doshi et al.).
    """
    rng = np.random.default_rng(seed)
    k = rng.integers(1, (p - 1) // 2 + 1, width)
    phi_a, phi_b = rng.uniform(-np.pi, np.pi, (2, width))
    return _cosine_nets(p, k, phi_a, phi_b, scale, op, act)
