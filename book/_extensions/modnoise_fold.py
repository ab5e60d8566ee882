"""How a chapter reads in the book: answer, pictures and sentences; all else folded, not lost.

On a page made from a notebook, what a cell shows stays where it is (figures, sliders, sentences,
verdicts, the answer), and what it takes to show it (code, tables, printed lines) is gathered at
the end of its section under one line that unfolds. The code of a cell whose metadata say
``"fold": false`` stands open above that line. A section with ``<!-- fold -->`` below its
heading is folded as a whole. Everything is written unfolded: a script at the end of the page folds
it, so a reader without scripts sees all of it.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MARK = "<!-- fold -->"
SHOWN = (
    "mn-fig",
    "mn-says",
    "mn-answer",
    "mn-verdict",
    "mn-statements",
    "mn-board",
    "mn-colophon",
)
WIDGET = "application/vnd.jupyter.widget-view+json"
# What will be folded is not laid out while the page is read.
BEGIN = """<script>document.documentElement.classList.add("mn-reading");</script>"""
FOLD = """<script>for (const fold of document.querySelectorAll("details.mn-fold"))
  fold.open = false;
document.documentElement.classList.remove("mn-reading");</script>"""

# The heading stays a child of its section, as docutils wants it.
_SECTION = ('<details class="mn-fold mn-section" open><summary>', "</summary>", "</details>")


class Fold(nodes.General, nodes.Element):
    """A part of a page under one line, which says ``label``."""


def visit_fold(translator: Any, node: Fold) -> None:
    """The line that unfolds."""
    label = translator.encode(node["label"])
    translator.body.append(f'<details class="mn-fold mn-code" open><summary>{label}</summary>')


def depart_fold(translator: Any, node: Fold) -> None:
    """The end of what unfolds."""
    translator.body.append("</details>")


def fold(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Fold what a page made from a notebook does not show at first."""
    if Path(app.env.doc2path(page)).suffix != ".ipynb":
        return
    for section in list(doctree.findall(nodes.section)):
        _gather(section)
    for section in list(doctree.findall(nodes.section)):
        _close(section)


def _gather(section: nodes.section) -> None:
    """Put code and tables of a section's own cells at the end of its own text."""
    folded, opened, labels, kept = [], [], [], []
    for child in section.children:
        if child.get("nb_element") != "cell_code" if isinstance(child, nodes.Element) else True:
            kept.append(child)
            continue
        label = child.get("cell_metadata", {}).get("fold")
        shown, code, rest = _split(child)
        if shown:
            kept.append(_cell(child, [_part("cell_output", shown)]))
        if label is False:
            opened, code = [*opened, _cell(child, code)], []
        if code or rest:
            folded.append(_cell(child, [*code, *rest]))
        labels += [label] if label else []
    line = [Fold("", *folded, label=_label(folded, labels))] if folded else []
    first = next((i for i, x in enumerate(kept) if isinstance(x, nodes.section)), len(kept))
    section.children = []
    section += [*kept[:first], *opened, *line, *kept[first:]]


def _split(cell: nodes.Element) -> tuple[list[nodes.Node], list[nodes.Node], list[nodes.Node]]:
    """What a cell shows, its code, and the rest of its output."""
    shown, code, folded = [], [], []
    for part in cell.children:
        if part.get("nb_element") == "cell_code_output":
            here = [x for x in part.children if _is_shown(x)]
            rest = [x for x in part.children if x not in here]
            shown += here
            folded += [_part("cell_output", rest)] if rest else []
        else:
            code.append(part)
    return shown, code, folded


def _is_shown(output: nodes.Node) -> bool:
    told = "".join(raw.astext() for raw in output.findall(nodes.raw))
    return WIDGET in told or any(f'class="{name}' in told for name in SHOWN)


def _part(kind: str, children: list[nodes.Node]) -> nodes.container:
    return nodes.container("", *children, classes=[kind])


def _cell(cell: nodes.Element, parts: list[nodes.Node]) -> nodes.container:
    return nodes.container("", *parts, classes=list(cell["classes"]))


def _label(folded: list[nodes.Element], labels: list[str]) -> str:
    tables = any("<table" in raw.astext() for cell in folded for raw in cell.findall(nodes.raw))
    words = list(dict.fromkeys(labels)) or (["tables"] if tables else [])
    told = " · ".join([*words, "code"])
    return told[0].upper() + told[1:]


def _close(section: nodes.section) -> None:
    """Fold a section that asks for it, heading and all."""
    marks = [
        x for x in section.children
        if isinstance(x, (nodes.raw, nodes.comment)) and x.astext().strip() == MARK
    ]  # fmt: skip
    if marks:
        title, *rest = (x for x in section.children if x not in marks)
        before, between, after = (nodes.raw("", x, format="html") for x in _SECTION)
        section.children = []
        section += [before, title, between, *rest, after]


def finish(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    """Let a script fold a page before it is seen; give a claim's second verdict a name apart."""
    body = context.get("body", "")
    if "mn-fold" in body:
        counts: Counter[str] = Counter()

        def apart(found: re.Match[str]) -> str:
            counts[found[1]] += 1
            again = f"-{counts[found[1]]}" if counts[found[1]] > 1 else ""
            return f'id="{found[1]}{again}"'

        context["body"] = BEGIN + re.sub(r'\bid="(verdict-[^"]+)"', apart, body) + FOLD


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_node(Fold, html=(visit_fold, depart_fold))
    app.connect("doctree-resolved", fold)
    app.connect("html-page-context", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
