"""The two-layer net as a kind of recorded run, and how many of them make a stack."""

from __future__ import annotations

import torch

from modnoise.kinds import Kind
from modnoise.nets import NetStack
from modnoise.spec import Run
from modnoise.tables import noisy_table
from modnoise.training.loop import train

STACK_NEURONS = 1088
"""Neurons of one stack on a CPU: about 1024, as whole nets of the paper's widths 2^k + 1."""

GPU_SHARE = 0.5
"""Share of the free GPU memory that one stack is planned for."""


def stack_size(run: Run, device: str) -> int:
    """How many runs like this one to train as one stack."""
    if device == "cpu":
        return max(1, STACK_NEURONS // run.width)
    # of all pairs at once: activations, logits, their gradients, indices; of the weights: moments,
    # gradients, the parts of FF
    pairs = run.n_train * (4 * run.width + 4 * run.p + 16)
    need = pairs * (8 if run.dtype == "float64" else 4) + 20 * run.weight_bytes
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(GPU_SHARE * free / need))


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
