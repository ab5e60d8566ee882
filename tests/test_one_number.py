"""One number per quantity: what the filter finds at 30 and at 80 % noise, wherever it is told.

The median over seeds of the widest recorded networks of addition, from the published Parquet files
by plain pandas, beside the home page, the README, the scorecard and the answer of page 03.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import modnoise_home
import pandas as pd
import pytest

from modnoise.pages import scorecard

ROOT = Path(__file__).resolve().parent.parent
CLAIM, DEFAULT, HEAVY = "R4.1-FF", 0.3, 0.8
PAGE = ROOT / "notebooks" / "03_recover_the_rule.ipynb"


@pytest.fixture(scope="module")
def widest() -> pd.DataFrame:
    """Noise ratio: width, and the medians of the whole network's and the filtered accuracy.

    Of all published networks of the paper's default setting on the faster clock, each once.
    """
    at = {
        "p": 113, "op": "add", "act": "relu", "optimizer": "adamw", "weight_decay": 0.1,
        "train_frac": 0.5, "lr": 0.02, "beta2": 0.98, "steps": 10_000, "tied": False,
        "noise_kind": "wrong", "frozen": "",
    }  # fmt: skip
    found = []
    for path in sorted((ROOT / "results").glob("*/fast.parquet")):
        rows = pd.read_parquet(path)
        if {*at, "part", "width"} <= {*rows}:
            rows = rows[(rows[list(at)] == pd.Series(at)).all(axis=1) & rows.batch.isna()]
            found.append(rows[(rows.step == rows.steps) & rows.part.isin(["full", "G"])])
    rows = pd.concat(found).drop_duplicates(["noise", "width", "seed", "part"])
    rows = rows[rows.width == rows.groupby("noise").width.transform("max")]
    table = rows.groupby(["noise", "width", "part"]).accuracy_test.median().unstack("part")
    return table.reset_index("width")


def told(share: float) -> str:
    return f"{100 * share:.1f}"


@pytest.mark.parametrize("noise", [DEFAULT, HEAVY])
def test_the_home_page_shows_it(widest, noise):
    state, _ = modnoise_home.recorded()
    row = state["data"]["rows"][state["data"]["values"].index(f"{noise:.0%}")]
    names = modnoise_home.NAMES
    assert row[names["G"]]["test"] == pytest.approx(widest.G[noise], abs=1e-12)
    assert row[names["full"]]["test"] == pytest.approx(widest.full[noise], abs=1e-12)


@pytest.mark.parametrize("noise", [DEFAULT, HEAVY])
def test_the_scorecard_says_it_to_machines(widest, noise):
    lines = scorecard.facts(scorecard.both(scorecard.read()))["claims"]
    [line] = [one for one in lines if one["claim"] == CLAIM]
    [cell] = [one for one in line["cells"] if one["name"] == f"add, noise {noise:g}"]
    [number] = re.findall(r"FF test ([\d.]+) %", cell["measured"])
    assert number == told(widest.G[noise])
    assert f"M = {widest.width[noise]}" in cell["measured"]


def test_the_readme_says_it(widest):
    [row] = [x for x in (ROOT / "README.md").read_text().splitlines() if f"(`{CLAIM}`)" in x]
    [(noise, number)] = re.findall(r"add, noise ([\d.]+): FF test ([\d.]+) %", row)
    assert number == told(widest.G[float(noise)])


def test_page_3_answers_with_it(widest):
    outputs = [
        x for cell in json.loads(PAGE.read_text())["cells"] for x in cell.get("outputs", [])
    ]
    kind = "application/vnd.modnoise.answer+json"
    [answer] = [x["data"][kind] for x in outputs if kind in x.get("data", {})]
    text = json.dumps(answer)
    assert f"answers {told(widest.full[HEAVY])}%" in text
    assert f"{told(widest.G[HEAVY])}% after" in text
    assert f"(M = {widest.width[HEAVY]})" in text
