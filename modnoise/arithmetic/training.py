"""How two-layer nets are trained: their engines, what is recorded, how many make a stack."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from modnoise.arithmetic.engines.autograd import AutogradEngine
from modnoise.arithmetic.engines.fast import FastEngine, block_size, columns
from modnoise.arithmetic.engines.reference import ReferenceEngine
from modnoise.arithmetic.extraction.rows import extraction
from modnoise.arithmetic.fourier import parts
from modnoise.arithmetic.gradients import alignment
from modnoise.arithmetic.lazy import interpolate
from modnoise.arithmetic.metrics import CHUNK, ROLES, scores
from modnoise.arithmetic.nets import NetStack, new_nets
from modnoise.arithmetic.operations import OPERATIONS
from modnoise.arithmetic.run import Run
from modnoise.arithmetic.structure import structure
from modnoise.arithmetic.tables import NoisyTable, noisy_table
from modnoise.training.loop import Kind, Trainee
from modnoise.training.schedule import parts_schedule, schedule

ENGINES: dict[str, type[FastEngine] | type[AutogradEngine] | type[ReferenceEngine]] = {
    "fast": FastEngine,
    "autograd": AutogradEngine,
    "reference": ReferenceEngine,
}

STACK_NEURONS = 1088
"""Neurons of one stack on a CPU: about 1024, as whole nets of the paper's widths 2^k + 1."""

GPU_SHARE = 0.75
"""Share of the free GPU memory that one stack is planned for."""


def memory(run: Run, nets: int, device: str) -> int:
    """Bytes that training a stack of ``nets`` such runs takes at its peak, by this plan.

    Weights, start, moments, gradients and result; activations and logits with their gradients, of
    one block of pairs on a CPU and of all on a GPU; indices; an evaluation; with FF, the widest
    of its controls, which has p // 2 neurons for one and is made for one net at a time.
    """
    item = 8 if run.dtype == "float64" else 4
    together, pairs = nets, run.batch or run.n_train
    if device == "cpu":
        together, pairs = block_size(nets, pairs, run.width, run.p)
    block = together * pairs * 4 * (run.width + columns(run.p)) * item
    indices = nets * (6 * run.n_train + 3 * run.p**2) * 8
    chunk = 4 * CHUNK[device.split(":")[0]] * item
    widest = int(2.5 * (run.p // 2) * run.weight_bytes) if run.record_parts else 0
    few = min(run.n_train, run.width)
    solved = 8 * (2 * run.n_train * run.width + 3 * few**2) if run.ridge is not None else 0
    return 7 * nets * run.weight_bytes + block + indices + chunk + max(widest, solved)


def stack_size(run: Run, device: str) -> int:
    """How many runs like this one to train as one stack."""
    if run.ridge is not None:
        return 1
    if device == "cpu":
        return max(1, STACK_NEURONS // run.width)
    torch.cuda.empty_cache()  # what earlier stacks have given back is free
    free, _ = torch.cuda.mem_get_info(device)
    one = memory(run, 1, device)
    return max(1, 1 + int((GPU_SHARE * free - one) / (memory(run, 2, device) - one)))


def title(run: Run) -> str:
    """One run in a progress line."""
    return f"{run.op} p={run.p} M={run.width}, {run.steps} steps"


def _rows(
    runs: Sequence[Run], nets: NetStack, table: NoisyTable, step: int, thorough: bool
) -> list[dict]:
    """One row per net and part: accuracies, cross-entropies, norm, what else is to be recorded."""
    run, last = runs[0], step == runs[0].steps
    if thorough and run.record_parts and last and len(runs) > 1:
        # some parts are many times wider than the net: one net at a time
        single = [_rows([one], nets[i], table[i], step, True) for i, one in enumerate(runs)]
        return [row | {"run": i} for i, of in enumerate(single) for row in of]
    versions = {"full": nets}
    if thorough and run.record_parts:
        versions = parts(nets, everything=last, log=last and OPERATIONS[run.op].logarithms)
    rows: list[dict] = []
    for part, version in versions.items():
        acc, ce = (x.cpu().numpy() for x in scores(version, table))
        weights = [version.U, version.W, version.mu, *([] if version.tied else [version.V])]
        squares = [x.double().square().flatten(1).sum(1) for x in weights]
        norm = sum(squares, torch.zeros(())).sqrt().cpu().numpy()
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
    if last and run.record_extraction:
        for i, one in enumerate(runs):
            read = extraction(nets[i], table[i], one.op, one.seed)
            rows += [{"run": i, "step": step, "norm": float("nan"), **row} for row in read]
    return rows


def prepare(
    runs: Sequence[Run], device: str, engine: str = "fast", record_on: str | None = None
) -> Trainee:
    """A stack of nets at their initialization, see `modnoise.training.loop.train`.

    ``record_on``: the device that computes what is recorded; default: the one that trains.
    Recorded are one row per (run, step, part) with ``accuracy_<role>``, ``cross_entropy_<role>``
    (nats), ``norm`` (of all parameters) and, where asked for, ``r_c``, ``r_n``, ``cos``
    (`alignment`), the numbers of `structure` and the rows of `extraction`.

    Raises:
        ValueError: an engine that does not exist, or cannot compute products as asked.
    """
    run = runs[0]
    if engine not in ENGINES:
        raise ValueError(
            f"engine = {engine!r} is not allowed: it must be one of {', '.join(ENGINES)}"
        )
    if run.matmul == "tf32" and device == "cpu":
        raise ValueError(
            "matmul = 'tf32' is not allowed with device = 'cpu': it is a GPU's format"
        )
    if run.matmul == "bf16" and engine != "fast":
        raise ValueError(f"matmul = 'bf16' is not allowed with engine = {engine!r}")
    table = noisy_table(runs).to(device)
    parts_at = set(parts_schedule(run.steps))
    nets = new_nets(runs)
    if run.ridge is not None:
        nets = interpolate(nets.to(device), table, run.ridge)
    machine = ENGINES[engine](runs, nets, table, device)
    here = record_on or device
    shown = table.to(here)
    return Trainee(
        machine, table, schedule(run.steps),
        rows=lambda step: _rows(runs, machine.nets.to(here), shown, step, step in parts_at),
        result=lambda: _detached(machine.nets),
    )  # fmt: skip


def _detached(nets: NetStack) -> NetStack:
    U, V = nets.U.contiguous().clone(), nets.V.contiguous().clone()
    return NetStack(
        U, U if nets.tied else V, nets.W.contiguous().clone(), nets.mu.clone(), nets.act
    )


KINDS = {
    Run: Kind(
        prepare=prepare,
        stack_size=stack_size,
        restore=lambda run, arrays: NetStack.from_arrays(arrays, run.act),
        data=noisy_table,
        title=title,
    )
}
