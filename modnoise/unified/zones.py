"""Which of the four dynamics a training curve shows. numpy and pandas only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from modnoise.frames import first_step

MEMORIZED, HALF, SOME, MOST, LATE = 0.999, 0.5, 0.1, 0.9, 2.0
"""Bounds of the rules (ours; the paper describes the dynamics in words): accuracies, and how many
times later than memorization grokking comes."""

ZONES = {
    "progression": "the rule comes before everything is memorized",
    "ungrokking": "everything is memorized and nothing else",
    "semi-grokking": "everything is memorized, held-out pairs in part",
    "grokking": "everything is memorized first, the rule comes late",
    "at once": "memory and rule come together (ours: not one of the paper's four)",
    "neither": "neither memory nor rule comes (ours)",
}
"""The dynamics by name. The last two are what is left over."""


class Dynamics(NamedTuple):
    """A classified curve: steps are NaN for what never happens, accuracies are the last ones."""

    zone: str
    t_memory: float
    t_some: float
    t_rule: float
    train: float
    test: float


def classified(curve: pd.DataFrame) -> Dynamics:
    """The dynamics of one run.

    With t_memory the first recorded step with training accuracy of at least 99.9 %, t_some with
    held-out accuracy of at least 10 % and t_rule of at least 90 %: without t_memory *progression*
    if there is t_some, else *neither*. With it by the last held-out accuracy: *ungrokking* below
    10 %, *semi-grokking* below 90 %; above, *grokking* if t_rule is at least 2 t_memory, else
    *at once*, or *progression* if a tenth of the held-out pairs was right before half of the
    training pairs were (rule and memory rise together).

    Args:
        curve: of one run, by step: ``step``, ``accuracy_clean``, ``accuracy_test`` and, where
            there is something that can only be memorized, ``accuracy_noisy``; the training
            accuracy is the lower of the first and the last.
    """
    curve = curve.sort_values("step", kind="stable")
    step, train, test = (
        curve[name].to_numpy(float) for name in ("step", "accuracy_clean", "accuracy_test")
    )
    if "accuracy_noisy" in curve:
        train = np.fmin(train, curve.accuracy_noisy.to_numpy(float))
    t_memory = first_step(step, train, MEMORIZED)
    t_some, t_rule = first_step(step, test, SOME), first_step(step, test, MOST)
    end = float(test[-1])
    if np.isnan(t_memory):
        zone = "neither" if np.isnan(t_some) else "progression"
    elif end < SOME:
        zone = "ungrokking"
    elif end < MOST:
        zone = "semi-grokking"
    else:
        early = first_step(step, train, HALF) > t_some
        zone = "grokking" if t_rule >= LATE * t_memory else "progression" if early else "at once"
    return Dynamics(zone, t_memory, t_some, t_rule, float(train[-1]), end)
