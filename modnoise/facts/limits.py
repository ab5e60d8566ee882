"""What no choice of a learner can beat, and the choice that is best: bounds and closed forms.

Source: ours, derived from the model of `modnoise.facts.theory`, whose words and symbols are used.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from modnoise.facts.inputs import Array, Values, checked
from modnoise.facts.theory import fixed_point

BAYES_CONSTANT = 0.4417
"""alpha E_gen of the Bayes-optimal learner without facts, as alpha grows."""

_T = np.linspace(-10, 10, 401)  # the trapezoid rule: errors far below 1e-12


def bayes(alpha: Values, eps: Values) -> Array:
    """E_gen of the best guess of the rule from the labels, arccos(sqrt q) / pi; a share.

    q = qhat / (1 + qhat), qhat = alpha E sum_y (dZ)^2 / Z with overlap m = q. In t = y omega /
    sqrt(q) and a = sqrt(q / (1 - q)):

        qhat = 2 alpha (1 - eps)^2 / (1 - q) E_t[phi(a t)^2 / ((1 - eps) Phi(a t) + eps/2)].

    The facts can be kept beside it in a table, so there is no E_mem to trade against. Arguments
    are numbers or arrays that broadcast.

    Raises:
        SpecError: a value that is not allowed, in one line.
    """
    alpha, eps = checked(alpha=alpha, eps=eps)
    eps_, alpha_ = eps[..., None], alpha[..., None]

    def update(state: np.ndarray) -> np.ndarray:
        (y,) = state  # 1 - q, which may be tiny
        rest = y[..., None]
        wide = np.sqrt((2 - rest) / rest)  # 1 + 2 a^2, squared root of it
        x = np.sqrt((1 - rest) / rest) * _T / wide  # a t, where phi(t) phi(a t)^2 is wide
        with np.errstate(divide="ignore"):
            rule = np.log(1 - eps_) + log_ndtr(x)
            log_z = np.logaddexp(rule, np.log(eps_ / 2))
        # phi(t) phi(a t)^2 = phi(w) / (2 pi) in w = t wide; 1/Z grows at most as exp(x^2 / 2)
        density = np.exp(-(_T**2) / 2 - log_z) / (2 * np.pi) ** 1.5
        mean = np.trapezoid(density, _T, axis=-1) / wide[..., 0]
        q_hat = 2 * alpha_[..., 0] * (1 - eps) ** 2 / y * mean
        return np.stack([1 / (1 + q_hat)])

    certain = eps == 1
    (y,) = fixed_point(update, np.stack([1 / (1 + alpha)]), "bayes")
    return np.where(certain, 0.5, np.arccos(np.sqrt(np.maximum(1 - y, 0.0))) / np.pi)


def capacity(eps: Values) -> Array:
    """alpha_c, up to which a linear learner can store all labels; infinite without facts.

    1 / alpha_c = min over t <= 0 of E[(t y z + Z)_+^2], Z standard normal and independent, which
    is (1 - eps) ((1 + t^2) (pi/2 + arctan t) + t) / pi + eps (1 + t^2) / 2. Its derivative is
    zero at the root that is found here by bisection. eps = 1: Cover's and Gardner's 2.

    Raises:
        SpecError: an eps that is not allowed, in one line.
    """
    (eps,) = checked(eps=eps)
    # In t = -tan(theta), times cos(theta): the derivative is monotone on (0, pi/2).
    low, high = np.zeros_like(eps), np.full_like(eps, np.pi / 2)
    for _ in range(80):
        theta = (low + high) / 2
        rule = np.cos(theta) - np.sin(theta) * (np.pi / 2 - theta)
        rising = (1 - eps) * 2 / np.pi * rule - eps * np.sin(theta) > 0
        low, high = np.where(rising, theta, low), np.where(rising, high, theta)
    t = -np.tan(low)
    rule = ((1 + t**2) * (np.pi / 2 + np.arctan(t)) + t) / np.pi
    with np.errstate(divide="ignore"):
        found = 1 / ((1 - eps) * rule + eps * (1 + t**2) / 2)
    return np.where(eps == 0, np.inf, found)


def best_regularization(eps: Values) -> Array:
    """The (lam + mu_star^2) / mu_1^2 at which ridge regression generalizes best, for any alpha.

    (1 - c^2) / c^2 = pi / (2 (1 - eps)^2) - 1 with c = E[y z]; infinite at eps = 1.

    Raises:
        SpecError: an eps that is not allowed, in one line.
    """
    (eps,) = checked(eps=eps)
    with np.errstate(divide="ignore"):
        return np.pi / (2 * (1 - eps) ** 2) - 1


def best_angle(eps: Values) -> Array:
    """The kernel whose interpolator (lam = 0) generalizes as the best ridge, as an angle.

    gamma in radians, tan(gamma) = mu_star / mu_1, cos(gamma)^2 = 2 (1 - eps)^2 / pi: all facts are
    stored, and the rule is learned no worse for it.

    Raises:
        SpecError: an eps that is not allowed, in one line.
    """
    (eps,) = checked(eps=eps)
    return np.arccos((1 - eps) * np.sqrt(2 / np.pi))


def sphere(angle: Values) -> tuple[Array, Array]:
    """(mu_1, mu_star) of a kernel of unit size at an angle in radians.

    >>> [float(x) for x in sphere(0.0)]
    [1.0, 0.0]
    """
    angle = np.asarray(angle, dtype=np.float64)
    return np.cos(angle), np.sin(angle)
