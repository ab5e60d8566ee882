"""Claims about angles and frequencies of neurons (paper, section 4.1, appendices D.3 and D.4)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.wide import (
    LEVELS,
    OPS,
    WIDE,
    both_ops,
    full_net,
    recorded,
    told_median,
    trend_along,
)
from modnoise.claim import ROUNDING, Claim, Found, Untested

CHANCE = np.pi**2 / 3
"""Phase MSE of three independent uniform angles, in rad^2."""

_RAD = "{:.3f}"


def _phases(frame: pd.DataFrame, *, low: float = 0.1, high: float = 0.5) -> Found:
    """``low``, ``high``: shares of chance, at noise up to 0.3 and above."""
    found: Found = []
    for op, rows in both_ops(frame):
        for noise, some in rows[rows.noise > 0].groupby("noise"):
            here = some[some.width == some.width.max()]
            weighted, plain = recorded(here, "phase_mse_weighted"), recorded(here, "phase_mse")
            text = f"{told_median(weighted, _RAD)} rad² weighted, {told_median(plain, _RAD)} plain"
            bound = low if noise <= 0.3 + ROUNDING else high
            holds = bool(weighted.median() <= bound * CHANCE)
            found.append((f"{op}, noise {noise:g}", f"{text}, M = {here.width.iloc[0]}", holds))
    return found


def _phases_noise(frame: pd.DataFrame) -> Found:
    found: Found = []
    for op, rows in both_ops(frame):
        values = recorded(rows, "phase_mse_weighted").groupby(rows.noise)
        spread = values.max() - values.min()
        middle = values.median()
        if len(middle) < 2:
            found.append((op, "one noise ratio only", None))
        for (one, a), (other, b) in pairwise(middle.items()):
            within = abs(b - a) <= max(spread[one], spread[other])
            text = f"{_RAD.format(a)} to {_RAD.format(b)} rad²"
            text += ", within the spread over seeds" if within and b <= a else ""
            found.append((f"{op}, noise {one:g} to {other:g}", text, bool(b > a or within)))
    return found


def _phases_untrained(frame: pd.DataFrame) -> Found:
    rows = full_net(frame)
    if (rows.step > 0).any():
        raise Untested("not untrained: rows of later steps than 0")
    found = []
    for name in ("phase_mse", "phase_mse_weighted"):
        here = recorded(rows, name)
        holds = bool(abs(here.median() - CHANCE) <= 0.15 * CHANCE)
        found.append((name.replace("_", " "), f"{told_median(here, _RAD)} rad²", holds))
    coherence = recorded(rows, "coherence")
    found.append(("coherence", told_median(coherence), bool(abs(coherence.median()) <= 0.1)))
    return found


def _elsewhere(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in both_ops(frame):
        for noise, here in rows.groupby("noise"):
            other = recorded(here, "coherence_other")
            text = f"{told_median(other)} elsewhere, "
            text += (
                f"{told_median(recorded(here, 'coherence_dominant'))} at the dominant frequency"
            )
            found.append((f"{op}, noise {noise:g}", text, bool(other.median() >= 0.2)))
    return found


def _covered(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in both_ops(frame):
        for noise, here in rows.groupby("noise"):
            share = recorded(here, "covered")
            text = f"{told_median(100 * share, '{:.1f}')} % of the frequencies"
            found.append((f"{op}, noise {noise:g}", text, bool(share.min() >= 1 - ROUNDING)))
    return found


def _uniform(frame: pd.DataFrame) -> Found:
    found: Found = []
    rows = full_net(frame)
    for noise, here in rows[rows.op == "add"].groupby("noise"):
        if 1 < (count := here.width.nunique()) < LEVELS:
            found.append(
                (f"row norms, noise {noise:g}", f"{count} widths: it takes {LEVELS}", None)
            )
        elif count > 1:
            text, rho = trend_along(here, "width", recorded(here, "norm_cv"))
            found.append((f"row norms, noise {noise:g}", text, rho <= -0.9 + ROUNDING))
    if not found:
        raise Untested("no noise ratio with a ladder of widths")
    return found


def _spreads(frame: pd.DataFrame) -> Found:
    return _covered(frame) + _uniform(frame)


CLAIMS = (
    Claim(
        "R4.1-phase",
        "After FF the angles of each neuron add up: θ_u ± θ_v = θ_w",
        "paper, section 4.1 and D.3, Figs. 4(c), 26, 27",
        f"{WIDE}, the widest of each operation and noise ratio: the Phase MSE weighted by |ŵ| at "
        "the dominant frequency is at most a tenth of chance, π²/30 = 0.33, at noise up to 0.3, "
        "and at most half of chance above",
        _phases,
        over=(*OPS, "width"),
        default="add, noise 0.3",
        headline=True,
        widest=1025,
    ),
    Claim(
        "D3-noise",
        "The angles fit less well with more noise: the Phase MSE grows",
        "paper, appendix D.3, Fig. 28",
        f"{WIDE}: from each recorded noise ratio to the next the median of the weighted Phase MSE "
        "rises, or differs by no more than the range over seeds; in three quarters of the steps",
        _phases_noise,
        word="typically",
        over=OPS,
        under="R4.1-phase",
        widest=1025,
    ),
    Claim(
        "CONTROL-phase",
        "The angles of an untrained network are unrelated",
        "ours",
        "before the first step the Phase MSE, plain and weighted, is within 15 % of chance, "
        "π²/3, and the coherence between -0.1 and 0.1",
        _phases_untrained,
    ),
    Claim(
        "COHERENCE",
        "The angles also add up at the frequencies that FF removes",
        "ours",
        f"{WIDE}: at every recorded noise ratio the coherence over all frequencies but each "
        "neuron's dominant one is 0.2 or more (1 is exact, 0 unrelated)",
        _elsewhere,
        over=OPS,
    ),
    Claim(
        "D4",
        "After FF every frequency is the dominant one of some neuron, and wider networks use the "
        "frequencies more evenly",
        "paper, appendix D.4, Figs. 29 and 30",
        f"{WIDE}: at every recorded noise ratio, in every network, all frequencies 1 to p // 2 "
        "are some neuron's dominant one; addition, at every noise ratio recorded at several "
        f"widths: the Spearman correlation with the width, over at least {LEVELS} widths, of the "
        "coefficient of variation of the row norms is -0.9 or less",
        _spreads,
        over=(*OPS, "width"),
        widest=1025,
    ),
)
