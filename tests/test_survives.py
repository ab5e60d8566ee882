"""What a campaign survives: kill -9 anywhere, a full disk, damaged files, a clock that jumps."""

from __future__ import annotations

import ast
import builtins
import errno
import json
import logging
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

import modnoise
from modnoise.arithmetic.run import Run
from modnoise.store import campaign, provenance, stacks
from modnoise.store.campaign import fill
from modnoise.store.files import read_folder, state_facts
from modnoise.store.load import load_or_train
from modnoise.store.order import Order, identity
from modnoise.store.provenance import CHECKOUT
from modnoise.store.records import Store, StoreError
from modnoise.training.loop import train

QUIET = {"progress": False}
TINY = {"p": 7, "width": 8, "steps": 12}
RUNS = [
    Run(p=5, width=8, steps=21),
    *(Run(p=7, width=400, steps=10, noise=n, record_parts=True) for n in (0.0, 0.2, 0.4, 0.6)),
    *(Run(p=5, width=8, steps=s) for s in (0, 1)),
    *(Run(p=11, width=16, steps=30, noise=n, record_structure=True) for n in (0.1, 0.5)),
    Run(p=7, width=8, steps=30, act="quadratic", optimizer="sgd", lr=1e6),  # diverges
    *(Run(p=5, width=8, steps=s) for s in (22, 23)),
]
"""Six stacks of one and three of two."""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs", tmp_path / "results")


def content(store: Store) -> dict[str, object]:
    """Everything in a store by path: bytes, and of manifests all but times."""
    found: dict[str, object] = {}
    for path in sorted(store.root.rglob("*")):
        name = str(path.relative_to(store.root))
        if path.name == "manifest.json":
            manifest = json.loads(path.read_text())
            assert manifest.pop("sha256")
            assert manifest.pop("core_seconds") >= 0
            assert manifest.pop("seconds") >= 0
            assert manifest.pop("date")
            found[name] = manifest
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found


def unlike(store: Store, expected: dict[str, object]) -> dict[str, tuple[object, object]]:
    """What differs in a store, by path: as it is, and as it should be."""
    found = content(store)
    return {
        name: (found.get(name, "missing"), expected.get(name, "missing"))
        for name in {**found, **expected}
        if name not in found or name not in expected or found[name] != expected[name]
    }


# --- kill -9

FORKS = """
import json, os, sys
import torch
torch.set_num_threads(1)
from modnoise.store.provenance import commit
from modnoise.arithmetic.run import Run
from modnoise.store.records import Store
from modnoise.store.load import load_or_train
from modnoise.studies import SPECS
from modnoise.training.loop import kind_of
from modnoise.store import campaign, plan, stacks
runs = [Run(**fields) for fields in json.loads(sys.argv[1])]
commit()
kind_of(runs[0]), len(SPECS)  # what a child would import anew, before its first step
print("ready", flush=True)
for line in sys.stdin:
    word, what = line.split()
    if word == "start":
        pid = os.fork()
        if pid == 0:
            store = Store(what, what + "-published")
            load_or_train(runs, store=store, progress=False, weights=False, checkpoint_every=0.0)
            os._exit(0)
        print(pid, flush=True)
    else:
        print(os.waitstatus_to_exitcode(os.waitpid(int(what), 0)[1]), flush=True)
"""


class Campaigns:
    """Processes that each run the campaign of `RUNS`; torch is imported once, then they fork."""

    def __init__(self) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, "-c", FORKS, json.dumps([run.model_dump() for run in RUNS])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )  # fmt: skip
        assert self.parent.stdout.readline() == "ready\n"

    def _ask(self, line: str) -> int:
        self.parent.stdin.write(line + "\n")
        self.parent.stdin.flush()
        return int(self.parent.stdout.readline())

    def start(self, store: Store) -> int:
        """Begin or go on with the campaign; the process."""
        return self._ask(f"start {store.root}")

    def end(self, pid: int) -> int:
        """Wait for a process; its exit code."""
        return self._ask(f"wait {pid}")


@pytest.fixture(scope="module")
def campaigns() -> Iterator[Campaigns]:
    campaigns = Campaigns()
    yield campaigns
    campaigns.parent.communicate()


