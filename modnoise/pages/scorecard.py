"""All verdicts of the book, and one for each claim, read from the outputs of its notebooks.

A verdict is computed once, on the page that shows it, and leaves its facts in the notebook
(`modnoise.verdict.VERDICT`); nbval checks that the stored ones are what the code still gives. So
the scorecard cannot differ from the pages, and a claim that no page checks is missing from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from modnoise import studies
from modnoise.claim import Unchecked, anchor
from modnoise.pages.miniature import MINIATURE
from modnoise.spec import quoted
from modnoise.store.provenance import CHECKOUT
from modnoise.store.schema import (
    Notebook,
    Scorecard,
    ScorecardLine,
    VerdictFacts,
    parsed,
    shaped,
)
from modnoise.verdict import STATES, VERDICT, chip_words, counted, told_seeds, word

COLUMNS = (
    "claim", "statement", "source", "rule", "under", "state", "chip", "tally", "counted",
    "undecidable", "seeds", "deciding", "cells", "missing", "depends", "remarks", "bounds",
    "share", "scale", "at", "setting", "width", "runs", "page", "title", "mini", "paper",
    "evidence",
)  # fmt: skip


def read(folder: str | Path | None = None) -> pd.DataFrame:
    """One row per verdict stored in the notebooks of a folder, in the order of the pages.

    Default: the notebooks of the checkout.

    Columns `COLUMNS`: what the claim says and who says it, the rule, the claim that it is evidence
    for, the facts of the verdict (`modnoise.store.schema.VerdictFacts`) and its words on a chip,
    file and title of the page, the miniature of the figure above it (SVG), the paper, and what
    other verdicts say, which `papers` and `ours` fill. A claim's chip also says what the
    controls of other cells and pages say that limits it.

    Raises:
        ValueError: a folder without notebooks; a file that is no notebook; a verdict that is none,
            or is on a claim that does not exist.
    """
    folder = CHECKOUT / "notebooks" if folder is None else folder
    pages = sorted(Path(folder).glob("*.ipynb"))
    if not pages:
        raise ValueError(f"folder = {str(folder)!r} is not allowed: it holds no notebook")
    rows: list[dict[str, Any]] = []
    for page in pages:
        try:
            rows += _verdicts(page)
        except (OSError, ValueError) as problem:
            raise ValueError(f"{page} is no page with verdicts: {problem}") from None
    frame = pd.DataFrame(rows, columns=[c for c in COLUMNS if c not in (*_OF_CLAIM, "chip")])
    claims = dict(studies.CLAIMS)
    if unknown := sorted(set(frame.claim) - set(claims)):
        raise ValueError(
            f"claim {quoted(unknown[0])} is not known: `make notebooks` renews the pages"
        )
    for name in _OF_CLAIM:
        frame[name] = [getattr(claims[claim], name) for claim in frame.claim]
    limits: dict[str, list[str]] = {}
    for row in frame[frame.state.isin(("holds", "holds in part"))].itertuples():
        if (one := claims[row.claim]).qualifies:
            limits.setdefault(one.qualifies, []).append(one.remark)
    frame["remarks"] = [
        list(dict.fromkeys([*row.remarks, *limits.get(row.claim, [])]))
        for row in frame.itertuples()
    ]
    frame["chip"] = [chip_words(row.state, row.tally, row.remarks) for row in frame.itertuples()]
    return frame[list(COLUMNS)]


def _verdicts(page: Path) -> Iterator[dict[str, Any]]:
    cells = shaped(Notebook, parsed(page.read_bytes())).cells
    texts = ["".join(cell.source) for cell in cells if cell.cell_type == "markdown"]
    title = next((x.splitlines()[0].lstrip("# ") for x in texts if x.startswith("# ")), "")
    outputs = [output.data for cell in cells for output in cell.outputs]
    mini = ""
    for data in outputs:
        mini = data.get(MINIATURE, mini)
        if VERDICT in data:
            found = shaped(VerdictFacts, data[VERDICT])
            if not isinstance(mini, str) or not DRAWING.fullmatch(mini):
                raise ValueError(f"miniature {quoted(mini)} is not allowed: it must be an SVG")
            yield {**found.model_dump(), "page": page.name, "title": title, "mini": mini,
                   "evidence": ""}  # fmt: skip


_ATTRIBUTE = (
    r'(?: (?:d|fill|stroke|stroke-width|stroke-dasharray|x|y|width|height)="[\w #.()-]*")*'
)
DRAWING = re.compile(
    r'(?:<svg class="mn-mini"(?: (?:viewBox|width|height|aria-hidden)="[\w .]*")*>'
    rf"(?:<(?:path|rect){_ATTRIBUTE}/>)*</svg>)?"
)
"""What a miniature may be, since pages show it as it is."""


_OF_CLAIM = ("statement", "source", "rule", "under", "paper")


def papers(card: pd.DataFrame) -> pd.DataFrame:
    """One row per claim of the paper that stands for itself, as `_one_each`."""
    heads = [x for x, one in studies.CLAIMS.items() if not (one.names_no_scale or one.under)]
    return _one_each(card, heads)


def ours(card: pd.DataFrame) -> pd.DataFrame:
    """One row per control and finding of ours, and per claim of the follow-up, as `_one_each`."""
    return _one_each(card, [x for x, one in studies.CLAIMS.items() if one.names_no_scale])


def both(card: pd.DataFrame) -> pd.DataFrame:
    """`papers`, then `ours`, those of one paper together."""
    found = pd.concat([papers(card), ours(card)])
    order = {paper: i for i, paper in enumerate(found.paper.unique())}
    return found.sort_values("paper", key=lambda x: x.map(order), kind="stable")


def _one_each(card: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Per claim the verdict at the highest setting, and what the others say as ``evidence``.

    A verdict in which some cell can tell comes before one of which none can, the paper's setting
    before a faster clock and that before others, wider networks before narrower, later pages
    before earlier ones. ``evidence``
    counts the claim's other tested verdicts and those of the claims under it.
    """
    tested = card[card.state != "not tested"]
    place = {
        x.Index: (x.undecidable < len(x.cells), _height(x.at), x.width, x.Index)
        for x in card.itertuples()
    }
    chosen, evidence = [], []
    for name in names:
        own = card.index[card.claim == name]
        if len(own):
            best = max(own, key=place.__getitem__)
            rest = tested[(tested.claim == name) | (tested.under == name)].drop(
                best, errors="ignore"
            )
            holds = f"holds in {(rest.state == 'holds').sum()} of {len(rest)} settings"
            chosen.append(best)
            evidence.append(holds if len(rest) else "")
    return card.loc[chosen].assign(evidence=evidence).sort_index(kind="stable")


