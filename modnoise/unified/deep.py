"""Transformers of several layers, for the paper's Fig. 8: all three places, autograd, one a stack.

As the one-layer nets, without LayerNorm; with one layer they are the same net, which is tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, relu, scaled_dot_product_attention

from modnoise.training import optim
from modnoise.transformer import Examples
from modnoise.unified.run import UnifiedRun

_INIT = 3  # stream of a seed, as in net.py


@dataclass(frozen=True)
class DeepStack:
    """Weights of one net, with a leading axis ``run`` of length 1; names as of `CircuitStack`."""

    W_E: Float[Tensor, "run token d"]
    W_pos: Float[Tensor, "run 3 d"]
    W_Q: Float[Tensor, "run layer head k d"]
    W_K: Float[Tensor, "run layer head k d"]
    W_V: Float[Tensor, "run layer head k d"]
    W_O: Float[Tensor, "run layer head k d"]
    W_in: Float[Tensor, "run layer neuron d"]
    b_in: Float[Tensor, "run layer neuron"]
    W_out: Float[Tensor, "run layer neuron d"]
    b_out: Float[Tensor, "run layer d"]
    W_U: Float[Tensor, "run d answer"]

    @property
    def named(self) -> dict[str, Tensor]:
        """All weights by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def p(self) -> int:
        """Modulus."""
        return self.W_U.shape[2]

    @property
    def ends(self) -> int:
        """Tokens that may stand last."""
        return self.W_E.shape[1] - self.p

    def arrays(self, run: int) -> dict[str, np.ndarray]:
        """Weights of one net by name, for recording; `from_arrays` is the inverse."""
        return {name: x[run].cpu().numpy() for name, x in self.named.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> DeepStack:
        """The net that `arrays` was called on."""
        return cls(**{name: torch.from_numpy(x[None]) for name, x in arrays.items()})

    def forward(
        self, tokens: Int[Tensor, "pair 3"], gate: Float[Tensor, "pair neuron"] | None = None
    ) -> Float[Tensor, "pair answer"]:
        """Logits behind the last of three tokens."""
        net = {name: x[0] for name, x in self.named.items()}
        x = net["W_E"][tokens] + net["W_pos"]
        for i in range(len(net["W_in"])):
            q, k, v = (torch.einsum("npd,hkd->nhpk", x, net[W][i]) for W in ("W_Q", "W_K", "W_V"))
            seen = scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + torch.einsum("nhpk,hkd->npd", seen, net["W_O"][i])
            hidden = relu(x @ net["W_in"][i].T + net["b_in"][i])
            hidden = hidden if gate is None else hidden * gate[:, None]
            x = x + hidden @ net["W_out"][i] + net["b_out"][i]
        return x[:, -1] @ net["W_U"]

    def logits(
        self, end: int = 0, gate: Float[Tensor, " neuron"] | None = None
    ) -> Float[Tensor, "run a b p"]:
        """Logits of all pairs behind one last token, a row of them at a time."""
        p = self.p
        b, rows = torch.arange(p, device=self.W_E.device), []
        for a in range(p):
            tokens = torch.stack([torch.full_like(b, a), b, torch.full_like(b, p + end)], 1)
            mask = None if gate is None else gate.expand(p, -1)
            rows.append(self.forward(tokens, mask))
        return torch.stack(rows)[None]


def new_deep(run: UnifiedRun) -> DeepStack:
    """An untrained net: N(0, 1/d_model), W_U N(0, 1/p), biases 0, as `net.new_circuits`."""
    rng = np.random.default_rng([run.seed, _INIT])
    d, n, size = run.d_model, run.layers, run.d_model // run.heads
    shapes = [(run.p + run.ends, d), (3, d), *[(n, run.heads, size, d)] * 4]
    drawn = [rng.standard_normal(shape) / np.sqrt(d) for shape in shapes]
    W_in, W_out = (rng.standard_normal((n, run.d_mlp, d)) / np.sqrt(d) for _ in range(2))
    W_U = rng.standard_normal((d, run.p)) / np.sqrt(run.p)
    parts = [*drawn, W_in, np.zeros((n, run.d_mlp)), W_out, np.zeros((n, d)), W_U]
    return DeepStack(*(torch.from_numpy(x[None]).to(getattr(torch, run.dtype)) for x in parts))


class DeepEngine:
    """Full-batch AdamW steps of one net of several layers.

    Args:
        runs: one run.
        examples: its data.
        device: ``"cpu"`` or ``"cuda"``.
        gate: as of `modnoise.transformer.TransformerEngine`.

    Raises:
        ValueError: more than one run.
    """

    def __init__(
        self,
        runs: Sequence[UnifiedRun],
        examples: Examples,
        device: str = "cpu",
        gate: Float[Tensor, "end neuron"] | None = None,
    ) -> None:
        if len(runs) != 1:
            raise ValueError(f"{len(runs)} runs in one stack are not allowed with several layers")
        (self.run,), self.updates = runs, 0
        named = new_deep(self.run).named.values()
        self.params = [x.to(device, copy=True).contiguous() for x in named]
        self.state = [[torch.zeros_like(x) for x in self.params] for _ in range(2)]
        a, b, end, label = (x[0].to(device) for x in examples)
        self._tokens, self._label = torch.stack([a, b, self.run.p + end], 1), label
        dtype = self.params[0].dtype
        self._gate = None if gate is None else gate.to(device, dtype)[end]
        self._lr, self._decay = (
            torch.tensor([x], dtype=dtype, device=device)
            for x in (self.run.lr, self.run.weight_decay)
        )

    @property
    def nets(self) -> DeepStack:
        """Views of the current weights: they change with the next step."""
        return DeepStack(*self.params)

    def step(self) -> None:
        """One update."""
        leaves = [x.detach().requires_grad_() for x in self.params]
        with torch.enable_grad():
            logits = DeepStack(*leaves).forward(self._tokens, self._gate)
            grads = torch.autograd.grad(cross_entropy(logits, self._label), leaves)
        self.updates += 1
        run, lr = self.run, self._lr * optim.warmup(self.updates, self.run.warmup)
        for x, grad, *state in zip(self.params, grads, *self.state, strict=True):
            optim.adam_(
                x, grad.contiguous(), *state, step=self.updates, lr=lr,
                weight_decay=self._decay, betas=(run.beta1, run.beta2), eps=run.eps,
                decoupled=True,
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
