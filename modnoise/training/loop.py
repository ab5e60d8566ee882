"""The one training loop: steps, recording, progress, checkpoints, for every kind of run.

What is trained, a study says (`Kind`); that a training can be cut anywhere and goes on bit for
bit, is said here once. No file is touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from modnoise.spec import Trainable
from modnoise.studies import room
from modnoise.training.settings import check_device, torch_settings

BAR_AFTER = 5.0
"""Seconds after which a training shows a bar. Source: ours."""


class Trained(NamedTuple):
    """What training gives: weights, their data, and the recorded curves.

    Of a `Run`: `NetStack`, `NoisyTable`, a frame; other kinds of nets have types of their own.
    """

    nets: Any
    table: Any
    history: pd.DataFrame


@dataclass
class State:
    """Enough to go on bit for bit: steps done, the engine's tensors, the rows recorded so far.

    ``seconds`` that passed and ``core_seconds`` count all sessions. Only for estimates, and of
    this session alone: the seconds spent ``recording``, and at how many steps of the whole
    training curves are recorded.
    """

    step: int
    tensors: dict[str, Tensor]
    rows: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    recording: float = 0.0
    recordings: int = 0
    core_seconds: float = 0.0


@runtime_checkable
class Machine(Protocol):
    """An engine: ``step()`` updates every net once."""

    def step(self) -> None:
        """One update of every net."""


@runtime_checkable
class Resumable(Machine, Protocol):
    """An engine whose training can be cut: checkpoints need it."""

    def tensors(self) -> dict[str, Tensor]:
        """All that later steps depend on, as live views by name."""

    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Continue exactly where ``tensors`` were taken, after so many updates."""


@dataclass(frozen=True)
class Trainee:
    """A stack that is ready to be trained.

    ``rows(step)`` says what is recorded at the steps ``record_at``, and ``result()`` gives the
    nets, detached and on their device.
    """

    machine: Machine
    table: Any
    record_at: Iterable[int]
    rows: Callable[[int], list[dict]]
    result: Callable[[], Any]


@dataclass(frozen=True)
class Kind:
    """What a study gives so that its runs can be trained, recorded and loaded.

    ``prepare(runs, device, **how)`` makes the `Trainee` of a stack, whose nets have a method
    ``arrays(i)``; ``stack_size(run, device)`` says how many such runs to train as one stack;
    ``restore(run, arrays)`` makes nets of recorded arrays, ``data(run)`` what they were trained
    on; ``title(run)`` names a run in a progress line.
    """

    prepare: Callable[..., Trainee]
    stack_size: Callable[[Any, str], int]
    restore: Callable[[Any, Mapping[str, Any]], Any]
    data: Callable[[Any], Any]
    title: Callable[[Any], str]


def kind_of(run: Trainable) -> Kind:
    """What the study of a run says about runs of its kind (``KINDS`` in its ``training``)."""
    return room(run, "training").KINDS[type(run)]


