"""Claims about why noise comes first: pairs that collide (after the follow-up).

Rows are milestones with ``lead``, noisy less clean accuracy when their mean first is 25 %, or, for
one step, numbers of pairs by role and collisions (`learned_by_collisions`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.milestones import in_points, spearman
from modnoise.claim import ROUNDING, Claim, Found, Untested


def _leads(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    if frame.empty or "lead" not in frame:
        raise Untested("no milestones of any run")
    if missing := int(frame.lead.isna().sum()):
        reason = "never have clean and noisy accuracy at 25 % on average"
        raise Untested(f"{missing} of {len(frame)} nets {reason}")
    return frame.groupby(list(by)).median(numeric_only=True)


def _bijective(frame: pd.DataFrame) -> Found:
    lead, found = _leads(frame, ("noise",)).lead, []
    if not ((lead.index < 0.5).any() and (lead.index > 0.5).any()):
        raise Untested("it takes noise ratios below and above 0.5")
    for noise, x in lead.items():
        if not np.isclose(noise, 0.5):
            text = f"noisy {in_points(x)} points ahead of clean"
            ahead = x if noise < 0.5 else -x
            found.append((f"noise {noise:g}", text, bool(ahead >= 0.02 - ROUNDING)))
    return found


def _random(frame: pd.DataFrame) -> Found:
    lead = _leads(frame, ("noise",)).lead
    if len(lead) < 3:
        raise Untested("fewer than three noise ratios")
    low = lead[lead.index <= 0.3 + ROUNDING]
    if low.empty:
        raise Untested("no noise ratio up to 0.3")
    text = ", ".join(f"{in_points(x)} at noise {noise:g}" for noise, x in lead.items())
    falls, ahead = bool((np.diff(lead) < 0).all()), bool(low.min() >= 0.02 - ROUNDING)
    return [
        ("lead falls with noise", f"points {text}", falls),
        ("lead at noise up to 0.3", f"at least {in_points(low.min())} points", ahead),
    ]


def _counted(frame: pd.DataFrame) -> Found:
    if "collisions_noisy" not in frame:
        raise Untested("no counted collisions beside the runs")
    middle = _leads(frame, ("noise_kind", "noise"))
    if len(middle) < 6 or frame.noise_kind.nunique() < 2:
        raise Untested("fewer than six settings of two kinds of noise")
    more = middle.collisions_noisy - middle.collisions_clean
    rho = spearman(more, middle.lead)
    text = f"Spearman {rho:.2f} over {len(middle)} settings, collisions from "
    text += f"{more.min():+.2f} to {more.max():+.2f}"
    return [("lead against collisions", text, rho >= 0.9 - ROUNDING)]


def _within(frame: pd.DataFrame) -> Found:
    least, found = 50, []
    if frame.empty or "collisions" not in frame:
        raise Untested("no pairs with their collisions")
    for role in ("clean", "noisy"):
        rows = frame[frame.role == role]
        few, many = rows[rows.collisions == 0], rows[rows.collisions >= 2]
        if min(few.pairs.sum(), many.pairs.sum()) < least:
            raise Untested(f"fewer than {least} {role} pairs with no collision, or with two")
        without, known = (x.right.sum() / x.pairs.sum() for x in (few, many))
        text = f"{100 * known:.1f} % known with two collisions or more, {100 * without:.1f} % "
        text += "with none"
        found.append((f"{role} pairs", text, bool(known - without >= 0.05 - ROUNDING)))
    return found


def _equal(frame: pd.DataFrame) -> Found:
    least, found = 50, []
    if frame.empty or "collisions" not in frame:
        raise Untested("no pairs with their collisions")
    if missing := [role for role in ("clean", "noisy") if not (frame.role == role).any()]:
        raise Untested(f"no {missing[0]} pairs")
    both = frame.groupby("role")[["right", "pairs"]].sum()
    lead = float(
        both.right["noisy"] / both.pairs["noisy"] - both.right["clean"] / both.pairs["clean"]
    )
    if lead < 0.05 - ROUNDING:
        raise Untested(
            f"noisy pairs are {in_points(lead)} points ahead: there is nothing to explain"
        )
    for count, rows in frame.groupby("collisions"):
        here = rows.groupby("role")[["right", "pairs"]].sum()
        if len(here) < 2 or here.pairs.min() < least:
            continue
        known = here.right / here.pairs
        rest = float(known["noisy"] - known["clean"])
        text = f"noisy {100 * known['noisy']:.1f} %, clean {100 * known['clean']:.1f} %, "
        text += f"{in_points(rest)} points; {in_points(lead)} over all pairs"
        found.append((f"{count} collisions", text, bool(abs(rest) <= lead / 3 + ROUNDING)))
    if not found:
        raise Untested(f"no number of collisions with {least} pairs of each role")
    return found


CLAIMS = (
    Claim(
        "COLLISIONS-random",
        "The lead of random wrong labels shrinks as their share grows, as do their collisions",
        "follow-up (arXiv 2610.11833)",
        "noisy less clean accuracy, when their mean first is 25 %, falls from each noise ratio to "
        "the next and is at least 2 points at noise up to 0.3",
        _random,
        needs={"noise_kind": "wrong"},
    ),
    Claim(
        "COLLISIONS-bijective",
        "Wrong labels that do not collide with one another come first only while they are a "
        "minority",
        "follow-up (arXiv 2610.11833)",
        "noisy less clean accuracy, when their mean first is 25 %, is at least 2 points at noise "
        "below 0.5 and at most −2 points above 0.5",
        _bijective,
        needs={"noise_kind": "bijective"},
    ),
    Claim(
        "COLLISIONS-order",
        "The labels with more collisions are learned first",
        "ours, after the follow-up",
        "Spearman's correlation of the lead (as in COLLISIONS-random) and the collisions that a "
        "noisy pair has more than a clean one is at least 0.9 over both kinds of noise",
        _counted,
        over=("noise_kind",),
    ),
    Claim(
        "COLLISIONS-within",
        "Among clean pairs, and among noisy pairs, those with more collisions are learned first",
        "ours, after the follow-up",
        "networks at one step: accuracy on training pairs with two collisions or more is at least "
        "5 points higher than on those with none, among the clean and among the noisy pairs",
        _within,
    ),
    Claim(
        "COLLISIONS-equal",
        "Clean and noisy pairs with the same number of collisions are learned equally fast",
        "ours, after the follow-up",
        "networks at one step, noisy pairs at least 5 points ahead: at each number of collisions "
        "with 50 pairs of each role, noisy less clean accuracy is at most a third of that lead in "
        "size",
        _equal,
    ),
)