@pytest.fixture(scope="module")
def uninterrupted(campaigns, tmp_path_factory) -> tuple[dict[str, object], float]:
    """What a campaign leaves that nobody disturbs, and its seconds."""
    root = tmp_path_factory.mktemp("uninterrupted")
    store, begin = Store(root / "runs", root / "results"), time.monotonic()
    assert campaigns.end(campaigns.start(store)) == 0
    seconds = time.monotonic() - begin
    found = content(store)
    assert sum(name.endswith("/manifest.json") for name in found) == len(RUNS)
    return found, seconds


def place(store: Store) -> tuple[int, int]:
    """How far a campaign is: records, and steps in checkpoints."""
    steps = [state_facts(path)["step"] for path in store.checkpoints.glob("*.safetensors")]
    return len(store.places()), sum(steps)


@pytest.mark.parametrize("processes", [1, 2], ids=["alone", "beside another campaign"])
def test_a_campaign_killed_20_times_anywhere_leaves_the_same_store(
    store, campaigns, uninterrupted, processes
):
    expected, seconds = uninterrupted
    seed = random.randrange(2**32)
    print("seed", seed)
    rng, killed, places = random.Random(seed), 0, set()
    running = [campaigns.start(store) for _ in range(processes)]
    while killed < 20 or len(places) < 6:  # a slow machine is killed at one place many times
        assert killed < 200
        time.sleep(rng.uniform(0, seconds / 4 / processes))
        victim = rng.randrange(processes)
        os.kill(running[victim], signal.SIGKILL)
        code = campaigns.end(running[victim])
        assert code in (0, -signal.SIGKILL)
        killed += code != 0
        places.add(place(store))
        if code == 0:  # it was over before: once more from the beginning
            assert [campaigns.end(pid) for pid in running if pid != running[victim]] in ([], [0])
            assert unlike(store, expected) == {}
            shutil.rmtree(store.root)
            running = [campaigns.start(store) for _ in range(processes)]
        else:
            running[victim] = campaigns.start(store)
    assert [campaigns.end(pid) for pid in running] == [0] * processes
    assert unlike(store, expected) == {}
    print("records and steps at the kills", sorted(places))


def test_a_stack_is_not_split_because_its_holder_is_dying(store, monkeypatch):
    runs = RUNS[1:5]
    keys = [run.key for run in runs]
    order = Order({run.key: run for run in runs}, store, False, "cpu", 1, False, 60.0)
    dying = store.lock(keys[0])  # it gives up its other locks first, and this one a little later
    dying.acquire()
    monkeypatch.setattr(stacks.time, "sleep", lambda _: dying.release())
    with ExitStack() as held:
        assert stacks._free(order, keys, held) == keys
    other = store.lock(keys[1])
    monkeypatch.setattr(stacks.time, "sleep", lambda _: None)
    with other.acquire(), ExitStack() as held:  # and of a stack that others train, what is free
        assert stacks._free(order, keys, held) == [keys[0], *keys[2:]]


# --- damaged files

PAIRS = [Run(**TINY, noise=n) for n in (0.1, 0.2)] + [
    Run(**TINY, noise=n, record_parts=True) for n in (0.1, 0.2)
]
"""Two stacks of two."""


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 8
    path.write_bytes(data)


DAMAGE = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-7]),
    "flipped": flip,
    "deleted": Path.unlink,
}


@pytest.fixture
def starts(monkeypatch) -> list[tuple[int, list[str]]]:
    """Step and members of every training that is begun in this process."""
    seen = []

    def spy(stack, *, state, **options):
        seen.append((state.step, [run.key for run in stack]))
        return train(stack, state=state, **options)

    monkeypatch.setattr(campaign, "train", spy)
    return seen


