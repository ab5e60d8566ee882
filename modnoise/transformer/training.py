"""How transformers are trained: what is recorded of them, how many make a stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from modnoise.arithmetic import CHUNK, ROLES, NoisyTable, noisy_table, scored
from modnoise.training.loop import Kind, Trainee
from modnoise.training.schedule import parts_schedule, schedule
from modnoise.transformer.engine import TransformerEngine, training_pairs
from modnoise.transformer.net import (
    TransformerStack,
    filtrate_unembedding,
    new_transformers,
    random_frequencies,
    top_frequencies,
)
from modnoise.transformer.run import TransformerRun, frequencies_kept

DRAWS = 5
"""Random orders of the frequencies that the control is recorded for."""


@torch.no_grad()
def final_stream(nets: TransformerStack) -> Tensor:
    """The residual stream that the unembedding reads, (run p p d)."""
    p, width = nets.p, max(nets.W_in.shape[1], nets.p)
    step = max(1, CHUNK[nets.W_U.device.type] // (len(nets) * p * width))
    return torch.cat([nets.residual(slice(i, i + step)) for i in range(0, p, step)], 1)


def versions(
    nets: TransformerStack, numbers: Iterable[int], draws: int
) -> Iterator[tuple[dict[str, int | str], TransformerStack]]:
    """The nets that are compared, each with the columns that tell it from the others.

    ``part``: ``full``; ``top``, FF with the ``kept`` frequencies of the largest energy;
    ``random``, the control: FF with as many, from random order number ``draw``.
    """
    yield {"part": "full", "kept": nets.p // 2, "draw": 0}, nets
    for kept in numbers:
        filtered = filtrate_unembedding(nets, top_frequencies(nets, kept))
        yield {"part": "top", "kept": kept, "draw": 0}, filtered
        for draw in range(draws):
            filtered = filtrate_unembedding(nets, random_frequencies(nets, kept, draw))
            yield {"part": "random", "kept": kept, "draw": draw}, filtered


def _rows(
    nets: TransformerStack, table: NoisyTable, step: int, numbers: Iterable[int], draws: int
) -> list[dict]:
    """One row per net and version: accuracies, cross-entropies over the p classes, norm."""
    final, p = final_stream(nets), nets.p
    size = max(1, CHUNK[final.device.type] // (len(nets) * p * p))
    squares = [x.double().square().flatten(1).sum(1) for x in nets.named.values()]
    norm = sum(squares, torch.zeros(())).sqrt()
    rows = []
    for names, version in versions(nets, numbers, draws):
        W_U = version.W_U[..., :p]
        blocks = (slice(i, i + size) for i in range(0, p, size))
        logits = ((a, torch.einsum("rabd,rdc->rabc", final[:, a], W_U)) for a in blocks)
        acc, ce = (x.cpu().numpy() for x in scored(logits, table))
        for i in range(len(nets)):
            row = {"run": i, "step": step, **names}
            row |= {f"accuracy_{role}": acc[i, j] for j, role in enumerate(ROLES)}
            row |= {f"cross_entropy_{role}": ce[i, j] for j, role in enumerate(ROLES)}
            rows.append(row | {"norm": norm[i].item()})
    return rows


def prepare(runs: Sequence[TransformerRun], device: str) -> Trainee:
    """A stack of transformers at their initialization, see `modnoise.training.loop.train`.

    Recorded are ``run``, ``step``, ``part``, ``kept``, ``draw`` (`versions`),
    ``accuracy_<role>``, ``cross_entropy_<role>``, ``norm``. Steps are those of `schedule`; FF
    with the paper's share of the frequencies at those of `parts_schedule`, with every number of
    them, and its control, at the last.
    """
    run, table = runs[0], noisy_table(runs).to(device)
    numbers_at = {step: [frequencies_kept(run.p)] for step in parts_schedule(run.steps)}
    numbers_at[run.steps] = [*range(1, run.p // 2 + 1)]
    machine = TransformerEngine(runs, new_transformers(runs), training_pairs(table), device)

    def rows(step: int) -> list[dict]:
        numbers = numbers_at.get(step, [])
        return _rows(machine.nets, table, step, numbers, DRAWS * (step == run.steps))

    return Trainee(
        machine, table, schedule(run.steps), rows,
        result=lambda: TransformerStack(*(x.clone() for x in machine.params)),
    )  # fmt: skip


STACK_FLOATS = {"cpu": 2**22, "cuda": 2**27}
"""Hidden activations of all training pairs of a stack (ours, measured on the CPU)."""


def stack_size(run: TransformerRun, device: str) -> int:
    """How many runs like this one to train as one stack: small nets share the cost of a call."""
    return max(1, STACK_FLOATS[device.split(":")[0]] // (run.n_train * run.d_mlp))


def title(run: TransformerRun) -> str:
    """One run in a progress line."""
    return f"transformer {run.op} p={run.p} d={run.d_model}, {run.steps} steps"


KINDS = {
    TransformerRun: Kind(
        prepare=prepare,
        stack_size=stack_size,
        restore=lambda run, arrays: TransformerStack.from_arrays(arrays),
        data=noisy_table,
        title=title,
    )
}
