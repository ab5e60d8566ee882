"""Frequency filtration (FF): what each neuron keeps at its own frequency, and what it leaves.

Transforms are unitary along the last axis, x^_k = p^(-1/2) sum_i x_i exp(-2 pi i k i / p), so a
real x = A cos(2 pi k i / p + phi) has the angle phi at k, and "frequency k" means the pair
{k, p - k}. The mean (k = 0) is never a candidate; it belongs to the residual. Paper: section 4.1.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from modnoise.nets import NetStack


def frequencies(p: int) -> range:
    """The frequencies a neuron can have: 1 ... p // 2 (56 for p = 113)."""
    return range(1, p // 2 + 1)


def spectrum(x: Float[Tensor, "*shape p"]) -> Complex[Tensor, "*shape freq"]:
    """Coefficients x^_k for k = 1 ... p // 2, the mean left out.

    >>> i = torch.arange(7)
    >>> x = torch.cos(2 * torch.pi * 2 * i / 7 + 0.4)
    >>> round(spectrum(x).angle()[1].item(), 4)  # entry 1 is k = 2
    0.4
    """
    return torch.fft.rfft(x, norm="ortho")[..., 1:]


def dominant_frequency(w: Float[Tensor, "run neuron p"]) -> Int[Tensor, "run neuron"]:
    """k_m = argmax over k of |w^_{m,k}|, from the output vectors alone (paper, section 4.1)."""
    return spectrum(w).abs().argmax(-1) + 1


def keep_frequency(
    x: Float[Tensor, "run neuron p"], k: Int[Tensor, "run neuron"]
) -> Float[Tensor, "run neuron p"]:
    """The part of x at frequency k: (2 / sqrt p) |x^_k| cos(2 pi k i / p + arg x^_k).

    Half of that for even p at k = p / 2, which is its own mirror.

    Raises:
        ValueError: a frequency outside 1 ... p // 2.
    """
    p = x.shape[-1]
    if k.numel() and not (1 <= int(k.min()) and int(k.max()) <= p // 2):
        raise ValueError(f"frequencies must lie in 1 ... {p // 2}")
    full = torch.fft.rfft(x, norm="ortho")
    one = torch.zeros_like(full).scatter(-1, k[..., None], full.gather(-1, k[..., None]))
    return torch.fft.irfft(one, n=p, norm="ortho")


def filtrate(
    nets: NetStack, k: Int[Tensor, "run neuron"] | None = None
) -> tuple[NetStack, NetStack]:
    """Frequency filtration: split every neuron into its part G at one frequency and the rest R.

    k_m is chosen from w_m alone (`dominant_frequency`) unless given; u_m and v_m are filtered at
    the *same* k_m, not at their own maxima. Neurons add up, G + R = (u, v, w), but functions do
    not: f^G + f^R != f, because phi is not linear. mu is kept in both parts (ours: the paper does
    not say; `without_mu` measures the difference).

    Returns:
        The nets of f^G and of f^R.
    """
    k = dominant_frequency(nets.W) if k is None else k
    U, V, W = (keep_frequency(x, k) for x in (nets.U, nets.V, nets.W))
    g = replace(nets, U=U, V=U if nets.tied else V, W=W)
    RU = nets.U - U
    r = replace(nets, U=RU, V=RU if nets.tied else nets.V - V, W=nets.W - W)
    return g, r


def without_mu(nets: NetStack) -> NetStack:
    """The same neurons with mu = 0."""
    return replace(nets, mu=torch.zeros_like(nets.mu))


def random_frequency(nets: NetStack, seed: int = 0) -> Int[Tensor, "run neuron"]:
    """A control for FF: a frequency per neuron, uniform over 1 ... p // 2, blind to the weights.

    Every net of the stack gets the same draw, so a net's control does not depend on its stack.
    """
    k = np.random.default_rng(seed).integers(1, nets.p // 2 + 1, size=nets.width)
    return torch.from_numpy(k).to(nets.W.device).expand(len(nets), -1)


def smallest_frequency(w: Float[Tensor, "run neuron p"]) -> Int[Tensor, "run neuron"]:
    """A control for FF: the frequency at which the output vector is weakest."""
    return spectrum(w).abs().argmin(-1) + 1


def largest_product(nets: NetStack) -> Int[Tensor, "run neuron"]:
    """The frequency at which |u^ v^ w^| is largest: a choice that asks all three vectors."""
    U, V, W = (spectrum(x).abs() for x in (nets.U, nets.V, nets.W))
    return (U * V * W).argmax(-1) + 1


def parts(nets: NetStack, *, everything: bool = True) -> dict[str, NetStack]:
    """The nets that the FF pages compare, by the name under which their curves are recorded.

    ``full``, ``G`` and ``R`` (`filtrate`); ``G_quadratic``: G with phi = x^2 and mu = 0 (x^2
    changes the scale of the neuron sum, so a mu learned beside ReLU no longer fits);
    ``G_random``: the same with a random frequency per neuron, the control.
    With ``everything`` also ``G_mu0``; ``G_smallest`` (the weakest frequency, x^2, mu = 0) and
    ``G_random_relu``; and the swaps without FF, ``quadratic`` and ``reverse_relu``
    (mu kept), ``quadratic_mu0``.
    """
    g, r = filtrate(nets)
    random = filtrate(nets, random_frequency(nets))[0]

    def square(x: NetStack) -> NetStack:
        return without_mu(x.with_act("quadratic"))

    found = {"full": nets, "G": g, "R": r, "G_quadratic": square(g), "G_random": square(random)}
    if everything:
        found |= {
            "G_mu0": without_mu(g),
            "G_random_relu": random,
            "G_smallest": square(filtrate(nets, smallest_frequency(nets.W))[0]),
            "quadratic": nets.with_act("quadratic"),
            "quadratic_mu0": square(nets),
            "reverse_relu": nets.with_act("reverse_relu"),
        }
    return found


def angles(nets: NetStack, k: Int[Tensor, "run neuron"] | None = None) -> tuple[Tensor, ...]:
    """(angle_u, angle_v, angle_w) at k_m, radians in (-pi, pi], each (run neuron)."""
    k = dominant_frequency(nets.W) if k is None else k
    return tuple(
        spectrum(x).gather(-1, k[..., None] - 1)[..., 0].angle() for x in (nets.U, nets.V, nets.W)
    )


def phase_mse(nets: NetStack, *, op: str = "add", weighted: bool = False) -> Float[Tensor, " run"]:
    """Mean squared deviation from angle_u +- angle_v = angle_w (mod 2 pi), in rad^2 (paper, D.3).

    Plus for ``op="add"``, minus for ``op="sub"``. Chance, three independent uniform angles, is
    pi^2 / 3 = 3.29; 0 is perfect. ``weighted``: mean over neurons weighted by |w^_{m,k_m}|, which
    keeps weak aperiodic neurons of wide nets from drowning the strong ones (ours).

    Raises:
        ValueError: ``op="mul"``, for which the relation is meaningless in the additive index.
    """
    if op not in ("add", "sub"):
        raise ValueError(f"op = {op!r} is not allowed: the angle relation is for 'add' and 'sub'")
    k = dominant_frequency(nets.W)
    u, v, w = angles(nets, k)
    miss = u + (v if op == "add" else -v) - w
    miss = torch.remainder(miss + torch.pi, 2 * torch.pi) - torch.pi
    weight = torch.ones_like(miss)
    if weighted:
        weight = spectrum(nets.W).abs().gather(-1, k[..., None] - 1)[..., 0]
    return (miss.square() * weight).sum(-1) / weight.sum(-1)


def sparsity(x: Float[Tensor, "run neuron p"]) -> Float[Tensor, "run neuron"]:
    """rho = |x^_k*|^2 / sum over k >= 1 of |x^_k|^2 in (0, 1], k* dominant (follow-up paper).

    1 for a cosine, 1 / (p // 2) for a flat spectrum.
    """
    power = spectrum(x).abs().square()
    return power.amax(-1) / power.sum(-1)
