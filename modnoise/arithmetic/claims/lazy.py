"""Claims about networks that learned no features, and what a trained net has beside them (ours).

Rules, bounds and what they predict were written on the numbers of seed 42, before the three draws
of the experiments ``lazy`` and ``lazy-readout`` were run. Rows at the last step, with the parts of
`fourier.parts` and the columns of `structure`; ``frozen`` is "UV" for the control.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from modnoise.arithmetic.claims import filtration
from modnoise.claim import Claim, Found, Untested, at_noise, chance, median, told
from modnoise.claim import values as accuracies

_NOISES = (0.3, 0.5, 0.8)
_UNRELATED = np.pi**2 / 3  # Phase MSE of unrelated angles, rad^2
_ANGLE = _UNRELATED / 5
_APART = 0.1


def _frozen(frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame[frame.frozen == "UV"] if "frozen" in frame else frame[:0]
    if rows.empty:
        raise Untested("no network with frozen = UV")
    return rows


def _fits(frame: pd.DataFrame) -> Found:
    found = []
    for noise in _NOISES:
        rows = at_noise(_frozen(frame), noise)
        text = f"clean {told(rows, 'full', 'clean')}, noisy {told(rows, 'full', 'noisy')}; "
        text += f"test {told(rows, 'full', 'test')}"
        least = min(median(rows, "full", role) for role in ("clean", "noisy"))
        found.append((f"noise {noise:g}", text, least >= 0.99))
    return found


def _passes(frame: pd.DataFrame) -> Found:
    return filtration._separates("G")(_frozen(frame))[:1]


def _no_swap(frame: pd.DataFrame) -> Found:
    found = []
    for noise in _NOISES:
        rows = at_noise(_frozen(frame), noise)
        text = f"test {told(rows, 'full', 'test')} before, {told(rows, 'quadratic', 'test')} after"
        holds = median(rows, "quadratic", "test") <= 3 * chance(rows)
        found.append((f"noise {noise:g}", text, holds))
    return found


def _no_phase(frame: pd.DataFrame) -> Found:
    found = []
    for noise in _NOISES:
        here = _measured(at_noise(_frozen(frame), noise), "full", "phase_mse_weighted")
        text = f"{_text(here, '{:.2f}', 1)} rad²"
        found.append((f"noise {noise:g}", text, bool(here.median() >= _ANGLE)))
    return found


class Measure(NamedTuple):
    """One number by which nets may be told apart: where it is recorded, and when it differs.

    ``bound``: the least difference of medians; ``form`` and ``scale`` make a value text;
    ``predicted``: whether trained and frozen nets are told apart by it, at each of the noises.
    """

    name: str
    part: str
    column: str
    bound: float
    form: str
    scale: int
    predicted: tuple[bool, bool, bool] | None


def _accuracy(name: str, part: str, predicted: tuple[bool, bool, bool] | None) -> Measure:
    return Measure(name, part, "accuracy_test", _APART, "{:.1f} %", 100, predicted)


MEASURES = (
    _accuracy("test accuracy", "full", (True, False, False)),
    _accuracy("x² in place of ReLU", "quadratic", (True, False, False)),
    _accuracy("FF, ReLU", "G", (False, True, True)),
    _accuracy("FF, x²", "G_quadratic", (False, False, False)),
    _accuracy("random frequency, ReLU", "G_random_relu", None),
    _accuracy("random frequency, x²", "G_random", None),
    _accuracy("every frequency", "every", None),
    Measure("Phase MSE, rad²", "full", "phase_mse_weighted", _ANGLE / 2, "{:.2f}", 1, (True,) * 3),
    Measure("coherence elsewhere", "full", "coherence_other", _APART, "{:.2f}", 1, None),
    Measure("power at one frequency", "full", "sparsity", _APART, "{:.1f} %", 100, None),
)
"""The book's measures of a net that was trained with label noise."""


def gap_table(frame: pd.DataFrame) -> pd.DataFrame:
    """By which measures trained nets are told from frozen ones, a row per (noise, measure).

    At the noise ratios 0.3, 0.5 and 0.8 of which both are in ``frame`` (rows at the last step).
    ``trained`` and ``frozen``: medians over seeds. ``difference``: of the two, trained less
    frozen. ``effect``: the same in units of the spread over seeds, that is of the root mean square
    of both standard deviations; NaN with a single seed on either side. ``apart``: the ranges over
    seeds do not overlap and the difference is at least the measure's bound.
    """
    frozen, rows = _frozen(frame), []
    trained = frame[frame.frozen != "UV"]
    for noise in (x for x in _NOISES if {x} <= {*trained.noise} & {*frozen.noise}):
        sides = [at_noise(x, noise) for x in (trained, frozen)]
        for one in MEASURES:
            a, b = (_measured(side, one.part, one.column) for side in sides)
            difference = a.median() - b.median()
            spread = np.sqrt((a.var() + b.var()) / 2)
            disjoint = a.min() > b.max() or b.min() > a.max()
            rows.append(
                {"noise": noise, "measure": one.name, "trained": a.median(), "frozen": b.median()}
                | {"difference": difference, "effect": difference / spread if spread else np.nan}
                | {"apart": bool(disjoint and abs(difference) >= one.bound)}
            )
    return pd.DataFrame(rows)


