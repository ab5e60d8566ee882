"""What the rules about training curves share.

Unless a rule says otherwise, rows are `modnoise.arithmetic.timing.milestones`: one per run, with
the first recorded steps at which noisy and clean training accuracy are at 50 % or 90 % (infinite:
never), at half of the highest noisy accuracy, and with the widest gap between the two. Times and
gaps are medians over seeds. "Where the noise is fit" is where the median noisy accuracy reaches
50 % within the recorded steps. All rules were written before the runs at laptop scale were seen.
Two things came after: rules are read per weight decay where several were run; and R3.2-i
correlates over the widths that get there alone, because with four of six widths tied at "never" no
order of the other two could reach −0.9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from modnoise.claim import Untested

OPTIMIZERS = ("adamw", "adam", "muon")
_MEASURED = ("t50_clean", "t50_noisy", "t90_noisy", "best_noisy", "gap", "excess")
TITLES = {"adamw": "AdamW", "adam": "Adam", "muon": "Muon", "sgd": "SGD"}
NETS = ("optimizer", "weight_decay", "lr", "beta2", "width")

FIRST = 200
"""First steps that the paper's figures of section 3.2 show."""

WIDEST = 513
"""The paper's nets go up to 4097; without this width they cannot refute what it says of them."""


def medians(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Medians over seeds of the runs with noise, ``by`` ascending."""
    if frame.empty or "best_noisy" not in frame:
        raise Untested("no milestones of any run")
    rows = frame[frame.noise > 0]
    if diverged := int(rows.best_noisy.isna().sum()):
        raise Untested(f"{diverged} of {len(rows)} nets have diverged")
    return rows.groupby(list(by))[list(_MEASURED)].median()


def where_fit(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Per optimizer and weight decay, medians over seeds where noise is fit, by (width, noise).

    Raises `Untested` where one of the three optimizers is missing, or fits no noise.
    """
    middle = medians(frame, ("optimizer", "weight_decay", "width", "noise"))
    middle = middle[np.isfinite(middle.t50_noisy)]
    fitting = middle.index.get_level_values("optimizer")
    if missing := [TITLES[x] for x in OPTIMIZERS if x not in fitting]:
        raise Untested(f"no noise is fit with {', '.join(missing)} in the recorded steps")
    for (optimizer, decay), rows in middle.groupby(level=[0, 1]):
        yield f"{TITLES[optimizer]}, decay {decay:g}", rows.droplevel([0, 1])


def not_at(failing: pd.DataFrame, text: Callable[[pd.Series], str]) -> str:
    """The settings in which a rule fails, at most three of them spelled out."""
    told = [f"M = {m}, noise {noise:g} ({text(row)})" for (m, noise), row in failing.iterrows()]
    more = f" and {len(told) - 3} more" if len(told) > 3 else ""
    return f"; not at {', '.join(told[:3])}{more}" if told else ""


def told_step(t: float) -> str:
    """A step; infinite is never."""
    return f"{t:.0f}" if np.isfinite(t) else "never"


def in_points(share: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{100 * share:+.1f}"


def spearman(x: pd.Series, y: pd.Series) -> float:
    """Rank correlation, ties sharing their mean rank; NaN if all of one are equal.

    >>> spearman(pd.Series([17, 129, 513, 2049]), pd.Series([60.0, 60.0, 40.0, 20.0]))
    -0.948...
    """
    return float(x.rank().corr(y.rank()))


def told_range(values: pd.Series) -> str:
    """The lowest and the highest, or the one that all are; to a hundredth.

    >>> told_range(pd.Series([-1.0, -0.953])), told_range(pd.Series([0.5, 0.5]))
    ('-1.00 to -0.95', '0.50')
    """
    low, high = f"{values.min():.2f}", f"{values.max():.2f}"
    return low if low == high else f"{low} to {high}"
