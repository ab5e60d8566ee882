"""Which part of a checkpoint is a net: a mapping of tensors, under any key, nested, in lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modnoise.spec import SpecError, quoted, word
from modnoise.store.outside import read_file

MOST = 2 * 1024 * 65_536
"""Numbers that a tensor may have: those of our widest layer with two inputs."""

MOST_LISTED = 6
"""Parts that a message names (ours)."""


def tensors(source: Any, at: str | None = None) -> dict[str, Any]:
    """The tensors by name of the one net that a file, a mapping, a list or a module holds.

    A part of it can be a net if it is a mapping with at least two floating-point matrices; if
    there is none, one with any tensor. What an optimizer keeps is passed over (it lies beside
    ``param_groups``). Modules count as their ``state_dict()``.

    Args:
        source: a path, or what `modnoise.store.outside.read_file` would give for one.
        at: which part, where there are several, as ``model.3``: the keys that lead to it with
            dots between them; ``.`` is the whole.

    Returns:
        What the part holds by name, in its order, whatever is no tensor too.

    Raises:
        SpecError: one line: a file that cannot be read; no such part, none at all, or several.
    """
    path = isinstance(source, (str, Path))
    name = quoted(str(source)) if path else kind(source)
    parts = list(_mappings(read_file(source) if path else source))
    likely = [x for x in parts if sum(map(_is_matrix, x[1].values())) > 1]
    likely = likely or [x for x in parts if any(map(is_tensor, x[1].values()))]
    chosen = likely or parts[:1] if at is None else [x for x in parts if x[0] == at]
    if len(chosen) != 1 and at is not None:
        several = f"it names {len(chosen)} parts; " if chosen else ""
        raise SpecError(f"at = {quoted(at)} is not allowed: {several}{name} {_listed(likely)}")
    if len(chosen) != 1:
        choose = f"; choose one with at (--at), as {word(likely[-1][0])}" if likely else ""
        raise SpecError(f"weights = {name} is not allowed: it {_listed(likely)}{choose}")
    return chosen[0][1]


def kind(x: Any) -> str:
    """The class of a value, with its article.

    >>> kind({}), kind(1)
    ('a dict', 'an int')
    """
    name = type(x).__name__
    return f"a{'n' * (name[:1].lower() in 'aeiou')} {name}"


def is_tensor(x: Any) -> bool:
    """Whether it is an array of numpy, PyTorch or another library."""
    return hasattr(x, "shape") and hasattr(x, "dtype") and not isinstance(x, type)


def numbers(role: str, x: Any, axes: int) -> np.ndarray:
    """A finite array of floating-point numbers with so many axes.

    Raises:
        SpecError: it is none, or one of more than `MOST` numbers.
    """
    import torch

    try:
        x = x.detach().cpu() if isinstance(x, torch.Tensor) else x
        small = isinstance(x, torch.Tensor) and x.dtype in (torch.bfloat16, torch.float16)
        if is_tensor(x) and np.prod(x.shape, dtype=float) > MOST:
            raise SpecError(f"{role} of shape {tuple(x.shape)} is not allowed: it must have at "
                            f"most {MOST} numbers")  # fmt: skip
        array = np.asarray(x.float() if small else x)
    except (TypeError, ValueError, RuntimeError) as problem:  # sparse, ragged, not in numpy
        if isinstance(problem, SpecError):
            raise
        what = f"{x.dtype}, which numpy does not have" if is_tensor(x) else "no array of numbers"
        raise SpecError(f"{role} is not allowed: it is {what}") from None
    if array.dtype.kind != "f":
        raise SpecError(f"{role} is not allowed: {array.dtype}, it must be of floats")
    if array.ndim != axes:
        raise SpecError(f"{role} of shape {array.shape} is not allowed: it must have {axes} axes")
    if not np.isfinite(array).all():
        wrong = int((~np.isfinite(array)).sum())
        raise SpecError(f"{role} is not allowed: {wrong} of its numbers are not finite")
    return array.astype(np.float64 if array.dtype == np.float64 else np.float32)


def _is_matrix(x: Any) -> bool:
    return is_tensor(x) and len(x.shape) >= 2 and "float" in str(x.dtype)


def _listed(parts: Sequence[tuple[str, Any]]) -> str:
    """How many parts can be a net, and the paths of the first few and of the last."""
    paths = [word(path) for path, _ in parts]
    if len(paths) > MOST_LISTED:
        paths = [*paths[: MOST_LISTED - 1], "...", paths[-1]]
    if not paths:
        return "holds no tensors by name"
    many = f"{len(parts)} parts" if len(parts) > 1 else "one part"
    return f"holds {many} that can be a net: {', '.join(paths)}"


def _mappings(held: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping in it by its path, from the outside in; what refers to itself once."""
    import torch

    waiting, seen, known = [(held, "")], [], set()
    while waiting:
        x, path = waiting.pop()
        if isinstance(x, torch.nn.Module):
            x = x.state_dict()
        if not isinstance(x, (Mapping, list, tuple)) or id(x) in known:
            continue
        known.add(id(x))
        seen.append(x)  # or its id could be another's
        pairs = x.items() if isinstance(x, Mapping) else enumerate(x)
        below = [(str(key), value) for key, value in pairs]
        if isinstance(x, Mapping):
            if "param_groups" in x:
                continue
            yield path or ".", dict(below)
        waiting += [(value, f"{path}.{key}" if path else key) for key, value in reversed(below)]
