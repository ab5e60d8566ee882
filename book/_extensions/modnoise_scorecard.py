"""The scorecard for machines: ``scorecard.json`` beside its page, and its schema.

Both are written when the book is, from the verdicts that its pages store.
"""

from __future__ import annotations

import json
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from modnoise.pages import scorecard
from modnoise.store.schema import Scorecard

PAGE = "notebooks/99_scorecard"
LINK = (
    '<p class="mn-row">For machines: <a href="scorecard.json" download>scorecard.json</a>, '
    '<a href="scorecard.schema.json" download>its schema</a></p>'
)


def schema() -> dict:
    """The JSON schema of `modnoise.store.schema.Scorecard`; ``book/`` keeps a copy."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    told = json.dumps(dialect | Scorecard.model_json_schema())
    return json.loads(told.replace(json.dumps(ONE_LINE), json.dumps(EVERYWHERE)))


# A line of text, as pydantic's engine knows it and in words that every regular expression knows.
ONE_LINE, EVERYWHERE = r"^\P{C}*$", r"^[^\x00-\x1f\x7f]*$"


def link(app: Sphinx, doctree: nodes.document) -> None:
    """Say on the page that the files are there."""
    if app.env.docname == PAGE:
        next(doctree.findall(nodes.section)).append(nodes.raw("", LINK, format="html"))


def write(app: Sphinx, problem: Exception | None) -> None:
    """Write both files beside the page."""
    folder = Path(app.outdir) / Path(PAGE).parent
    if problem is None and folder.exists():
        card = scorecard.read(Path(app.srcdir) / Path(PAGE).parent)
        files = {
            "scorecard.json": scorecard.facts(scorecard.both(card)),
            "scorecard.schema.json": schema(),
        }
        for name, told in files.items():
            (folder / name).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-read", link)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
