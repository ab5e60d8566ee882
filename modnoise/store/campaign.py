"""Train what is missing and record it, stack by stack, each from its checkpoint.

A stack in training leaves a checkpoint from which it goes on bit for bit (who trains what:
`modnoise.store.stacks`). Seconds are those of a clock that nobody sets. All: ours.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from filelock import Timeout

from modnoise.spec import Trainable
from modnoise.store.files import (
    Damaged,
    frame_bytes,
    frame_from,
    read_state,
    remove_state,
    set_aside,
    write_state,
)
from modnoise.store.order import Order
from modnoise.store.provenance import processor
from modnoise.store.records import (
    StoreError,
    configuration,
    count,
    duration,
    writing,
)
from modnoise.store.schema import stacked
from modnoise.store.stacks import begun, checkpoint_of, claim, progress, tell
from modnoise.training.loop import State, Trained, Unfit, train

logger = logging.getLogger("modnoise")

NEWS_EVERY = 300.0
"""Seconds after which a long training says how far it is."""


class OutOfTime(Exception):
    """The deadline of an order has passed; a checkpoint is written."""


def fill(order: Order) -> None:
    """Train until nothing is missing or the deadline has passed, but at least one step.

    Runs that others train are waited for and loaded.
    """
    with suppress(OutOfTime):
        while order.missing:
            with ExitStack() as held:
                stack, need = claim(order, held)
                if need:
                    train_stack(order, stack, need)
            if not stack:
                _wait(order)
            if order.late:
                break
    tidy(order)


def tidy(order: Order) -> None:
    """Remove checkpoints of what is recorded: somebody was killed before that."""
    with suppress(OSError):  # the next one will
        for stack in begun(order)[1]:
            keys = [run.key for run in stack]
            with ExitStack() as held:
                if order.store.locked(keys, held) == keys:
                    remove_state(checkpoint_of(order, stack))


def _wait(order: Order) -> None:
    runs = order.missing
    logger.warning("waiting for %s that another process is training", count(len(runs)))
    patience = -1 if order.deadline is None else max(0.0, order.deadline - time.monotonic())
    with suppress(Timeout), order.store.lock(runs[0].key).acquire(timeout=patience):
        pass
    for run in runs:
        order.look(run)


def follow(order: Order) -> None:
    """Note what other processes have recorded for this order, and say so."""
    before = len(order.found)
    for run in order.missing:
        if (order.store.root / run.key).exists() and order.look(run):
            order.report.trained.append(order.found[run.key].manifest)
            order.report.reasons.append(order.why[run.key])
    if len(order.found) > before:
        logger.info(progress(order))


# --- training one stack


class Interrupt:
    """Inside, Ctrl-C and SIGTERM only raise a flag; after two seconds another stops at once."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)
    since: float | None = None

    def _ask(self, *_: Any) -> None:
        if self.since is not None and time.monotonic() - self.since > 2:
            raise KeyboardInterrupt
        self.since = self.since or time.monotonic()

    def __enter__(self) -> Interrupt:
        self.before = {}
        if threading.current_thread() is threading.main_thread():
            for number in self.SIGNALS:
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self.before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)


def _keep(order: Order, stack: Sequence[Trainable], state: State) -> None:
    tensors = {name: x.detach().cpu().numpy() for name, x in state.tensors.items()}
    tensors["rows"] = np.frombuffer(frame_bytes(pd.DataFrame(state.rows)), np.uint8)
    facts = {
        "members": [configuration(run) for run in stack],
        "device": order.device.split(":")[0],
        "step": state.step,
        "seconds": state.seconds,
        "core_seconds": state.core_seconds,
    }
    write_state(checkpoint_of(order, stack), tensors, facts)


def resume(order: Order, stack: Sequence[Trainable]) -> State:
    """The state in the checkpoint, or a new one. Even that is written: it says who is stacked."""
    path = checkpoint_of(order, stack)
    try:
        tensors, facts = read_state(path)
        if stacked(facts) == list(stack):
            rows = _rows(path.name, tensors.pop("rows", None), facts["step"])
            state = {name: torch.from_numpy(x) for name, x in tensors.items()}
            core = facts.get("core_seconds", facts["seconds"])  # older checkpoints lack it
            return State(facts["step"], state, rows, facts["seconds"], core_seconds=core)
    except FileNotFoundError:
        pass
    except Damaged as problem:
        _put_aside(path, problem)
    except ValueError as problem:
        _put_aside(path, f"{path.name} is of no stack of ours: {problem}")
    _keep(order, stack, State(0, {}))
    return State(0, {})


