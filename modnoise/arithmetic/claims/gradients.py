"""Claims about the gradients of clean and of noisy pairs (paper, appendix C.3).

Rows are `modnoise.frames.curves` with the columns of `modnoise.arithmetic.gradients.alignment`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.milestones import NETS, TITLES, WIDEST, told_range
from modnoise.claim import ROUNDING, Claim, Found, Untested


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


def _rates_and_conflict(frame: pd.DataFrame, *, exceptions: float = 0.05) -> Found:
    """``exceptions``: the share of a cell's steps after step 10 that may be otherwise."""
    found: Found = []
    for optimizer, rows in _gradients(frame):
        for (width, noise), here in rows.groupby(level=["width", "noise"]):
            later = here[here.step > 10]
            name = f"{optimizer}, M = {width}, noise {noise:g}"
            if later.empty:
                found.append((name, "no recorded step after 10 and before the noise is fit", None))
                continue
            ahead = (later.r_n > later.r_c) & (later.r_c > 0)
            against = later.cos < 0
            text = (
                f"r_n > r_c > 0 at {int(ahead.sum())} and cos < 0 at {int(against.sum())} of "
                f"{len(later)} steps; r_n / r_c {told_range(later.r_n / later.r_c)}, cos "
                f"{told_range(later.cos)}"
            )
            found.append((name, text, bool((ahead & against).mean() >= 1 - exceptions - ROUNDING)))
    if not found:
        raise Untested("no recorded gradients")
    return found


def _conflict_at_start(frame: pd.DataFrame) -> Found:
    found: Found = []
    for optimizer, rows in _gradients(frame):
        for (width, noise), here in rows[rows.step == 0].groupby(level=["width", "noise"]):
            cosine = float(here.cos.iloc[0])
            name = f"{optimizer}, M = {width}, noise {noise:g}"
            found.append((name, f"cos {cosine:.3f} at step 0", cosine < 0))
    if not found:
        raise Untested("no recorded gradients at step 0")
    return found


CLAIMS = (
    Claim(
        "C3",
        "The gradients of clean and noisy pairs are in conflict, and the loss of a noisy pair "
        "falls faster than that of a clean one",
        "paper, appendix C.3",
        "per optimizer, width and noise ratio: r_n > r_c > 0 and the cosine of clean and noisy "
        "gradient below 0, at 95 % or more of the recorded steps from 10 to 100, and not after "
        "the noisy accuracy is 50 %",
        _rates_and_conflict,
        same="part",
        over=NETS,
        first=100,
        widest=WIDEST,
    ),
    Claim(
        "C3-conflict-start",
        "The gradients of clean and noisy pairs are already in conflict at initialization",
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
