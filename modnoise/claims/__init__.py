"""Claims of the paper as rules on recorded numbers; a verdict is a value that prints itself.

The claims are the paper's, in our words; every threshold is ours, fixed before the runs. With
several seeds a rule is applied to the median over seeds, and the lowest and highest are reported
beside it. A refuted claim is a result and raises nothing. Rules take frames: rows with ``part``
(`modnoise.fourier.parts`), ``accuracy_<role>`` and the fields of their runs, at the last step
unless said otherwise. numpy and pandas only.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from modnoise.claims.base import (
    SETTING,
    STATES,
    TESTED_SCALES,
    VERDICT,
    Claim,
    Untested,
    Verdict,
)
from modnoise.claims.controls import CONTROLS
from modnoise.claims.descent import DESCENT
from modnoise.claims.dynamics import DYNAMICS
from modnoise.claims.filtration import FILTRATION
from modnoise.claims.inside import INSIDE
from modnoise.claims.mnist import MNIST
from modnoise.claims.transformer import TRANSFORMER

__all__ = ["CLAIMS", "STATES", "TESTED_SCALES", "VERDICT", "Claim", "Verdict", "check"]

CLAIMS: Mapping[str, Claim] = {
    claim.id: claim
    for claim in (*CONTROLS, *DESCENT, *DYNAMICS, *FILTRATION, *INSIDE, *MNIST, *TRANSFORMER)
}
"""All claims by id."""


def _setting(frame: pd.DataFrame) -> str:
    """What all rows have in common, and how many seeds they are from."""
    labels = {"op": "", "p": "p = ", "act": "", "width": "M = ", "noise": "noise = "}
    labels |= {"source": "MNIST ", "steps": "steps = ", "seed": "seed "}
    shared = [name for name in labels if name in frame and frame[name].nunique() == 1]
    parts = [f"{labels[name]}{frame[name].iloc[0]}" for name in shared]
    if "seed" in frame and "seed" not in shared:
        parts.append(f"median (lowest to highest) of {frame.seed.nunique()} seeds")
    return "; ".join(parts)


def check(claim_id: str, frame: pd.DataFrame, *, scale: str) -> Verdict:
    """Apply a claim's rule to recorded numbers.

    Returns "not tested" below ``TESTED_SCALES`` or when runs or parts are missing, never an error
    because a claim fails.

    Raises:
        ValueError: a claim that is not in `CLAIMS`; rows of several settings, which no median
            over seeds may mix.
    """
    if claim_id not in CLAIMS:
        raise ValueError(f"claim {claim_id!r} is not known: it must be one of {list(CLAIMS)}")
    claim = CLAIMS[claim_id]
    for name in (*SETTING, claim.same):
        if name in claim.over:
            continue
        if name in frame and frame[name].nunique() > 1:
            mixed = f"{name} = {frame[name].min()} and {frame[name].max()} in one frame"
            raise ValueError(f"{mixed} is not allowed: {claim_id} needs one {name}")
    try:
        for name, value in claim.needs.items():
            if name in frame and (frame[name] != value).any():
                raise Untested(f"{name} = {frame[name].iloc[0]}, the claim is about {value}")
        found = claim.apply(frame)
        holding = sum(holds for *_, holds in found)
        state = "confirmed" if holding >= claim.share * len(found) - 1e-9 else "refuted"
        measured = tuple(
            f"{name}: {text} ({'holds' if holds else 'fails'})" for name, text, holds in found
        )
    except Untested as missing:
        state, measured = "not tested", missing.args
    if scale not in TESTED_SCALES:
        state = "not tested"
        measured = (f"{scale} scale is too small to tell", *measured)
    runs = tuple(sorted(frame.key.unique())) if "key" in frame else ()
    return Verdict(claim, state, measured, scale, _setting(frame), runs)
