"""Claims about plain SGD (paper, appendix C.1, Fig. 14)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.milestones import medians, told_step
from modnoise.claim import ROUNDING, Claim, Found, Untested, chance

CELLS = 6
"""Fewest cells of a grid whose share says something."""


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


def _sgd_restrictive(
    frame: pd.DataFrame, *, part: float = 0.5, share: float = 1 / 9, gate: float = 3.0
) -> Found:
    """Of curves of both optimizers: the grid's cells that get near AdamW in as many steps."""
    if frame.empty or "accuracy_test" not in frame:
        raise Untested("no runs")
    adamw, sgd = (frame[frame.optimizer == name] for name in ("adamw", "sgd"))
    if adamw.empty:
        raise Untested("no run of AdamW")
    if len(sgd.groupby(["lr", "weight_decay"])) < CELLS:
        raise Untested("fewer than six cells of learning rate and weight decay")
    last = adamw[adamw.step == adamw.steps].groupby(["lr", "weight_decay"]).accuracy_test.median()
    goal, steps = last.max(), int(adamw.steps.max())
    head = f"AdamW {100 * goal:.1f} % in {steps} steps (decay {last.idxmax()[1]:g})"
    if not goal >= gate * chance(frame):
        return [("grid", f"{head}, below {gate:g} × chance", None)]
    best = sgd[sgd.step <= steps].groupby(["lr", "weight_decay", "seed"]).accuracy_test.max()
    best = best.groupby(["lr", "weight_decay"]).median().fillna(0.0)
    near = best >= part * goal - ROUNDING
    lr, decay = best.idxmax()
    text = f"{head}; SGD gets to {100 * part:g} % of it in {int(near.sum())} of {len(near)} cells,"
    text += f" at best to {100 * best.max():.1f} % (lr {lr:g}, decay {decay:g})"
    return [("grid", text, bool(near.mean() <= share + ROUNDING))]


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
        "C1-SGD",
        "SGD is inefficient: hardly any learning rate and weight decay bring it near AdamW",
        "paper, appendix C.1, Fig. 14 (there one)",
        "in the steps of a training by AdamW of the same net and noise, test accuracy "
        "reaches 50 % of AdamW's final value (at its best decay) in at most 1 of 9 cells of "
        "learning rate "
        "and weight decay; a diverged network counts as 0; AdamW must be at 3 × chance or above",
        _sgd_restrictive,
        same="p",
        over=("optimizer", "lr", "weight_decay", "beta2", "steps"),
        under="GROK",
    ),
)
