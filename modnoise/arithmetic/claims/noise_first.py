"""Claims about which labels come first, and how fast (paper, Result 3.2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.milestones import (
    FIRST,
    NETS,
    OPTIMIZERS,
    TITLES,
    WIDEST,
    in_points,
    medians,
    not_at,
    spearman,
    told_range,
    told_step,
    where_fit,
)
from modnoise.arithmetic.regimes import interpolates
from modnoise.claim import ROUNDING, Claim, Found, Untested, chance


def _first(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in where_fit(frame):
        late = rows[rows.t50_noisy >= rows.t50_clean]
        times = "{0.t50_noisy:.0f} against {0.t50_clean:.0f}".format
        text = f"noisy first in {len(rows) - len(late)} of {len(rows)} widths and noise ratios"
        found.append((name, text + not_at(late, times), late.empty))
    return found


def _regimes(frame: pd.DataFrame) -> Found:
    least = 3
    if frame.empty or "half_noisy" not in frame:
        raise Untested("no milestones of any run")
    rows = frame[(frame.noise > 0) & (frame.best_noisy >= 5 * chance(frame))]
    fits = interpolates(rows.accuracy_noisy)
    found = []
    for optimizer in OPTIMIZERS:
        for regime, here in (("under-parameterized", ~fits), ("over-parameterized", fits)):
            nets = rows[here & (rows.optimizer == optimizer)]
            if len(nets) < least:
                continue
            first = int((nets.half_noisy < nets.half_clean).sum())
            text = f"noisy first in {first} of {len(nets)} nets"
            found.append((f"{TITLES[optimizer]}, {regime}", text, first >= 0.75 * len(nets)))
    for regime in ("under-parameterized", "over-parameterized"):
        if not any(name.endswith(regime) for name, *_ in found):
            texts = (f"{name}: {text}" for name, text, _ in found)
            raise Untested(f"fewer than {least} {regime} nets of any optimizer", *texts)
    return found


def _gap(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in where_fit(frame):
        low = rows[rows.index.get_level_values("noise") <= 0.3 + ROUNDING]
        if len(low):
            narrow = low[low.gap < 0.1 - ROUNDING]
            text = f"{in_points(low.gap.min())} to {in_points(low.gap.max())} points"
            text += not_at(narrow, lambda row: in_points(row.gap))
            found.append((name, text, narrow.empty))
    if not found:
        raise Untested("no noise of at most 0.3 is fit")
    return found


def _gap_falls(frame: pd.DataFrame) -> Found:
    least, found = 3, []
    for name, rows in where_fit(frame):
        for width, gaps in rows.gap.groupby(level="width"):
            if len(gaps) >= least:
                gaps = gaps.droplevel("width")
                text = ", ".join(f"{in_points(x)} at noise {noise:g}" for noise, x in gaps.items())
                falls = bool((np.diff(gaps) < 0).all())
                found.append((f"{name}, M = {width}", f"points {text}", falls))
    if not found:
        raise Untested(f"no optimizer and width fit {least} noise ratios")
    return found


def _beyond_blind(frame: pd.DataFrame) -> Found:
    found = []
    for name, rows in where_fit(frame):
        low = rows[rows.excess < 0.1 - ROUNDING]
        text = f"{in_points(rows.excess.min())} to {in_points(rows.excess.max())} points"
        text += not_at(low, lambda row: in_points(row.excess))
        found.append((name, text, low.empty))
    return found


def _faster(frame: pd.DataFrame) -> Found:
    middle = medians(frame, ("optimizer", "weight_decay", "noise", "width"))
    if len(middle.groupby(level="width")) < 4:
        raise Untested("fewer than four widths")
    told: dict[str, list[tuple[float, str]]] = {}
    for (optimizer, decay, noise), rows in middle.t90_noisy.groupby(level=[0, 1, 2]):
        times = rows.droplevel([0, 1, 2])
        there = times[np.isfinite(times)]
        if len(there) < 2:
            continue
        rho = spearman(there.index.to_series(), there)
        wider = bool(np.isfinite(times[times.index >= there.index[0]]).all())
        against = ""
        if not (wider and rho <= -0.9 + ROUNDING):
            against = ", ".join(f"{told_step(t)} (M = {width})" for width, t in times.items())
            against = f"decay {decay:g}, noise {noise:g}: step {against}"
        told.setdefault(TITLES[optimizer], []).append((rho, against))
    if not told:
        raise Untested("no optimizer and noise ratio with two widths that get to 90 %")
    found = []
    for name, settings in told.items():
        values, missed = pd.Series([rho for rho, _ in settings]), [x for _, x in settings if x]
        text = f"Spearman {told_range(values)} in {len(values)} settings of decay and noise"
        text += "".join(f"; not at {x}" for x in missed)
        found.append((name, text, not missed))
    return found


CLAIMS = (
    Claim(
        "R3.2-first",
        "Noisy labels are learned before clean ones, with every optimizer",
        "paper, Result 3.2, Figs. 3, 16, 17 and 18",
        "noisy accuracy reaches 50 % at an earlier recorded step than clean accuracy, for AdamW, "
        "Adam and Muon, at every width and noise ratio where the noise is fit",
        _first,
        over=NETS,
        first=FIRST,
        widest=WIDEST,
        default="AdamW, decay 0.1",
        headline=True,
    ),
    Claim(
        "R3.2-regimes",
        "Noisy labels are learned first in both regimes, even where they are later forgotten",
        "paper, Result 3.2, Fig. 3(a)",
        "per optimizer, networks that end below 99 % noisy accuracy and ones that keep it: noisy "
        "accuracy reaches half of its highest value at an earlier recorded step than clean "
        "accuracy reaches that level, in three quarters of the networks (at least three) whose "
        "highest noisy accuracy is 5 × chance or more",
        _regimes,
        over=NETS,
        under="R3.2-first",
        widest=WIDEST,
    ),
    Claim(
        "R3.2-gap",
        "For a while, accuracy on wrong labels is far above that on correct ones",
        "paper, Result 3.2, Figs. 3, 16, 17 and 18",
        "the widest gap, noisy less clean accuracy, is at least 10 points at noise up to 0.3, for "
        "AdamW, Adam and Muon, at every width where the noise is fit",
        _gap,
        over=NETS,
        under="R3.2-first",
        first=FIRST,
        widest=WIDEST,
    ),
    Claim(
        "R3.2-gap-noise",
        "The lead of noisy labels is larger when there are fewer of them",
        "paper, section 3.2, Fig. 3(b)",
        "the widest gap falls from each noise ratio to the next, for every optimizer and width "
        "with at least three noise ratios that are fit",
        _gap_falls,
        over=NETS,
        under="R3.2-first",
        first=FIRST,
        widest=WIDEST,
    ),
    Claim(
        "R3.2-null",
        "The early noisy accuracy is memorization: it exceeds that of a label-blind network",
        "ours",
        "where the gap is widest, noisy accuracy is at least 10 points above "
        "(1 − recovered)/(p − 1), wherever the noise is fit",
        _beyond_blind,
        over=NETS,
    ),
    Claim(
        "R3.2-i",
        "Wider networks memorize the noise faster",
        "paper, Result 3.2 (i), Fig. 3(b)",
        "over the widths that get to 90 % noisy accuracy, Spearman's correlation of width and "
        "first step there is at most −0.9, and a width gets there if a smaller one does; at every "
        "optimizer, weight decay and noise ratio where two widths get there",
        _faster,
        over=NETS,
        first=FIRST,
        widest=WIDEST,
    ),
)
