"""Names for what a trained net does: interpolating or not (our rule), and Doshi's label.

All accuracies are fractions. "Phase" means an angle in this package, hence *regime*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import pandas as pd

Numbers: TypeAlias = float | Sequence[float | int] | np.ndarray | pd.Series

INTERPOLATING = 0.99
"""Noisy accuracy from which a net counts as fitting the noise (ours)."""


def interpolates(noisy: Numbers) -> np.ndarray | np.bool:
    """Whether the noisy labels are fit: accuracy on them >= 0.99 (ours).

    True: the paper's coexistence or over-parameterized regime; False: inversion or
    under-parameterized. False for NaN, that is for a diverged net and for data without noise.
    """
    return np.asarray(noisy, float) >= INTERPOLATING


def interpolation_width(width: Numbers, noisy: Numbers) -> float:
    """M*, the smallest of the given widths whose net interpolates; NaN when none does (ours).

    >>> interpolation_width([129, 17, 513, 257], [0.8, 0.1, 0.998, 0.995])
    257.0
    """
    fitting = np.asarray(width, float)[interpolates(noisy)]
    return float(fitting.min()) if fitting.size else float("nan")


def thresholds(final: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """M* for every value of ``by``, of medians over seeds; NaN where no width interpolates.

    ``final`` has ``width``, ``accuracy_noisy`` and the columns ``by``.
    """
    middle = final.groupby([*by, "width"]).accuracy_noisy.median().reset_index("width")
    return middle.groupby(level=list(by)).apply(
        lambda ladder: interpolation_width(ladder.width, ladder.accuracy_noisy)
    )


class Peak(NamedTuple):
    """The most pronounced inner maximum of the error over a ladder of widths (ours).

    ``rise``: error above the best narrower net; ``fall``: above the widest net. Shares.
    """

    width: float
    error: float
    rise: float
    fall: float


def inner_peak(width: Numbers, error: Numbers) -> Peak:
    """The inner width with the largest min(rise, fall); NaN where there is none. Widths ascend.

    >>> inner_peak([17, 33, 65, 129], [0.5, 0.25, 0.5, 0.125])
    Peak(width=65.0, error=0.5, rise=0.25, fall=0.375)
    """
    width, error = np.asarray(width, float), np.asarray(error, float)
    if len(width) < 3:
        return Peak(*[float("nan")] * 4)
    rise = error - np.minimum.accumulate(error)
    fall = error - error[-1]
    at = 1 + int(np.minimum(rise, fall)[1:-1].argmax())
    return Peak(float(width[at]), float(error[at]), float(rise[at]), float(fall[at]))


def peaks(final: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Per value of ``by`` M* and the inner peak of the test error, of medians over seeds.

    ``final`` has ``width``, ``accuracy_noisy``, ``accuracy_test`` and the columns ``by``. Where
    nothing rises and falls there is no width of a peak. ``best below``: the highest test accuracy
    of the widths below M*; NaN where there are none, or no M*.
    """
    middle = final.groupby([*by, "width"])[["accuracy_noisy", "accuracy_test"]].median()
    rows = {}
    for point, ladder in middle.groupby(level=list(by)):
        width = ladder.index.get_level_values("width").to_numpy()
        peak = inner_peak(width, 1 - ladder.accuracy_test)
        at = peak.width if min(peak.rise, peak.fall) > 0 else np.nan
        threshold = interpolation_width(width, ladder.accuracy_noisy)
        below = ladder.accuracy_test[width < threshold].max()
        rows[point] = (threshold, at, peak.rise, peak.fall, below)
    columns = ["M*", "peak at M", "rise", "fall", "best below"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table.index = pd.MultiIndex.from_tuples(rows, names=by)
    return table.astype({"M*": "Int64", "peak at M": "Int64"})


def peak_counts(found: pd.DataFrame, *, peak: float = 0.05, known: float = 0.2) -> pd.DataFrame:
    """How many ladders of `peaks` have a peak, by noise ratio and by what is known below M*.

    A peak rises and falls by ``peak`` at least. ``known below M*``: whether ``best below`` is at
    least ``known``. Ladders without noise are left out. Both levels: ours.
    """
    noisy = found[found.index.get_level_values("noise") > 0]
    told = noisy["best below"].ge(known).map({True: "yes", False: "no"}).rename("known below M*")
    has = noisy[["rise", "fall"]].min(axis=1) >= peak
    counts = has.groupby([told.index.get_level_values("noise"), told]).agg(["sum", "size"])
    return counts.set_axis(["with a peak", "width sweeps"], axis=1)


def train_accuracy(clean: Numbers, noisy: Numbers, noise: Numbers) -> np.ndarray | np.float64:
    """Accuracy against the given labels of all training pairs, (1 - noise) clean + noise noisy.

    A part without pairs (accuracy NaN, share 0) counts nothing.
    """
    clean, noisy, noise = (np.asarray(x, float) for x in (clean, noisy, noise))
    return np.where(noise < 1, (1 - noise) * clean, 0) + np.where(noise > 0, noise * noisy, 0)


def doshi_label(clean: Numbers, noisy: Numbers, test: Numbers, noise: Numbers) -> np.ndarray:
    """The regime by the rule of Doshi et al. (arXiv 2310.13061), elementwise.

    With test >= 0.9: ``coexistence`` if train >= 0.9, ``partial inversion`` if train >=
    1.05 - noise, else ``full inversion``. With test < 0.9: ``memorization`` if train >= 0.9, else
    ``confusion``. train is `train_accuracy`. ``diverged`` where an accuracy is NaN (ours).

    >>> doshi_label([1, 1, 1, 1, 0.2], [1, 0.2, 0, 1, 0.1], [1, 1, 1, 0.3, 0.2], 0.5).tolist()
    ['coexistence', 'partial inversion', 'full inversion', 'memorization', 'confusion']
    """
    train, test = train_accuracy(clean, noisy, noise), np.asarray(test, float)
    general, fit = test >= 0.9, train >= 0.9
    return np.select(
        [
            np.isnan(train) | np.isnan(test),
            general & fit,
            general & (train >= 1.05 - np.asarray(noise, float)),
            general,
            fit,
        ],
        ["diverged", "coexistence", "partial inversion", "full inversion", "memorization"],
        "confusion",
    )