def _gap(frame: pd.DataFrame) -> Found:
    for noise in _NOISES:
        at_noise(_frozen(frame), noise), at_noise(frame[frame.frozen != "UV"], noise)
    table = gap_table(frame).set_index(["noise", "measure"])
    trained = frame[frame.frozen != "UV"]
    if table.trained[_NOISES[0], MEASURES[0].name] <= 3 * chance(trained):
        raise Untested(f"trained nets are at chance even at noise {_NOISES[0]}: nothing to tell")
    found = []
    for i, noise in enumerate(_NOISES):
        for one in MEASURES:
            if one.predicted is None:
                continue
            row = table.loc[(noise, one.name)]
            text = ", ".join(
                f"{_text(_measured(at_noise(x, noise), one.part, one.column), *one[4:6])} {side}"
                for x, side in ((trained, "trained"), (_frozen(frame), "frozen"))
            )
            said = "told apart" if one.predicted[i] else "not told apart"
            name = f"noise {noise:g}, {one.name}: {said}"
            found.append((name, text, bool(row.apart) == one.predicted[i]))
    return found


def _measured(rows: pd.DataFrame, part: str, column: str) -> pd.Series:
    if column == "accuracy_test":
        return accuracies(rows, part, "test")
    found = rows.loc[rows.part == part, column] if column in rows else pd.Series(dtype=float)
    if found.empty or found.isna().any():
        raise Untested(f"{column} is not recorded")
    return found


def _text(values: pd.Series, form: str, scale: int) -> str:
    text, low, high = (
        form.format(scale * x) for x in (values.median(), values.min(), values.max())
    )
    return text if low == high else f"{text} ({low} to {high})"


def _claim(
    id_: str, statement: str, rule: str, apply: Callable[[pd.DataFrame], Found], **more: Any
) -> Claim:
    return Claim(id_, statement, "ours", rule, apply, needs={"act": "relu"}, **more)


CLAIMS = (
    _claim(
        "LAZY-fit",
        "A network whose first layer is never trained fits every noisy label",
        "U and V frozen: clean and noisy accuracy at least 99 % at noise 0.3, 0.5, 0.8",
        _fits,
    ),
    _claim(
        "LAZY-FF",
        "After FF, a network that learned no features meets the same criterion at light noise",
        "U and V frozen, noise 0.3: as R4.1-FF there; test accuracy after FF at least 99 %, its "
        "noisy accuracy at most 1/p + 5 %; the residual's noisy accuracy at least 50 % with at "
        "most 10 % test accuracy",
        _passes,
        qualifies="R4.1-FF",
        remark="at light noise so does a network that learned no features",
    ),
    _claim(
        "LAZY-swap",
        "Replacing the activation finds no rule in a network that learned no features",
        "U and V frozen, x² in place of ReLU, no filter: test accuracy at most 3 × chance at "
        "noise 0.3, 0.5, 0.8",
        _no_swap,
    ),
    _claim(
        "LAZY-phase",
        "The angles of a network that learned no features do not add up",
        "U and V frozen: weighted Phase MSE at least a fifth of chance, π²/15 = 0.66, twice what "
        "R4.1-phase allows, at noise 0.3, 0.5, 0.8",
        _no_phase,
    ),
    Claim(
        "GAP",
        "A trained network differs from one that learned no features: at light noise in its test "
        "accuracy, under the activation swap and in its angles; at heavy noise under FF with "
        "ReLU and in its angles",
        "ours",
        "they differ if ranges over seeds do not overlap, and medians are at least 10 points "
        "or π²/30 rad² apart. By test accuracy and by x² in place of ReLU at noise 0.3 and "
        "not at 0.5 and 0.8; by FF (ReLU) at 0.5 and 0.8 and not at 0.3; by FF (x²) at none; by "
        "the Phase MSE at all three",
        _gap,
        needs={"act": "relu"},
        over=("frozen", "ridge", "width", "steps", "lr", "beta2"),
        same="op",
    ),
)
