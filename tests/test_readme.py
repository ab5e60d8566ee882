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


def test_a_refuted_claim_lists_the_conditions_that_fail(readme):
    measured = ("noise 0.3: a (holds)", "noise 0.8: b (fails)")
    assert readme.summary(measured) == "1 of 2 conditions hold<br>noise 0.8: b (fails)"
    assert readme.summary(("no run at noise 0.8",)) == "no run at noise 0.8"


def test_only_the_part_between_the_comments_is_replaced(readme):
    text = "a\n<!-- verdicts: x -->\nold\n<!-- /verdicts -->\nb"
    made = readme.replaced(text, "verdicts", "new")
    assert made == "a\n<!-- verdicts: x -->\nnew\n<!-- /verdicts -->\nb"
    with pytest.raises(SystemExit, match="one pair of comments named figure, not 0"):
        readme.replaced(text, "figure", "new")
