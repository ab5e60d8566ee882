"""The claim that makes the scale `fast` possible (ours)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.arithmetic.tempo import deviations, entropies
from modnoise.claim import ROUNDING, Claim, Found, Untested


def _same_nets(frame: pd.DataFrame) -> Found:
    found = deviations(frame) if len(frame) else frame
    if found.empty or found.width.nunique() < 6:
        raise Untested("six widths recorded at the paper's speed and at a faster one are needed")
    if found.groupby(["tempo", "memory"]).ngroups > 1:
        raise Untested("rows of more than one faster training")
    told = []
    for width, rows in found.groupby("width"):
        worst = rows.loc[rows.difference.abs().idxmax()]
        text = (
            f"largest difference {100 * worst.difference:+.1f} points ({worst.quantity}: "
            f"{worst.own:.1%} at the paper's speed, {worst.here:.1%} at {worst.tempo} × that"
        )
        if worst.seeds > 1:
            text += f"; range of {worst.seeds} seeds there {100 * worst.spread:.1f}"
        far = ", ".join(rows.quantity[~rows.near])
        text += f"); too far: {far}" if far else ")"
        told.append((f"M = {width}", text, not far))
    return told


def _other_entropy(frame: pd.DataFrame, *, change: float = 0.5) -> Found:
    found = entropies(frame) if len(frame) else frame
    if found.empty:
        raise Untested("it takes a width recorded at the paper's own tempo and at another one")
    if found.duplicated(["width", "seed"]).any():
        raise Untested("rows of more than one other tempo")
    told: Found = []
    for width, rows in found.groupby("width"):
        own, here = rows[["own", "here"]].median()
        text = f"test cross-entropy {own:.1f} on the paper's clock, {here:.1f} on the faster one"
        told.append(
            (f"M = {width}", text, bool(abs(np.log(here / own)) >= np.log1p(change) - ROUNDING))
        )
    return told


CLAIMS = (
    Claim(
        "TEMPO",
        "Training 20 × faster (learning rate × 20, steps / 20, AdamW's averaging time kept) gives "
        "the paper's networks",
        "ours, control for the scale fast",
        "at every width from 17 to 513, noise 0.3, decay 0.1: test accuracy, that of FF, of FF "
        "with x² and of a random frequency with x², test and noisy accuracy with the activation "
        "replaced, and noisy accuracy of the residual are each within 10 points of those of the "
        "same seed after the paper's 200,000 steps, or within the range of three seeds trained as "
        "fast where that is wider",
        _same_nets,
        same="p",
        over=("width", "lr", "steps", "beta2"),
    ),
    Claim(
        "TEMPO-CE",
        "On the faster clock narrow networks end with another test cross-entropy",
        "ours, control for the scale fast",
        "noise 0.3, decay 0.1: at some width the test cross-entropy of the same seeds is 1.5 "
        "times as large on one clock as on the other (50 %)",
        _other_entropy,
        same="p",
        over=("width", "lr", "steps", "beta2"),
        word="can",
        qualifies="R3.1-1a-ce",
        remark="the faster clock changes the height of the peak",
    ),
)
