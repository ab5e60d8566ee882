"""Claims as rules on recorded numbers; a verdict is a value that prints itself.

With several seeds a rule is applied to the median over seeds, and the lowest and highest are
reported beside it. A claim that fails raises nothing: at the paper's setting it is *refuted*, a
result; at a smaller one, which cannot refute what the paper says of its own, *not seen here*.
Rules take frames: rows with ``part``, ``accuracy_<role>`` and the fields of their runs
(`modnoise.frames.curves`), at the last step unless said otherwise. Each study declares its claims
in its module ``claims``. numpy and pandas only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape

import numpy as np
import pandas as pd
from pydantic.fields import FieldInfo

from modnoise import studies
from modnoise.spec import SpecError, Trainable
from modnoise.spec import told as fields_told

TESTED_SCALES = ("laptop", "fast", "paper")
"""Scales at which a claim can be tested; ``smoke`` only exercises the code."""

VERDICT = "application/vnd.modnoise.verdict+json"
"""Type under which a notebook's output holds the facts of a verdict."""

STATES = ("confirmed", "refuted", "not seen here", "not tested")

MIXED = ("seed", "noise", "val_frac", "momentum")
"""Fields of a run in which rows may differ beside those that a claim is about: seeds, of which
rules take the median; the noise, which rules choose rows by; what follows from other fields."""

Found = list[tuple[str, str, bool]]
"""What a rule finds: (condition, measured text, holds) per condition."""

ROUNDING = 1e-9
"""Added to every bound, so that exactly that much meets it."""


@dataclass(frozen=True)
class Claim:
    """One checkable statement: who claims it, the rule that decides, the function that applies it.

    ``source``: the paper's section or figure, or ``ours`` for controls. ``apply`` says what it
    finds, and raises `Untested` when data are missing. ``needs``: fields of the runs that the
    claim is about. ``same``: the column, besides the setting, that must have one value in all
    rows; ``over``: fields of the setting that the rule itself compares, so that they may differ.
    ``share``: the part of the conditions that must hold. ``headline``: of a claim that a reader
    asks about first, the condition that stands for it in the README's short table.

    ``under``: the paper's claim that this one is evidence for, being the same of another
    activation, optimizer, operation or share; empty: it stands for itself. ``first``: it is about
    so many first steps (0: about trained nets). ``widest``: with no net of this width the paper's
    claim cannot be refuted. ``of``: whose claim it is, where neither ours nor a follow-up's.
    """

    id: str
    statement: str
    source: str
    rule: str
    apply: Callable[[pd.DataFrame], Found]
    needs: Mapping[str, object] = field(default_factory=dict)
    same: str = "step"
    over: tuple[str, ...] = ()
    share: float = 1.0
    headline: str = ""
    under: str = ""
    first: int = 0
    widest: int = 0
    of: str = "Liu & Lu 2026"

    @property
    def names_no_scale(self) -> bool:
        """Whether any tested setting can refute it: claims of ours and of the follow-up."""
        return self.source.startswith(("ours", "follow-up"))

    @property
    def paper(self) -> str:
        """Whose claim it is, in a few words."""
        if self.source.startswith("follow-up"):
            return "The follow-up (arXiv 2610.11833)"
        if self.source.startswith("ours"):
            return "Ours: controls and findings"
        return self.of


class Untested(Exception):
    """The data a rule needs are not there; the message says which, more arguments what is."""


