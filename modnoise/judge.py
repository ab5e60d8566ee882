"""Judging a claim on recorded numbers, as a careful referee would.

A rule says of each cell whether the claim holds there, fails or cannot be decided
(`modnoise.claim`); `check` makes a verdict of that. With several seeds a rule is applied to the
median over seeds, and the lowest and highest are reported beside it; it is also applied to every
seed by itself, which tells whether a failure lies within the spread over seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
from pydantic.fields import FieldInfo

from modnoise import studies
from modnoise.claim import ROUNDING, Claim, Found, Untested
from modnoise.spec import SpecError, Trainable
from modnoise.spec import told as fields_told
from modnoise.verdict import Cell, Verdict

TESTED_SCALES = ("laptop", "fast", "paper")
"""Scales at which a claim can be tested; ``smoke`` only exercises the code."""

MIXED = ("seed", "noise", "val_frac", "momentum")
"""Fields of a run in which rows may differ beside those that a claim is about: seeds, of which
rules take the median; the noise, which rules choose rows by; what follows from other fields."""

SEEDS = 3
"""Fewest seeds of every cell that fails, without which no claim is contradicted."""

FEW = 1 / 3
"""A claim that holds in more than this share of its decidable cells is never contradicted."""


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


def _read(row: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
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


def _place(frame: pd.DataFrame, scale: str) -> str:
    """A setting that is not the paper's, in words: what a reader would compare first."""
    parts = []
    for name, form in (("p", "p = {}"), ("images", "{:,} images"), ("steps", "{:,} steps")):
        found = frame[name].dropna().unique() if name in frame else []
        if len(found) == 1 and found[0] > 1:
            parts.append(form.format(int(found[0])))
    kind = "another setting" if scale in ("fast", "paper") else "smaller setting"
    return f"{kind}: {', '.join(parts)}" if parts else kind


def _refuse_mixtures(claim: Claim, frame: pd.DataFrame) -> None:
    setting = [name for name in _fields(frame) if not name.startswith("record_")]
    for name in (*setting, claim.same):
        if name in claim.over or (name in MIXED and name != claim.same):
            continue
        if name in frame and frame[name].nunique() > 1:
            mixed = f"{name} = {frame[name].min()} and {frame[name].max()} in one frame"
            raise ValueError(f"{mixed} is not allowed: {claim.id} needs one {name}")


def _found(claim: Claim, frame: pd.DataFrame, bounds: Mapping[str, float]) -> Found:
    """What the rule finds; raises `Untested` where what the claim is about is missing."""
    if frame.empty:
        raise Untested("no runs")
    for name, value in claim.needs.items():
        if name in frame and (frame[name] != value).any():
            raise Untested(f"{name} = {frame[name].iloc[0]}, the claim is about {value}")
    return claim.apply(frame, **bounds)


def _by_seed(claim: Claim, frame: pd.DataFrame) -> dict[str, list[bool]]:
    """Per cell what each seed by itself says, of those that can tell."""
    told: dict[str, list[bool]] = {}
    for _, rows in frame.groupby("seed") if "seed" in frame else ():
        try:
            found = _found(claim, rows, claim.bounds)
        except Untested:
            continue
        for name, _, holds in found:
            if holds is not None:
                told.setdefault(name, []).append(bool(holds))
    return told


def _cells(claim: Claim, frame: pd.DataFrame) -> tuple[Cell, ...]:
    found, by_seed = _found(claim, frame, claim.bounds), _by_seed(claim, frame)
    drawn = frame.seed.nunique() if "seed" in frame else 0
    cells = []
    for name, measured, holds in found:
        alone = by_seed.get(name, [])
        firm = all(one == holds for one in alone)
        known = None if holds is None else bool(holds)
        cells.append(Cell(name, measured, known, len(alone) or drawn, firm))
    return tuple(cells)


