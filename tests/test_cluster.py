"""Campaigns on real worker processes: equal to local ones, and nothing lost when one is killed."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from modnoise import cli, studies
from modnoise.arithmetic.run import Run
from modnoise.store import campaign, cluster, errands, worker
from modnoise.store.cluster import ClusterError
from modnoise.store.files import state_facts
from modnoise.store.load import load_or_train
from modnoise.store.order import Order
from modnoise.store.records import Report, Store, StoreError

distributed = pytest.importorskip("distributed", reason="needs modnoise[cluster]")
dask = pytest.importorskip("dask")

DEADLY, FRAGILE, WAITING = 13, 11, 7  # seeds with a meaning for the workers
WORKER = """
import os, signal, time
from pathlib import Path
from modnoise.store import campaign
from modnoise.training.loop import train

folder = Path({folder!r})

def strange(stack, *, state, **options):
    with open(folder / f"{{stack[0].key}}.{{os.getpid()}}", "a") as file:
        file.write(f"{{state.step}} ")
    died = folder / f"died at {{state.step}}"
    if stack[0].seed == {DEADLY} or (
        stack[0].seed == {FRAGILE} and state.step in (3, 6) and not died.exists()
    ):
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    while stack[0].seed == {WAITING} and not (folder / "go").exists():
        time.sleep(0.01)
    return train(stack, state=state, **options)

campaign.train = strange
campaign.processor = lambda: "a worker's CPU"
"""

TINY = Run(p=7, width=16, steps=60)
WIDTHS = (15, 16, 17, 18)
SLOW = [TINY.but(width=w, seed=WAITING) for w in WIDTHS]


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Two worker processes that are started again when they die; their folder."""
    folder = tmp_path_factory.mktemp("workers")
    (folder / "worker.py").write_text(
        WORKER.format(folder=str(folder), DEADLY=DEADLY, FRAGILE=FRAGILE, WAITING=WAITING)
    )
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"}),  # it would end workers
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0",
            preload=str(folder / "worker.py"), silence_logs=logging.CRITICAL,
            local_directory=str(folder),
        ) as started,
    ):  # fmt: skip
        started.folder = folder
        yield started


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(errands, "POLL", 0.05)
    monkeypatch.setattr(cluster, "PATIENCE", 600.0)


@pytest.fixture
def scheduler(workers) -> str:
    for path in workers.folder.glob("*.*[0-9]"):
        path.unlink()
    (workers.folder / "go").unlink(missing_ok=True)
    workers.wait_for_workers(2)
    return workers.scheduler_address


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs", tmp_path / "results")


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store(tmp_path / "local", tmp_path / "results")


def run(runs, scheduler: str, store: Store, **options) -> Report:
    """What `modnoise run --scheduler` does."""
    options = {"device": "cpu", "checkpoint_every": 60.0, **options}
    order = Order(
        {run.key: run for run in runs}, store, weights=False, threads=1, progress=False, **options
    )
    for one in order.runs.values():
        order.look(one)
    with cluster.connected(scheduler) as there:
        errands.fill(order, there)
    return order.closed()


def wait_for(condition):
    while not (found := condition()):
        time.sleep(0.01)
    return found


def begun(workers, run: Run) -> list[Path]:
    """One file per process in which a stack that starts with this run was begun."""
    return sorted(workers.folder.glob(f"{run.key}.*"))


def manifest_of(store: Store, run: Run) -> dict:
    return json.loads((store.root / run.key / "manifest.json").read_text())


def assert_equal_records(store: Store, local: Store, runs: list[Run]) -> None:
    """The same files bit for bit, and manifests that differ in time and machine only."""
    load_or_train(runs, store=local, progress=False)
    for run in runs:
        here, there = manifest_of(local, run), manifest_of(store, run)
        assert here["files"].keys() == {"history.parquet", "weights.safetensors"}
        assert store.find(run)[0].manifest["files"] == here["files"]
        different = {x for x in here if here[x] != there[x]}
        times = {"date", "seconds", "core_seconds"}
        assert different <= {"device_name", "commit", "dirty", "sha256", *times}
        assert there["device_name"] == "a worker's CPU"
    assert [path.name for path in store.root.glob("checkpoints/*")] == []


