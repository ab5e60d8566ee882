"""Claims about ranked neurons and what they are worth (paper, section 5, appendix E)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.wide import (
    OPS,
    PER_RESIDUE,
    WIDE,
    recorded,
    told_median,
    wide_nets,
)
from modnoise.claim import ROUNDING, Claim, Found, Untested, at_noise, chance

RANKINGS = {"strength": "Str.", "ipr": "IPR"}
FEW = 5
"""Fewest neurons with a peaked spectrum of which it can be asked whether they are strong."""
CEILING = 0.95
"""Test accuracy of the full network above which nothing is left to gain (ours)."""


def _points(values: pd.Series) -> str:
    return told_median(100 * values, "{:+.1f}")


def _at_noise(frame: pd.DataFrame) -> Iterator[tuple[str, float, pd.DataFrame]]:
    """The widest wide networks of each recorded operation and noise ratio above 0."""
    rows = wide_nets(frame)
    for (op, noise), here in rows[rows.noise > 0].groupby(["op", "noise"]):
        yield f"{op}, noise {noise:g}", float(noise), here[here.width == here.width.max()]


def _cannot_gain(here: pd.DataFrame, least: float) -> str:
    """Why a selection of neurons cannot tell; empty if it can."""
    full = float(recorded(here, "accuracy_test").median())
    if full <= least:
        return f"the full network is near chance, {100 * full:.1f} %"
    if full >= CEILING:
        return f"nothing is left to gain: the full network has {100 * full:.1f} %"
    return ""


def _correlated(frame: pd.DataFrame, *, overlap: float = 0.2) -> Found:
    """``overlap``: 1 less the AUC of Str. for IPR above one half."""
    found: Found = []
    for name, _, here in _at_noise(frame):
        rho = f"Spearman {told_median(recorded(here, 'ipr_strength'))} over all neurons"
        few = recorded(here, "periodic").median()
        if few < FEW:
            found.append((name, f"{few:.0f} neurons with IPR above one half, {rho}", None))
        elif "ipr_auc" not in here or here.ipr_auc.isna().all():
            found.append((name, f"the weights are not recorded; {rho}", None))
        else:
            auc = here.ipr_auc.dropna()
            holds = bool(auc.median() >= 1 - overlap - ROUNDING)
            found.append((name, f"AUC {told_median(auc, '{:.3f}')}; {rho}", holds))
    return found


def _fewer(frame: pd.DataFrame) -> Found:
    found: Found = []
    columns = {"periodic": "neurons with IPR above one half", "strong": "neurons of high Str."}
    for op, rows in wide_nets(frame).groupby("op"):
        rows = rows[rows.width == rows.width.max()]
        for column, what in columns.items():
            name = f"{op}, {what}"
            if column not in rows or rows[column].isna().all():
                found.append((name, "not recorded", None))
                continue
            middle = rows.dropna(subset=column).groupby("noise")[column].median()
            if len(middle) < 2:
                found.append((name, "one noise ratio only", None))
                continue
            text = ", ".join(f"{x:.0f} at noise {noise:g}" for noise, x in middle.items())
            falls = bool((np.diff(middle) <= 0).all() and middle.iloc[-1] < middle.iloc[0])
            found.append((name, text, falls))
    return found


SUFFICIENT = 2049
"""Least width that is wide enough for Result 5.2 (ours; the paper says "sufficiently large")."""


def _disjoint(frame: pd.DataFrame, *, total: float = 1.0) -> Found:
    found: Found = []
    for name, _, here in _at_noise(frame):
        if why := _cannot_tell_shares(here):
            found += [(f"{name}, {ranking}", why, None) for ranking in RANKINGS.values()]
            continue
        random = recorded(here, "random_gamma_g") + recorded(here, "random_gamma_r")
        for score, ranking in RANKINGS.items():
            g, r, r99 = (recorded(here, f"{score}_gamma_{key}") for key in ("g", "r", "r99"))
            text = f"γ_G {told_median(g)} + γ_R {told_median(r)} = {told_median(g + r)}"
            text += f", with 99 % of the noise {told_median(g + r99)}; in random order "
            text += f"{told_median(random)}; M = {here.width.iloc[0]}"
            below = (g + r).median() < random.median()
            holds = bool((g + r).median() <= total + ROUNDING and below)
            found.append((f"{name}, {ranking}", text, holds))
    return found


def _cannot_tell_shares(here: pd.DataFrame) -> str:
    if (width := int(here.width.iloc[0])) < SUFFICIENT:
        return f"M = {width} is the widest recorded, and the claim is about M ≥ {SUFFICIENT}"
    full = float(recorded(here, "accuracy_test").median())
    if full <= 3 * chance(here):
        return f"the full network is at chance, {100 * full:.1f} %"
    return ""


def _falls(frame: pd.DataFrame) -> Found:
    found: Found = []
    for op, rows in wide_nets(frame).groupby("op"):
        rows = rows[rows.noise > 0]
        several = rows.groupby("width").noise.transform("nunique") > 1
        rows = rows[several & (rows.width == rows.width[several].max())]
        for score, ranking in RANKINGS.items():
            middle = recorded(rows, f"{score}_gamma_g").groupby(rows.noise).median()
            for (one, a), (other, b) in itertools.pairwise(middle.items()):
                name = f"{op}, {ranking}, noise {one:g} to {other:g}"
                found.append((name, f"γ_G {a:.2f} to {b:.2f}", bool(b < a)))
    if not found:
        raise Untested("no two noise ratios of one width")
    return found


def _selects(frame: pd.DataFrame, *, behind: float = 0.05) -> Found:
    """``behind``: by how much the best selection must stay behind FF of the full network."""
    found: Found = []
    for name, _, here in _at_noise(frame):
        why = _cannot_gain(here, 3 * chance(frame))
        full, ff = recorded(here, "accuracy_test"), recorded(here, "ff")
        for score, ranking in RANKINGS.items():
            kept, after = recorded(here, f"{score}_test"), recorded(here, f"{score}_ff")
            text = f"D1 {_points(kept - full)}, D2 {_points(ff - full)}, "
            text += f"D3 {_points(ff - after)} points; "
            text += f"random order {_points(recorded(here, 'random_test') - full)}"
            if why:
                found.append((f"{name}, {ranking}", f"{why}; {text}", None))
                continue
            holds = (ff - kept).median() >= behind - ROUNDING
            holds &= (ff - after).median() >= -ROUNDING
            found.append((f"{name}, {ranking}", text, bool(holds)))
    return found


def _helps(frame: pd.DataFrame, *, gain: float = 0.02) -> Found:
    found: Found = []
    for name, _, here in _at_noise(frame):
        if why := _cannot_gain(here, 3 * chance(frame)):
            found += [(f"{name}, {ranking}", why, None) for ranking in RANKINGS.values()]
            continue
        full = recorded(here, "accuracy_test")
        random = recorded(here, "random_test") - full
        for score, ranking in RANKINGS.items():
            kept = recorded(here, f"{score}_test") - full
            text = f"{_points(kept)} points, random order {_points(random)}"
            holds = kept.median() >= gain - ROUNDING and kept.median() > random.median()
            found.append((f"{name}, {ranking}", text, bool(holds)))
    return found


def _comparable(frame: pd.DataFrame, *, apart: float = 0.05) -> Found:
    found: Found = []
    for name, _, here in _at_noise(frame[frame.op != "mul"]):
        if why := _cannot_gain(here, 3 * chance(frame)):
            found.append((name, why, None))
            continue
        full = recorded(here, "accuracy_test")
        by = {score: recorded(here, f"{score}_test") - full for score in RANKINGS}
        text = ", ".join(f"{RANKINGS[score]} {_points(x)}" for score, x in by.items())
        difference = (by["strength"] - by["ipr"]).median()
        found.append((name, f"{text} points", bool(abs(difference) <= apart + ROUNDING)))
    return found


def _multiplies(frame: pd.DataFrame, *, ahead: float = 0.02) -> Found:
    found: Found = []
    for name, noise, here in _at_noise(frame):
        if not 0.2 - ROUNDING <= noise <= 0.4 + ROUNDING:
            continue
        full = recorded(here, "accuracy_test")
        by = {score: recorded(here, f"{score}_test") - full for score in RANKINGS}
        text = ", ".join(f"{RANKINGS[score]} {_points(x)}" for score, x in by.items())
        text += f", random order {_points(recorded(here, 'random_test') - full)} points"
        if why := _cannot_gain(here, 5 * chance(frame)):
            found.append((name, f"{why}; {text}", None))
            continue
        lead = (by["strength"] - by["ipr"]).median()
        found.append((name, text, bool(lead >= ahead - ROUNDING)))
    if not found:
        raise Untested("no runs at noise 0.2, 0.3 or 0.4")
    return found


def _logarithm(frame: pd.DataFrame, *, ahead: float = 0.1) -> Found:
    rows = wide_nets(frame)
    rows = rows[rows.noise > 0]
    at_noise(rows, 0.3)
    found: Found = []
    for noise, here in rows.groupby("noise"):
        log, plain, full = (
            recorded(here, name) for name in ("ipr_log_test", "ipr_test", "accuracy_test")
        )
        least = ahead if np.isclose(noise, 0.3) else 0.0
        text = f"{_points(log - full)} over the logarithm, {_points(plain - full)} points plain"
        holds = bool((log - plain).median() >= least - ROUNDING)
        found.append((f"noise {noise:g}", text, holds))
    return found


_NEAR = "networks at most at 3 × chance, or at 95 % or above, cannot tell"

CLAIMS = (
    Claim(
        "R5.1",
        "Neurons with a peaked spectrum are also strong",
        "paper, Result 5.1, Fig. 6 left",
        f"{WIDE}, the widest at each noise ratio: the area under the ROC curve of Str. for "
        f"IPR > 0.5 is at least 0.8 (one half: unrelated), where at least {FEW} neurons have that "
        "and the weights are recorded",
        _correlated,
        over=(*OPS, "width"),
        word="typically",
        default="add, noise 0.3",
        widest=1025,
    ),
    Claim(
        "R5.1-fewer",
        "With more noise, fewer neurons have a peaked spectrum and fewer are strong",
        "paper, Result 5.1, Fig. 6 left",
        "from each recorded noise ratio to the next the number of neurons with IPR above one "
        "half, and the number whose Str. is above the 99th percentile of an untrained "
        "network's, does not rise, and it falls from the first to the last",
        _fewer,
        over=(*OPS, "width"),
        word="typically",
        under="R5.1",
        widest=1025,
    ),
    Claim(
        "R5.2",
        "In sufficiently wide networks, the neurons that generalize and those that memorize do "
        "not overlap",
        "paper, Result 5.2, Fig. 6 right",
        f"addition, networks of M ≥ {SUFFICIENT}, ranked by Str. and by IPR: γ_G + γ_R is at most "
        "1 and below the same sum in random order, at every noise ratio above 0 at which the "
        "network is above 3 × chance",
        _disjoint,
        needs={"op": "add"},
        over=("width",),
        default="add, noise 0.3, Str.",
        widest=SUFFICIENT,
    ),
    Claim(
        "R5.2-falls",
        "The share of neurons that generalize falls as the noise grows",
        "paper, Result 5.2, Fig. 6 right",
        "γ_G falls from each recorded noise ratio above 0 to the next, by Str. and by IPR, in the "
        "widest recorded networks",
        _falls,
        over=(*OPS, "width"),
        word="typically",
        under="R5.2",
        widest=2049,
    ),
    Claim(
        "R5.3",
        "Keeping the best neurons helps far less than FF, and FF needs the other neurons, too",
        "paper, Result 5.3, Fig. 7",
        f"{WIDE}, ranked by Str. and by IPR, each noise ratio above 0: test(f^G) is at least 5 "
        "points below test(FF(f)), and test(FF(f^G)) is not above test(FF(f)). Also reported: D1 "
        "= test(f^G) − test(f), D2 = test(FF(f)) − test(f), D3 = test(FF(f)) − test(FF(f^G)); "
        f"{_NEAR}",
        _selects,
        over=(*OPS, "width"),
        default="add, noise 0.3, Str.",
        headline=True,
        widest=1025,
    ),
    Claim(
        "R5.3-helps",
        "Keeping the best neurons can raise the test accuracy, especially at light noise",
        "paper, Result 5.3, Fig. 7",
        f"{WIDE}, ranked by Str. and by IPR: test(f^G) is at least 2 points above test(f) and "
        f"above what neurons in random order give, at some noise ratio; {_NEAR}",
        _helps,
        over=(*OPS, "width"),
        word="can",
        under="R5.3",
        widest=1025,
    ),
    Claim(
        "E1-comparable",
        "For addition and subtraction, both rankings gain the same",
        "paper, appendix E, Figs. 31 and 32",
        "the test accuracies gained by Str. and by IPR are within 5 points of each other at three "
        f"quarters of the noise ratios; {_NEAR}",
        _comparable,
        over=(*OPS, "width"),
        word="typically",
        default="add, noise 0.3",
        under="E1-multiplication",
        widest=1025,
    ),
    Claim(
        "E1-multiplication",
        "For multiplication, strength finds the neurons that IPR misses",
        "paper, appendix E, Figs. 31 and 32",
        f"multiplication, networks with at least {PER_RESIDUE} neurons per residue, noise 0.2, "
        "0.3, 0.4: the test accuracy gained by Str. is 2 points or more above that by IPR; "
        "networks below 5 × chance, or at 95 % or above, cannot tell",
        _multiplies,
        needs={"op": "mul"},
        over=("width",),
        default="mul, noise 0.3",
        widest=1025,
    ),
    Claim(
        "E1-logarithm",
        "When residues are ordered by discrete logarithm, IPR finds the neurons that multiply",
        "ours",
        f"multiplication, networks with at least {PER_RESIDUE} neurons per residue: keeping the "
        "best neurons by IPR over the logarithm gives at least 10 points more test accuracy than "
        "by IPR over the residues at noise 0.3, and no less at the other recorded ratios above 0",
        _logarithm,
        needs={"op": "mul"},
    ),
)