def _rows(name: str, table: np.ndarray | None, step: int) -> list[dict]:
    """What was recorded up to a checkpoint at ``step``, of the table that it holds."""
    if table is None:
        raise Damaged(f"{name} holds no rows")
    rows = frame_from(table.tobytes(), f"the table in {name}")
    if step and not {"run", "step", "part"} <= {*rows}:
        raise Damaged(f"the table in {name} holds no curves")
    return rows.to_dict("records")


def _put_aside(path: Path, problem: object) -> None:
    logger.warning("checkpoint %s; moved to %s, training restarts", problem, set_aside(path).name)


def train_stack(order: Order, stack: list[Trainable], need: list[str]) -> None:
    """Train a stack and record its needed members; the caller holds their locks."""
    path, saved, told = checkpoint_of(order, stack), time.monotonic(), time.monotonic()
    with Interrupt() as interrupt:

        def on_step(state: State) -> None:
            nonlocal saved, told
            late = order.late
            if interrupt.since or late or time.monotonic() - saved >= order.checkpoint_every:
                try:
                    _keep(order, stack, state)
                except OSError as error:  # the training is worth more than its checkpoint
                    logger.warning("cannot write checkpoint %s: %s", path, error.strerror)
                saved = time.monotonic()
            if time.monotonic() - told >= NEWS_EVERY:
                order.done |= {run.key: state.step / run.steps for run in stack}
                tell(order, stack, f"at step {state.step}")
                told = time.monotonic()
            if interrupt.since:
                raise KeyboardInterrupt
            if late:
                raise OutOfTime

        with writing(path):
            state = resume(order, stack)
        try:
            trained = train(
                stack, device=order.device, threads=order.threads, progress=order.progress,
                state=state, on_checkpoint=on_step, checkpoint_every=0.0,
            )  # fmt: skip
        except torch.OutOfMemoryError:
            trained, again = None, _halve
        except Unfit as problem:
            trained, again = None, train_stack
            _put_aside(path, f"{path.name} does not fit: {problem}")
        if trained is not None:
            _record(order, stack, need, trained)
        remove_state(path)
    if trained is None:
        again(order, stack, need)
    if interrupt.since:
        raise KeyboardInterrupt


def _halve(order: Order, stack: list[Trainable], need: list[str]) -> None:
    """Train a stack that does not fit into the device's memory as two."""
    if len(stack) == 1:
        raise StoreError(f"run {stack[0].key} does not fit into the memory of {order.device}")
    torch.cuda.empty_cache()
    middle = len(stack) // 2
    for half in (stack[:middle], stack[middle:]):
        if wanted := [run.key for run in half if run.key in need]:
            train_stack(order, half, wanted)


def device_name(device: str) -> str:
    """Product name of what trains."""
    return processor() if device == "cpu" else torch.cuda.get_device_name(device)


def _record(order: Order, stack: list[Trainable], need: list[str], trained: Trained) -> None:
    nets, _, history = trained
    seconds, device = history.attrs["seconds"], order.device
    facts = {
        "device": device.split(":")[0],
        "device_name": device_name(device),
        "threads": order.threads,
        "seconds": seconds / len(stack),  # this run's share of its stack
        "core_seconds": history.attrs["core_seconds"] / len(stack),
        "stack": [run.key for run in stack],
    }
    for i, run in enumerate(stack):
        if run.key not in need:
            continue
        curves = history[history["run"] == i].drop(columns="run").reset_index(drop=True)
        curves.attrs = {}
        order.store.save(run, curves, nets.arrays(i), facts)
        order.stale.pop(run.key, None)
        order.look(run)
        order.report.trained.append(order.found[run.key].manifest)
        order.report.reasons.append(order.why[run.key])
    tell(order, stack, f"took {duration(seconds)}")
