"""The one-layer transformer that reads "a b =" (Nanda et al. 2023), and FF of its unembedding.

One layer of attention and one MLP, no LayerNorm, learned positions, an unembedding of its own
without bias; the answer is read behind "=". Many nets are stacked on the leading axis ``run``.
Paper: appendix D, Table 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import relu

from modnoise.arithmetic import spectrum
from modnoise.transformer.run import TransformerRun

_INIT = 3  # stream of a seed, as in nets.py


@dataclass(frozen=True)
class TransformerStack:
    """Weights of a stack of transformers: p + 1 tokens, the last one "=".

    Axes: ``d`` the residual stream, ``k`` what a head has of its own. Row m of ``W_in`` and of
    ``W_out`` is MLP neuron m; ``W_O`` goes from a head back to the stream. The answers are the
    tokens.
    """

    W_E: Float[Tensor, "run token d"]
    W_pos: Float[Tensor, "run 3 d"]
    W_Q: Float[Tensor, "run head k d"]
    W_K: Float[Tensor, "run head k d"]
    W_V: Float[Tensor, "run head k d"]
    W_O: Float[Tensor, "run head k d"]
    W_in: Float[Tensor, "run neuron d"]
    b_in: Float[Tensor, "run neuron"]
    W_out: Float[Tensor, "run neuron d"]
    b_out: Float[Tensor, "run d"]
    W_U: Float[Tensor, "run d answer"]

    def __len__(self) -> int:
        return len(self.W_E)

    def __getitem__(self, run: int) -> TransformerStack:
        """One net of the stack, still with a run axis of length 1."""
        if not -len(self) <= run < len(self):
            raise IndexError(f"net {run} of a stack of {len(self)}")
        pick = slice(run % len(self), run % len(self) + 1)
        return type(self)(*(x[pick] for x in self.named.values()))

    @property
    def named(self) -> dict[str, Tensor]:
        """All weights by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def p(self) -> int:
        """Modulus."""
        return self.W_E.shape[1] - 1

    def arrays(self, run: int) -> dict[str, np.ndarray]:
        """Weights of one net by name, for recording; `from_arrays` is the inverse."""
        return {name: x[run].cpu().numpy() for name, x in self.named.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> TransformerStack:
        """The stack of one net that `arrays` was called on."""
        return cls(**{name: torch.from_numpy(x[None]) for name, x in arrays.items()})

    def context(self) -> tuple[Tensor, Tensor, Tensor]:
        """What does not depend on the pair: residual, score and value of every token in its place.

        Places: 0 ... p - 1 the tokens as a, p ... 2 p - 1 as b, then every token of the last
        place, of which a `TransformerStack` has one, "=". Returns the residual stream before
        attention (run place d), the scores of each last token looking at each place, divided by
        the root of the head's size (run end place head), and the values (run head place k).
        """
        p = self.p
        x = torch.cat(
            [
                self.W_E[:, :p] + self.W_pos[:, :1],
                self.W_E[:, :p] + self.W_pos[:, 1:2],
                self.W_E[:, p:] + self.W_pos[:, 2:],
            ],
            1,
        )
        query = torch.einsum("rhkd,red->rehk", self.W_Q, x[:, 2 * p :])
        asked = torch.einsum("rehk,rhkd->rehd", query, self.W_K) * self.W_K.shape[2] ** -0.5
        scores = torch.einsum("rpd,rehd->reph", x, asked)
        return x, scores, torch.einsum("rpd,rhkd->rhpk", x, self.W_V)

    def residual(
        self, a: slice = slice(None), end: int = 0, gate: Float[Tensor, " neuron"] | None = None
    ) -> Float[Tensor, "run a b d"]:
        """The residual stream behind the last token that the unembedding reads.

        For rows a and every b; ``end`` numbers the last token, ``gate`` is a factor on each MLP
        neuron, default 1.
        """
        p = self.p
        x, scores, values = self.context()
        sent, scores = values @ self.W_O, scores[:, end]  # (run head place d)
        at_b, at_end = scores[:, None, p : 2 * p], scores[:, None, None, 2 * p + end]
        at_a, at_b, at_end = torch.broadcast_tensors(scores[:, :p][:, a, None], at_b, at_end)
        weight = torch.stack([at_a, at_b, at_end]).softmax(0)
        stream = (
            x[:, 2 * p + end, None, None]
            + torch.einsum("rabh,rhad->rabd", weight[0], sent[:, :, :p][:, :, a])
            + torch.einsum("rabh,rhbd->rabd", weight[1], sent[:, :, p : 2 * p])
            + torch.einsum("rabh,rhd->rabd", weight[2], sent[:, :, 2 * p + end])
        )
        pre = torch.einsum("rabd,rmd->rabm", stream, self.W_in) + self.b_in[:, None, None]
        hidden = relu(pre) if gate is None else relu(pre) * gate
        out = torch.einsum("rabm,rmd->rabd", hidden, self.W_out)
        return stream + out + self.b_out[:, None, None]

    def logits(
        self, a: slice = slice(None), end: int = 0, gate: Float[Tensor, " neuron"] | None = None
    ) -> Float[Tensor, "run a b p"]:
        """Logits of the p classes, as in `residual`; "=" is no answer and is left out."""
        return torch.einsum("rabd,rdc->rabc", self.residual(a, end, gate), self.W_U[..., : self.p])


def _one_net(run: TransformerRun) -> list[np.ndarray]:
    rng = np.random.default_rng([run.seed, _INIT])
    d, tokens, heads, size = run.d_model, run.p + 1, run.heads, run.d_model // run.heads
    shapes: list[tuple[int, ...]] = [(tokens, d), (3, d), *[(heads, size, d)] * 4]
    drawn = [rng.standard_normal(shape) / np.sqrt(d) for shape in shapes]
    W_in, W_out = (rng.standard_normal((run.d_mlp, d)) / np.sqrt(d) for _ in range(2))
    W_U = rng.standard_normal((d, tokens)) / np.sqrt(tokens)
    return [*drawn, W_in, np.zeros(run.d_mlp), W_out, np.zeros(d), W_U]


def new_transformers(runs: TransformerRun | Sequence[TransformerRun]) -> TransformerStack:
    """Untrained nets: N(0, 1/d_model), W_U N(0, 1/(p + 1)), biases 0 (Nanda)."""
    runs = [runs] if isinstance(runs, TransformerRun) else list(runs)
    dtype = getattr(torch, runs[0].dtype)
    stacked = (np.stack(part) for part in zip(*map(_one_net, runs), strict=True))
    return TransformerStack(*(torch.from_numpy(x).to(dtype) for x in stacked))


class PlainTransformer(nn.Module):
    """One net of a stack as anybody would write it: all three places, a causal mask, autograd.

    Slow and obviously right: the engine is tested against it, and it is the baseline of
    ``benchmarks/transformer.py``.
    """

    W_E: Tensor
    W_pos: Tensor
    W_Q: Tensor
    W_K: Tensor
    W_V: Tensor
    W_O: Tensor
    W_in: Tensor
    b_in: Tensor
    W_out: Tensor
    b_out: Tensor
    W_U: Tensor

    def __init__(self, nets: TransformerStack) -> None:
        super().__init__()
        for name, x in nets[0].named.items():
            setattr(self, name, nn.Parameter(x[0].clone()))

    def forward(self, tokens: Int[Tensor, "pair 3"]) -> Float[Tensor, "pair token"]:
        """Logits of all p + 1 tokens behind the last one."""
        x = self.W_E[tokens] + self.W_pos
        q, k, v = (torch.einsum("npd,hkd->nhpk", x, W) for W in (self.W_Q, self.W_K, self.W_V))
        scores = q @ k.mT / self.W_Q.shape[1] ** 0.5
        later = torch.ones(3, 3, dtype=torch.bool).triu(1)
        attention = scores.masked_fill(later, -torch.inf).softmax(-1)
        x = x + torch.einsum("nhpk,hkd->npd", attention @ v, self.W_O)
        x = x + relu(x @ self.W_in.T + self.b_in) @ self.W_out + self.b_out
        return (x @ self.W_U)[:, -1]


# --- frequency filtration of the unembedding


def energy(nets: TransformerStack) -> Float[Tensor, "run freq"]:
    """E_k = sum over d of |W^_{d,k}|^2, k = 1 ... p // 2, of W_U along the classes (paper, D).

    The paper says "top frequencies of the unembedding"; that they are ranked by energy, without
    the mean and without the column of "=", is ours.
    """
    return spectrum(nets.W_U[..., : nets.p]).abs().square().sum(1)


def top_frequencies(nets: TransformerStack, count: int) -> Int[Tensor, "run count"]:
    """The ``count`` frequencies with the largest `energy`, largest first."""
    return energy(nets).argsort(dim=-1, descending=True, stable=True)[:, :count] + 1


def random_frequencies(nets: TransformerStack, count: int, draw: int) -> Int[Tensor, "run count"]:
    """The control: the first ``count`` of a random order of all frequencies, blind to the weights.

    Nested in ``count``, and the same for every net.
    """
    order = np.random.default_rng(draw).permutation(nets.p // 2)[:count] + 1
    return torch.from_numpy(order).to(nets.W_U.device).expand(len(nets), -1)


def filtrate_unembedding(nets: TransformerStack, k: Int[Tensor, "run count"]) -> TransformerStack:
    """FF of a transformer: W_U keeps the frequencies ``k`` along the classes, all else is kept.

    Dropped are all others, the mean over the classes, which shifts all logits of a pair alike,
    and the column of "=" (0).

    Raises:
        ValueError: a frequency outside 1 ... p // 2.
    """
    p = nets.p
    if k.numel() and not (1 <= int(k.min()) and int(k.max()) <= p // 2):
        raise ValueError(f"frequencies must lie in 1 ... {p // 2}")
    full = torch.fft.rfft(nets.W_U[..., :p], norm="ortho")
    keep = torch.zeros(len(nets), 1, full.shape[-1], dtype=full.dtype, device=full.device)
    keep.scatter_(-1, k[:, None], 1)
    W_U = torch.zeros_like(nets.W_U)
    W_U[..., :p] = torch.fft.irfft(full * keep, n=p, norm="ortho")
    return replace(nets, W_U=W_U)
