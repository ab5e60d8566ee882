"""Verdicts: what the rules of claims say about recorded numbers, as values that print themselves.

`modnoise.judge` makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Literal, TypeAlias, get_args

from modnoise.claim import Claim, anchor

VERDICT = "application/vnd.modnoise.verdict+json"
"""Type under which a notebook's output holds the facts of a verdict."""

State: TypeAlias = Literal[
    "holds", "holds in part", "contradicted", "undecided here", "not tested"
]

STATES = get_args(State)


@dataclass(frozen=True)
class Cell:
    """One cell of a claim: what was measured, whether the claim holds there, on how many seeds.

    ``holds`` is None where the cell cannot tell; ``measured`` then says why. ``firm``: no seed by
    itself gives the other answer, so that the answer does not lie within the spread over seeds.
    """

    name: str
    measured: str
    holds: bool | None
    seeds: int = 0
    firm: bool = True

    @property
    def state(self) -> str:
        """``holds``, ``fails`` or ``undecidable``."""
        return {True: "holds", False: "fails", None: "undecidable"}[self.holds]

    def __str__(self) -> str:
        return f"{self.name}: {self.measured} ({self.state})"


@dataclass(frozen=True)
class Verdict:
    """What a rule said about some data: ``state`` is one of `STATES`.

    ``cells`` holds what was found, ``missing`` what is not recorded, where no rule was applied.
    ``runs`` are the keys of the runs that were asked; ``at`` says in words whose setting they are
    at, ``setting`` what they have in common, ``width`` is that of the widest net (0: none is
    recorded). ``depends``: the bounds of ours whose half or double would give another state.
    ``remarks``: what controls say that limits the claim's meaning. In a notebook a verdict leaves
    its facts beside its text, where the scorecard finds them.
    """

    claim: Claim
    state: str
    cells: tuple[Cell, ...]
    scale: str
    at: str
    setting: str
    width: int = 0
    runs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def tally(self) -> str:
        """In how many decidable cells it holds, as ``3 of 4``; ``not tested`` without a rule."""
        told = [cell.holds for cell in self.cells if cell.holds is not None]
        return self.state if self.state == "not tested" else f"{sum(told)} of {len(told)}"

    @property
    def measured(self) -> tuple[str, ...]:
        """One text per cell, and what is missing."""
        return (*map(str, self.cells), *self.missing)

    @property
    def undecidable(self) -> int:
        """The number of cells that cannot tell."""
        return sum(cell.holds is None for cell in self.cells)

    @property
    def counted(self) -> str:
        """The tally as a reader is told it, with the cells that cannot tell."""
        if self.state == "not tested":
            return self.state
        if not self.cells or self.undecidable == len(self.cells):
            return "no cell can tell"
        more = f", {self.undecidable} undecidable" if self.undecidable else ""
        return f"{self.tally} decidable cells{more}"

    @property
    def seeds(self) -> int:
        """The fewest seeds of any decidable cell; 0 where none was drawn."""
        return min((cell.seeds for cell in self.cells if cell.holds is not None), default=0)

    @property
    def deciding(self) -> str:
        """The one measurement to quote: of the default cell, or of a cell that fails.

        The default cell speaks for a claim that holds; of another claim the first cell that fails
        does, or the default cell if that is one; of one that cannot be decided the first reason.
        """
        kinds = {"holds": (True, False, None), "not tested": ()}
        for kind in kinds.get(self.state, (False, None, True)):
            some = [cell for cell in self.cells if cell.holds is kind]
            some.sort(key=lambda cell: cell.name != self.claim.default)
            if some:
                return f"{some[0].name}: {some[0].measured}"
        return self.missing[0] if self.missing else ""

    @property
    def chip(self) -> str:
        """The words of a chip: the state, counted where it holds in part, and what limits it."""
        return chip_words(self.state, self.tally, self.remarks)

    def beside(self, controls: Iterable[Verdict]) -> Verdict:
        """The same verdict with the remarks of those controls that hold and qualify its claim."""
        limits = (x.claim for x in controls if x.state in ("holds", "holds in part"))
        found = [x.remark for x in limits if x.qualifies == self.claim.id and x.remark]
        return replace(self, remarks=tuple(dict.fromkeys([*self.remarks, *found])))

    def __repr__(self) -> str:
        return f"{self.claim.id}: {self.chip} · {self.at} · {self.setting}"

    def __str__(self) -> str:
        bounds = ", ".join(f"{word(x)} {value:g}" for x, value in self.claim.bounds.items())
        return (
            f"{self!r}\n"
            f"  claim: {self.claim.statement} [{self.claim.source}]\n"
            f"  rule: {self.claim.rule}" + (f" [bounds: {bounds}]\n" if bounds else "\n") + "  "
            f"measured: {' · '.join(self.measured)}"
        )

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that a notebook stores, as `modnoise.store.schema.VerdictFacts` has them."""
        cells = [
            {"name": x.name, "measured": x.measured, "state": x.state, "seeds": x.seeds}
            for x in self.cells
        ]
        names = ("state", "tally", "counted", "undecidable", "seeds", "deciding", "scale", "at",
                 "setting", "width")  # fmt: skip
        told = {name: getattr(self, name) for name in names}
        lists = ("missing", "depends", "remarks", "runs")
        told |= {name: list(getattr(self, name)) for name in lists}
        return {"claim": self.claim.id, **told, "cells": cells, "bounds": self.claim.bounds,
                "share": self.claim.share}  # fmt: skip

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict:
        return {VERDICT: self.facts}

    def _repr_html_(self) -> str:
        state = self.state.replace(" ", "-")
        measured = "".join(f"<li>{escape(text)}</li>" for text in self.measured)
        bounds = ", ".join(f"{word(x)} {value:g}" for x, value in self.claim.bounds.items())
        bounds = f"<p>Bounds, which are ours: {escape(bounds)}.</p>" if bounds else ""
        depends = "".join(
            f"<p>The verdict depends on our bound of {escape(word(name))}: half or double of it "
            "gives another one.</p>"
            for name in self.depends
        )
        seeds = f", {told_seeds(self.seeds)}" if self.seeds else ""
        return (
            f'<details class="mn-verdict mn-fold {state}" id="{anchor(self.claim.id)}" open>'
            f'<summary><span class="state">{escape(self.chip)}</span> '
            f"{escape(self.claim.statement)} <small>{escape(self.at)}{seeds}; "
            f"{escape(self.counted)}</small></summary><p>Rule: {escape(self.claim.rule)}.</p>"
            f"{bounds}<ul>{measured}</ul>{depends}<p><small>{escape(self.claim.id)}, "
            f"{escape(self.claim.source)}. {escape(self.setting)}</small></p></details>"
        )


def chip_words(state: str, tally: str, remarks: Iterable[str]) -> str:
    """The words of a chip.

    >>> chip_words("holds in part", "2 of 3", ["so does an untrained network"])
    'holds in part, 2 of 3; so does an untrained network'
    """
    part = f"{state}, {tally}" if state == "holds in part" else state
    return "; ".join([part, *remarks])


def counted(counts: Mapping[str, int]) -> str:
    """Numbers of claims by state, in words; states that no claim has are left out.

    >>> counted({"holds": 2, "holds in part": 1, "contradicted": 0, "not tested": 1})
    '2 hold, 1 in part, 1 not tested'
    """
    words = {"holds": "hold", "holds in part": "in part", "undecided here": "undecided here"}
    return ", ".join(f"{n} {words.get(state, state)}" for state, n in counts.items() if n)


def word(name: str) -> str:
    """The name of a bound as a reader sees it."""
    return name.replace("_", " ")


def told_seeds(count: int) -> str:
    """A number of seeds in words."""
    return "one seed" if count == 1 else f"{count} seeds"
