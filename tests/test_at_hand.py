"""What a page shows of an experiment: at long scales what is recorded, and never a training."""

from __future__ import annotations

import pytest

from modnoise.spec import SpecError
from modnoise.store.overview import at_hand
from modnoise.store.records import Store
from modnoise.studies import EXPERIMENTS


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


def test_a_scale_that_does_not_exist_is_named(nothing):
    with pytest.raises(SpecError, match="scale = 'huge' is not allowed"):
        at_hand("fig2", "huge", store=nothing)
