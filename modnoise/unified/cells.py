"""Recorded curves of the unified view as tables: a row per run, a row per cell of seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.store.records import Store, those_recorded
from modnoise.studies import EXPERIMENTS
from modnoise.unified.run import UnifiedRun
from modnoise.unified.zones import MOST, SOME, ZONES, classified

FIELDS = [*UnifiedRun.model_fields]
LAST = ("accuracy_fresh", "accuracy_noisy", "norm", "fourier_embedding", "fourier_unembedding")


def recorded(name: str, scale: str, store: Store | None = None) -> list[UnifiedRun]:
    """The runs of an experiment that a page shows beside its own: those that are recorded."""
    return those_recorded(EXPERIMENTS[name].runs(scale), scale, store)


def cells(curves: pd.DataFrame) -> pd.DataFrame:
    """A row per run: its fields and ``key``, `classified`, what else was last recorded.

    ``norm_change``: how the norm of all weights changes, as a share, between the steps at which
    10 % and 90 % of the held-out pairs are right; NaN where one of them does not come.
    ``norm_change_fresh``: the same of held-out pairs whose mirror is held out, too.
    """
    rows = []
    for key, curve in curves.groupby("key", sort=False):
        curve = curve.sort_values("step", kind="stable")
        first, last = curve.iloc[0], curve.iloc[-1]
        row = {"key": key, **{name: first[name] for name in FIELDS}, "part": "full"}
        row |= {"step": last["step"], "accuracy_clean": last["accuracy_clean"]}
        row |= classified(curve)._asdict() | {"norm_change": _norm_change(curve)}
        row |= {"norm_change_fresh": _norm_change(curve, "accuracy_fresh")}
        row |= {name: float(last[name]) if name in curve else np.nan for name in LAST}
        rows.append(row)
    return pd.DataFrame(rows)


def _norm_change(curve: pd.DataFrame, column: str = "accuracy_test") -> float:
    """(norm at 90 %) / (norm at 10 %) - 1, of the first steps with these accuracies."""
    norms = []
    for level in (SOME, MOST):
        reached = curve[curve[column] >= level]
        if reached.empty:
            return float("nan")
        norms.append(float(reached.norm.iloc[0]))
    return norms[1] / norms[0] - 1


def at_budget(curves: pd.DataFrame, steps: int) -> pd.DataFrame:
    """The row of each run at the last recorded step that is not beyond ``steps``.

    What a shorter training would have given: the learning rate does not depend on its length.
    """
    some = curves[curves.step <= steps].sort_values("step", kind="stable")
    return some.groupby("key", sort=False).tail(1)


def averages(rows: pd.DataFrame, value: str, by: list[str]) -> pd.DataFrame:
    """Mean over seeds, with the 95 % interval of the mean (1.96 standard errors) and the count."""
    found = rows.groupby(by, sort=True)[value].agg(["mean", "std", "count"]).reset_index()
    found["error"] = 1.96 * found["std"] / np.sqrt(found["count"])
    return found


def dip(sizes: np.ndarray, values: np.ndarray) -> tuple[float, int]:
    """How deep the deepest dip of a curve is, and at which size.

    max over inner sizes of min(highest value of smaller sizes, of larger sizes) - value: 0 for a
    curve that only rises or only falls.

    >>> import numpy as np
    >>> dip(np.array([4, 8, 16, 32]), np.array([0.1, 0.7, 0.2, 1.0]))
    (0.49999999999999994, 16)
    """
    order = np.argsort(sizes, kind="stable")
    sizes, values = np.asarray(sizes)[order], np.asarray(values, float)[order]
    if len(values) < 3:
        return 0.0, int(sizes[0])
    left = np.maximum.accumulate(values)[:-2]
    right = np.maximum.accumulate(values[::-1])[::-1][2:]
    depth = np.minimum(left, right) - values[1:-1]
    at = int(depth.argmax())
    return max(0.0, float(depth[at])), int(sizes[1:-1][at])


def critical_sizes(rows: pd.DataFrame, value: str = "test") -> pd.DataFrame:
    """Per model size the fewest pairs with which held-out accuracy is at least 90 % on average.

    Columns ``d_model``, ``n_critical`` (NaN where no recorded number of pairs is enough),
    ``memorizes``: whether every run of the size reaches 99.9 % of its training pairs.
    """
    found = []
    for d, some in rows.groupby("d_model"):
        mean = some.groupby("n_train")[value].mean()
        enough = mean[mean >= MOST - 1e-9]
        found.append(
            {
                "d_model": d,
                "n_critical": float(enough.index.min()) if len(enough) else np.nan,
                "memorizes": bool(some.t_memory.notna().all()),
            }
        )
    return pd.DataFrame(found)


def dips(rows: pd.DataFrame, value: str = "test") -> pd.DataFrame:
    """Per number of pairs how deep the mean over seeds dips with model size, and where."""
    found = []
    for n, some in rows.groupby("n_train"):
        mean = some.groupby("d_model")[value].mean()
        depth, at = dip(mean.index.to_numpy(), mean.to_numpy())
        found.append({"n_train": n, "depth": depth, "d_model": at})
    return pd.DataFrame(found)


def mirrored(rows: pd.DataFrame) -> pd.Series:
    """Held-out accuracy where the mirror (b, a), with the same answer, was trained on.

    From ``test``, that of all held-out pairs, and ``accuracy_fresh``, where it was not. Of the
    held-out pairs a share n_train / p^2 has its mirror among the training pairs, on average over
    the drawn pairs and but for the diagonal.
    """
    share = rows.n_train / rows.p**2
    return (rows.test - rows.accuracy_fresh * (1 - share)) / share


def one_per_zone(curves: pd.DataFrame, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A curve for each of the paper's four dynamics that is there, named with its cell.

    Of the runs of a zone one in the cell where most seeds agree; of equal ones that with the most
    training pairs, then the largest.

    Args:
        curves: recorded rows of all runs.
        rows: of the same, as `cells` gives them.
    """
    found = {}
    for zone in [*ZONES][:4]:
        some = rows[rows.zone == zone]
        if some.empty:
            continue
        agree = some.groupby(["n_train", "d_model"]).size()
        n, d = max(agree.index, key=lambda cell: (agree[cell], *cell))
        run = some[(some.n_train == n) & (some.d_model == d)].iloc[0]
        found[f"{zone}\nd = {d}, {n:,} pairs"] = curves[curves.key == run.key]
    return found


def in_cells(curves: pd.DataFrame, rows: pd.DataFrame, zone: str) -> pd.DataFrame:
    """Recorded rows of every seed of the cell in which most seeds are of one zone."""
    agree = rows[rows.zone == zone].groupby(["n_train", "d_model"]).size()
    if agree.empty:
        return curves.iloc[:0]
    n, d = max(agree.index, key=lambda cell: (agree[cell], *cell))
    return curves[(curves.n_train == n) & (curves.d_model == d)]
