"""The one full-batch loop: steps, recording, progress, checkpoints. No file is touched here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from modnoise.fourier import parts
from modnoise.gradients import alignment
from modnoise.metrics import ROLES, scores
from modnoise.nets import NetStack, new_nets
from modnoise.spec import Run
from modnoise.structure import structure
from modnoise.tables import NoisyTable, noisy_table
from modnoise.training.fast import FastEngine
from modnoise.training.reference import ReferenceEngine

ENGINES = {"fast": FastEngine, "reference": ReferenceEngine}


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

    ``seconds`` counts all sessions. Only for estimates, and of this session alone: the seconds
    spent ``recording``, and at how many steps of the whole training curves are recorded.
    """

    step: int
    tensors: dict[str, Tensor]
    rows: list[dict] = field(default_factory=list)
    seconds: float = 0.0
    recording: float = 0.0
    recordings: int = 0


def schedule(steps: int) -> list[int]:
    """Steps at which curves are recorded: dense over the first 200, then 24 a decade (ours).

    0 ... 20 by 1, to 60 by 2, to 200 by 5, then evenly in log(step), and the last step.

    >>> schedule(0), len(schedule(200)), schedule(100_000)[-3:]
    ([0], 69, [82595, 90882, 100000])
    """
    early = [*range(21), *range(22, 61, 2), *range(65, 201, 5)]
    late = np.geomspace(200, max(steps, 201), 2 + int(24 * np.log10(max(steps, 201) / 200)))
    return sorted({s for s in (*early, *late.round().astype(int).tolist()) if s < steps} | {steps})


def parts_schedule(steps: int) -> list[int]:
    """The thinner part of `schedule` for FF and gradients: by 20 to 200, then every third one."""
    everything = schedule(steps)
    late = [s for s in everything if s > 200]
    return sorted({s for s in everything if s <= 200 and s % 20 == 0} | {*late[::-3]} | {steps})


def exact_matmul(device: str) -> str:
    """The fastest setting of `torch.set_float32_matmul_precision` with fp32 accuracy here.

    On a CPU, "medium" sends fp32 products through oneDNN: about twice as fast on some machines,
    but bf16 where the CPU has AMX. So it is measured: a product is compared with float64.
    """
    if device != "cpu":
        return "highest"
    before = torch.get_float32_matmul_precision()
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((256, 256)))
    torch.set_float32_matmul_precision("medium")
    try:
        error = ((x.float() @ x.float()).double() - x @ x).abs().max() / (x @ x).abs().max()
    finally:
        torch.set_float32_matmul_precision(before)
    return "medium" if error < 1e-5 else "highest"


def keep_freed_memory() -> None:
    """Ask the C library to keep the memory of freed tensors for the next ones.

    The GNU library gives large blocks back to the system and then gets them anew, zeroed, page by
    page: up to a quarter of a training step. But it keeps blocks up to the largest it was ever
    given back, 32 MB at most (``man mallopt``, M_MMAP_THRESHOLD): so one of 31 MB is given back.
    """
    torch.empty(31 << 20, dtype=torch.uint8)


@contextmanager
def torch_settings(device: str, threads: int, matmul: str = "exact") -> Iterator[None]:
    """Threads and the way of fp32 products inside (`Run.matmul`), the caller's settings after.

    On a CPU first `keep_freed_memory`, for good.
    """
    if device == "cpu":
        keep_freed_memory()
    before = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("high" if matmul == "tf32" else exact_matmul(device))
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.set_float32_matmul_precision(before[1])


def _rows(
    runs: Sequence[Run], nets: NetStack, table: NoisyTable, step: int, thorough: bool
) -> list[dict]:
    """One row per net and part: accuracies, cross-entropies, norm, what else is to be recorded."""
    run, last = runs[0], step == runs[0].steps
    if thorough and run.record_parts and last and len(runs) > 1:
        # some parts are many times wider than the net: one net at a time
        rows = [_rows([one], nets[i], table[i], step, True) for i, one in enumerate(runs)]
        return [row | {"run": i} for i, of in enumerate(rows) for row in of]
    versions = {"full": nets}
    if thorough and run.record_parts:
        versions = parts(nets, everything=last, log=last and run.op == "mul")
    rows = []
    for part, version in versions.items():
        acc, ce = (x.cpu().numpy() for x in scores(version, table))
        weights = [version.U, version.W, version.mu, *([] if version.tied else [version.V])]
        norm = sum(x.double().square().flatten(1).sum(1) for x in weights).sqrt().cpu().numpy()
        extra: list[dict] = [{} for _ in runs]
        if part == "full" and thorough and run.record_gradients:
            found = {name: x.cpu().numpy() for name, x in alignment(nets, table).items()}
            extra = [{name: x[i] for name, x in found.items()} for i in range(len(runs))]
        if part == "full" and last and run.record_structure:
            extra = [of | structure(nets[i], table[i], runs[i].op) for i, of in enumerate(extra)]
        for i in range(len(nets)):
            rows.append(
                {"run": i, "step": step, "part": part}
                | {f"accuracy_{role}": acc[i, j] for j, role in enumerate(ROLES)}
                | {f"cross_entropy_{role}": ce[i, j] for j, role in enumerate(ROLES)}
                | {"norm": norm[i]}
                | extra[i]
            )
    return rows


