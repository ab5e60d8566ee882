"""Nets that others trained: any two-layer net on a table of pairs, recognized by its shapes.

f(a, b) = W phi(U e_a + V e_b + bias) + mu. A bias of the hidden layer joins U (half of it each
where U and V are one), which changes no output, since every a picks one column. Ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from modnoise.arithmetic.nets import ACTIVATIONS, NetStack
from modnoise.spec import SpecError, quoted, word
from modnoise.store.outside import read_arrays
from modnoise.sweep import one_of

ROLES = ("U", "V", "W", "bias", "mu")
KNOWN: dict[str, tuple[str, ...]] = {
    "U": ("u", "w_in", "fc1.weight", "linear1.weight", "lin1.weight", "hidden.weight",
          "embed.weight", "embedding.weight", "encoder.weight", "0.weight", "left.weight"),
    "V": ("v", "right.weight"),
    "W": ("w", "w_out", "fc2.weight", "linear2.weight", "lin2.weight", "out.weight",
          "output.weight", "unembed.weight", "decoder.weight", "2.weight"),
    "bias": ("b_in", "fc1.bias", "linear1.bias", "lin1.bias", "hidden.bias", "0.bias"),
    "mu": ("mu", "b_out", "fc2.bias", "linear2.bias", "lin2.bias", "out.bias", "output.bias",
           "2.bias"),
}  # fmt: skip
"""Names of tensors, in small letters, that need no ``names``."""

SIZES, WIDTHS = (3, 1024), (1, 65_536)
"""Allowed moduli and widths, those of our own runs."""


def read_net(
    source: str | Path | Mapping[str, Any],
    *,
    act: str = "relu",
    names: Mapping[str, str] | None = None,
    p: int | None = None,
) -> NetStack:
    """A two-layer net from a file or from arrays, as a stack of one.

    Inputs are one (tied), two, or one of width 2 p on both one-hots side by side. Each matrix may
    lie either way round: the modulus is ``p``, or the length of the output bias, or, where one
    matrix has 2 p columns, told by that, or the smaller of the two sizes.

    Args:
        source: a file of safetensors, PyTorch or numpy, or arrays or tensors by name.
        act: activation of the hidden layer, one of `ACTIVATIONS`.
        names: which tensor is which, by role, as U="fc1.weight": roles are U and V (inputs), W
            (output), bias (hidden), mu (output). ".T" behind a name turns a matrix round.
            Default: names in `KNOWN`.
        p: the modulus, where shapes do not tell it.

    Returns:
        `NetStack` of one net, float32 (float64 if a tensor is), everything that applies to ours.

    Raises:
        SpecError: one line that names the tensor, its shape or value, and what is allowed.
    """
    if act not in ACTIVATIONS:
        raise SpecError(
            f"act = {quoted(act)} is not allowed: it must be one of {', '.join(ACTIVATIONS)}"
        )
    arrays = dict(source) if isinstance(source, Mapping) else read_arrays(source)
    found = {role: _array(role, x) for role, x in _by_role(arrays, names or {}).items()}
    for role in ("U", "W"):
        if role not in found:
            raise SpecError(
                f"{role} is missing: name it, as names = {{{role!r}: ...}}; {_held(arrays)}"
            )
    size, width = _sizes(found, p, set(names or {}))
    return _stack(found, size, width, act)


def _held(arrays: Mapping[str, Any]) -> str:
    some = [f"{word(str(k))} {tuple(getattr(x, 'shape', ()))}" for k, x in arrays.items()][:8]
    return f"there is {', '.join(some)}" if some else "there are no tensors"


def _by_role(arrays: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The tensors by role, those named first; no tensor is left over."""
    found, used = {}, set()
    for role, name in names.items():
        one_of(role, ROLES, "role")
        plain = name.removesuffix(".T") if isinstance(name, str) else name
        if plain not in arrays:
            raise SpecError(f"{role} = {quoted(name)} is not allowed: {_held(arrays)}")
        found[role] = _transposed(arrays[plain]) if plain != name else arrays[plain]
        used.add(plain)
    for key, x in arrays.items():
        if key in used:
            continue
        small = str(key).lower()
        fits = [role for role in ROLES if any(
            small == known or small.endswith(f".{known}") for known in KNOWN[role])]  # fmt: skip
        if len(fits) != 1 or fits[0] in found:
            raise SpecError(
                f"tensor {quoted(key)} is not allowed without a role: name it, as "
                f"names = {{'U': ...}} (roles {', '.join(ROLES)}); {_held(arrays)}"
            )
        found[fits[0]] = x
    return found


