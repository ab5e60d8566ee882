"""All verdicts of the book in one table, read from the stored outputs of its notebooks.

A verdict is computed once, on the page that shows it, and leaves its facts in the notebook
(`modnoise.claim.VERDICT`); nbval checks that the stored ones are what the code still gives. So
the scorecard cannot differ from the pages, and a claim that no page checks is missing from it.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    "claim", "statement", "source", "rule", "state", "tally", "measured", "scale", "setting",
    "runs", "page", "title",
)  # fmt: skip


def read(folder: str | Path | None = None) -> pd.DataFrame:
    """One row per verdict stored in the notebooks of a folder, in the order of the pages.

    Default: the notebooks of the checkout.

    Columns `COLUMNS`: what the claim says and who says it, the rule, the state, how many
    conditions hold, one text per condition, scale and setting, keys of the runs, and file and
    title of the page.

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


_OF_CLAIM = ("statement", "source", "rule")


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
            f"{row.claim}: {row.state} ({row.tally}; {row.scale}; {row.setting}) [{row.page}]"
            for row in self.card.itertuples()
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th scope='col'>{x}</th>" for x in ("claim", "verdict", "measured"))
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
        yield f"<td>{row.state}<br><small>{row.tally}<br>{row.scale}{runs}</small></td>"
        texts = "".join(f"<li>{escape(text)}</li>" for text in row.measured)
        yield f"<td><ul>{texts}</ul><small>{escape(row.setting)}</small></td>"


def table(card: pd.DataFrame) -> Listing:
    """All rows of a scorecard, with rules, settings, numbers and links to the pages."""
    return Listing(card, "What was claimed, what was measured, and the verdict")


def reasons(card: pd.DataFrame) -> Listing:
    """The verdicts that are not confirmations, with the conditions that failed or are missing."""
    rest = unconfirmed(card)
    return Listing(rest.assign(measured=rest.why), "Refuted or not tested, and why")
