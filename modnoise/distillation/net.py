"""The denoiser: a residual MLP, many of them in one tensor; preconditioning, samplers.

Axes: ``net`` members of a stack, ``picture`` of a batch, ``pixel``. A member's weights are one row
of a flat tensor, cut into its matrices by `shapes`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import layer_norm, silu

from modnoise.distillation.run import DistillRun

RHO = 7
"""Of the noise levels (Karras et al. 2022, eq. 5)."""

WAVES = 16
"""Frequencies of the noise's embedding, 1/4 to 4 cycles per unit of log(sigma) / 4: ours."""


class Shape(NamedTuple):
    """What a net is made of."""

    pixels: int
    width: int
    layers: int
    sigma_data: float


def shape_of(run: DistillRun, sigma_data: float) -> Shape:
    """The net of a run whose training pixels have the standard deviation ``sigma_data``."""
    return Shape(run.pixels, run.width, run.layers, sigma_data)


def shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Matrices and biases by name, in the order in which they lie in a member's row."""
    d, w = shape.pixels, shape.width
    found: dict[str, tuple[int, ...]] = {}
    found |= {"W_in": (d, w), "b_in": (1, w), "W_noise": (2 * WAVES, (shape.layers + 1) * w)}
    for i in range(shape.layers):
        found |= {f"W_{i}": (w, w), f"b_{i}": (1, w)}
    return found | {"W_out": (w, d), "b_out": (1, d)}


def new_weights(shape: Shape, generator: torch.Generator) -> Float[Tensor, "1 weight"]:
    """One net at its initialization: uniform in 1/sqrt(fan in), as PyTorch's; the output zero."""
    parts, fan = [], 1
    for name, size in shapes(shape).items():
        fan = size[0] if name[0] == "W" else fan
        one = (2 * torch.rand(size, generator=generator) - 1) / math.sqrt(fan)
        parts.append((one * (not name.endswith("_out"))).flatten())
    return torch.cat(parts)[None]


def _cut(weights: Float[Tensor, "net weight"], shape: Shape) -> dict[str, Tensor]:
    sizes = shapes(shape)
    parts = weights.split([math.prod(x) for x in sizes.values()], 1)
    return {
        name: x.unflatten(1, size) for (name, size), x in zip(sizes.items(), parts, strict=True)
    }


def raw(
    weights: Float[Tensor, "net weight"],
    x: Float[Tensor, "net picture pixel"],
    c_noise: Float[Tensor, "net level"],
    shape: Shape,
) -> Float[Tensor, "net picture pixel"]:
    """F(x, c_noise): h <- h + W_k silu(norm(h) + e_k) from h = W_in x + e; e: of the noise."""
    part = _cut(weights, shape)
    waves = torch.logspace(-2, 2, WAVES, base=2, dtype=x.dtype, device=x.device) * 2 * math.pi
    angle = c_noise[..., None] * waves
    noise = torch.cat([angle.cos(), angle.sin()], -1) @ part["W_noise"]
    first, *rest = noise.chunk(shape.layers + 1, -1)
    h = torch.baddbmm(part["b_in"], x, part["W_in"]) + first
    for i, e in enumerate(rest):
        h = h + torch.baddbmm(
            part[f"b_{i}"], silu(layer_norm(h, (shape.width,)) + e), part[f"W_{i}"]
        )
    return torch.baddbmm(part["b_out"], silu(layer_norm(h, (shape.width,))), part["W_out"])


def denoise(weights: Tensor, x: Tensor, sigma: Float[Tensor, "net level"], shape: Shape) -> Tensor:
    """The teacher's D(x; sigma), EDM's preconditioning (Karras et al. 2022, table 1).

    D = c_skip x + c_out F(c_in x, ln(sigma) / 4), with s = sigma_data:
    c_skip = s^2 / (sigma^2 + s^2), c_out = sigma s / sqrt(sigma^2 + s^2), c_in =
    1 / sqrt(sigma^2 + s^2).
    """
    s, sigma = shape.sigma_data, sigma[..., None]
    total = sigma**2 + s**2
    inner = raw(weights, x * total.rsqrt(), sigma[..., 0].log() / 4, shape)
    return s**2 / total * x + sigma * s * total.rsqrt() * inner


def consistent(
    weights: Tensor,
    x: Tensor,
    sigma: Float[Tensor, "net level"],
    shape: Shape,
    sigma_min: float,
) -> Tensor:
    """The student's f(x, sigma), with f(x, sigma_min) = x (Song et al. 2023, appendix C).

    c_skip = s^2 / ((sigma - sigma_min)^2 + s^2), c_out = s (sigma - sigma_min) /
    sqrt(sigma^2 + s^2), c_in as in `denoise`.
    """
    s, sigma = shape.sigma_data, sigma[..., None]
    past, total = sigma - sigma_min, sigma**2 + s**2
    inner = raw(weights, x * total.rsqrt(), sigma[..., 0].log() / 4, shape)
    return s**2 / (past**2 + s**2) * x + s * past * total.rsqrt() * inner


def levels(number: int, low: float, high: float) -> np.ndarray:
    """Rising noise levels, evenly in sigma^(1/7) (Karras et al. 2022, eq. 5).

    >>> levels(3, 1.0, 128.0).round(3).tolist()
    [1.0, 17.086, 128.0]
    """
    first, last = np.array([low, high]) ** (1 / RHO)
    return np.linspace(first, last, number) ** RHO


Denoiser = Callable[[Tensor, Tensor], Tensor]


def heun(at: Denoiser, x: Tensor, sigma: Tensor, to: Tensor) -> Tensor:
    """One step of the flow dx/dsigma = (x - D(x; sigma)) / sigma from ``sigma`` to ``to`` > 0."""
    here, there = sigma[..., None], to[..., None]
    slope = (x - at(x, sigma)) / here
    trial = x + (there - here) * slope
    return x + (there - here) * (slope + (trial - at(trial, to)) / there) / 2


def draw(
    at: Denoiser, noise: Float[Tensor, "1 picture pixel"], grid: Float[np.ndarray, " level"]
) -> Tensor:
    """The teacher's pictures: Heun steps down the rising ``grid`` from its top, then D to zero.

    ``noise`` is standard normal (Karras et al. 2022, algorithm 1: the last step is Euler's).
    """
    down = [torch.full((1, 1), float(x), dtype=noise.dtype, device=noise.device) for x in grid]
    x = noise * down[-1]
    for high, low in zip(down[:0:-1], down[-2::-1], strict=True):
        x = heun(at, x, high, low)
    return at(x, down[0])
