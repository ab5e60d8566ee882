"""The two-layer net f(a, b) = W phi(U e_a + V e_b) + mu, many nets stacked on the axis ``run``.

Neuron m is row m of U, V and W: ``W`` is stored as (run, neuron, p), the transpose of the
paper's P x M matrix, so that u_m, v_m, w_m are read the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.run import Run
from modnoise.spec import SpecError

_INIT = 3  # stream of a seed; split and noise are streams 1 and 2 (tables.py)


@dataclass(frozen=True)
class NetStack:
    """Weights of a stack of nets and the name of their activation.

    A value: analysis returns new stacks and never changes one in place.
    """

    U: Float[Tensor, "run neuron p"]
    V: Float[Tensor, "run neuron p"]
    W: Float[Tensor, "run neuron p"]
    mu: Float[Tensor, "run p"]
    act: str = "relu"

    def __post_init__(self) -> None:
        if self.act not in ACTIVATIONS:
            allowed = ", ".join(ACTIVATIONS)
            raise SpecError(f"act = {self.act!r} is not allowed: it must be one of {allowed}")

    def __len__(self) -> int:
        return len(self.mu)

    def __getitem__(self, run: int) -> NetStack:
        """One net of the stack, still with a run axis of length 1."""
        if not -len(self) <= run < len(self):
            raise IndexError(f"net {run} of a stack of {len(self)}")
        pick = slice(run % len(self), run % len(self) + 1)
        U = self.U[pick]
        V = U if self.tied else self.V[pick]
        return replace(self, U=U, V=V, W=self.W[pick], mu=self.mu[pick])

    @property
    def p(self) -> int:
        """Modulus."""
        return self.mu.shape[1]

    @property
    def width(self) -> int:
        """Number of hidden neurons M."""
        return self.U.shape[1]

    @property
    def tied(self) -> bool:
        """Whether U and V are one tensor."""
        return self.U is self.V

    def with_act(self, act: str) -> NetStack:
        """The same weights under another activation (the swap of paper section 4.1)."""
        return replace(self, act=act)

    def keep(self, neurons: Bool[Tensor, "run neuron"]) -> NetStack:
        """The sum over the selected neurons only, mu kept (paper, Eq. 3): others get w = 0."""
        return replace(self, W=self.W * neurons[..., None].to(self.W.dtype))

    def arrays(self, run: int) -> dict[str, np.ndarray]:
        """Weights of one net by name, for recording; `from_arrays` is the inverse."""
        names = ("U", "W", "mu") if self.tied else ("U", "V", "W", "mu")
        return {name: getattr(self, name)[run].cpu().numpy() for name in names}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], act: str) -> NetStack:
        """The stack of one net that `arrays` was called on; without V it is tied."""
        x = {name: torch.from_numpy(part[None]) for name, part in arrays.items()}
        return cls(x["U"], x.get("V", x["U"]), x["W"], x["mu"], act)

    def to(self, device: str | torch.device) -> NetStack:
        """The same nets on another device."""
        U, V = self.U.to(device), self.V.to(device)
        return replace(
            self, U=U, V=U if self.tied else V, W=self.W.to(device), mu=self.mu.to(device)
        )

    def logits(self, a: slice | Tensor = slice(None)) -> Float[Tensor, "run a b p"]:
        """f(a, b) for the given rows a (default all) and every b.

        Takes run x rows x p x width numbers of memory: pass some rows at a time for wide nets.
        """
        u = self.U.mT[:, a].contiguous()  # (run a neuron)
        v = self.V.mT.contiguous()  # (run b neuron)
        hidden = ACTIVATIONS[self.act].phi(u[:, :, None] + v[:, None])
        runs, rows, p, width = hidden.shape
        out = torch.baddbmm(self.mu[:, None], hidden.view(runs, rows * p, width), self.W)
        return out.view(runs, rows, p, p)


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], fan_in: int) -> np.ndarray:
    return rng.uniform(-1, 1, shape) / np.sqrt(fan_in)


def _one_net(run: Run) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng([run.seed, _INIT])
    M, p = run.width, run.p
    if run.init == "linear":
        U, V = _uniform(rng, (M, p), p), _uniform(rng, (M, p), p)
        W = _uniform(rng, (M, p), M)
    else:
        U, V, W = (rng.standard_normal((M, p)) / np.sqrt(M) for _ in range(3))
    return U, (U if run.tied else V), W, np.zeros(p)


def new_nets(runs: Run | Sequence[Run]) -> NetStack:
    """Untrained nets of runs that share p, width, act, tied and dtype.

    ``linear``: U, V uniform in +-1/sqrt(p) and W in +-1/sqrt(M), what `torch.nn.Linear` does for
    two bias-free Linear(p, M) and one Linear(M, p); ``normal``: N(0, 1/M) (follow-up, g = 0.5).
    mu = 0 in both. No source gives the paper's choice; early noise-first does not depend on it.
    """
    runs = [runs] if isinstance(runs, Run) else list(runs)
    for name in ("p", "width", "act", "tied", "dtype"):
        if len(values := {getattr(run, name) for run in runs}) != 1:
            raise ValueError(f"runs of one stack must share {name}, got {sorted(values)}")
    dtype = getattr(torch, runs[0].dtype)
    U, V, W, mu = (
        torch.from_numpy(np.stack(part)).to(dtype)
        for part in zip(*map(_one_net, runs), strict=True)
    )
    return NetStack(U, U if runs[0].tied else V, W, mu, runs[0].act)
