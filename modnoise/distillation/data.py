"""Images for teacher and students, pixels from -1 to 1; nothing here imports torch."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from modnoise.distillation.run import HELD_OUT, MOST, DistillRun, Source
from modnoise.mnist import MnistRun, NoisyImages


class Images(NamedTuple):
    """Disjoint sets of real images, one a row; ``floor`` and ``reference`` are held out."""

    train: Float32[np.ndarray, "train pixel"]
    floor: Float32[np.ndarray, "floor pixel"]
    reference: Float32[np.ndarray, "reference pixel"]


@lru_cache(maxsize=2)
def _pool(source: Source) -> np.ndarray:
    if source == "digits":
        from sklearn.datasets import load_digits

        return (load_digits().data / 8 - 1).astype(np.float32)
    parts = NoisyImages(MnistRun(source="subset", noise=0.0))
    whole = np.concatenate([parts.images, parts.test_images]).reshape(-1, 14, 2, 14, 2)
    return (2 * whole.mean((2, 4)) - 1).reshape(len(whole), -1).astype(np.float32)


def images(run: DistillRun) -> Images:
    """The images of a run, drawn by its seed; of one seed, fewer are among more.

    Digits are scikit-learn's (8 x 8); of MNIST the 5,000 that a package brings,
    28 x 28 averaged to 14 x 14 (ours).

    Raises:
        modnoise.mnist.MnistError: MNIST cannot be had.
    """
    pool, (floor, reference) = _pool(run.source), HELD_OUT[run.source]
    order = np.random.default_rng([run.seed, 0]).permutation(len(pool))
    held = pool[order[MOST[run.source] :]][: floor + reference]
    return Images(pool[order[: run.n]], held[:floor], held[floor:])
