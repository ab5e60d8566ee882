"""What the functions of the asymptotics are asked with: checked, and broadcast against each other.

One set of words for the whole study:

``alpha``    n / d, training examples per input dimension
``eps``      share of the examples that are facts: labels by a coin
``lam``      weight of the penalty, lam |f|^2 / 2, beside the sum of the losses
``mu_1``     size of the kernel's linear part, ``mu_star`` of all the rest
``kappa``    p / d, random features per input dimension
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from modnoise.spec import SpecError, quoted

Values: TypeAlias = float | int | list | np.number | np.ndarray
"""A number, or an array of numbers."""

Array: TypeAlias = np.ndarray | np.float64
"""What comes back: an array of float64, or the number that NumPy makes of one without axes."""

LOWEST: dict[str, tuple[float, bool]] = {
    "alpha": (0.0, False),
    "eps": (0.0, True),
    "lam": (0.0, True),
    "mu_1": (0.0, False),
    "mu_star": (0.0, True),
    "kappa": (0.0, False),
}
"""The lowest value of each, and whether it is itself allowed."""


def checked(**named: Any) -> list[np.ndarray]:
    """The values as float64 arrays of one shape, in the order in which they were given.

    Raises:
        SpecError: one line with the name, the value and what is allowed: a value that is no
            finite number, is too low, or an ``eps`` above 1; shapes that do not fit each other.
    """
    arrays = []
    for name, value in named.items():
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise SpecError(
                f"{name} = {quoted(value)} is not allowed: it must be numbers"
            ) from None
        low, itself = LOWEST[name]
        good = np.isfinite(array) & ((array >= low) if itself else (array > low))
        allowed = f"finite and {'at least' if itself else 'above'} {low:g}"
        if name == "eps":
            good, allowed = good & (array <= 1), "from 0 to 1"
        if not good.all():
            bad = array[~good].flat[0]
            raise SpecError(f"{name} = {bad:g} is not allowed: it must be {allowed}")
        arrays.append(array)
    try:
        return [np.array(x) for x in np.broadcast_arrays(*arrays)]
    except ValueError:
        shapes = ", ".join(f"{name} {x.shape}" for name, x in zip(named, arrays, strict=True))
        raise SpecError(f"shapes do not fit each other: {shapes}") from None


def some_penalty(lam: np.ndarray, mu_star: np.ndarray) -> None:
    """Raise unless every point has a penalty or a kernel that provides one.

    Raises:
        SpecError: lam = 0 where mu_star = 0, where the solution need not be unique.
    """
    if np.any((lam == 0) & (mu_star == 0)):
        raise SpecError("lam = 0 is not allowed with mu_star = 0: one of them must be above 0")
