"""Networks that learn no features: U and V as drawn, only the readout is fitted (ours).

The control that decides what frequency filtration shows. `Run.frozen` trains the readout with the
optimizer of the nets it stands beside; here it is solved for in closed form.
"""

from __future__ import annotations

from dataclasses import replace

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