def _height(at: str) -> int:
    """How near a setting is to the paper's: 2 the same, 1 at a faster clock, 0 another."""
    return at.startswith(("the paper's setting", "the model itself")) * (
        1 if "faster" in at else 2
    )


def counts(card: pd.DataFrame) -> pd.Series:
    """Number of verdicts in each state, in the order of `modnoise.verdict.STATES`."""
    return card.state.value_counts(sort=False).reindex(STATES, fill_value=0)


@dataclass(frozen=True)
class Lines:
    """Verdicts one a line, under the paper they are about; in a terminal, lines of text.

    A line is the state (a link to where the verdict is shown), the claim in words, the number
    that decided, the setting, a miniature of its figure; it unfolds to rule, numbers and runs.
    """

    card: pd.DataFrame

    def __repr__(self) -> str:
        return "\n".join(
            f"{row.claim}: {row.chip} ({row.counted}; {row.at}; {row.setting}) [{row.page}]"
            + (f" {row.evidence}" if row.evidence else "")
            for row in self.card.itertuples()
        )

    def _repr_html_(self) -> str:
        groups = (
            _group(paper, rows, "".join(map(self._line, rows.itertuples())), first=i == 0)
            for i, (paper, rows) in enumerate(self.card.groupby("paper", sort=False))
        )
        return f'<div class="mn-board">{"".join(groups)}</div>'

    def _line(self, row: Any) -> str:
        texts = [
            *(f"{x['name']}: {x['measured']} ({x['state']})" for x in row.cells),
            *row.missing,
        ]
        shown = "".join(f"<li>{escape(text)}</li>" for text in texts)
        runs = f", {len(row.runs)} recorded runs" if row.runs else ""
        evidence = f"<p>In other settings it {row.evidence}.</p>" if row.evidence else ""
        limits = f"<strong>{escape('; '.join(row.remarks))}</strong> · " if row.remarks else ""
        seeds = f", {told_seeds(row.seeds)}" if row.seeds else ""
        depends = "".join(
            f"<p>The verdict depends on our bound of {escape(word(name))}.</p>"
            for name in row.depends
        )
        words = {"verdict": row.state, "paper": row.paper, "setting": place(row.at)}
        facts = "".join(f' data-{name}="{escape(x)}"' for name, x in words.items())
        return (
            f'<li class="mn-line"{facts}>'
            f'<a class="mn-chip {row.state.replace(" ", "-")}" href="{_link(row)}">'
            f'<span class="state">{escape(row.state)}</span></a>'
            f'<details class="mn-fold" open><summary>{escape(row.statement)} '
            f"<small>{limits}{escape(row.at)}{seeds} · {escape(row.counted)} · "
            f"{escape(row.deciding)}</small></summary>"
            f"<p>Rule: {escape(row.rule)}.</p><ul>{shown}</ul>{evidence}"
            f"{depends}<p><small>{escape(row.claim)}, {escape(row.source)}{runs}. "
            f"{escape(row.setting)}</small></p></details>{row.mini}</li>"
        )


