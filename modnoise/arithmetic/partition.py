"""Which neurons generalize? Strength, IPR and the partition of neurons (paper, section 5).

A score ranks the neurons of a net; the best-ranked ones should carry the rule, the worst-ranked
ones the noise (Algorithm 1). Unlike FF this splits the *function*: f is mu plus a sum of neurons.
Axes: ``grid`` is the number of selected neurons, the others are those of `tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.fourier import spectrum, without_mu
from modnoise.arithmetic.metrics import ROLES, by_role
from modnoise.arithmetic.nets import NetStack
from modnoise.arithmetic.tables import VAL, NoisyTable

_CHUNK = 2**20  # numbers of logits and hidden activations held at once: 4 MB of float32
_BLOCK = 64  # most neurons added to the logits at once


def strength(nets: NetStack) -> Float[Tensor, "run neuron"]:
    """Str. = ||w||_inf phi(||u||_inf + ||v||_inf), the most a neuron can add to one output.

    Infinity norms over absolute values, no Fourier prior, so it also serves multiplication; an
    exact neuron of scale lambda has lambda phi(2 lambda). Paper, section 5.1. For an activation
    that is zero on positive inputs (reverse ReLU) phi is taken at minus the same sum (ours).
    """
    u, v, w = (x.abs().amax(-1) for x in (nets.U, nets.V, nets.W))
    phi = ACTIVATIONS[nets.act].phi
    return w * torch.maximum(phi(u + v), phi(-u - v))


def ipr(nets: NetStack) -> Float[Tensor, "run neuron"]:
    """Inverse participation ratio of the output vector, sum |w^_k|^4 / (sum |w^_k|^2)^2.

    Over the one-sided spectrum k = 1 ... p // 2 without the mean, so a cosine has 1 whatever its
    phase and a flat spectrum 1 / (p // 2). The two-sided transform would give a cosine 0.5, and
    with the mean a constant would look perfect; for odd p the ranking is the same but for the
    mean. Paper, section 5.1; one-sided without the mean: ours. NaN for a constant w.
    """
    power = spectrum(nets.W).abs().square()
    return power.square().sum(-1) / power.sum(-1).square()


@dataclass(frozen=True)
class Partition:
    """Accuracy of every sub-net that keeps the best-ranked, or the worst-ranked, neurons.

    ``order``: neurons from the highest score to the lowest. ``top[r, g]`` and ``bottom[r, g]``:
    accuracies by role (`metrics.ROLES`) of the sum over the first, or the last,
    ``count[g]`` neurons of it. The two sub-nets f^G and f^R are disjoint iff
    gamma_g + gamma_r <= 1; all gammas are count / M exactly.
    """

    order: Int[Tensor, "run neuron"]
    count: Int[np.ndarray, " grid"]
    top: Float[np.ndarray, "run grid role"]
    bottom: Float[np.ndarray, "run grid role"]

    @property
    def gamma(self) -> Float[np.ndarray, " grid"]:
        """Fraction of selected neurons."""
        return self.count / self.order.shape[1]

    @property
    def val(self) -> Float[np.ndarray, "run grid"]:
        """val(gamma): validation accuracy of the top fraction."""
        return self.top[..., ROLES.index("val")]

    @property
    def noise(self) -> Float[np.ndarray, "run grid"]:
        """noise(gamma): noisy accuracy of the bottom fraction."""
        return self.bottom[..., ROLES.index("noisy")]

    @property
    def gamma_g(self) -> Float[np.ndarray, " run"]:
        """The smallest gamma that attains the largest val(gamma)."""
        return self._first(self.val, self.val.max(1))

    @property
    def gamma_r(self) -> Float[np.ndarray, " run"]:
        """The smallest gamma that attains the largest noise(gamma); NaN without noisy pairs."""
        return self._first(self.noise, self.noise.max(1))

    @property
    def gamma_r99(self) -> Float[np.ndarray, " run"]:
        """The smallest gamma with noise(gamma) >= 0.99 noise(1); no last pair rules it (ours)."""
        return self._first(self.noise, 0.99 * self.noise[:, -1])

    @property
    def test_g(self) -> Float[np.ndarray, " run"]:
        """Test accuracy of f^G, the top fraction gamma_g, chosen on validation pairs only."""
        at = np.searchsorted(self.gamma, np.nan_to_num(self.gamma_g))
        test = self.top[np.arange(len(at)), at, ROLES.index("test")]
        return np.where(np.isnan(self.gamma_g), np.nan, test)

    @property
    def test_full(self) -> Float[np.ndarray, " run"]:
        """Test accuracy of the whole net."""
        return self.top[:, -1, ROLES.index("test")]

    @property
    def reversed(self) -> Partition:
        """The control that ranks neurons the other way round."""
        return replace(self, order=self.order.flip(1), top=self.bottom, bottom=self.top)

    def masks(self) -> tuple[Bool[Tensor, "run neuron"], Bool[Tensor, "run neuron"]]:
        """The neurons of f^G and of f^R, for `NetStack.keep`; none where gamma is NaN."""
        rank = self.order.argsort(dim=1, stable=True)
        width = rank.shape[1]
        g, r = (
            torch.from_numpy(np.nan_to_num(x) * width).round().to(rank)[:, None]
            for x in (self.gamma_g, self.gamma_r)
        )
        return rank < g, rank >= width - r

    def _first(self, curve: np.ndarray, level: np.ndarray) -> np.ndarray:
        reached = curve >= level[:, None]
        return np.where(reached.any(1), self.gamma[reached.argmax(1)], np.nan)


def grid(width: int) -> Int[np.ndarray, " grid"]:
    """Numbers of selected neurons: all of 0 ... M for M <= 257, else about every M / 128.

    >>> grid(3).tolist(), grid(513)[[0, 1, -1]].tolist(), len(grid(513))
    ([0, 1, 2, 3], [0, 4, 513], 129)
    """
    if width <= 257:
        return np.arange(width + 1)
    return np.round(np.arange(129) * width / 128).astype(int)


@torch.no_grad()
def _curves(
    nets: NetStack, table: NoisyTable, order: Tensor, count: np.ndarray
) -> Float[np.ndarray, "run grid role"]:
    """Accuracies of the sums over the first ``count`` neurons of ``order``, in one pass.

    Logits are accumulated over blocks of neurons, a few input rows a at a time.
    """
    runs, width, p = nets.U.shape
    U, V, W = (x.gather(1, order[..., None].expand_as(x)) for x in (nets.U, nets.V, nets.W))
    phi = ACTIVATIONS[nets.act].phi
    masks, labels = (torch.stack(x, 1) for x in zip(*by_role(table), strict=True))
    right = torch.zeros(runs, len(count), len(ROLES), dtype=torch.float64, device=U.device)
    rows = max(1, _CHUNK // (runs * p * (p + min(_BLOCK, width))))
    for i in range(0, p, rows):
        a = slice(i, i + rows)
        u, v = U.mT[:, a, None], V.mT[:, None]
        mask, label = masks[:, :, a], labels[:, :, a]
        pairs = u.shape[1] * p
        logits = nets.mu[:, None].expand(-1, pairs, -1).clone()
        done = 0
        for j, n in enumerate(count.tolist()):
            for start in range(done, n, _BLOCK):
                block = slice(start, min(start + _BLOCK, n))
                hidden = phi(u[..., block] + v[..., block])
                logits.baddbmm_(hidden.view(runs, pairs, -1), W[:, block])
            done = n
            best = logits.argmax(-1).view(runs, 1, -1, p)
            right[:, j] += ((best == label) & mask).sum((2, 3))
    found = right / masks.sum((2, 3))[:, None]
    found[~torch.isfinite(logits).flatten(1).all(1)] = torch.nan  # a diverged net
    return found.cpu().numpy()


def partition(
    nets: NetStack, table: NoisyTable, score: Float[Tensor, "run neuron"], *, mu: bool = True
) -> Partition:
    """Rank neurons by ``score`` and evaluate every top and every bottom fraction (Algorithm 1).

    f^A(a, b) = sum over m in A of w_m phi(u_m[a] + v_m[b]) + mu (paper, Eq. 3), without rescaling;
    equal scores keep the order of the neurons. mu stays in both f^G and f^R (ours: the paper does
    not say), so f^G + f^R = f + mu for complementary sets; ``mu=False`` leaves it out of both.

    Args:
        score: for instance `strength` or `ipr` of the same nets; high means generalizing;
            NaN (the IPR of a dead neuron) ranks last.

    Raises:
        ValueError: a score of another shape than (run, neuron), or no validation pairs to
            choose gamma_g by.
    """
    if score.shape != nets.U.shape[:2]:
        raise ValueError(
            f"score has the shape {tuple(score.shape)}: it must be (run, neuron) = "
            f"{tuple(nets.U.shape[:2])}"
        )
    if not (table.role == VAL).flatten(1).any(1).all():
        raise ValueError("the table has no validation pairs: val_frac must be above 0")
    if not mu:
        nets = without_mu(nets)
    order = score.nan_to_num(-torch.inf).argsort(dim=1, descending=True, stable=True)
    count = grid(nets.width)
    top, bottom = (_curves(nets, table, x, count) for x in (order, order.flip(1)))
    return Partition(order, count, top, bottom)


def random_partitions(
    nets: NetStack, table: NoisyTable, *, shuffles: int = 20, seed: int = 0, mu: bool = True
) -> list[Partition]:
    """The control that is blind to the weights: ``shuffles`` partitions in random order (ours).

    Every net of the stack gets the same orders, so a net's control does not depend on its stack.
    Summarize with `mean_and_spread`.
    """
    rng = np.random.default_rng(seed)
    scores = (torch.from_numpy(rng.permutation(nets.width)).double() for _ in range(shuffles))
    return [
        partition(nets, table, x.to(nets.mu.device).expand(len(nets), -1), mu=mu) for x in scores
    ]


def mean_and_spread(partitions: Sequence[Partition], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over partitions of one quantity, such as "val" or "test_g"."""
    values = np.stack([getattr(x, name) for x in partitions])
    return values.mean(0), values.std(0, ddof=1)
