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

from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.operations import OPERATIONS
from modnoise.arithmetic.tables import NoisyTable


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


def parts(nets: NetStack, *, everything: bool = True, log: bool = False) -> dict[str, NetStack]:
    """The nets that the FF pages compare, by the name under which their curves are recorded.

    ``full``, ``G`` and ``R`` (`filtrate`); ``G_quadratic``: G with phi = x^2 and mu = 0 (x^2
    changes the scale of the neuron sum, so a mu learned beside ReLU no longer fits);
    ``G_random``: the same with a random frequency per neuron, the control.
    With ``everything`` also ``G_mu0``; ``G_smallest`` (the weakest frequency, x^2, mu = 0) and
    ``G_random_relu``; and the swaps without FF, ``quadratic`` and ``reverse_relu``
    (mu kept), ``quadratic_mu0``; and ``every`` and ``every_quadratic`` (`every_frequency`).
    With ``log`` also ``G_log``, ``R_log``, ``G_log_quadratic`` and ``G_log_random`` as above, by
    `filtrate_log`, for multiplication.
    """
    g, r = filtrate(nets)
    random = filtrate(nets, random_frequency(nets))[0]

    def square(x: NetStack) -> NetStack:
        return without_mu(x.with_act("quadratic"))

    found = {"full": nets, "G": g, "R": r, "G_quadratic": square(g), "G_random": square(random)}
    if everything:
        every = every_frequency(nets)
        found |= {
            "G_mu0": without_mu(g),
            "G_random_relu": random,
            "G_smallest": square(filtrate(nets, smallest_frequency(nets.W))[0]),
            "quadratic": nets.with_act("quadratic"),
            "quadratic_mu0": square(nets),
            "reverse_relu": nets.with_act("reverse_relu"),
            "every": every,
            "every_quadratic": square(every),
        }
    if log:
        g, r = filtrate_log(nets)
        random = filtrate_log(nets, random_frequency(nets))[0]
        found |= {"G_log": g, "R_log": r, "G_log_quadratic": square(g)}
        found["G_log_random"] = square(random)
    return found


def angles(nets: NetStack, k: Int[Tensor, "run neuron"] | None = None) -> tuple[Tensor, ...]:
    """(angle_u, angle_v, angle_w) at k_m, radians in (-pi, pi], each (run neuron)."""
    k = dominant_frequency(nets.W) if k is None else k
    return tuple(
        spectrum(x).gather(-1, k[..., None] - 1)[..., 0].angle() for x in (nets.U, nets.V, nets.W)
    )


