"""All verdicts of the book in one table, read from the stored outputs of its notebooks.

A verdict is computed once, on the page that shows it, and leaves its facts in the notebook
(`modnoise.claims.VERDICT`); nbval checks that the stored ones are what the code still gives. So
the scorecard cannot differ from the pages, and a claim that no page checks is missing from it.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pandas as pd

from modnoise.claims import CLAIMS, STATES, VERDICT

COLUMNS = (
    "claim", "statement", "source", "rule", "state", "tally", "measured", "scale", "setting",
    "runs", "page", "title",
)  # fmt: skip


def read(folder: str | Path) -> pd.DataFrame:
    """One row per verdict stored in the notebooks of a folder, in the order of the pages.

    Columns `COLUMNS`: what the claim says and who says it, the rule, the state, how many
    conditions hold, one text per condition, scale and setting, keys of the runs, and file and
    title of the page.

    Raises:
        ValueError: a folder without notebooks; a verdict on a claim that does not exist.
    """
    pages = sorted(Path(folder).glob("*.ipynb"))
    if not pages:
        raise ValueError(f"folder = {str(folder)!r} is not allowed: it holds no notebook")
    rows = []
    for page in pages:
        notebook = nbformat.read(page, as_version=4)
        heads = [c.source for c in notebook.cells if c.cell_type == "markdown"]
        title = next((h.splitlines()[0].lstrip("# ") for h in heads if h.startswith("# ")), "")
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                if facts := output.get("data", {}).get(VERDICT):
                    rows.append({**facts, "page": page.name, "title": title})
    frame = pd.DataFrame(rows, columns=[c for c in COLUMNS if c not in _OF_CLAIM])
    if unknown := sorted(set(frame.claim) - set(CLAIMS)):
        raise ValueError(f"claim {unknown[0]!r} is not known: `make notebooks` renews the pages")
    for name in _OF_CLAIM:
        frame[name] = [getattr(CLAIMS[claim], name) for claim in frame.claim]
    return frame[list(COLUMNS)]


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
    """Number of verdicts in each state, in the order of `modnoise.claims.STATES`."""
    return card.state.value_counts().reindex(STATES, fill_value=0)