def _transposed(x: Any) -> Any:
    return x.T if getattr(x, "ndim", 0) == 2 else x


def _array(role: str, x: Any) -> np.ndarray:
    """A finite matrix (vector) of floating-point numbers."""
    try:
        x = x.detach().cpu() if isinstance(x, torch.Tensor) else x
        small = isinstance(x, torch.Tensor) and x.dtype in (torch.bfloat16, torch.float16)
        x = np.asarray(x.float() if small else x)
    except (TypeError, ValueError, RuntimeError):  # sparse, ragged, a type numpy does not have
        raise SpecError(f"{role} is not allowed: it is no array of numbers") from None
    rank = 2 if role in ("U", "V", "W") else 1
    if x.dtype.kind != "f":
        raise SpecError(f"{role} is not allowed: {x.dtype}, it must be of floats")
    if x.ndim != rank:
        raise SpecError(f"{role} of shape {x.shape} is not allowed: it must have {rank} axes")
    if not np.isfinite(x).all():
        raise SpecError(f"{role} is not allowed: {int((~np.isfinite(x)).sum())} of its numbers "
                        "are not finite")  # fmt: skip
    return x.astype(np.float64 if x.dtype == np.float64 else np.float32)


def _sizes(found: Mapping[str, np.ndarray], p: int | None, named: set[str]) -> tuple[int, int]:
    """Modulus and width that all shapes have in common."""
    told = ", ".join(f"{role} {x.shape}" for role, x in found.items())
    out = found["W"].shape
    fits = []
    for size, width in dict.fromkeys((out, out[::-1])):
        sides = {(size, width)} if "V" in found else {(size, width), (2 * size, width)}
        both = [found[x].shape for x in ("U", "V") if x in found]
        good = all(tuple(sorted(shape)) in {tuple(sorted(s)) for s in sides} for shape in both)
        good &= found.get("mu", np.zeros(size)).shape == (size,)
        good &= found.get("bias", np.zeros(width)).shape == (width,)
        if good and p in (None, size):
            fits.append((size, width))
    if not fits:
        allowed = "U and V (M, p), or U (M, 2 p) alone; W (p, M); mu (p), bias (M)"
        of = "" if p is None else f" with p = {quoted(p)}"
        raise SpecError(f"shapes {told} are not allowed{of}: they must be {allowed}, either way "
                        "round")  # fmt: skip
    size, width = min(fits)
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
    for name, x, (low, high) in (("p", size, SIZES), ("width", width, WIDTHS)):
        if not low <= x <= high:
            raise SpecError(f"{name} = {x} is not allowed: it must be from {low} to {high}")
    return size, width


def _stack(found: Mapping[str, np.ndarray], p: int, width: int, act: str) -> NetStack:
    def rows(x: np.ndarray, columns: int) -> np.ndarray:
        return x if x.shape == (width, columns) else x.T

    wide = found["U"].size == 2 * p * width
    U = rows(found["U"], 2 * p if wide else p)
    tied = not wide and "V" not in found
    V = U[:, p:] if wide else U if tied else rows(found["V"], p)
    U = U[:, :p] if wide else U
    if "bias" in found:
        U = U + found["bias"][:, None] * (0.5 if tied else 1.0)
        V = U if tied else V
    parts_ = (U, V, rows(found["W"], p), found.get("mu", np.zeros(p)))
    dtype = max((x.dtype for x in parts_[:3]), key=lambda x: x.itemsize)
    u, v, w, mu = (torch.from_numpy(np.array(x[None], dtype)) for x in parts_)
    return NetStack(u, u if tied else v, w, mu, act)


def roles(texts: Sequence[str]) -> dict[str, str]:
    """Names of tensors by role, out of ``ROLE=TENSOR`` each.

    Raises:
        SpecError: a text without ``=``.

    >>> roles(["U=fc1.weight"])
    {'U': 'fc1.weight'}
    """
    found = {}
    for text in texts:
        role, equals, tensor = text.partition("=")
        if not equals:
            raise SpecError(
                f"names = {quoted(text)} is not allowed: it must be ROLE=TENSOR, as U=fc1.weight"
            )
        found[role] = tensor
    return found