def wrapped(angle: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """An angle less the whole turns in it, in [-pi, pi)."""
    return torch.remainder(angle + torch.pi, 2 * torch.pi) - torch.pi


def _sign(op: str) -> int:
    """The sign of angle_v in the relation of an operation on residues."""
    if OPERATIONS[op].logarithms:
        raise ValueError(f"op = {op!r} is not allowed: the angle relation is for 'add' and 'sub'")
    return OPERATIONS[op].sign


def angle_miss(
    nets: NetStack, k: Int[Tensor, "run neuron"], *, op: str
) -> Float[Tensor, "run neuron"]:
    """angle_u +- angle_v - angle_w at frequency k_m, `wrapped`: minus for differences.

    Raises:
        ValueError: ``op="mul"``, for which the relation is meaningless in the additive index.
    """
    sign = _sign(op)
    u, v, w = angles(nets, k)
    return wrapped(u + sign * v - w)


def phase_mse(nets: NetStack, *, op: str = "add", weighted: bool = False) -> Float[Tensor, " run"]:
    """Mean squared deviation from angle_u +- angle_v = angle_w (mod 2 pi), in rad^2 (paper, D.3).

    Plus for ``op="add"``, minus for ``op="sub"``. Chance, three independent uniform angles, is
    pi^2 / 3 = 3.29; 0 is perfect. ``weighted``: mean over neurons weighted by |w^_{m,k_m}|, which
    keeps weak aperiodic neurons of wide nets from drowning the strong ones (ours).

    Raises:
        ValueError: ``op="mul"``, for which the relation is meaningless in the additive index.
    """
    k = dominant_frequency(nets.W)
    miss = angle_miss(nets, k, op=op)
    weight = torch.ones_like(miss)
    if weighted:
        weight = spectrum(nets.W).abs().gather(-1, k[..., None] - 1)[..., 0]
    return (miss.square() * weight).sum(-1) / weight.sum(-1)


def phase_coherence(nets: NetStack, *, op: str = "add") -> dict[str, Float[Tensor, " run"]]:
    """How well angle_u +- angle_v = angle_w holds over all neurons and frequencies (ours).

    Sum of Re(u^ v^ conj w^) (conj v^ for subtraction) over (m, k), divided by the sum of its
    absolute values: 1 if the relation is exact wherever there is power, about 0 for unrelated
    angles. ``coherence``: all k; ``coherence_dominant``: k_m alone; ``coherence_other``: all but
    k_m.

    Raises:
        ValueError: ``op="mul"``, as `phase_mse`.
    """
    U, V, W = (spectrum(x) for x in (nets.U, nets.V, nets.W))
    product = U * (V if _sign(op) > 0 else V.conj()) * W.conj()
    own = torch.zeros_like(product.real).scatter(-1, dominant_frequency(nets.W)[..., None] - 1, 1)

    def over(weight: Tensor) -> Tensor:
        return (product.real * weight).sum((1, 2)) / (product.abs() * weight).sum((1, 2))

    return {
        "coherence": over(torch.ones_like(own)),
        "coherence_dominant": over(own),
        "coherence_other": over(1 - own),
    }


def every_frequency(nets: NetStack) -> NetStack:
    """All frequencies kept, each apart: f = sum_k sum_m w^(k) phi(u^(k) + v^(k)) + mu (ours).

    A control for FF that chooses nothing: like f^G it can only express what u, v and w share at
    one frequency, but it keeps every k of every neuron. A net of M (p // 2) neurons.
    """
    p = nets.p
    ks = torch.arange(1, p // 2 + 1, device=nets.U.device)

    def apart(x: Tensor) -> Tensor:
        full = torch.fft.rfft(x, norm="ortho")[:, None]
        mask = torch.zeros(len(ks), 1, full.shape[-1], dtype=full.dtype, device=x.device)
        mask[torch.arange(len(ks)), 0, ks] = 1
        return torch.fft.irfft(full * mask, n=p, norm="ortho").flatten(1, 2)

    U, W = apart(nets.U), apart(nets.W)
    return replace(nets, U=U, V=U if nets.tied else apart(nets.V), W=W)


def logarithms(p: int) -> Int[np.ndarray, " power"]:
    """g^0, g^1 ... g^(p-2) mod p for the smallest primitive root g of the prime p.

    In this order multiplication of nonzero residues is addition of positions modulo p - 1.

    Raises:
        ValueError: p is not prime.

    >>> logarithms(7).tolist()
    [1, 3, 2, 6, 4, 5]
    """
    if p < 3 or not all(p % d for d in range(2, int(p**0.5) + 1)):
        raise ValueError(f"p = {p} is not allowed: a primitive root needs an odd prime")
    for g in range(2, p):
        powers = [pow(g, i, p) for i in range(p - 1)]
        if len(set(powers)) == p - 1:
            return np.array(powers)
    raise AssertionError("every prime has a primitive root")


def filtrate_log(
    nets: NetStack, k: Int[Tensor, "run neuron"] | None = None
) -> tuple[NetStack, NetStack]:
    """FF for multiplication (ours): as `filtrate`, over the discrete logarithm of the residue.

    The nonzero residues in the order of `logarithms` have a DFT of length p - 1, in which the
    rule is addition. Residue 0 has no logarithm: its entries stay in G.

    Raises:
        ValueError: p is not prime.
    """
    order = torch.from_numpy(logarithms(nets.p)).to(nets.W.device)
    k = dominant_frequency(nets.W[..., order]) if k is None else k

    def kept(x: Tensor) -> Tensor:
        out = x.clone()
        out[..., order] = keep_frequency(x[..., order], k)
        return out

    U, W = kept(nets.U), kept(nets.W)
    g = replace(nets, U=U, V=U if nets.tied else kept(nets.V), W=W)
    RU = nets.U - U
    r = replace(nets, U=RU, V=RU if nets.tied else nets.V - g.V, W=nets.W - W)
    return g, r


def label_prior(table: NoisyTable) -> Int[Tensor, "run p p"]:
    """What the filter alone makes of the given labels of the training pairs, without any net.

    The table T[a, b, c] = 1 where (a, b) is a training pair with the given label c, else 0, keeps
    its Fourier modes whose three frequencies are equal up to sign and not 0: where a neuron with
    one frequency holds the product of u, v and w (phi = x^2 adds only modes of a single input).
    The answer is the class with the largest value (ours).
    """
    runs, p = len(table.given), table.given.shape[-1]
    T = torch.nn.functional.one_hot(table.given, p).double() * table.train[..., None]
    k = torch.arange(p, device=T.device)
    k = torch.minimum(k, p - k)
    same = (k[:, None, None] == k[None, :, None]) & (k[:, None, None] == k) & (k > 0)
    kept = torch.fft.ifftn(torch.fft.fftn(T, dim=(1, 2, 3)) * same, dim=(1, 2, 3)).real
    return kept.argmax(-1).view(runs, p, p)


def label_vote(table: NoisyTable) -> Int[Tensor, "run p p"]:
    """What a vote of the training pairs makes of the given labels, without any net (ours).

    Pairs with the same true class, which for addition is the residue a + b, vote with their given
    labels; the largest count is the answer for all of them, the lower label at a tie. It knows
    only which pairs belong together, not what their class is called: a weaker prior than
    `label_prior`, which also knows that classes follow each other as residues do.
    """
    runs, p = len(table.given), table.p
    votes = torch.zeros(runs, p * p, dtype=torch.long, device=table.given.device)
    ballot = (table.true * p + table.given).flatten(1)
    votes.scatter_add_(1, ballot, table.train.flatten(1).long())
    winner = votes.view(runs, p, p).argmax(-1)
    return winner.gather(1, table.true.flatten(1)).view_as(table.true)


def sparsity(x: Float[Tensor, "run neuron p"]) -> Float[Tensor, "run neuron"]:
    """rho = |x^_k*|^2 / sum over k >= 1 of |x^_k|^2 in (0, 1], k* dominant (follow-up paper).

    1 for a cosine, 1 / (p // 2) for a flat spectrum.
    """
    power = spectrum(x).abs().square()
    return power.amax(-1) / power.sum(-1)