def train(
    runs: Trainable | Sequence[Trainable],
    *,
    device: str = "cpu",
    threads: int = 1,
    progress: bool = True,
    state: State | None = None,
    on_checkpoint: Callable[[State], None] | None = None,
    checkpoint_every: float = 60.0,
    **how: Any,
) -> Trained:
    """Train one run, or a stack of runs of one kind, from their own seeds.

    Args:
        runs: one run, or several that differ in the fields ``PER_NET`` of their kind only.
        device: ``"cpu"`` or ``"cuda"``.
        threads: CPU threads; two one-thread processes beat one two-thread process.
        progress: write a bar with steps/s and time left to the error stream once a run takes over
            5 s: in a notebook it is no output that a page could take for its own. The variable
            ``TQDM_DISABLE=1`` of the environment silences it.
        state: continue from here instead of from the initialization.
        on_checkpoint: called with the current `State` about every ``checkpoint_every`` seconds;
            its tensors and rows are live, so write or copy them before returning.
        how: of a `modnoise.Run` only: ``engine``, which is ``"fast"``, ``"autograd"`` (the same
            updates from autograd's gradients), or ``"reference"`` (autograd and `torch.optim`,
            for comparison; it takes no ``state`` and gives no checkpoints); and ``record_on``,
            the device that computes what is recorded if it is not the one that trains.

    Returns:
        `Trained`: the nets, what they were trained on, and a frame with one row per (``run``,
        ``step``, ``part``) and the columns ``accuracy_<role>``, ``cross_entropy_<role>`` (nats)
        and what else the kind records; in ``attrs`` the ``seconds`` that passed and those that
        this process had a core for (``core_seconds``). A net that diverges has NaN there; the
        others go on.

    Raises:
        ValueError: runs that cannot share a stack; a device that is not there; a way of training
            that the kind does not know.
    """
    runs = [runs] if isinstance(runs, Trainable) else list(runs)
    if not runs:
        raise ValueError("runs is empty: give at least one Run")
    if len({run.stack_fields for run in runs}) != 1:
        raise ValueError(f"runs of one stack may differ in {', '.join(runs[0].PER_NET)} only")
    check_device(device)
    run, kind = runs[0], kind_of(runs[0])
    with torch_settings(device, threads, getattr(run, "matmul", "exact")), torch.no_grad():
        trainee = kind.prepare(runs, device, **how)
        if (state or on_checkpoint) and not isinstance(trainee.machine, Resumable):
            what = "state" if state else "on_checkpoint"
            raise ValueError(f"{what} is not allowed with engine = {how['engine']!r}")
        history = drive(
            trainee, run.steps, name=f"{len(runs)} x {kind.title(run)}", progress=progress,
            state=state, on_checkpoint=on_checkpoint, checkpoint_every=checkpoint_every,
        )  # fmt: skip
        return Trained(trainee.result(), trainee.table, history)


class Unfit(ValueError):
    """A `State` is not of this training; the message says in what."""


def _restore(machine: Resumable, state: State) -> None:
    """Continue from a state.

    Raises:
        Unfit: its tensors have other names, shapes or types than those of this training.
    """
    try:
        machine.restore(state.tensors, state.step)
    except KeyError as missing:
        raise Unfit(f"it holds no tensor {missing}") from None
    except RuntimeError:  # a shape that cannot be copied
        raise Unfit("its tensors have other shapes") from None
    for name, x in machine.tensors().items():
        found = state.tensors[name]
        if (found.shape, found.dtype) != (x.shape, x.dtype):
            raise Unfit(
                f"its {name} is {found.dtype} {tuple(found.shape)} instead of {x.dtype} "
                f"{tuple(x.shape)}"
            )


def drive(
    trainee: Trainee,
    steps: int,
    *,
    name: str,
    progress: bool = True,
    state: State | None = None,
    on_checkpoint: Callable[[State], None] | None = None,
    checkpoint_every: float = 60.0,
) -> pd.DataFrame:
    """Take ``steps`` steps, record, checkpoint.

    Returns the recorded rows. In ``attrs``, over all sessions: the ``seconds`` that passed, and
    the process's own ``core_seconds``, without those in which other programs had the cores.
    Options as in `train`.
    """
    machine, record_at = trainee.machine, set(trainee.record_at)
    state = state or State(0, {})
    if state.step:
        assert isinstance(machine, Resumable)
        _restore(machine, state)
    rows, seconds, recording = list(state.rows), state.seconds, 0.0
    begin = saved = time.monotonic()
    own = state.core_seconds - time.process_time()
    silent = {} if progress else {"disable": True}
    with tqdm(
        total=steps, initial=state.step, unit="step", delay=BAR_AFTER, desc=name, **silent
    ) as bar:
        for step in range(state.step, steps + 1):
            if step in record_at and not (step == state.step and step > 0):
                if torch.cuda.is_initialized():  # what was launched is not recording
                    torch.cuda.synchronize()
                start = time.monotonic()
                rows += trainee.rows(step)
                recording += time.monotonic() - start
            if step == steps:
                break
            now = time.monotonic()
            if on_checkpoint and step > state.step and now - saved >= checkpoint_every:
                assert isinstance(machine, Resumable)
                on_checkpoint(
                    State(
                        step, machine.tensors(), rows, seconds + now - begin, recording,
                        len(record_at), own + time.process_time(),
                    )
                )  # fmt: skip
                saved = time.monotonic()
            with torch.enable_grad():
                machine.step()
            bar.update()
    history = pd.DataFrame(rows)
    history.attrs["seconds"] = seconds + time.monotonic() - begin
    history.attrs["core_seconds"] = own + time.process_time()
    return history
