"""What the rules about the inside of nets share: which nets, which columns.

Rows are of the full net at the last step, with the columns of `modnoise.arithmetic.structure`. The
paper's wide nets have 1025 neurons or more for p = 113; the rules take every net with at least 8
neurons per residue, which is 1025 for p = 113 and 513 for p = 59. All rules were written before
the runs at laptop scale were seen.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from modnoise.claim import Untested

PER_RESIDUE = 8
"""Fewest neurons per residue of a wide net."""

LEVELS = 4
"""Fewest noise ratios, or widths, on which a trend can be read."""


OPS = ("op",)
WIDE = f"nets with at least {PER_RESIDUE} neurons per residue, addition and subtraction"


def full_net(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the full net."""
    rows = frame[frame.part == "full"] if "part" in frame else frame
    if rows.empty:
        raise Untested("no row of the full net")
    return rows


def wide_nets(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the full net with enough neurons."""
    rows = full_net(frame)
    wide = rows[rows.width >= PER_RESIDUE * rows.p]
    if wide.empty:
        raise Untested(f"no net with {PER_RESIDUE} neurons per residue")
    return wide


def recorded(rows: pd.DataFrame, name: str) -> pd.Series:
    """A column that every row must have."""
    if name not in rows or rows[name].isna().any():
        raise Untested(f"{name} is not recorded for every net")
    return rows[name]


def told_median(values: pd.Series, form: str = "{:.2f}") -> str:
    """The median; of several that differ, with the lowest and the highest."""
    text, low, high = (form.format(x) for x in (values.median(), values.min(), values.max()))
    return text if low == high else f"{text} ({low} to {high})"


def both_ops(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Wide nets of addition and of subtraction."""
    rows = wide_nets(frame)
    for op in ("add", "sub"):
        of = rows[rows.op == op]
        if of.empty:
            raise Untested(f"no wide net with op = {op}")
        yield op, of


def trend_along(
    rows: pd.DataFrame, along: str, values: pd.Series, form: str = "{:.2f}"
) -> tuple[str, float]:
    """Medians over seeds as text, and their Spearman correlation with a field."""
    middle = values.groupby(rows[along]).median()
    if len(middle) < LEVELS:
        raise Untested(f"{len(middle)} values of {along}: it takes {LEVELS}")
    ranks = middle.rank()
    rho = float(np.corrcoef(np.arange(len(ranks)), ranks)[0, 1]) if ranks.nunique() > 1 else 0.0
    text = ", ".join(form.format(x) for x in middle)
    at = f"{along} {middle.index[0]:g} to {middle.index[-1]:g}"
    return f"{text} at {at}, Spearman {rho:+.2f}", rho