@dataclass(frozen=True)
class Verdict:
    """What a rule said about some data: ``state`` is one of `STATES`.

    ``measured`` has one text per condition, ``runs`` the keys of the runs that were asked, ``at``
    says in words whether they are at the paper's setting, ``width`` is that of the widest net (0:
    none is recorded). In a notebook a verdict leaves its facts beside its text, where the
    scorecard finds them.
    """

    claim: Claim
    state: str
    measured: tuple[str, ...]
    scale: str
    at: str
    setting: str
    width: int = 0
    runs: tuple[str, ...] = ()

    @property
    def tally(self) -> str:
        """How many conditions hold, as ``3 of 4``; ``not tested`` where no rule was applied."""
        if self.state == "not tested":
            return self.state
        holding = sum(text.endswith("(holds)") for text in self.measured)
        return f"{holding} of {len(self.measured)}"

    def __repr__(self) -> str:
        return f"{self.claim.id}: {self.state} · {self.at} · {self.setting}"

    def __str__(self) -> str:
        return (
            f"{self!r}\n"
            f"  claim: {self.claim.statement} [{self.claim.source}]\n"
            f"  rule: {self.claim.rule}\n"
            f"  measured: {' · '.join(self.measured)}"
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict:
        facts = {"claim": self.claim.id, "state": self.state, "tally": self.tally}
        facts |= {"measured": list(self.measured), "scale": self.scale, "at": self.at}
        facts |= {"setting": self.setting, "width": self.width}
        return {VERDICT: {**facts, "runs": list(self.runs)}}

    def _repr_html_(self) -> str:
        state = self.state.replace(" ", "-")
        measured = "".join(f"<li>{escape(text)}</li>" for text in self.measured)
        return (
            f'<details class="mn-verdict mn-fold {state}" id="{anchor(self.claim.id)}" open>'
            f'<summary><span class="state">{escape(self.state)}</span> '
            f"{escape(self.claim.statement)} <small>{escape(self.at)}, {self.tally}</small>"
            f"</summary><p>Rule: {escape(self.claim.rule)}.</p><ul>{measured}</ul>"
            f"<p><small>{escape(self.claim.id)}, {escape(self.claim.source)}. "
            f"{escape(self.setting)}</small></p></details>"
        )


def anchor(claim_id: str) -> str:
    """The place on a page where the verdict on a claim is shown: ``page.html#`` and this."""
    return f"verdict-{claim_id.replace('.', '-')}"  # a dot would end the name in a selector


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


def _fields(frame: pd.DataFrame) -> dict[str, FieldInfo]:
    """Every field of every kind of run, those of the kind that the frame is of first."""
    kinds = sorted(studies.SPECS.values(), key=lambda x: -len({*x.model_fields} & {*frame}))
    found: dict[str, FieldInfo] = {}
    for kind in kinds:
        for name, info in kind.model_fields.items():
            found.setdefault(name, info)
    return found


def _setting(frame: pd.DataFrame) -> str:
    """What all rows have in common, and how many seeds they are from."""
    fields = _fields(frame)
    shared = {name: frame[name].unique().tolist() for name in frame if name in fields}
    shared = {name: x for name, x in shared.items() if len(x) == 1 and pd.notna(x[0])}
    parts = fields_told(fields, shared)
    if "seed" in frame and "seed" not in shared:
        parts.append(f"median (lowest to highest) of {frame.seed.nunique()} seeds")
    return "; ".join(parts)


def _runs(frame: pd.DataFrame) -> list[Trainable]:
    """The runs that the rows are of; none where a field of theirs is missing or not allowed."""
    for kind in studies.SPECS.values():
        names = [*kind.model_fields]
        if {*names} <= {*frame}:
            rows = frame[names].drop_duplicates().to_dict("records")
            try:
                return [kind(**_read(row, kind.model_fields)) for row in rows]
            except SpecError:
                return []
    return []


def _read(row: Mapping[str, object], fields: Mapping[str, FieldInfo]) -> dict[str, object]:
    """A run's fields before a frame made its gaps NaN, and whole numbers beside them floats."""
    whole = {name for name, info in fields.items() if info.annotation == int | None}
    return {
        name: None if pd.isna(x) else int(x) if name in whole else x for name, x in row.items()
    }


def _papers_setting(frame: pd.DataFrame, first: int) -> str:
    """The paper's setting in words, of two tempos the faster; empty unless all nets are at it.

    Untrained nets are at every setting; trained ones must be seen at their last step.
    """
    trained = [run for run in _runs(frame) if run.steps]
    told = [run.papers_setting(first) for run in trained]
    if not told or not all(told) or "step" not in frame:
        return ""
    ended = first or frame.step.max() >= max(run.steps for run in trained)
    return max(told) if ended else ""


def check(claim_id: str, frame: pd.DataFrame, *, scale: str) -> Verdict:
    """Apply a claim's rule to recorded numbers.

    Returns "not tested" below ``TESTED_SCALES`` or when runs or parts are missing, never an error
    because a claim fails. A claim of the paper that fails is refuted only by nets at the paper's
    setting, as wide as it asks for.

    Raises:
        ValueError: a claim that no study declares; rows of several settings, which no median
            over seeds may mix.
    """
    if claim_id not in studies.CLAIMS:
        known = list(studies.CLAIMS)
        raise ValueError(f"claim {claim_id!r} is not known: it must be one of {known}")
    claim = studies.CLAIMS[claim_id]
    setting = [name for name in _fields(frame) if not name.startswith("record_")]
    for name in (*setting, claim.same):
        if name in claim.over or (name in MIXED and name != claim.same):
            continue
        if name in frame and frame[name].nunique() > 1:
            mixed = f"{name} = {frame[name].min()} and {frame[name].max()} in one frame"
            raise ValueError(f"{mixed} is not allowed: {claim_id} needs one {name}")
    papers = _papers_setting(frame, claim.first)
    width = int(frame.width.max()) if "width" in frame and len(frame) else 0
    can_refute = claim.names_no_scale or (bool(papers) and width >= claim.widest)
    failed = "refuted" if can_refute else "not seen here"
    try:
        if frame.empty:
            raise Untested("no runs")
        for name, value in claim.needs.items():
            if name in frame and (frame[name] != value).any():
                raise Untested(f"{name} = {frame[name].iloc[0]}, the claim is about {value}")
        found = claim.apply(frame)
        holding = sum(holds for *_, holds in found)
        state = "confirmed" if holding >= claim.share * len(found) - ROUNDING else failed
        measured = tuple(
            f"{name}: {text} ({'holds' if holds else 'fails'})" for name, text, holds in found
        )
    except Untested as missing:
        state, measured = "not tested", missing.args
    if scale not in TESTED_SCALES:
        state = "not tested"
        measured = (f"{scale} scale is too small to tell", *measured)
    runs = tuple(sorted(frame.key.unique())) if "key" in frame else ()
    at = (
        papers or f"{'other' if scale in ('fast', 'paper') else 'smaller'} setting ({scale} scale)"
    )
    return Verdict(claim, state, measured, scale, at, _setting(frame), width, runs)


def check_first(claim_id: str, *asked: tuple[pd.DataFrame, str]) -> Verdict:
    """The verdict on the first of several (rows, scale) on which the claim can be tested.

    Rows come from the highest setting down, so that a claim is judged there as soon as enough of
    it is recorded; where none can be tested, the verdict says what the first of them lacks.

    Raises:
        ValueError: as `check`.
    """
    verdicts = [check(claim_id, frame, scale=scale) for frame, scale in asked]
    return next((one for one in verdicts if one.state != "not tested"), verdicts[0])
