"""Full-batch training of a stack of one-layer transformers, none of a step done twice.

What is read is the answer behind "=", so there is one query, and the pair (a, b) meets the net in
three places only. A token's key and value in its place do not depend on the pair, and without
LayerNorm everything up to the ReLU is linear in the attention output. So with the attention
weights A_h = softmax(s_h[a], s_h[b], s_h[=]) of head h,

    (pre, skip)(a, b) = const + sum_h A_h[a] R_h[a] + A_h[b] R_h[b],
    logits = skip + relu(pre) (W_out W_U),

where R_h[x], of length d_mlp + p + 1, is the value in place x (less that of "="), taken through
W_O and then through W_in and W_U at once: 8 p + 1 rows for 4 heads, made once a step for each
token that may stand last ("=", or one for each of several tasks). Per pair there remain a weighted
sum of 9 looked-up rows (`embedding_bag`) and one product with W_out W_U. Their gradients are
written out, in blocks of pairs that fit the cache; those of the few rows are autograd's. All sums
are in a fixed order. That it equals the plain net is tested; source: ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding, embedding_bag

from modnoise.arithmetic import NoisyTable
from modnoise.spec import Trainable
from modnoise.training import optim
from modnoise.transformer.net import TransformerStack

BLOCK_FLOATS = 2**19
"""Hidden activations per block on a CPU: 2 MB of float32 (ours, measured)."""


class Examples(NamedTuple):
    """Training pairs of a stack, as many for each run, in any order.

    ``end`` numbers the token in the last place, 0 for "="; ``label`` is the given answer.
    """

    a: Int[Tensor, "run pair"]
    b: Int[Tensor, "run pair"]
    end: Int[Tensor, "run pair"]
    label: Int[Tensor, "run pair"]


def training_pairs(table: NoisyTable) -> Examples:
    """All training pairs of a table with their given labels, behind "="."""
    table = table.to("cpu")
    a, b = torch.nonzero(table.train)[:, 1:].view(len(table.role), -1, 2).unbind(-1)
    label = torch.stack([t[m] for t, m in zip(table.given, table.train, strict=True)])
    return Examples(a, b, torch.zeros_like(a), label)


class _Block(NamedTuple):
    """Indices of one block of training pairs, flattened over runs."""

    pairs: slice
    lookup: Tensor  # (run * pairs, 2 head + 1) rows of the flattened tables
    order: Tensor  # the same, sorted by row: positions in ``lookup``
    pair: Tensor  # and the pairs they belong to
    offsets: Tensor  # (run * rows) start of each row's group in ``order``
    label: Tensor  # (run * pairs) flat position of the given label in the logits


class TransformerEngine:
    """Full-batch AdamW steps of a stack of one-layer transformers.

    Args:
        runs: members, with the fields of `TransformerRun`; lr and weight_decay may differ.
        nets: starting weights (copied).
        examples: their data, stacked alike.
        device: ``"cpu"`` or ``"cuda"``.
        gate: 0 or 1 for each last token and MLP neuron, whether it sees the neuron; default all.
    """

    def __init__(
        self,
        runs: Sequence[Trainable],
        nets: TransformerStack,
        examples: Examples,
        device: str = "cpu",
        gate: Float[Tensor, "end neuron"] | None = None,
    ) -> None:
        self.run: Any = runs[0]  # its kind is that of several studies
        self.updates, self._stack = 0, type(nets)
        self.params = [x.to(device, copy=True).contiguous() for x in nets.named.values()]
        self.state = [[torch.zeros_like(x) for x in self.params] for _ in range(2)]
        self.lr, self.weight_decay = (
            torch.tensor([getattr(run, of) for run in runs], dtype=nets.W_U.dtype, device=device)
            for of in ("lr", "weight_decay")
        )
        self._gate = None if gate is None else gate.to(device, nets.W_U.dtype)[:, None]
        self._plan(examples, nets.p, nets.W_U.shape[2], device)

    @property
    def nets(self) -> TransformerStack:
        """Views of the current weights: they change with the next step."""
        return self._stack(*self.params)

    def _plan(self, examples: Examples, p: int, classes: int, device: str) -> None:
        """Sort out all indices, once, on the CPU."""
        a, b, end, given = examples
        (runs, self.n), heads, ends = a.shape, self.run.heads, self.params[0].shape[1] - p
        one_of = torch.arange(runs)[:, None] * ends + end  # of runs * ends tables
        self._places = [x.to(device) for x in (a + one_of * 2 * p, b + p + one_of * 2 * p, one_of)]
        rows = 2 * p * heads + 1
        places = torch.stack([a, b + p], -1)[..., None] + torch.arange(heads) * 2 * p
        lookup = torch.cat([places.flatten(2), torch.full((runs, self.n, 1), rows - 1)], 2)
        lookup += one_of[..., None] * rows
        size = self.n
        if device == "cpu":
            size = max(64, min(size, BLOCK_FLOATS // (runs * max(self.run.d_mlp, 2 * p))))
            size = -(-self.n // -(-self.n // size))
        self._blocks = []
        for start in range(0, self.n, size):
            pairs = slice(start, min(start + size, self.n))
            part, label = lookup[:, pairs].flatten(0, 1), given[:, pairs].flatten()
            group, order = part.flatten().sort(stable=True)
            counts = torch.bincount(group, minlength=runs * ends * rows)
            index = (part, order, order // part.shape[1], counts.cumsum(0) - counts)
            flat = torch.arange(len(label)) * classes + label
            self._blocks.append(_Block(pairs, *(x.to(device) for x in (*index, flat))))

    def _parts(self, nets: TransformerStack) -> list[Tensor]:
        """What pairs are made of, few rows: for pre, for skip, weights per pair, W_out W_U."""
        x, scores, values = nets.context()
        ahead, last = torch.cat([nets.W_in.mT, nets.W_U], -1), 2 * nets.p
        rows = values @ (nets.W_O @ ahead[:, None])
        own = rows[:, :, last:]  # (run head end L)
        bias = torch.cat([nets.b_in, (nets.b_out[:, None] @ nets.W_U)[:, 0]], -1)
        const = x[:, last:] @ ahead + own.sum(1) + bias[:, None]
        less = (rows[:, :, None, :last] - own[:, :, :, None]).transpose(1, 2)
        table = torch.cat([less.flatten(2, 3), const[:, :, None]], 2)  # (run end row L)
        flat = scores[:, :, :last].flatten(0, 2)
        at_a, at_b = (embedding(places, flat) for places in self._places[:2])
        own_score = scores[:, :, last:].diagonal(dim1=1, dim2=2).mT.flatten(0, 1)
        weight = torch.stack([at_a, at_b, embedding(self._places[2], own_score)]).softmax(0)
        lookup = torch.cat([weight[0], weight[1], torch.ones_like(at_a[..., :1])], -1)
        pre, skip = table.split([nets.W_in.shape[1], nets.W_U.shape[2]], -1)
        if self._gate is not None:
            pre = pre * self._gate
        return [pre.contiguous(), skip.contiguous(), lookup, nets.W_out @ nets.W_U]

    def _pair_gradients(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Gradients of the mean cross-entropy, over all tokens of W_U, by what `_parts` gives."""
        pre_rows, skip_rows, weights, up = (x.detach() for x in parts)
        grads = [torch.zeros_like(x) for x in (pre_rows, skip_rows, weights, up)]
        flat = pre_rows.flatten(0, 2), skip_rows.flatten(0, 2)
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
            parts = self._parts(self._stack(*leaves))
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
