"""What frequency filtration finds by accident: the null of "part of the rule is inside".

A filtered net under x^2 can express little but functions of a + b and of a - b, so even an
untrained one answers a + b + s on many pairs, for some s. A shift of the classes changes nothing
in the distribution of a net that knows no rule; so what it answers for s = 0, the rule, is as good
as what it answers for any other s, and with random frequencies instead of the strongest. Ours.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from modnoise.arithmetic.fourier import dominant_frequency, logarithms, random_frequency
from modnoise.arithmetic.metrics import CHUNK
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.operations import OPERATIONS

DRAWS = 40
"""Draws of random frequencies: with p = 23, 1 in 41 * 22 + 1 nets beats all by accident (ours)."""


def filtered_answers(nets: NetStack, k: Int[Tensor, "draw neuron"]) -> Int[Tensor, "draw p p"]:
    """Answers of the first net of a stack with one frequency per neuron, under x^2, without mu.

    Those of ``without_mu(filtrate(nets, k)[0].with_act("quadratic"))``, in M p^2 + p^3 operations
    instead of M p^3. With u_m[a] = Re(z_u e^(i t a)), t = 2 pi k / p, and v alike,

        2 u[a] v[b] = Re(z_u z_v e^(i t (a + b))) + Re(z_u conj(z_v) e^(i t (a - b))),

    so the logits are a sum of four matrices, of (a, c), (b, c), (a + b, c) and (a - b, c).
    """
    p = nets.p
    step = max(1, CHUNK["cpu"] // (nets.width * p))
    if len(k) > step:
        return torch.cat([filtered_answers(nets, part) for part in k.split(step)])
    b = torch.arange(p, device=k.device)
    turn = torch.exp(2j * torch.pi / p * b)[k[..., None] * b % p]

    def kept(x: Tensor) -> Tensor:
        z = torch.fft.rfft(x[0].double()).expand(len(k), -1, -1).gather(-1, k[..., None])
        return z * torch.where(2 * k == p, 1, 2)[..., None] / p

    u, v, w = (kept(x) for x in (nets.U, nets.V, nets.W))
    out = (w * turn).real
    at_a, at_b = ((x * turn).real.square().mT @ out for x in (u, v))
    plus, minus = ((x * turn).real.mT @ out for x in (u * v, u * v.conj()))
    answers = []
    for a in b[:, None].split(max(1, CHUNK["cpu"] // (len(k) * p * p))):
        logits = at_a[:, a] + at_b[:, None] + plus[:, (a + b) % p] + minus[:, (a - b) % p]
        answers.append(logits.argmax(-1))
    return torch.cat(answers, 1)


def by_shift(answers: Int[Tensor, "draw p p"], op: str = "add") -> Float[Tensor, "draw p"]:
    """Share of pairs answered a + b + s (a - b + s for differences), for s = 0 ... p - 1.

    >>> a = torch.arange(5)
    >>> by_shift((a[:, None] + a + 2)[None] % 5).tolist()
    [[0.0, 0.0, 1.0, 0.0, 0.0]]
    """
    p = answers.shape[-1]
    a, b = torch.arange(p)[:, None], torch.arange(p)
    shift = (answers.cpu() - (a + OPERATIONS[op].sign * b)) % p
    return torch.stack([torch.bincount(x.flatten(), minlength=p) for x in shift]) / p**2


def over_logarithms(nets: NetStack) -> NetStack:
    """The net on nonzero residues in the order of their logarithms: x -> g^x makes sums products.

    Raises:
        ValueError: p is not prime.
    """
    order = torch.from_numpy(logarithms(nets.p)).to(nets.W.device)
    U = nets.U[..., order]
    V = U if nets.tied else nets.V[..., order]
    return NetStack(U, V, nets.W[..., order], nets.mu[..., order], nets.act)


def shifts(nets: NetStack, op: str, draws: int = DRAWS) -> Float[Tensor, "draw shift"]:
    """`by_shift` of a filtered net: row 0 with its strongest frequencies, then with random ones.

    For products and quotients on nonzero residues alone, over their logarithms.

    Raises:
        ValueError: an operation over logarithms for a p that is not prime.
    """
    nets = over_logarithms(nets) if OPERATIONS[op].logarithms else nets
    chosen = [dominant_frequency(nets.W), *(random_frequency(nets, i) for i in range(draws))]
    answers = filtered_answers(nets, torch.cat([k[:1] for k in chosen]))
    return by_shift(answers, op)
