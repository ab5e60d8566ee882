"""Load recorded runs, train the missing ones, and record them: `load_or_train`.

Together with `records` (the files) this is the only module that reads or writes results. Missing
runs are trained in stacks. A stack in training holds one lock per run, so that processes that want
the same runs share the work, and leaves a checkpoint from which it goes on bit for bit. How runs
are stacked changes the last bits of a result, so an interrupted stack is always finished as the
same stack. All of it: ours.
"""

from __future__ import annotations

import hashlib
import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout

from modnoise.nets import NetStack
from modnoise.records import (
    Damaged,
    Record,
    Store,
    StoreError,
    configuration,
    difference,
    duration,
    frame_bytes,
    frame_from,
    processor,
    read_state,
    set_aside,
    write_state,
)
from modnoise.spec import Run
from modnoise.tables import noisy_table
from modnoise.training.loop import State, Trained, check_device, train

__all__ = ["Report", "Results", "Store", "StoreError", "load_or_train"]

logger = logging.getLogger("modnoise")

STACK_NEURONS = 1088
"""Neurons of one stack on a CPU: about 1024, as whole nets of the paper's widths 2^k + 1."""

GPU_SHARE = 0.5
"""Share of the free GPU memory that one stack is planned for."""


@dataclass
class Report:
    """What was loaded and what was trained, and why; as text, one line.

    ``loaded`` and ``trained`` hold manifests, ``reasons`` one reason per trained run.
    """

    loaded: list[dict[str, Any]] = field(default_factory=list)
    trained: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        text = []
        if self.loaded:
            days = sorted({m["date"][:10] for m in self.loaded})
            devices = sorted(
                {"cpu" if m["device"] == "cpu" else m["device_name"] for m in self.loaded}
            )
            text.append(
                f"{_count(self.loaded)} loaded (recorded {' to '.join({days[0]: 0, days[-1]: 0})}, "
                f"{', '.join(devices)}, {duration(_seconds(self.loaded))})"
            )
        if self.trained:
            why = ", ".join(
                f"{n} {reason}" if len(set(self.reasons)) > 1 else reason
                for reason, n in Counter(self.reasons).items()
            )
            text.append(
                f"{_count(self.trained)} trained ({duration(_seconds(self.trained))}; {why})"
            )
        return " · ".join(text)


def _count(manifests: list) -> str:
    return f"{len(manifests)} run{'s' * (len(manifests) != 1)}"


def _seconds(manifests: list[dict[str, Any]]) -> float:
    return sum(m["seconds"] for m in manifests)


class Results(list[Trained]):
    """One `Trained` (a stack of one net) per asked run, in order."""

    report: Report

    @property
    def history(self) -> pd.DataFrame:
        """All curves in one frame; ``run`` is the position in the list."""
        return pd.concat(
            [result.history.assign(run=i) for i, result in enumerate(self)], ignore_index=True
        )


@dataclass
class _Order:
    """One call of `load_or_train`: what is asked, how to train it, what was found so far."""

    runs: dict[str, Run]
    store: Store
    weights: bool
    device: str
    threads: int
    progress: bool
    checkpoint_every: float
    found: dict[str, Record] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    stale: dict[str, Path] = field(default_factory=dict)
    report: Report = field(default_factory=Report)

    @property
    def missing(self) -> list[Run]:
        return [run for key, run in self.runs.items() if key not in self.found]

    def look(self, run: Run) -> bool:
        """Take the record of a run if there is one that will do."""
        record, why = self.store.find(run, weights=self.weights)
        self.why.setdefault(run.key, why)
        if record is None or why or _identity(record) == self.stale.get(run.key):
            return False
        if not self.weights:
            record.files.pop("weights.safetensors", None)
        self.found[run.key] = record
        return True


def _identity(record: Record) -> tuple:
    return record.path, record.manifest["date"], str(record.manifest["files"])


@overload
def load_or_train(runs: Run, **options: Any) -> Trained: ...
@overload
def load_or_train(runs: Sequence[Run], **options: Any) -> Results: ...
def load_or_train(
    runs: Run | Sequence[Run],
    *,
    device: str = "cpu",
    store: Store | str | Path | None = None,
    weights: bool = True,
    recompute: bool = False,
    progress: bool = True,
    threads: int = 1,
    checkpoint_every: float = 60.0,
) -> Trained | Results:
    """Load what is recorded, train and record the rest, and print one line that says which.

    Args:
        runs: one `Run`, or any number of them; they need not fit into one stack.
        device: where missing runs are trained; results always come back on the CPU.
        store: a `Store` or its folder; see there for the default.
        weights: False if curves are enough: then ``nets`` is None, and records without weights do.
        recompute: train again what is recorded, and replace the record.
        progress: show progress bars and print the line.
        threads: CPU threads.
        checkpoint_every: seconds between checkpoints. Ctrl-C saves one too.

    Returns:
        For one run a `Trained` with a stack of one net; for a list a `Results`, in its order.

    Raises:
        StoreError: results cannot be read, or could not be written (checked before training).
    """
    asked = [runs] if isinstance(runs, Run) else list(runs)
    if not asked:
        raise ValueError("runs is empty: give at least one Run")
    store = store if isinstance(store, Store) else Store(store)
    unique = {run.key: run for run in asked}
    order = _Order(unique, store, weights, device, threads, progress, checkpoint_every)
    for run in unique.values():
        if recompute:
            record, _ = store.find(run)
            order.why[run.key] = "asked for again"
            order.stale[run.key] = record and _identity(record)
        else:
            order.look(run)
    if order.missing:
        check_device(device)
        store.probe(_bytes_needed(order.missing))
        _fill(order)
    trained = {manifest["key"] for manifest in order.report.trained}
    order.report.loaded = [r.manifest for key, r in order.found.items() if key not in trained]
    if progress:
        print(order.report, flush=True)
    results = Results(_result(order.found[run.key], run, weights) for run in asked)
    results.report = order.report
    return results[0] if isinstance(runs, Run) else results


