"""Recorded results: exact, checked, whole or absent, shared by processes, finished later."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from modnoise.arithmetic.experiments.sizes import WIDTHS
from modnoise.arithmetic.run import Run
from modnoise.store import campaign, files, provenance, records, stacks
from modnoise.store.files import (
    HISTORY,
    WEIGHTS,
    Damaged,
    glance,
    read_folder,
    read_state,
    state_facts,
    write_folder,
)
from modnoise.store.load import load_or_train
from modnoise.store.order import Order
from modnoise.store.provenance import commit
from modnoise.store.publish import publish
from modnoise.store.records import (
    Report,
    Store,
    StoreError,
    configuration,
    duration,
)
from modnoise.training.loop import train

TINY = Run(p=7, width=16, steps=60)
QUIET = {"progress": False}
OPTIONS = {
    "plain": {},
    "float64": {"dtype": "float64"},
    "tied": {"tied": True},
    "parts": {"record_parts": True},
    "gradients": {"record_gradients": True},
    "quadratic": {"act": "quadratic", "optimizer": "muon"},
    "diverging": {"lr": 1e6, "act": "quadratic", "optimizer": "sgd"},
    "untrained": {"steps": 0},
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs", tmp_path / "results")


def assert_same(a, b) -> None:
    """Weights and curves equal bit for bit, NaN included."""
    for name in ("U", "V", "W", "mu"):
        x, y = getattr(a.nets, name).numpy(), getattr(b.nets, name).numpy()
        assert x.dtype == y.dtype
        assert x.tobytes() == y.tobytes()
    assert a.nets.act == b.nets.act
    assert a.nets.tied == b.nets.tied
    pd.testing.assert_frame_equal(a.history, b.history, check_exact=True)
    assert all(torch.equal(getattr(a.table, x), getattr(b.table, x)) for x in ("given", "role"))


def member(trained, i: int):
    """One member of a trained stack, as `load_or_train` gives it."""
    history = trained.history[trained.history["run"] == i].assign(run=0).reset_index(drop=True)
    table = trained.table
    parts = (getattr(table, name)[i : i + 1] for name in ("true", "given", "role"))
    return trained._replace(
        nets=trained.nets[i], table=type(table)(table.p, *parts), history=history
    )


def manifest_of(store: Store, run: Run) -> dict:
    return json.loads((store.root / run.key / "manifest.json").read_text())


def rewrite_manifest(folder: Path, change) -> None:
    """Change a manifest and make its checksum right again."""
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["sha256"]
    change(manifest)
    manifest["sha256"] = files.digest(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


# --- round trip


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_loaded_result_is_the_trained_one_bit_for_bit(store, options):
    run = TINY.but(**options)
    expected = train(run, **QUIET)
    assert_same(load_or_train(run, store=store, **QUIET), expected)
    again = Store(store.root, store.published)
    assert_same(load_or_train(run, store=again, **QUIET), expected)
    assert manifest_of(store, run)["diverged"] == (not torch.isfinite(expected.nets.W).all())
    assert manifest_of(store, run)["diverged"] == ("lr" in options)


def test_a_list_keeps_its_order_across_shapes_and_trains_each_run_once(store):
    runs = [TINY.but(width=w, noise=n) for w in (16, 8) for n in (0.0, 0.5)]
    results = load_or_train([*runs, runs[0]], store=store, **QUIET)
    assert [r.nets.width for r in results] == [16, 16, 8, 8, 16]
    assert len(results.report.trained) == 4
    assert results.report.loaded == []
    assert_same(results[0], results[4])
    for i, stack in enumerate((runs[:2], runs[2:])):
        expected = train(stack, **QUIET)
        for j in range(2):
            assert_same(results[2 * i + j], member(expected, j))
    assert results.history.groupby("run").size().index.tolist() == [0, 1, 2, 3, 4]
    assert results.history["run"].is_monotonic_increasing


def test_without_weights_only_the_curves_come_back(store):
    first = load_or_train(TINY, store=store, weights=False, **QUIET)
    assert first.nets is None
    pd.testing.assert_frame_equal(first.history, train(TINY, **QUIET).history, check_exact=True)
    assert load_or_train(TINY, store=store, **QUIET).nets is not None


@pytest.mark.parametrize("version", ["2.13.0+cu130", "2.13.0+cpu", "2.13.0"])
def test_torch_is_recorded_as_it_names_itself_with_its_build(version, store, monkeypatch):
    """Whatever its installed metadata say."""
    monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion(version))
    load_or_train(TINY, store=store, **QUIET)
    assert manifest_of(store, TINY)["versions"]["torch"] == version
    assert glance(store.root / TINY.key)["versions"]["torch"] == version


def test_a_manifest_says_what_computed_the_result(store):
    run = TINY.but(seed=7)
    load_or_train([run, run.but(noise=0.5)], store=store, **QUIET)
    manifest = manifest_of(store, run)
    assert manifest["config"] == {"format": 1, "kind": "Run", **run.model_dump()}
    assert (manifest["key"], manifest["seed"], manifest["device"]) == (run.key, 7, "cpu")
    assert manifest["stack"] == [run.key, run.but(noise=0.5).key]
    assert manifest["versions"]["torch"] == torch.__version__
    assert set(manifest["files"]) == {"history.parquet", "weights.safetensors"}
    assert manifest["seconds"] > 0
    assert manifest["threads"] == 1
    assert manifest["commit"] == commit()["commit"]
    assert manifest["date"].endswith("+00:00")


def test_recompute_trains_again_and_replaces_the_record(store, capsys):
    load_or_train(TINY, store=store, **QUIET)
    before = manifest_of(store, TINY)
    load_or_train(TINY, store=store)
    load_or_train(TINY, store=store, recompute=True)
    loaded, trained = capsys.readouterr().out.splitlines()
    assert loaded.startswith("1 run loaded (recorded 20")
    assert trained.startswith("1 run trained (")
    assert trained.endswith("asked for again)")
    assert manifest_of(store, TINY)["seconds"] != before["seconds"]
    assert {path.name for path in store.root.iterdir()} == {TINY.key, "checkpoints", "locks"}


def test_the_report_is_one_line_with_dates_devices_seconds_and_reasons():
    cpu = {"device": "cpu", "device_name": "Some CPU", "date": "2026-11-21T01:00", "seconds": 20.4}
    gpu = {"device": "cuda", "device_name": "H200", "date": "2026-11-20T01:00", "seconds": 20.4}
    report = Report([cpu, gpu, cpu], [gpu], ["damaged"])
    assert str(report) == (
        "3 runs loaded (recorded 2026-11-20 to 2026-11-21, H200, cpu, 61 s) · "
        "1 run trained (20 s; damaged)"
    )
    mixed = Report([], [cpu] * 3, ["damaged", "no record yet", "no record yet"])
    assert str(mixed) == "3 runs trained (61 s; 1 damaged, 2 no record yet)"
    assert [duration(s) for s in (9.94, 9.96, 99.4, 99.6, 5969.0, 5971.0)] == [
        "9.9 s", "10 s", "99 s", "2 min", "99 min", "1.7 h",
    ]  # fmt: skip


def test_no_runs_and_a_wrong_device_are_refused_in_one_line(store):
    with pytest.raises(ValueError, match="runs is empty"):
        load_or_train([], store=store)
    with pytest.raises(ValueError, match="device = 'gpu' is not allowed"):
        load_or_train(TINY, store=store, device="gpu", **QUIET)
    assert not store.root.exists()


# --- published records


def published(store: Store, weights: bool = False) -> Path:
    """Publish `TINY` as an experiment; its files."""
    publish(store, "tiny", "smoke", [TINY], weights=[TINY.key] * weights, exact=weights)
    return store.published / "tiny"


def test_published_curves_serve_curves_and_weights_are_trained_again(store, capsys):
    first = load_or_train(TINY, store=store, **QUIET)
    assert sorted(path.name for path in published(store).iterdir()) == [
        "runs.json", "smoke.parquet",
    ]  # fmt: skip
    shutil.rmtree(store.root)
    curves = load_or_train(TINY, store=store, weights=False)
    pd.testing.assert_frame_equal(curves.history, first.history, check_exact=True)
    assert not store.root.exists()
    assert_same(load_or_train(TINY, store=store), first)
    loaded, trained = capsys.readouterr().out.splitlines()
    assert loaded.startswith("1 run loaded")
    assert trained.endswith("only curves are recorded)")


def test_published_weights_are_loaded_and_stay_published(store):
    first = load_or_train(TINY, store=store, **QUIET)
    published(store, weights=True)
    published(store)
    shutil.rmtree(store.root)
    assert_same(load_or_train(TINY, store=store, **QUIET), first)
    assert not store.root.exists()


def test_only_recorded_and_intact_runs_are_published(store):
    with pytest.raises(StoreError, match=f"{TINY.key} is not recorded in .*: run it first"):
        published(store)
    load_or_train(TINY, store=store, **QUIET)
    (store.root / TINY.key / "history.parquet").unlink()
    with pytest.raises(StoreError, match=r"is damaged: history\.parquet is missing"):
        published(store)
    assert not store.published.exists()


def test_damaged_published_weights_are_named_left_alone_and_computed_again(store, caplog):
    first = load_or_train(TINY, store=store, **QUIET)
    target = published(store, weights=True) / "smoke.safetensors"
    shutil.rmtree(store.root)
    target.write_bytes(target.read_bytes()[:-1])
    before = {path: path.read_bytes() for path in store.published.rglob("*.*")}
    assert_same(load_or_train(TINY, store=store, **QUIET), first)
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == [
        f"{target} is damaged and not used: it is unreadable"
    ]
    assert {path: path.read_bytes() for path in store.published.rglob("*.*")} == before


# --- what is loaded is what was asked for, and intact


def test_every_field_is_compared_a_key_alone_is_not_trusted(store, caplog):
    first = load_or_train(TINY, store=store, **QUIET)
    folder = store.root / TINY.key
    rewrite_manifest(folder, lambda manifest: manifest["config"].update(noise=0.5))
    assert_same(load_or_train(TINY, store=store, **QUIET), first)
    assert "noise is 0.5 in the record, 0.3 asked for" in caplog.text
    assert (store.root / f"{TINY.key}.damaged-1").is_dir()
    for name, value in Run(p=11, noise=0.1, seed=3, tied=True, act="gelu"):
        if getattr(TINY, name) != value:
            stored = {**records.configuration(TINY), name: value}
            assert records.difference(stored, TINY).startswith(f"{name} is {value!r}")
    assert "kind is 'Walk'" in records.difference(
        {**records.configuration(TINY), "kind": "Walk"}, TINY
    )


def test_a_field_that_is_newer_than_the_record_has_its_default():
    stored = records.configuration(TINY)
    del stored["split"]
    assert records.difference(stored, TINY) == ""
    assert "split is 'ordered'" in records.difference(stored, TINY.but(split="unordered"))
    assert "gone is 1" in records.difference({**stored, "gone": 1}, TINY)


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << position % 8
    path.write_bytes(data)


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "empty": lambda path: path.write_bytes(b""),
    "flipped": lambda path: flip(path, path.stat().st_size // 2),
    "missing": lambda path: path.unlink(),
    "garbage": lambda path: path.write_bytes(bytes(range(256))),
    "other": lambda path: path.write_bytes(b"[1, 2]\n"),
}


@pytest.mark.parametrize(
    ("name", "damage"),
    [("manifest.json", damage) for damage in DAMAGE]
    + [("history.parquet", "missing"), ("weights.safetensors", "flipped"),
       ("weights.safetensors", "truncated")],
)  # fmt: skip
def test_damage_is_named_moved_aside_and_computed_again(store, caplog, name, damage):
    first = load_or_train(TINY, store=store, **QUIET)
    for n in (1, 2):
        caplog.clear()
        DAMAGE[damage](store.root / TINY.key / name)
        result = load_or_train([TINY], store=Store(store.root, store.published), **QUIET)
        assert_same(result[0], first)
        assert str(result.report).endswith("damaged)")
        named, kept = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        assert named.startswith(f"{store.root / TINY.key} is damaged and not used: {name} ")
        assert kept.endswith(f"is kept as {TINY.key}.damaged-{n}")
        assert (store.root / f"{TINY.key}.damaged-{n}").is_dir()


def test_every_flipped_bit_of_a_record_is_noticed_or_changes_nothing(store):
    """The last of 17 digits of the seconds may change without changing the number."""
    load_or_train(TINY, store=store, **QUIET)
    folder = store.root / TINY.key
    written = read_folder(folder)
    rng = np.random.default_rng(0)
    for path in sorted(folder.iterdir()):
        intact, same = path.read_bytes(), 0
        for position in rng.integers(len(intact), size=60).tolist():
            flip(path, position)
            try:
                found = read_folder(folder)
            except Damaged as error:
                found = error
            if isinstance(found, Damaged):
                assert path.name in str(found)
            else:
                assert found == written
                same += 1
            path.write_bytes(intact)
        assert same <= 3 * (path.name == files.MANIFEST)


class Killed(BaseException):
    """Stands for kill -9: nothing in the package catches it."""


def counted(function, after: int, count: list[int]):
    def call(*args, **kwargs):
        count[0] += 1
        if count[0] > after:
            raise Killed
        return function(*args, **kwargs)

    return call


def test_a_writer_killed_anywhere_leaves_the_old_the_new_or_no_record(tmp_path, monkeypatch):
    path, outcomes = tmp_path / "record", []
    facts = {"key": TINY.key, "config": configuration(TINY), "seed": TINY.seed, "diverged": False}
    facts |= {**provenance.provenance(), "device": "cpu", "device_name": "", "threads": 1}
    facts |= {"seconds": 0.0, "stack": [TINY.key]}
    for after in range(20):
        count = [0]
        write_folder(path, {HISTORY: b"old"}, facts)
        with monkeypatch.context() as patch:
            patch.setattr(files, "write_synced", counted(files.write_synced, after, count))
            patch.setattr(files, "_sync", counted(files._sync, after, count))
            patch.setattr(Path, "rename", counted(Path.rename, after, count))
            patch.setattr(Path, "mkdir", counted(Path.mkdir, after, count))
            try:
                write_folder(path, {HISTORY: b"new", WEIGHTS: b""}, facts)
            except Killed:
                outcomes.append(read_folder(path).files[HISTORY] if path.exists() else None)
            else:
                break
    assert outcomes[:5] == [b"old"] * 5
    assert set(outcomes) == {b"old", None, b"new"}
    assert read_folder(path).files == {HISTORY: b"new", WEIGHTS: b""}
    assert [p.name for p in tmp_path.iterdir()] == ["record"]


# --- checkpoints: kill, Ctrl-C, damage

LONG = [Run(p=11, width=33, steps=200, noise=n, record_parts=True) for n in (0.2, 0.6)]
DRIVER = """
import json, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from modnoise.arithmetic.run import Run
from modnoise.store.records import Store
from modnoise.store.load import load_or_train
runs = [Run(**fields) for fields in json.loads(sys.argv[2])]
print("ready", flush=True)
input()
store = Store(sys.argv[1], sys.argv[1] + "-published")
results = load_or_train(runs, store=store, progress=False, checkpoint_every=0.0)
print(json.dumps([manifest["key"] for manifest in results.report.trained]))
"""


def start(store: Store, runs: list[Run], processes: int = 1) -> list[subprocess.Popen]:
    """Processes that begin the same order at once; a checkpoint at every step makes them slow."""
    fields = json.dumps([run.model_dump() for run in runs])
    started = [
        subprocess.Popen(
            [sys.executable, "-c", DRIVER, store.root, fields], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(provenance.CHECKOUT)},
        )
        for _ in range(processes)
    ]  # fmt: skip
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    return started


def wait_for_step(store: Store, step: int, process: subprocess.Popen) -> None:
    while process.poll() is None:
        for path in store.checkpoints.glob("*.safetensors"):
            if state_facts(path)["step"] >= step:
                return
        time.sleep(0.005)
    pytest.fail(f"ended before step {step}: {process.communicate()[1]}")


@pytest.fixture(scope="module")
def uninterrupted():
    return train(LONG, **QUIET)


def train_with(monkeypatch, function) -> None:
    """Make campaigns call ``function`` instead of `train`."""
    monkeypatch.setattr(campaign, "train", function)


@pytest.fixture
def starts(monkeypatch) -> list[tuple[int, list[str]]]:
    """Step and members of every training that is begun in this process."""
    seen = []

    def spy(stack, *, state, **options):
        seen.append((state.step, [run.key for run in stack]))
        return train(stack, state=state, **options)

    train_with(monkeypatch, spy)
    return seen


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_training_goes_on_bit_for_bit(store, starts, uninterrupted, number):
    (process,) = start(store, LONG)
    wait_for_step(store, 25, process)
    process.send_signal(number)
    errors = process.communicate()[1]
    assert process.returncode == -number
    assert [store.find(run)[0] for run in LONG] == [None, None]
    if number == signal.SIGINT:
        assert errors.rstrip().endswith("KeyboardInterrupt")
    (checkpoint,) = store.checkpoints.glob("*.safetensors")
    checkpoint.with_name(f".{checkpoint.name}.new").write_bytes(b"half")  # killed while writing
    results = load_or_train(LONG, store=store, **QUIET)
    assert starts[0][0] >= 25
    assert len(starts) == 1
    for i in range(2):
        assert_same(results[i], member(uninterrupted, i))
    assert list(store.checkpoints.iterdir()) == []


def interrupted_at(store: Store, runs, step: int, monkeypatch) -> None:
    """Leave the checkpoint of a training that was killed at ``step``."""

    def keep(order, stack, state):
        kept(order, stack, state)
        if state.step == step:
            raise Killed

    kept = campaign._keep
    with monkeypatch.context() as patch:
        patch.setattr(campaign, "_keep", keep)
        with pytest.raises(Killed):
            load_or_train(runs, store=store, checkpoint_every=0.0, **QUIET)


def test_a_stack_killed_between_two_records_is_finished_as_the_same_stack(
    store, starts, monkeypatch
):
    runs = [run.but(steps=50) for run in LONG]
    with monkeypatch.context() as patch:
        patch.setattr(Store, "save", counted(Store.save, 1, [0]))
        with pytest.raises(Killed):
            load_or_train(runs, store=store, **QUIET)
    assert [store.find(run)[1] for run in runs] == ["", "no record yet"]
    before = manifest_of(store, runs[0])
    results = load_or_train(runs, store=store, **QUIET)
    both = [run.key for run in runs]
    assert starts == [(0, both), (0, both)]
    assert manifest_of(store, runs[0]) == before
    assert manifest_of(store, runs[1])["stack"] == both
    expected = train(runs, **QUIET)
    for i in range(2):
        assert_same(results[i], member(expected, i))
    assert [m["key"] for m in results.report.loaded] == both[:1]


def test_a_part_of_an_interrupted_stack_is_trained_alone(store, starts, monkeypatch):
    interrupted_at(store, LONG, 8, monkeypatch)
    load_or_train(LONG[1], store=store, **QUIET)
    assert starts[1:] == [(0, [LONG[1].key])]
    load_or_train(LONG, store=store, **QUIET)
    assert starts[2:] == [(8, [run.key for run in LONG])]
    assert list(store.checkpoints.iterdir()) == []


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing", "garbage"])
def test_a_damaged_checkpoint_is_named_and_training_restarts(
    store, starts, uninterrupted, monkeypatch, caplog, damage
):
    interrupted_at(store, LONG, 5, monkeypatch)
    (path,) = store.checkpoints.glob("*.safetensors")
    DAMAGE[damage](path)
    results = load_or_train(LONG, store=store, **QUIET)
    assert [step for step, _ in starts] == [0, 0]
    if damage != "missing":
        (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        assert line.startswith(f"checkpoint {path.name} ")
        assert line.endswith(f"moved to {path.name}.damaged-1, training restarts")
        assert path.with_name(f"{path.name}.damaged-1").exists()
    assert_same(results[1], member(uninterrupted, 1))


def test_every_flipped_bit_of_a_checkpoint_is_noticed(store, monkeypatch):
    interrupted_at(store, LONG, 3, monkeypatch)
    (path,) = store.checkpoints.glob("*.safetensors")
    intact = path.read_bytes()
    read_state(path)
    header = 8 + int.from_bytes(intact[:8], "little")
    rng = np.random.default_rng(0)
    for end in (header, len(intact)):
        for position in [*range(8), *rng.integers(end, size=80).tolist()]:
            flip(path, position)
            with pytest.raises(Damaged, match=path.name):
                read_state(path)
            path.write_bytes(intact)


def test_a_forgotten_checkpoint_of_recorded_runs_is_removed(store, monkeypatch):
    interrupted_at(store, LONG, 3, monkeypatch)
    (path,) = store.checkpoints.iterdir()
    data = path.read_bytes()
    load_or_train(LONG, store=store, **QUIET)
    for runs in (LONG, TINY):
        path.write_bytes(data)
        with store.lock(LONG[0].key):
            load_or_train(runs, store=store, **QUIET)
            assert path.exists()
        load_or_train(runs, store=store, **QUIET)
        assert not path.exists()


@pytest.fixture
def ctrl_c():
    """Python's own handler, also where the tests run with Ctrl-C ignored, as in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_the_callers_ctrl_c_handler_is_back_after_training(store, ctrl_c):
    before = ctrl_c
    load_or_train(TINY, store=store, **QUIET)
    assert signal.getsignal(signal.SIGINT) is before
    with campaign.Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert interrupt.since
        interrupt.since -= 3
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