def _checked(runs: Run | Sequence[Run], device: str, engine: str) -> list[Run]:
    runs = [runs] if isinstance(runs, Run) else list(runs)
    if not runs:
        raise ValueError("runs is empty: give at least one Run")
    if len({run.stack_fields for run in runs}) != 1:
        raise ValueError("runs of one stack may differ in op, noise, noise_kind, seed, lr, "
                         "weight_decay only")  # fmt: skip
    if engine not in ENGINES:
        raise ValueError(
            f"engine = {engine!r} is not allowed: it must be one of {', '.join(ENGINES)}"
        )
    check_device(device)
    if runs[0].matmul == "tf32" and device == "cpu":
        raise ValueError(
            "matmul = 'tf32' is not allowed with device = 'cpu': it is a GPU's format"
        )
    if runs[0].matmul == "bf16" and engine == "reference":
        raise ValueError("matmul = 'bf16' is not allowed with engine = 'reference'")
    return runs


def check_device(device: str) -> None:
    """Raise a ValueError that says what is allowed unless torch can use ``device``."""
    if device.split(":")[0] not in ("cpu", "cuda"):
        raise ValueError(f"device = {device!r} is not allowed: it must be 'cpu' or 'cuda'")
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"device = {device!r} is not available here: torch sees no CUDA device")


def train(
    runs: Run | Sequence[Run],
    *,
    device: str = "cpu",
    engine: str = "fast",
    threads: int = 1,
    progress: bool = True,
    state: State | None = None,
    on_checkpoint: Callable[[State], None] | None = None,
    checkpoint_every: float = 60.0,
) -> Trained:
    """Train one run, or a stack of runs, by full-batch steps from its own seed.

    Args:
        runs: one `Run`, or several that differ in op, noise, noise_kind, seed, lr and
            weight_decay only.
        device: ``"cpu"`` or ``"cuda"``.
        engine: ``"fast"``, or ``"reference"`` (autograd and `torch.optim`, for comparison).
        threads: CPU threads; two one-thread processes beat one two-thread process.
        progress: show a bar with steps/s and time left once a run takes over 5 s.
        state: continue from here instead of from the initialization (fast engine).
        on_checkpoint: called with the current `State` about every ``checkpoint_every`` seconds;
            its tensors and rows are live, so write or copy them before returning.

    Returns:
        `Trained`: the nets, their tables, and one row per (run, step, part) with the columns
        ``accuracy_<role>``, ``cross_entropy_<role>`` (nats), ``norm`` (of all parameters) and,
        where recorded, ``r_c``, ``r_n``, ``cos`` (`alignment`) and the numbers of `structure`.
        A net that diverges has NaN there; the others go on.
    """
    runs = _checked(runs, device, engine)
    if state is not None and engine != "fast":
        raise ValueError("state is not allowed with engine = 'reference'")
    run = runs[0]
    table = noisy_table(runs).to(device)
    parts_at = set(parts_schedule(run.steps))
    with torch_settings(device, threads, run.matmul), torch.no_grad():
        machine = ENGINES[engine](runs, new_nets(runs), table, device)
        history = drive(
            machine, run.steps,
            lambda step: _rows(runs, machine.nets, table, step, step in parts_at),
            name=f"{len(runs)} x {run.op} p={run.p} M={run.width}",
            record_at=schedule(run.steps), progress=progress, state=state,
            on_checkpoint=on_checkpoint, checkpoint_every=checkpoint_every,
        )  # fmt: skip
        nets = _detached(machine.nets)
    return Trained(nets, table, history)


@runtime_checkable
class Machine(Protocol):
    """An engine: ``step()`` updates every net once.

    For checkpoints also ``tensors()``, all that later steps depend on as live views by name, and
    ``restore(tensors, updates)``, which continues exactly where they were taken.
    """

    def step(self) -> None:
        """One update of every net."""


def drive(
    machine: Machine,
    steps: int,
    rows_at: Callable[[int], list[dict]],
    *,
    name: str,
    record_at: Iterable[int],
    progress: bool = True,
    state: State | None = None,
    on_checkpoint: Callable[[State], None] | None = None,
    checkpoint_every: float = 60.0,
) -> pd.DataFrame:
    """Take ``steps`` steps, record ``rows_at(step)`` at the steps of ``record_at``, checkpoint.

    Returns the recorded rows, with the seconds it took (over all sessions) in ``attrs``. Options
    as in `train`.
    """
    record_at = set(record_at)
    state = state or State(0, {})
    if state.step:
        machine.restore(state.tensors, state.step)
    rows, seconds, recording = list(state.rows), state.seconds, 0.0
    begin = saved = time.monotonic()
    bar = tqdm(
        total=steps, initial=state.step, disable=not progress, unit="step", delay=5, desc=name
    )
    with bar:
        for step in range(state.step, steps + 1):
            if step in record_at and not (step == state.step and step > 0):
                if torch.cuda.is_initialized():  # what was launched is not recording
                    torch.cuda.synchronize()
                start = time.monotonic()
                rows += rows_at(step)
                recording += time.monotonic() - start
            if step == steps:
                break
            now = time.monotonic()
            if on_checkpoint and step > state.step and now - saved >= checkpoint_every:
                on_checkpoint(
                    State(
                        step, machine.tensors(), rows, seconds + now - begin, recording,
                        len(record_at),
                    )
                )  # fmt: skip
                saved = time.monotonic()
            with torch.enable_grad():
                machine.step()
            bar.update()
    history = pd.DataFrame(rows)
    history.attrs["seconds"] = seconds + time.monotonic() - begin
    return history


def _detached(nets: NetStack) -> NetStack:
    U, V = nets.U.contiguous().clone(), nets.V.contiguous().clone()
    return NetStack(
        U, U if nets.tied else V, nets.W.contiguous().clone(), nets.mu.clone(), nets.act
    )
