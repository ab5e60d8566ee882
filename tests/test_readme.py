"""The README says what the recorded runs say."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

from modnoise.studies import CLAIMS, STUDIES

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def readme():
    sys.path.insert(0, str(ROOT / "scripts"))
    place = importlib.util.spec_from_file_location("readme", ROOT / "scripts" / "readme.py")
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


def test_figure_and_verdicts_are_those_of_the_recorded_runs(readme, tmp_path):
    text = (ROOT / "README.md").read_text()
    assert readme.renewed(text, tmp_path) == text


def test_the_page_on_speed_is_the_recorded_benchmarks(readme):
    performance = readme.performance
    made = performance.page(json.loads(performance.RECORD.read_text()))
    assert (ROOT / "book" / "performance.md").read_text() == made


def test_the_table_has_one_line_per_headline_and_counts_the_papers_claims(readme):
    lines = readme.table().splitlines()
    card = readme.scorecard.papers(readme.scorecard.read())
    assert lines[0].startswith(f"{len(card)} claims of the papers: ")
    names = [name for name, claim in CLAIMS.items() if claim.headline]
    assert sorted(re.search(r"\(`(.+?)`\)", line)[1] for line in lines[4:]) == sorted(names)
    for line in lines[4:]:
        [row] = card[card.claim == re.search(r"\(`(.+?)`\)", line)[1]].itertuples()
        assert f"**{row.state}**, {row.tally}; {row.at}" in line
        assert f"](notebooks/{row.page})" in line
        assert f"| {CLAIMS[row.claim].headline}: " in line


def test_every_paper_has_a_headline_and_headlines_are_the_papers_own_claims():
    heads = [one for one in CLAIMS.values() if not (one.names_no_scale or one.under)]
    assert all(claim in heads for claim in CLAIMS.values() if claim.headline)
    papers = [importlib.import_module(f"{study}.claims").CLAIMS for study in STUDIES]
    assert all(any(claim.headline for claim in claims) for claims in papers)


def test_a_number_is_that_of_its_condition_and_a_missing_condition_is_named(readme):
    measured = ["noise 0.5: 1 % (fails)", "noise 0.8: 94.8 % (92.1 to 98.3); more (holds)"]
    assert readme.one_number(measured, "noise 0.8") == "noise 0.8: 94.8 %"
    with pytest.raises(SystemExit, match="'noise 0.3' must be one of the measured conditions"):
        readme.one_number(measured, "noise 0.3")


def test_only_the_part_between_the_comments_is_replaced(readme):
    text = "a\n<!-- verdicts: x -->\nold\n<!-- /verdicts -->\nb"
    made = readme.replaced(text, "verdicts", "new")
    assert made == "a\n<!-- verdicts: x -->\nnew\n<!-- /verdicts -->\nb"
    with pytest.raises(SystemExit, match="one pair of comments named figure, not 0"):
        readme.replaced(text, "figure", "new")
