"""Every figure, table and algorithm of the paper stands on one page, with caption and text."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
# What the paper shows (Figs. 4, 5 and 6 have parts that belong to different chapters).
FIGURES = range(1, 33)
TABLES = range(1, 4)


def figures() -> list[tuple[str, dict, str]]:
    """Name, figure settings and the alternative text of each figure of the paper."""
    found = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            figure = cell.metadata.get("mystnb", {}).get("figure", {})
            if figure.get("name", "").startswith("paper-fig-"):
                html = "".join(
                    o.get("data", {}).get("text/html", "") for o in cell.get("outputs", [])
                )
                alt = re.search(r'alt="([^"]*)"', html)
                found.append((figure["name"], figure, alt[1] if alt else ""))
    return found


def labels(kind: str) -> list[str]:
    """Names of Markdown targets, ``(paper-table-1)=``, and of directives, ``:name: ...``."""
    pages = [nbformat.read(path, as_version=4) for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    text = "\n".join(c.source for page in pages for c in page.cells if c.cell_type == "markdown")
    return re.findall(rf"^(?:\(|:name: )(paper-{kind}-\w+)(?:\)=)?$", text, flags=re.MULTILINE)


def test_each_figure_of_the_paper_appears_once():
    names = [*(name for name, *_ in figures()), *labels("fig")]  # several figures may be one
    assert [name for name, n in Counter(names).items() if n > 1] == []
    shown = {name: int(re.match(r"paper-fig-(\d+)", name)[1]) for name in names}
    assert sorted(set(shown.values())) == list(FIGURES)
    for number in FIGURES:
        parts = [name for name, n in shown.items() if n == number]
        assert len(parts) == 1 or f"paper-fig-{number}" not in parts, parts


def test_each_table_and_the_algorithm_appear_once():
    assert sorted(labels("table")) == [f"paper-table-{n}" for n in TABLES]
    assert labels("alg") == ["paper-alg-1"]


def test_a_figure_names_its_number_and_is_told_in_words():
    for name, figure, alt in figures():
        number = re.match(r"paper-fig-(\d+)", name)[1]
        assert re.match(rf"Figure {number}\D", figure["caption"])
        assert min(len(figure["caption"]), len(alt)) > 30, name
