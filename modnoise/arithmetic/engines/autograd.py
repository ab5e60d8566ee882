"""The engine for a device on which the fast one does not pass its checks: autograd, no graph.

Weights, updates and checkpoints are the fast engine's; the gradients are those that autograd finds
for the net as it is written down. Slower, and with nothing by hand that could be wrong.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.engines.fast import FastEngine


class AutogradEngine(FastEngine):
    """`FastEngine` with gradients by autograd, and every update an ordinary call."""

    _current: tuple[Tensor, Tensor]  # (run pair 2) rows of the table, (run pair) given labels

    def _blocks(self, pairs: Tensor, labels: Tensor) -> list:
        self._current, self.counter = (pairs.to(self._device), labels.to(self._device)), None
        return []

    def gradients(self) -> list[Tensor]:
        """Gradients of the mean cross-entropy over the current pairs, as `FastEngine` gives."""
        pairs, labels = self._current
        run = torch.arange(len(pairs), device=pairs.device)[:, None]
        leaves = [x.detach().requires_grad_() for x in self.params]
        with torch.enable_grad():
            lookup, W, mu = leaves
            pre = lookup[run, pairs[..., 0]] + lookup[run, pairs[..., 1]]
            logits = torch.baddbmm(mu[:, None], ACTIVATIONS[self.act].phi(pre), W)
            loss = cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum") / self.n
        for grad, found in zip(self.grads, torch.autograd.grad(loss, leaves), strict=True):
            grad.copy_(found)
        return self.grads