def test_records_of_a_cluster_are_the_local_ones_bit_for_bit(scheduler, workers, store, local):
    runs = [TINY.but(width=w, noise=n, record_parts=True) for w in (16, 8) for n in (0.0, 0.5)]
    report = run([*runs, runs[0]], scheduler, store=store)
    assert {manifest["key"] for manifest in report.trained} == {run.key for run in runs}
    assert report.reasons == ["no record yet"] * 4
    assert report.loaded == []
    assert_equal_records(store, local, runs)
    (one,), (other,) = begun(workers, runs[0]), begun(workers, runs[2])
    assert one.suffix != other.suffix
    assert f".{os.getpid()}" not in (one.suffix, other.suffix)


def test_what_is_recorded_is_not_sent(scheduler, workers, store):
    load_or_train(TINY, store=store, progress=False)
    other = TINY.but(noise=0.5)
    report = run([TINY, other], scheduler, store=store)
    assert [m["key"] for m in report.loaded] == [TINY.key]
    assert [m["stack"] for m in report.trained] == [[other.key]]
    assert not begun(workers, TINY)


def test_runs_of_a_killed_worker_are_trained_again(scheduler, workers, store, local, caplog):
    def kill() -> None:
        wait_for(lambda: len(list(workers.folder.glob("*.*[0-9]"))) == 2)
        os.kill(int(begun(workers, SLOW[0])[0].suffix[1:]), signal.SIGKILL)
        (workers.folder / "go").touch()

    killer = threading.Thread(target=kill)
    killer.start()
    run(SLOW, scheduler, store=store)
    killer.join()
    assert len(begun(workers, SLOW[0])) == 2
    assert sum(len(begun(workers, run)) for run in SLOW) == len(SLOW) + 1
    assert f"a worker is gone; it had run {SLOW[0].key} (add p=7 M=15" in caplog.text
    assert_equal_records(store, local, SLOW)


def test_a_dead_worker_costs_only_what_it_had_not_reported(scheduler, workers, store, local):
    """Two die, more than allowed; but each after a report, so that training does get on."""
    fragile = TINY.but(steps=8, seed=FRAGILE)
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        run([fragile], scheduler, store, checkpoint_every=0.0)  # a step each
    assert (workers.folder / "died at 3").exists()
    assert (workers.folder / "died at 6").exists()
    starts = " ".join(path.read_text() for path in begun(workers, fragile)).split()
    assert sorted(starts) == [*"0123345667"]
    assert_equal_records(store, local, [fragile])


def test_a_budget_ends_with_checkpoints_here(scheduler, workers, store):
    runs = [TINY.but(width=w, steps=10**7) for w in WIDTHS[:2]]
    kept, budget = [store.checkpoint([one.key], "cpu") for one in runs], 0.5
    while not all(path.exists() for path in kept):  # workers of a busy machine begin late
        budget *= 2
        assert run(runs, scheduler, store, deadline=time.monotonic() + budget).trained == []
    assert all(1 <= state_facts(path)["step"] < 10**7 for path in kept)