def _result(record: Record, run: Run, weights: bool) -> Trained:
    nets = None
    if weights:
        x = {name: torch.from_numpy(part[None]) for name, part in record.tensors.items()}
        nets = NetStack(x["U"], x["U"] if run.tied else x["V"], x["W"], x["mu"], run.act)
    history = record.history
    history.insert(0, "run", 0)
    history.attrs["seconds"] = record.manifest["seconds"]
    return Trained(nets, noisy_table(run), history)


# --- what to train, and by whom


def _parameters(run: Run) -> int:
    return (2 if run.tied else 3) * run.width * run.p


def _bytes_needed(runs: list[Run]) -> int:
    """Weights of every run, and two generations of the largest run's checkpoint."""
    size = [_parameters(run) * (8 if run.dtype == "float64" else 4) for run in runs]
    return sum(size) + 6 * max(size)


def _members(run: Run, device: str) -> int:
    """How many runs like this one to train as one stack."""
    if device == "cpu":
        return max(1, STACK_NEURONS // run.width)
    # activations, their gradients and indices of all pairs at once; weights with both moments,
    # gradients and the parts of FF
    floats = run.n_train * (4 * run.width + 4 * run.p + 16) + 20 * _parameters(run)
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(GPU_SHARE * free / (floats * (8 if run.dtype == "float64" else 4))))


def _stacks(runs: Sequence[Run], device: str) -> list[list[Run]]:
    """Runs that can share tensors, in stacks of a size that suits the device."""
    alike: dict[tuple, list[Run]] = {}
    for run in runs:
        alike.setdefault(run.stack_fields, []).append(run)
    stacks = []
    for group in alike.values():
        size = _members(group[0], device)
        stacks += [group[i : i + size] for i in range(0, len(group), size)]
    return stacks


def _unfinished(order: _Order) -> Iterator[list[Run]]:
    """Stacks with a checkpoint whose missing members are all asked for; the furthest first."""
    missing = {run.key for run in order.missing}
    started = []
    for path in order.store.checkpoints.glob("*.safetensors"):
        try:
            facts = read_state(path)[1]
        except (Damaged, FileNotFoundError):
            continue
        stack = [
            Run(**{name: x for name, x in config.items() if name not in ("format", "kind")})
            for config in facts["members"]
        ]
        if not any(
            difference(config, r) for config, r in zip(facts["members"], stack, strict=True)
        ):
            started.append((facts["step"], facts["device"], stack))
    for _, device, stack in sorted(started, key=lambda entry: -entry[0]):
        rest = {r.key for r in stack if not (order.store.root / r.key).exists()}
        rest |= missing & {r.key for r in stack}
        if rest and rest <= missing and device == order.device.split(":")[0]:
            missing -= rest
            yield stack


def _locked(order: _Order, names: Sequence[str], held: ExitStack) -> list[str]:
    """Those of the runs whose locks are free, now held."""
    got = []
    for name in names:
        lock: FileLock = order.store.lock(name)
        try:
            held.enter_context(lock.acquire(blocking=False))
            got.append(name)
        except Timeout:
            continue
    return got


def _take(order: _Order, held: ExitStack) -> tuple[list[Run], list[str]]:
    """Lock the first stack that nobody else is training: its runs, and the keys we hold.

    A stack that was begun before is taken whole or not at all; of a new one, what is free.
    """
    missing = {run.key: run for run in order.missing}
    with order.store.lock("plan"):
        begun = list(_unfinished(order))
        for stack in begun:
            wanted = [run.key for run in stack if run.key in missing]
            with ExitStack() as attempt:
                if _locked(order, wanted, attempt) == wanted:
                    held.enter_context(attempt.pop_all())
                    return stack, wanted
        fresh = [run for run in missing.values() if all(run not in stack for stack in begun)]
        for stack in _stacks(fresh, order.device):
            if got := _locked(order, [run.key for run in stack], held):
                return [missing[key] for key in got], got
    return [], []


