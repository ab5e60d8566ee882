"""Claims about the gradients of clean and of noisy pairs (paper, appendix C.3).

Rows are `modnoise.frames.curves` with the columns of `modnoise.arithmetic.gradients.alignment`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.milestones import NETS, TITLES, WIDEST, not_at, told_range
from modnoise.claim import Claim, Found, Untested

_EARLY = "at all early recorded steps: up to step 100, and not after the noisy accuracy is 50 %"


def _gradients(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Per optimizer, medians over seeds by (width, noise), a row per early step.

    Early is at most step 100, and not after the noisy accuracy is 50 %: a label that is fit has no
    gradient any more.
    """
    if frame.empty or "cos" not in frame or frame.cos.isna().all():
        raise Untested("no recorded gradients")
    by = ["optimizer", "width", "noise"]
    middle = frame[(frame.part == "full") & (frame.noise > 0)].groupby([*by, "step"])
    middle = middle[["r_c", "r_n", "cos", "accuracy_noisy"]].median().reset_index("step")
    half = middle[middle.accuracy_noisy >= 0.5].groupby(level=by).step.min()
    end = half.reindex(middle.index).fillna(np.inf).clip(upper=100)
    early = middle[(middle.step <= end) & middle.cos.notna()]
    for optimizer, rows in early.groupby(level="optimizer"):
        yield TITLES[optimizer], rows.droplevel("optimizer")


def _early(rows: pd.DataFrame, values: pd.Series, name: str, holds: pd.Series) -> tuple[str, bool]:
    """A gradient quantity over widths, noise ratios and steps, and where its rule fails."""
    text = f"{name} {told_range(values)} at {len(rows)} widths, noise ratios and steps"
    against = rows.assign(value=values)[~holds]
    return text + not_at(against, "step {0.step:.0f}: {0.value:.3f}".format), against.empty


def _rates(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in _gradients(frame):
        holds = (rows.r_n > rows.r_c) & (rows.r_c > 0)
        found.append((f"{name}, rates", *_early(rows, rows.r_n / rows.r_c, "r_n / r_c", holds)))
    return found


def _conflict(frame: pd.DataFrame) -> Found:
    later = [(name, rows[rows.step > 10]) for name, rows in _gradients(frame)]
    found = [
        (f"{name}, conflict", *_early(rows, rows.cos, "cos", rows.cos < 0))
        for name, rows in later
        if len(rows)
    ]
    if not found:
        raise Untested("no recorded gradients after step 10 and before the noise is fit")
    return found


def _rates_and_conflict(frame: pd.DataFrame) -> Found:
    return _rates(frame) + _conflict(frame)


def _conflict_at_start(frame: pd.DataFrame) -> Found:
    start = [(name, rows[rows.step == 0]) for name, rows in _gradients(frame)]
    if any(rows.empty for _, rows in start):
        raise Untested("no recorded gradients at step 0")
    return [(name, *_early(rows, rows.cos, "cos", rows.cos < 0)) for name, rows in start]


CLAIMS = (
    Claim(
        "C3",
        "Clean and noisy gradients are in conflict, and the full one lowers the loss of a noisy "
        "label faster than that of a clean one",
        "paper, appendix C.3",
        f"rates: r_n > r_c > 0 {_EARLY}; conflict: the cosine of clean and noisy gradient is "
        "below 0 after step 10, at the same steps; every optimizer, width and noise ratio; rows "
        "of all steps",
        _rates_and_conflict,
        same="part",
        over=NETS,
        first=100,
        widest=WIDEST,
    ),
    Claim(
        "C3-conflict-start",
        "Clean and noisy gradients are in conflict from the initialization on",
        "paper, appendix C.3, taken at its word",
        "the cosine of clean and noisy gradient is below 0 at step 0; every optimizer, width and "
        "noise ratio",
        _conflict_at_start,
        same="part",
        over=NETS,
        under="C3",
        first=100,
        widest=WIDEST,
    ),
)
