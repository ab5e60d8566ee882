"""Claim about nets that cannot fit the noise (paper, appendix C.2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims.ladders import (
    ABOVE,
    WHERE,
    WIDEST,
    enough_above,
    growth_above,
    ladders_by,
    setups_of,
    threshold_of,
    told_threshold,
)
from modnoise.arithmetic.regimes import interpolates
from modnoise.claim import ROUNDING, Claim, Found, Untested, chance


def _misspecified(frame: pd.DataFrame) -> Found:
    if frame.empty or "ceiling_noisy" not in frame:
        raise Untested("no ceiling of symmetric functions beside the runs")
    symmetric = frame.noise_kind == "symmetric"
    random = frame[~symmetric]
    if random.empty or symmetric.sum() == 0 or random.weight_decay.nunique() < 2:
        raise Untested("it takes random noise at two weight decays and symmetric noise")
    found, short = _random_noise(random), []
    for name, ladder in setups_of(frame[symmetric]):
        threshold = threshold_of(ladder)
        text, fits = f"M* {told_threshold(threshold, ladder)}", bool(np.isfinite(threshold))
        found.append((f"symmetric noise is fit, {name}", text, fits))
        if fits and not enough_above(ladder):
            short.append(name)
        elif fits:
            found.append((f"symmetric noise, {name}", *growth_above(ladder)))
    if short:
        reason = f"symmetric noise, {', '.join(short)}: fewer than {ABOVE} widths above M*"
        raise Untested(reason, *(f"{name}: {text}" for name, text, _ in found))
    return found


def _random_noise(frame: pd.DataFrame) -> Found:
    """The ceiling at the smallest decay; generalization at a larger one."""
    found, least = [], frame.weight_decay.min()
    for (noise,), ladder in ladders_by(frame[frame.weight_decay == least], ("noise",)):
        here = frame[np.isclose(frame.noise, noise)]
        ceiling, noisy = float(here.ceiling_noisy.median()), float(ladder.noisy.iloc[-1])
        text = f"noisy {100 * noisy:.1f} % at M = {ladder.index[-1]}"
        found.append(
            (
                f"random noise {noise:g}, decay {least:g}",
                f"{text}, ceiling {100 * ceiling:.1f} %",
                bool(noisy <= ceiling + 0.01 + ROUNDING and not interpolates(noisy)),
            )
        )
        more = ladders_by(here[here.weight_decay > least], ("weight_decay",))
        rows = pd.concat({decay: ladder for (decay,), ladder in more})
        text, holds = "no net with noisy accuracy near chance", False
        inverted = rows[rows.noisy <= chance(frame) + 0.05 + ROUNDING]
        if len(inverted):
            decay, width = inverted.test.idxmax()
            best = inverted.loc[(decay, width)]
            text = f"test {100 * best.test:.1f} %, noisy {100 * best.noisy:.1f} %"
            text, holds = f"{text} at decay {decay:g}, M = {width}", bool(best.test >= 0.95)
        found.append((f"random noise {noise:g}, larger decay", text, holds))
    return found


CLAIMS = (
    Claim(
        "C2-misspecification",
        "A net with f(a, b) = f(b, a) cannot fit random noise, fits symmetric noise, and with "
        "stronger decay inverts",
        "paper, appendix C.2, Fig. 15",
        "tied nets. Random noise, smallest decay, largest width: noisy accuracy at most 1 point "
        "above the exact ceiling and below 99 %. A larger decay: some width with at least 95 % "
        "test accuracy and at most 1/p + 5 % noisy accuracy. Symmetric noise: some width with "
        "noisy accuracy of 99 %, and above it the rule of R3.1-1b",
        _misspecified,
        needs={"tied": True},
        over=(*WHERE, "noise_kind"),
        widest=WIDEST,
    ),
)
