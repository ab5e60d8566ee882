"""The scorecard is what the pages' stored verdicts say, and every claim has a page."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from modnoise.claim import VERDICT, check
from modnoise.pages.scorecard import (
    COLUMNS,
    counts,
    ours,
    papers,
    read,
    reasons,
    table,
    unconfirmed,
)
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
    assert counts(card).tolist() == [1, 1, 0, 1]
    text, html = repr(table(card)), table(card)._repr_html_()
    assert text.splitlines()[0].startswith(
        "CONTROL-noise-1: confirmed (4 of 4; smaller setting (laptop scale); p = 10"
    )
    assert html.count("<tr>") == 4
    assert html.count('<a href="01_a.html">A title</a>') == 2
    assert reasons(card)._repr_html_().count("<tr>") == 3
    rest = unconfirmed(card)
    assert rest.why.tolist() == [["smoke scale is too small to tell"], list(bad.measured)]


def verdicts(*rows) -> pd.DataFrame:
    """A scorecard of (claim, state, setting, widest net)."""
    frame = pd.DataFrame(rows, columns=["claim", "state", "at", "width"])
    under = [CLAIMS[claim].under for claim in frame.claim]
    blank = {name: "" for name in COLUMNS if name not in frame}
    return frame.assign(**{**blank, "under": under, "measured": [[]] * len(frame)})


SMALL, FAST, PAPER = (
    "smaller setting (laptop scale)",
    "paper's setting, tempo 20",
    "paper's setting",
)


def test_a_claim_has_the_verdict_of_its_highest_setting_and_counts_the_others_as_evidence():
    card = verdicts(
        ("R3.1-1a", "not seen here", SMALL, 4097),
        ("C1-gelu", "confirmed", FAST, 1025),
        ("R3.1-1a", "confirmed", FAST, 1025),
        ("R3.1-1a", "refuted", FAST, 2049),
        ("C1-adam", "not seen here", SMALL, 513),
        ("C1-muon", "not tested", SMALL, 513),
        ("C1-seeds", "confirmed", FAST, 1025),  # ours: no evidence, a row of its own
        ("R5.1", "confirmed", SMALL, 17),
    )
    of_paper = papers(card)
    assert of_paper.claim.tolist() == ["R3.1-1a", "R5.1"]
    assert of_paper[["state", "at", "width"]].values.tolist()[0] == ["refuted", FAST, 2049]
    assert of_paper.evidence.tolist() == ["holds in 2 of 4 settings", ""]
    assert ours(card).claim.tolist() == ["C1-seeds"]
    html = table(of_paper)._repr_html_()
    assert html.count("<th ") == 4
    assert "<td>holds in 2 of 4 settings</td>" in html
    assert repr(table(of_paper)).splitlines()[0].endswith("holds in 2 of 4 settings")


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        (("refuted", FAST, 4097), ("confirmed", PAPER, 17)),
        (("confirmed", FAST, 4097), ("confirmed", "paper's setting, first 200 steps", 17)),
        (("confirmed", "other setting (fast scale)", 4097), ("refuted", FAST, 1025)),
        (("confirmed", SMALL, 513), ("not seen here", SMALL, 1025)),
        (("confirmed", SMALL, 513), ("not seen here", SMALL, 513)),  # the later page
        (("not tested", PAPER, 4097), ("confirmed", SMALL, 17)),
    ],
)
def test_the_papers_setting_then_its_tempo_then_width_then_the_later_page(lower, higher):
    for order in ([lower, higher], [higher, lower]):
        if lower[1:] != higher[1:] or order[0] == lower:
            [row] = papers(verdicts(*(("R5.1", *one) for one in order))).itertuples()
            assert (row.state, row.at, row.width) == higher


def test_a_folder_without_pages_and_an_outdated_claim_are_named(tmp_path):
    with pytest.raises(ValueError, match="holds no notebook"):
        read(tmp_path)
    facts = {"claim": "GONE", "state": "refuted", "tally": "0 of 1", "measured": ["x (fails)"]}
    facts |= {"scale": "laptop", "at": "x", "setting": "p = 7", "width": 9, "runs": []}
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
        asked = re.findall(r"\bcheck(?:_first)?\(\s*\"([^\"]+)\"", code)
        assert sorted(asked) == sorted(card.claim[card.page == path.name]), path.name
