"""One-layer transformers of many sizes, with a last token for each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from modnoise.arithmetic import spectrum
from modnoise.transformer import TransformerStack
from modnoise.unified.run import UnifiedRun

_INIT = 3  # stream of a seed
KEYS = 5
"""Frequencies that the circuit for addition of Nanda et al.'s net uses."""


@dataclass(frozen=True)
class CircuitStack(TransformerStack):
    """Weights of a stack: the p residues and ``ends`` last tokens are read, p classes answered."""

    @property
    def p(self) -> int:
        """Modulus."""
        return self.W_U.shape[2]

    @property
    def ends(self) -> int:
        """Tokens that may stand last."""
        return self.W_E.shape[1] - self.p


def gate(run: UnifiedRun) -> Float[Tensor, "end neuron"] | None:
    """Which half of the MLP each task sees, 0 or 1; None where every task sees all of it."""
    if not run.split:
        return None
    mask = torch.zeros(2, run.d_mlp)
    mask[0, : run.d_mlp // 2] = mask[1, run.d_mlp // 2 :] = 1
    return mask


def _one_net(run: UnifiedRun) -> list[np.ndarray]:
    rng = np.random.default_rng([run.seed, _INIT])
    d, heads, size = run.d_model, run.heads, run.d_model // run.heads
    shapes: list[tuple[int, ...]] = [(run.p + run.ends, d), (3, d), *[(heads, size, d)] * 4]
    drawn = [rng.standard_normal(shape) / np.sqrt(d) for shape in shapes]
    W_in, W_out = (rng.standard_normal((run.d_mlp, d)) / np.sqrt(d) for _ in range(2))
    W_U = rng.standard_normal((d, run.p)) / np.sqrt(run.p)
    return [*drawn, W_in, np.zeros(run.d_mlp), W_out, np.zeros(d), W_U]


def new_circuits(runs: Sequence[UnifiedRun]) -> CircuitStack:
    """Untrained nets: N(0, 1/d_model), W_U N(0, 1/p), biases 0 (Nanda)."""
    stacked = (np.stack(part) for part in zip(*map(_one_net, runs), strict=True))
    return CircuitStack(*(torch.from_numpy(x).to(getattr(torch, runs[0].dtype)) for x in stacked))


def key_share(weights: Float[Tensor, "run d p"]) -> Float[Tensor, " run"]:
    """How far weights have gathered in few frequencies: W_U, or W_E of the residues transposed.

    The share of the energy sum_d |W^_{d,k}|^2 over k = 1 ... p // 2, along the residues or
    classes, that the `KEYS` largest frequencies hold. A net that memorizes with no regard to the
    order of residues spreads it: a random matrix has a little over KEYS / (p // 2). The progress
    of a Fourier circuit is Nanda et al.'s; this measure of it is ours.
    """
    energy = spectrum(weights).abs().square().sum(1)
    most = energy.sort(dim=-1, descending=True, stable=True).values
    return most[:, :KEYS].sum(1) / most.sum(1)