def test_the_command_line_plans_for_the_workers_and_trains_on_them(
    scheduler, workers, store, local, monkeypatch, capsys
):
    runs = [TINY.but(noise=n) for n in (0.1, 0.3)]

    class Tiny:
        def runs(self, scale: str) -> list[Run]:
            return runs

    def modnoise(line: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            cli.main([*line.split(), "--store", str(store.root)])
        return done.value.code, *capsys.readouterr()

    monkeypatch.setattr(studies, "EXPERIMENTS", {"tiny": Tiny()})
    code, out, _ = modnoise(f"run tiny --scheduler {scheduler} --plan")
    assert code == 0
    assert re.search(r"\ntime: about .*, \d.* with 2 workers \(", out)
    assert not begun(workers, runs[0])
    code, out, _ = modnoise(f"run tiny --scheduler {scheduler}")
    assert code == 0
    assert out.startswith("2 runs: 0 recorded, 0 begun, 2 to begin\n")
    assert out.splitlines()[-1].startswith("tiny, laptop: 2 runs trained (")
    assert_equal_records(store, local, runs)
    code, out, err = modnoise("run tiny --scheduler tcp://nowhere:1")  # nothing to ask it for
    assert (code, err) == (0, "")
    assert out.startswith("tiny, laptop: 2 runs loaded (")
    runs.append(TINY.but(noise=0.5))
    code, out, err = modnoise("run tiny --scheduler nowhere")
    assert (code, out) == (2, "")
    assert err.startswith("modnoise: scheduler = 'nowhere' is not allowed: ")
    assert modnoise(f"run tiny --scheduler {scheduler} --workers 2") == (
        2, "", "modnoise: --workers is not allowed with --scheduler: the cluster has its own\n"
    )  # fmt: skip


def test_a_run_that_kills_workers_is_named_and_the_others_are_recorded(
    scheduler, workers, store, local
):
    deadly = TINY.but(width=14, seed=DEADLY)
    others = [TINY.but(width=w) for w in WIDTHS]
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        pytest.raises(StoreError) as error,
    ):
        run([deadly, *others], scheduler, store=store)
    assert str(error.value) == (
        f"run {deadly.key} (add p=7 M=14, 60 steps): given up, 1 worker died with it "
        "(the logs there say why); all other runs are recorded"
    )
    assert len(begun(workers, deadly)) == 1
    assert store.find(deadly)[0] is None
    assert [len(begun(workers, run)) for run in others] == [1] * 4
    store.checkpoint([deadly.key], "cpu").unlink()
    assert_equal_records(store, local, others)


def test_what_was_begun_here_is_finished_there(scheduler, workers, store, local, monkeypatch):
    class Killed(BaseException):
        pass

    def keep(order, stack, state):
        kept(order, stack, state)
        if state.step == 25:
            raise Killed

    kept = campaign._keep
    runs = [TINY.but(noise=n) for n in (0.2, 0.6)]
    with monkeypatch.context() as patch:
        patch.setattr(campaign, "_keep", keep)
        with pytest.raises(Killed):
            load_or_train(runs, store=store, checkpoint_every=0.0, progress=False)
    run(runs, scheduler, store=store)
    (start,) = begun(workers, runs[0])
    assert start.read_text() == "25 "
    assert manifest_of(store, runs[1])["stack"] == [run.key for run in runs]
    assert_equal_records(store, local, runs)


def test_two_campaigns_on_one_store_share_the_work(scheduler, workers, store, local, caplog):
    """While a stack is out its locks are held here; what others hold is waited for."""
    here = threading.Thread(target=run, args=(SLOW[:1], scheduler), kwargs={"store": store})
    here.start()
    wait_for(lambda: begun(workers, SLOW[0]))
    other = threading.Thread(
        target=load_or_train, args=(SLOW[:2],), kwargs={"store": store, "progress": False}
    )
    other.start()
    wait_for(lambda: "waiting for 1 run that another process is training" in caplog.text)
    assert store.find(SLOW[1])[0]
    (workers.folder / "go").touch()
    here.join()
    other.join()
    assert len(begun(workers, SLOW[0])) == 1
    caplog.clear()
    with store.lock(SLOW[2].key):
        third = threading.Thread(target=run, args=(SLOW[:3], scheduler), kwargs={"store": store})
        third.start()
        wait_for(lambda: "waiting for 1 run that another process is training" in caplog.text)
    third.join()
    assert_equal_records(store, local, [SLOW[0], SLOW[2]])  # the other was trained here


