"""Claims about test error against width, and its regimes (paper, section 3.1).

A cell is a width sweep at one noise ratio and weight decay. Gates do not look at what the rule
decides by: they read the noisy accuracy, which gives M*, the test accuracy of networks narrower
than M* where the rule is about wider ones, or the widest network where it is about the way there.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.ladders import (
    ABOVE,
    LADDER,
    WHERE,
    WIDEST,
    above_chance,
    enough_above,
    growth_above,
    ladders_by,
    setups_of,
    threshold_of,
    told_threshold,
)
from modnoise.arithmetic.regimes import inner_peak
from modnoise.claim import ROUNDING, Claim, Found, Untested, at_noise, chance

PEAK_RULE = (
    "some width that is neither the smallest nor the largest recorded one has a test error at "
    "least 5 points above the best narrower network and at least 5 points above the widest. A "
    "sweep can tell if it has five widths, if one of them fits the noisy labels (M*), and if "
    "networks narrower than M* are at least 5 points above chance, so that the error can rise"
)


def _no_threshold(ladder: pd.DataFrame) -> str:
    """Why a sweep cannot show what happens around M*; empty if it can."""
    if len(ladder) < LADDER:
        return f"{len(ladder)} recorded widths; {LADDER} are needed"
    threshold = threshold_of(ladder)
    if not np.isfinite(threshold):
        return "no recorded network fits the noisy labels"
    if threshold <= ladder.index.min():
        return "the narrowest recorded network already fits the noisy labels"
    return ""


def inner_peaks(frame: pd.DataFrame, *, rise: float = 0.05) -> Found:
    """The rule of R3.1-1a: ``rise`` is what the error must rise and fall by."""
    found: Found = []
    for name, ladder in setups_of(frame):
        if why := _no_threshold(ladder):
            found.append((name, why, None))
            continue
        known = float(ladder.test[ladder.index < threshold_of(ladder)].max())
        if known < chance(frame) + rise - ROUNDING:
            text = f"networks narrower than M* reach {100 * known:.1f} % at best: the error is "
            found.append((name, text + "at chance and cannot rise", None))
            continue
        peak = inner_peak(ladder.index.to_numpy(), 1 - ladder.test)
        text = (
            f"M = {peak.width:.0f}: test error {100 * peak.error:.1f} %, "
            f"{100 * peak.rise:+.1f} points over the best narrower network, "
            f"{100 * peak.fall:+.1f} over the widest"
        )
        found.append((name, text, min(peak.rise, peak.fall) >= rise - ROUNDING))
    return found


def _confidence_peaks(frame: pd.DataFrame, *, rise: float = 0.05) -> Found:
    found: Found = []
    for name, ladder in setups_of(frame):
        if why := _no_threshold(ladder):
            found.append((name, why, None))
            continue
        peak = inner_peak(ladder.index.to_numpy(), np.log(ladder.cross_entropy))
        value = float(ladder.cross_entropy[peak.width])
        text = (
            f"M = {peak.width:.0f}: test cross-entropy {value:.2f}, "
            f"{np.exp(peak.rise):.2f} times the best narrower network's, "
            f"{np.exp(peak.fall):.2f} times the widest one's"
        )
        holds = bool(min(peak.rise, peak.fall) >= np.log1p(rise) - ROUNDING)
        found.append((name, text, holds))
    return found


def _bigger(frame: pd.DataFrame, *, drop: float = 0.02, disorder: float = 0.3) -> Found:
    found: Found = []
    for name, ladder in setups_of(frame):
        if not enough_above(ladder):
            found.append((name, f"fewer than {ABOVE} recorded widths above M*", None))
        elif not above_chance(float(ladder.test.iloc[-1]), frame):
            last = f"the widest network (M = {ladder.index[-1]}) is at chance"
            found.append((name, f"{last}, {100 * ladder.test.iloc[-1]:.1f} %", None))
        else:
            found.append((name, *growth_above(ladder, drop=drop, disorder=disorder)))
    return found


def _regularized(frame: pd.DataFrame) -> Found:
    ladders = ladders_by(frame, ("noise", "weight_decay"))
    found: Found = []
    for noise in sorted({point[0] for point, _ in ladders}):
        here = [(decay, ladder) for (alpha, decay), ladder in ladders if alpha == noise]
        thresholds = [threshold_of(ladder) for _, ladder in here]
        if len(here) < 2:
            found.append((f"noise {noise:g}", "runs at one weight decay only", None))
            continue
        if not np.isfinite(thresholds).any():
            found.append((f"noise {noise:g}", "no recorded network fits the noisy labels", None))
            continue
        text = ", ".join(
            f"{told_threshold(threshold, ladder)} (decay {decay:g})"
            for threshold, (decay, ladder) in zip(thresholds, here, strict=True)
        )
        rises = all(a <= b for a, b in pairwise(thresholds)) and thresholds[-1] > thresholds[0]
        found.append((f"noise {noise:g}", f"M* {text}", rises))
    return found


def _activations(frame: pd.DataFrame, *, gain: float = 0.02) -> Found:
    acts = ("relu", "gelu", "quadratic")
    if missing := [act for act in acts if not (frame.act == act).any()]:
        raise Untested(f"no runs with act = {', '.join(missing)}")
    found: Found = []
    for noise in sorted({point[0] for point, _ in ladders_by(frame, ("noise",), (0.1, 0.5))}):
        ladders = {act: one for (act,), one in ladders_by(at_noise(frame, noise), ("act",))}
        name = f"noise {noise:g}"
        if missing := [act for act in acts if act not in ladders]:
            found.append((name, f"no runs with act = {', '.join(missing)}", None))
            continue
        widths = sorted(set.intersection(*({*ladders[act].index} for act in acts)))
        if len(widths) < LADDER:
            text = f"a sweep of {LADDER} widths recorded of all activations is needed"
            found.append((name, text, None))
            continue
        before, last = widths[-3], widths[-1]
        end = {act: float(ladders[act].test[last]) for act in acts}
        if not above_chance(end["relu"], frame):
            text = f"ReLU at M = {last} is at chance, {100 * end['relu']:.1f} %"
            found.append((name, text, None))
            continue
        gained = {act: end[act] - float(ladders[act].test[before]) for act in acts}
        text = ", ".join(
            f"{act} {100 * end[act]:.1f} % at M = {last}, {100 * gained[act]:+.1f} points from "
            f"M = {before}"
            for act in acts
        )
        flat = all(gained[act] <= gain + ROUNDING for act in acts[1:])
        found.append((name, text, flat and end["relu"] > max(end["gelu"], end["quadratic"])))
    return found


def _confident(frame: pd.DataFrame) -> Found:
    found: Found = []
    for name, ladder in setups_of(frame):
        below = ladder[ladder.index < threshold_of(ladder)]
        above = ladder[~(ladder.index < threshold_of(ladder))]
        if below.empty or len(above) < ABOVE:
            text = f"a width below M* and {ABOVE} from M* on are needed"
            found.append((name, text, None))
            continue
        least, last = float(below.cross_entropy.min()), above.cross_entropy.to_numpy()[-ABOVE:]
        falls, surer = bool((np.diff(last) <= 0).all()), bool(last[-1] < least)
        text = (
            f"test cross-entropy at best {least:.2f} below M*, then "
            + ", ".join(f"{x:.2f}" for x in last)
            + f" at the last {ABOVE} widths: {'falling' if falls else 'not falling'}, the widest "
            + ("below" if surer else "not below")
            + " every narrower one than M*"
        )
        found.append((name, text, falls and surer))
    return found


def _inverts(frame: pd.DataFrame) -> Found:
    found: Found = []
    rows = frame[(frame.part == "full") & (frame.noise > 0) & np.isclose(frame.weight_decay, 1.0)]
    if rows.empty:
        raise Untested("no runs at weight decay 1")
    columns = ["accuracy_test", "accuracy_noisy", "accuracy_recovered"]
    for noise, here in rows.groupby("noise"):
        middle = here.groupby("width")[columns].median().set_axis(
            ["test", "noisy", "recovered"], axis=1
        )  # fmt: skip
        below = middle[middle.index < threshold_of(middle)]
        below = below[below.test > 3 * chance(frame)]
        name = f"noise {noise:g}"
        if below.empty:
            found.append((name, "no network narrower than M* is above chance", None))
            continue
        inverted = below.recovered > below.noisy
        best = below.loc[(below.recovered - below.noisy).idxmax()]
        text = (
            f"{int(inverted.sum())} of {len(below)} networks narrower than M* give wrongly "
            f"labelled pairs the true answer more often than the given one, at most "
            f"{100 * best.recovered:.1f} % against {100 * best.noisy:.1f} % (M = {best.name})"
        )
        found.append((name, text, bool(inverted.mean() >= 0.75 - ROUNDING)))
    return found


_DEFAULT = "noise 0.3, decay 0.1"
_SECTION = "paper, section 3.1, Figs. 1(a) and 2"

CLAIMS = (
    Claim(
        "R3.1-1a",
        "Double descent: as the network gets wider, test error rises to a peak and falls again",
        _SECTION,
        f"at each noise ratio and weight decay {PEAK_RULE}; in three quarters of the sweeps that "
        "can tell",
        inner_peaks,
        over=WHERE,
        word="typically",
        default=_DEFAULT,
        headline=True,
        widest=WIDEST,
    ),
    Claim(
        "R3.1-1a-ce",
        "The test cross-entropy shows double descent, too",
        _SECTION,
        "at each noise ratio and weight decay some inner width has a test cross-entropy at least "
        "5 % above that of the best narrower network and of the widest; in three quarters of the "
        "sweeps of five widths or more that begin below M* and reach it",
        _confidence_peaks,
        over=WHERE,
        word="typically",
        default=_DEFAULT,
        under="R3.1-1a",
        widest=WIDEST,
    ),
    Claim(
        "R3.1-1b",
        "Bigger is better: past the interpolation threshold, test accuracy grows with width",
        _SECTION,
        "over the recorded widths above M*, the first with noisy accuracy of 99 %: test accuracy "
        "never drops by more than 2 points from one width to the next, and Kendall's tau-b with "
        "the width is at least 0.7 (or all are at least 99 %); in three quarters of the sweeps "
        f"with at least {ABOVE} such widths whose widest network is above 3 × chance",
        _bigger,
        over=WHERE,
        word="typically",
        default=_DEFAULT,
        headline=True,
        widest=WIDEST,
    ),
    Claim(
        "R3.1-2",
        "Regularization moves the interpolation threshold to larger widths",
        "paper, section 3.1, Fig. 2",
        "M*, the first recorded width with noisy accuracy of 99 %, never falls from one weight "
        "decay to the next larger one, and is larger at the largest decay than at the smallest; "
        "at three quarters of the noise ratios at which some network fits the noisy labels",
        _regularized,
        over=WHERE,
        word="typically",
        widest=WIDEST,
    ),
    Claim(
        "R3.1-3",
        "GeLU and quadratic networks reach a ceiling; ReLU networks keep improving with width",
        "paper, section 3.1, Figs. 1(b) and 8",
        "at each recorded noise ratio from 0.1 to 0.5 at which the widest ReLU network is above "
        "3 × chance: over the last two doublings of the widths recorded of all three GeLU and x² "
        "gain at most 2 points of test accuracy, and at the largest ReLU is above both",
        _activations,
        over=("width", "act"),
        default="noise 0.3",
        widest=WIDEST,
    ),
    Claim(
        "R3.1-confidence",
        "Past the interpolation threshold networks become more confident in the correct answer "
        "as they get wider",
        "paper, section 3.1, Fig. 2",
        "test cross-entropy at the largest width is below the smallest one of any width below M*, "
        f"and never rises over the last {ABOVE} widths; in three quarters of the sweeps with a "
        f"width below M* and {ABOVE} from M* on",
        _confident,
        over=WHERE,
        word="typically",
        default=_DEFAULT,
        widest=WIDEST,
    ),
    Claim(
        "R3.1-inversion",
        "Below the interpolation threshold, with strong weight decay, networks correct wrong "
        "labels more often than they reproduce them",
        "paper, section 3.1, Fig. 2",
        "weight decay 1, each noise ratio: of the networks narrower than M* and above 3 × chance "
        "three quarters give wrongly labelled training pairs the true answer more often than the "
        "given one",
        _inverts,
        over=WHERE,
        word="typically",
        widest=0,
    ),
)
