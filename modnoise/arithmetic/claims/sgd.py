"""Claims about plain SGD (paper, appendix C.1, Fig. 14)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.milestones import medians, told_step
from modnoise.claim import Claim, Found, Untested, chance


def _sgd_first(frame: pd.DataFrame) -> Found:
    middle, found = medians(frame, ("lr", "weight_decay")), []
    for (lr, decay), row in middle.iterrows():
        if np.isfinite(row.t50_noisy):
            text = f"50 % at step {told_step(row.t50_noisy)} against {told_step(row.t50_clean)}"
            name = f"lr {lr:g}, decay {decay:g}"
            found.append((name, text, bool(row.t50_noisy < row.t50_clean)))
    if not found:
        raise Untested("no cell of the grid fits the noise")
    return found


def _sgd_few(frame: pd.DataFrame) -> Found:
    if frame.empty or "accuracy_test" not in frame:
        raise Untested("no runs")
    if len(cells := frame.groupby(["lr", "weight_decay"])) < 6:
        raise Untested("fewer than six cells of learning rate and weight decay")
    test = cells.accuracy_test.median().fillna(0.0)
    general = test >= 10 * chance(frame)
    (lr, decay), best = test.idxmax(), test.max()
    text = f"{int(general.sum())} of {len(test)} cells at 10 × chance or above; the best "
    text += f"{100 * best:.1f} % (lr {lr:g}, decay {decay:g})"
    holds = bool(0 < general.sum() < len(test) / 2)
    return [("last test accuracy", text, holds)]


CLAIMS = (
    Claim(
        "C1-SGD-first",
        "Noisy labels are learned first with SGD, too",
        "paper, appendix C.1, Fig. 14",
        "noisy accuracy reaches 50 % at an earlier recorded step than clean accuracy at every "
        "learning rate and weight decay where the noise is fit",
        _sgd_first,
        needs={"optimizer": "sgd"},
        over=("lr", "weight_decay"),
        under="R3.2-first",
    ),
    Claim(
        "C1-SGD-few",
        "With SGD few learning rates and weight decays generalize",
        "paper, appendix C.1, Fig. 14 (there one)",
        "some, and fewer than half, of the cells of learning rate and weight decay end at 10 × "
        "chance test accuracy or above; a diverged network counts as 0",
        _sgd_few,
        needs={"optimizer": "sgd"},
        over=("lr", "weight_decay"),
        under="GROK",
    ),
)
