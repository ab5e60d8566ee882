"""Finite width: ridge regression on p = kappa d random features, in the same asymptotics.

phi(x) = sigma(F x / sqrt(d)) with F of p x d standard normal numbers acts as mu_1 F x / sqrt(d)
plus mu_star times noise of its own per feature. Source: ours; `modnoise.facts.theory` is the limit
kappa -> infinity.
"""

from __future__ import annotations

import numpy as np

from modnoise.facts.inputs import Array, Values, checked
from modnoise.facts.theory import Solution, signal
from modnoise.spec import SpecError

NODES = 400
"""Nodes of the average over eigenvalues, by the midpoint rule in an angle."""


def spectrum(kappa: Values) -> tuple[Array, Array]:
    """Eigenvalues s of F F^T / d and their weights, which sum to one, along a new last axis.

    Marchenko and Pastur: between (sqrt(kappa) -+ 1)^2 the density is
    sqrt((s_+ - s)(s - s_-)) / (2 pi kappa s), and for kappa > 1 a share 1 - 1/kappa is at zero,
    which is the last node.
    """
    kappa = np.asarray(kappa, dtype=np.float64)[..., None]
    theta = (np.arange(NODES) + 0.5) * np.pi / NODES
    half = 2 * np.sqrt(kappa)
    s = 1 + kappa + half * np.cos(theta)
    weight = (half * np.sin(theta)) ** 2 / (2 * np.pi * kappa * s) * np.pi / NODES
    zero = np.maximum(1 - 1 / kappa, 0.0)
    return (
        np.concatenate([s, np.zeros_like(kappa)], axis=-1),
        np.concatenate([weight, zero], axis=-1),
    )


def random_features(
    alpha: Values,
    eps: Values,
    lam: Values,
    kappa: Values,
    mu_1: Values = 1.0,
    mu_star: Values = 0.0,
) -> Solution:
    """Ridge regression on random features, f = theta . phi(x) / sqrt(p).

    The penalty is lam |theta|^2 / 2. With Omega = mu_1^2 s + mu_star^2, <.> the average over
    `spectrum`, a = alpha / kappa = n / p and Vhat = a / (1 + V), D = lam + Vhat Omega:

        V = <Omega / D>,  m = mhat sqrt(kappa) <mu_1^2 s / D>,  mhat = a sqrt(kappa) c / (1 + V),
        q = <(qhat Omega + mhat^2 mu_1^2 s) Omega / D^2>,  qhat = a (1 - 2 c m + q) / (1 + V)^2.

    V is found by bisection (its equation is concave), the rest is linear in q. In the result
    ``tau`` is V; E_gen peaks at p = n. Arguments are numbers or arrays that broadcast.

    Raises:
        SpecError: a value that is not allowed, in one line; lam = 0.
    """
    alpha, eps, lam, kappa, mu_1, mu_star = checked(
        alpha=alpha, eps=eps, lam=lam, kappa=kappa, mu_1=mu_1, mu_star=mu_star
    )
    if np.any(lam == 0):
        raise SpecError("lam = 0 is not allowed: it must be above 0 for random features")
    s, weight = spectrum(kappa)
    line = mu_1[..., None] ** 2 * s
    omega, ratio, c = line + mu_star[..., None] ** 2, alpha / kappa, signal(eps)

    def mean(x: Array) -> Array:
        return (weight * x).sum(-1)

    def divisor(v: Array) -> Array:
        return lam[..., None] + (ratio / (1 + v))[..., None] * omega

    top = np.log(mean(omega) / lam)
    low, high = top - 60.0, top
    for _ in range(70):
        middle = (low + high) / 2
        v = np.exp(middle)
        above = mean(omega / divisor(v)) > v
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    v = np.exp((low + high) / 2)
    d = divisor(v)
    m_hat = ratio * np.sqrt(kappa) * c / (1 + v)
    m = m_hat * np.sqrt(kappa) * mean(line / d)
    spread = ratio / (1 + v) ** 2 * mean((omega / d) ** 2)
    q = (m_hat**2 * mean(line * omega / d**2) + spread * (1 - 2 * c * m)) / (1 - spread)
    return Solution(m, q, v)
