"""Claims about grokking, much later (paper, appendix C.3, Figs. 19 to 21)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.milestones import OPTIMIZERS, TITLES, told_step
from modnoise.claim import Claim, Found, Untested

_RATES = ("optimizer", "weight_decay", "lr", "beta2")


def _trend(frame: pd.DataFrame, fixed: str, along: str, *, falls: bool) -> Found:
    """Times of grokking along one field, per optimizer and value of the other.

    A net whose last test accuracy is below 50 % counts as later than all recorded steps. Settings
    in which no net gets there say nothing and are passed over.
    """
    names, found = {"noise": "noise", "weight_decay": "decay"}, []
    time = frame.grok.where(frame.accuracy_test >= 0.5, np.inf)
    middle = time.groupby([frame.optimizer, frame[fixed], frame[along]]).median()
    for (optimizer, value), rows in middle.groupby(level=[0, 1]):
        times = rows.droplevel([0, 1])
        if len(times) < 2 or not np.isfinite(times).any():
            continue
        ordered = times.to_numpy() if falls else times.to_numpy()[::-1]
        holds = all(a >= b for a, b in pairwise(ordered))
        text = ", ".join(f"{told_step(t)} ({names[along]} {x:g})" for x, t in times.items())
        name = f"{TITLES[optimizer]}, {names[fixed]} {value:g}"
        found.append((name, f"step {text}", bool(holds and ordered[0] > ordered[-1])))
    return found


def _grok_where(
    frame: pd.DataFrame, optimizers: Sequence[str], fixed: str, along: str, *, falls: bool
) -> Found:
    if frame.empty or "grok" not in frame:
        raise Untested("no milestones of any run")
    found = _trend(frame[frame.optimizer.isin(optimizers)], fixed, along, falls=falls)
    told = [name for name, *_ in found]
    if missing := [
        TITLES[x] for x in optimizers if not any(t.startswith(f"{TITLES[x]},") for t in told)
    ]:
        texts = (f"{name}: {text}" for name, text, _ in found)
        raise Untested(f"no net generalizes with {', '.join(missing)}", *texts)
    return found


def _groks(frame: pd.DataFrame) -> Found:
    by_decay = _grok_where(frame, ("adamw", "muon"), "noise", "weight_decay", falls=True)
    return by_decay + _grok_where(frame, OPTIMIZERS, "weight_decay", "noise", falls=False)


CLAIMS = (
    Claim(
        "GROK",
        "Grokking is earlier with larger weight decay (AdamW, Muon), and with less noise (all "
        "optimizers)",
        "paper, appendix C.3, Figs. 19, 20 and 21",
        "the first recorded step with 90 % of the last test accuracy never rises from one weight "
        "decay to the next, with AdamW and Muon, at every noise ratio where some net generalizes; "
        "it never falls from one noise ratio to the next, with all three optimizers, at every "
        "weight decay where some net does; the ends of each row differ, in that order; nets that "
        "end below 50 % are the latest",
        _groks,
        over=_RATES,
    ),
)
