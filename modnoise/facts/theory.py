"""The asymptotics of the Rules-and-Facts model: n, d to infinity at n / d = alpha.

Data: x of d standard normal numbers, z = w* . x / sqrt(d). The label is sign(z), the *rule*, with
probability 1 - eps, and a coin's, a *fact*, with eps. Learners are kernel machines: they minimize
sum l(y, f(x)) + lam |f|^2 / 2. With n of the order of d a kernel h(x . x' / d) acts as
mu_1^2 x . x' / d + mu_star^2 [x = x']: a linear part, which can learn the rule, and a private
direction for each example, which can hold its label and is invisible on new inputs.

In this limit everything is told by three numbers: the overlap m = w . w* / d of the linear part
with the teacher, its squared length q = |w|^2 / d, and the response V. The equations are derived
here from the model's definition (source: ours); `tests/test_facts.py` compares them with
simulations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, owens_t

from modnoise.facts.inputs import Array, Values, checked, some_penalty
from modnoise.spec import SpecError

MOST_ITERATIONS = 20_000
TOLERANCE = 1e-10
"""Largest relative change of m, q, V at which an iteration has ended."""


@dataclass(frozen=True)
class Solution:
    """The fixed point at each of the points asked for; all arrays have the shape of the points.

    ``m``, ``q`` as above; ``tau`` is how far the fit may move an example's own output: the
    linear part's response plus mu_star^2 / lam of the private direction (infinite at lam = 0).
    Errors are shares from 0 to 1.
    """

    m: Array
    q: Array
    tau: Array

    @property
    def cosine(self) -> Array:
        """m / sqrt(q), between the learned direction and the teacher's."""
        return np.clip(self.m / np.sqrt(self.q), -1, 1)

    @property
    def e_gen(self) -> Array:
        """P[sign f(x) != sign(z)] on new inputs, arccos(m / sqrt(q)) / pi."""
        return np.arccos(self.cosine) / np.pi

    @property
    def e_mem(self) -> Array:
        """Share of the training facts whose label is not stored, Phi(-tau / sqrt(q))."""
        return ndtr(-self.tau / np.sqrt(self.q))

    @property
    def e_rule(self) -> Array:
        """Share of the training examples of the rule that are wrong.

        Phi(-k) - 2 T(k, c / sqrt(1 - c^2)) with k = tau / sqrt(q), c the cosine and T Owen's.
        """
        k = np.minimum(self.tau / np.sqrt(self.q), 1e3)
        return np.maximum(ndtr(-k) - 2 * owens_t(k, slope(self.cosine)), 0.0)


def slope(cosine: Array) -> Array:
    """c / sqrt(1 - c^2), the argument of the label's probability per unit of the local field."""
    return cosine / np.sqrt(np.maximum(1 - cosine**2, 1e-300))


def signal(eps: Array) -> Array:
    """E[y z] = (1 - eps) sqrt(2 / pi), all that the square loss sees of the rule."""
    return (1 - eps) * np.sqrt(2 / np.pi)


def ridge(
    alpha: Values,
    eps: Values,
    lam: Values,
    mu_1: Values = 1.0,
    mu_star: Values = 0.0,
) -> Solution:
    """Kernel ridge regression, l(y, f) = (y - f)^2 / 2, in closed form.

    With r = (lam + mu_star^2) / mu_1^2, the only regularization that the linear part knows,
    b = 1 + mu_star^2 / lam and v = V / b the positive root of r v^2 + (r + alpha - 1) v = 1:

        m = alpha c v/(1+v),  A = alpha (v/(1+v))^2,  q = (m^2 + A (1 - 2 c m)) / (1 - A),
        tau = b (1 + v) - 1,  c = (1 - eps) sqrt(2/pi).

    Arguments are numbers or arrays that broadcast; lam = 0 is the interpolator, for mu_star > 0.

    Raises:
        SpecError: a value that is not allowed, in one line; lam = mu_star = 0.
    """
    alpha, eps, lam, mu_1, mu_star = checked(
        alpha=alpha, eps=eps, lam=lam, mu_1=mu_1, mu_star=mu_star
    )
    some_penalty(lam, mu_star)
    r, c = (lam + mu_star**2) / mu_1**2, signal(eps)
    half = r + alpha - 1
    root = np.sqrt(half**2 + 4 * r)
    # Of the two forms of the positive root the one that adds numbers of one sign.
    v = np.where(half > 0, 2 / (half + root + (half <= 0)), (root - half) / (2 * r))
    share = v / (1 + v)
    m, spread = alpha * c * share, alpha * share**2
    q = (m**2 + spread * (1 - 2 * c * m)) / (1 - spread)
    with np.errstate(divide="ignore"):
        b = 1 + np.where(mu_star > 0, mu_star**2 / lam, 0.0)
    return Solution(m, q, b * (1 + v) - 1)


