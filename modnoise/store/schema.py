"""What files from outside must look like: a manifest, the index of published runs, a checkpoint's
facts, an export's index, a notebook with verdicts.

A checksum says that a file is what somebody wrote, not that it is of the right shape. Every file
that may come from elsewhere passes one of these models before it is used: strictly typed, without
fields that we do not know, with names that cannot leave their folder. All: ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    model_validator,
)

from modnoise.spec import Spec, SpecError, Trainable
from modnoise.studies import spec_from
from modnoise.sweep import Scale
from modnoise.verdict import State

DEEPEST = 16
"""Levels of nesting of which no file of ours has more; deeper ones would end in the recursion
limit of whatever walks through them."""

AnySpec = TypeVar("AnySpec", bound=Spec)

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z]+$")]
Line = Annotated[str, Field(pattern=r"^\P{C}*$")]
"""Text without line breaks and other control characters."""

Member = Annotated[
    str,
    Field(
        pattern=r"^([0-9a-f]{12}/(history\.parquet|weights\.safetensors|manifest\.json)"
        r"|checkpoints/[0-9a-f]{12}(-[a-z]+)?\.safetensors)$"
    ),
]


class FileFacts(BaseModel):
    """Size and checksum of a file."""

    model_config = Spec.model_config

    bytes: NonNegativeInt
    sha256: Sha256


class RecordFiles(BaseModel):
    """The files of a record beside its manifest; weights may be absent, but not null."""

    model_config = Spec.model_config

    history: FileFacts = Field(alias="history.parquet")
    # Null is no FileFacts, so that pydantic refuses it: the default is not validated.
    weights: FileFacts = Field(None, alias="weights.safetensors")  # type: ignore[assignment]


class Part(FileFacts):
    """One file of an export."""

    name: Line


class RunFacts(Spec):
    """Facts of a recorded run; ``config`` is for `modnoise.studies.spec_from`.

    ``sources`` (`modnoise.store.provenance.sources`) stands where there is no clean commit; older
    records do not say it. ``seconds`` passed while it was trained; ``core_seconds`` are those in
    which the process had a core (of several threads: the sum), which older records do not say.
    """

    key: Key
    config: dict[str, Any]
    seed: int | None
    diverged: bool
    commit: Line | None
    dirty: bool | None
    sources: Sha256 | None = None
    versions: dict[Line, Line]
    date: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
    device: Line
    device_name: Line
    threads: int = Field(ge=1)
    seconds: NonNegativeFloat
    core_seconds: NonNegativeFloat | None = None
    stack: list[Key]


class Manifest(RunFacts):
    """Facts of a record in a folder of its own."""

    files: RecordFiles


class PublishedRun(RunFacts):
    """Facts of a published run: its manifest, and the rows and columns of its curves."""

    rows: NonNegativeInt
    weights: FileFacts | None = None
    columns: list[Line]


class PublishedScale(BaseModel):
    """What ``runs.json`` says of one Parquet file: ``all`` of its runs, and each in its order."""

    model_config = Spec.model_config

    curves: FileFacts
    all: dict[str, Any]
    runs: list[dict[str, Any]]

    def merged(self) -> list[PublishedRun]:
        """Everything about each run.

        Raises:
            SpecError: a run lacks a fact, or has one that is not allowed.
        """
        return [PublishedRun(**_both(self.all, run, "config")) for run in self.runs]


class PublishedIndex(Spec):
    """The content of ``runs.json``; ``sha256`` is of all bytes after its line."""

    sha256: Sha256
    scales: dict[Name, PublishedScale]


class CheckpointFacts(Spec):
    """Facts of a checkpoint; ``members`` are for `modnoise.studies.spec_from`."""

    members: list[dict[str, Any]] = Field(min_length=1)
    device: Line
    step: NonNegativeInt
    seconds: NonNegativeFloat
    core_seconds: NonNegativeFloat = 0.0


class ExportIndex(Spec):
    """What an export holds: files of a tar stream in order, and the members of that."""

    format: int = Field(ge=1, le=1)
    parts: list[Part]
    members: dict[Member, FileFacts]

    @model_validator(mode="after")
    def _numbered(self) -> ExportIndex:
        for number, part in enumerate(self.parts, start=1):
            if part.name != f"part-{number:04}":
                raise ValueError(
                    f"parts.{number - 1}.name = {part.name!r} is not allowed: it must be "
                    f"part-{number:04}"
                )
        return self


TALLY = r"^(not tested|\d+ of \d+)$"


class CellFacts(Spec):
    """One cell of a verdict: what was measured there, and on how many seeds."""

    name: Line
    measured: str
    state: Literal["holds", "fails", "undecidable"]
    seeds: NonNegativeInt

    def __str__(self) -> str:
        return f"{self.name}: {self.measured} ({self.state})"


class VerdictFacts(Spec):
    """What a page stores of a verdict (`modnoise.verdict.VERDICT`)."""

    claim: Line
    state: State
    tally: str = Field(pattern=TALLY)
    counted: Line
    undecidable: NonNegativeInt
    seeds: NonNegativeInt
    deciding: str
    cells: list[CellFacts]
    missing: list[str]
    depends: list[Line]
    remarks: list[Line]
    bounds: dict[str, float]
    share: NonNegativeFloat
    scale: Scale
    at: Line
    setting: str
    width: NonNegativeInt
    runs: list[Key]


class Answered(Spec):
    """What a page stores of its answer (`modnoise.pages.answer.ANSWER`)."""

    lead: Line
    claim: str
    text: str
    chips: dict[str, Line]


class ScorecardLine(Spec):
    """A claim and its verdict, for machines."""

    claim: Line
    paper: Line
    source: Line
    statement: str
    rule: str
    state: State
    chip: Line = Field(description="the state in words, with what controls say that limits it")
    tally: str = Field(pattern=TALLY, description="in how many decidable cells it holds")
    undecidable: NonNegativeInt = Field(description="cells that cannot tell")
    share: NonNegativeFloat = Field(description="share of the decidable cells that it asks for")
    bounds: dict[str, float] = Field(description="bounds of the rule, which are ours")
    depends: list[Line] = Field(description="bounds whose half or double gives another state")
    seeds: NonNegativeInt = Field(description="fewest seeds of a decidable cell")
    deciding: str = Field(description="the measurement that decided")
    cells: list[CellFacts]
    missing: list[str] = Field(description="what is not recorded, where nothing was judged")
    evidence: str = Field(description="in how many other settings it holds")
    at: Line = Field(description="whose setting, in words")
    setting: str
    scale: Scale
    width: NonNegativeInt
    runs: list[Key] = Field(description="keys of the recorded runs that were asked")
    page: Line


class Scorecard(Spec):
    """The file ``scorecard.json`` beside the page: one line per claim."""

    format: Literal[2] = 2
    claims: list[ScorecardLine]


class _Read(BaseModel):
    """A part of a notebook of which only some fields are read."""

    model_config = ConfigDict(frozen=True, strict=True)


class Output(_Read):
    """What a cell has shown, by kind."""

    data: dict[str, Any] = {}


class Cell(_Read):
    """A cell of a notebook; the source is one text or its lines."""

    cell_type: str
    source: str | list[str]
    outputs: list[Output] = []


class Notebook(Spec):
    """The cells of a notebook, as nbformat 4 has them."""

    model_config = ConfigDict(extra="ignore")

    cells: list[Cell]


def _both(all_: Mapping[str, Any], own: Mapping[str, Any], inside: str) -> dict[str, Any]:
    """Facts of all and one's own together, and so those of one field that holds facts."""
    parts = [facts.get(inside, {}) for facts in (all_, own)]
    if not all(isinstance(part, dict) for part in parts):
        raise SpecError(f"{inside} must be fields with values")
    return {**all_, **own, inside: {**parts[0], **parts[1]}}


