"""The two-layer net as a kind of recorded run, and how many of them make a stack."""

from __future__ import annotations

import torch

from modnoise.kinds import Kind
from modnoise.metrics import CHUNK
from modnoise.nets import NetStack
from modnoise.spec import Run
from modnoise.tables import noisy_table
from modnoise.training.fast import block_size, columns
from modnoise.training.loop import train

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
    return 7 * nets * run.weight_bytes + block + indices + chunk + widest


def stack_size(run: Run, device: str) -> int:
    """How many runs like this one to train as one stack."""
    if device == "cpu":
        return max(1, STACK_NEURONS // run.width)
    free, _ = torch.cuda.mem_get_info(device)
    one = memory(run, 1, device)
    return max(1, 1 + int((GPU_SHARE * free - one) / (memory(run, 2, device) - one)))


def title(run: Run) -> str:
    """One run in a progress line."""
    return f"{run.op} p={run.p} M={run.width}, {run.steps} steps"


KIND = Kind(
    train=train,
    stack_size=stack_size,
    restore=lambda run, arrays: NetStack.from_arrays(arrays, run.act),
    data=noisy_table,
    title=title,
)
