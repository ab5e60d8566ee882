"""Claims about Table 2: MNIST with wrong labels, at the first epochs, full batch.

Rows are of all recorded epochs of at least 20 seeds at both noise ratios; ``step`` is the epoch,
0 before the first update. What the paper calls epoch 1 is either row 0 (read before the first
update) or row 1 (after it).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.claim import Claim, Found, Untested, at_noise, values

SEEDS = 20
"""Fewest seeds of a rule about the spread over seeds."""

NOISES = (0.05, 0.20)  # paper
_ERRORS = 3.0  # for six conditions: one false alarm in about 25 tables of 20 seeds


def _rows(frame: pd.DataFrame, noise: float, step: int) -> pd.DataFrame:
    """One row per seed: full batch, at one noise ratio and epoch."""
    if "batch" in frame and frame.batch.notna().any():
        raise Untested("mini-batches, the claim is about the full batch")
    rows = at_noise(frame, noise)
    rows = rows[rows.step == step]
    if (seeds := rows.seed.nunique()) < SEEDS:
        raise Untested(f"{seeds} seeds at noise {noise:g}, epoch {step}: it takes {SEEDS}")
    return rows


def _points(shares: pd.Series) -> str:
    """Median (lowest to highest) in points."""
    text = (f"{100 * x:+.1f}" for x in (shares.median(), shares.min(), shares.max()))
    return "{} points ({} to {})".format(*text)


def _noise_first(frame: pd.DataFrame) -> Found:
    """Noisy accuracy above clean accuracy in three quarters of the seeds, read both ways."""
    found = []
    for step, reading in ((0, "before"), (1, "after")):
        for noise in NOISES:
            rows = _rows(frame, noise, step)
            lead = values(rows, "full", "noisy") - values(rows, "full", "clean")
            above = int((lead > 0).sum())
            text = f"noisy less clean {_points(lead)}, above 0 in {above} of {len(lead)} seeds"
            name = f"noise {noise:g}, {reading} the first step"
            found.append((name, text, bool(above >= 0.75 * len(lead))))
    return found


def _excess(rows: pd.DataFrame) -> tuple[str, float]:
    """Excess over the label-blind (1 - recovered)/9, as text and in standard errors."""
    blind = (1 - values(rows, "full", "recovered")) / 9
    excess = values(rows, "full", "noisy") - blind
    mean, error = excess.mean(), excess.std(ddof=1) / np.sqrt(len(excess))
    text = f"excess {_points(excess)}, mean {100 * mean:+.2f} ± {100 * error:.2f}"
    return text, mean / error if error else np.inf * np.sign(mean)


def _blind(frame: pd.DataFrame) -> Found:
    found = []
    for noise in NOISES:
        for step in (0, 1, 2):
            text, errors = _excess(_rows(frame, noise, step))
            found.append((f"noise {noise:g}, epoch {step}", text, bool(abs(errors) <= _ERRORS)))
    return found


def _sees(frame: pd.DataFrame) -> Found:
    if frame.empty:
        raise Untested("no rows")
    found = []
    for noise in NOISES:
        last = int(frame.step.max())
        text, errors = _excess(_rows(frame, noise, last))
        found.append((f"noise {noise:g}, epoch {last}", text, bool(errors > _ERRORS)))
    return found


CLAIMS = (
    Claim(
        "T2",
        "On MNIST noisy labels come first: noisy above clean accuracy at epoch 1",
        "paper, section 3.2, Table 2",
        "at noise 0.05 and 0.20, full batch, at least 20 seeds: noisy accuracy above clean "
        "accuracy at epoch 1, read before and read after the first step, in at least three "
        "quarters of the seeds",
        _noise_first,
        same="source",
        default="noise 0.2, before the first step",
        headline=True,
    ),
    Claim(
        "MNIST-null",
        "Noisy accuracy at the epochs of Table 2 is what a label-blind predictor gives",
        "ours",
        "at noise 0.05 and 0.20, full batch, at least 20 seeds, before the first step and after "
        "steps 1 and 2: the mean over seeds of noisy accuracy less (1 − recovered)/9 is within "
        "3 standard errors of 0 (six conditions)",
        _blind,
        same="source",
    ),
    Claim(
        "CONTROL-mnist-memorized",
        "The same measure sees memorization at the last recorded epoch",
        "ours",
        "at noise 0.05 and 0.20, full batch, at least 20 seeds, at the last epoch: the mean over "
        "seeds of noisy accuracy less (1 − recovered)/9 is more than 3 standard errors above 0",
        _sees,
        same="source",
    ),
)
