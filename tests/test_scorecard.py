"""The scorecard is what the pages' stored verdicts say, and every claim has a page."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from modnoise.claim import VERDICT, check
from modnoise.pages.scorecard import COLUMNS, counts, read, reasons, table, unconfirmed
from modnoise.studies import CLAIMS

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def rows(test: float) -> pd.DataFrame:
    """Numbers for CONTROL-noise-1, which holds up to 3 x 1/10."""
    parts = ["full", "G", "G_quadratic", "G_random"]
    same = {"noise": 1.0, "p": 10, "step": 5, "seed": 42, "key": "a" * 12}
    return pd.DataFrame({"part": parts, "accuracy_test": test}).assign(**same)


def page(folder: Path, name: str, *verdicts) -> None:
    outputs = [
        new_output("execute_result", {"text/plain": repr(v), **v._repr_mimebundle_()})
        for v in verdicts
    ]
    cells = [new_markdown_cell("# A title\n\ntext"), new_code_cell("x", outputs=outputs)]
    nbformat.write(new_notebook(cells=cells), folder / name)


def test_a_verdict_comes_back_from_its_page(tmp_path):
    good, bad = (check("CONTROL-noise-1", rows(x), scale="laptop") for x in (0.1, 0.9))
    page(tmp_path, "02_b.ipynb", bad)
    page(tmp_path, "01_a.ipynb", good, check("CONTROL-noise-1", rows(0.1), scale="smoke"))
    card = read(tmp_path)
    assert tuple(card.columns) == COLUMNS
    assert card.page.tolist() == ["01_a.ipynb", "01_a.ipynb", "02_b.ipynb"]
    assert card.state.tolist() == ["confirmed", "not tested", "refuted"]
    assert card.tally.tolist() == ["4 of 4", "not tested", "0 of 4"]
    assert card.title.tolist() == ["A title"] * 3
    assert card.runs.tolist() == [["a" * 12]] * 3
    assert set(card.rule) == {CLAIMS["CONTROL-noise-1"].rule}
    assert counts(card).tolist() == [1, 1, 1]
    text, html = repr(table(card)), table(card)._repr_html_()
    assert text.splitlines()[0].startswith("CONTROL-noise-1: confirmed (4 of 4; laptop; p = 10")
    assert html.count("<tr>") == 4
    assert html.count('<a href="01_a.html">A title</a>') == 2
    assert reasons(card)._repr_html_().count("<tr>") == 3
    rest = unconfirmed(card)
    assert rest.why.tolist() == [["smoke scale is too small to tell"], list(bad.measured)]


def test_a_folder_without_pages_and_an_outdated_claim_are_named(tmp_path):
    with pytest.raises(ValueError, match="holds no notebook"):
        read(tmp_path)
    facts = {"claim": "GONE", "state": "refuted", "tally": "0 of 1", "measured": ["x (fails)"]}
    facts |= {"scale": "laptop", "setting": "p = 7", "runs": []}
    output = new_output("execute_result", {VERDICT: facts})
    nbformat.write(
        new_notebook(cells=[new_code_cell("x", outputs=[output])]), tmp_path / "1.ipynb"
    )
    with pytest.raises(ValueError, match="claim 'GONE' is not known"):
        read(tmp_path)


def test_every_claim_has_a_verdict_on_a_page_and_the_pages_code_is_where_it_was_made():
    card = read(NOTEBOOKS)
    assert set(card.claim) == set(CLAIMS)
    for path in NOTEBOOKS.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
        asked = re.findall(r"\bcheck\(\s*\"([^\"]+)\"", code)
        assert sorted(asked) == sorted(card.claim[card.page == path.name]), path.name
