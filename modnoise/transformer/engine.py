"""Full-batch training of a stack of one-layer transformers, none of a step done twice.

What is read is the answer behind "=", so there is one query, and the pair (a, b) meets the net in
three places only. A token's key and value in its place do not depend on the pair, and without
LayerNorm everything up to the ReLU is linear in the attention output. So with the attention
weights A_h = softmax(s_h[a], s_h[b], s_h[=]) of head h,

    (pre, skip)(a, b) = const + sum_h A_h[a] R_h[a] + A_h[b] R_h[b],
    logits = skip + relu(pre) (W_out W_U),

where R_h[x], of length d_mlp + p + 1, is the value in place x (less that of "="), taken through
W_O and then through W_in and W_U at once: 8 p + 1 rows for 4 heads, made once a step. Per pair
there remain a weighted sum of 9 looked-up rows (`embedding_bag`) and one product with W_out W_U.
Their gradients are written out, in blocks of pairs that fit the cache; those of the few rows are
autograd's. All sums are in a fixed order. That it equals the plain net is tested; source: ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding, embedding_bag

from modnoise.arithmetic import NoisyTable
from modnoise.training import optim
from modnoise.transformer.net import TransformerStack
from modnoise.transformer.run import TransformerRun

BLOCK_FLOATS = 2**19
"""Hidden activations per block on a CPU: 2 MB of float32 (ours, measured)."""


class _Block(NamedTuple):
    """Indices of one block of training pairs, flattened over runs."""

    pairs: slice
    lookup: Tensor  # (run * pairs, 2 head + 1) rows of the flattened table
    order: Tensor  # the same, sorted by row: positions in ``lookup``
    pair: Tensor  # and the pairs they belong to
    offsets: Tensor  # (run * rows) start of each row's group in ``order``
    label: Tensor  # (run * pairs) flat position of the given label in the logits


class TransformerEngine:
    """Full-batch AdamW steps of a stack of transformers (see `TransformerRun.PER_NET`).

    Args:
        runs: members; lr and weight_decay may differ, see `TransformerRun.stack_fields`.
        nets: starting weights (copied).
        table: their data, stacked alike.
        device: ``"cpu"`` or ``"cuda"``.
    """

    def __init__(
        self,
        runs: Sequence[TransformerRun],
        nets: TransformerStack,
        table: NoisyTable,
        device: str = "cpu",
    ) -> None:
        self.run, self.updates = runs[0], 0
        self.params = [x.to(device, copy=True).contiguous() for x in nets.named.values()]
        self.state = [[torch.zeros_like(x) for x in self.params] for _ in range(2)]
        self.lr, self.weight_decay = (
            torch.tensor([getattr(run, of) for run in runs], dtype=nets.W_U.dtype, device=device)
            for of in ("lr", "weight_decay")
        )
        self._plan(table.to("cpu"), device)

    @property
    def nets(self) -> TransformerStack:
        """Views of the current weights: they change with the next step."""
        return TransformerStack(*self.params)

    def _plan(self, table: NoisyTable, device: str) -> None:
        """Sort out all indices, once, on the CPU."""
        runs, p, heads = len(table.role), table.p, self.run.heads
        a, b = torch.nonzero(table.train)[:, 1:].view(runs, -1, 2).unbind(-1)
        given = torch.stack([t[m] for t, m in zip(table.given, table.train, strict=True)])
        self.n = a.shape[1]
        base = torch.arange(runs)[:, None] * (2 * p + 1)
        self._places = [(x + base).to(device) for x in (a, b + p)]  # rows of the scores
        rows = 2 * p * heads + 1
        places = torch.stack([a, b + p], -1)[..., None] + torch.arange(heads) * 2 * p
        lookup = torch.cat([places.flatten(2), torch.full((runs, self.n, 1), rows - 1)], 2)
        lookup += torch.arange(runs)[:, None, None] * rows
        size = self.n
        if device == "cpu":
            size = max(64, min(size, BLOCK_FLOATS // (runs * max(self.run.d_mlp, 2 * p))))
            size = -(-self.n // -(-self.n // size))
        self._blocks = []
        for start in range(0, self.n, size):
            pairs = slice(start, min(start + size, self.n))
            part, label = lookup[:, pairs].flatten(0, 1), given[:, pairs].flatten()
            group, order = part.flatten().sort(stable=True)
            counts = torch.bincount(group, minlength=runs * rows)
            index = (part, order, order // part.shape[1], counts.cumsum(0) - counts)
            flat = torch.arange(len(label)) * (p + 1) + label
            self._blocks.append(_Block(pairs, *(x.to(device) for x in (*index, flat))))

    def _parts(self, nets: TransformerStack) -> list[Tensor]:
        """What pairs are made of, few rows: for pre, for skip, weights per pair, W_out W_U."""
        x, scores, values = nets.context()
        ahead = torch.cat([nets.W_in.mT, nets.W_U], -1)
        rows = values @ (nets.W_O @ ahead[:, None])
        own = rows[:, :, -1:]
        bias = torch.cat([nets.b_in, (nets.b_out[:, None] @ nets.W_U)[:, 0]], -1)
        const = x[:, -1:] @ ahead + own.sum(1) + bias[:, None]
        table = torch.cat([(rows[:, :, :-1] - own).flatten(1, 2), const], 1)
        flat = scores.flatten(0, 1)
        at_a, at_b = (embedding(places, flat) for places in self._places)
        at_end = scores[:, -1:].expand_as(at_a)
        weight = torch.stack([at_a, at_b, at_end]).softmax(0)
        lookup = torch.cat([weight[0], weight[1], torch.ones_like(at_a[..., :1])], -1)
        pre, skip = table.split([nets.W_in.shape[1], nets.W_U.shape[2]], -1)
        return [pre.contiguous(), skip.contiguous(), lookup, nets.W_out @ nets.W_U]

    def _pair_gradients(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Gradients of the mean cross-entropy, over p + 1 tokens, by what `_parts` gives."""
        pre_rows, skip_rows, weights, up = (x.detach() for x in parts)
        grads = [torch.zeros_like(x) for x in (pre_rows, skip_rows, weights, up)]
        flat = pre_rows.flatten(0, 1), skip_rows.flatten(0, 1)
        for block in self._blocks:
            weight = weights[:, block.pairs].flatten(0, 1).requires_grad_()
            with torch.enable_grad():
                sums = [
                    embedding_bag(block.lookup, rows, per_sample_weights=weight, mode="sum")
                    for rows in flat
                ]
            hidden = sums[0].detach().relu().unflatten(0, (len(up), -1))
            D = torch.baddbmm(sums[1].detach().view(*hidden.shape[:2], -1), hidden, up)
            D = torch.softmax(D, -1).mul_(1 / self.n)
            D.view(-1)[block.label] -= 1 / self.n
            grads[3].baddbmm_(hidden.mT, D)
            dhidden = D @ up.mT
            torch.ops.aten.threshold_backward.grad_input(dhidden, hidden, 0, grad_input=dhidden)
            sent = [dhidden.flatten(0, 1), D.flatten(0, 1)]
            sorted_weight = weight.detach().flatten()[block.order]
            for grad, out in zip(grads, sent, strict=False):
                grad += embedding_bag(
                    block.pair, out, block.offsets, per_sample_weights=sorted_weight, mode="sum"
                ).view_as(grad)
            dweight = torch.autograd.grad(sums, weight, sent)[0]
            grads[2][:, block.pairs] = dweight.view_as(grads[2][:, block.pairs])
        return grads

    def gradients(self) -> list[Tensor]:
        """Gradients of the mean cross-entropy over all training pairs, in the fields' order."""
        leaves = [x.detach().requires_grad_() for x in self.params]
        with torch.enable_grad():
            parts = self._parts(TransformerStack(*leaves))
        return list(torch.autograd.grad(parts, leaves, self._pair_gradients(parts)))

    def step(self) -> None:
        """One update of every net."""
        grads = self.gradients()
        self.updates += 1
        run, lr = self.run, self.lr * optim.warmup(self.updates, self.run.warmup)
        for x, grad, *state in zip(self.params, grads, *self.state, strict=True):
            optim.adam_(
                x, grad, *state, step=self.updates, lr=lr, weight_decay=self.weight_decay,
                betas=(run.beta1, run.beta2), eps=run.eps, decoupled=True,
            )  # fmt: skip

    def tensors(self) -> dict[str, Tensor]:
        """Everything that later steps depend on, by name, as live views."""
        held = self.nets.named
        for i, state in enumerate(self.state):
            held |= {f"{name}.state{i}": x for name, x in zip(self.nets.named, state, strict=True)}
        return held

    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Continue exactly where ``tensors()`` were taken, after ``updates`` steps."""
        for name, x in self.tensors().items():
            x.copy_(tensors[name])
        self.updates = updates
