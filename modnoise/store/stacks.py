"""Who trains what: runs in stacks, the stacks that were begun, and the locks of the next one.

A stack in training holds one lock per run, so that processes that want the same runs share the
work. How runs are stacked can change the last bits of a result, so an interrupted stack is always
finished as the same stack. All: ours.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from modnoise.spec import Trainable
from modnoise.store.files import Damaged, state_facts
from modnoise.store.order import Order, time_left
from modnoise.store.records import count, duration, writing
from modnoise.store.schema import stacked
from modnoise.training.loop import kind_of

logger = logging.getLogger("modnoise")

DYING = 0.05
"""Seconds in which a killed process has given up all of its locks."""


def bytes_needed(runs: Sequence[Trainable], device: str) -> int:
    """Weights of all runs, and two generations of the largest checkpoint: weights, two moments."""
    largest = max(sum(x.weight_bytes for x in stack) for stack in stacks(runs, device))
    return sum(x.weight_bytes for x in runs) + 6 * largest


def stacks(runs: Sequence[Trainable], device: str) -> list[list[Trainable]]:
    """Runs that can share tensors, in stacks of a size that suits the device."""
    alike: dict[tuple, list[Trainable]] = {}
    for run in runs:
        alike.setdefault(run.stack_fields, []).append(run)
    found = []
    for group in alike.values():
        size = kind_of(group[0]).stack_size(group[0], device)
        found += [group[i : i + size] for i in range(0, len(group), size)]
    return found


def checkpoint_of(order: Order, stack: Sequence[Trainable]) -> Path:
    """The file in which the training of a stack is kept."""
    return order.store.checkpoint((run.key for run in stack), order.device)


def begun(order: Order) -> tuple[list[tuple[int, list[Trainable]]], list[list[Trainable]]]:
    """Stacks with a checkpoint, and the steps in it, that this order goes on with.

    Those whose missing members are all asked for; the furthest first. Then the stacks with a
    checkpoint though all members are recorded.
    """
    missing, started, ours, over = {run.key for run in order.missing}, [], [], []
    for path in order.store.checkpoints.glob("*.safetensors"):
        try:
            facts = state_facts(path)
            stack = stacked(facts)
        except (Damaged, OSError, ValueError):  # named when it is to be used
            continue
        if path == checkpoint_of(order, stack):
            started.append((-facts["step"], path, stack))
    for step, _, stack in sorted(started, key=lambda entry: entry[:2]):
        keys = [run.key for run in stack]
        rest = {k for k in keys if k in missing or not (order.store.root / k).exists()}
        if rest and rest <= missing:
            missing -= rest
            ours.append((-step, stack))
        if not rest:
            over.append(stack)
    return ours, over


def to_train(order: Order) -> list[list[Trainable]]:
    """What is missing, in the stacks that were begun or will be."""
    missing, started = {run.key: run for run in order.missing}, []
    for _, stack in begun(order)[0]:
        started.append([missing.pop(run.key) for run in stack if run.key in missing])
    return started + stacks([*missing.values()], order.device)


def _take(order: Order, held: ExitStack) -> tuple[list[Trainable], list[str]]:
    """Lock the first stack that nobody else is training: its runs, and the keys we hold.

    A stack that was begun before is taken whole or not at all; of a new one, what is free.
    """
    missing, store = {run.key: run for run in order.missing}, order.store
    with writing(store.root / "locks"), store.lock("plan"):
        started, _ = begun(order)
        for _, stack in started:
            wanted = [run.key for run in stack if run.key in missing]
            with ExitStack() as attempt:
                if store.locked(wanted, attempt) == wanted:
                    held.enter_context(attempt.pop_all())
                    return stack, wanted
        taken = {run.key for _, stack in started for run in stack}
        fresh = [run for key, run in missing.items() if key not in taken]
        for stack in stacks(fresh, order.device):
            if got := _free(order, [run.key for run in stack], held):
                return [missing[key] for key in got], got
    return [], []


def _free(order: Order, keys: list[str], held: ExitStack) -> list[str]:
    """Those of ``keys`` that nobody else has locked, now locked in ``held``, in their order.

    A process that dies gives its locks up one by one: whoever gets only some looks once more, so
    that a stack is not split because its holder was dying.
    """
    got = order.store.locked(keys, held)
    if got and len(got) < len(keys):
        time.sleep(DYING)
        got += order.store.locked([key for key in keys if key not in got], held)
    return [key for key in keys if key in got]


def claim(order: Order, held: ExitStack) -> tuple[list[Trainable], list[str]]:
    """Lock a stack in ``held``; its runs, and the keys that must be trained, if any.

    No runs: others have locked all that is missing. What is damaged is moved aside.
    """
    stack, ours = _take(order, held)
    for key in ours:
        order.store.mend(order.runs[key])
    need = [key for key in ours if not order.look(order.runs[key])]
    if need and len(need) < len(stack) and not checkpoint_of(order, stack).exists():
        stack = [run for run in stack if run.key in need]
    return stack, need


def shared(order: Order) -> float:
    """Seconds until nothing is missing: the workers share it, but each stack is one worker's."""
    longest = max((time_left(order, stack) for stack in to_train(order)), default=0.0)
    return max(longest, time_left(order) / order.workers)


def progress(order: Order) -> str:
    """How many runs are recorded, and the time left if there is a forecast."""
    left = f", about {duration(shared(order))} left" if order.forecast else ""
    return f"{len(order.found)} of {count(len(order.runs))}{left}"


def tell(order: Order, stack: Sequence[Trainable], news: str) -> None:
    """One line of progress about a stack."""
    title = kind_of(stack[0]).title(stack[0])
    logger.info("%s: %d x %s %s", progress(order), len(stack), title, news)
