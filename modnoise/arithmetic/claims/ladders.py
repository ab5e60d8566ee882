"""What the rules about test error against width share: ladders of widths.

Rows are of the full net at the last step, for a ladder of widths at each noise ratio and weight
decay. M* is the smallest recorded width that interpolates (`modnoise.arithmetic.regimes`). The
paper's ladder is 17 to 4097; where the recorded one ends earlier, its last width takes the place
of 4097 and the one two doublings before it that of 1025. Each rule was written before the runs at
laptop scale that it is about were seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from modnoise.arithmetic.regimes import interpolation_width
from modnoise.claim import ROUNDING, Untested, chance, values

LADDER = 5
"""Fewest widths of a ladder on which a peak can be looked for."""

VARIED = ("act", "op", "optimizer", "train_frac")
"""Fields besides noise and decay in which the ladders of one claim may differ."""

ABOVE = 3
"""Fewest widths above M* from which a trend can be read."""


WHERE = ("width", "weight_decay")

WIDEST = 1025
"""A ladder of the paper's goes on to 4097; without this width it cannot refute what it shows."""


def ladders_by(
    frame: pd.DataFrame, by: Sequence[str], noise: tuple[float, float] = (0.0, 1.0)
) -> list[tuple[tuple, pd.DataFrame]]:
    """Medians over seeds of the nets trained with noise: per value of ``by`` a frame over widths.

    Columns: test, noisy (shares), cross_entropy (test, nats); widths ascending.
    """
    rows = frame[(frame.part == "full") & (frame.noise > 0)]
    rows = rows[rows.noise.between(noise[0] - ROUNDING, noise[1] + ROUNDING)]
    if rows.empty:
        raise Untested(f"no runs with noise between {noise[0]:g} and {noise[1]:g}")
    for role in ("test", "noisy"):
        values(rows, "full", role)
    columns = {
        "accuracy_test": "test", "accuracy_noisy": "noisy", "cross_entropy_test": "cross_entropy"
    }  # fmt: skip
    middle = rows.groupby([*by, "width"])[list(columns)].median().rename(columns=columns)
    return [
        (point, ladder.droplevel(list(range(len(by)))))
        for point, ladder in middle.groupby(level=list(range(len(by))))
    ]


def setups_of(
    frame: pd.DataFrame, noise: tuple[float, float] = (0.0, 1.0)
) -> list[tuple[str, pd.DataFrame]]:
    """The ladders of each noise ratio, weight decay and whatever of `VARIED` differs, named."""
    more = [name for name in VARIED if name in frame and frame[name].nunique() > 1]
    ladders = ladders_by(frame, ("noise", "weight_decay", *more), noise)
    return [
        (", ".join([f"noise {alpha:g}, decay {decay:g}", *map(str, rest)]), ladder)
        for (alpha, decay, *rest), ladder in ladders
    ]


def threshold_of(ladder: pd.DataFrame) -> float:
    """M* of a ladder; infinite where no recorded width interpolates."""
    width = interpolation_width(ladder.index.to_numpy(), ladder.noisy)
    return width if np.isfinite(width) else np.inf


def told_threshold(threshold: float, ladder: pd.DataFrame) -> str:
    """M* as text."""
    return f"{threshold:.0f}" if np.isfinite(threshold) else f"above {ladder.index.max()}"


def kendall(values: np.ndarray) -> float:
    """Kendall's tau-b of a sequence against its order; 0 for a constant one.

    >>> kendall(np.array([0.1, 0.2, 0.2]))  # two of three pairs rise, one is tied: 2 / sqrt(2 * 3)
    0.816...
    """
    tau = kendalltau(np.arange(len(values)), values).statistic
    return float(tau) if np.isfinite(tau) else 0.0


def above_chance(accuracy: float, frame: pd.DataFrame) -> bool:
    """Whether a network generalizes at all: test accuracy above 3 / p (ours)."""
    return accuracy > 3 * chance(frame)


def growth_above(
    ladder: pd.DataFrame, *, drop: float = 0.02, disorder: float = 0.3
) -> tuple[str, bool]:
    """Whether test accuracy grows over the widths above M*; needs `ABOVE` of them.

    It never drops by more than ``drop`` from one width to the next, and Kendall's tau-b with the
    width is at least 1 - ``disorder``, unless all are at least 99 %.
    """
    above = ladder[ladder.index > threshold_of(ladder)]
    test = above.test.to_numpy()
    fallen, tau = max(0.0, float(-np.diff(test).min())), kendall(test)
    text = (
        f"test accuracy {100 * test[0]:.1f} % (M = {above.index[0]}) to {100 * test[-1]:.1f} % "
        f"(M = {above.index[-1]}), largest drop {100 * fallen:.1f} points, tau {tau:.2f}"
    )
    ordered = tau >= 1 - disorder - ROUNDING or test.min() >= 0.99
    return text, bool(fallen <= drop + ROUNDING and ordered)


def enough_above(ladder: pd.DataFrame) -> bool:
    """Whether there are widths enough above M* to read a trend."""
    return int((ladder.index > threshold_of(ladder)).sum()) >= ABOVE
