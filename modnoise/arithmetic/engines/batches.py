"""Which training pairs an update sees when the batch is not the full one."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Int

from modnoise.arithmetic.run import Run

_BATCHES = 4  # stream of a seed; split, noise and initialization are streams 1 to 3


@lru_cache(maxsize=64)
def _shuffled(seed: int, epoch: int, n: int) -> np.ndarray:
    return np.random.default_rng([seed, _BATCHES, epoch]).permutation(n)


def batch_at(run: Run, update: int) -> Int[np.ndarray, " pair"]:
    """Positions, among the training pairs in table order, that update number ``update`` sees.

    Each epoch is a new shuffle cut into n // batch whole batches; its last n % batch pairs wait
    for another epoch. Updates count from 0, so the same update always sees the same pairs.
    """
    n, size = run.n_train, run.batch or run.n_train
    epoch, i = divmod(update, n // size)
    return _shuffled(run.seed, epoch, n)[i * size : (i + 1) * size]
