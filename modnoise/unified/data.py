"""The pairs of the unified view: which are trained on, and what they are labelled with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from modnoise.transformer import Examples
from modnoise.unified.run import UnifiedRun

# Streams of a seed; the initialization is stream 3 (net.py).
_SPLIT, _RANDOM, _MEMORY, _NOISE = 1, 2, 4, 5


@dataclass(frozen=True)
class TaskTable:
    """Labels of all pairs, and which of them a net is trained on, stacked over runs.

    ``label`` are the true answers of the task, ``taught`` those that it is trained with on the
    pairs of ``train``; its other pairs are held out. ``memory`` are the pairs to be memorized
    beside it, with the labels ``given``.
    """

    label: Int[Tensor, "run p p"]
    train: Bool[Tensor, "run p p"]
    taught: Int[Tensor, "run p p"]
    given: Int[Tensor, "run p p"]
    memory: Bool[Tensor, "run p p"]

    @property
    def wrong(self) -> Bool[Tensor, "run p p"]:
        """Training pairs of the task with a wrong label."""
        return self.train & (self.taught != self.label)

    @property
    def fresh(self) -> Bool[Tensor, "run p p"]:
        """Held-out pairs (a, b) whose mirror (b, a), with the same answer, is held out as well."""
        return ~self.train & ~self.train.mT

    def examples(self) -> Examples:
        """All that the nets are trained on: the task behind token 0, the memory behind 1."""
        parts = []
        for end, (label, mask) in enumerate(
            ((self.taught, self.train), (self.given, self.memory))
        ):
            a, b = torch.nonzero(mask)[:, 1:].view(len(mask), -1, 2).unbind(-1)
            at = label[torch.arange(len(mask))[:, None], a, b]
            parts.append((a, b, torch.full_like(a, end), at))
        return Examples(*(torch.cat(x, 1) for x in zip(*parts, strict=True)))


def labels(run: UnifiedRun) -> np.ndarray:
    """The (p, p) table of answers; without a rule they are drawn, alike for (a, b) and (b, a).

    >>> labels(UnifiedRun(task="square", p=5, n_train=4)).tolist()[1]
    [1, 4, 4, 1, 0]
    """
    p = run.p
    if run.task == "random":
        drawn = np.triu(np.random.default_rng([run.seed, _RANDOM]).integers(p, size=(p, p)))
        return drawn + np.triu(drawn, 1).T
    total = np.arange(p)[:, None] + np.arange(p)
    return (total if run.task == "add" else total**2) % p


def _drawn_pairs(rng: np.random.Generator, p: int, n: int, drawn: str = "ordered") -> np.ndarray:
    """``n`` of all pairs, the first of a random order, so that more of them hold the fewer.

    ``unordered``: (a, b) and (b, a) follow each other, so that at most the last is without its
    mirror.
    """
    order = rng.permutation(p * p)
    if drawn == "unordered":
        a, b = np.divmod(order, p)
        twice = np.stack([order, b * p + a], 1).ravel()
        order = twice[np.sort(np.unique(twice, return_index=True)[1], kind="stable")]
    mask = np.zeros(p * p, bool)
    mask[order[:n]] = True
    return mask.reshape(p, p)


def _taught(run: UnifiedRun, label: np.ndarray, train: np.ndarray) -> np.ndarray:
    """The labels with round(noise n_train) of the training pairs' replaced by another class."""
    rng = np.random.default_rng([run.seed, _NOISE])
    cells = rng.permutation(np.flatnonzero(train))[: round(run.noise * run.n_train)]
    taught = label.copy()
    taught.flat[cells] = (label.flat[cells] + rng.integers(1, run.p, size=len(cells))) % run.p
    return taught


def task_table(runs: UnifiedRun | Sequence[UnifiedRun]) -> TaskTable:
    """Tables of one or several runs, stacked; a run with more pairs holds those of one with fewer.

    Paper: section 2.1 (disjoint training and validation pairs), Fig. 4 (random labels), Fig. 8.
    """
    runs = [runs] if isinstance(runs, UnifiedRun) else list(runs)
    stacked = []
    for run in runs:
        rng = np.random.default_rng([run.seed, _MEMORY])
        given = rng.integers(run.p, size=(run.p, run.p))
        memory = _drawn_pairs(rng, run.p, run.n_memory)
        label = labels(run)
        order = np.random.default_rng([run.seed, _SPLIT])
        train = _drawn_pairs(order, run.p, run.n_train, run.drawn)
        stacked.append((label, train, _taught(run, label, train), given, memory))
    return TaskTable(*(torch.from_numpy(np.stack(x)) for x in zip(*stacked, strict=True)))
