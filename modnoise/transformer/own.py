"""Transformers that others trained: one layer without LayerNorm that reads "a b =", by its names.

Two conventions are known, both for h heads of size k, d_model = d and m neurons:

    TransformerLens          W_E (n, d), W_Q, W_K, W_V (h, d, k), W_O (h, k, d), W_in (d, m),
                             W_out (m, d)
    Nanda's own (grokking)   W_E (d, n), W_Q, W_K, W_V (h, k, d), W_O (d, h k), W_in (m, d),
                             W_out (d, m)

and W_pos (places, d), W_U (d, answers) in both; W_O has three axes in one and two in the other.

Biases become part of what a `TransformerStack` has, without any change of a logit: those of the
values and of W_O, since attention weights sum to 1, go through the MLP as constants; that of the
keys adds the same to all scores of a query; that of the query adds to W_Q what gives the same
query at "="; that of the unembedding is one more row of W_U, for a constant 1 in the stream. Ours.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from modnoise.spec import SpecError, quoted, word
from modnoise.store.containers import is_tensor, kind, numbers, tensors
from modnoise.transformer.net import TransformerStack

log = logging.getLogger("modnoise")

NAMES = {
    "W_E": "embed.W_E", "W_pos": "pos_embed.W_pos",
    **{x: f"blocks.0.attn.{x}" for x in ("W_Q", "W_K", "W_V", "W_O", "b_Q", "b_K", "b_V", "b_O")},
    **{x: f"blocks.0.mlp.{x}" for x in ("W_in", "b_in", "W_out", "b_out")},
    "W_U": "unembed.W_U", "b_U": "unembed.b_U",
}  # fmt: skip
"""Names of both conventions; what begins with W is needed."""

AXES = {
    "TransformerLens": {
        "W_E": "nd", "W_pos": "cd", "W_Q": "hdk", "W_K": "hdk", "W_V": "hdk", "W_O": "hkd",
        "W_in": "dm", "W_out": "md", "W_U": "do",
    },
    "Nanda's own": {
        "W_E": "dn", "W_pos": "cd", "W_Q": "hkd", "W_K": "hkd", "W_V": "hkd", "W_O": "df",
        "W_in": "md", "W_out": "dm", "W_U": "do",
    },
}  # fmt: skip
"""Axes of the matrices: n tokens, d stream, c places, h heads, k of a head, m neurons, o answers;
f is h and k, flattened. Biases: b_Q, b_K, b_V (h, k), b_in (m), b_O, b_out (d), b_U (o)."""
_BIASES = {"b_Q": "hk", "b_K": "hk", "b_V": "hk", "b_O": "d", "b_in": "m", "b_out": "d",
           "b_U": "o"}  # fmt: skip
_OURS = {"W_E": "nd", "W_pos": "cd", "W_Q": "hkd", "W_K": "hkd", "W_V": "hkd", "W_O": "hkd",
         "W_in": "md", "W_out": "md", "W_U": "do", **_BIASES}  # fmt: skip

LIMITS = {"p": (3, 1024), "d": (1, 4096), "h": (1, 64), "m": (1, 65_536), "c": (3, 4096)}
"""Allowed modulus and sizes, those of `TransformerRun`; at least three places."""

_REFUSED = {
    r"blocks\.[1-9]": "it has more than one block",
    r"(^|[._])(ln\w*|norm\w*|layer_?norm\w*)([._]|$)|[wb]_ln$": "it has a layer norm",
    r"rotary|rel_pos": "its positions are not learned vectors",
    r"(^|\.)[wb]_\w+$": "its architecture is another one",
}
"""What a name says of a net that is not read."""


def is_transformer(held: Mapping[str, Any]) -> bool:
    """Whether tensors have the names of a transformer of one of the two conventions."""
    return any(re.search(r"(^|\.)attn\.W_[QKVO]$", name) for name in held)


def read_net(source: Any, *, p: int | None = None, at: str | None = None) -> TransformerStack:
    """A one-layer transformer that reads "a b =", as a stack of one; its activation is ReLU.

    Args:
        source: a file of safetensors, PyTorch or numpy; a `torch.nn.Module`; tensors by name; or
            what holds one of these, as a checkpoint does. Names as in `NAMES`, with any prefix.
        p: the modulus; default: one less than the tokens. "=" is token p, and answers beyond
            p - 1 are cut off.
        at: which part of a checkpoint, where several can be a net, as "state_dicts.3".

    Returns:
        `TransformerStack` of one net, float32 (float64 if a tensor is), to which everything of
        `modnoise.transformer` applies.

    A line is logged where tensors are left out, such as the mask of the attention.

    Raises:
        SpecError: one line: a tensor is missing, of the wrong shape, or of another architecture.
    """
    held = tensors(source, at)
    start = next((x.removesuffix(NAMES["W_E"]) for x in held if x.endswith(NAMES["W_E"])), "")
    known = {start + name: part for part, name in NAMES.items()}
    found = {known[name]: x for name, x in held.items() if name in known}
    left = [name for name in held if name not in known]
    for name in left:
        for pattern, why in _REFUSED.items():
            if re.search(pattern, name.removeprefix(start).lower()):
                raise SpecError(f"tensor {quoted(name)} is not allowed: {why}; it must be one "
                                "block of attention and MLP without a layer norm")  # fmt: skip
    for part, name in NAMES.items():
        if part.startswith("W") and part not in found:
            raise SpecError(f"{start + name} is missing: a one-layer transformer must have it")
    arrays, sizes = _arranged(found)
    p = _modulus(sizes, p)
    if left:
        some = ", ".join(
            f"{word(x)} {tuple(held[x].shape) if is_tensor(held[x]) else kind(held[x])}"
            for x in left[:8]
        )
        log.warning("%s", f"left out, since no role needs it: {some}")
    return TransformerStack.from_arrays(_without_biases(arrays, p))


def _arranged(found: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """All arrays with the axes of ours, missing biases as 0, and the size of every axis."""
    which = "TransformerLens" if len(getattr(found["W_O"], "shape", ())) == 3 else "Nanda's own"
    axes = {**AXES[which], **_BIASES}
    arrays = {part: numbers(NAMES[part], x, len(axes[part])) for part, x in found.items()}
    sizes: dict[str, int] = {}
    for part, x in arrays.items():
        for axis, size in zip(axes[part], x.shape, strict=True):
            if sizes.setdefault(axis, size) != size:
                raise SpecError(
                    f"{NAMES[part]} of shape {x.shape} is not allowed: axis {axis} of "
                    f"({', '.join(axes[part])}) must be {sizes[axis]}, as names of {which} have it"
                )
    h, k, d = (sizes[axis] for axis in "hkd")
    if which == "Nanda's own":
        if sizes["f"] != h * k:
            raise SpecError(
                f"{NAMES['W_O']} of shape {arrays['W_O'].shape} is not allowed: it must be "
                f"(d_model, {h * k}), for {h} heads of size {k}"
            )
        arrays["W_O"] = np.moveaxis(arrays["W_O"].reshape(d, h, k), 0, 2)
        axes["W_O"] = "hkd"
    for part, ours in _OURS.items():
        if part in arrays:
            arrays[part] = arrays[part].transpose([axes[part].index(axis) for axis in ours])
        else:
            arrays[part] = np.zeros([sizes[axis] for axis in ours])
    for axis, (low, high) in LIMITS.items():
        if axis != "p" and not low <= sizes[axis] <= high:
            raise SpecError(
                f"a net with {sizes[axis]} on axis {axis} of {axes} is not allowed: it must be "
                f"from {low} to {high}"
            )
    return arrays, sizes


def _modulus(sizes: Mapping[str, int], p: int | None) -> int:
    tokens, answers = sizes["n"], sizes["o"]
    told = f"{tokens} tokens and {answers} answers"
    if p is None and answers not in (tokens, tokens - 1):
        raise SpecError(f"{told} are not allowed without p: they must be p + 1, with '=', and p "
                        "or p + 1")  # fmt: skip
    p = tokens - 1 if p is None else p
    low, high = LIMITS["p"]
    if not low <= p <= min(high, tokens - 1, answers):
        raise SpecError(f"p = {quoted(p)} is not allowed for {told}: it must be from {low} to "
                        f"{min(high, tokens - 1, answers)}, since '=' is a token too")  # fmt: skip
    return p


def _without_biases(x: dict[str, np.ndarray], p: int) -> dict[str, np.ndarray]:
    """The weights of a `TransformerStack` with the same p logits for every pair."""
    dtype = max((part.dtype for name, part in x.items() if name in AXES["TransformerLens"]),
                key=lambda one: one.itemsize)  # fmt: skip
    x = {name: part.astype(np.float64) for name, part in x.items()}
    x["W_E"], x["W_pos"], x["W_U"] = x["W_E"][: p + 1], x["W_pos"][:3], x["W_U"][:, :p]
    end = x["W_E"][p] + x["W_pos"][2]
    if x["b_Q"].any():
        if not end.any():
            raise SpecError(f"{NAMES['b_Q']} is not allowed where '=' is embedded as 0")
        x["W_Q"] = x["W_Q"] + x["b_Q"][..., None] * end / (end @ end)
    constant = x["b_O"] + np.einsum("hkd,hk->d", x["W_O"], x["b_V"])
    x["b_in"], x["b_out"] = x["b_in"] + x["W_in"] @ constant, x["b_out"] + constant
    bias = x["b_U"][:p]
    if np.ptp(bias):
        for name, axes in _OURS.items():
            if "d" in axes:
                more = [(0, int(axis == "d")) for axis in axes]
                x[name] = np.pad(x[name], more)
        x["b_out"][-1], x["W_U"][-1] = 1, bias
    kept = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_in", "b_in", "W_out", "b_out", "W_U")
    return {name: np.ascontiguousarray(x[name], dtype) for name in kept}
