"""The README says what the recorded runs say."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

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


def test_the_table_has_one_line_per_stored_verdict(readme):
    lines = readme.table().splitlines()
    card = readme.scorecard.read()
    assert lines[0].startswith(f"{len(card)} verdicts: ")
    assert len(lines) == len(card) + 4
    for row, line in zip(card.itertuples(), lines[4:], strict=True):
        assert f"(`{row.claim}`)" in line
        assert f"**{row.state}** | {row.tally} |" in line
        assert f"](notebooks/{row.page})" in line


def test_only_the_part_between_the_comments_is_replaced(readme):
    text = "a\n<!-- verdicts: x -->\nold\n<!-- /verdicts -->\nb"
    made = readme.replaced(text, "verdicts", "new")
    assert made == "a\n<!-- verdicts: x -->\nnew\n<!-- /verdicts -->\nb"
    with pytest.raises(SystemExit, match="one pair of comments named figure, not 0"):
        readme.replaced(text, "figure", "new")
