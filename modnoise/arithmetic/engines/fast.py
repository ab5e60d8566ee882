"""The fast engine: hand-derived gradients, preallocated buffers, no autograd; CPU and CUDA.

With h = phi(pre), pre = U e_a + V e_b, D = (softmax(f) - onehot)/n (paper, section 2):

    dW = h^T D,   dmu = sum D,   dpre = (D W^T) phi'(pre),
    dU[x] = sum of dpre over training pairs with a = x,   dV[x] likewise with b = x.

U^T and V^T lie in one table of 2p rows, so that the sum of two looked-up rows (forward) and the
sums over pairs that share an input (backward) are both `embedding_bag` calls, which read only
what they need and add in a fixed order: the same bits every time, on the GPU too. The work comes
in blocks that fit the cache, of some nets with all their training pairs or of one net with some,
so activations never travel to main memory. The logits have as many columns as fill whole registers
of a processor: p, and more whose bias is -infinity, so that D and all gradients are 0 there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.engines.batches import batch_at
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.optimizers import OPTIMIZERS
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import NoisyTable
from modnoise.training import optim

BLOCK_FLOATS = 2**20
"""Activations, or twice the logits, per block on a CPU: 4 MB of float32 (ours, measured)."""

LANES = 16
"""Columns of the logits come in multiples of this: one AVX-512 register of float32. With p = 59
the softmax takes half the time of the ragged one (ours, measured)."""

EAGER = 3
"""Updates on a GPU before one is captured: they set up what may not be set up inside a graph."""


def columns(p: int) -> int:
    """Columns of the padded logits.

    >>> columns(59), columns(113)
    (64, 128)
    """
    return -(-p // LANES) * LANES


def block_size(nets: int, pairs: int, width: int, p: int) -> tuple[int, int]:
    """How many nets and how many pairs of each a block on a CPU takes: all pairs if they fit.

    >>> block_size(32, 1740, 33, 59), block_size(4, 6384, 513, 113)
    ((4, 1740), (1, 1596))
    """
    most = max(64, BLOCK_FLOATS // max(width, 2 * columns(p)))
    return min(max(1, most // pairs), nets), -(-pairs // -(-pairs // min(pairs, most)))


def _collect_(total: Tensor, part: Tensor, first: bool) -> None:
    """total = part for the first block, total + part after it, in place."""
    total.copy_(part) if first else total.add_(part)


@dataclass
class _Block:
    """Indices of one block: ``pairs`` training pairs of each run of a slice, flattened."""

    runs: slice
    pairs: int
    first: bool  # of its runs: gradients start here
    lookup: Tensor  # (run * pairs * 2) rows of the flattened table, for a and b in turn
    starts: Tensor  # (run * pairs) start of each pair in ``lookup``
    order: Tensor  # (run * pairs * 2) rows of dpre, grouped by table row
    offsets: Tensor  # (run * rows) start of each group in ``order``
    label: Tensor  # (run * pairs) flat position of the given label in the logits


class FastEngine:
    """Full-batch training steps of a stack of nets (see `Run.PER_NET`).

    Args:
        runs: members; lr and weight_decay may differ, see `Run.stack_fields`.
        nets: starting weights (copied).
        table: their data, stacked alike.
        device: ``"cpu"`` or ``"cuda"``.
    """

    def __init__(
        self, runs: Sequence[Run], nets: NetStack, table: NoisyTable, device: str = "cpu"
    ) -> None:
        self.runs, self.run = runs, runs[0]
        self._low = self.run.matmul == "bf16"
        self.p, self.act, self.tied = nets.p, nets.act, nets.tied
        self._act = ACTIVATIONS[nets.act]
        tables = [nets.U.mT] if nets.tied else [nets.U.mT, nets.V.mT]
        self.lookup = torch.cat(tables, 1).to(device).contiguous()  # (run rows neuron)
        self._columns = columns(self.p)
        padded = torch.zeros(*nets.W.shape[:2], self._columns, dtype=nets.W.dtype, device=device)
        self._W, self._dW = padded, padded.clone()
        self.W, dW = self._W[..., : self.p], self._dW[..., : self.p]
        self.W.copy_(nets.W)
        self.mu = nets.mu.to(device, copy=True)
        self._bias = torch.full((len(runs), 1, self._columns), -torch.inf).to(padded)
        self.params = [self.lookup, self.W, self.mu]
        self.grads = [torch.zeros_like(self.lookup), dW, torch.zeros_like(self.mu)]
        states = OPTIMIZERS[self.run.optimizer].states
        self.state = [[torch.zeros_like(x) for x in self.params] for _ in range(states)]
        self.lr, self.weight_decay = (
            torch.tensor([getattr(run, name) for run in runs], dtype=nets.mu.dtype, device=device)
            for name in ("lr", "weight_decay")
        )
        self.updates = 0
        counted = device != "cpu" and not self.run.batch
        self.counter = torch.zeros((), dtype=torch.float64, device=device) if counted else None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._plan(table, device)

    @property
    def nets(self) -> NetStack:
        """Views of the current weights: they change with the next step."""
        U = self.lookup[:, : self.p].mT
        V = U if self.tied else self.lookup[:, self.p :].mT
        return NetStack(U, V, self.W, self.mu, self.act)

    def _plan(self, table: NoisyTable, device: str) -> None:
        """Sort out all indices, on the CPU: once, or for each batch."""
        table = table.to("cpu")
        runs, _, width = self.lookup.shape
        a, b = torch.nonzero(table.train)[:, 1:].view(runs, -1, 2).unbind(-1)
        labels = torch.stack([t[m] for t, m in zip(table.given, table.train, strict=True)])
        self._pairs = torch.stack([a, b + (0 if self.tied else self.p)], -1), labels
        self.n = self.run.batch or a.shape[1]
        self._together, self._size, self._device = runs, self.n, device
        if device == "cpu":
            self._together, self._size = block_size(runs, self.n, width, self.p)
        self.blocks = [] if self.run.batch else self._blocks(*self._pairs)
        size, of = self._together * self._size, torch.bfloat16 if self._low else self.W.dtype
        self._logits = torch.empty(size * self._columns, dtype=self.W.dtype, device=device)
        self._dhidden = torch.empty(size * width, dtype=of, device=device)
        self._minus_one = torch.full((size,), -1.0, dtype=self.W.dtype, device=device)

    def _blocks(self, pairs: Tensor, labels: Tensor) -> list[_Block]:
        """Blocks of (run pair 2) rows of the table and their (run pair) labels."""
        rows = self.lookup.shape[1]
        blocks = []
        for begin in range(0, len(pairs), self._together):
            runs = slice(begin, min(begin + self._together, len(pairs)))
            many = runs.stop - runs.start
            base = torch.arange(many)[:, None, None] * rows
            for start in range(0, self.n, self._size):
                pair = pairs[runs, start : start + self._size]
                label = labels[runs, start : start + self._size]
                size = pair.shape[1]
                pair = (pair + base).view(-1, 2)
                group, order = pair.flatten().sort(stable=True)
                counts = torch.bincount(group, minlength=many * rows)
                flat = torch.arange(many * size) * self._columns + label.flatten()
                starts = torch.arange(0, pair.numel(), 2)
                index = (pair.flatten(), starts, order // 2, counts.cumsum(0) - counts, flat)
                on_device = (x.to(self._device) for x in index)
                blocks.append(_Block(runs, size, start == 0, *on_device))
        return blocks

    def _next_batch(self) -> None:
        """The blocks of the next update's pairs (`batch_at`)."""
        pick = torch.stack([torch.from_numpy(batch_at(run, self.updates)) for run in self.runs])
        pairs, labels = self._pairs
        chosen = pairs.gather(1, pick[..., None].expand(-1, -1, 2)), labels.gather(1, pick)
        self.blocks = self._blocks(*chosen)

    def gradients(self) -> list[Tensor]:
        """Gradients of the mean cross-entropy over the current pairs, in reused buffers.

        Of [U^T over V^T, W, mu], in this order; zero for U and V where they are frozen.
        """
        rows, width = self.lookup.shape[1:]
        self._bias[:, 0, : self.p] = self.mu
        lookup, weights = self.lookup, self._W
        if self._low:
            lookup, weights = lookup.bfloat16(), weights.bfloat16()
        for block in self.blocks:
            runs, pairs, many = block.runs, block.pairs, block.runs.stop - block.runs.start
            W, dW = weights[runs], self._dW[runs]
            flat = lookup[runs].view(many * rows, width)
            pre = embedding_bag(block.lookup, flat, block.starts, mode="sum")
            hidden = self._act.apply_(pre).view(many, pairs, width)
            D = self._logits[: many * pairs * self._columns].view(many, pairs, self._columns)
            if self._low:
                torch.add(torch.bmm(hidden, W), self._bias[runs], out=D)
            else:
                torch.baddbmm(self._bias[runs], hidden, W, out=D)
            torch.softmax(D, -1, out=D)
            D.view(-1).index_add_(0, block.label, self._minus_one[: many * pairs])
            E = D.bfloat16() if self._low else D
            if self._low:
                product = torch.bmm(hidden.mT, E)
                dW.copy_(product) if block.first else dW.add_(product)
            else:
                torch.baddbmm(dW, hidden.mT, D, beta=float(not block.first), out=dW)
            dlookup, _, dmu = (grad[runs] for grad in self.grads)
            _collect_(dmu, D.sum(1)[:, : self.p], block.first)
            if self.run.frozen:
                continue
            dhidden = self._dhidden[: many * pairs * width].view(many, pairs, width)
            torch.bmm(E, W.mT, out=dhidden)
            dpre = self._act.chain_(dhidden, pre.view_as(hidden), hidden)
            sums = embedding_bag(
                block.order, dpre.view(-1, width), block.offsets, mode="sum"
            ).view(many, rows, width)
            _collect_(dlookup, sums, block.first)
        for grad in self.grads:
            grad.div_(self.n)
        return self.grads

    def step(self) -> None:
        """One update of every net.

        On a GPU the first `EAGER` updates are ordinary calls; then one update is captured as a
        CUDA graph and replayed, one launch each and nothing for the host to wait for.
        """
        if self.run.batch:
            self._next_batch()
        if self._graph is not None:
            self._graph.replay()
        else:
            self._once()
        self.updates += 1
        if self.counter is not None and self.updates >= EAGER and self._graph is None:
            self._graph = self._captured()

    def _captured(self) -> torch.cuda.CUDAGraph:
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._once()
        return graph

    def _once(self) -> None:
        grads = self.gradients()
        if self.counter is None:
            step: optim.Step = self.updates + 1
        else:
            step = self.counter.add_(1)
        lr = self.lr * optim.warmup(step, self.run.warmup)
        for i, (x, grad) in enumerate(zip(self.params, grads, strict=True)):
            if x is self.lookup and self.run.frozen:
                continue
            self._update(x, grad, [state[i] for state in self.state], step, lr)

    def _update(
        self, x: Tensor, grad: Tensor, state: list[Tensor], step: optim.Step, lr: Tensor
    ) -> None:
        chosen = OPTIMIZERS[self.run.optimizer]
        parts = [(x, grad, state)]
        if chosen.matrices and x is self.mu:
            chosen = OPTIMIZERS["adamw"]
        elif chosen.matrices:  # as nn.Linear stores them: U and V (neuron, p), W (p, neuron)
            every = (x, grad, *state)
            split = [[t.mT] if x is self.W else [y.mT for y in t.split(self.p, 1)] for t in every]
            parts = [(t, g, more) for t, g, *more in zip(*split, strict=True)]
        for part in parts:
            chosen.update(*part, step=step, lr=lr, weight_decay=self.weight_decay, run=self.run)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that later steps depend on, by name, as live views."""
        names = ("lookup", "W", "mu")
        held = dict(zip(names, self.params, strict=True))
        for i, state in enumerate(self.state):
            held |= {f"{name}.state{i}": x for name, x in zip(names, state, strict=True)}
        return held

    def restore(self, tensors: dict[str, Tensor], updates: int) -> None:
        """Continue exactly where ``tensors()`` were taken, after ``updates`` steps."""
        for name, x in self.tensors().items():
            x.copy_(tensors[name])
        self.updates = updates
        if self.counter is not None:
            self.counter.fill_(updates)
