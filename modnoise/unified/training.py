"""How the nets of the unified view are trained, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from modnoise.training.loop import Kind, Trainee
from modnoise.training.schedule import schedule
from modnoise.transformer import TransformerEngine
from modnoise.unified.data import TaskTable, task_table
from modnoise.unified.deep import DeepEngine, DeepStack
from modnoise.unified.net import CircuitStack, gate, key_share, new_circuits
from modnoise.unified.run import UnifiedRun


def _scores(
    logits: Float[Tensor, "run p p p"], label: Int[Tensor, "run p p"], of: Bool[Tensor, "run p p"]
) -> tuple[Tensor, Tensor]:
    """Accuracy and mean cross-entropy (nats) of each run on some pairs; NaN if there are none."""
    count = of.sum((1, 2)).double()
    right = (logits.argmax(-1) == label) & of
    loss = logits.logsumexp(-1) - logits.gather(-1, label[..., None])[..., 0]
    return right.sum((1, 2)) / count, (loss.double() * of).sum((1, 2)) / count


@torch.no_grad()
def measured(
    nets: CircuitStack | DeepStack, table: TaskTable, mask: Float[Tensor, "end neuron"] | None
) -> dict[str, Float[Tensor, " run"]]:
    """What is recorded at a step, a number per run.

    ``clean``: training pairs of the task with their true label; ``test``: held-out ones;
    ``fresh``: those of them whose mirror is held out, too; ``noisy``: what can only be memorized,
    pairs with a wrong label or those beside the task. ``norm`` is that of all weights,
    ``fourier_*`` see `key_share`.
    """
    found = {}
    logits = nets.logits(gate=None if mask is None else mask[0])
    wrong = table.wrong
    roles = {"clean": table.train & ~wrong, "test": ~table.train, "fresh": table.fresh}
    for role, of in roles.items():
        found[f"accuracy_{role}"], found[f"cross_entropy_{role}"] = _scores(
            logits, table.label, of
        )
    if wrong.any():
        found["accuracy_recovered"], _ = _scores(logits, table.label, wrong)
        noisy = logits, table.taught, wrong
    elif nets.ends > 1:
        logits = nets.logits(end=1, gate=None if mask is None else mask[1])
        noisy = logits, table.given, table.memory
    else:
        noisy = None
    if noisy:
        found["accuracy_noisy"], found["cross_entropy_noisy"] = _scores(*noisy)
    squares = [x.double().square().flatten(1).sum(1) for x in nets.named.values()]
    found["norm"] = sum(squares, torch.zeros(())).sqrt()
    found["fourier_embedding"] = key_share(nets.W_E[:, : nets.p].mT)
    found["fourier_unembedding"] = key_share(nets.W_U)
    return found


def prepare(runs: Sequence[UnifiedRun], device: str) -> Trainee:
    """A stack of nets at their initialization, see `modnoise.training.loop.train`.

    Nets of one layer are stacked and trained by the trick, of more layers singly and plainly.
    Recorded at the steps of `schedule` is one row, ``part`` full, with what `measured` gives.
    """
    run, table = runs[0], task_table(runs)
    mask = gate(run)
    if run.layers > 1:
        machine: DeepEngine | TransformerEngine = DeepEngine(runs, table.examples(), device, mask)
    else:
        machine = TransformerEngine(runs, new_circuits(runs), table.examples(), device, mask)
    table = TaskTable(*(x.to(device) for x in vars(table).values()))
    mask = None if mask is None else mask.to(device, machine.nets.W_U.dtype)

    def rows(step: int) -> list[dict]:
        nets = machine.nets
        assert isinstance(nets, CircuitStack | DeepStack)
        found = {name: x.tolist() for name, x in measured(nets, table, mask).items()}
        return [
            {"run": i, "step": step, "part": "full"} | {name: x[i] for name, x in found.items()}
            for i in range(len(runs))
        ]

    return Trainee(
        machine, table, schedule(run.steps), rows,
        result=lambda: type(machine.nets)(*(x.clone() for x in machine.params)),
    )  # fmt: skip


STACK_FLOATS = {"cpu": 2**22, "cuda": 2**27}
"""Hidden activations of all training pairs of a stack (ours, as for the transformers)."""


def stack_size(run: UnifiedRun, device: str) -> int:
    """How many runs like this one to train as one stack: small nets share the cost of a call."""
    if run.layers > 1:
        return 1
    most = STACK_FLOATS[device.split(":")[0]]
    return max(1, most // ((run.n_train + run.n_memory) * run.d_mlp))


def title(run: UnifiedRun) -> str:
    """One run in a progress line."""
    memory = f" and {run.n_memory} to memorize" if run.n_memory else ""
    layers = f" x {run.layers}" if run.layers > 1 else ""
    net = f"{run.task} p={run.p} d={run.d_model}{layers}"
    return f"{net}, {run.n_train} pairs{memory}, {run.steps} steps"


KINDS = {
    UnifiedRun: Kind(
        prepare=prepare,
        stack_size=stack_size,
        restore=lambda run, arrays: (DeepStack if run.layers > 1 else CircuitStack).from_arrays(
            arrays
        ),
        data=task_table,
        title=title,
    )
}
"""How the runs of this study are trained, recorded and loaded."""
