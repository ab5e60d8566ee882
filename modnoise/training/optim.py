"""Optimizer steps as functions on stacked tensors, with hyper-parameters of their own per run.

The leading axis of every tensor is ``run``; ``step`` counts updates from 1, as a number or, so
that a captured CUDA graph can count it, as a float64 tensor. All functions work in place and equal
the optimizer of the same name in `torch.optim`, member by member.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

NS_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Newton-Schulz polynomial of Muon (Jordan et al. 2024), as in `torch.optim.Muon`."""

Step = int | float | Tensor

NS_STEPS = 5
NS_EPS = 1e-7


def warmup(step: Step, steps: int) -> Step:
    """Factor on lr at the update number ``step`` (from 1): linear over ``steps``, then 1 (paper).

    >>> [warmup(s, 4) for s in (1, 2, 4, 9)]
    [0.25, 0.5, 1.0, 1.0]
    """
    if not steps:
        return 1.0
    share = step / steps
    return share.clamp(max=1.0) if isinstance(share, Tensor) else min(share, 1.0)


def _column(value: Tensor, like: Tensor) -> Tensor:
    return value.view(-1, *(1,) * (like.ndim - 1))


@torch.no_grad()
def adam_(
    x: Float[Tensor, "run ..."],
    grad: Float[Tensor, "run ..."],
    mean: Float[Tensor, "run ..."],
    square: Float[Tensor, "run ..."],
    *,
    step: Step,
    lr: Float[Tensor, " run"],
    weight_decay: Float[Tensor, " run"],
    betas: tuple[float, float],
    eps: float,
    decoupled: bool,
) -> None:
    """One AdamW step (``decoupled``) or Adam step with L2 decay, in place; ``grad`` is used up.

    AdamW: x <- (1 - lr wd) x before the Adam update (Loshchilov & Hutter 2019, Alg. 2).
    Adam: grad <- grad + wd x. As in `torch.optim.AdamW` and `torch.optim.Adam`.
    """
    lr, weight_decay = _column(lr, x), _column(weight_decay, x)
    beta1, beta2 = betas
    if decoupled:
        x.mul_(1 - lr * weight_decay)
    else:
        grad.addcmul_(x, weight_decay)
    mean.lerp_(grad, 1 - beta1)
    square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    denom = torch.sqrt(square, out=grad).mul_((1 - beta2**step) ** -0.5).add_(eps)
    denom.mul_(-(1 - beta1**step) / lr)
    x.addcdiv_(mean, denom)


@torch.no_grad()
def sgd_(
    x: Float[Tensor, "run ..."],
    grad: Float[Tensor, "run ..."],
    buffer: Float[Tensor, "run ..."],
    *,
    lr: Float[Tensor, " run"],
    weight_decay: Float[Tensor, " run"],
    momentum: float,
) -> None:
    """One SGD step with L2 decay and heavy-ball momentum, in place; as `torch.optim.SGD`.

    buffer <- momentum buffer + grad + wd x, from a buffer of zeros; x <- x - lr buffer.
    """
    grad.addcmul_(x, _column(weight_decay, x))
    if momentum:
        grad = buffer.mul_(momentum).add_(grad)
    x.addcmul_(grad, -_column(lr, x))


def orthogonalized(
    x: Float[Tensor, "run rows columns"], dtype: torch.dtype = torch.bfloat16
) -> Float[Tensor, "run rows columns"]:
    """Five Newton-Schulz steps that push all singular values of each matrix to about 1.

    X <- a X + (b A + c A^2) X with A = X X^T. Not exact: singular values end between 0.7 and 1.2,
    which is harmless. ``dtype``: bfloat16 is what `torch.optim.Muon` computes in.
    """
    a, b, c = NS_COEFFICIENTS
    y = x.to(dtype)
    tall = x.shape[-2] > x.shape[-1]
    y = y.mT if tall else y
    y = y / y.norm(dim=(-2, -1), keepdim=True).clamp(min=NS_EPS)
    for _ in range(NS_STEPS):
        gram = y @ y.mT
        y = torch.baddbmm(y, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), y, beta=a)
    return y.mT if tall else y


@torch.no_grad()
def muon_(
    x: Float[Tensor, "run rows columns"],
    grad: Float[Tensor, "run rows columns"],
    buffer: Float[Tensor, "run rows columns"],
    *,
    lr: Float[Tensor, " run"],
    weight_decay: Float[Tensor, " run"],
    momentum: float,
    dtype: torch.dtype = torch.bfloat16,
) -> None:
    """One Muon step with Nesterov momentum on a matrix shaped like `torch.nn.Linear.weight`.

    buffer <- lerp(buffer, grad, 1 - momentum); g = lerp(grad, buffer, momentum);
    x <- (1 - lr wd) x - lr sqrt(max(1, rows / columns)) orthogonalized(g). As `torch.optim.Muon`
    with its defaults. The paper's U and V are M x p, W is p x M.
    """
    rows, columns = x.shape[-2:]
    buffer.lerp_(grad, 1 - momentum)
    update = orthogonalized(grad.lerp(buffer, momentum), dtype).to(x.dtype)
    x.mul_(1 - _column(lr * weight_decay, x))
    x.addcmul_(update, -_column(lr, x) * math.sqrt(max(1.0, rows / columns)))