# --- several processes


def test_two_processes_share_the_work_and_both_get_everything(store):
    runs = [Run(p=7, width=w, steps=20, noise=n) for w in (7, 8, 9, 10) for n in (0.2, 0.6)]
    processes = start(store, runs, 2)
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    first, second = (set(json.loads(out)) for out, _ in outputs)
    assert first & second == set()
    assert first | second == {run.key for run in runs}
    assert all(store.find(run)[0] for run in runs)


def test_what_another_process_trains_is_waited_for_and_loaded(store, starts, caplog):
    elsewhere = Store(store.root.with_name("elsewhere"), store.published)
    load_or_train(LONG[0], store=elsewhere, **QUIET)
    results = []
    other = store.lock(LONG[0].key)
    with other:
        thread = threading.Thread(
            target=lambda: results.extend(load_or_train(LONG, store=store, **QUIET))
        )
        thread.start()
        while "waiting for 1 run" not in caplog.text:
            time.sleep(0.01)
        shutil.copytree(elsewhere.root / LONG[0].key, store.root / LONG[0].key)
    thread.join()
    assert starts[1:] == [(0, [LONG[1].key])]
    assert_same(results[0], load_or_train(LONG[0], store=elsewhere, **QUIET))
    assert_same(results[1], train(LONG[1], **QUIET))


