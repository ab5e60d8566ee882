"""Declared experiments: valid at every scale, at the paper's setting where the paper gives one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from modnoise.arithmetic.experiments.sizes import NOISES, TEMPO, WIDTHS, base_run
from modnoise.arithmetic.run import Run, at_tempo
from modnoise.spec import SpecError
from modnoise.studies import EXPERIMENTS
from modnoise.sweep import SCALES


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_a_set_of_distinct_valid_runs_at_each_of_its_scales(name):
    assert {"smoke", "laptop", "paper"} <= set(EXPERIMENTS[name].scales) <= set(SCALES)
    for scale in EXPERIMENTS[name].scales:
        runs = EXPERIMENTS[name].runs(scale)
        assert len({run.key for run in runs}) == len(runs) > 0
    assert EXPERIMENTS[name].name == name


def test_the_fast_scale_is_the_papers_setting_but_for_its_tempo():
    assert at_tempo(1) == {"lr": 1e-3, "steps": 200_000, "beta2": 0.999}
    assert at_tempo(1) == {x: getattr(Run(), x) for x in ("lr", "steps", "beta2")}
    assert at_tempo(20) == {"lr": 0.02, "steps": 10_000, "beta2": 0.98}
    assert at_tempo(20, memory=False) == {"lr": 0.02, "steps": 10_000, "beta2": 0.999}
    shown = {"record_parts": True, "record_structure": True}
    for name in ("fig2", "fig5-width", "fig30", "fig13", "fig15-random"):
        own = {run.but(**at_tempo(TEMPO), **shown).key for run in EXPERIMENTS[name].runs("paper")}
        fast = [run.but(**shown) for run in EXPERIMENTS[name].runs("fast")]
        new = {run.noise for run in fast if run.key not in own}
        assert new <= {0.5}, name  # of fig30, whose grid of noise is ours


def test_a_study_without_a_scale_names_those_it_has():
    assert EXPERIMENTS["table2"].scales == ("smoke", "laptop", "paper")
    allowed = "'fast' is not allowed for table2: it must be one of smoke, laptop, paper"
    with pytest.raises(SpecError, match=allowed):
        EXPERIMENTS["table2"].runs("fast")


def test_the_paper_scale_is_the_papers_setting():
    assert WIDTHS == (17, 33, 65, 129, 257, 513, 1025, 2049, 4097)
    runs = EXPERIMENTS["fig2"].runs("paper")
    assert {run.width for run in runs} == set(WIDTHS)
    assert {(run.p, run.steps, run.lr, run.optimizer, run.train_frac) for run in runs} == {
        (113, 200_000, 1e-3, "adamw", 0.5)
    }


def test_noise_sweeps_hold_the_control_without_a_rule():
    for scale in EXPERIMENTS["fig5-noise"].scales:
        assert 1.0 in {run.noise for run in EXPERIMENTS["fig5-noise"].runs(scale)}
    assert max(NOISES) == 0.8


def test_the_laptop_scale_keeps_the_papers_task_and_optimizer():
    run = base_run("laptop")
    assert (run.p, run.lr, run.weight_decay, run.optimizer) == (113, 1e-3, 0.1, "adamw")
    assert run.record_parts


def test_the_pages_single_runs_are_members_of_the_sweeps():
    keys = {run.key for run in EXPERIMENTS["fig5-noise"].runs("laptop")}
    assert base_run("laptop", noise=0.8, seed=42).key in keys
    keys = {run.key for run in EXPERIMENTS["fig5-noise"].runs("fast")}
    assert base_run("fast", noise=0.8, seed=42).key in keys


@pytest.mark.parametrize("call", [base_run, EXPERIMENTS["fig2"].runs])
def test_an_unknown_scale_is_refused_with_the_allowed_ones(call):
    with pytest.raises(
        SpecError, match="scale = 'huge' is not allowed.*smoke, laptop, fast, paper"
    ):
        call("huge")


def test_declaring_experiments_needs_no_torch():
    code = "import sys; from modnoise.studies import EXPERIMENTS; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_sweep_tells_its_setting_and_the_command_that_computes_it():
    assert EXPERIMENTS["fig12"].told("smoke").splitlines() == [
        "smoke scale: 2 runs; add; p = 23; training share = 0.7; noise = 0.2; M = 17,",
        "129; relu; muon; lr = 0.005; decay = 1; steps = 300; seed 42",
        "modnoise run fig12 --scale smoke",
    ]
    other = EXPERIMENTS["table2"].told("smoke")  # of another kind: only the fields it has
    assert " M = " not in other
    assert "batch full; epochs = 3; seed 42, 43" in other


RECORDED = json.loads((Path(__file__).parent / "recorded_keys.json").read_text())


@pytest.mark.parametrize("name", RECORDED)
def test_runs_that_are_recorded_keep_their_keys(name):
    """In the order of the experiment, as they were when the first thousand were recorded."""
    assert [run.key for run in EXPERIMENTS[name].runs("laptop")] == RECORDED[name].split()
