"""When a net has learned what: one row of times and leads per run, read off its curves.

Times are the first recorded step at which a curve is at a level or above, infinite where it never
is; clean and noisy training pairs are judged by their given labels, as in the paper's section 3.2.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.arithmetic.regimes import train_accuracy
from modnoise.frames import first_step

EARLY = 0.25
"""Mean of clean and noisy accuracy at which `milestones` compares the two (ours)."""


def at_step(t: float) -> str:
    """A time of `milestones` as text.

    >>> at_step(115.0), at_step(float("inf"))
    ('at step 115', 'never')
    """
    return f"at step {t:.0f}" if np.isfinite(t) else "never"


def as_steps(frame: pd.DataFrame) -> pd.DataFrame:
    """Times of `milestones` as text: whole steps, never, a dash where there is nothing.

    Numbers of the index become short text too, 3e-05 beside 0.3.
    """
    text = frame.map(lambda t: "–" if pd.isna(t) else at_step(t).removeprefix("at step "))
    if isinstance(text.index, pd.MultiIndex):
        named = [[f"{x:g}" if isinstance(x, float) else x for x in of] for of in text.index]
        text.index = pd.MultiIndex.from_tuples(map(tuple, named), names=text.index.names)
    return text.rename_axis(columns=[None] * text.columns.nlevels)


def noise_first(found: pd.DataFrame) -> str:
    """In how many of the nets that fit their noise half of it is known before half of the rest.

    ``found``: rows of `milestones`.

    >>> noise_first(pd.DataFrame({"t50_noisy": [5.0, 9.0, np.inf], "t50_clean": [9.0, 9.0, 9.0]}))
    '1 of 2'
    """
    fit = found[np.isfinite(found.t50_noisy)]
    return f"{int((fit.t50_noisy < fit.t50_clean).sum())} of {len(fit)}"


def label_blind(recovered: pd.Series, p: int) -> pd.Series:
    """Noisy accuracy expected without knowing the wrong labels: (1 - recovered) / (p - 1).

    A wrong label is one of the p - 1 others with equal chance, so an answer that is independent of
    it is wrong about the truth with probability 1 - recovered, and then meets it once in p - 1.
    """
    return (1 - recovered) / (p - 1)


def milestones(curves: pd.DataFrame) -> pd.DataFrame:
    """One row per run (``key``): its fields, its last accuracies, and

    - ``t50_clean``, ``t50_noisy``, ``t90_noisy``: first steps at 50 % and 90 %;
    - ``best_noisy``: the highest noisy accuracy; ``half_clean``, ``half_noisy``: first steps at
      half of that (so that nets which never fit the noise have an order too);
    - ``gap``: max over steps of noisy less clean accuracy, ``gap_step`` where it is, ``excess``:
      noisy accuracy there less what a `label_blind` net would have;
    - ``lead``: noisy less clean accuracy when their mean first is `EARLY`, NaN if never;
    - ``grok``: first step with 90 % of the last test accuracy, ``t50_test``: with 50 %;
    - ``fit``: first step at which 99 % of all training labels are met, right and wrong ones;
      ``half_test``: first step with half of the last test accuracy.

    ``curves`` is `modnoise.frames.curves`; parts other than the full net are passed over. NaN
    where a role has no pairs or the net has diverged; ``lead`` and times of a diverged net are of
    the steps before that.
    """
    full = curves[curves.part == "full"].sort_values("step", kind="stable")
    return pd.DataFrame([_of_one(rows) for _, rows in full.groupby("key", sort=False)])


def _of_one(rows: pd.DataFrame) -> dict:
    step = rows.step.to_numpy()
    clean, noisy, test = (
        rows[f"accuracy_{role}"].to_numpy() for role in ("clean", "noisy", "test")
    )

    def reached(curve: np.ndarray, level: float) -> float:
        found = first_step(step, curve, level)
        return np.inf if np.isnan(found) else found

    found = rows.iloc[-1].to_dict() | {
        "t50_clean": reached(clean, 0.5),
        "t50_noisy": reached(noisy, 0.5),
        "t90_noisy": reached(noisy, 0.9),
        "t50_test": reached(test, 0.5),
        "grok": reached(test, 0.9 * test[-1]) if np.isfinite(test[-1]) else np.nan,
        "half_test": reached(test, 0.5 * test[-1]) if np.isfinite(test[-1]) else np.nan,
        "fit": reached(np.asarray(train_accuracy(clean, noisy, float(rows.noise.iloc[0]))), 0.99),
        **dict.fromkeys(
            ("best_noisy", "half_clean", "half_noisy", "gap", "gap_step", "excess", "lead"), np.nan
        ),
    }
    ahead = noisy - clean
    if not np.isfinite(ahead).any():
        return found
    best, widest = float(np.nanmax(noisy)), int(np.nanargmax(ahead))
    blind = label_blind(rows.accuracy_recovered, int(rows.p.iloc[0])).to_numpy()
    early = first_step(step, (clean + noisy) / 2, EARLY)
    return found | {
        "best_noisy": best,
        "half_clean": reached(clean, best / 2),
        "half_noisy": reached(noisy, best / 2),
        "gap": ahead[widest],
        "gap_step": step[widest],
        "excess": noisy[widest] - blind[widest],
        "lead": np.nan if np.isnan(early) else float(ahead[step == early][0]),
    }
