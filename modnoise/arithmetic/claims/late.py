"""Claims about grokking, much later (paper, appendix C.4.2, Figs. 19 to 21)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.milestones import TITLES, told_step
from modnoise.claim import Claim, Found, Untested, chance

_RATES = ("optimizer", "weight_decay", "lr", "beta2")


def _times(frame: pd.DataFrame, fixed: str, along: str) -> Iterator[tuple[str, float, pd.Series]]:
    """Per optimizer and value of one field the median step of 50 % test accuracy along another."""
    if frame.empty or "t50_test" not in frame:
        raise Untested("no milestones of any run")
    middle = frame.t50_test.groupby([frame.optimizer, frame[fixed], frame[along]]).median()
    for (optimizer, value), rows in middle.groupby(level=[0, 1]):
        yield optimizer, value, rows.droplevel([0, 1])


def _earlier(
    frame: pd.DataFrame, fixed: str, along: str, *, rising: bool, optimizers: tuple[str, ...]
) -> Found:
    """Whether 50 % test accuracy comes earlier at one end of a field than at the other."""
    names = {"noise": "noise", "weight_decay": "decay"}
    found: Found = []
    for optimizer, value, times in _times(frame, fixed, along):
        if optimizer not in optimizers:
            continue
        name = f"{TITLES[optimizer]}, {names[fixed]} {value:g}, along {names[along]}"
        text = ", ".join(f"{told_step(t)} ({names[along]} {x:g})" for x, t in times.items())
        if len(times) < 2:
            found.append((name, f"one {names[along]} only", None))
        elif not np.isfinite(times).any():
            found.append((name, "no network reaches 50 % test accuracy", None))
        else:
            first, last = times.iloc[0], times.iloc[-1]
            found.append((name, f"step {text}", bool(last < first if rising else first < last)))
    return found


def _groks(frame: pd.DataFrame) -> Found:
    clear = ("adamw", "muon")
    found = _earlier(frame, "noise", "weight_decay", rising=True, optimizers=clear)
    found += _earlier(frame, "weight_decay", "noise", rising=False, optimizers=clear)
    if not found:
        raise Untested("no runs with AdamW or Muon")
    return found


def _not_with_adam(frame: pd.DataFrame) -> Found:
    found = _earlier(frame, "noise", "weight_decay", rising=True, optimizers=("adam",))
    if not found:
        raise Untested("no runs with Adam")
    return [(name, text, None if holds is None else not holds) for name, text, holds in found]


def _memorizes_first(frame: pd.DataFrame, *, delay: float = 3.0) -> Found:
    """``delay``: the step at which half of the last test accuracy is reached over that at which
    99 % of the training labels are met."""
    if frame.empty or "half_test" not in frame:
        raise Untested("no milestones of any run")
    rows = frame[frame.noise > 0]
    found: Found = []
    for (optimizer, decay, noise), some in rows.groupby(["optimizer", "weight_decay", "noise"]):
        here = some[some.width == some.width.max()]
        test, fit, half = here.accuracy_test.median(), here.fit.median(), here.half_test.median()
        name = f"{TITLES.get(optimizer, optimizer)}, decay {decay:g}, noise {noise:g}"
        if not test > 3 * chance(frame):
            found.append((name, f"the network ends at chance, {100 * test:.1f} % test", None))
        elif not np.isfinite(fit):
            found.append((name, "the training labels are never met", None))
        else:
            text = f"all labels met at step {told_step(fit)}, half of the last test accuracy at "
            found.append((name, text + told_step(half), bool(half >= delay * fit)))
    if not found:
        raise Untested("no runs with noise")
    return found


CLAIMS = (
    Claim(
        "GROK",
        "Networks grok earlier with larger weight decay, and with less noise, with AdamW and Muon",
        "paper, appendix C.4.2, Figs. 19, 20 and 21",
        "the first recorded step with 50 % test accuracy is earlier at the largest weight decay "
        "than at the smallest, at every noise ratio, and earlier at the smallest noise ratio than "
        "at the largest, at every weight decay, with AdamW and Muon; where no network gets there "
        "the cell cannot tell",
        _groks,
        over=_RATES,
        word="typically",
    ),
    Claim(
        "GROK-adam",
        "With Adam, larger weight decay does not make networks grok earlier",
        "paper, appendix C.4.2, Fig. 20",
        "the first recorded step with 50 % test accuracy is not earlier at the largest weight "
        "decay than at the smallest, with Adam, at every noise ratio",
        _not_with_adam,
        over=_RATES,
        word="typically",
        under="GROK",
    ),
    Claim(
        "GROK-noise",
        "Networks grok even with noisy labels: they fit every label first and learn the rule much "
        "later",
        "paper, appendix C.4.2, Figs. 19, 20 and 21",
        "per optimizer, weight decay and noise ratio above 0, widest network: 99 % of the "
        "training labels are fit before half of the last test accuracy is reached, by a factor "
        "of 3 or more in steps; networks that end at most at 3 × chance cannot tell",
        _memorizes_first,
        over=(*_RATES, "width"),
        word="can",
        under="GROK",
    ),
)
