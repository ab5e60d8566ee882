"""Recorded curves as tables: rows of runs with their fields beside them, and what is read off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from modnoise.spec import Trainable


def first_step(step: np.ndarray, accuracy: np.ndarray, level: float) -> float:
    """First recorded step at which the curve reaches ``level`` (t50: level 0.5), else NaN.

    >>> import numpy as np
    >>> first_step(np.array([0, 10, 20]), np.array([0.1, 0.6, 0.4]), 0.5)
    10.0
    """
    reached = np.flatnonzero(np.asarray(accuracy) >= level)
    return float(step[reached[0]]) if len(reached) else float("nan")


def curves(runs: Sequence[Trainable], trained: Iterable[Any]) -> pd.DataFrame:
    """One frame of all recorded curves, each row with the fields of its run beside it.

    ``trained`` holds, per run, anything with a ``history`` (`Trained`). The history's own ``run``
    column gives way to the run's ``key``; the field ``steps`` is the length of the run, ``step``
    the point on the curve.
    """
    frames = [
        one.history.drop(columns="run").assign(key=run.key, **run.model_dump())
        for run, one in zip(runs, trained, strict=True)
    ]
    return pd.concat(frames, ignore_index=True)


def median_table(
    final: pd.DataFrame, *, by: str, test: Sequence[str], noisy: Sequence[str] = ()
) -> pd.DataFrame:
    """Median accuracies over seeds: rows ``by``, columns ("test", part) and ("noisy", part)."""
    columns = [("accuracy_test", part) for part in test]
    columns += [("accuracy_noisy", part) for part in noisy]
    values = ["accuracy_test", "accuracy_noisy"]
    table = final.groupby([by, "part"])[values].median().unstack("part")[columns]
    return table.rename(columns=lambda name: name.removeprefix("accuracy_"))


def percent(frame: pd.DataFrame) -> pd.DataFrame:
    """Fractions as text with one decimal, a dash where there is nothing to measure."""
    text = frame.map(lambda x: "–" if pd.isna(x) else f"{x:.1%}")
    return text.rename_axis(columns=[None] * text.columns.nlevels)