def hinge(
    alpha: Values,
    eps: Values,
    lam: Values,
    mu_1: Values = 1.0,
    mu_star: Values = 0.0,
) -> Solution:
    """Support vector machine, l(y, f) = max(0, 1 - y f), without offset.

    The fixed point of V = 1 / (lam/mu_1^2 + Vhat), q = (mhat^2 + qhat) V^2, m = mhat V, with
    tau = V + mu_star^2/lam and the integrals of `hinge_channel`, iterated with damping 1/2.

    Arguments are numbers or arrays that broadcast; lam is above 0.

    Raises:
        SpecError: a value that is not allowed, or no convergence, in one line.
    """
    alpha, eps, lam, mu_1, mu_star = checked(
        alpha=alpha, eps=eps, lam=lam, mu_1=mu_1, mu_star=mu_star
    )
    if np.any(lam == 0):
        raise SpecError("lam = 0 is not allowed: it must be above 0 for the hinge loss")
    first = ridge(alpha, eps, lam, mu_1, mu_star)
    private = mu_star**2 / lam

    def update(state: np.ndarray) -> np.ndarray:
        response, q, m = state
        v_hat, q_hat, m_hat = hinge_channel(alpha, eps, response + private, q, m)
        new = 1 / (lam / mu_1**2 + v_hat)
        return np.stack([new, (m_hat**2 + q_hat) * new**2, m_hat * new])

    start = np.stack([first.tau - private, first.q, first.m])
    response, q, m = fixed_point(update, start, "hinge")
    return Solution(m, q, response + private)


def hinge_channel(
    alpha: Array, eps: Array, tau: Array, q: Array, m: Array
) -> tuple[Array, Array, Array]:
    """Vhat, qhat and mhat of the hinge loss, by exact Gaussian integrals.

    With u = y omega the proximal step moves u to u + tau below 1 - tau, to 1 up to 1, and not
    above; g is that move over tau. In t = u / sqrt(q), with density 2 phi(t) Z(t),
    Z(t) = (1 - eps) Phi(a t) + eps / 2 and a the slope of the cosine m / sqrt(q):

        Vhat = alpha P[middle] / tau,  qhat = alpha E[g^2],
        mhat = alpha (1 - eps) sqrt(2/pi) E[g] under t ~ N(0, 1 - m^2/q).
    """
    root = np.sqrt(q)
    cosine = np.clip(m / root, -1 + 1e-12, 1 - 1e-12)
    low, high, s = (1 - tau) / root, 1 / root, np.sqrt(1 - cosine**2)
    below, upto = (_moments(x, slope(cosine), eps) for x in (low, high))
    p0, p1, p2 = (b - a for a, b in zip(below, upto, strict=True))
    v_hat = alpha * p0 / tau
    q_hat = alpha * (below[0] + (p0 - 2 * root * p1 + q * p2) / tau**2)
    density = [np.exp(-((x / s) ** 2) / 2) / np.sqrt(2 * np.pi) for x in (low, high)]
    middle = ndtr(high / s) - ndtr(low / s) + root * s * (density[1] - density[0])
    m_hat = alpha * signal(eps) * (ndtr(low / s) + middle / tau)
    return v_hat, q_hat, m_hat


def _moments(x: Array, a: Array, eps: Array) -> list[Array]:
    """Integrals of t^k 2 phi(t) ((1 - eps) Phi(a t) + eps/2) up to x, for k = 0, 1, 2."""
    phi, cdf, wide = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi), ndtr(x), np.sqrt(1 + a**2)
    at, far = ndtr(a * x), np.exp(-((x * wide) ** 2) / 2) / (2 * np.pi)
    rule = [cdf / 2 - owens_t(x, a)]
    rule.append(-phi * at + a / (np.sqrt(2 * np.pi) * wide) * ndtr(x * wide))
    rule.append(rule[0] - x * phi * at - a * far / wide**2)
    coin = [cdf, -phi, cdf - x * phi]
    return [2 * (1 - eps) * one + eps * other for one, other in zip(rule, coin, strict=True)]


def fixed_point(
    update: Callable[[np.ndarray], np.ndarray], start: np.ndarray, name: str
) -> np.ndarray:
    """Iterate x <- (x + update(x)) / 2 until no part changes by more than `TOLERANCE` of itself.

    ``start``: the variables, stacked along the first axis.

    Raises:
        SpecError: it has not ended after `MOST_ITERATIONS`.
    """
    x = start
    for _ in range(MOST_ITERATIONS):
        new = update(x)
        change = np.abs(new - x) / (np.abs(x) + 1e-9)
        x = (x + new) / 2
        if np.max(change, initial=0.0) < TOLERANCE:
            return x
    raise SpecError(f"{name} is not solved after {MOST_ITERATIONS} iterations: lam is too small")