def _group(paper: str, rows: pd.DataFrame, shown: str, *, first: bool) -> str:
    """The lines of one paper under its name and counts, folded unless it is the first."""
    told = counted(counts(rows).to_dict())
    head = f"<h3>{escape(paper)}</h3> <small>{told}</small>"
    if first:
        return f'<section class="mn-paper"><div>{head}</div><ul>{shown}</ul></section>'
    return (
        f'<details class="mn-paper mn-fold" open><summary>{head}</summary><ul>{shown}</ul>'
        "</details>"
    )


def _link(row: Any) -> str:
    """Where in the book a verdict is shown."""
    return escape(f"{row.page.removesuffix('.ipynb')}.html#{anchor(row.claim)}")


def lines(card: pd.DataFrame) -> Lines:
    """The rows of `papers` or `ours`, one a line."""
    return Lines(card)


def place(at: str) -> str:
    """Whose setting a verdict is at: one of `PLACES`."""
    return PLACES[min(2 - _height(at), 2)]


PLACES = ("the paper's setting", "the paper's setting, faster clock", "smaller or other setting")


def facts(card: pd.DataFrame) -> dict[str, Any]:
    """A scorecard for machines, as `modnoise.store.schema.Scorecard` has it.

    Raises:
        SchemaError: facts that do not fit it.
    """
    names = [*ScorecardLine.model_fields]
    return shaped(Scorecard, {"claims": card[names].to_dict("records")}).model_dump()


@dataclass(frozen=True)
class Listing:
    """All single verdicts as a table on a page, and as lines of text elsewhere."""

    card: pd.DataFrame

    def __repr__(self) -> str:
        return repr(Lines(self.card))

    def _repr_html_(self) -> str:
        titles = ("claim", "verdict", "setting", "page")
        head = "".join(f"<th scope='col'>{x}</th>" for x in titles)
        body = "".join(
            f"<tr><td>{escape(row.claim)}</td><td>{row.state}, {row.counted}</td>"
            f"<td>{escape(row.at)}</td>"
            f'<td><a href="{_link(row)}">{escape(row.title)}</a></td></tr>'
            for row in self.card.itertuples()
        )
        return (
            f'<div class="mn-scorecard"><table><caption>All single verdicts</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )


def table(card: pd.DataFrame) -> Listing:
    """All rows of `read`, in the order of the pages."""
    return Listing(card)


@dataclass(frozen=True)
class Unjudged:
    """Statements of papers that no rule judges, each with the reason, under their papers."""

    statements: tuple[Unchecked, ...]

    def __repr__(self) -> str:
        return "\n".join(
            f"{x.of}: {x.statement} [{x.source}]: no checkable statement, because {x.why}"
            for x in self.statements
        )

    def _repr_html_(self) -> str:
        lines = "".join(
            f"<li>{escape(x.statement)} <small>({escape(x.of)}, {escape(x.source)})</small>: no "
            f"checkable statement, because {escape(x.why)}.</li>"
            for x in self.statements
        )
        return f"<ul>{lines}</ul>"


def unjudged() -> Unjudged:
    """What papers say that no rule judges, in the order of the studies."""
    return Unjudged(tuple(studies.unchecked()))
