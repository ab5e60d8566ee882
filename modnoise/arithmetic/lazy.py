"""Networks that learn no features: U and V as drawn, only the readout is fitted (ours).

The control that decides what frequency filtration shows. `Run.frozen` trains the readout with the
optimizer of the nets it stands beside; here it is solved for in closed form.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.tables import NoisyTable

RIDGE = 1e-6
"""Ridge of `interpolate` in units of tr(H H^T) / n: small enough to fit every label (ours)."""


def hidden(nets: NetStack, table: NoisyTable, run: int) -> Float[Tensor, "pair neuron"]:
    """H: activations of one net on its n training pairs, in table order, in float64."""
    a, b = torch.nonzero(table.train[run], as_tuple=True)
    U, V = nets.U[run].mT.double(), nets.V[run].mT.double()
    return ACTIVATIONS[nets.act].phi(U[a] + V[b])


def ridge_readout(
    H: Float[Tensor, "pair neuron"], Y: Float[Tensor, "pair p"], ridge: float = RIDGE
) -> Float[Tensor, "neuron p"]:
    """W that minimizes |H W - Y|^2 + lambda |W|^2, lambda = ridge * tr(H H^T) / n.

    W = H^T (H H^T + lambda)^-1 Y = (H^T H + lambda)^-1 H^T Y; the smaller of the two systems is
    solved. For ridge -> 0 and at least as many neurons as pairs it is the interpolation of least
    norm.
    """
    penalty = ridge * H.square().sum() / len(H)
    few_pairs = H.shape[0] <= H.shape[1]
    gram = H @ H.mT if few_pairs else H.mT @ H
    gram.diagonal().add_(penalty)
    factor = torch.linalg.cholesky(gram)
    if few_pairs:
        return H.mT @ torch.cholesky_solve(Y, factor)
    return torch.cholesky_solve(H.mT @ Y, factor)


def interpolate(nets: NetStack, table: NoisyTable, ridge: float = RIDGE) -> NetStack:
    """The nets with another readout: the least that fits the given labels of the training pairs.

    Ridge regression (`ridge_readout`) from the activations H on Y - 1/p, Y one-hot of the given
    labels, with mu = 1/p; U and V are kept as they are. What the labels alone put into weights,
    by a network that learned no features, if ``nets`` are `new_nets`.

    Args:
        nets: any nets; their W and mu are not used.
        table: the labels, stacked alike.
        ridge: lambda in units of tr(H H^T) / n.
    """
    p = nets.p
    found = []
    for run in range(len(nets)):
        given = table.given[run][table.train[run]]
        Y = torch.nn.functional.one_hot(given, p).double() - 1 / p
        found.append(ridge_readout(hidden(nets, table, run), Y, ridge))
    return replace(nets, W=torch.stack(found).to(nets.W), mu=torch.full_like(nets.mu, 1 / p))


class Moments(NamedTuple):
    """Of h = phi(u + v), u and v independent and uniform in +-p^(-1/2), s^2 their variance.

    ``both``: E h^2; ``one``: E h h' where only u is shared; ``none``: (E h)^2, where nothing is;
    ``bilinear``: E h u v; ``single``: E h (u^2 - s^2); ``mean``: E h s^2.
    """

    both: float
    one: float
    none: float
    bilinear: float
    single: float
    mean: float


def moments(act: str, p: int) -> Moments:
    """The moments of an activation, by Gauss-Legendre quadrature on either side of u + v = 0.

    Exact for ReLU and x^2.

    >>> [round(x, 6) for x in moments("quadratic", 1)]  # 16/15, 8/15, 4/9, 2/9, 4/45, 2/9
    [1.066667, 0.533333, 0.444444, 0.222222, 0.088889, 0.222222]
    """
    end = p**-0.5
    nodes, weights = (torch.from_numpy(x) for x in np.polynomial.legendre.leggauss(24))
    u = end * nodes[:, None]
    half = torch.cat([(end - u), (end + u)], 1) / 2  # of the pieces -end ... -u ... end of v
    middle = torch.cat([-(end + u), (end - u)], 1) / 2
    v = (middle[..., None] + half[..., None] * nodes).flatten(1)
    weight = (half[..., None] * weights).flatten(1) / (2 * end)
    h, variance = ACTIVATIONS[act].phi(u + v), end**2 / 3

    def mean(x: Tensor) -> float:
        return float(weights @ (weight * x).sum(1)) / 2

    one = float(weights @ (weight * h).sum(1).square()) / 2
    return Moments(
        mean(h * h), one, mean(h) ** 2, mean(h * u * v), mean(h * (u * u - variance)),
        mean(h) * variance,
    )  # fmt: skip


def expected_filtered(
    table: NoisyTable, act: str, ridge: float = RIDGE, run: int = 0
) -> Float[Tensor, "p p p"]:
    """Mean logits per neuron of a filtered `interpolate` over untrained nets, from labels alone.

    Each neuron is filtered at a frequency drawn at random and read with x^2, without mu. To first
    order in 1/M the dual coefficients of the readout are those of the mean Gram matrix,
    alpha = (K + lambda)^-1 (Y - 1/p); for given coefficients the mean is exact, for every
    activation (the method page derives it).

    Args:
        table: labels, as `interpolate` has them.
        act: the activation that the readout was fitted with.
        ridge: as there.
        run: which of the tables.
    """
    alpha = mean_dual(table, act, ridge, run)
    return filtered_mean(alpha, moments(act, table.p))


def mean_dual(table: NoisyTable, act: str, ridge: float, run: int) -> Float[Tensor, "p p p"]:
    """alpha at the training pairs, 0 elsewhere: what the readout W = sum_i h_i alpha_i is of.

    K, the mean of H H^T / M, has three values: for a pair with itself, for pairs that share one
    input, and for those that share none.
    """
    p, of = table.p, moments(act, table.p)
    train = table.train[run]
    a, b = torch.nonzero(train, as_tuple=True)
    shared = (a[:, None] == a).long() + (b[:, None] == b).long()
    K = torch.tensor([of.none, of.one, of.both], dtype=torch.double)[shared]
    K.diagonal().add_(ridge * of.both)
    Y = torch.nn.functional.one_hot(table.given[run][train], p).double() - 1 / p
    alpha = torch.zeros(p, p, p, dtype=torch.double)
    alpha[train] = torch.linalg.solve(K, Y)
    return alpha


def filtered_mean(alpha: Float[Tensor, "p p p"], of: Moments) -> Float[Tensor, "p p p"]:
    """E w^(k)[c] (u^(k)[a] + v^(k)[b])^2 for w = sum over pairs of h alpha, averaged over k.

    x^(k) is x at frequency k, the product with P_k[i, j] = (2 / p) cos(2 pi k (i - j) / p); p is
    odd.
    """
    p = len(alpha)
    j = torch.arange(p)
    found = torch.zeros_like(alpha)
    for k in range(1, (p + 1) // 2):
        P = 2 / p * torch.cos(2 * torch.pi / p * (k * (j[:, None] - j) % p)).double()
        at_c = alpha @ P
        found += 2 * of.bilinear * torch.einsum("xa,yb,abc->xyc", P, P, at_c)
        squares = P.square()
        found += of.single * (squares @ at_c.sum(1))[:, None]
        found += of.single * (squares @ at_c.sum(0))
        found += 4 * of.mean / p * at_c.sum((0, 1))
    return found / ((p - 1) // 2)
