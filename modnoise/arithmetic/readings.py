"""How the matrices of a two-layer net may be read: which size is the modulus, which the width.

Shapes do not always tell: a matrix may lie either way round, and a vocabulary may have tokens that
are no numbers, such as "=". Where several readings fit, each is asked for sums, differences and
products on some rows of the table. Ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np
import torch

from modnoise.arithmetic.fourier import filtrate, without_mu
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.tables import true_labels
from modnoise.spec import SpecError, quoted

SIZES, WIDTHS = (3, 1024), (1, 65_536)
"""Allowed moduli and widths, those of our own runs."""

EXTRA = 2
"""Tokens that may stand behind the numbers, such as "=" and a sign (ours)."""

PAIRS = 4096
"""About how many pairs a reading is judged on (ours)."""


class Reading(NamedTuple):
    """Modulus, width, and how many tokens each one-hot input and the output have."""

    p: int
    width: int
    inputs: int
    outputs: int
    wide: bool
    """Whether U holds the columns of both inputs, side by side."""

    @property
    def more(self) -> int:
        """How many tokens are no numbers, of inputs and outputs together."""
        return self.inputs + self.outputs - 2 * self.p

    def __str__(self) -> str:
        more = max(self.inputs, self.outputs) - self.p
        tokens = f" and {more} more token{'s' * (more > 1)}" if more else ""
        return f"p = {self.p} ({self.width} neuron{'s' * (self.width > 1)}{tokens})"


def readings(found: Mapping[str, np.ndarray], p: int | None) -> list[Reading]:
    """All readings of tensors by role that their shapes allow, the likeliest first: without more
    tokens than numbers, then with the smaller modulus."""
    out, U = found["W"].shape, found["U"]
    fits = []
    for outputs, width in dict.fromkeys((out, out[::-1])):
        if any(width not in found[role].shape for role in ("U", "V") if role in found):
            continue
        if len(found.get("mu", range(outputs))) != outputs:
            continue
        if len(found.get("bias", range(width))) != width:
            continue
        columns = U.size // width
        halves = (False,) if "V" in found or columns % 2 else (False, True)
        for wide in halves:
            inputs = columns // 2 if wide else columns
            if "V" in found and found["V"].size != inputs * width:
                continue
            few, many = sorted((inputs, outputs))
            if p is None and (many == few or (inputs == few + 1 == many)):
                most = 0 if wide or many > few else EXTRA
                fits += [Reading(few - i, width, inputs, outputs, wide) for i in range(most + 1)]
            elif p is not None and p <= few and many <= p + EXTRA:
                fits.append(Reading(p, width, inputs, outputs, wide))
    fits.sort(key=lambda x: (x.more, x.p))
    return [x for x in fits if p or not x.more or x.width == fits[0].width]


def checked(found: Mapping[str, np.ndarray], p: int | None, named: set[str]) -> list[Reading]:
    """`readings`, if there is one and it is allowed.

    Raises:
        SpecError: shapes that do not go together; a square matrix without a name; sizes out of
            range.
    """
    told = ", ".join(f"{role} {x.shape}" for role, x in found.items())
    fits = readings(found, p)
    if not fits:
        allowed = "U and V (M, p), or U (M, 2 p) alone; W (p, M); mu (p), bias (M)"
        of = "" if p is None else f" with p = {quoted(p)}"
        raise SpecError(f"shapes {told} are not allowed{of}: they must be {allowed}, either way "
                        "round")  # fmt: skip
    square = [
        role for role in ("U", "V", "W")
        if role in found and role not in named and found[role].shape[0] == found[role].shape[1]
    ]  # fmt: skip
    if square:
        raise SpecError(
            f"shapes {told} are not allowed without names: a square {' and '.join(square)} does "
            "not tell rows from columns; name it so that rows are neurons, with .T behind the "
            "name to turn it round"
        )
    for name, x, (low, high) in (("p", fits[0].p, SIZES), ("width", fits[0].width, WIDTHS)):
        if not low <= x <= high:
            raise SpecError(f"{name} = {x} is not allowed: it must be from {low} to {high}")
    return [x for x in fits if SIZES[0] <= x.p <= SIZES[1] and x.width <= WIDTHS[1]]


def best_reading(
    found: Mapping[str, np.ndarray], fits: list[Reading], act: str
) -> tuple[NetStack, str]:
    """The net of the reading that answers pairs, and what is to be said of the others.

    A reading answers if it is right on a fifth of the pairs, five times as many as chance and ten
    points more than any other (ours); first as it is, then filtered under x^2, since a net that
    memorized shows only then what it was trained on. If none does, the likeliest is taken.
    """
    nets = [stack(found, reading, act) for reading in fits]
    if len(fits) == 1:
        return nets[0], ""
    rest = ", ".join(map(str, fits[1:]))
    for told, versions in (
        ("", nets),
        ("filtered, ", [without_mu(filtrate(x)[0].with_act("quadratic")) for x in nets]),
    ):
        right = [judged(x) for x in versions]
        second, best = np.argsort(right, kind="stable")[-2:]
        if right[best] >= max(0.2, 5 / fits[best].p) and right[best] > right[second] + 0.1:
            said = (
                f"{fits[best]} is taken, since {told}the net is right on {right[best]:.0%} of "
                f"pairs so, and on {right[0]:.0%} with {fits[0]}; p = {fits[0].p} would overrule"
            )
            return nets[best], said if best else ""
    return nets[0], (
        f"{fits[0]} is taken, but the shapes allow {rest} as well, and what the net answers does "
        f"not tell: give p to be sure"
    )


def judged(nets: NetStack) -> float:
    """The share of some pairs that is answered right, of the best of three operations."""
    rows = torch.arange(0, nets.p, max(1, nets.p**2 // PAIRS))
    answers = nets.logits(rows)[0].argmax(-1).numpy()
    return max(float((answers == true_labels(op, nets.p)[rows]).mean())
               for op in ("add", "sub", "mul"))  # fmt: skip


def stack(found: Mapping[str, np.ndarray], reading: Reading, act: str) -> NetStack:
    """The net of a reading: only numbers as inputs and classes, a hidden bias in U (and V)."""
    p, width, inputs = reading.p, reading.width, reading.inputs

    def rows(x: np.ndarray, columns: int) -> np.ndarray:
        return x if x.shape == (width, columns) else x.T

    U = rows(found["U"], inputs * (1 + reading.wide))
    tied = not reading.wide and "V" not in found
    V = U[:, inputs:] if reading.wide else U if tied else rows(found["V"], inputs)
    U, V = U[:, :p], V[:, :p]
    if "bias" in found:
        U = U + found["bias"][:, None] * (0.5 if tied else 1.0)
    means = found.get("mu", np.zeros(reading.outputs))[:p]
    parts = (U, U if tied else V, rows(found["W"], reading.outputs)[:, :p], means)
    dtype = max((x.dtype for x in parts[:3]), key=lambda x: x.itemsize)
    u, v, w, mu = (torch.from_numpy(np.array(x[None], dtype)) for x in parts)
    return NetStack(u, u if tied else v, w, mu, act)


def folded(found: Mapping[str, np.ndarray]) -> Iterator[np.ndarray]:
    """U E for every way in which the embedding E, the weights U behind it and W go together: E
    (d, tokens), U (M, d) or (M, 2 d) on both embeddings side by side; all either way round."""
    E, U, W = found["E"], found["U"], found["W"]
    for width, d in product(dict.fromkeys(W.shape), dict.fromkeys(E.shape)):
        if width not in U.shape or U.size // width not in (d, 2 * d):
            continue
        u = U if U.shape[0] == width else U.T
        e = E if E.shape[0] == d else E.T
        yield np.concatenate([part @ e for part in np.split(u, u.shape[1] // d, axis=1)], axis=1)
