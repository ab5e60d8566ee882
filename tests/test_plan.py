"""Plans: what is measured is what training takes, on a clock that the test turns."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from modnoise.arithmetic.run import Run
from modnoise.spec import Trainable, field
from modnoise.store import campaign, plan, stacks
from modnoise.store.campaign import fill
from modnoise.store.costs import Sample, estimate, family, measured, size
from modnoise.store.order import Order, time_left
from modnoise.store.records import Store
from modnoise.training.loop import Kind, Trained, Trainee, drive
from modnoise.training.schedule import parts_schedule, schedule


class Walk(Trainable):
    """A training whose every second is known."""

    width: int = field(8, "here", "size")
    steps: int = field(1000, "here", "steps")
    pace: float = field(1.0, "here", "seconds per 1000 of width")
    seed: int = field(0, "here", "nothing")

    @property
    def operations(self) -> float:
        return 50.0 * self.width * self.steps

    @property
    def weight_bytes(self) -> int:
        return 4 * self.width


class Ride(Walk):
    """Another kind."""


def costs(run: Walk) -> tuple[float, float, float, float]:
    """Seconds of one net: a step, a plain recording, a thorough one, the recording at the end."""
    step = run.pace * run.width / 1000
    return step, step / 2, 3 * step, 0.5 + step * 20


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """A clock that only trainings move, and what was trained."""
    clock = SimpleNamespace(now=100.0, trained=[])

    def train(stack, *, on_checkpoint=None, **options):
        run, n = stack[0], len(stack)
        clock.trained.append((run.width, n))
        if run.width * n > 2000:
            raise torch.OutOfMemoryError
        step, plain, thorough, ending = costs(run)
        thorough_at = parts_schedule(run.steps)

        def spend(seconds: float) -> None:
            clock.now += seconds * n

        def rows_at(at: int) -> list[dict]:
            spend(ending if at == run.steps else thorough if at in thorough_at else plain)
            return [{"run": i, "step": at} for i in range(n)]

        machine = SimpleNamespace(step=lambda: spend(step), tensors=dict, restore=dict)
        trainee = Trainee(machine, None, schedule(run.steps), rows_at, dict)
        history = drive(
            trainee, run.steps, name="", progress=False, on_checkpoint=on_checkpoint,
            checkpoint_every=0.0,
        )  # fmt: skip
        return Trained(None, None, history)

    kind = Kind(
        prepare=dict,
        stack_size=lambda run, device: max(1, 256 // run.width),
        restore=dict,
        data=dict,
        title=lambda run: "walk",
    )
    monkeypatch.setattr(plan, "kind_of", lambda run: kind)
    monkeypatch.setattr(plan, "train", train)
    monkeypatch.setattr(stacks, "kind_of", lambda run: kind)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def took(clock, stack) -> float:
    """Seconds of a real training."""
    before = clock.now
    plan.train(stack)
    return clock.now - before


@pytest.mark.parametrize("run", [Walk(), Walk(width=200), Walk(steps=7), Walk(steps=50_000)])
def test_a_rehearsal_foretells_the_whole_training_from_few_steps(clock, run):
    stack, before = [run, run.but(seed=1)], clock.now
    found = plan.rehearse(stack, "cpu", 1, 0.3)
    spent = clock.now - before
    step, plain, thorough, ending = costs(run)
    average = plain + plan.THOROUGH * (thorough - plain)
    expected = 2 * (run.steps * step + len(schedule(run.steps)) * average + ending)
    whole = took(clock, stack)
    assert found == pytest.approx(whole if run.steps < 10 else expected)
    assert found == pytest.approx(whole, rel=0.1)
    assert spent < 8 * step + 0.3 + 2 * (0.5 + 20 * step) + 2 * thorough + whole * (run.steps < 10)


def test_a_long_training_is_foretold_without_its_end(clock):
    run = Walk(steps=2_000_000)
    found = plan.rehearse([run], "cpu", 1, 0.3)
    assert found == pytest.approx(run.steps * costs(run)[0], rel=0.01)
    assert clock.trained == [(8, 1)]


def test_rates_lie_on_a_line_between_sizes_of_a_family_and_stay_outside():
    runs = [Walk(width=w) for w in (4, 16, 64, 256, 1024)]
    samples = [Sample(family(r), size(r), 100 * np.sqrt(size(r))) for r in runs[1:4:2]]
    for run in runs:
        rate = 100 * np.sqrt(np.clip(size(run), size(runs[1]), size(runs[3])))
        assert estimate(run, samples) == pytest.approx(run.operations / rate)
    assert estimate(runs[1].but(pace=9.0), samples) == estimate(runs[1], samples)
    own = Sample(family(runs[1].but(pace=9.0)), 1.0, 7.0)
    assert estimate(runs[1].but(pace=9.0), [*samples, own]) == pytest.approx(
        runs[1].operations / 7
    )
    assert estimate(Ride(), samples) == 0.0
    assert estimate(runs[1], [*samples, *samples]) == estimate(runs[1], samples)


def test_recorded_rates_are_those_of_the_device_with_most_records():
    slow = {"device_name": "a", "seconds": 10.0}
    samples = measured([(Walk(), slow), (Walk(), {"device_name": "b", "seconds": 1.0}),
                        (Walk(), slow), (Walk(), {**slow, "seconds": 0.0})])  # fmt: skip
    assert [x.rate for x in samples] == [Walk().operations / 10] * 2
    assert measured([]) == []


def test_the_costliest_families_and_every_kind_are_timed_while_there_is_time(clock, monkeypatch):
    monkeypatch.setitem(plan.LARGE, "cpu", 50.0 * 256)
    families = {
        "large": [[Walk(width=w, steps=900)] for w in (32, 64, 256, 1024)],
        "small": [[Walk(width=2, pace=2.0)], [Walk(width=3, pace=2.0)]],
        "middle": [[Walk(width=65, pace=8.0)] * 2, [Walk(width=33, pace=8.0)]],
        "other": [[Ride(width=1)]],
    }  # fmt: skip
    found = [stack for some in families.values() for stack in some]
    monkeypatch.setattr(plan, "rehearse", lambda stack, *_: seen.append(stack) or spend())

    def spend() -> float:
        clock.now += 1.5
        return 2.0

    seen = []
    samples = plan.calibrate(found, "cpu")
    large, middle = families["large"], families["middle"]
    assert seen == [large[2], large[0], middle[0], families["other"][0]]
    assert [x.rate for x in samples] == [sum(r.operations for r in x) / 2 for x in seen]
    assert [x.size for x in samples] == [50.0 * x[0].width for x in seen]
    monkeypatch.setattr(plan, "ALL", 1e9)
    seen.clear()
    plan.calibrate(found, "cpu")
    assert seen[2:] == [*middle, *reversed(families["small"]), families["other"][0]]


def test_a_stack_that_does_not_fit_into_memory_is_timed_by_half(clock):
    samples = plan.calibrate([[Walk(width=900, seed=s) for s in range(4)]], "cpu")
    assert [n for width, n in clock.trained if width == 900] == [4, 2]
    assert len(samples) == 1
    assert plan.calibrate([[Walk(width=5000)]], "cpu") == []


def order_of(runs, store: Store, **options) -> Order:
    order = Order({r.key: r for r in runs}, store, False, "cpu", 1, False, 0.0, **options)
    for run in runs:
        order.look(run)
    return order


def test_a_plan_tells_runs_time_and_disk_and_writes_nothing(clock, tmp_path):
    runs = [Walk(width=w, seed=s) for w in (16, 128) for s in range(4)]
    order = order_of(runs, Store(tmp_path / "runs", tmp_path / "results"), workers=2)
    text = str(plan.plan(order))
    whole = [costs(run)[0] * 1000 + costs(run)[3] for run in runs]
    assert time_left(order) == pytest.approx(sum(whole), rel=0.2)
    assert re.fullmatch(
        r"8 runs: 0 recorded, 0 begun, 8 to begin\n"
        r"  8 x walk: about (\d+) min\n"
        r"time: about \1 min on .*, \d+ min with 2 workers \(2 of 2 shapes timed in \d\.\d s\)\n"
        r"disk: 0\.\d MB needed, [\d,]+ MB free in .*/runs",
        text,
    )
    assert list(tmp_path.iterdir()) == []


def test_workers_share_stacks_not_what_is_in_them(clock, tmp_path):
    runs = [Walk(width=128, seed=s) for s in range(3)]  # a stack of two and one of one
    order = order_of(runs, Store(tmp_path), workers=9)
    plan.plan(order)
    assert stacks.shared(order) == pytest.approx(time_left(order) * 2 / 3)
    order.workers = 1
    assert stacks.shared(order) == time_left(order) > 0


def test_a_long_list_of_shapes_is_cut(clock, monkeypatch, tmp_path):
    kind = plan.kind_of(None)
    titled = Kind(kind.prepare, kind.stack_size, dict, dict, lambda run: f"width {run.width}")
    monkeypatch.setattr(plan, "kind_of", lambda run: titled)
    runs = [Walk(width=w, seed=s) for w in range(1, 21) for s in (0, 1)]
    lines = str(plan.plan(order_of(runs, Store(tmp_path)))).splitlines()
    assert lines[1].startswith("  2 x width 1: about")
    assert lines[12].startswith("  2 x width 12: about")
    assert lines[13] == "  and 16 runs of 8 other shapes"


def test_what_is_begun_is_planned_from_where_it_is(tmp_path):
    store = Store(tmp_path / "runs", tmp_path / "results")
    runs = [Run(p=7, width=8, steps=40, seed=s) for s in range(3)]
    fill(order_of(runs[:2], store, deadline=0.0))
    assert [x.name for x in store.root.iterdir() if len(x.name) == 12] == []
    order = order_of(runs, store)
    assert "3 runs: 0 recorded, 2 begun (2%), 1 to begin\n" in str(plan.plan(order))
    assert order.done == {run.key: 1 / 40 for run in runs[:2]}
    order.forecast = dict.fromkeys(order.runs, 80.0)
    assert time_left(order) == pytest.approx(80 * (39 / 40 * 2 + 1))
    order.workers = 2
    assert plan.leftover(order) == (  # 156 s for the stack of two
        "3 runs: 0 recorded, 2 begun (2%), 1 to begin; about 3 min left; the same command goes on"
    )


def test_the_time_left_is_corrected_by_what_was_measured(tmp_path):
    runs = [Walk(seed=s) for s in range(4)]
    order = order_of(runs, Store(tmp_path))
    order.forecast = {run.key: 10.0 for run in runs}
    assert time_left(order) == 40
    for run in runs[:2]:
        order.found[run.key] = None
        order.report.trained.append({"key": run.key, "seconds": 15.0})
    assert time_left(order) == 30
    order.done = {runs[2].key: 0.5}
    assert time_left(order) == 22.5


def test_a_long_training_says_every_five_minutes_how_far_it_is(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(campaign, "NEWS_EVERY", 0.0)
    order = order_of([Run(p=7, width=8, steps=3)], Store(tmp_path), forecast={})
    order.forecast = dict.fromkeys(order.runs, 90.0)
    fill(order)
    assert caplog.messages[:2] == [
        "0 of 1 run, about 60 s left: 1 x add p=7 M=8, 3 steps at step 1",
        "0 of 1 run, about 30 s left: 1 x add p=7 M=8, 3 steps at step 2",
    ]
    assert caplog.messages[2].startswith("1 of 1 run, about 0.0 s left: 1 x add")