def order_of(store: Store, runs, **options) -> Order:
    order = Order({run.key: run for run in runs}, store, False, "cpu", 1, False, 60.0, **options)
    for run in runs:
        order.look(run)
    return order


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """The folder of a store in which `PAIRS` are recorded."""
    root = tmp_path_factory.mktemp("recorded")
    load_or_train(PAIRS, store=Store(root, root), **QUIET)
    return root


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["history.parquet", "weights.safetensors", "manifest.json"])
def test_a_damaged_file_costs_its_own_run_and_no_other(
    recorded, store, starts, caplog, name, damage
):
    shutil.copytree(recorded, store.root)
    ours = store.root / PAIRS[2].key
    DAMAGE[damage](ours / name)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes())
              for path in store.root.rglob("*.*") if ours not in path.parents}  # fmt: skip
    order = order_of(store, PAIRS)
    assert [run.key for run in order.missing] == [ours.name]
    fill(order)
    assert starts == [(0, [ours.name])]
    assert order.report.reasons == ["damaged"]
    problem = {"truncated": r"(has \d+ bytes instead of|is unreadable)", "deleted": "is missing",
               "flipped": r"(differs from its checksum|is unreadable)"}[damage]  # fmt: skip
    named, kept = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert re.match(f"{ours} is damaged and not used: {name} {problem}", named)
    assert kept == f"{ours} is kept as {ours.name}.damaged-1"
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before
    again = read_folder(ours)
    expected = train(PAIRS[2], **QUIET).nets.arrays(0)
    assert {k: x.tobytes() for k, x in again.tensors.items()} == {
        k: x.tobytes() for k, x in expected.items()
    }


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_costs_its_own_stack_and_no_other(store, starts, caplog, damage):
    for runs in (PAIRS[:2], PAIRS[2:]):
        for _ in range(3):
            fill(order_of(store, runs, deadline=0.0))  # a step each
    starts.clear()
    first, second = [store.checkpoint([r.key for r in x], "cpu") for x in (PAIRS[:2], PAIRS[2:])]
    DAMAGE[damage](first)
    fill(order_of(store, PAIRS))
    keys = [run.key for run in PAIRS]
    assert sorted(starts) == sorted([(0, keys[:2]), (3, keys[2:])])
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    if damage == "deleted":
        assert warnings == []
    else:
        (line,) = warnings
        assert re.fullmatch(
            rf"checkpoint {first.name} (is unreadable|differs from its checksum); "
            rf"moved to {first.name}\.damaged-1, training restarts",
            line,
        )
    assert not second.exists()


def test_a_stack_with_a_net_that_diverges_goes_on_and_so_do_the_others(store):
    wild = {"act": "quadratic", "optimizer": "sgd", "record_parts": True,
            "record_structure": True, "record_gradients": True}  # fmt: skip
    runs = [Run(**TINY, **wild, lr=lr) for lr in (1e-3, 1e9, 1e-2)] + PAIRS[:1]
    order = order_of(store, runs)
    fill(order)
    assert order.missing == []
    diverged = [read_folder(store.root / run.key).manifest["diverged"] for run in runs]
    assert diverged == [False, True, False, False]
    without = train([runs[0], runs[2]], **QUIET).nets
    for i, run in enumerate((runs[0], runs[2])):
        for name, x in read_folder(store.root / run.key).tensors.items():
            assert x == pytest.approx(without.arrays(i)[name], rel=1e-5, abs=1e-7)
    assert order_of(store, runs).missing == []


# --- a full disk


