"""A random-feature denoiser solved: exact gradient flow, and distillation over noise levels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from modnoise.distillation.run import FeaturesRun
from modnoise.distillation.spectrum import (
    edges,
    equivalent,
    moment,
    population,
    slope,
    variance,
)

TIMES = np.geomspace(1e-2, 1e5, 141)
"""At which the flow is looked at: in units of 1 / D_t, twenty a decade."""

BULKS = ("population", "memorizing", "rest")
"""Directions by rank of their eigenvalue: the first d, those up to n, the others."""


class Solved(NamedTuple):
    """One random-feature network on its data, U's eigenvectors and eigenvalues falling."""

    run: FeaturesRun
    W: Float[np.ndarray, "p d"]
    X: Float[np.ndarray, "n d"]
    values: Float[np.ndarray, " p"]
    vectors: Float[np.ndarray, "p p"]


def solve(run: FeaturesRun) -> Solved:
    """Data, features and U's eigenvectors of a run, from its seed."""
    rng = np.random.default_rng([run.seed, 1])
    W, X = rng.standard_normal((run.p, run.d)), rng.standard_normal((run.n, run.d))
    values, vectors = np.linalg.eigh(moment(W, X, run.time))
    return Solved(run, W, X, values[::-1], vectors[:, ::-1])


def bulks(run: FeaturesRun) -> dict[str, slice]:
    """Where in the falling order of eigenvalues each of `BULKS` lies."""
    ends = (0, run.d, run.n, run.p)
    return {name: slice(*ends[i : i + 2]) for i, name in enumerate(BULKS)}


def spectrum_rows(one: Solved) -> tuple[list[dict], np.ndarray]:
    """A row per bulk: eigenvalues, those of the Gaussian equivalent, the law's edges, times.

    ``relaxation``: psi_p / (D_t lambda) at the median eigenvalue, times D_t. Also the
    equivalent's eigenvalues.
    """
    run = one.run
    beside = equivalent(one.W, one.X, run.time, np.random.default_rng([run.seed, 2]))
    rows = []
    for name, at in bulks(run).items():
        mine, other = one.values[at], beside[at]
        row = {"part": name, "directions": len(mine)}
        row |= {"eigenvalue_low": mine[-1], "eigenvalue_high": mine[0]}
        row |= {"equivalent_low": other[-1], "equivalent_high": other[0]}
        if name == "memorizing":
            law = edges(run.psi_n, run.psi_p, run.time)
            row |= dict(zip(("law_low", "law_high"), law, strict=True))
        row["relaxation"] = run.psi_p / float(np.median(mine))
        rows.append(row)
    return rows, beside


def flow_rows(one: Solved, times: np.ndarray = TIMES) -> list[dict]:
    """Training and test loss along the exact gradient flow from A = 0.

    Loss (1/d) E |sqrt(D) A phi / sqrt(p) + xi|^2. With dA/dtau = -(d^2/2) gradient, direction k
    of U relaxes in psi_p / (D lambda_k): A(tau) = -V sum_k (1 - exp(-D lambda_k tau / psi_p))
    / (sqrt(D) lambda_k / p) e_k e_k^T, V = E xi phi^T / sqrt(p). ``time`` counts 1 / D.
    """
    run, D = one.run, variance(one.run.time)
    values, vectors = one.values / run.p, one.vectors
    scale = np.sqrt(D / (run.d * run.p))
    V = [scale * slope(one.W, x, run.time)[:, None] * one.W for x in (one.X, None)]  # (p d)
    inner, test = vectors.T @ V[0], vectors.T @ V[1]
    C = -inner / (np.sqrt(D) * values[:, None])  # A = C^T vectors^T at infinite time
    gram = (C @ C.T) * (vectors.T @ population(one.W) @ vectors) / run.p
    train = np.stack([D * (C**2).sum(1) * values, 2 * np.sqrt(D) * (C * inner).sum(1)])
    linear = 2 * np.sqrt(D) * (C * test).sum(1)
    rows = []
    for time in times:
        g = -np.expm1(-time * one.values / run.psi_p)
        here = float(train[0] @ g**2 + train[1] @ g) / run.d + 1
        there = float(D * g @ gram @ g + linear @ g) / run.d + 1
        rows.append({"part": "flow", "tau": time, "loss_train": here, "loss_test": there})
    return rows


def hop_rows(one: Solved) -> list[dict]:
    """Stability and readout of each bulk as the network is distilled to ever more noise.

    A hop fits B phi(x_t) to the last readout of phi(x_s), the same x and xi with less noise:
    B <- B C U_t^-1, C = E phi(x_s) phi(x_t)^T; t doubles from hop to hop. The start is the
    trained readout A. Per bulk and number of hops: ``correlation``, the median over the first
    level's eigenvectors e_k of e_k^T C e_k / sqrt(e_k^T U_s e_k e_k^T U_t e_k), from the first
    level s to this level t; ``energy``, sum over U_t's eigenvectors of |B e_k|^2 lambda_k / p,
    the bulk's share in E |B phi / sqrt(p)|^2; ``energy_before``, the same of A, not distilled.
    """
    run, D, first = one.run, variance(one.run.time), one.vectors
    levels = [run.time * 2**k for k in range(run.hops + 1)]
    V = np.sqrt(D / (run.d * run.p)) * slope(one.W, one.X, run.time)[:, None] * one.W
    A = -((first / (np.sqrt(D) * one.values / run.p)) @ (first.T @ V)).T  # (d p)
    B, rows = A, _hop(one, 0, one.values, first, (A, A), np.ones(run.p))
    for hop in range(1, run.hops + 1):
        U = moment(one.W, one.X, levels[hop])
        step = moment(one.W, one.X, levels[hop - 1], levels[hop])
        B = np.linalg.solve(U, (B @ step).T).T
        across = moment(one.W, one.X, levels[0], levels[hop])
        there, both = (((x @ first) * first).sum(0) for x in (U, across))
        values, vectors = np.linalg.eigh(U)
        correlation = both / np.sqrt(one.values * there)
        rows += _hop(one, hop, values[::-1], vectors[:, ::-1], (B, A), correlation)
    return rows


def _hop(
    one: Solved,
    hop: int,
    values: np.ndarray,
    vectors: np.ndarray,
    readouts: tuple[np.ndarray, np.ndarray],
    correlation: np.ndarray,
) -> list[dict]:
    after, before = (((x @ vectors) ** 2).sum(0) * values / one.run.p for x in readouts)
    return [
        {
            "part": name,
            "hop": hop,
            "correlation": float(np.median(correlation[at])),
            "energy": float(after[at].sum()),
            "energy_before": float(before[at].sum()),
        }
        for name, at in bulks(one.run).items()
    ]
