"""Edge attribution patching: which edges of the net carry an answer, and do circuits share them.

Syed et al. 2023: the effect on an answer of taking an edge's activation from another prompt, to
first order, is the difference of the sender's activations times the gradient at the receiver.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import gelu, linear, scaled_dot_product_attention

from modnoise.rote.data import Items
from modnoise.rote.groups import Groups, prompts
from modnoise.rote.net import Block, Gpt
from modnoise.rote.run import RoteRun

TOP = 0.05
"""Share of all edges that make a circuit."""
MOST_ITEMS, DRAWS = 200, 5


class Traced(NamedTuple):
    """``senders`` (sender item token d): embedding, then per block its heads and its MLP;
    ``receivers``: (name, number of senders before it, what it reads (item token d)) each;
    ``logits`` (item token word)."""

    senders: Tensor
    receivers: list[tuple[str, int, Tensor]]
    logits: Tensor


def traced(net: Gpt, tokens: Tensor) -> Traced:
    """The net's own forward pass, with what every head's q, k, v, every MLP and the end read
    apart, and what every head and MLP writes apart."""
    stream = net.token(tokens) + net.place.weight[: tokens.shape[1]]
    senders = [stream]
    receivers: list[tuple[str, int, Tensor]] = []

    def read(name: str) -> Tensor:
        x = stream + torch.zeros_like(stream, requires_grad=True)
        x.retain_grad()
        receivers.append((name, len(senders), x))
        return x

    for i, block in enumerate(net.blocks):
        assert isinstance(block, Block)
        width = stream.shape[-1] // block.heads
        weight, bias = block.qkv.weight.unflatten(0, (3, -1, width)), block.qkv.bias
        bias = bias.unflatten(0, (3, -1, width))
        written = []
        for h in range(block.heads):
            q, k, v = (
                linear(block.norm1(read(f"{i}.{h}.{name}")), weight[j, h], bias[j, h])
                for j, name in enumerate("qkv")
            )
            z = scaled_dot_product_attention(q, k, v, is_causal=True)
            written.append(linear(z, block.proj.weight[:, h * width : (h + 1) * width]))
        senders += written
        stream = stream + torch.stack(written).sum(0) + block.proj.bias
        hidden = gelu(block.up(block.norm2(read(f"{i}.mlp"))))
        senders.append(block.down(hidden))
        stream = stream + senders[-1]
    return Traced(torch.stack(senders), receivers, net.unembed(net.norm(read("end"))))


def edge_names(net: Gpt, length: int) -> list[tuple[int, str, int]]:
    """(sender, receiver, position) in the order of `edge_scores`."""
    found, senders = [], 1
    for i, block in enumerate(net.blocks):
        assert isinstance(block, Block)
        found += [(senders, f"{i}.{h}.{x}") for h in range(block.heads) for x in "qkv"]
        senders += block.heads
        found.append((senders, f"{i}.mlp"))
        senders += 1
    found.append((senders, "end"))
    return [(s, name, t) for n, name in found for s in range(n) for t in range(length)]


def edge_scores(
    net: Gpt, tokens: Tensor, labels: Tensor, others: Tensor, instead: Tensor
) -> Tensor:
    """Mean effect of every edge at every position on an answer (edge).

    (activation on ``tokens`` - activation on ``others``) . gradient, on ``tokens``, of the logit
    of ``labels`` less that of ``instead`` at the last position.
    """
    with torch.enable_grad():
        here, there = traced(net, tokens), traced(net, others)
        rows = torch.arange(len(tokens), device=tokens.device)
        end = here.logits[:, -1]
        gradients = torch.autograd.grad(
            (end[rows, labels] - end[rows, instead]).sum(), [x for *_, x in here.receivers]
        )
    change = (here.senders - there.senders).detach()
    found = [
        torch.einsum("sntd,ntd->st", change[:n], gradient).flatten() / len(tokens)
        for (_, n, _), gradient in zip(here.receivers, gradients, strict=True)
    ]
    return torch.cat(found)


def circuit(scores: np.ndarray) -> set[int]:
    """The `TOP` share of edges with the largest absolute scores, of equals the first."""
    order = np.argsort(-np.abs(scores), kind="stable")
    return {*order[: max(1, round(TOP * len(scores)))].tolist()}


def _scores(net: Gpt, items: Items, others: Items) -> np.ndarray:
    """Circuits of the given answers, against those of other items that are answered otherwise."""
    labels, instead = items.given[:, 0], others.given[:, 0]
    where = labels != instead
    device = net.unembed.weight.device
    a, b = (torch.from_numpy(x[where]).to(device) for x in (labels, instead))
    tokens = prompts(net, items.some(where)), prompts(net, others.some(where))
    return edge_scores(net, tokens[0], a, tokens[1], b).cpu().numpy()


def circuit_rows(run: RoteRun, net: Gpt, some: Groups) -> list[dict]:
    """How many edges circuits share, part ``circuit``, for `DRAWS` draws of items.

    ``shared``: of the edges for memorized items those that one half of clean items has;
    ``shared_halves``: the same for two halves of clean items; ``edges``: of a circuit.
    """
    n = min(MOST_ITEMS, len(some.noisy), len(some.fit) // 3)
    if not n:
        return []
    rng, rows = np.random.default_rng([run.seed, 8]), []
    for draw in range(DRAWS):
        mixed = rng.permutation(len(some.fit))
        one, two, others = (some.fit.some(mixed[i * n : (i + 1) * n]) for i in range(3))
        noisy = some.noisy.some(rng.permutation(len(some.noisy))[:n])
        a, b, c = (circuit(_scores(net, x, others)) for x in (one, two, noisy))
        shared = {"shared": len(a & c) / len(a), "shared_halves": len(a & b) / len(a)}
        rows.append({"part": "circuit", "draw": draw, "edges": len(a), **shared})
    return rows
