"""What a campaign will take, said before it begins: runs, time, disk.

Time is estimated from real steps, taken now and on this machine: of each family of shapes a large
and the smallest one are begun for a moment, the others go by their operations. All of it: ours.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from modnoise.spec import Trainable
from modnoise.store.campaign import device_name
from modnoise.store.costs import Sample, estimate, family, size
from modnoise.store.order import Order, time_left
from modnoise.store.records import count, duration
from modnoise.store.stacks import begun, bytes_needed, shared, to_train
from modnoise.training.loop import State, kind_of, train

EACH, ALL = 0.3, 4.0
"""Seconds after which no further step of one shape is taken, and no further shape is begun."""

STEPS = 18
"""Steps of a shape that are timed at most."""

WARM = {"cpu": 1, "cuda": 6}
"""Steps before them; on a GPU the first ones set up a graph."""

LARGE = {"cpu": 5e9, "cuda": 1e13}
"""Operations per step of a stack that is large enough to be timed: larger ones go as fast."""

THOROUGH = 0.2
"""Share of the recordings along the way that are as long as the first (`parts_schedule`)."""

NARROW = (8, 32)
"""Widths of the nets on which the recording at the end is timed; it is linear in the width."""

LONG = 1000.0
"""Seconds of steps beside which the recording at the end of a run is nothing."""

SHOWN = 12
"""Kinds of missing runs that a plan lists at most."""


class _Enough(Exception):
    """A rehearsal has seen enough."""


def rehearse(stack: Sequence[Trainable], device: str, threads: int, seconds: float) -> float:
    """Estimated seconds of a whole training of ``stack``: from its first few steps.

    Steps, recordings along the way and the recording at the end are timed apart, since their
    numbers differ much from run to run.
    """
    warm = WARM[device.split(":")[0]]
    marks: list[tuple[int, float, float, int, int]] = []

    def look(state: State) -> None:
        seen = len({row["step"] for row in state.rows})
        marks.append((state.step, state.seconds, state.recording, seen, state.recordings))
        if len(marks) > warm and (state.seconds >= seconds or len(marks) >= warm + STEPS):
            raise _Enough

    run, width = stack[0], getattr(stack[0], "width", 0)
    options: dict[str, Any] = {"device": device, "threads": threads, "progress": False}
    try:
        trained = train(list(stack), on_checkpoint=look, checkpoint_every=0.0, **options)
    except _Enough:
        pass
    else:
        return trained.history.attrs["seconds"]  # a training as short as that
    _, _, to_first, n, recordings = marks[0]
    begin, end = np.array(marks[warm - 1]), np.array(marks[-1])
    steps, total, recording, seen, _ = end - begin
    plain = recording / max(seen, 1)
    average = plain + THOROUGH * max(0.0, to_first - n * plain)

    along = float(run.steps * (total - recording) / steps + recordings * average)
    if along > LONG * len(stack):
        return along

    def ending(**narrow: int) -> float:
        return train([run.but(steps=0, **narrow)], **options).history.attrs["seconds"]

    if width <= NARROW[1]:
        return along + len(stack) * ending()
    small, large = (ending(width=width) for width in NARROW)
    slope = max(0.0, large - small) / (NARROW[1] - NARROW[0])
    return along + len(stack) * (large + slope * (width - NARROW[1]))


def calibrate(found: Sequence[list[Trainable]], device: str, threads: int = 1) -> list[Sample]:
    """Rehearse a large and the smallest shape of every family, while there is time.

    The costliest family comes first, and of each kind of net at least one shape is timed.
    """
    families: dict[tuple, list[list[Trainable]]] = {}
    for stack in sorted(found, key=len):
        families.setdefault(family(stack[0]), []).append(stack)
    begin = time.monotonic()
    samples: list[Sample] = []
    for group in sorted(families.values(), key=lambda group: -sum(map(_operations, group))):
        shapes = sorted({x[0].operations: x for x in group}.values(), key=_per_step)
        small = [x for x in shapes if _per_step(x) <= LARGE[device.split(":")[0]]] or shapes[:1]
        for stack in [small[-1], *small[: len(small) > 1]]:
            known = any(sample.family[0] is type(stack[0]) for sample in samples)
            if _per_step(stack) and not (known and time.monotonic() - begin > ALL):
                samples += _timed(stack, device, threads)
    return samples


def _timed(stack: Sequence[Trainable], device: str, threads: int) -> list[Sample]:
    try:
        took = rehearse(stack, device, threads, EACH)
    except torch.OutOfMemoryError:  # as it would be halved in training
        return _timed(stack[: len(stack) // 2], device, threads) if len(stack) > 1 else []
    return [Sample(family(stack[0]), size(stack[0]), _operations(stack) / took)]


def _per_step(stack: Sequence[Trainable]) -> float:
    return sum(map(size, stack))


def _operations(stack: Sequence[Trainable]) -> float:
    return sum(run.operations for run in stack)


@dataclass(frozen=True)
class Plan:
    """What an order will take; as text, a few lines."""

    order: Order
    shapes: int
    timed: int
    took: float
    needed: int
    free: int

    def __str__(self) -> str:
        order = self.order
        if not order.missing:
            return f"{count(len(order.runs))}: all recorded"
        lines = [_counts(order)]
        alike: dict[str, list[Trainable]] = {}
        for run in order.missing:
            alike.setdefault(kind_of(run).title(run), []).append(run)
        for title, runs in [*alike.items()][:SHOWN]:
            cost = sum(order.forecast[run.key] for run in runs)
            lines.append(f"  {len(runs)} x {title}: about {duration(cost)}")
        if len(alike) > SHOWN:
            rest = sum(len(runs) for runs in [*alike.values()][SHOWN:])
            lines.append(f"  and {count(rest)} of {len(alike) - SHOWN} other shapes")
        cost = time_left(order)
        workers = f", {duration(shared(order))} with {order.workers} workers"
        lines.append(
            f"time: about {duration(cost)} on {device_name(order.device)}"
            f"{workers if order.workers > 1 else ''} "
            f"({self.timed} of {self.shapes} shapes timed in {duration(self.took)})"
        )
        lines.append(
            f"disk: {self.needed / 1e6:,.1f} MB needed, {self.free / 1e6:,.0f} MB free in "
            f"{order.store.root}"
        )
        return "\n".join(lines)


def plan(order: Order) -> Plan:
    """Look through what is missing and estimate it; ``order`` then knows its time left.

    Nothing is written.
    """
    begin = time.monotonic()
    _note_begun(order)
    found = to_train(order)
    samples = calibrate(found, order.device, order.threads)
    order.forecast = {run.key: estimate(run, samples) for run in order.missing}
    here = order.store.root.absolute()
    folder = next(path for path in (here, *here.parents) if path.exists())
    return Plan(
        order,
        shapes=len({(family(stack[0]), stack[0].operations) for stack in found}),
        timed=len(samples),
        took=time.monotonic() - begin,
        needed=bytes_needed(order.missing, order.device) if order.missing else 0,
        free=shutil.disk_usage(folder).free,
    )


def _note_begun(order: Order) -> None:
    """Tell the order what share of its runs is done."""
    started, _ = begun(order)
    order.done = {run.key: step / run.steps for step, stack in started for run in stack if step}


def _counts(order: Order) -> str:
    started = [run for run in order.missing if run.key in order.done]
    shares = sorted(order.done[run.key] for run in started)
    ends = " ... ".join(f"{x:.0%}" for x in sorted({*shares[:1], *shares[-1:]}))
    return (
        f"{count(len(order.runs))}: {len(order.found)} recorded, "
        f"{len(started)} begun{f' ({ends})' if ends else ''}, "
        f"{len(order.missing) - len(started)} to begin"
    )


def leftover(order: Order) -> str:
    """What is left of an order, and how long it will take: one line."""
    _note_begun(order)
    cost = shared(order)
    left = f"; about {duration(cost)} left" if cost else ""
    return f"{_counts(order)}{left}; the same command goes on"
