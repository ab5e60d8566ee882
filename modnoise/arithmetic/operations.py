"""The operations a o b modulo p that a net can learn, one value each.

A new one is one entry here: it then makes tables, trains, is filtered in the index in which it is
a sum or a difference, and is a value of ``op`` wherever that is asked for. Nothing here imports
torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BeforeValidator

from modnoise.spec import known


@dataclass(frozen=True)
class Operation:
    """An operation on residues.

    ``labels``: its (p, p) table, modulo p, from columns a (p, 1) and rows b (1, p). In the index
    of residues, or with ``logarithms`` in that of discrete logarithms of nonzero residues, it is
    a + sign b. ``latin``: every row and column of its table holds every class once. ``nonzero``:
    b = 0 has no label and is never an example. ``marker``: of its line.
    """

    label: str
    labels: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    sign: int
    source: str
    marker: str
    logarithms: bool = False
    latin: bool = True
    nonzero: bool = False

    @property
    def commutative(self) -> bool:
        """Whether a o b = b o a."""
        return self.sign > 0

    def defined(self, p: int) -> np.ndarray:
        """Numbers a p + b of the pairs that have a label, ascending."""
        cells = np.arange(p * p)
        return cells[cells % p > 0] if self.nonzero else cells


def _quotient(a: np.ndarray, b: np.ndarray, p: int) -> np.ndarray:
    """a / b modulo a prime p; 0 where b = 0, which stands for nothing."""
    return a * np.array([pow(x, -1, p) if x else 0 for x in b.ravel().tolist()])


OPERATIONS = {
    "add": Operation("addition", lambda a, b, p: a + b, 1, "paper, section 2", "o"),
    "sub": Operation("subtraction", lambda a, b, p: a - b, -1, "paper, section 2", "s"),
    "mul": Operation(
        "multiplication", lambda a, b, p: a * b, 1, "paper, section 2", "^",
        logarithms=True, latin=False,
    ),
    "div": Operation(
        "division", _quotient, -1, "Power et al. 2022, appendix A.1.1; not in the paper", "D",
        logarithms=True, latin=False, nonzero=True,
    ),
}  # fmt: skip
"""Operations by name. Division takes b from 1 to p - 1, for a prime p."""

OperationName = Annotated[str, BeforeValidator(lambda name: known(OPERATIONS, name))]
"""A field that names an operation."""

SumName = Annotated[
    str,
    BeforeValidator(
        lambda name: known({k: x for k, x in OPERATIONS.items() if not x.logarithms}, name)
    ),
]
"""A field that names an operation whose Fourier modes are those of the residues themselves."""
