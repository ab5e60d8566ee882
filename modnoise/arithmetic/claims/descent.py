"""Claims about test error against width (paper, section 3.1, appendix C.1 and C.2).

Rows are of the full net at the last step, for a ladder of widths at each noise ratio and weight
decay. M* is the smallest recorded width that interpolates (`regimes`). The paper's
ladder is 17 to 4097; where the recorded one ends earlier, its last width takes the place of 4097
and the one two doublings before it that of 1025. Each rule was written before the runs at laptop
scale that it is about were seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from modnoise.arithmetic.regimes import inner_peak, interpolates, interpolation_width
from modnoise.claim import Claim, Untested, chance, values

Found = list[tuple[str, str, bool]]

_LADDER = 5
"""Fewest widths of a ladder on which a peak can be looked for."""

_VARIED = ("act", "op", "optimizer", "train_frac")
"""Fields besides noise and decay in which the ladders of one claim may differ."""

_ABOVE = 3
"""Fewest widths above M* from which a trend can be read."""

_ROUNDING = 1e-9
"""Added to every bound, so that a difference of exactly that many points meets it."""


def _ladders(
    frame: pd.DataFrame, by: Sequence[str], noise: tuple[float, float] = (0.0, 1.0)
) -> list[tuple[tuple, pd.DataFrame]]:
    """Medians over seeds of the nets trained with noise: per value of ``by`` a frame over widths.

    Columns: test, noisy (shares), cross_entropy (test, nats); widths ascending.
    """
    rows = frame[(frame.part == "full") & (frame.noise > 0)]
    rows = rows[rows.noise.between(noise[0] - _ROUNDING, noise[1] + _ROUNDING)]
    if rows.empty:
        raise Untested(f"no runs with noise between {noise[0]:g} and {noise[1]:g}")
    for role in ("test", "noisy"):
        values(rows, "full", role)
    columns = {
        "accuracy_test": "test", "accuracy_noisy": "noisy", "cross_entropy_test": "cross_entropy"
    }  # fmt: skip
    middle = rows.groupby([*by, "width"])[list(columns)].median().rename(columns=columns)
    return [
        (point, ladder.droplevel(list(range(len(by)))))
        for point, ladder in middle.groupby(level=list(range(len(by))))
    ]


def _setups(
    frame: pd.DataFrame, noise: tuple[float, float] = (0.0, 1.0)
) -> list[tuple[str, pd.DataFrame]]:
    """The ladders of each noise ratio, weight decay and whatever of `_VARIED` differs, named."""
    more = [name for name in _VARIED if name in frame and frame[name].nunique() > 1]
    ladders = _ladders(frame, ("noise", "weight_decay", *more), noise)
    return [
        (", ".join([f"noise {alpha:g}, decay {decay:g}", *map(str, rest)]), ladder)
        for (alpha, decay, *rest), ladder in ladders
    ]


def _threshold(ladder: pd.DataFrame) -> float:
    """M* of a ladder; infinite where no recorded width interpolates."""
    width = interpolation_width(ladder.index.to_numpy(), ladder.noisy)
    return width if np.isfinite(width) else np.inf


def _width(threshold: float, ladder: pd.DataFrame) -> str:
    return f"{threshold:.0f}" if np.isfinite(threshold) else f"above {ladder.index.max()}"


def _peaks(frame: pd.DataFrame) -> Found:
    found = []
    for name, ladder in _setups(frame, (0.1, 0.6)):
        if len(ladder) < _LADDER:
            raise Untested(f"{len(ladder)} widths at {name}: it takes {_LADDER}")
        peak = inner_peak(ladder.index.to_numpy(), 1 - ladder.test)
        text = (
            f"M = {peak.width:.0f}: test error {100 * peak.error:.1f} %, "
            f"{100 * peak.rise:+.1f} points over the best narrower net, "
            f"{100 * peak.fall:+.1f} over the widest"
        )
        found.append((name, text, min(peak.rise, peak.fall) >= 0.05 - _ROUNDING))
    return found


def _tau(values: np.ndarray) -> float:
    """Kendall's tau-b of a sequence against its order; 0 for a constant one.

    >>> _tau(np.array([0.1, 0.2, 0.2]))  # two of three pairs rise, one is tied: 2 / sqrt(2 * 3)
    0.816...
    """
    pairs = np.sign(np.subtract.outer(values, values))[np.tril_indices(len(values), -1)]
    untied = np.count_nonzero(pairs)
    return float(pairs.sum() / np.sqrt(untied * len(pairs))) if untied else 0.0


def _growth(ladder: pd.DataFrame) -> tuple[str, bool]:
    """Whether test accuracy grows over the widths above M*; needs `_ABOVE` of them."""
    above = ladder[ladder.index > _threshold(ladder)]
    test = above.test.to_numpy()
    drop, tau = max(0.0, float(-np.diff(test).min())), _tau(test)
    text = (
        f"test accuracy {100 * test[0]:.1f} % (M = {above.index[0]}) to {100 * test[-1]:.1f} % "
        f"(M = {above.index[-1]}), largest drop {100 * drop:.1f} points, tau {tau:.2f}"
    )
    return text, bool(drop <= 0.02 + _ROUNDING and (tau >= 0.7 or test.min() >= 0.99))


def _long_enough(ladder: pd.DataFrame) -> bool:
    return int((ladder.index > _threshold(ladder)).sum()) >= _ABOVE


def _bigger(frame: pd.DataFrame) -> Found:
    ladders = [(name, ladder) for name, ladder in _setups(frame) if _long_enough(ladder)]
    if not ladders:
        raise Untested(f"no setup has {_ABOVE} recorded widths above M*")
    return [(name, *_growth(ladder)) for name, ladder in ladders]


def _regularized(frame: pd.DataFrame) -> Found:
    if frame.empty or frame.weight_decay.nunique() < 2:
        raise Untested("runs of fewer than two weight decays")
    ladders = _ladders(frame, ("noise", "weight_decay"))
    if not any(np.isfinite(_threshold(ladder)) for _, ladder in ladders):
        raise Untested("no recorded width interpolates")
    found, moved = [], []
    for noise in sorted({point[0] for point, _ in ladders}):
        here = [(decay, ladder) for (alpha, decay), ladder in ladders if alpha == noise]
        thresholds = [_threshold(ladder) for _, ladder in here]
        moved.append(thresholds[-1] > thresholds[0])
        text = ", ".join(
            f"{_width(threshold, ladder)} (decay {decay:g})"
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
    for noise in sorted({point[0] for point, _ in _ladders(frame, ("noise", "act"), (0.3, 0.5))}):
        here = frame[np.isclose(frame.noise, noise)]
        ladders = {point[1]: ladder for point, ladder in _ladders(here, ("noise", "act"))}
        if missing := [act for act in acts if act not in ladders]:
            raise Untested(f"no runs with act = {', '.join(missing)} at noise {noise:g}")
        widths = [tuple(ladders[act].index) for act in acts]
        if len(set(widths)) > 1 or len(widths[0]) < _LADDER:
            raise Untested(f"it takes one ladder of {_LADDER} widths for all activations")
        before, last = widths[0][-3], widths[0][-1]
        end = {act: float(ladders[act].test[last]) for act in acts}
        for act in acts[1:]:
            gain = end[act] - float(ladders[act].test[before])
            text = f"{100 * gain:+.1f} points from M = {before} to {last}"
            found.append((f"{act}, noise {noise:g}", text, gain <= 0.02 + _ROUNDING))
        text = ", ".join(f"{act} {100 * end[act]:.1f} %" for act in acts) + f" at M = {last}"
        best = end["relu"] > max(end["gelu"], end["quadratic"])
        found.append((f"relu above both, noise {noise:g}", text, best))
    return found


def _confident(frame: pd.DataFrame) -> Found:
    found = []
    for name, ladder in _setups(frame):
        below = ladder[ladder.index < _threshold(ladder)]
        above = ladder[~(ladder.index < _threshold(ladder))]
        if below.empty or len(above) < _ABOVE:
            continue
        least, last = float(below.cross_entropy.min()), above.cross_entropy.to_numpy()[-_ABOVE:]
        text = (
            f"test cross-entropy at best {least:.2f} below M*, then "
            + ", ".join(f"{x:.2f}" for x in last)
            + f" at the last {_ABOVE} widths"
        )
        holds = bool(last[-1] < least and (np.diff(last) <= 0).all())
        found.append((name, text, holds))
    if not found:
        raise Untested(f"no setup has a width below M* and {_ABOVE} from M* on")
    return found


def _misspecified(frame: pd.DataFrame) -> Found:
    if frame.empty or "ceiling_noisy" not in frame:
        raise Untested("no ceiling of symmetric functions beside the runs")
    symmetric = frame.noise_kind == "symmetric"
    random = frame[~symmetric]
    if random.empty or symmetric.sum() == 0 or random.weight_decay.nunique() < 2:
        raise Untested("it takes random noise at two weight decays and symmetric noise")
    found, short = _random_noise(random), []
    for name, ladder in _setups(frame[symmetric]):
        threshold = _threshold(ladder)
        text, fits = f"M* {_width(threshold, ladder)}", bool(np.isfinite(threshold))
        found.append((f"symmetric noise is fit, {name}", text, fits))
        if fits and not _long_enough(ladder):
            short.append(name)
        elif fits:
            found.append((f"symmetric noise, {name}", *_growth(ladder)))
    if short:
        reason = f"symmetric noise, {', '.join(short)}: fewer than {_ABOVE} widths above M*"
        raise Untested(reason, *(f"{name}: {text}" for name, text, _ in found))
    return found


def _random_noise(frame: pd.DataFrame) -> Found:
    """The ceiling at the smallest decay; generalization at a larger one."""
    found, least = [], frame.weight_decay.min()
    for (noise,), ladder in _ladders(frame[frame.weight_decay == least], ("noise",)):
        here = frame[np.isclose(frame.noise, noise)]
        ceiling, noisy = float(here.ceiling_noisy.median()), float(ladder.noisy.iloc[-1])
        text = f"noisy {100 * noisy:.1f} % at M = {ladder.index[-1]}"
        found.append(
            (
                f"random noise {noise:g}, decay {least:g}",
                f"{text}, ceiling {100 * ceiling:.1f} %",
                bool(noisy <= ceiling + 0.01 + _ROUNDING and not interpolates(noisy)),
            )
        )
        more = _ladders(here[here.weight_decay > least], ("weight_decay",))
        rows = pd.concat({decay: ladder for (decay,), ladder in more})
        text, holds = "no net with noisy accuracy near chance", False
        inverted = rows[rows.noisy <= chance(frame) + 0.05 + _ROUNDING]
        if len(inverted):
            decay, width = inverted.test.idxmax()
            best = inverted.loc[(decay, width)]
            text = f"test {100 * best.test:.1f} %, noisy {100 * best.noisy:.1f} %"
            text, holds = f"{text} at decay {decay:g}, M = {width}", bool(best.test >= 0.95)
        found.append((f"random noise {noise:g}, larger decay", text, holds))
    return found


_WHERE = ("width", "weight_decay")

_PEAK_RULE = (
    "per weight decay and noise ratio from 0.1 to 0.6: some width that is neither the smallest "
    "nor the largest recorded one has a test error at least 5 points above the best narrower net "
    "and at least 5 points above the widest; in at least two thirds of them"
)


def _also(
    name: str, where: str, source: str, over: tuple[str, ...] = _WHERE, **needs: str
) -> Claim:
    """The rule of R3.1-1a, asked of other ladders; ``source``: figure of appendix C.1, or ours."""
    statement = f"Double descent also {where}"
    source = f"paper, appendix C.1, {source}" if source.startswith("Fig") else source
    return Claim(
        f"C1-{name}", statement, source, _PEAK_RULE, _peaks, needs, over=over, share=2 / 3
    )


DESCENT = (
    Claim(
        "R3.1-1a",
        "Double descent: test error rises to a peak, then falls again as the net gets wider",
        "paper, section 3.1, Figs. 1(a) and 2",
        _PEAK_RULE,
        _peaks,
        over=_WHERE,
        share=2 / 3,
    ),
    Claim(
        "R3.1-1b",
        "Bigger is better: past the interpolation threshold test accuracy grows with width",
        "paper, section 3.1, Figs. 1(a) and 2",
        "over the recorded widths above M*, the first with noisy accuracy of 99 %: test accuracy "
        "never drops by more than 2 points from one width to the next, and Kendall's tau-b with "
        "the width is at least 0.7 (or all are at least 99 %); at every weight decay and noise "
        f"ratio with at least {_ABOVE} such widths",
        _bigger,
        over=_WHERE,
    ),
    Claim(
        "R3.1-2",
        "Regularization moves the interpolation threshold to larger widths",
        "paper, section 3.1, Fig. 2",
        "M*, the first recorded width with noisy accuracy of 99 %, never falls from one weight "
        "decay to the next larger at any noise ratio, and is larger at the largest decay than at "
        "the smallest at two thirds of the noise ratios or more",
        _regularized,
        over=_WHERE,
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
    ),
    Claim(
        "R3.1-confidence",
        "Past the interpolation threshold nets are surer of the right answer, and wider ones more",
        "paper, section 3.1, Fig. 2",
        "test cross-entropy at the largest width is below the smallest one of any width below M*, "
        f"and never rises over the last {_ABOVE} widths; at every weight decay and noise ratio "
        f"with a width below M* and {_ABOVE} from M* on",
        _confident,
        over=_WHERE,
    ),
    _also("seeds", "with three seeds, on a finer ladder around M*", "ours, control for R3.1-1a"),
    _also("longer", "after four times as many steps", "ours, control for R3.1-1a"),
    _also("own", "at the paper's own size and 200,000 steps", "ours, control for R3.1-1a"),
    _also("gelu", "with GeLU", "Fig. 8", act="gelu"),
    _also("quadratic", "with x²", "Fig. 8", act="quadratic"),
    _also("less-data", "with fewer training pairs", "Fig. 9"),
    _also("more-data", "with more training pairs", "Fig. 10"),
    _also("adam", "with Adam", "Fig. 11", optimizer="adam"),
    _also("muon", "with Muon", "Fig. 12", optimizer="muon"),
    _also("subtraction", "for subtraction", "Fig. 13", op="sub"),
    _also("multiplication", "for multiplication", "Fig. 13", op="mul"),
    _also(
        "finer",
        "in these variants, on finer ladders around M*",
        "ours, control for Figs. 8–13",
        over=(*_WHERE, "lr", *_VARIED),
    ),
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
        over=(*_WHERE, "noise_kind"),
    ),
)
