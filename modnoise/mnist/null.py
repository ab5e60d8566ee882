"""The label-blind null of Table 2: what a net that ignores which labels are wrong would score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from modnoise.frames import first_step
from modnoise.mnist.run import DIGITS, MnistRun

PAPER_TABLE2 = pd.DataFrame(
    {
        "noise": [0.05, 0.05, 0.20, 0.20],
        "epoch": [1, 2, 1, 2],
        "accuracy_noisy": [0.1087, 0.0647, 0.1075, 0.0571],
        "accuracy_clean": [0.0286, 0.4629, 0.0289, 0.4809],
        "n_noisy": [3_000, 3_000, 12_000, 12_000],
    }
)
"""The paper's Table 2; the numbers of wrong labels follow from 60,000 images."""


def against_null(frame: pd.DataFrame) -> pd.DataFrame:
    """``frame`` with what a predictor that is blind to the wrong labels would score on them.

    If predictions do not depend on which of the 9 wrong digits an image was given, an image that
    is not recognized (true accuracy q) hits it one time in 9: noisy accuracy (1 - q)/9.

    ``frame`` has ``accuracy_noisy``, ``accuracy_clean``, ``n_noisy`` and, unless it is the
    paper's, ``accuracy_recovered``. Added: ``null``, with q = clean accuracy, all that the
    paper's table gives; ``null_exact``, with q = accuracy on the noisy images themselves against
    their true digits, which training on the clean ones does not inflate; ``excess`` and
    ``excess_exact``, noisy accuracy less these; ``error``, the standard error of a share
    ``null`` of ``n_noisy`` images. Source: ours.
    """
    frame = frame.assign(null=(1 - frame.accuracy_clean) / (DIGITS - 1))
    frame["excess"] = frame.accuracy_noisy - frame.null
    if "accuracy_recovered" in frame:
        frame["null_exact"] = (1 - frame.accuracy_recovered) / (DIGITS - 1)
        frame["excess_exact"] = frame.accuracy_noisy - frame.null_exact
    frame["error"] = np.sqrt(frame.null * (1 - frame.null) / frame.n_noisy)
    return frame


def with_null(curves: pd.DataFrame, runs: Sequence[MnistRun]) -> pd.DataFrame:
    """`against_null` of the recorded curves (`metrics.curves`) of ``runs``."""
    counts = {run.key: run.n_noisy for run in runs}
    return against_null(curves.assign(n_noisy=curves.key.map(counts)))


def table2(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of `against_null` as the paper prints them, with the null beside them, as text.

    A row per noise ratio and epoch (``epoch`` or ``step``), in their order. Behind the null stand
    the standard error of one run, and noisy accuracy less the null in these errors.
    """
    frame = frame.rename(columns={"step": "epoch"}).set_index(["noise", "epoch"])
    frame = frame.sort_index(kind="stable")
    shares = {
        "noisy": frame.accuracy_noisy, "clean": frame.accuracy_clean, "(1 − clean)/9": frame.null
    }  # fmt: skip
    text = {name: x.map("{:.2%}".format) for name, x in shares.items()}
    text["error"] = frame.error.map("{:.2%}".format)
    text["excess/error"] = (frame.excess / frame.error).map("{:+.1f}".format)
    return pd.DataFrame(text)


CHOICE = ("lr", "pixels", "init")
"""What the paper does not state of its Table 2, and `table2-choices` varies."""


def at_default(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the book's own learning rate, pixel scale and initialization."""
    own = MnistRun()
    return frame[np.logical_and.reduce([frame[name] == getattr(own, name) for name in CHOICE])]


def choices(frame: pd.DataFrame) -> pd.DataFrame:
    """Medians over seeds by noise ratio, `CHOICE` and step, as text, with the number of seeds.

    Columns: noisy accuracy, what a label-blind predictor of the same recovered accuracy scores,
    and clean accuracy, of each step. ``frame``: of `with_null`.
    """
    rows = frame.groupby(["noise", *CHOICE, "step"])
    names = {
        "accuracy_noisy": "noisy", "null_exact": "label-blind", "accuracy_clean": "clean"
    }  # fmt: skip
    table = rows[[*names]].median().rename(columns=names).map("{:.1%}".format)
    table = table.unstack("step").swaplevel(axis=1)
    steps = table.columns.levels[0]
    table = table[[(step, name) for step in steps for name in names.values()]]
    table = table.rename(columns={step: f"step {step}" for step in steps}, level=0)
    table["", "seeds"] = rows.seed.nunique().unstack("step").min(axis=1)
    return table.rename_axis(columns=[None, None])


def mean_and_error(frame: pd.DataFrame, column: str, by: Sequence[str]) -> pd.DataFrame:
    """Mean of a column over seeds and its standard error, with the columns ``by`` beside them.

    The error is s/sqrt(n) of n seeds, NaN for one.
    """
    values = frame.groupby(list(by), dropna=False)[column]
    return pd.DataFrame({"mean": values.mean(), "error": values.sem()}).reset_index()


def half_way(frame: pd.DataFrame, by: str) -> pd.DataFrame:
    """Median over seeds of the first epoch with at least 50 % clean, and noisy, accuracy, as text.

    A dash where the median seed does not get there within the recorded epochs; a missing value of
    ``by`` (no batch size) is called full.
    """
    found: dict[str, dict[str, str]] = {}
    for value, rows in frame.groupby(by, dropna=False):
        name = "full" if pd.isna(value) else f"{value:g}"
        found[name] = {}
        for role in ("clean", "noisy"):
            epochs = [
                first_step(one.step.to_numpy(), one[f"accuracy_{role}"].to_numpy(), 0.5)
                for _, one in rows.groupby("seed")
            ]
            middle = np.median(np.nan_to_num(epochs, nan=np.inf))
            found[name][f"{role} ≥ 50 %"] = f"{middle:g}" if np.isfinite(middle) else "–"
    return pd.DataFrame.from_dict(found, orient="index").rename_axis(by)
