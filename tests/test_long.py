"""What a training counts as its time: all that passes, and what this process had a core for."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from modnoise.training.loop import Trainee, drive


def test_core_seconds_leave_out_what_a_training_waits(monkeypatch):
    """A step takes 5 s, in 4 of which another program has the core."""
    clock = SimpleNamespace(passed=100.0, own=3.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.passed)
    monkeypatch.setattr(time, "process_time", lambda: clock.own)

    def step() -> None:
        clock.passed, clock.own = clock.passed + 5, clock.own + 1

    machine = SimpleNamespace(step=step, tensors=dict, restore=lambda tensors, updates: None)
    trainee, states = Trainee(machine, None, (), lambda step: [], lambda: None), []
    options = {"name": "", "progress": False}
    whole = drive(trainee, 20, on_checkpoint=states.append, checkpoint_every=0.0, **options)
    assert (whole.attrs["seconds"], whole.attrs["core_seconds"]) == (100, 20)
    last = states[-1]
    assert (last.step, last.seconds, last.core_seconds) == (19, 95, 19)
    clock.passed, clock.own = 1e6, 0.5  # another process goes on
    resumed = drive(trainee, 20, state=last, **options)
    assert resumed.attrs["seconds"] == 100
    assert resumed.attrs["core_seconds"] == pytest.approx(20)
