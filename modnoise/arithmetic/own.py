"""Nets that others trained: any two-layer net on a table of pairs, recognized by its shapes.

f(a, b) = W phi(U e_a + V e_b + bias) + mu. A bias of the hidden layer joins U (half of it each
where U and V are one), which changes no output, since every a picks one column; an embedding E in
front is multiplied out, U E. Ours.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.readings import best_reading, checked, folded
from modnoise.spec import SpecError, quoted, word
from modnoise.store.containers import is_tensor, kind, numbers, tensors
from modnoise.sweep import one_of

log = logging.getLogger("modnoise")

ROLES = ("E", "U", "V", "W", "bias", "mu")
KNOWN: dict[str, tuple[str, ...]] = {
    "E": ("w_e", "embed.weight", "embedding.weight", "emb.weight", "encoder.weight"),
    "U": ("u", "w_in", "fc1.weight", "linear1.weight", "lin1.weight", "hidden.weight",
          "0.weight", "left.weight"),
    "V": ("v", "right.weight"),
    "W": ("w", "w_out", "fc2.weight", "linear2.weight", "lin2.weight", "out.weight",
          "output.weight", "unembed.weight", "decoder.weight", "2.weight"),
    "bias": ("b_in", "fc1.bias", "linear1.bias", "lin1.bias", "hidden.bias", "0.bias"),
    "mu": ("mu", "b_out", "fc2.bias", "linear2.bias", "lin2.bias", "out.bias", "output.bias",
           "2.bias"),
}  # fmt: skip
"""Names of tensors, in small letters, that need no ``names``. E alone is U."""

_LAYER = re.compile(r"(^|[._])(weight|bias|kernel|w|b|[wb]_?\d+|[wb]_[a-z]+)$")
_NORM = re.compile(r"(^|[._\d])(layer|batch|rms|group)?_?(norm|ln|bn|running_mean)([._\d]|$)")


def read_net(
    source: Any,
    *,
    act: str = "relu",
    names: Mapping[str, str] | str | None = None,
    p: int | None = None,
    at: str | None = None,
) -> NetStack:
    """A two-layer net from a file, from a module or from arrays by name, as a stack of one.

    Inputs are one (tied), two, or one of width 2 p on both one-hots side by side, behind an
    embedding or not. Each matrix may lie either way round: the modulus is ``p``, or the length of
    the output bias, or, where one matrix has 2 p columns, told by that, or the smaller of the two
    sizes; where that leaves a choice, the reading that answers pairs (`best_reading`).

    Args:
        source: a file of safetensors, PyTorch or numpy; a `torch.nn.Module`; arrays or tensors by
            name; or what holds one of these, as a checkpoint does.
        act: activation of the hidden layer, one of `ACTIVATIONS`.
        names: which tensor is which, by role, as {"U": "fc1.weight"} or "U=fc1.weight": roles are
            E (embedding), U and V (inputs), W (output), bias (hidden), mu (output). ".T" behind a
            name turns a matrix round; an empty name says that there is none. Default: `KNOWN`.
        p: the modulus, where shapes do not tell it; what the vocabulary has beyond it is cut off.
        at: which part of a checkpoint, where several can be a net, as "model.3".

    Returns:
        `NetStack` of one net, float32 (float64 if a tensor is), everything that applies to ours.

    A line is logged where tensors are left out, since no role needs them, and where another
    modulus would fit as well.

    Raises:
        SpecError: one line that names the tensor, its shape or value, and what is allowed.
    """
    if act not in ACTIVATIONS:
        raise SpecError(
            f"act = {quoted(act)} is not allowed: it must be one of {', '.join(ACTIVATIONS)}"
        )
    names = roles(names.split()) if isinstance(names, str) else names or {}
    held = tensors(source, at)
    found, left = _by_role(held, names)
    for role in ("U", "W"):
        if role not in found:
            raise SpecError(
                f"{role} is missing: name it, as names = {{{role!r}: ...}} "
                f"(--names {role}=...); {_held(held)}"
            )
    arrays = {role: numbers(role, x, 2 if role in "EUVW" else 1) for role, x in found.items()}
    _refuse_needed(left, held, arrays, names)
    if "E" in arrays:
        arrays = _without_embedding(arrays)
    nets, said = best_reading(arrays, checked(arrays, p, set(names)), act)
    if left:
        some = ", ".join(_shown(name, held[name]) for name in left[:8])
        log.warning("%s", f"left out, since no role needs it: {some}")
    if said:
        log.warning("%s", said)
    return nets


def _shown(name: str, x: Any) -> str:
    return f"{word(name)} {tuple(x.shape)}" if is_tensor(x) else f"{word(name)}, {kind(x)}"


def _held(arrays: Mapping[str, Any]) -> str:
    some = [_shown(name, x) for name, x in arrays.items()][:8]
    return f"there is {', '.join(some)}" if some else "there are no tensors"


def _by_role(
    arrays: Mapping[str, Any], names: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """The tensors by role, those named first, and the names of what is left."""
    found, used = {}, set()
    for role, name in names.items():
        one_of(role, ROLES, "role")
        plain = name.removesuffix(".T") if isinstance(name, str) else name
        if plain != "" and plain not in arrays:
            raise SpecError(f"{role} = {quoted(name)} is not allowed: {_held(arrays)}")
        if plain != "":
            found[role] = _transposed(arrays[plain]) if plain != name else arrays[plain]
            used.add(plain)
    left = []
    for key, x in arrays.items():
        small = key.lower()
        fits = [role for role in ROLES if role not in names and any(
            small == known or small.endswith(f".{known}") for known in KNOWN[role])]  # fmt: skip
        if key in used:
            continue
        if not fits:
            left.append(key)
        elif fits[0] in found:
            raise SpecError(_no_role(key, x, arrays, f"{fits[0]} is taken"))
        else:
            found[fits[0]] = x
    if "U" not in found and "U" not in names and "E" in found:
        found["U"] = found.pop("E")
    return found, left


def _refuse_needed(
    left: list[str], held: Mapping[str, Any], found: Mapping[str, np.ndarray],
    names: Mapping[str, str],
) -> None:  # fmt: skip
    """Refuse what must not be left out: another layer's weights, or what could have a role."""
    for name in left:
        x, small = held[name], name.lower()
        if not is_tensor(x) or "float" not in str(x.dtype) or not len(x.shape):
            continue
        if _NORM.search(small):
            raise SpecError(
                f"tensor {quoted(name)} is not allowed: it is a normalization's, which would "
                "change what the net answers"
            )
        vector = len(x.shape) == 1 and x.shape[0] in found["W"].shape
        could = ["bias", "mu"] if vector else []
        could += ["V"] * (sorted(x.shape) == sorted(found["U"].shape))
        could = [role for role in could if role not in found and role not in names]
        if could:
            raise SpecError(_no_role(name, x, held, f"it could be {' or '.join(could)}"))
        if _LAYER.search(small) and not {"U", "W"} <= {*names}:
            raise SpecError(_no_role(name, x, held, "it looks like another layer's"))


def _no_role(name: str, x: Any, held: Mapping[str, Any], why: str) -> str:
    return (
        f"tensor {quoted(name)} is not allowed without a role, since {why}: name it, as "
        f"names = {{'U': ...}} (roles {', '.join(ROLES)}; an empty name if a role has none); "
        f"{_held(held)}"
    )


def _transposed(x: Any) -> Any:
    return x.T if is_tensor(x) and len(x.shape) == 2 else x


def _without_embedding(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    ways = list(folded(found))
    if len(ways) != 1 or "V" in found:
        told = ", ".join(f"{role} {x.shape}" for role, x in found.items())
        raise SpecError(
            f"shapes {told} are not allowed: with an embedding E (p, d) U must be (M, d) or "
            "(M, 2 d), W (p, M), either way round, with M, d and p all different"
        )
    return {role: x for role, x in (found | {"U": ways[0]}).items() if role != "E"}


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
