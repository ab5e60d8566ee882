"""Claims of the paper as rules on recorded numbers; a verdict is a value that prints itself.

The claims are the paper's, in our words; every threshold is ours, fixed before the runs. With
several seeds a rule is applied to the median over seeds. A refuted claim is a result and raises
nothing. Rules take frames: rows with ``part`` (`modnoise.fourier.parts`), ``accuracy_<role>`` and
the fields of their runs, at the last step unless said otherwise. numpy and pandas only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

TESTED_SCALES = ("laptop", "paper")
"""Scales at which a claim can be confirmed or refuted; ``smoke`` only exercises the code."""

STATES = ("confirmed", "refuted", "not tested")


@dataclass(frozen=True)
class Claim:
    """One checkable statement: who claims it, the rule that decides, the function that applies it.

    ``source``: the paper's section or figure, or ``ours`` for controls. ``apply`` gives one
    (condition, measured text, holds) per condition, and raises `Untested` when data are missing.
    """

    id: str
    statement: str
    source: str
    rule: str
    apply: Callable[[pd.DataFrame], list[tuple[str, str, bool]]]


class Untested(Exception):
    """The data a rule needs are not there; the message says which."""


@dataclass(frozen=True)
class Verdict:
    """What a rule said about some data: ``state`` is confirmed, refuted or not tested.

    ``measured`` has one text per condition.
    """

    claim: Claim
    state: str
    measured: tuple[str, ...]
    scale: str
    setting: str

    def __str__(self) -> str:
        return (
            f"{self.claim.id}: {self.state} ({self.scale} scale; {self.setting})\n"
            f"  claim: {self.claim.statement} [{self.claim.source}]\n"
            f"  rule: {self.claim.rule}\n"
            f"  measured: {' · '.join(self.measured)}"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        state = self.state.replace(" ", "-")
        measured = "".join(f"<li>{escape(text)}</li>" for text in self.measured)
        return (
            f'<div class="mn-verdict {state}" role="note"><p><span class="state">'
            f"{escape(self.state)}</span> at {escape(self.scale)} scale · "
            f"{escape(self.claim.statement)} "
            f"<em>({escape(self.claim.id)}, {escape(self.claim.source)})</em></p>"
            f"<p>Rule: {escape(self.claim.rule)}.</p><ul>{measured}</ul>"
            f"<p><small>{escape(self.setting)}</small></p></div>"
        )


def _median(frame: pd.DataFrame, part: str, role: str) -> float:
    """Median over rows (seeds) of one accuracy of one part."""
    values = frame.loc[frame.part == part, f"accuracy_{role}"]
    if values.empty:
        raise Untested(f"no recorded part {part!r}")
    return float(values.median())


def _at(frame: pd.DataFrame, noise: float) -> pd.DataFrame:
    rows = frame[np.isclose(frame.noise, noise)]
    if rows.empty:
        raise Untested(f"no run at noise {noise}")
    return rows


def _p(frame: pd.DataFrame) -> int:
    if len(values := set(frame.p)) != 1:
        raise ValueError(f"p must be the same in all rows, got {sorted(values)}")
    return int(frame.p.iloc[0])


def _percent(x: float) -> str:
    return f"{100 * x:.1f} %"


def _separates(g: str) -> Callable[[pd.DataFrame], list[tuple[str, str, bool]]]:
    """The rule of Result 4.1 with ``g`` as the filtered net."""

    def apply(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
        found = []
        for noise in (0.3, 0.5, 0.8):
            rows, least = _at(frame, noise), 0.99 if noise == 0.3 else 0.95
            test, kept = _median(rows, g, "test"), _median(rows, g, "noisy")
            rest, rest_test = _median(rows, "R", "noisy"), _median(rows, "R", "test")
            holds = test >= least and kept <= 1 / _p(frame) + 0.05
            holds = holds and rest >= 0.5 and rest_test <= 0.1
            text = f"FF test {_percent(test)}, noisy {_percent(kept)}; "
            text += f"residual noisy {_percent(rest)}, test {_percent(rest_test)}"
            if noise == 0.8:
                gain = test - _median(rows, "full", "test")
                holds = holds and gain >= 0.2
                text += f"; gain {100 * gain:+.1f} points"
            found.append((f"noise {noise:.0%}", text, holds))
        return found

    return apply


_SEPARATION = (
    "test accuracy after FF at least 99 % at noise 0.3 and 95 % at 0.5 and 0.8, at 0.8 at least "
    "20 points above the full net; FF's noisy accuracy at most 1/p + 5 %; the residual's noisy "
    "accuracy at least 50 % with at most 10 % test accuracy"
)


def _swap(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    found = []
    for noise in (0.3, 0.5, 0.8):
        rows = _at(frame, noise)
        for part, forgotten in (("quadratic", 0.0), ("reverse_relu", 0.2)):
            gain = _median(rows, part, "test") - _median(rows, "full", "test")
            change = _median(rows, part, "noisy") - _median(rows, "full", "noisy")
            text = f"test {100 * gain:+.1f}, noisy {100 * change:+.1f} points"
            name = f"{part.replace('_', ' ')}, noise {noise:.0%}"
            found.append((name, text, gain >= -0.02 and change <= -forgotten))
    return found


def _after_not_below(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    found = []
    for noise, rows in frame.groupby("noise"):
        before, after = _median(rows, "full", "test"), _median(rows, "G", "test")
        text = f"test {_percent(before)} before, {_percent(after)} after FF"
        found.append((f"noise {noise:.0%}", text, after >= before))
    return found


def _no_rule(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    rows, chance = _at(frame, 1.0), 1 / _p(frame)
    found = []
    for part in ("full", "G", "G_quadratic", "G_random"):
        test = _median(rows, part, "test")
        found.append((part.replace("_", " "), f"test {_percent(test)}", test <= 3 * chance))
    return found


def _untrained(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    found = []
    for part in frame.part.unique():
        test = _median(frame, part, "test")
        found.append((str(part), f"test {_percent(test)}", test <= 3 / _p(frame)))
    return found


def _beats_random(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    found = []
    for noise in (0.3, 0.5, 0.8):
        rows = _at(frame, noise)
        for name, own, other in (
            ("ReLU", "G", "G_random_relu"),
            ("x²", "G_quadratic", "G_random"),
        ):
            mine, random = _median(rows, own, "test"), _median(rows, other, "test")
            text = f"test {_percent(mine)} dominant, {_percent(random)} random"
            found.append((f"{name}, noise {noise:.0%}", text, mine >= random + 0.1))
    return found


def _leads(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    chance, found = 1 / _p(frame), []
    full = frame[frame.part == "full"].groupby("step").accuracy_test.median()
    for part in ("G", "G_quadratic"):
        curve = frame[frame.part == part].groupby("step").accuracy_test.median()
        if curve.empty:
            raise Untested(f"no recorded part {part!r}")
        name, reached = part.replace("_", " "), curve.index[curve >= 0.5]
        if not len(reached):
            found.append((name, f"never reaches 50 % (best {_percent(curve.max())})", False))
            continue
        step = int(reached[0])
        raw = float(full.loc[:step].iloc[-1])
        text = f"50 % at step {step}, the full net then {_percent(raw)}"
        found.append((name, text, raw <= 2 * chance))
    return found


_CLAIMS = (
    Claim(
        "R4.1-FF",
        "Keeping one frequency per neuron separates the rule from the memorized labels",
        "paper, Result 4.1, Fig. 5 left",
        f"with the trained activation: {_SEPARATION}",
        _separates("G"),
    ),
    Claim(
        "R4.1-FF-quadratic-part",
        "The same, with φ(x) = x² and μ = 0 in the filtered net",
        "ours",
        f"with φ = x², μ = 0 after FF: {_SEPARATION}",
        _separates("G_quadratic"),
    ),
    Claim(
        "R4.1-swap",
        "Replacing ReLU after training keeps the test accuracy and reduces the noise",
        "paper, Result 4.1, Fig. 5 right",
        "at noise 0.3, 0.5, 0.8: test accuracy falls by at most 2 points; noisy accuracy does not "
        "rise under x² and falls by at least 20 points under max(0, −x)",
        _swap,
    ),
    Claim(
        "D-FF-subtraction",
        "FF separates rule and noise for subtraction too",
        "paper, Fig. 23",
        f"as R4.1-FF: {_SEPARATION}",
        _separates("G"),
    ),
    Claim(
        "D-FF-quadratic",
        "FF raises the test accuracy of quadratic nets",
        "paper, Fig. 24",
        "at every noise ratio the test accuracy after FF is not below the one before",
        _after_not_below,
    ),
    Claim(
        "D-FF-clean",
        "FF raises the test accuracy of nets trained without noise",
        "paper, Fig. 25",
        "the test accuracy after FF is not below the one before",
        _after_not_below,
    ),
    Claim(
        "CONTROL-noise-1",
        "With all labels wrong there is no rule to find",
        "ours",
        "at noise 1.0 the test accuracy of the full net and of each kind of FF is at most 3 × "
        "chance",
        _no_rule,
    ),
    Claim(
        "CONTROL-untrained",
        "FF finds no rule in an untrained net",
        "ours",
        "test accuracy at most 3 × chance",
        _untrained,
    ),
    Claim(
        "CONTROL-frequency",
        "The neuron's own dominant frequency matters",
        "ours",
        "at noise 0.3, 0.5, 0.8 the dominant frequency gives at least 10 points more test "
        "accuracy than a random one, with ReLU and with x²",
        _beats_random,
    ),
    Claim(
        "LEAD",
        "The rule is in the weights before the full net shows it",
        "ours",
        "FF reaches 50 % test accuracy while the full net's is at most twice chance, with ReLU "
        "and with x²; all recorded steps",
        _leads,
    ),
)

CLAIMS: Mapping[str, Claim] = {claim.id: claim for claim in _CLAIMS}
"""All claims by id."""


def _setting(frame: pd.DataFrame) -> str:
    """What the rows have in common, and how many seeds they are from."""
    parts = []
    for name, label in (("op", ""), ("p", "p = "), ("width", "M = "), ("steps", "steps = ")):
        values = sorted(set(frame[name])) if name in frame else []
        if values:
            parts.append(label + ", ".join(map(str, values)))
    if "seed" in frame:
        n = frame.seed.nunique()
        parts.append(f"median of {n} seeds" if n > 1 else f"seed {frame.seed.iloc[0]}")
    return "; ".join(parts)


def check(claim_id: str, frame: pd.DataFrame, *, scale: str) -> Verdict:
    """Apply a claim's rule to recorded numbers.

    Returns "not tested" below ``TESTED_SCALES`` or when runs or parts are missing, never an error
    because a claim fails.

    Raises:
        ValueError: a claim that is not in `CLAIMS`.
    """
    if claim_id not in CLAIMS:
        raise ValueError(f"claim {claim_id!r} is not known: it must be one of {list(CLAIMS)}")
    claim = CLAIMS[claim_id]
    try:
        found = claim.apply(frame)
        state = "confirmed" if all(holds for *_, holds in found) else "refuted"
        measured = tuple(
            f"{name}: {text} ({'holds' if holds else 'fails'})" for name, text, holds in found
        )
    except Untested as missing:
        state, measured = "not tested", (str(missing),)
    if scale not in TESTED_SCALES:
        state = "not tested"
        measured = (f"{scale} scale is too small to tell", *measured)
    return Verdict(claim, state, measured, scale, _setting(frame))