def state_of(claim: Claim, cells: Iterable[Cell], *, may_contradict: bool) -> str:
    """The state of a claim by its cells (the project's rules for verdicts, section 2).

    It *holds* in at least the share of the decidable cells that its word asks for, and in its
    default cell where that can tell. It is *contradicted* if it holds in at most a third of at
    least three decidable cells (in none of fewer), if ``may_contradict``, that is, the widest nets
    that it is about are among them at the setting of the paper, and if every cell that fails has
    at least `SEEDS` seeds, none of which alone says otherwise; where these conditions are not met
    it is *undecided here*. Between the two it *holds in part*.
    """
    told = [cell for cell in cells if cell.holds is not None]
    failing = [cell for cell in told if not cell.holds]
    holding = len(told) - len(failing)
    if not told:
        return "undecided here"
    at_default = all(cell.holds for cell in told if cell.name == claim.default)
    enough = max(claim.share * len(told), 1) - ROUNDING
    named = claim.word == "can" and any(cell.name == claim.default for cell in told)
    if at_default and (named or holding >= enough):
        return "holds"
    few = holding <= FEW * len(told) + ROUNDING if len(told) >= 3 else holding == 0
    if not few:
        return "holds in part"
    drawn = all(cell.firm and (cell.seeds >= SEEDS or cell.seeds == 0) for cell in failing)
    return "contradicted" if may_contradict and drawn else "undecided here"


def check(
    claim_id: str, frame: pd.DataFrame, *, scale: str, beside: Iterable[Verdict] = ()
) -> Verdict:
    """Apply a claim's rule to recorded numbers.

    ``beside``: verdicts on controls, whose remarks stand on the verdict where they hold. Returns
    "not tested" below ``TESTED_SCALES`` or when runs or parts are missing, never an error because
    a claim fails (`state_of` says when which state is given).

    Raises:
        ValueError: a claim that no study declares; rows of several settings, which no median
            over seeds may mix.
    """
    if claim_id not in studies.CLAIMS:
        known = list(studies.CLAIMS)
        raise ValueError(f"claim {claim_id!r} is not known: it must be one of {known}")
    claim = studies.CLAIMS[claim_id]
    _refuse_mixtures(claim, frame)
    papers = claim.setting or _papers_setting(frame, claim.first)
    width = int(frame.width.max()) if "width" in frame and len(frame) else 0
    can = claim.names_no_scale or (bool(papers) and width >= claim.widest)
    runs = tuple(sorted(frame.key.unique())) if "key" in frame else ()
    about = (scale, papers or _place(frame, scale), _setting(frame), width, runs)
    try:
        cells, missing = _cells(claim, frame), tuple[str, ...]()
    except Untested as untold:
        cells, missing = (), untold.args
    if scale not in TESTED_SCALES:
        missing = (f"the scale {scale} is too small to tell", *missing)
    if missing:
        return Verdict(claim, "not tested", cells, *about, missing)
    state = state_of(claim, cells, may_contradict=can)
    depends = _depends(claim, frame, cells, state, can)
    return Verdict(claim, state, cells, *about, depends=depends).beside(beside)


def _depends(
    claim: Claim, frame: pd.DataFrame, cells: tuple[Cell, ...], state: str, can: bool
) -> tuple[str, ...]:
    """The bounds whose half or double gives another state."""
    found = []
    for name, value in claim.bounds.items():
        for factor in (0.5, 2.0):
            other = _found(claim, frame, {**claim.bounds, name: factor * value})
            told = {x: holds for x, _, holds in other}
            changed = [replace(x, holds=told.get(x.name)) for x in cells]
            if state_of(claim, changed, may_contradict=can) != state:
                found.append(name)
                break
    return tuple(found)


def check_first(claim_id: str, *asked: tuple[pd.DataFrame, str]) -> Verdict:
    """The verdict on the first of several (rows, scale) in which some cell can tell.

    Rows come from the highest setting down, so that a claim is judged there as soon as enough of
    it is recorded; where none can tell, the verdict says what the first of them lacks.

    Raises:
        ValueError: as `check`.
    """
    verdicts = [check(claim_id, frame, scale=scale) for frame, scale in asked]
    return next(
        (
            one
            for one in verdicts
            if one.state != "not tested" and one.undecidable < len(one.cells)
        ),
        verdicts[0],
    )
