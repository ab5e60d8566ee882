"""The reference engine: the loop anybody would write. One-hot inputs, autograd, `torch.optim`.

Slow and obviously right; the fast engine is tested against it, and it is the baseline of
``make bench``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.engines.batches import batch_at
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.optimizers import OPTIMIZERS
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import NoisyTable
from modnoise.training import optim


class PlainNet(nn.Module):
    """W phi(U x_a + V x_b) + mu on one-hot x, with three `nn.Linear` layers."""

    def __init__(self, nets: NetStack) -> None:
        super().__init__()
        like: dict[str, Any] = {"device": nets.mu.device, "dtype": nets.mu.dtype}
        self.U = nn.Linear(nets.p, nets.width, bias=False, **like)
        self.V = self.U if nets.tied else nn.Linear(nets.p, nets.width, bias=False, **like)
        self.W = nn.Linear(nets.width, nets.p, **like)
        self.phi = ACTIVATIONS[nets.act].phi
        with torch.no_grad():
            self.U.weight.copy_(nets.U[0])
            self.V.weight.copy_(nets.V[0])
            self.W.weight.copy_(nets.W[0].T)
            self.W.bias.copy_(nets.mu[0])

    def forward(self, x_a: Tensor, x_b: Tensor) -> Tensor:
        """Logits (pairs, p)."""
        return self.W(self.phi(self.U(x_a) + self.V(x_b)))


def plain_optimizers(net: PlainNet, run: Run) -> list[torch.optim.Optimizer]:
    """The `torch.optim` optimizers that ``run`` means; one for matrices leaves mu to AdamW."""
    rates: dict[str, Any] = {"lr": run.lr, "weight_decay": run.weight_decay, "run": run}
    chosen = OPTIMIZERS[run.optimizer]
    if not chosen.matrices:
        return [chosen.twin(net.parameters(), **rates)]
    matrices = [x for x in net.parameters() if x.ndim == 2]
    return [chosen.twin(matrices, **rates), OPTIMIZERS["adamw"].twin([net.W.bias], **rates)]


def _warmup(updates: int, steps: int) -> float:
    return float(optim.warmup(updates + 1, steps))


def _grad(x: Tensor) -> Tensor:
    assert x.grad is not None
    return x.grad


class ReferenceEngine:
    """The members of a stack, one plain net after the other; same interface as `FastEngine`."""

    def __init__(
        self, runs: Sequence[Run], nets: NetStack, table: NoisyTable, device: str = "cpu"
    ) -> None:
        nets, table = nets.to(device), table.to(device)
        self.runs, self.updates = runs, 0
        self.act, self.tied = nets.act, nets.tied
        self.plain = [PlainNet(nets[i]) for i in range(len(nets))]
        for net, run in zip(self.plain, runs, strict=True):
            for layer in (net.U, net.V):  # without a gradient `torch.optim` leaves them alone
                layer.weight.requires_grad_(not run.frozen)
        self.optimizers = [
            plain_optimizers(net, run) for net, run in zip(self.plain, runs, strict=True)
        ]
        self.schedulers = [
            torch.optim.lr_scheduler.LambdaLR(o, partial(_warmup, steps=run.warmup))
            for run, group in zip(runs, self.optimizers, strict=True)
            for o in group
        ]
        self.data: list[tuple[Tensor, ...]] = []
        for i in range(len(nets)):
            a, b = torch.nonzero(table.train[i], as_tuple=True)
            x_a, x_b = (one_hot(x, nets.p).to(nets.mu.dtype) for x in (a, b))
            self.data.append((x_a, x_b, table.given[i, a, b]))

    @property
    def nets(self) -> NetStack:
        """The current weights."""
        U, V, W = (
            torch.stack([getattr(net, name).weight.detach() for net in self.plain])
            for name in ("U", "V", "W")
        )
        mu = torch.stack([net.W.bias.detach() for net in self.plain])
        return NetStack(U, U if self.tied else V, W.mT, mu, self.act)

    def gradients(self) -> list[Tensor]:
        """Gradients of the mean cross-entropy for [U^T over V^T, W, mu], as `FastEngine` gives."""
        for net, (x_a, x_b, label) in zip(self.plain, self._batch(), strict=True):
            net.zero_grad()
            cross_entropy(net(x_a, x_b), label).backward()

        def stacked(layer: str) -> Tensor:
            weights = [getattr(net, layer).weight for net in self.plain]
            frozen = not weights[0].requires_grad
            return torch.stack([torch.zeros_like(x).T if frozen else _grad(x).T for x in weights])

        tables = [stacked("U")] if self.tied else [stacked("U"), stacked("V")]
        mu = torch.stack([_grad(net.W.bias) for net in self.plain])
        return [torch.cat(tables, 1), stacked("W"), mu]

    def step(self) -> None:
        """One update of every net."""
        for net, (x_a, x_b, label), group in zip(
            self.plain, self._batch(), self.optimizers, strict=True
        ):
            net.zero_grad()
            cross_entropy(net(x_a, x_b), label).backward()
            for optimizer in group:
                optimizer.step()
        for scheduler in self.schedulers:
            scheduler.step()
        self.updates += 1

    def _batch(self) -> list[tuple[Tensor, ...]]:
        """What the next update sees, per net."""
        if not self.runs[0].batch:
            return self.data
        picks = [torch.from_numpy(batch_at(run, self.updates)) for run in self.runs]
        return [tuple(x[pick] for x in of) for of, pick in zip(self.data, picks, strict=True)]