class Disk:
    """A disk that is full from its ``n``-th operation that needs space on, or only at it.

    Of what is written then, half is written. Removing needs no space.
    """

    def __init__(self, n: int, *, forever: bool) -> None:
        self.left, self.forever = n, forever

    def use(self) -> None:
        """Take space, or fail."""
        self.left -= 1
        if self.left == -1 or (self.left < 0 and self.forever):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def counted(self, function: Callable) -> Callable:
        """The function of `os`, on this disk."""

        def call(*args, **kwargs):
            self.use()
            return function(*args, **kwargs)

        return call

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Inside, everything is on this disk."""
        opened, os_opened = open, os.open

        def on_disk(path, mode="r", *args, **kwargs):
            file = opened(path, mode, *args, **kwargs)
            return file if "r" in mode else File(file, self)

        def lock_on_disk(path, flags, *args, **kwargs):
            if flags & os.O_ACCMODE:
                self.use()
            return os_opened(path, flags, *args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(builtins, "open", on_disk)
            patch.setattr(os, "open", lock_on_disk)
            patch.setattr(os, "fsync", self.counted(lambda handle: None))
            for name in ("mkdir", "rename", "replace"):
                patch.setattr(os, name, self.counted(getattr(os, name)))
            yield


class File:
    """A file opened for writing on a `Disk`."""

    def __init__(self, file, disk: Disk) -> None:
        self.file, self.disk = file, disk

    def write(self, data: bytes) -> int:
        """All of it, or half."""
        try:
            self.disk.use()
        except OSError:
            self.file.write(data[: len(data) // 2])
            raise
        return self.file.write(data)

    def __getattr__(self, name: str):
        return getattr(self.file, name)

    def __enter__(self) -> File:
        return self

    def __exit__(self, *_) -> None:
        self.file.close()


def run_on(disk: Disk, store: Store, runs) -> str:
    """A campaign on a disk, a checkpoint at every step; the error if it ends in one."""
    order = order_of(store, runs)
    order.checkpoint_every = 0.0
    try:
        with disk.mounted():
            store.probe()
            fill(order)
    except StoreError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("forever", [True, False], ids=["full for good", "one write fails"])
def test_a_disk_that_is_full_at_any_write_is_one_line_and_loses_nothing(
    tmp_path, caplog, forever, monkeypatch
):
    monkeypatch.setattr(provenance, "commit", lambda: {"commit": None, "dirty": None})
    runs = [Run(p=5, width=4, steps=2, noise=n) for n in (0.0, 0.5)]
    reference, disk = Store(tmp_path / "all", tmp_path), Disk(10**9, forever=True)
    assert run_on(disk, reference, runs) == ""
    expected, operations = content(reference), 10**9 - disk.left
    assert operations > 40
    errors = set()
    for n in range(operations):
        store = Store(tmp_path / f"{n}", tmp_path)
        caplog.clear()
        error = run_on(Disk(n, forever=forever), store, runs)
        warnings = [r.getMessage() for r in caplog.records]
        if forever:
            assert error
        for line in [error] if error else warnings:
            assert re.fullmatch(
                rf"cannot write (results to |checkpoint )?{store.root}.*: "
                rf"{os.strerror(errno.ENOSPC)}(; choose another folder .*)?",
                line,
            )
        assert error or warnings or not forever
        errors.add(bool(error))
        kept = {key: read_folder(store.root / key).manifest for key in store.places()}
        assert run_on(Disk(10**9, forever=True), store, runs) == ""
        assert content(store) == expected
        assert {key: read_folder(store.root / key).manifest for key in kept} == kept
        shutil.rmtree(store.root)
    assert errors == ({True} if forever else {True, False})


# --- a clock that jumps


@pytest.fixture
def jumps(monkeypatch) -> None:
    """A wall clock that is somewhere else whenever it is asked."""
    rng = random.Random(0)

    class Somewhen(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime(rng.randrange(1971, 2100), rng.randrange(1, 13), 1, tzinfo=UTC)

    monkeypatch.setattr(provenance, "datetime", Somewhen)
    monkeypatch.setattr(time, "time", lambda: rng.uniform(0, 4e9))
    monkeypatch.setattr(time, "time_ns", lambda: rng.randrange(4 * 10**18))


def test_a_wall_clock_that_jumps_changes_dates_and_nothing_else(store, tmp_path, jumps):
    begin, runs = time.monotonic(), PAIRS
    for _ in range(5):
        fill(order_of(store, runs, deadline=time.monotonic()))  # a step each
    order = order_of(store, runs, deadline=time.monotonic() + 10_000)
    order.progress = True
    fill(order)
    assert order.missing == []
    manifests = [json.loads((store.root / r.key / "manifest.json").read_text()) for r in runs]
    assert sum(m["seconds"] for m in manifests) < time.monotonic() - begin
    assert all(m["seconds"] > 0 for m in manifests)
    assert len({m["date"] for m in manifests}) > 1
    calm = Store(tmp_path / "calm", tmp_path)
    load_or_train(runs, store=calm, **QUIET)
    assert content(store) == content(calm)


def test_records_of_the_same_second_are_told_apart(store, monkeypatch):
    class Still(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime(2026, 1, 1, tzinfo=UTC)

    monkeypatch.setattr(provenance, "datetime", Still)
    found = []
    for _ in range(2):
        load_or_train(PAIRS[0], store=store, recompute=True, **QUIET)
        found.append(store.find(PAIRS[0])[0])
    first, second = found
    assert first.manifest["date"] == second.manifest["date"]
    assert first.manifest["files"] == second.manifest["files"]
    assert identity(first) != identity(second)
    assert identity(second) == identity(store.find(PAIRS[0])[0])


def test_only_the_date_of_a_record_comes_from_the_wall_clock():
    found = {}
    for path in Path(modnoise.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                name = ast.unparse(node)
                if name in ("time.time", "time.time_ns", "time.localtime", "time.perf_counter"):
                    found.setdefault(path.name, set()).add(name)
                if name.startswith(("datetime.", "date.")) and node.attr in (
                    "now", "today", "utcnow", "fromtimestamp"
                ):  # fmt: skip
                    found.setdefault(path.name, set()).add(name)
    assert found == {"provenance.py": {"datetime.now"}}
