"""A small GPT of torch.nn modules: pre-LN blocks, GELU, learned positions, places to look at.

Source: GPT-2's architecture without dropout; the paper says "GPT-style" and no more (to us).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from modnoise.rote.run import RoteRun

_INIT = 3  # stream of a seed; 4 is the order (training.py), the others: data.py
SPREAD = 0.02
"""Standard deviation of the initial weights (GPT-2)."""


def _linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    # not initialized, and so without a draw from torch's global generator
    return nn.utils.skip_init(nn.Linear, inputs, outputs, bias=bias)


class Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x)), with a hidden layer of 4 d GELU neurons.

    ``heads_out`` (item token head k), ``mid`` and ``out`` (item token d), ``neurons`` (item token
    4 d) do nothing: they are places for hooks.
    """

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = _linear(d, 3 * d), _linear(d, d)
        self.up, self.down = _linear(d, 4 * d), _linear(4 * d, d)
        self.heads_out, self.mid, self.neurons, self.out = (nn.Identity() for _ in range(4))

    def forward(self, x: Float[Tensor, "item token d"]) -> Float[Tensor, "item token d"]:
        """The residual stream behind the block."""
        split = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1))
        q, k, v = (part.transpose(1, 2) for part in split.unbind(2))
        z = scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
        x = self.mid(x + self.proj(self.heads_out(z).flatten(2)))
        hidden = nn.functional.gelu(self.up(self.norm2(x)))
        return self.out(x + self.down(self.neurons(hidden)))


class Gpt(nn.Module):
    """Token and position embeddings, blocks, a norm, and an unembedding of its own."""

    def __init__(self, vocabulary: int, length: int, d: int, layers: int, heads: int) -> None:
        super().__init__()
        self.token = nn.utils.skip_init(nn.Embedding, vocabulary, d)
        self.place = nn.utils.skip_init(nn.Embedding, length, d)
        self.embed = nn.Identity()
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(layers))
        self.norm, self.unembed = nn.LayerNorm(d), _linear(d, vocabulary, bias=False)

    def forward(self, tokens: Int64[Tensor, "item token"]) -> Float[Tensor, "item token word"]:
        """Logits of the next token at every position."""
        x = self.embed(self.token(tokens) + self.place.weight[: tokens.shape[1]])
        for block in self.blocks:
            x = block(x)
        return self.unembed(self.norm(x))

    @property
    def sites(self) -> dict[float, str]:
        """Where the residual stream is read: 0, the embedding; l - 1/2, behind the attention of
        block l; l, behind the block."""
        names = {0.0: "embed"}
        for i in range(len(self.blocks)):
            names |= {i + 0.5: f"blocks.{i}.mid", i + 1.0: f"blocks.{i}.out"}
        return names

    def arrays(self, run: int) -> dict[str, np.ndarray]:
        """Weights and biases by name, for recording; a stack has one net, so ``run`` is 0."""
        if run != 0:
            raise ValueError(f"run = {run} is not allowed: a stack of these nets has one net")
        return {name: x.detach().cpu().numpy() for name, x in self.named_parameters()}


def blank(run: RoteRun) -> Gpt:
    """A net of the run's shape without weights."""
    length = run.prompt + run.answer - 1
    return Gpt(run.vocabulary, length, run.d_model, run.layers, run.heads)


def new_net(run: RoteRun) -> Gpt:
    """The untrained net, as GPT-2's: N(0, 0.02^2), what is added to the residual stream smaller
    by sqrt(2 layers), biases zero, norms one."""
    rng, net = np.random.default_rng([run.seed, _INIT]), blank(run)
    with torch.no_grad():
        for name, x in net.named_parameters():
            if "norm" in name or name.endswith("bias"):
                x.fill_(float("norm" in name and name.endswith("weight")))
            else:
                last = name.endswith(("proj.weight", "down.weight"))
                spread = SPREAD / np.sqrt(2 * run.layers) if last else SPREAD
                x.copy_(torch.from_numpy(spread * rng.standard_normal(tuple(x.shape))))
    return net


def restored(run: RoteRun, arrays: Mapping[str, np.ndarray]) -> Gpt:
    """The net that `Gpt.arrays` was called on."""
    net = blank(run)
    net.load_state_dict({name: torch.from_numpy(np.array(x)) for name, x in arrays.items()})
    return net.requires_grad_(False)


Edit = Callable[[Tensor], Tensor | None]


@contextmanager
def hooked(net: Gpt, edits: Mapping[str, Edit]) -> Iterator[None]:
    """Inside, what passes these places is given to a function, and replaced by what it returns.

    ``edits``: functions of a tensor by place, as ``blocks.0.neurons``; None leaves it as it is.
    """
    with ExitStack() as stack:
        for name, edit in edits.items():
            place = net.get_submodule(name)
            stack.enter_context(
                place.register_forward_hook(lambda _, __, out, edit=edit: edit(out))
            )
        yield


@torch.no_grad()
def kept(net: Gpt, tokens: Tensor, places: list[str]) -> dict[str, Tensor]:
    """What passes these places while the net reads ``tokens``."""
    found: dict[str, Tensor] = {}
    edits = {place: lambda x, place=place: found.__setitem__(place, x) for place in places}
    with hooked(net, edits):
        net(tokens)
    return found