def _fill(order: _Order) -> None:
    """Train until nothing is missing; runs that others train are waited for and loaded."""
    while order.missing:
        with ExitStack() as held:
            stack, ours = _take(order, held)
            for key in ours:
                order.store.mend(order.runs[key])
            need = [key for key in ours if not order.look(order.runs[key])]
            if need:
                begun = len(need) < len(stack) and _path(order, stack).exists()
                if not begun:
                    stack = [run for run in stack if run.key in need]
                _train(order, stack, need)
            elif ours:
                _path(order, stack).unlink(missing_ok=True)
        if not ours:
            with order.store.lock(order.missing[0].key):
                pass
            for run in order.missing:
                order.look(run)


# --- training one stack


class _Interrupt:
    """Inside, Ctrl-C only raises a flag; a second one, two seconds later, stops at once."""

    since: float | None = None

    def _ask(self, *_: Any) -> None:
        if self.since is not None and time.monotonic() - self.since > 2:
            raise KeyboardInterrupt
        self.since = self.since or time.monotonic()

    def __enter__(self) -> _Interrupt:
        self.before = signal.getsignal(signal.SIGINT)
        self.ours = (
            threading.current_thread() is threading.main_thread() and self.before != signal.SIG_IGN
        )
        if self.ours:
            signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: Any) -> None:
        if self.ours:
            signal.signal(signal.SIGINT, self.before)


def _path(order: _Order, stack: Sequence[Run]) -> Path:
    name = hashlib.sha256(" ".join(run.key for run in stack).encode()).hexdigest()[:12]
    return order.store.checkpoints / f"{name}.safetensors"


def _keep(path: Path, order: _Order, stack: Sequence[Run], state: State) -> None:
    tensors = {name: x.detach().cpu().numpy() for name, x in state.tensors.items()}
    rows = frame_bytes(pd.DataFrame(state.rows))
    tensors["rows"] = np.frombuffer(rows, np.uint8)
    facts = {
        "members": [configuration(run) for run in stack],
        "device": order.device.split(":")[0],
        "step": state.step,
        "seconds": state.seconds,
    }
    write_state(path, tensors, facts)


def _begin(path: Path, order: _Order, stack: Sequence[Run]) -> State:
    """The state in the checkpoint, or a new one. Even that is written: it says who is stacked."""
    try:
        tensors, facts = read_state(path)
        rows = frame_from(tensors.pop("rows").tobytes()).to_dict("records")
        if facts["members"] == [configuration(run) for run in stack]:
            state = {name: torch.from_numpy(x) for name, x in tensors.items()}
            return State(facts["step"], state, rows, facts["seconds"])
    except FileNotFoundError:
        pass
    except Damaged as problem:
        aside = set_aside(path)
        logger.warning("checkpoint %s: moved to %s; training restarts", problem, aside.name)
    state = State(0, {})
    _keep(path, order, stack, state)
    return state


def _train(order: _Order, stack: list[Run], need: list[str]) -> None:
    """Train a stack and record its needed members; the caller holds their locks."""
    path, saved = _path(order, stack), time.monotonic()
    with _Interrupt() as interrupt:

        def on_step(state: State) -> None:
            nonlocal saved
            if interrupt.since or time.monotonic() - saved >= order.checkpoint_every:
                try:
                    _keep(path, order, stack, state)
                except OSError as error:  # training is worth more than its checkpoint
                    logger.warning("cannot write checkpoint %s: %s", path, error.strerror)
                saved = time.monotonic()
            if interrupt.since:
                raise KeyboardInterrupt

        try:
            state = _begin(path, order, stack)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}") from None
        trained = train(
            stack, device=order.device, threads=order.threads, progress=order.progress,
            state=state, on_checkpoint=on_step, checkpoint_every=0.0,
        )  # fmt: skip
        _record(order, stack, need, trained)
        path.unlink(missing_ok=True)
    if interrupt.since:
        raise KeyboardInterrupt


def _record(order: _Order, stack: list[Run], need: list[str], trained: Trained) -> None:
    nets, _, history = trained
    seconds = history.attrs["seconds"]
    facts = {
        "device": order.device.split(":")[0],
        "device_name": device_name(order.device),
        "threads": order.threads,
        "seconds": seconds / len(stack),  # this run's share of its stack
        "stack": [run.key for run in stack],
    }
    for i, run in enumerate(stack):
        if run.key not in need:
            continue
        weights = {name: getattr(nets, name)[i].cpu().numpy() for name in ("U", "V", "W", "mu")}
        if run.tied:
            del weights["V"]
        curves = history[history["run"] == i].drop(columns="run").reset_index(drop=True)
        curves.attrs = {}
        order.store.save(run, curves, weights, facts)
        order.stale.pop(run.key, None)
        order.look(run)
        order.report.trained.append(order.found[run.key].manifest)
        order.report.reasons.append(order.why[run.key])
    done, first = len(order.found), stack[0]
    logger.info(
        "%d of %d: %d x %s p=%d M=%d, %d steps, %s",
        done, len(order.runs), len(stack), first.op, first.p, first.width, first.steps,
        duration(seconds),
    )  # fmt: skip


def device_name(device: str) -> str:
    """Product name of the CPU or GPU."""
    return torch.cuda.get_device_name(device) if device != "cpu" else processor()
