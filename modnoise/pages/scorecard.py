"""All verdicts of the book, and one for each claim, read from the outputs of its notebooks.

A verdict is computed once, on the page that shows it, and leaves its facts in the notebook
(`modnoise.claim.VERDICT`); nbval checks that the stored ones are what the code still gives. So
the scorecard cannot differ from the pages, and a claim that no page checks is missing from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from modnoise import studies
from modnoise.claim import STATES, VERDICT
from modnoise.spec import quoted
from modnoise.store.provenance import CHECKOUT
from modnoise.store.schema import Notebook, VerdictFacts, parsed, shaped

COLUMNS = (
    "claim", "statement", "source", "rule", "under", "state", "tally", "measured", "scale", "at",
    "setting", "width", "runs", "page", "title",
)  # fmt: skip


def read(folder: str | Path | None = None) -> pd.DataFrame:
    """One row per verdict stored in the notebooks of a folder, in the order of the pages.

    Default: the notebooks of the checkout.

    Columns `COLUMNS`: what the claim says and who says it, the rule, the claim that it is evidence
    for, the state, how many conditions hold, one text per condition, scale, whose setting it is
    and which, the widest net, keys of the runs, and file and title of the page.

    Raises:
        ValueError: a folder without notebooks; a file that is no notebook; a verdict that is none,
            or is on a claim that does not exist.
    """
    folder = CHECKOUT / "notebooks" if folder is None else folder
    pages = sorted(Path(folder).glob("*.ipynb"))
    if not pages:
        raise ValueError(f"folder = {str(folder)!r} is not allowed: it holds no notebook")
    rows = []
    for page in pages:
        try:
            rows += _verdicts(page)
        except (OSError, ValueError) as problem:
            raise ValueError(f"{page} is no page with verdicts: {problem}") from None
    frame = pd.DataFrame(rows, columns=[c for c in COLUMNS if c not in _OF_CLAIM])
    claims = dict(studies.CLAIMS)
    if unknown := sorted(set(frame.claim) - set(claims)):
        raise ValueError(
            f"claim {quoted(unknown[0])} is not known: `make notebooks` renews the pages"
        )
    for name in _OF_CLAIM:
        frame[name] = [getattr(claims[claim], name) for claim in frame.claim]
    return frame[list(COLUMNS)]


def _verdicts(page: Path) -> Iterator[dict[str, Any]]:
    cells = shaped(Notebook, parsed(page.read_bytes())).cells
    texts = ["".join(cell.source) for cell in cells if cell.cell_type == "markdown"]
    title = next((x.splitlines()[0].lstrip("# ") for x in texts if x.startswith("# ")), "")
    for output in (output for cell in cells for output in cell.outputs):
        if VERDICT in output.data:
            facts = shaped(VerdictFacts, output.data[VERDICT])
            yield {**facts.model_dump(), "page": page.name, "title": title}


_OF_CLAIM = ("statement", "source", "rule", "under")


def papers(card: pd.DataFrame) -> pd.DataFrame:
    """One row per claim of the paper that stands for itself, as `_one_each`."""
    heads = [x for x, one in studies.CLAIMS.items() if not (one.names_no_scale or one.under)]
    return _one_each(card, heads)


def ours(card: pd.DataFrame) -> pd.DataFrame:
    """One row per control and finding of ours, and per claim of the follow-up, as `_one_each`."""
    return _one_each(card, [x for x, one in studies.CLAIMS.items() if one.names_no_scale])


def _one_each(card: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Per claim the verdict at the highest setting, and what the others say as ``evidence``.

    A tested verdict comes before one that is not, the paper's setting before a tempo and that
    before others, wider nets before narrower, later pages before earlier ones. ``evidence``
    counts the claim's other tested verdicts and those of the claims under it.
    """
    tested = card[card.state != "not tested"]
    place = {
        x.Index: (x.Index in tested.index, _height(x.at), x.width, x.Index)
        for x in card.itertuples()
    }
    chosen, evidence = [], []
    for name in names:
        own = card.index[card.claim == name]
        if len(own):
            best = max(own, key=place.get)
            rest = tested[(tested.claim == name) | (tested.under == name)].drop(
                best, errors="ignore"
            )
            holds = f"holds in {(rest.state == 'confirmed').sum()} of {len(rest)} settings"
            chosen.append(best)
            evidence.append(holds if len(rest) else "")
    return card.loc[chosen].assign(evidence=evidence).sort_index(kind="stable")


def _height(at: str) -> int:
    """How near a setting is to the paper's: 2 the same, 1 at another tempo, 0 another."""
    return at.startswith("paper") * (1 if "tempo" in at else 2)


def unconfirmed(card: pd.DataFrame) -> pd.DataFrame:
    """The rows of a scorecard that are not confirmed, with the conditions that failed, or why
    nothing was tested, as the column ``why``."""
    rest = card[card.state != "confirmed"].copy()
    rest["why"] = [
        [text for text in measured if text.endswith("(fails)")] or list(measured[:1])
        for measured in rest.measured
    ]
    return rest


def counts(card: pd.DataFrame) -> pd.Series:
    """Number of verdicts in each state, in the order of `modnoise.claim.STATES`."""
    return card.state.value_counts(sort=False).reindex(STATES, fill_value=0)


@dataclass(frozen=True)
class Listing:
    """Verdicts as a table on a page, and as lines of text elsewhere."""

    card: pd.DataFrame
    caption: str

    def __repr__(self) -> str:
        return "\n".join(
            f"{row.claim}: {row.state} ({row.tally}; {row.at}; {row.setting}) [{row.page}]"
            + (f" {row.evidence}" if "evidence" in self.card and row.evidence else "")
            for row in self.card.itertuples()
        )

    def _repr_html_(self) -> str:
        titles = ("claim", "verdict", *["evidence"] * ("evidence" in self.card), "measured")
        head = "".join(f"<th scope='col'>{x}</th>" for x in titles)
        body = "".join(f"<tr>{''.join(self._cells(row))}</tr>" for row in self.card.itertuples())
        return (
            f'<div class="mn-scorecard"><table><caption>{escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _cells(self, row: tuple) -> Iterator[str]:
        page = escape(row.page.removesuffix(".ipynb"))
        link = f'<a href="{page}.html">{escape(row.title)}</a>'
        yield (
            f"<td><strong>{escape(row.statement)}</strong><br><small>{escape(row.claim)}, "
            f"{escape(row.source)}<br>Rule: {escape(row.rule)}<br>{link}</small></td>"
        )
        runs = f"<br>{len(row.runs)} recorded runs" if row.runs else ""
        yield f"<td>{row.state}<br><small>{row.tally}<br>{escape(row.at)}{runs}</small></td>"
        if "evidence" in self.card:
            yield f"<td>{row.evidence or '–'}</td>"
        texts = "".join(f"<li>{escape(text)}</li>" for text in row.measured)
        yield f"<td><ul>{texts}</ul><small>{escape(row.setting)}</small></td>"


def table(
    card: pd.DataFrame, caption: str = "What was claimed, what was measured, and the verdict"
) -> Listing:
    """All rows of a scorecard, with rules, settings, numbers and links to the pages."""
    return Listing(card, caption)


def reasons(card: pd.DataFrame) -> Listing:
    """The verdicts that are not confirmations, with the conditions that failed or are missing."""
    rest = unconfirmed(card)
    return Listing(rest.assign(measured=rest.why), "What is not confirmed, and why")
