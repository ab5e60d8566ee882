"""Claim about small batches (paper, appendix C.3, a remark)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.milestones import in_points
from modnoise.claim import Claim, Found, Untested


def _batches(frame: pd.DataFrame) -> Found:
    if frame.empty or "gap" not in frame:
        raise Untested("no milestones of any run")
    if frame.batch.notna().all() or frame.batch.nunique() < 2:
        raise Untested("it takes the full batch and two smaller ones")
    if frame.gap.isna().any():
        raise Untested("some nets have diverged")
    gaps = frame.groupby(frame.batch.fillna(np.inf)).gap.median()
    text = ", ".join(
        f"{in_points(x)} ({f'batch {size:.0f}' if np.isfinite(size) else 'full batch'})"
        for size, x in gaps.items()
    )
    holds = bool((np.diff(gaps) > 0).all() and gaps.iloc[0] <= gaps.iloc[-1] / 2)
    return [("widest gap", f"points {text}", holds)]


CLAIMS = (
    Claim(
        "BATCHES",
        "With small batches the lead of noisy labels is smaller or absent",
        "paper, appendix C.3 (a remark)",
        "the widest gap, noisy less clean accuracy, grows from each batch size to the next larger "
        "one, and at the smallest is at most half of that at the full batch",
        _batches,
        over=("batch", "steps"),
        same="part",
        under="R3.2-first",
    ),
)
