"""`make gpu` on a CPU: what it leaves is what everybody else records, whatever stops it."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import gpu
import gpu_checks
import numpy as np
import pytest
import torch
from gpu_checks import Check, choose, far

from modnoise.arithmetic import training
from modnoise.arithmetic.engines.fast import FastEngine
from modnoise.arithmetic.run import Run
from modnoise.store.files import MANIFEST, read_folder
from modnoise.store.load import load_or_train
from modnoise.store.order import Order
from modnoise.store.records import Store
from modnoise.store.transfer import import_

LINES = ("tempo-steps fast", "fig2-own fast", "unified-progression fast")
"""Two runs each at the scale smoke."""


@pytest.fixture
def slot(monkeypatch, tmp_path):
    """Calls `main` with a short list, without checks and timing."""
    monkeypatch.setenv("MODNOISE_RESULTS", str(tmp_path / "results"))
    monkeypatch.setitem(training.KINDS, Run, training.KINDS[Run])
    monkeypatch.setattr(gpu, "CAMPAIGN", LINES)
    monkeypatch.setattr(gpu, "choose", lambda device: ([], {"engine": "fast"}))
    monkeypatch.setattr(gpu, "speed", lambda device, until: [])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def call(store: str, out: str, *words: str, asks: float = np.inf) -> int:
        """``asks``: how often the time may be asked for before it is over."""
        asked = itertools.count()
        places = ["--store", str(tmp_path / store), "--out", str(tmp_path / out)]
        with monkeypatch.context() as patch:
            patch.setattr(Order, "late", property(lambda _: next(asked) >= asks))
            return gpu.main(["--budget", "1h", "--scale", "smoke", *places, *words])

    return call


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> Path:
    """The same runs, trained and recorded as usual."""
    root = tmp_path_factory.mktemp("usual")
    for line in LINES:
        load_or_train(gpu.runs_of(line, "smoke"), store=Store(root, root / "no"), progress=False)
    return root


def recorded(root: Path) -> dict[str, dict[str, bytes]]:
    """The files of every record but its manifest, by key."""
    return {x.name: read_folder(x).files for x in root.glob("[0-9a-f]" * 12)}


def elsewhere(tmp_path: Path, out: str, name: str) -> Store:
    """A new store that has imported what a slot has left."""
    store = Store(tmp_path / name, tmp_path / "results")
    import_(store, tmp_path / out / "records")
    return store


@pytest.mark.parametrize("asks", [2, 100])
def test_bundles_go_on_elsewhere_to_the_same_bits_wherever_the_time_ends(
    slot, usual, tmp_path, asks
):
    assert slot("first", "out", asks=asks) == 0
    there = elsewhere(tmp_path, "out", "there")
    before = recorded(there.root)
    assert len(before) < 6
    assert list(there.checkpoints.glob("*"))
    load_or_train(gpu.runs_of(LINES[0], "smoke"), store=there, progress=False)
    assert {*recorded(there.root)} >= {run.key for run in gpu.runs_of(LINES[0], "smoke")}

    assert slot("second", "out") == 0  # another machine, with nothing but that folder
    assert recorded(elsewhere(tmp_path, "out", "last").root) == recorded(usual)
    expected = recorded(usual)
    assert all(files == expected[key] for key, files in recorded(there.root).items())
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert sum(row["before"] for row in report["campaign"]) == len(before)


def test_a_slot_that_is_not_cut_records_the_list_in_its_order(slot, usual, tmp_path, capsys):
    assert slot("first", "out") == 0
    assert recorded(tmp_path / "first") == recorded(usual)
    assert "cpu" in capsys.readouterr().out.lower()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [row["line"] for row in report["campaign"]] == [*LINES]
    assert [row["trained"] for row in report["campaign"]] == [2, 2, 2]
    dates = [
        json.loads((tmp_path / "first" / run.key / MANIFEST).read_text())["date"]
        for line in LINES for run in gpu.runs_of(line, "smoke")
    ]  # fmt: skip
    assert dates == sorted(dates)
    assert slot("first", "out") == 0  # nothing is trained twice
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [row["before"] for row in report["campaign"]] == [2, 2, 2]
    assert [row["trained"] for row in report["campaign"]] == [0, 0, 0]


def test_the_folder_is_never_larger_than_asked(slot, tmp_path):
    assert slot("all", "whole") == 0
    files = [*(tmp_path / "whole" / "records").iterdir()]
    whole = sum(path.stat().st_size for path in files)
    assert slot("all", "part", "--size", str(0.5 * whole / 1e6)) == 0
    part = sum(path.stat().st_size for path in (tmp_path / "part" / "records").iterdir())
    assert part <= 0.6 * whole  # the index counts, too
    keys = [run.key for line in LINES for run in gpu.runs_of(line, "smoke")]
    left = {*recorded(elsewhere(tmp_path, "part", "there").root)}
    assert 0 < len(left) < 6
    assert keys[0] in left
    assert slot("new", "none", "--size", "0.001") == 0  # too small for any of them
    assert not recorded(tmp_path / "new")


def test_a_failed_line_does_not_cost_the_others(slot, monkeypatch, tmp_path):
    def broken(*_, **__):
        raise RuntimeError("CUDA error: something\nand more")

    monkeypatch.setitem(training.KINDS, Run, replace(training.KINDS[Run], prepare=broken))
    monkeypatch.setattr(gpu, "replace", lambda kind, **_: kind)
    assert slot("first", "out") == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    rows = [(row["trained"], row["problem"]) for row in report["campaign"]]
    assert rows == [(0, "CUDA error: something")] * 2 + [(2, "")]


def test_where_the_fast_gradients_fail_autograd_trains(slot, monkeypatch, usual, tmp_path):
    right = FastEngine.gradients

    def wrong(engine):
        found = right(engine)
        found[0].mul_(1.1)
        return found

    monkeypatch.setattr(FastEngine, "gradients", wrong)
    assert gpu_checks._gradients("cpu", "fast", "float64") > 0.05
    assert gpu_checks._steps("cpu", "fast", "sgd") > 1e-4
    assert gpu_checks._gradients("cpu", "autograd", "float64") < 1e-10
    assert gpu_checks._steps("cpu", "autograd", "sgd") < 1e-8
    monkeypatch.setattr(FastEngine, "gradients", None)  # never asked for
    monkeypatch.setattr(gpu, "choose", lambda device: ([], {"engine": "autograd"}))
    assert slot("first", "out") == 0
    for run in gpu.runs_of(LINES[0], "smoke"):
        found, expected = (Store(x).open(x / run.key).tensors for x in (tmp_path / "first", usual))
        for name in expected:
            assert far([found[name]], [expected[name]]) < 1e-2


def test_all_checks_pass_here_and_name_what_does_not(monkeypatch):
    found = gpu_checks.checks("cpu", "fast")
    assert all(check.passed for check in found)

    def broken(*_, **__):
        raise RuntimeError("no kernel image")

    monkeypatch.setattr(training, "_rows", broken)
    monkeypatch.setattr(gpu_checks, "_gradients", lambda *_: 0.0)
    monkeypatch.setattr(gpu_checks, "_steps", lambda *_: 0.0)
    failed = [check.name for check in gpu_checks.checks("cpu", "fast") if not check.passed]
    assert failed == ["fast: recording"]
    monkeypatch.setattr(torch.Tensor, "float", lambda x: x.bfloat16().to(torch.float32))
    assert gpu_checks._products("cpu") > 1e-4


@pytest.mark.parametrize(
    ("fast", "autograd", "how"),
    [
        ((), None, {"engine": "fast"}),
        (("transformers",), None, {"engine": "fast"}),
        (("recording",), None, {"engine": "fast", "record_on": "cpu"}),
        (("gradients, float32",), (), {"engine": "autograd"}),
        (("50 steps of adamw",), ("recording",), {"engine": "autograd", "record_on": "cpu"}),
        (("products without TF32",), ("products without TF32",), None),
        (("the process",), ("the process",), None),
    ],
)
def test_how_to_train_follows_from_what_failed(fast, autograd, how):
    failing = {"fast": fast, "autograd": autograd}

    def look(device, engine):
        assert failing[engine] is not None, "asked in vain"
        return [
            Check(f"{engine}: rest", 0.0, 1.0),
            *(Check(f"{engine}: {x}", float("nan"), 1.0) for x in failing[engine]),
        ]

    assert choose("cuda", look)[1] == how


def test_a_device_that_computes_wrongly_trains_nothing(slot, monkeypatch, tmp_path):
    failed = [Check("fast: products without TF32", 1e-3, 1e-5)]
    monkeypatch.setattr(gpu, "choose", lambda device: (failed, None))
    assert slot("first", "out") == 1
    assert not recorded(tmp_path / "first")


def test_distances_are_relative_and_a_nan_must_be_expected():
    one, two = np.array([3.0, 4.0]), np.array([3.0, 4.5])
    assert far([one, two], [one, one]) == pytest.approx(0.1)
    assert far([[1.0, np.nan]], [[1.0, np.nan]]) == 0
    assert far([[1.0, np.nan]], [[1.0, 2.0]]) == np.inf
    assert far([[1.0]], [[1.0, 2.0]]) == np.inf
    assert not Check("", np.nan, 1.0).passed


@pytest.mark.parametrize("line", gpu.CAMPAIGN)
def test_every_line_of_the_campaign_names_runs(line):
    runs = gpu.runs_of(line)
    assert runs
    assert all(run.operations < 1e15 for run in runs)  # none that a slot could not finish
    assert len(gpu.runs_of(line, "smoke")) >= 1
