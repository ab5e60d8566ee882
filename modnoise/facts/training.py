"""How a run is carried out and recorded: one step, which is the solution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from modnoise.facts.run import FactsRun
from modnoise.facts.simulation import Errors, solve
from modnoise.training.loop import Kind, Trainee

ROLES = {"accuracy_test": "e_gen", "accuracy_noisy": "e_mem", "accuracy_clean": "e_rule"}
"""What is recorded as elsewhere in the store: one less the error on new inputs, on the facts by
their given labels, on the training examples of the rule."""


class _Solver:
    """The errors of one run, NaN until the step is taken."""

    def __init__(self, run: FactsRun) -> None:
        self.run = run
        self.errors = torch.full((3,), torch.nan, dtype=torch.float64)

    def step(self) -> None:
        self.errors.copy_(torch.tensor(solve(self.run), dtype=torch.float64))

    def tensors(self) -> dict[str, Tensor]:
        return {"errors": self.errors}

    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        self.errors.copy_(tensors["errors"])

    def arrays(self, run: int) -> dict[str, np.ndarray]:
        """The errors that there are, by name, for recording; a stack has one run: ``run`` is 0."""
        if run != 0:
            raise ValueError(f"run = {run} is not allowed: a stack has one run")
        pairs = zip(Errors._fields, self.errors.numpy(), strict=True)
        return {name: np.array([x]) for name, x in pairs if np.isfinite(x)}


def prepare(runs: Sequence[FactsRun], device: str) -> Trainee:
    """One run, see `modnoise.training.loop.train`; solved on the CPU whatever the device.

    Recorded is one row, at step 1, with the columns `ROLES`. The data are made anew from the seed
    (`modnoise.facts.examples`) and not kept.

    Raises:
        ValueError: more than one run.
    """
    if len(runs) != 1:
        raise ValueError(f"{len(runs)} runs in one stack are not allowed: they are solved singly")
    solver = _Solver(runs[0])

    def rows(step: int) -> list[dict]:
        errors = Errors(*solver.errors.tolist())._asdict()
        accuracies = {column: 1 - errors[name] for column, name in ROLES.items()}
        return [{"run": 0, "step": step, "part": "full", **accuracies}]

    return Trainee(solver, None, (1,), rows, lambda: solver)


def restore(run: FactsRun, arrays: Mapping[str, np.ndarray]) -> Errors:
    """The errors that `_Solver.arrays` was called on, NaN where there is none."""
    found = (np.asarray(arrays.get(name, [np.nan])) for name in Errors._fields)
    return Errors(*(float(x[0]) for x in found))


def title(run: FactsRun) -> str:
    """One run in a progress line."""
    return f"{run.learner}, {run.kernel} kernel, n/d = {run.alpha:g}, facts {run.noise:g}"


KINDS = {
    FactsRun: Kind(
        prepare=prepare,
        stack_size=lambda run, device: 1,
        restore=restore,
        data=lambda run: None,
        title=title,
    )
}
"""How the runs of this study are solved, recorded and loaded."""