def test_a_deadline_ends_waiting_for_another_process(store, caplog):
    order = Order({TINY.key: TINY}, store, False, "cpu", 1, False, 60.0)
    order.deadline = time.monotonic() + 0.05
    with store.lock(TINY.key):
        campaign.fill(order)
    assert order.missing == [TINY]
    assert caplog.messages == ["waiting for 1 run that another process is training"]


# --- where nothing can be written, or nothing fits


@pytest.mark.parametrize("below", [".", "runs"])
def test_an_unwritable_store_is_one_line_before_training(tmp_path, starts, below):
    (tmp_path / "file").write_text("")
    root = tmp_path / "file" / below
    with pytest.raises(StoreError) as error:
        load_or_train(TINY, store=Store(root, tmp_path / "results"), **QUIET)
    assert str(error.value).startswith(f"cannot write results to {root}: ")
    assert "MODNOISE_STORE" in str(error.value)
    assert "\n" not in str(error.value)
    assert starts == []


def test_published_results_need_no_writable_store(store, tmp_path):
    load_or_train(TINY, store=store, **QUIET)
    published(store)
    (tmp_path / "file").write_text("")
    unwritable = Store(tmp_path / "file" / "runs", store.published)
    assert len(load_or_train(TINY, store=unwritable, weights=False, **QUIET).history) > 0


