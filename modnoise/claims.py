"""Claims of the paper as rules on recorded numbers; a verdict is a value that prints itself.

The claims are the paper's, in our words; every threshold is ours, fixed before the runs. With
several seeds a rule is applied to the median over seeds, and the lowest and highest are reported
beside it. A refuted claim is a result and raises nothing. Rules take frames: rows with ``part``
(`modnoise.fourier.parts`), ``accuracy_<role>`` and the fields of their runs, at the last step
unless said otherwise. numpy and pandas only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd

TESTED_SCALES = ("laptop", "paper")
"""Scales at which a claim can be confirmed or refuted; ``smoke`` only exercises the code."""

STATES = ("confirmed", "refuted", "not tested")

_SETTING = ("op", "p", "act", "width", "tied", "optimizer", "lr", "weight_decay", "noise_kind")
_SETTING += ("train_frac", "steps")  # fields of a run that no rule takes a median over


@dataclass(frozen=True)
class Claim:
    """One checkable statement: who claims it, the rule that decides, the function that applies it.

    ``source``: the paper's section or figure, or ``ours`` for controls. ``apply`` gives one
    (condition, measured text, holds) per condition, and raises `Untested` when data are missing.
    ``needs``: fields of the runs that the claim is about. ``same``: the column, besides the
    setting, that must have one value in all rows.
    """

    id: str
    statement: str
    source: str
    rule: str
    apply: Callable[[pd.DataFrame], list[tuple[str, str, bool]]]
    needs: Mapping[str, str] = field(default_factory=dict)
    same: str = "step"


class Untested(Exception):
    """The data a rule needs are not there; the message says which, more arguments what is."""


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

    def __repr__(self) -> str:
        return f"{self.claim.id}: {self.state} ({self.scale} scale; {self.setting})"

    def __str__(self) -> str:
        return (
            f"{self!r}\n"
            f"  claim: {self.claim.statement} [{self.claim.source}]\n"
            f"  rule: {self.claim.rule}\n"
            f"  measured: {' · '.join(self.measured)}"
        )

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


def _values(frame: pd.DataFrame, part: str, role: str) -> pd.Series:
    """One accuracy of one part, a value per row (seed)."""
    values = frame.loc[frame.part == part, f"accuracy_{role}"]
    if values.empty:
        raise Untested(f"no recorded part {part!r}")
    if missing := int(values.isna().sum()):
        raise Untested(f"{part} has no {role} accuracy in {missing} of {len(values)} rows")
    return values


def _median(frame: pd.DataFrame, part: str, role: str) -> float:
    return float(_values(frame, part, role).median())


def _told(frame: pd.DataFrame, part: str, role: str) -> str:
    """The median as text; of several seeds that differ, with the lowest and the highest."""
    values = _values(frame, part, role)
    text, low, high = (f"{100 * x:.1f}" for x in (values.median(), values.min(), values.max()))
    return f"{text} %" if low == high else f"{text} % ({low} to {high})"


def _at(frame: pd.DataFrame, noise: float) -> pd.DataFrame:
    rows = frame[np.isclose(frame.noise, noise)]
    if rows.empty:
        raise Untested(f"no run at noise {noise}")
    return rows


def _chance(frame: pd.DataFrame) -> float:
    return 1 / int(frame.p.iloc[0])


def _separates(g: str) -> Callable[[pd.DataFrame], list[tuple[str, str, bool]]]:
    """The rule of Result 4.1 with ``g`` as the filtered net."""

    def apply(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
        found = []
        for noise in (0.3, 0.5, 0.8):
            rows, least = _at(frame, noise), 0.99 if noise == 0.3 else 0.95
            test, kept = _median(rows, g, "test"), _median(rows, g, "noisy")
            rest, rest_test = _median(rows, "R", "noisy"), _median(rows, "R", "test")
            holds = test >= least and kept <= _chance(frame) + 0.05
            holds = holds and rest >= 0.5 and rest_test <= 0.1
            text = f"FF test {_told(rows, g, 'test')}, noisy {_told(rows, g, 'noisy')}; "
            text += f"residual noisy {_told(rows, 'R', 'noisy')}, test {_told(rows, 'R', 'test')}"
            if noise == 0.8:
                gain = test - _median(rows, "full", "test")
                holds = holds and gain >= 0.2
                text += f"; full net test {_told(rows, 'full', 'test')}"
            found.append((f"noise {noise:g}", text, holds))
        return found

    return apply


_SEPARATION = (
    "test accuracy after FF at least 99 % at noise 0.3 and 95 % at 0.5 and 0.8, at 0.8 at least "
    "20 points above the full net; FF's noisy accuracy at most 1/p + 5 %; the residual's noisy "
    "accuracy at least 50 % with at most 10 % test accuracy"
)


def _swap(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    found, at_chance = [], []
    for noise in (0.3, 0.5, 0.8):
        rows = _at(frame, noise)
        if _median(rows, "full", "test") <= 3 * _chance(frame):
            at_chance.append(f"{noise:g}")
        for part, forgotten in (("quadratic", 0.0), ("reverse_relu", 0.2)):
            gain = _median(rows, part, "test") - _median(rows, "full", "test")
            change = _median(rows, part, "noisy") - _median(rows, "full", "noisy")
            text = ", ".join(
                f"{role} {_told(rows, 'full', role)} before, {_told(rows, part, role)} after"
                for role in ("test", "noisy")
            )
            name = f"{part.replace('_', ' ')}, noise {noise:g}"
            found.append((name, text, gain >= -0.02 and change <= -forgotten))
    if at_chance:
        reason = "before the swap there is no test accuracy to keep, at most 3 × chance, at noise "
        raise Untested(reason + ", ".join(at_chance), *(f"{name}: {x}" for name, x, _ in found))
    return found


def _not_below(*noises: float) -> Callable[[pd.DataFrame], list[tuple[str, str, bool]]]:
    """FF does not lower the test accuracy at any of these noise ratios."""

    def apply(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
        found = []
        for noise in noises:
            rows = _at(frame, noise)
            text = f"test {_told(rows, 'full', 'test')} before, "
            text += f"{_told(rows, 'G', 'test')} after FF"
            holds = _median(rows, "G", "test") >= _median(rows, "full", "test")
            found.append((f"noise {noise:g}", text, holds))
        return found

    return apply


def _near_chance(rows: pd.DataFrame) -> list[tuple[str, str, bool]]:
    found = []
    for part in ("full", "G", "G_quadratic", "G_random"):
        holds = _median(rows, part, "test") <= 3 * _chance(rows)
        found.append((part.replace("_", " "), f"test {_told(rows, part, 'test')}", holds))
    return found


def _no_rule(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    return _near_chance(_at(frame, 1.0))


def _untrained(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    if (frame.step > 0).any():
        raise Untested("not untrained: rows of later steps than 0")
    return _near_chance(frame)


def _beats_random(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    found = []
    for noise in (0.3, 0.5, 0.8):
        rows = _at(frame, noise)
        for name, own, other in (
            ("ReLU", "G", "G_random_relu"),
            ("x²", "G_quadratic", "G_random"),
        ):
            text = f"test {_told(rows, own, 'test')} dominant, "
            text += f"{_told(rows, other, 'test')} random"
            holds = _median(rows, own, "test") >= _median(rows, other, "test") + 0.1
            found.append((f"{name}, noise {noise:g}", text, holds))
    return found


def _leads(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    found = []
    full = _values(frame, "full", "test").groupby(frame.step).median()
    for part in ("G", "G_quadratic"):
        curve = _values(frame, part, "test").groupby(frame.step).median()
        name, reached = part.replace("_", " "), curve.index[curve >= 0.5]
        if not len(reached):
            text = f"never reaches 50 % (best {100 * curve.max():.1f} %)"
            found.append((name, text, False))
            continue
        then = full.loc[: reached[0]].index[-1]
        raw = _told(frame[frame.step == then], "full", "test")
        text = f"50 % at step {reached[0]}, the full net then {raw}"
        found.append((name, text, bool(full[then] <= 2 * _chance(frame))))
    return found


_CLAIMS = (
    Claim(
        "R4.1-FF",
        "Keeping one frequency per neuron separates the rule from the memorized labels",
        "paper, Result 4.1, Fig. 5 left",
        f"with the trained activation: {_SEPARATION}",
        _separates("G"),
        needs={"act": "relu"},
    ),
    Claim(
        "R4.1-FF-quadratic-part",
        "The same, with φ(x) = x² and μ = 0 in the filtered net",
        "ours",
        f"with φ = x², μ = 0 after FF: {_SEPARATION}",
        _separates("G_quadratic"),
        needs={"act": "relu"},
    ),
    Claim(
        "R4.1-FF-mu0",
        "The same, with the trained activation and μ = 0 in the filtered net",
        "ours",
        f"with μ = 0 after FF: {_SEPARATION}",
        _separates("G_mu0"),
        needs={"act": "relu"},
    ),
    Claim(
        "R4.1-swap",
        "Replacing ReLU after training keeps the test accuracy and reduces the noise",
        "paper, Result 4.1, Fig. 5 right",
        "at noise 0.3, 0.5, 0.8 of nets with more than 3 × chance test accuracy: it falls by at "
        "most 2 points; noisy accuracy does not rise under x² and falls by at least 20 points "
        "under max(0, −x)",
        _swap,
        needs={"act": "relu"},
    ),
    Claim(
        "D-FF-subtraction",
        "FF separates rule and noise for subtraction too",
        "paper, Fig. 23",
        f"as R4.1-FF: {_SEPARATION}",
        _separates("G"),
        needs={"op": "sub"},
    ),
    Claim(
        "D-FF-quadratic",
        "FF raises the test accuracy of quadratic nets",
        "paper, Fig. 24",
        "at noise 0.3, 0.5, 0.8 the test accuracy after FF is not below the one before",
        _not_below(0.3, 0.5, 0.8),
        needs={"act": "quadratic"},
    ),
    Claim(
        "D-FF-clean",
        "FF raises the test accuracy of nets trained without noise",
        "paper, Fig. 25",
        "at noise 0 the test accuracy after FF is not below the one before",
        _not_below(0.0),
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
        "before the first step the test accuracy of the full net and of each kind of FF is at "
        "most 3 × chance",
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
        "and with x²; all recorded steps of one noise ratio",
        _leads,
        same="noise",
    ),
)

CLAIMS: Mapping[str, Claim] = {claim.id: claim for claim in _CLAIMS}
"""All claims by id."""


def _setting(frame: pd.DataFrame) -> str:
    """What all rows have in common, and how many seeds they are from."""
    labels = {"op": "", "p": "p = ", "act": "", "width": "M = ", "noise": "noise = "}
    labels |= {"steps": "steps = ", "seed": "seed "}
    shared = [name for name in labels if name in frame and frame[name].nunique() == 1]
    parts = [f"{labels[name]}{frame[name].iloc[0]}" for name in shared]
    if "seed" in frame and "seed" not in shared:
        parts.append(f"median (lowest to highest) of {frame.seed.nunique()} seeds")
    return "; ".join(parts)


def check(claim_id: str, frame: pd.DataFrame, *, scale: str) -> Verdict:
    """Apply a claim's rule to recorded numbers.

    Returns "not tested" below ``TESTED_SCALES`` or when runs or parts are missing, never an error
    because a claim fails.

    Raises:
        ValueError: a claim that is not in `CLAIMS`; rows of several settings, which no median
            over seeds may mix.
    """
    if claim_id not in CLAIMS:
        raise ValueError(f"claim {claim_id!r} is not known: it must be one of {list(CLAIMS)}")
    claim = CLAIMS[claim_id]
    for name in (*_SETTING, claim.same):
        if name in frame and frame[name].nunique() > 1:
            mixed = f"{name} = {frame[name].min()} and {frame[name].max()} in one frame"
            raise ValueError(f"{mixed} is not allowed: {claim_id} needs one {name}")
    try:
        for name, value in claim.needs.items():
            if name in frame and (frame[name] != value).any():
                raise Untested(f"{name} = {frame[name].iloc[0]}, the claim is about {value}")
        found = claim.apply(frame)
        state = "confirmed" if all(holds for *_, holds in found) else "refuted"
        measured = tuple(
            f"{name}: {text} ({'holds' if holds else 'fails'})" for name, text, holds in found
        )
    except Untested as missing:
        state, measured = "not tested", missing.args
    if scale not in TESTED_SCALES:
        state = "not tested"
        measured = (f"{scale} scale is too small to tell", *measured)
    return Verdict(claim, state, measured, scale, _setting(frame))
