"""Kernels and activations: what they amount to in high dimension, and their own formulas.

An activation sigma gives, for standard normal z, mu_0 = E sigma(z), mu_1 = E z sigma(z) and
mu_star^2 = E sigma(z)^2 - mu_0^2 - mu_1^2. A dot-product kernel h has mu_1^2 = h'(0) and
mu_star^2 = h(1) - h(0) - h'(0). mu_0 is dropped: kernels are centred here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from modnoise.sweep import one_of


def _relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0.0)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "erf": erf,
    "relu": _relu,
    "sign": np.sign,
    "cubic": lambda z: z**3 / np.sqrt(15),
}
"""Activations by name."""

_T = (np.arange(48_000) - 23_999.5) / 2_000  # midpoints: kinks and jumps, all at 0, lie between
_WEIGHT = np.exp(-(_T**2) / 2) / np.sqrt(2 * np.pi) * (_T[1] - _T[0])


@dataclass(frozen=True)
class Constants:
    """mu_0, mu_1 and mu_star of an activation."""

    mu_0: float
    mu_1: float
    mu_star: float

    @property
    def angle(self) -> float:
        """gamma in radians, tan(gamma) = mu_star / mu_1."""
        return float(np.arctan2(self.mu_star, self.mu_1))


def constants(name: str) -> Constants:
    """The constants of an activation, by the midpoint rule, to 1e-7.

    Raises:
        SpecError: an activation that is not known, with those that are.
    """
    values = ACTIVATIONS[one_of(name, [*ACTIVATIONS], "activation")](_T)
    mu_0, mu_1, square = (float((_WEIGHT * x).sum()) for x in (values, values * _T, values**2))
    return Constants(mu_0, mu_1, float(np.sqrt(square - mu_0**2 - mu_1**2)))


def _sign_kernel(rho: np.ndarray) -> np.ndarray:
    return 2 / np.pi * np.arcsin(rho)


def _erf_kernel(rho: np.ndarray) -> np.ndarray:
    return 2 / np.pi * np.arcsin(2 * rho / 3)


def _relu_kernel(rho: np.ndarray) -> np.ndarray:
    return (np.sqrt(1 - rho**2) + rho * (np.pi - np.arccos(rho)) - 1) / (2 * np.pi)


KERNELS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sign": _sign_kernel,
    "erf": _erf_kernel,
    "relu": _relu_kernel,
}
"""E[sigma(u) sigma(v)] of two standard normal numbers of correlation rho, less its value at 0:
the arc-sine kernels of sign and erf (Williams 1996), the arc-cosine kernel of ReLU (Cho & Saul
2009), for inputs on the sphere of radius sqrt(d)."""


def kernel(name: str, x: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The kernel's matrix, (n, k), between rows of x (n, d) and of other (k, d).

    Inputs are first put on the sphere of radius sqrt(d), where the kernel depends on the angle
    alone.

    Raises:
        SpecError: a kernel that is not known, with those that are.
    """
    formula = KERNELS[one_of(name, [*KERNELS], "kernel")]
    x, other = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, other))
    return formula(np.clip(x @ other.T, -1, 1))
