"""Long trainings of small nets cost what their first steps say."""

from __future__ import annotations

import time

import numpy as np
import torch

from modnoise.arithmetic.engines.fast import FastEngine
from modnoise.arithmetic.nets import new_nets
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.tables import noisy_table
from modnoise.store.plan import rehearse
from modnoise.training.loop import Trainee, drive
from modnoise.training.settings import torch_settings

LONG = Run(width=17, noise=0.3, weight_decay=0.1)
"""200,000 steps."""

TINY = 1e-40
"""A number below those that float32 holds in full: products with it can be slow."""


def engine() -> FastEngine:
    return FastEngine([LONG], new_nets([LONG]), noisy_table([LONG]))


def subnormal(engine: FastEngine) -> float:
    """Share of an optimizer's numbers that are subnormal."""
    x = torch.cat([t.flatten() for state in engine.state for t in state])
    return float(((x != 0) & (x.abs() < torch.finfo(x.dtype).tiny)).double().mean())


def half_dead(engine: FastEngine) -> None:
    """Put an engine where half of its neurons are silent and their moments nearly forgotten."""
    half = LONG.width // 2
    engine.lookup[..., :half] = -1e-3
    engine.W[:, :half] = TINY
    for lookup, W, _ in engine.state:
        lookup[..., :half] = TINY
        W[:, :half] = TINY


def per_step(engine: FastEngine) -> float:
    """Processor seconds of a step, over 20 of them."""
    engine.step()
    begin = time.process_time()
    for _ in range(20):
        engine.step()
    return (time.process_time() - begin) / 20


def test_a_step_with_dead_neurons_costs_what_a_first_step_costs():
    with torch_settings("cpu", 1), torch.no_grad():
        young, old, ratios = engine(), engine(), []
        for _ in range(9):
            half_dead(old)
            ratios.append(per_step(old) / per_step(young))
            assert subnormal(old) > 0.4
            assert subnormal(young) < 0.1
    assert np.median(ratios) < 1.3


def test_a_long_training_is_forecast_at_the_rate_of_its_steps(monkeypatch):
    assert LONG.steps == 200_000
    monkeypatch.setattr(time, "monotonic", time.process_time)  # whatever else this machine does
    with torch_settings("cpu", 1), torch.no_grad():
        own, ratios = engine(), []
        for _ in range(9):
            ratios.append(rehearse([LONG], "cpu", 1, 0.3) / (LONG.steps * per_step(own)))
    assert 1 / 1.5 < np.median(ratios) < 1.5  # others share the caches


class Waits:
    """A machine that another program keeps from working."""

    def step(self) -> None:
        time.sleep(0.02)

    def tensors(self) -> dict:
        return {}

    def restore(self, tensors, updates) -> None:
        pass


def test_core_seconds_leave_out_what_a_training_waits():
    trainee, states = Trainee(Waits(), None, (), lambda step: [], lambda: None), []
    options = {"name": "", "progress": False}
    whole = drive(trainee, 20, on_checkpoint=states.append, checkpoint_every=0.0, **options)
    assert whole.attrs["seconds"] > 0.4
    assert whole.attrs["core_seconds"] < 0.2
    last = states[-1]
    last.core_seconds = 7.0
    resumed = drive(trainee, 20, state=last, **options)
    assert 7.0 < resumed.attrs["core_seconds"] < 7.2