def test_a_full_disk_is_noticed_before_training(store, starts, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=5_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(StoreError, match=r"cannot write results to .*: 63 MB needed, 5 MB free"):
        load_or_train(Run(p=113, width=6649, steps=0), store=store, **QUIET)  # 9.0 MB of weights
    assert starts == []


def full(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_fills_up_costs_checkpoints_but_not_the_training(
    store, monkeypatch, caplog, starts
):
    def keep(order, stack, state):
        return full() if state.step else kept(order, stack, state)

    kept = campaign._keep
    monkeypatch.setattr(campaign, "_keep", keep)
    result = load_or_train(TINY, store=store, checkpoint_every=0.01, **QUIET)
    assert_same(result, train(TINY, **QUIET))
    if caplog.records:
        assert "cannot write checkpoint" in caplog.text


def test_a_record_that_cannot_be_written_keeps_the_checkpoint(store, monkeypatch, starts):
    interrupted_at(store, TINY, 9, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(records, "write_folder", full)
        with pytest.raises(StoreError, match=f"cannot write .*{TINY.key}: No space left"):
            load_or_train(TINY, store=store, **QUIET)
    assert_same(load_or_train(TINY, store=store, **QUIET), train(TINY, **QUIET))
    assert [step for step, _ in starts] == [0, 9, 9]


def test_a_stack_that_does_not_fit_into_memory_is_halved(store, monkeypatch):
    sizes = []

    def small(stack, **options):
        sizes.append(len(stack))
        if len(stack) > 2:
            raise torch.OutOfMemoryError
        return train(stack, **options)

    train_with(monkeypatch, small)
    runs = [TINY.but(noise=n / 10) for n in range(5)]
    assert len(load_or_train(runs, store=store, **QUIET)) == 5
    assert sizes == [5, 2, 3, 1, 2]
    assert list(store.checkpoints.iterdir()) == []

    train_with(monkeypatch, lambda *_a, **_k: small(range(3)))
    with pytest.raises(StoreError, match="does not fit into the memory of cpu"):
        load_or_train(TINY.but(seed=1), store=store, **QUIET)


@pytest.mark.parametrize("width", WIDTHS)
def test_stacks_hold_about_1024_neurons_and_every_run_once(width):
    runs = [Run(width=width, steps=steps, seed=s) for s in range(70) for steps in (10, 20)]
    found = stacks.stacks(runs, "cpu")
    assert sorted(r.key for stack in found for r in stack) == sorted(r.key for r in runs)
    assert all(len({run.steps for run in stack}) == 1 for stack in found)
    assert all(len(stack) == 1 or len(stack) * width <= 1088 for stack in found)
    assert max(map(len, found)) == max(1, 1024 // (width - 1))


def test_environment_variables_name_the_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("MODNOISE_STORE", str(tmp_path / "a"))
    monkeypatch.setenv("MODNOISE_RESULTS", str(tmp_path / "b"))
    assert (Store().root, Store().published) == (tmp_path / "a", tmp_path / "b")
    assert Store(tmp_path / "c").root == tmp_path / "c"
    monkeypatch.delenv("MODNOISE_STORE")
    monkeypatch.delenv("MODNOISE_RESULTS")
    assert Store().root == provenance.CHECKOUT / "runs"
    assert Store().published == provenance.CHECKOUT / "results"
