"""The activations that a net can have, one value each: equation, gradient, label, source.

A new one is one entry here: it then trains in every engine, filters, swaps, has a label in
figures, and is a value of ``act`` wherever that is asked for. Nothing here imports torch before it
computes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator

from modnoise.spec import known

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Activation:
    """An activation phi of the hidden layer.

    ``phi``: a new tensor. ``apply_``: phi, in place where phi' can be had from phi. ``chain_``:
    dhidden phi'(pre) from (dhidden, what ``apply_`` left of pre, phi(pre)), in place or not.
    ``look``: marker and dash of its line.
    """

    label: str
    phi: Callable[[Tensor], Tensor]
    apply_: Callable[[Tensor], Tensor]
    chain_: Callable[[Tensor, Tensor, Tensor], Tensor]
    look: tuple[str, str]
    source: str


def _gelu(x: Tensor) -> Tensor:
    from torch.nn.functional import gelu

    return gelu(x)


def _gelu_chain(dhidden: Tensor, pre: Tensor, hidden: Tensor) -> Tensor:
    import torch

    return torch.ops.aten.gelu_backward(dhidden, pre)


def _relu_chain_(dhidden: Tensor, pre: Tensor, hidden: Tensor) -> Tensor:
    import torch

    torch.ops.aten.threshold_backward.grad_input(dhidden, hidden, 0, grad_input=dhidden)
    return dhidden


ACTIVATIONS = {
    "relu": Activation(
        "ReLU",
        phi=lambda x: x.relu(),
        apply_=lambda pre: pre.relu_(),
        chain_=_relu_chain_,
        look=("o", "-"),
        source="paper, section 2",
    ),
    "gelu": Activation(
        "GeLU",
        phi=_gelu,
        apply_=_gelu,
        chain_=_gelu_chain,
        look=("^", "--"),
        source="paper, section 3.1",
    ),
    "quadratic": Activation(
        "x²",
        phi=lambda x: x.square(),
        apply_=lambda pre: pre.square(),
        chain_=lambda dhidden, pre, hidden: dhidden.mul_(pre).mul_(2),
        look=("s", ":"),
        source="paper, section 3.1 and appendix A",
    ),
    # max(0, -x) has ReLU's even part |x| / 2, which carries the rule; the other reading,
    # min(0, x), would invert every logit.
    "reverse_relu": Activation(
        "reverse ReLU",
        phi=lambda x: (-x).relu(),
        apply_=lambda pre: pre.neg_().relu_(),
        chain_=lambda *parts: _relu_chain_(*parts).neg_(),
        look=("v", "-."),
        source="paper, section 4.1; its sign is ours",
    ),
}
"""phi by name."""

ActivationName = Annotated[str, BeforeValidator(lambda name: known(ACTIVATIONS, name))]
"""A field that names an activation."""
