"""What a page shows of an experiment: at long scales what is recorded, and never a training."""

from __future__ import annotations

from pathlib import Path

import pytest

from modnoise.spec import SpecError
from modnoise.store import overview
from modnoise.store.load import load_or_train
from modnoise.store.overview import at_hand
from modnoise.store.records import Store
from modnoise.studies import EXPERIMENTS

RESULTS = Path(__file__).resolve().parent.parent / "results"


@pytest.fixture
def nothing(tmp_path) -> Store:
    return Store(tmp_path / "runs", tmp_path / "results")


def test_short_scales_are_shown_whole_recorded_or_not(nothing):
    for scale in ("smoke", "laptop"):
        found = at_hand("fig2", scale, store=nothing)
        assert [run.key for run in found] == [run.key for run in EXPERIMENTS["fig2"].runs(scale)]
        assert found.scale == scale
        assert found.told == EXPERIMENTS["fig2"].told(scale)


@pytest.mark.parametrize("scale", ["fast", "paper"])
def test_where_nothing_is_recorded_the_laptop_scale_is_shown(nothing, scale):
    found = at_hand("fig2", scale, store=nothing)
    assert found.scale == "laptop"
    assert [run.key for run in found] == [run.key for run in EXPERIMENTS["fig2"].runs("laptop")]
    assert at_hand("table2", scale, store=nothing).scale == "laptop"  # has no scale fast


def test_a_part_is_shown_with_what_is_missing_and_its_cost(monkeypatch, nothing):
    runs = EXPERIMENTS["fig5-untrained"].runs("fast")
    monkeypatch.setattr(
        Store, "glance", lambda self, run: ({"key": run.key}, "") if run == runs[1] else (None, "")
    )
    found = at_hand("fig5-untrained", "fast", store=nothing)
    assert [run.key for run in found] == [runs[1].key]
    assert found.scale == "fast"
    assert "fast scale: 1 run;" in found.told
    assert "seed 43" in found.told
    assert found.told.endswith("(recorded 1 of 3; 0 FLOP missing)")
    assert at_hand("fig5-untrained", "fast", whole=True, store=nothing).scale == "laptop"


def test_all_of_it_is_shown_without_a_word_on_what_is_missing(monkeypatch, nothing):
    monkeypatch.setattr(Store, "glance", lambda self, run: ({"key": run.key}, ""))
    found = at_hand("fig13", "fast", whole=True, store=nothing)
    assert found.told == EXPERIMENTS["fig13"].told("fast")


def test_only_runs_that_fulfil_the_conditions_are_shown_and_missed(monkeypatch, nothing):
    found = at_hand("fig6", "laptop", "op=mul", "seed=42", store=nothing)
    every = EXPERIMENTS["fig6"].runs("laptop")
    assert found == [run for run in every if run.op == "mul" and run.seed == 42]
    assert "laptop scale: 5 runs; mul; p = 59" in found.told
    monkeypatch.setattr(
        Store, "glance", lambda self, run: ({"key": run.key} if run.op == "add" else None, "")
    )
    adding = at_hand("fig6", "fast", "op=add", "seed=42", store=nothing)
    assert (adding.scale, "recorded" in adding.told) == ("fast", False)  # none of them is missing
    assert {run.op for run in adding} == {"add"}
    assert at_hand("fig6", "fast", "op=sub", store=nothing).scale == "laptop"
    with pytest.raises(SpecError, match="no run has op = div"):
        at_hand("fig6", "fast", "op=div", store=nothing)


def test_curves_alone_do_where_no_weights_are_asked_for(monkeypatch, tmp_path):
    published = Store(tmp_path / "runs", RESULTS)
    every = at_hand("fig6", "fast", "op=mul", "seed=42", store=published)
    assert {run.noise for run in every} >= {0.1, 0.3, 0.5}
    whole = at_hand("fig6", "fast", "op=mul", "seed=42", weights=True, store=published)
    assert [run.noise for run in whole] == [0.1, 0.3]
    monkeypatch.setattr(overview, "SHOWN_FROM_RECORDS", ("smoke", "laptop"))
    ours = Store(tmp_path / "runs", tmp_path / "results")
    start = EXPERIMENTS["fig5-untrained"].runs("smoke")[0]
    load_or_train(start, store=ours, progress=False)
    for weights in (False, True):
        assert at_hand("fig5-untrained", "smoke", weights=weights, store=ours) == [start]


def test_a_scale_that_does_not_exist_is_named(nothing):
    with pytest.raises(SpecError, match="scale = 'huge' is not allowed"):
        at_hand("fig2", "huge", store=nothing)
