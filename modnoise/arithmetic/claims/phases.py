"""Claims about angles and frequencies of neurons (paper, section 4.1, appendices D.3 and D.4)."""

from __future__ import annotations

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
from modnoise.claim import ROUNDING, Claim, Found, Untested, at_noise

CHANCE = np.pi**2 / 3
"""Phase MSE of three independent uniform angles, in rad^2."""

_RAD = "{:.3f}"


def _phases(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in both_ops(frame):
        some = rows[rows.noise <= 0.3 + ROUNDING]
        for noise in sorted({0.1, 0.3, *some.noise}):
            here = recorded(at_noise(some, noise), "phase_mse_weighted")
            plain = recorded(at_noise(some, noise), "phase_mse")
            text = f"{told_median(here, _RAD)} rad² weighted, {told_median(plain, _RAD)} plain"
            found.append((f"{op}, noise {noise:g}", text, bool(here.median() <= CHANCE / 10)))
    return found


def _phases_noise(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in both_ops(frame):
        for name in ("phase_mse", "phase_mse_weighted"):
            text, rho = trend_along(rows, "noise", recorded(rows, name), _RAD)
            kind = "weighted" if name.endswith("weighted") else "plain"
            found.append((f"{op}, {kind}, rad²", text, rho >= 0.9 - ROUNDING))
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
    found, rows = [], full_net(frame)
    for noise, here in rows[rows.op == "add"].groupby("noise"):
        if here.width.nunique() > 1:
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
        "After FF the angles of each neuron add up: angle_u ± angle_v = angle_w",
        "paper, section 4.1 and D.3, Figs. 4(c), 26, 27",
        f"{WIDE}: at noise 0.1, 0.3 and every other recorded ratio up to 0.3, the Phase MSE "
        "weighted by |ŵ| at the dominant frequency is at most a tenth of chance, π²/30 = 0.33",
        _phases,
        over=OPS,
        headline="add, noise 0.3",
        widest=1025,
    ),
    Claim(
        "D3-noise",
        "The more noise, the larger the Phase MSE",
        "paper, appendix D.3, Fig. 28",
        f"{WIDE}: Spearman correlation of the Phase MSE, plain and weighted, with the recorded "
        f"noise ratios, at least {LEVELS} of them, is 0.9 or more",
        _phases_noise,
        over=OPS,
        under="R4.1-phase",
        widest=1025,
    ),
    Claim(
        "CONTROL-phase",
        "The angles of an untrained net are unrelated",
        "ours",
        "before the first step the Phase MSE, plain and weighted, is within 15 % of chance, "
        "π²/3, and the coherence between -0.1 and 0.1",
        _phases_untrained,
    ),
    Claim(
        "COHERENCE",
        "The angles add up also at frequencies that FF throws away",
        "ours",
        f"{WIDE}: at every recorded noise ratio the coherence over all frequencies but each "
        "neuron's dominant one is 0.2 or more (1 is exact, 0 unrelated)",
        _elsewhere,
        over=OPS,
    ),
    Claim(
        "D4",
        "After FF every frequency is held by some neuron, and the wider the net, the more evenly "
        "its filtered output matrix spreads over them",
        "paper, appendix D.4, Figs. 29 and 30",
        f"{WIDE}: at every recorded noise ratio, in every net, all frequencies 1 to p // 2 are "
        "some neuron's dominant one; addition, at every noise ratio recorded at several widths: "
        f"the Spearman correlation with the width, over at least {LEVELS} widths, of the "
        "coefficient of variation of the row norms is -0.9 or less",
        _spreads,
        over=(*OPS, "width"),
        widest=1025,
    ),
)
