"""The scorecard is what the pages' stored verdicts say, and every claim has a page."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from modnoise import studies
from modnoise.claim import Unchecked
from modnoise.judge import check
from modnoise.pages.answer import ANSWER
from modnoise.pages.miniature import MINIATURE
from modnoise.pages.scorecard import (
    COLUMNS,
    PLACES,
    both,
    counts,
    facts,
    lines,
    ours,
    papers,
    place,
    read,
    table,
    unjudged,
)
from modnoise.studies import CLAIMS
from modnoise.verdict import VERDICT

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
    assert card.state.tolist() == ["holds", "not tested", "undecided here"]
    assert card.tally.tolist() == ["4 of 4", "not tested", "0 of 4"]
    assert card.title.tolist() == ["A title"] * 3
    assert card.runs.tolist() == [["a" * 12]] * 3
    assert set(card.rule) == {CLAIMS["CONTROL-noise-1"].rule}
    assert counts(card).tolist() == [1, 0, 0, 1, 1]
    text, html = repr(table(card)), table(card)._repr_html_()
    assert text.splitlines()[0].startswith(
        "CONTROL-noise-1: holds (4 of 4 decidable cells; smaller setting: p = 10; p = 10"
    )
    assert html.count("<tr>") == 4
    assert html.count('<a href="01_a.html#verdict-CONTROL-noise-1">A title</a>') == 2
    assert card.paper.tolist() == ["Ours: controls and findings"] * 3


MINI = '<svg class="mn-mini" viewBox="0 0 9 9"><path d="M0 1L5 2.5" stroke="var(--mn-ink)"/></svg>'


def test_a_verdict_has_the_picture_above_it_and_its_page_a_name_that_stays(tmp_path):
    good = check("CONTROL-noise-1", rows(0.1), scale="laptop")
    facts = {
        "lead": "What is found",
        "claim": "c",
        "text": "t",
        "chips": {"x": "CONTROL-noise-1"},
    }
    kinds = [{ANSWER: facts}, good._repr_mimebundle_(), {MINIATURE: MINI}]
    kinds += [{}, good._repr_mimebundle_()]
    outputs = [new_output("execute_result", x) for x in kinds]
    cells = [new_markdown_cell("# A title"), new_code_cell("x", outputs=outputs)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "01_a.ipynb")
    card = read(tmp_path)
    assert card.mini.tolist() == ["", MINI]
    assert card.title.tolist() == ["A title"] * 2
    assert MINI in lines(card)._repr_html_()


@pytest.mark.parametrize(
    "mini",
    [
        "<svg><script>x</script></svg>",
        MINI.replace("<path", '<path onload="x"'),
        "x",
        MINI * 2,
    ],
)
def test_a_miniature_that_could_do_more_than_draw_is_refused(mini, tmp_path):
    good = check("CONTROL-noise-1", rows(0.1), scale="laptop")
    outputs = [
        new_output("display_data", x) for x in ({MINIATURE: mini}, good._repr_mimebundle_())
    ]
    cells = [new_code_cell("x", outputs=outputs)]
    nbformat.write(new_notebook(cells=cells), tmp_path / "01_a.ipynb")
    with pytest.raises(ValueError, match="miniature .* is not allowed"):
        read(tmp_path)


def test_a_control_on_another_page_limits_the_claim(tmp_path, monkeypatch):
    limits = replace(CLAIMS["CONTROL-noise-1"], qualifies="LEAD", remark="so does a coin")
    monkeypatch.setattr(studies, "CLAIMS", {**CLAIMS, "CONTROL-noise-1": limits})
    lead = pd.DataFrame(
        {"part": ["full", "G", "G_quadratic"], "step": 5, "accuracy_test": [0.1, 0.9, 0.9], "p": 9}
    )
    page(tmp_path, "01_a.ipynb", check("LEAD", lead, scale="laptop"))
    page(tmp_path, "02_b.ipynb", check("CONTROL-noise-1", rows(0.1), scale="laptop"))
    assert read(tmp_path).chip.tolist() == ["holds; so does a coin", "holds"]
    page(tmp_path, "02_b.ipynb", check("CONTROL-noise-1", rows(0.9), scale="laptop"))
    assert read(tmp_path).chip.tolist() == ["holds", "undecided here"]


@pytest.mark.parametrize(
    ("at", "which"),
    [
        ("the paper's setting", 0),
        ("the paper's setting, first 200 steps", 0),
        ("the paper's setting, trained 20 × faster", 1),
        ("smaller setting: p = 59, 4,000 steps", 2),
        ("another setting", 2),
    ],
)
def test_settings_come_down_to_three(at, which):
    assert place(at) == PLACES[which]


def test_the_facts_for_machines_are_those_of_the_rows_and_fit_their_schema():
    card = both(read(NOTEBOOKS))
    told = facts(card)
    assert [line["claim"] for line in told["claims"]] == card.claim.tolist()
    assert [line["runs"] for line in told["claims"]] == card.runs.tolist()
    with pytest.raises(ValueError, match="state"):
        facts(card.assign(state="maybe"))


def verdicts(*rows) -> pd.DataFrame:
    """A scorecard of (claim, state, setting, widest net)."""
    frame = pd.DataFrame(rows, columns=["claim", "state", "at", "width"])
    under = [CLAIMS[claim].under for claim in frame.claim]
    blank = {name: "" for name in COLUMNS if name not in frame}
    cell = {"name": "a", "measured": "b", "state": "holds", "seeds": 3}
    blank |= {name: [[]] * len(frame) for name in ("missing", "depends", "remarks", "runs")}
    tested = [[] if x == "not tested" else [cell] for x in frame.state]
    return frame.assign(**{**blank, "under": under, "cells": tested, "undecidable": 0, "seeds": 3})


SMALL, FAST, PAPER = (
    "smaller setting: p = 59",
    "the paper's setting, trained 20 × faster",
    "the paper's setting",
)


def test_a_claim_has_the_verdict_of_its_highest_setting_and_counts_the_others_as_evidence():
    card = verdicts(
        ("R3.1-1a", "undecided here", SMALL, 4097),
        ("C1-gelu", "holds", FAST, 1025),
        ("R3.1-1a", "holds", FAST, 1025),
        ("R3.1-1a", "contradicted", FAST, 2049),
        ("C1-adam", "undecided here", SMALL, 513),
        ("C1-muon", "not tested", SMALL, 513),
        ("C1-seeds", "holds", FAST, 1025),  # ours: no evidence, a row of its own
        ("R5.1", "holds", SMALL, 17),
    )
    of_paper = papers(card)
    assert of_paper.claim.tolist() == ["R3.1-1a", "R5.1"]
    assert of_paper[["state", "at", "width"]].values.tolist()[0] == ["contradicted", FAST, 2049]
    assert of_paper.evidence.tolist() == ["holds in 2 of 4 settings", ""]
    assert ours(card).claim.tolist() == ["C1-seeds"]
    html = lines(of_paper)._repr_html_()
    assert html.count("<li class=") == 2
    assert html.count("<p>In other settings it holds in 2 of 4 settings.</p>") == 1
    assert repr(lines(of_paper)).splitlines()[0].endswith("holds in 2 of 4 settings")
    assert both(card).claim.tolist() == ["R3.1-1a", "R5.1", "C1-seeds"]


def test_papers_but_the_first_fold_under_their_name_and_counts():
    card = verdicts(
        ("R5.1", "holds", SMALL, 17), ("R3.1-1a", "contradicted", SMALL, 17),
        ("RAF-both", "holds", SMALL, 0), ("RAF-width", "holds", SMALL, 0),
    )  # fmt: skip
    card = card.assign(paper=["A", "A", "B & C", "B & C"])
    html = lines(card)._repr_html_()
    assert '<section class="mn-paper"><div><h3>A</h3> <small>1 hold, 1 contradicted' in html
    folded = '<details class="mn-paper mn-fold" open><summary><h3>B &amp; C</h3> <small>2 hold<'
    assert html.count("mn-paper") == 2
    assert folded in html


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        (("contradicted", FAST, 4097), ("holds", PAPER, 17)),
        (("holds", FAST, 4097), ("holds", "the paper's setting, first 200 steps", 17)),
        (("holds", "another setting", 4097), ("contradicted", FAST, 1025)),
        (("holds", SMALL, 513), ("undecided here", SMALL, 1025)),
        (("holds", SMALL, 513), ("undecided here", SMALL, 513)),  # the later page
        (("not tested", PAPER, 4097), ("holds", SMALL, 17)),
    ],
)
def test_the_papers_setting_then_its_tempo_then_width_then_the_later_page(lower, higher):
    for order in ([lower, higher], [higher, lower]):
        if lower[1:] != higher[1:] or order[0] == lower:
            [row] = papers(verdicts(*(("R5.1", *one) for one in order))).itertuples()
            assert (row.state, row.at, row.width) == higher


def test_statements_without_a_rule_are_told_with_their_paper_and_the_reason(monkeypatch):
    one = Unchecked("Sometimes <odd>", "paper, Fig. 9", "Someone 2020", "it gives no number")
    monkeypatch.setattr("modnoise.studies.unchecked", lambda: [one])
    text, html = repr(unjudged()), unjudged()._repr_html_()
    for told in (text, html):
        assert all(x in told for x in ("Someone 2020", "paper, Fig. 9", "because it gives no"))
    assert "&lt;odd&gt;" in html
    assert "<odd>" not in html
    assert "<odd>" in text


def test_a_folder_without_pages_and_an_outdated_claim_are_named(tmp_path):
    with pytest.raises(ValueError, match="holds no notebook"):
        read(tmp_path)
    facts = check("CONTROL-noise-1", rows(0.1), scale="laptop").facts | {"claim": "GONE"}
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
