"""Claims about test error against width, and its regimes (paper, section 3.1)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.ladders import (
    ABOVE,
    LADDER,
    WHERE,
    WIDEST,
    enough_above,
    growth_above,
    ladders_by,
    setups_of,
    threshold_of,
    told_threshold,
)
from modnoise.arithmetic.regimes import inner_peak
from modnoise.claim import ROUNDING, Claim, Found, Untested

PEAK_RULE = (
    "per weight decay and noise ratio from 0.1 to 0.6: some width that is neither the smallest "
    "nor the largest recorded one has a test error at least 5 points above the best narrower net "
    "and at least 5 points above the widest; in at least two thirds of them"
)

SETUPS = 3
"""Fewest settings of noise and decay of which two thirds can be asked for."""


def inner_peaks(frame: pd.DataFrame) -> Found:
    """The rule of R3.1-1a, for any number of settings."""
    found = []
    for name, ladder in setups_of(frame, (0.1, 0.6)):
        if len(ladder) < LADDER:
            raise Untested(f"{len(ladder)} widths at {name}: it takes {LADDER}")
        peak = inner_peak(ladder.index.to_numpy(), 1 - ladder.test)
        text = (
            f"M = {peak.width:.0f}: test error {100 * peak.error:.1f} %, "
            f"{100 * peak.rise:+.1f} points over the best narrower net, "
            f"{100 * peak.fall:+.1f} over the widest"
        )
        found.append((name, text, min(peak.rise, peak.fall) >= 0.05 - ROUNDING))
    return found


def _descends(frame: pd.DataFrame) -> Found:
    found = inner_peaks(frame)
    if len(found) < SETUPS:
        raise Untested(f"{len(found)} settings of noise and decay: it takes {SETUPS}")
    return found


def _bigger(frame: pd.DataFrame) -> Found:
    ladders = [(name, ladder) for name, ladder in setups_of(frame) if enough_above(ladder)]
    if not ladders:
        raise Untested(f"no setup has {ABOVE} recorded widths above M*")
    return [(name, *growth_above(ladder)) for name, ladder in ladders]


def _regularized(frame: pd.DataFrame) -> Found:
    noisy = frame[frame.noise > 0]
    if noisy.empty or noisy.groupby("noise").weight_decay.nunique().max() < 2:
        raise Untested("runs of fewer than two weight decays at every noise ratio")
    ladders = ladders_by(frame, ("noise", "weight_decay"))
    if not any(np.isfinite(threshold_of(ladder)) for _, ladder in ladders):
        raise Untested("no recorded width interpolates")
    found, moved = [], []
    for noise in sorted({point[0] for point, _ in ladders}):
        here = [(decay, ladder) for (alpha, decay), ladder in ladders if alpha == noise]
        if len(here) < 2:
            continue
        thresholds = [threshold_of(ladder) for _, ladder in here]
        moved.append(thresholds[-1] > thresholds[0])
        text = ", ".join(
            f"{told_threshold(threshold, ladder)} (decay {decay:g})"
            for threshold, (decay, ladder) in zip(thresholds, here, strict=True)
        )
        rises = all(a <= b for a, b in pairwise(thresholds))
        found.append((f"noise {noise:g}", f"M* {text}", rises))
    text = f"M* larger at {sum(moved)} of {len(moved)} noise ratios"
    found.append(("largest against smallest decay", text, sum(moved) >= 2 / 3 * len(moved)))
    return found


def _activations(frame: pd.DataFrame) -> Found:
    acts = ("relu", "gelu", "quadratic")
    if missing := [act for act in acts if not (frame.act == act).any()]:
        raise Untested(f"no runs with act = {', '.join(missing)}")
    found = []
    for noise in sorted(
        {point[0] for point, _ in ladders_by(frame, ("noise", "act"), (0.3, 0.5))}
    ):
        here = frame[np.isclose(frame.noise, noise)]
        ladders = {point[1]: ladder for point, ladder in ladders_by(here, ("noise", "act"))}
        if missing := [act for act in acts if act not in ladders]:
            raise Untested(f"no runs with act = {', '.join(missing)} at noise {noise:g}")
        widths = [tuple(ladders[act].index) for act in acts]
        if len(set(widths)) > 1 or len(widths[0]) < LADDER:
            raise Untested(f"it takes one ladder of {LADDER} widths for all activations")
        before, last = widths[0][-3], widths[0][-1]
        end = {act: float(ladders[act].test[last]) for act in acts}
        for act in acts[1:]:
            gain = end[act] - float(ladders[act].test[before])
            text = f"{100 * gain:+.1f} points from M = {before} to {last}"
            found.append((f"{act}, noise {noise:g}", text, gain <= 0.02 + ROUNDING))
        text = ", ".join(f"{act} {100 * end[act]:.1f} %" for act in acts) + f" at M = {last}"
        best = end["relu"] > max(end["gelu"], end["quadratic"])
        found.append((f"relu above both, noise {noise:g}", text, best))
    return found


def _confident(frame: pd.DataFrame) -> Found:
    found = []
    for name, ladder in setups_of(frame):
        below = ladder[ladder.index < threshold_of(ladder)]
        above = ladder[~(ladder.index < threshold_of(ladder))]
        if below.empty or len(above) < ABOVE:
            continue
        least, last = float(below.cross_entropy.min()), above.cross_entropy.to_numpy()[-ABOVE:]
        text = (
            f"test cross-entropy at best {least:.2f} below M*, then "
            + ", ".join(f"{x:.2f}" for x in last)
            + f" at the last {ABOVE} widths"
        )
        holds = bool(last[-1] < least and (np.diff(last) <= 0).all())
        found.append((name, text, holds))
    if not found:
        raise Untested(f"no setup has a width below M* and {ABOVE} from M* on")
    return found


CLAIMS = (
    Claim(
        "R3.1-1a",
        "Double descent: test error rises to a peak, then falls again as the net gets wider",
        "paper, section 3.1, Figs. 1(a) and 2",
        f"{PEAK_RULE}, of {SETUPS} or more",
        _descends,
        over=WHERE,
        share=2 / 3,
        headline="noise 0.3, decay 1",
        widest=WIDEST,
    ),
    Claim(
        "R3.1-1b",
        "Bigger is better: past the interpolation threshold test accuracy grows with width",
        "paper, section 3.1, Figs. 1(a) and 2",
        "over the recorded widths above M*, the first with noisy accuracy of 99 %: test accuracy "
        "never drops by more than 2 points from one width to the next, and Kendall's tau-b with "
        "the width is at least 0.7 (or all are at least 99 %); at every weight decay and noise "
        f"ratio with at least {ABOVE} such widths",
        _bigger,
        over=WHERE,
        widest=WIDEST,
    ),
    Claim(
        "R3.1-2",
        "Regularization moves the interpolation threshold to larger widths",
        "paper, section 3.1, Fig. 2",
        "M*, the first recorded width with noisy accuracy of 99 %, never falls from one weight "
        "decay to the next larger at any noise ratio, and is larger at the largest decay than at "
        "the smallest at two thirds of the noise ratios or more",
        _regularized,
        over=WHERE,
        widest=WIDEST,
    ),
    Claim(
        "R3.1-3",
        "GeLU and quadratic nets reach a ceiling, ReLU nets go on improving with width",
        "paper, section 3.1, Figs. 1(b) and 8",
        "at each recorded noise ratio from 0.3 to 0.5: over the last two doublings of the width "
        "GeLU and x² gain at most 2 points of test accuracy, and at the largest width ReLU is "
        "above both",
        _activations,
        over=("width", "act"),
        widest=WIDEST,
    ),
    Claim(
        "R3.1-confidence",
        "Past the interpolation threshold nets are surer of the right answer, and wider ones more",
        "paper, section 3.1, Fig. 2",
        "test cross-entropy at the largest width is below the smallest one of any width below M*, "
        f"and never rises over the last {ABOVE} widths; at every weight decay and noise ratio "
        f"with a width below M* and {ABOVE} from M* on",
        _confident,
        over=WHERE,
        widest=WIDEST,
    ),
)
