"""Claims about networks that cannot fit the noise (paper, appendix C.2)."""

from __future__ import annotations

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
from modnoise.arithmetic.regimes import interpolates
from modnoise.claim import ROUNDING, Claim, Found, Untested


def _misspecified(
    frame: pd.DataFrame, *, above: float = 0.01, lift: float = 0.2, kept: float = 0.1
) -> Found:
    """``above``: noisy accuracy over the ceiling; ``lift``: test accuracy gained by decay;
    ``kept``: noisy accuracy that may be left there."""
    if frame.empty or "ceiling_noisy" not in frame:
        raise Untested("no ceiling of symmetric functions beside the runs")
    symmetric = frame.noise_kind == "symmetric"
    random = frame[~symmetric]
    if random.empty or symmetric.sum() == 0 or random.weight_decay.nunique() < 2:
        raise Untested("it takes random noise at two weight decays and symmetric noise")
    found: Found = []
    least = random.weight_decay.min()
    for (noise,), ladder in ladders_by(random[random.weight_decay == least], ("noise",)):
        here = random[np.isclose(random.noise, noise)]
        ceiling, noisy = float(here.ceiling_noisy.median()), float(ladder.noisy.iloc[-1])
        text = (
            f"noisy {100 * noisy:.1f} % at M = {ladder.index[-1]}, ceiling {100 * ceiling:.1f} %"
        )
        holds = bool(noisy <= ceiling + above + ROUNDING and not interpolates(noisy))
        found.append((f"random noise {noise:g}", text, holds))
        more = ladders_by(here[here.weight_decay > least], ("weight_decay",))
        found.append((f"larger decay, noise {noise:g}", *_lifted(ladder, more, lift, kept)))
    for name, ladder in setups_of(frame[symmetric]):
        threshold = threshold_of(ladder)
        text, fits = f"M* {told_threshold(threshold, ladder)}", bool(np.isfinite(threshold))
        if fits and not enough_above(ladder):
            text = f"{text}: fewer than {ABOVE} recorded widths above it"
            found.append((f"symmetric noise, {name}", text, None))
            continue
        if fits:
            grown, holds = growth_above(ladder)
            text, fits = f"{text}; {grown}", holds
        found.append((f"symmetric noise, {name}", text, fits))
    return found


def _lifted(
    ladder: pd.DataFrame, more: list[tuple[tuple, pd.DataFrame]], lift: float, kept: float
) -> tuple[str, bool | None]:
    """Whether a larger decay lifts the test accuracy of the widest network, and of which."""
    if not more:
        return "not recorded", None
    rows = pd.concat({decay: one for (decay,), one in more})
    decay, width = rows.test.idxmax()
    best, before = rows.loc[(decay, width)], float(ladder.test.iloc[-1])
    text = (
        f"test {100 * before:.1f} % at the smallest decay, {100 * best.test:.1f} % with noisy "
        f"{100 * best.noisy:.1f} % at decay {decay:g}, M = {width}"
    )
    holds = best.test >= before + lift - ROUNDING and best.noisy <= kept + ROUNDING
    return text, bool(holds)


def _irregular(frame: pd.DataFrame, *, drop: float = 0.05) -> Found:
    random = frame[frame.noise_kind != "symmetric"] if "noise_kind" in frame else frame
    found: Found = []
    for name, ladder in setups_of(random):
        if len(ladder) < LADDER:
            found.append((name, f"{len(ladder)} recorded widths; {LADDER} are needed", None))
            continue
        text = ", ".join(f"{100 * x:.0f} %" for x in ladder.test)
        holds = bool(np.diff(ladder.test).min() <= -drop + ROUNDING)
        found.append((name, f"test accuracy {text}", holds))
    return found


CLAIMS = (
    Claim(
        "C2-misspecification",
        "A network with f(a, b) = f(b, a) fits symmetric but not random noise; with stronger "
        "weight decay it follows the rule",
        "paper, appendix C.2, Fig. 15",
        "tied networks. Random noise, smallest decay, largest width: noisy accuracy is at most 1 "
        "point above the exact ceiling and below 99 %. A larger decay: the best network's test "
        "accuracy is at least 20 points above that, with at most 10 % noisy accuracy. Symmetric "
        "noise: some width has a noisy accuracy of 99 %, and above it the rule of R3.1-1b holds",
        _misspecified,
        needs={"tied": True},
        over=(*WHERE, "noise_kind"),
        widest=WIDEST,
    ),
    Claim(
        "C2-irregular",
        "With random noise, the test accuracy of a tied network depends irregularly on its width",
        "paper, appendix C.2, Fig. 15",
        "tied networks, random noise: at each weight decay and noise ratio with five widths the "
        "test accuracy drops by at least 5 points from some width to the next",
        _irregular,
        needs={"tied": True},
        over=(*WHERE, "noise_kind"),
        word="typically",
        under="C2-misspecification",
        widest=WIDEST,
    ),
)
