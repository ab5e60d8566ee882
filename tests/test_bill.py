"""What figures cost, added up by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import performance
import pytest

from modnoise.spec import Trainable, field
from modnoise.store.bill import ALL, bill, figure_of
from modnoise.store.costs import GPU_RATE, Sample, core_seconds, family, size, spent, undisturbed
from modnoise.store.records import Store
from modnoise.studies import EXPERIMENTS
from modnoise.sweep import Sweep


class Walk(Trainable):
    """A training of 1e12 operations per width and step."""

    width: int = field(1, "here", "size")
    steps: int = field(3600, "here", "steps")
    seed: int = field(0, "here", "nothing")

    @property
    def operations(self) -> float:
        return 1e12 * self.width * self.steps


def record(run: Walk, teraflops: float, **facts) -> dict:
    """The manifest of a run that went at a rate, on one core."""
    seconds = run.operations / (teraflops * 1e12)
    return {"device": "cpu", "device_name": "x", "threads": 1, "seconds": seconds, **facts}


class Known(Store):
    """A store that holds these manifests."""

    def __init__(self, manifests: dict[Walk, dict]) -> None:
        self.manifests = manifests

    def glance(self, spec: Walk) -> tuple[dict | None, str]:
        return self.manifests.get(spec), ""


SIZE = {"laptop": {}, "paper": {"steps": 36_000}}
TWO = Sweep("two", "", "Fig. 1, section 3", Walk, SIZE, {"width": (1, 4)})
SEEDS = Sweep("seeds", "", "Fig. 1; ours", Walk, {"laptop": {}}, {"seed": (0, 1)})
OTHER = Sweep("other", "", "Fig. 2, appendix D", Walk, SIZE, {"width": (4, 16)})
SWEEPS = (TWO, SEEDS, OTHER)


def row(frame: pd.DataFrame, figure: str, scale: str) -> dict:
    (found,) = frame[(frame.figure == figure) & (frame.scale == scale)].to_dict("records")
    return found


def test_a_figures_cost_is_its_runs_at_the_fastest_rate_of_their_shape():
    one, four = TWO.runs("laptop")
    slow = record(one.but(seed=1), 0.5)
    store = Known({one: record(one, 2.0), one.but(seed=1): slow, four: record(four, 8.0)})
    found = row(bill(SWEEPS, store), "Fig. 1", "laptop")
    # widths 1, 4 and, of another seed, 1: 3.6e15 operations per width
    assert found["operations"] == 6 * 3.6e15
    assert (found["runs"], found["recorded"], found["estimated"]) == (3, 3, 0)
    assert found["core_hours"] == pytest.approx(0.5 + 0.5 + 0.5)  # 1/2, 4/8 and 1/2
    assert found["spent_hours"] == pytest.approx(0.5 + 2.0 + 0.5)
    assert found["gpu_hours"] == pytest.approx(6e12 / GPU_RATE)


def test_what_is_not_recorded_goes_at_rates_of_others_and_is_counted_as_estimated():
    one, four = TWO.runs("laptop")
    frame = bill(SWEEPS, Known({one: record(one, 2.0), four: record(four, 8.0)}))
    other = row(frame, "Fig. 2", "laptop")  # width 16 as fast as width 4, the largest recorded
    assert (other["runs"], other["recorded"], other["estimated"]) == (2, 1, 1)
    assert other["core_hours"] == pytest.approx(4 / 8 + 16 / 8)
    longer = row(frame, "Fig. 2", "paper")
    assert (longer["recorded"], longer["estimated"]) == (0, 2)
    assert longer["core_hours"] == pytest.approx(10 * other["core_hours"])
    assert longer["spent_hours"] == 0


def test_a_run_of_several_figures_counts_in_each_and_once_in_all():
    one, four = TWO.runs("laptop")
    frame = bill(SWEEPS, Known({four: record(four, 1.0)}))
    assert [*frame.figure] == ["Fig. 1", "Fig. 1", "Fig. 2", "Fig. 2", ALL, ALL]
    parts = [row(frame, name, "laptop") for name in ("Fig. 1", "Fig. 2")]
    total = row(frame, ALL, "laptop")
    assert [part["runs"] for part in (*parts, total)] == [3, 2, 4]
    assert [part["recorded"] for part in (*parts, total)] == [1, 1, 1]
    assert sum(part["operations"] for part in parts) - total["operations"] == four.operations
    assert row(frame, ALL, "paper")["runs"] == 3
    assert one.key != four.key


def test_without_any_record_the_time_is_unknown_and_shown_so():
    frame = bill(SWEEPS, Known({}))
    assert frame.core_hours.isna().all()
    assert set(performance.cost_table(frame)["laptop: core-h"]) == {"?"}


def test_a_gpus_records_say_nothing_about_cores():
    one, _ = TWO.runs("laptop")
    found = row(bill([TWO], Known({one: record(one, 9.0, device="cuda")})), ALL, "laptop")
    assert (found["recorded"], found["spent_hours"], found["estimated"]) == (1, 0, 2)
    assert np.isnan(found["core_hours"])


def test_the_fastest_record_of_a_shape_counts_and_cores_are_shared_out():
    run = Walk()
    done = [(run, record(run, rate)) for rate in (1.0, 3.0, 2.0)]
    assert undisturbed(done) == [Sample(family(run), size(run), pytest.approx(3e12))]
    (two,) = undisturbed([(run, record(run, 8.0, threads=2))])
    assert two.rate == pytest.approx(4e12)
    (own,) = undisturbed([(run, record(run, 1.0, core_seconds=100.0))])
    assert own.rate == pytest.approx(run.operations / 100)


def test_core_seconds_are_a_runs_own_where_they_are_recorded():
    manifest = record(Walk(), 1.0, threads=2) | {"seconds": 50.0}
    assert core_seconds(manifest) == 100
    assert core_seconds(manifest | {"core_seconds": 60.0}) == 60
    assert spent([manifest, manifest | {"core_seconds": 60.0}]) == "160 core-s"


def test_the_pages_table_has_a_row_per_figure_and_marks_estimates():
    one, four = TWO.runs("laptop")
    table = performance.cost_table(bill(SWEEPS, Known({four: record(four, 1.0)})))
    assert [*table.figure] == ["Fig. 1", "Fig. 2", ALL]
    assert [*table["laptop: FLOP"]] == ["2.2e16", "7.2e16", "7.9e16"]
    assert [*table["laptop: core-h"]] == ["≈ 6.0", "≈ 20", "≈ 22"]  # widths 6, 20 and 22
    assert [*table["laptop: recorded"]] == ["1 of 3", "1 of 2", "1 of 4"]
    assert [*table["paper: GPU-h, declared"]] == ["1.2", "5.0", "5.2"]
    known = bill([TWO], Known({x: record(x, 1.0) for x in (one, four)}))
    assert performance.cost_table(known)["laptop: core-h"][0] == "5.0"
    assert [*table.columns[4:]] == [
        f"paper: {x}" for x in ("FLOP", "core-h", "recorded", "GPU-h, declared")
    ]


def test_a_scale_that_a_figure_does_not_have_is_left_empty():
    table = performance.cost_table(bill([SEEDS, OTHER], Known({})))
    assert table["paper: FLOP"][0] == table["paper: recorded"][0] == ""


def test_every_declared_sweep_belongs_to_a_figure_without_its_section():
    names = {figure_of(sweep.paper) for sweep in EXPERIMENTS.values()}
    assert {"Fig. 5", "Figs. 1(a), 2 and 19", "Table 2", "Table 3"} <= names
    assert not [name for name in names if not name or ";" in name or ", section" in name]