def parsed(data: bytes | str) -> Any:
    """A JSON value.

    Raises:
        SpecError: it is no JSON, or nested deeper than anything of ours.
    """
    try:
        value = json.loads(data)
    except ValueError as error:
        raise SpecError(f"it is no JSON: {error}") from None
    except RecursionError:
        value = None
    else:
        level = [value]
        for _ in range(DEEPEST):
            level = [x for v in level for x in _inside(v)]
            if not level:
                return value
    raise SpecError(f"it is nested deeper than {DEEPEST} levels")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value.values()]
    return value if isinstance(value, list) else []


def shaped(model: type[AnySpec], value: Any) -> AnySpec:
    """A value from outside as what it must be.

    Raises:
        SpecError: one line that names the first fields that are not allowed.
    """
    if not isinstance(value, dict):
        raise SpecError("it must be fields with values")
    return model(**value)


def recorded(manifest: Mapping[str, Any], name: str) -> Trainable:
    """The run that a manifest in a folder of this name is about.

    Raises:
        SpecError: its configuration is not allowed here, or that of another run.
    """
    run = spec_from(manifest["config"])
    if {name, manifest["key"]} != {run.key}:
        raise SpecError(f"its manifest is of run {run.key}")
    return run


def stacked(facts: Mapping[str, Any]) -> list[Trainable]:
    """The runs of a checkpoint with these facts, in order.

    Raises:
        SpecError: one that is not allowed here, runs that are no stack, a step after the last.
    """
    stack = [spec_from(member) for member in facts["members"]]
    if len({run.stack_fields for run in stack}) > 1 or len({*stack}) < len(stack):
        raise SpecError("its members are no stack: some are the same or cannot share tensors")
    if facts["step"] > stack[0].steps:
        raise SpecError(f"step = {facts['step']} is not allowed: it has {stack[0].steps} steps")
    return stack
