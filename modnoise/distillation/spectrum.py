"""Random features for denoising: the constants, the edges and the moments of their theory.

Data are Gaussian with unit variance. x_t = e^-t x + sqrt(D_t) xi, D_t = 1 - e^-2t; features
phi = tanh(W x_t / sqrt(d)), W of p rows of d standard normal numbers, fixed; the score is
A phi / sqrt(p) with A trained (Bonnaire et al. 2025). U = (1/n) sum over examples of E phi phi^T,
the expectation over xi. numpy only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
ORDERS = 10
"""Terms of the expansion in Hermite polynomials: for d = 20 and more the next is below 1e-6."""


def variance(t: float) -> float:
    """D_t = 1 - exp(-2 t), of the noise in x_t."""
    return float(-np.expm1(-2 * t))


class Constants(NamedTuple):
    """What the theory knows of an activation at a noise level, for data of unit variance.

    a = E tanh'(z); b^2 = D_t a^2; v2 = E[tanh(e^-t u + sqrt(D) v) tanh(e^-t u + sqrt(D) w)] -
    a^2 e^-2t; s2 = E tanh(z)^2 - a^2 e^-2t - v2 - b^2; z, u, v, w standard normal.
    """

    a: float
    b2: float
    v2: float
    s2: float


def constants(t: float) -> Constants:
    """The constants of tanh at noise level t, by quadrature."""
    square, shrunk = variance(t), float(np.exp(-t))
    a = float(WEIGHTS @ (1 / np.cosh(NODES) ** 2))
    inner = np.tanh(shrunk * NODES[:, None] + np.sqrt(square) * NODES) @ WEIGHTS
    v2 = float(WEIGHTS @ inner**2) - a**2 * shrunk**2
    s2 = float(WEIGHTS @ np.tanh(NODES) ** 2) - a**2 - v2
    return Constants(a, square * a**2, v2, s2)


def edges(psi_n: float, psi_p: float, t: float) -> tuple[float, float]:
    """Edges of the bulk that memorizes, s^2 + v^2 (1 -+ sqrt(psi_p / psi_n))^2.

    Marchenko and Pastur's law for n = psi_n d examples and more features, p = psi_p d.
    """
    one, root = constants(t), float(np.sqrt(psi_p / psi_n))
    return one.s2 + one.v2 * (1 - root) ** 2, one.s2 + one.v2 * (1 + root) ** 2


def _hermite(mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """h_k = E[tanh(mean + spread g) He_k(g)] / sqrt(k!), for k below `ORDERS`, on axis 0."""
    found, factor = np.zeros((ORDERS, *mean.shape)), np.ones(ORDERS)
    for k in range(1, ORDERS):
        factor[k] = factor[k - 1] / np.sqrt(k)
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        value = weight * np.tanh(mean + spread * node)
        before, here = 0.0, 1.0
        for k in range(ORDERS):
            found[k] += factor[k] * here * value
            before, here = here, node * here - k * before
    return found


def moment(
    W: Float[np.ndarray, "p d"],
    X: Float[np.ndarray, "n d"],
    t: float,
    other: float | None = None,
) -> Float[np.ndarray, "p p"]:
    """(1/n) sum over examples of E phi(x_t) phi(x_other)^T, both with the same noise xi.

    Exact but for the expansion: with rho_ij the correlation of W_i xi and W_j xi,
    E f(W_i x_t) f(W_j x_s) = sum_k rho_ij^k h_k(i) h_k(j); the diagonal, where rho = 1, is
    integrated by itself. ``other``: another noise level, default t, which gives U.
    """
    d, n = W.shape[1], len(X)
    norm = np.sqrt((W**2).sum(1) / d)
    clean = W @ X.T / np.sqrt(d)
    rho = W @ W.T / d / norm[:, None] / norm
    at = [t] if other is None else [t, other]
    means = [np.exp(-x) * clean for x in at]
    spreads = [np.sqrt(variance(x)) * norm[:, None] for x in at]
    hermite = [_hermite(m, s) for m, s in zip(means, spreads, strict=True)]
    found, power = np.zeros_like(rho), np.ones_like(rho)
    for k in range(ORDERS):
        found += power * (hermite[0][k] @ hermite[-1][k].T) / n
        power = power * rho
    both = np.zeros(len(W))
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        values = [np.tanh(m + s * node) for m, s in zip(means, spreads, strict=True)]
        both += weight * (values[0] * values[-1]).mean(1)
    np.fill_diagonal(found, both)
    return found


def population(W: Float[np.ndarray, "p d"]) -> Float[np.ndarray, "p p"]:
    """E phi phi^T over data and noise: x_t is standard normal at every t."""
    return moment(W, np.zeros((1, W.shape[1])), 50.0)


def slope(
    W: Float[np.ndarray, "p d"], X: Float[np.ndarray, "n d"] | None, t: float
) -> Float[np.ndarray, " p"]:
    """(1/n) sum over examples of E tanh'(W_i x_t / sqrt(d)); no ``X``: over all data."""
    norm = np.sqrt((W**2).sum(1) / W.shape[1])
    if X is None:
        return (1 / np.cosh(norm[:, None] * NODES) ** 2) @ WEIGHTS
    mean, spread = np.exp(-t) * W @ X.T / np.sqrt(W.shape[1]), np.sqrt(variance(t)) * norm[:, None]
    return sum(
        weight * (1 / np.cosh(mean + spread * node) ** 2).mean(1)
        for node, weight in zip(NODES, WEIGHTS, strict=True)
    )


def equivalent(
    W: Float[np.ndarray, "p d"], X: Float[np.ndarray, "n d"], t: float, rng: np.random.Generator
) -> Float[np.ndarray, " p"]:
    """Falling eigenvalues of the Gaussian equivalent of U, with its own random part.

    G G^T / n + b^2 W W^T / d + s^2 I, G = e^-t a W X^T / sqrt(d) + v Omega, Omega standard
    normal, p x n.
    """
    one, d = constants(t), W.shape[1]
    G = np.exp(-t) * one.a * W @ X.T / np.sqrt(d)
    G += np.sqrt(one.v2) * rng.standard_normal(G.shape)
    low = np.concatenate([G / np.sqrt(len(X)), np.sqrt(one.b2 / d) * W], 1)
    found = np.linalg.eigvalsh(low.T @ low)[::-1] if low.shape[1] < len(W) else (
        np.linalg.eigvalsh(low @ low.T)[::-1]
    )  # fmt: skip
    return np.concatenate([found, np.zeros(len(W) - len(found))]).clip(0) + one.s2
