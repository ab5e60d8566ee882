"""Claims about ranked neurons and what they are worth (paper, section 5, appendix E)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.wide import (
    OPS,
    PER_RESIDUE,
    WIDE,
    both_ops,
    recorded,
    told_median,
    trend_along,
    wide_nets,
)
from modnoise.claim import ROUNDING, Claim, Found, Untested, at_noise

RANKINGS = {"strength": "Str.", "ipr": "IPR"}


def _correlated(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in both_ops(frame):
        for noise in (0.1, 0.3, 0.5):
            rho = recorded(at_noise(rows, noise), "ipr_strength")
            found.append((f"{op}, noise {noise:g}", told_median(rho), bool(rho.median() >= 0.6)))
        text, rho = trend_along(rows, "noise", recorded(rows, "periodic"), "{:.0f}")
        found.append((f"{op}, neurons with IPR above 0.5", text, rho <= -0.9 + ROUNDING))
    return found


def _disjoint(frame: pd.DataFrame) -> Found:
    found = []
    for width, rows in wide_nets(frame).groupby("width"):
        noisy = rows[rows.noise > 0]
        if noisy.empty:
            raise Untested(f"no net with noise at M = {width}")
        for score, name in RANKINGS.items():
            for noise, here in noisy.groupby("noise"):
                g, r, r99 = (
                    recorded(here, f"{score}_gamma_{key}") for key in ("g", "r", "r99")
                )  # fmt: skip
                text = f"γ_G {told_median(g)} + γ_R {told_median(r)} = {told_median(g + r)}"
                text += f", with 99 % of the noise {told_median(g + r99)}"
                holds = bool((g + r).median() <= 1 + ROUNDING)
                found.append((f"{name}, M = {width}, noise {noise:g}", text, holds))
            text, rho = trend_along(rows, "noise", recorded(rows, f"{score}_gamma_g"))
            found.append((f"{name}, M = {width}, γ_G falls", text, rho <= -0.9 + ROUNDING))
    return found


def _points(values: pd.Series) -> str:
    return told_median(100 * values, "{:+.1f}")


def _selects(frame: pd.DataFrame) -> Found:
    found = []
    for op, rows in both_ops(frame):
        for noise in sorted({0.3, 0.5, *rows.noise}):
            here = at_noise(rows, noise)
            full, ff = recorded(here, "accuracy_test"), recorded(here, "ff")
            random = recorded(here, "random_test") - full
            for score, name in RANKINGS.items():
                kept = recorded(here, f"{score}_test") - full
                after = ff - recorded(here, f"{score}_ff")
                holds = kept.median() >= -ROUNDING and after.median() >= -ROUNDING
                if noise >= 0.3 - ROUNDING:
                    half = (ff - full).median() / 2
                    holds &= kept.median() <= half + ROUNDING
                    holds &= kept.median() > random.median()
                text = f"D1 {_points(kept)}, D2 {_points(ff - full)}, D3 {_points(after)} points"
                text += f"; random order {_points(random)}"
                found.append((f"{op}, {name}, noise {noise:g}", text, bool(holds)))
    return found


def _multiplies(frame: pd.DataFrame) -> Found:
    rows = wide_nets(frame)
    rows = rows[rows.noise > 0]
    if rows.noise.nunique() < 3:
        raise Untested(f"{rows.noise.nunique()} noise ratios above 0: it takes 3")
    found = []
    for noise, here in rows.groupby("noise"):
        full = recorded(here, "accuracy_test")
        by = {score: recorded(here, f"{score}_test") - full for score in RANKINGS}
        text = ", ".join(f"{RANKINGS[score]} {_points(x)}" for score, x in by.items())
        text += f", random order {_points(recorded(here, 'random_test') - full)} points"
        ahead = (by["strength"] - by["ipr"]).median()
        found.append((f"noise {noise:g}", text, bool(ahead >= 0.02 - ROUNDING)))
    return found


def _logarithm(frame: pd.DataFrame) -> Found:
    rows = wide_nets(frame)
    rows = rows[rows.noise > 0]
    at_noise(rows, 0.3)
    found = []
    for noise, here in rows.groupby("noise"):
        log, plain, full = (
            recorded(here, name) for name in ("ipr_log_test", "ipr_test", "accuracy_test")
        )
        least = 0.1 if np.isclose(noise, 0.3) else 0.0
        text = f"{_points(log - full)} over the logarithm, {_points(plain - full)} points plain"
        holds = bool((log - plain).median() >= least - ROUNDING)
        found.append((f"noise {noise:g}", text, holds))
    return found


CLAIMS = (
    Claim(
        "R5.1",
        "Strong neurons are periodic ones, and noise leaves fewer of them",
        "paper, Result 5.1, Fig. 6 left",
        f"{WIDE}: Spearman correlation of IPR and Str. over neurons 0.6 or more at noise 0.1, "
        "0.3, 0.5; that of the number of neurons with IPR above 0.5 with the recorded noise "
        "ratios -0.9 or less",
        _correlated,
        over=OPS,
        widest=1025,
    ),
    Claim(
        "R5.2",
        "In wide nets the neurons that generalize and those that memorize do not overlap",
        "paper, Result 5.2, Fig. 6 right",
        f"addition, every recorded width of at least {PER_RESIDUE} neurons per residue, ranked "
        "by Str. and by IPR: γ_G + γ_R at most 1 at every noise ratio above 0; Spearman "
        "correlation of γ_G with the noise ratios -0.9 or less",
        _disjoint,
        needs={"op": "add"},
        over=("width",),
        widest=2049,
    ),
    Claim(
        "R5.3",
        "Keeping the best neurons helps, but far less than FF, and FF needs the others too",
        "paper, Result 5.3, Fig. 7",
        f"{WIDE}, ranked by Str. and by IPR, at every recorded noise ratio: D1 = test(f^G) − "
        "test(f) ≥ 0 and D3 = test(FF(f)) − test(FF(f^G)) ≥ 0; from noise 0.3 on, D1 at most "
        "half of D2 = test(FF(f)) − test(f) and above what neurons in random order gain",
        _selects,
        over=OPS,
        headline="add, IPR, noise 0.5",
        widest=1025,
    ),
    Claim(
        "E1-multiplication",
        "For multiplication the strength finds the neurons that IPR misses",
        "paper, appendix E, Figs. 31 and 32",
        "multiplication, nets with at least "
        f"{PER_RESIDUE} neurons per residue: the test accuracy gained by Str. is 2 points or "
        "more above that by IPR at more than half of the noise ratios above 0, at least 3",
        _multiplies,
        needs={"op": "mul"},
        share=0.51,
        widest=1025,
    ),
    Claim(
        "E1-logarithm",
        "Over the discrete logarithm IPR finds the neurons that multiply",
        "ours",
        "multiplication, nets with at least "
        f"{PER_RESIDUE} neurons per residue: keeping the best neurons by IPR over the logarithm "
        "gives at least 10 points more test accuracy than by IPR over the residues at noise 0.3, "
        "and no less at the other recorded ratios above 0",
        _logarithm,
        needs={"op": "mul"},
    ),
)