def test_ctrl_c_records_what_is_finished(scheduler, workers, store, local):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    slow, fast = SLOW[0], TINY

    def stop() -> None:
        wait_for(lambda: (store.root / fast.key).exists() and begun(workers, slow))
        signal.raise_signal(signal.SIGINT)

    stopper = threading.Thread(target=stop)
    stopper.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run([slow, fast], scheduler, store=store)
    finally:
        signal.signal(signal.SIGINT, before)
        stopper.join()
        (workers.folder / "go").touch()
    assert store.find(slow)[0] is None
    run([slow, fast], scheduler, store=store)
    assert len(begun(workers, fast)) == 1
    assert_equal_records(store, local, [slow, fast])


# --- errors are one line


def refused(*arguments, **options) -> str:
    with pytest.raises(ClusterError) as error:
        run(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_missing_dask_names_the_extra(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert refused([TINY], "tcp://localhost:8786", store=store) == (
        "a scheduler needs Dask, which is not installed: pip install 'modnoise[cluster]'"
    )


def test_an_address_where_no_scheduler_answers_is_refused(store, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        line = f"no Dask scheduler answers at {address} within 1 s"
        assert refused([TINY], address, store=store) == line
    assert refused([TINY], address, store=store) == line


@pytest.mark.parametrize("address", ["", "localhost", "http://localhost:8786"])
def test_what_is_no_address_is_refused(store, address):
    line = refused([TINY], address, store=store)
    assert line.startswith(f"scheduler = {address!r} is not allowed: ")
    assert line.endswith("it must be as tcp://host:8786")


@pytest.mark.parametrize("package", worker.SAME)
def test_workers_with_other_versions_get_no_work(scheduler, workers, store, monkeypatch, package):
    here = {**worker.same_versions(), package: "0.0.7"}
    monkeypatch.setattr(errands, "same_versions", lambda: here)
    line = refused([TINY], scheduler, store=store)
    assert line.startswith("worker tcp://127.0.0.1:")
    assert line.endswith(", this process 0.0.7: install the same version")
    assert f"has {package} " in line
    assert not list(workers.folder.glob("*.*[0-9]"))


def test_a_worker_without_the_package_or_the_device_is_refused(scheduler, store):
    problem = errands._problem(ModuleNotFoundError("No module named 'modnoise'"))
    assert problem == "cannot use modnoise: No module named 'modnoise'"
    if not torch.cuda.is_available():
        line = refused([TINY], scheduler, store=store, device="cuda")
        assert line.endswith("cannot be used: device = 'cuda' is not available here: "
                             "torch sees no CUDA device")  # fmt: skip


def test_an_error_on_a_worker_comes_here_after_the_others_are_recorded(
    scheduler, workers, store, local
):
    wrong = TINY.but(matmul="tf32", width=8)  # not on a CPU, which only the training knows
    (workers.folder / "go").touch()
    with pytest.raises(ValueError, match="matmul = 'tf32' is not allowed with device = 'cpu'"):
        run([SLOW[0], wrong], scheduler, store=store)
    store.checkpoint([wrong.key], "cpu").unlink()
    assert_equal_records(store, local, SLOW[:1])


def test_workers_are_waited_for_and_a_scheduler_that_is_gone_is_named(store, caplog, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 10.0)  # for as long it is hoped to come back
    empty = distributed.LocalCluster(
        n_workers=0, processes=False, dashboard_address=":0", silence_logs=logging.CRITICAL
    )
    address = empty.scheduler_address

    def close() -> None:
        wait_for(lambda: f"waiting for a worker at {address}" in caplog.text)
        empty.close()

    closer = threading.Thread(target=close)
    closer.start()
    line = refused([TINY], address, store=store)
    closer.join()
    assert line.startswith(f"the scheduler at {address} is gone; what was finished is recorded")
