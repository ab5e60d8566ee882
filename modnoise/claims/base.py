"""What a claim is, what a verdict is, and how rules read recorded numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd

TESTED_SCALES = ("laptop", "paper")
"""Scales at which a claim can be confirmed or refuted; ``smoke`` only exercises the code."""

VERDICT = "application/vnd.modnoise.verdict+json"
"""Type under which a notebook's output holds the facts of a verdict."""

STATES = ("confirmed", "refuted", "not tested")

SETTING = ("op", "p", "act", "width", "tied", "optimizer", "lr", "weight_decay", "noise_kind")
SETTING += ("train_frac", "steps", "batch", "matmul", "source", "images", "hidden1", "hidden2")
"""Fields of a run that no rule takes a median over."""


@dataclass(frozen=True)
class Claim:
    """One checkable statement: who claims it, the rule that decides, the function that applies it.

    ``source``: the paper's section or figure, or ``ours`` for controls. ``apply`` gives one
    (condition, measured text, holds) per condition, and raises `Untested` when data are missing.
    ``needs``: fields of the runs that the claim is about. ``same``: the column, besides the
    setting, that must have one value in all rows; ``over``: fields of the setting that the rule
    itself compares, so that they may differ. ``share``: the part of the conditions that must hold.
    """

    id: str
    statement: str
    source: str
    rule: str
    apply: Callable[[pd.DataFrame], list[tuple[str, str, bool]]]
    needs: Mapping[str, object] = field(default_factory=dict)
    same: str = "step"
    over: tuple[str, ...] = ()
    share: float = 1.0


class Untested(Exception):
    """The data a rule needs are not there; the message says which, more arguments what is."""


@dataclass(frozen=True)
class Verdict:
    """What a rule said about some data: ``state`` is confirmed, refuted or not tested.

    ``measured`` has one text per condition, ``runs`` the keys of the runs that were asked. In a
    notebook a verdict leaves its facts beside its text, where `modnoise.scorecard` finds them.
    """

    claim: Claim
    state: str
    measured: tuple[str, ...]
    scale: str
    setting: str
    runs: tuple[str, ...] = ()

    @property
    def tally(self) -> str:
        """How many conditions hold, as ``3 of 4``; ``not tested`` where no rule was applied."""
        if self.state == "not tested":
            return self.state
        holding = sum(text.endswith("(holds)") for text in self.measured)
        return f"{holding} of {len(self.measured)}"

    def __repr__(self) -> str:
        return f"{self.claim.id}: {self.state} ({self.scale} scale; {self.setting})"

    def __str__(self) -> str:
        return (
            f"{self!r}\n"
            f"  claim: {self.claim.statement} [{self.claim.source}]\n"
            f"  rule: {self.claim.rule}\n"
            f"  measured: {' · '.join(self.measured)}"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict:
        facts = {"claim": self.claim.id, "state": self.state, "tally": self.tally}
        facts |= {"measured": list(self.measured), "scale": self.scale, "setting": self.setting}
        return {VERDICT: {**facts, "runs": list(self.runs)}}

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


def values(frame: pd.DataFrame, part: str, role: str) -> pd.Series:
    """One accuracy of one part, a value per row (seed)."""
    values = frame.loc[frame.part == part, f"accuracy_{role}"]
    if values.empty:
        raise Untested(f"no recorded part {part!r}")
    if missing := int(values.isna().sum()):
        raise Untested(f"{part} has no {role} accuracy in {missing} of {len(values)} rows")
    return values


def median(frame: pd.DataFrame, part: str, role: str) -> float:
    """The median over rows (seeds) of one accuracy of one part."""
    return float(values(frame, part, role).median())


def told(frame: pd.DataFrame, part: str, role: str) -> str:
    """The median as text; of several seeds that differ, with the lowest and the highest."""
    found = values(frame, part, role)
    text, low, high = (f"{100 * x:.1f}" for x in (found.median(), found.min(), found.max()))
    return f"{text} %" if low == high else f"{text} % ({low} to {high})"


def at_noise(frame: pd.DataFrame, noise: float) -> pd.DataFrame:
    """The rows at one noise ratio."""
    rows = frame[np.isclose(frame.noise, noise)]
    if rows.empty:
        raise Untested(f"no run at noise {noise}")
    return rows


def chance(frame: pd.DataFrame) -> float:
    """Accuracy of a guess, 1 / p."""
    return 1 / int(frame.p.iloc[0])
