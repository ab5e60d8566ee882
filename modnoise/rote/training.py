"""How the nets of Reason to Rote are trained: one at a time, in mini-batches; what is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from modnoise.rote.data import Items, RoteData, rote_data
from modnoise.rote.net import Gpt, new_net, restored
from modnoise.rote.run import RoteRun
from modnoise.training.loop import Kind, Trainee

_ORDER = 4  # stream of a seed; the others: data.py and net.py
_MOMENTS = ("exp_avg", "exp_avg_sq")  # what torch.optim.AdamW remembers, besides the step
MOST = 1_000
"""Most items of a role that are looked at along the way."""


def record_at(steps: int) -> list[int]:
    """0, then about sixteen steps a decade from 10 on, half of the training, and its end.

    >>> record_at(0), len(record_at(4000))
    ([0], 44)
    """
    some = np.geomspace(10, max(steps, 11), 1 + int(16 * np.log10(max(steps, 11) / 10)))
    return sorted({0, steps // 2, steps, *(int(x) for x in some.round() if x < steps)})


class Machine:
    """One update per step: AdamW on the mean cross-entropy of the answer's tokens."""

    def __init__(self, run: RoteRun, items: Items, device: str) -> None:
        self.run, self.updates, self.epoch = run, 0, -1
        self.tokens = torch.from_numpy(items.tokens()).to(device)
        self.labels = torch.from_numpy(items.given).to(device)
        self.net = new_net(run).to(device)
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=run.lr, weight_decay=run.weight_decay,
            betas=(run.beta1, run.beta2), eps=run.eps, foreach=True,
        )  # fmt: skip

    def _batch(self) -> Tensor:
        """The items of the next update; the last batch of an epoch may be smaller."""
        run, n = self.run, len(self.tokens)
        epoch, place = divmod(self.updates, -(-n // run.batch))
        if epoch != self.epoch:
            rng = np.random.default_rng([run.seed, _ORDER, epoch])
            self.order = torch.from_numpy(rng.permutation(n)).to(self.tokens.device)
            self.epoch = epoch
        return self.order[place * run.batch : (place + 1) * run.batch]

    def step(self) -> None:
        """One update."""
        run, chosen = self.run, self._batch()
        rate = run.lr * min(1.0, (self.updates + 1) / max(1, run.warmup))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        logits = self.net(self.tokens[chosen])[:, -run.answer :]
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), self.labels[chosen].flatten())
        loss.backward()
        self.optimizer.step()
        self.updates += 1

    def tensors(self) -> dict[str, Tensor]:
        """Weights and both moments, as live views."""
        found: dict[str, Tensor] = {}
        for name, x in self.net.named_parameters():
            found[name] = x
            for moment in _MOMENTS:
                found[f"{name}.{moment}"] = self.optimizer.state[x][moment]
        return found

    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Go on where ``tensors`` were taken, after ``updates`` steps."""
        self.updates, self.epoch = updates, -1
        with torch.no_grad():
            for name, x in self.net.named_parameters():
                x.copy_(tensors[name])
                self.optimizer.state[x] = {
                    "step": torch.tensor(float(updates)),
                    **{m: torch.empty_like(x).copy_(tensors[f"{name}.{m}"]) for m in _MOMENTS},
                }


def answered(net: Gpt, items: Items, *, true: bool = False) -> np.ndarray:
    """Whether the net, left to itself, gives the given (true) answer, token by token (item).

    It reads the answer's own tokens before the one it is asked for: the most likely ones are all
    right exactly if what it writes by itself is.
    """
    device = net.unembed.weight.device
    labels = items.true if true else items.given
    tokens = torch.from_numpy(items.tokens(true=true)).to(device)
    with torch.no_grad():
        best = [net(x)[:, -labels.shape[1] :].argmax(-1) for x in tokens.split(2_000)]
    return (torch.cat(best).cpu().numpy() == labels).all(1) if len(best) else np.zeros(0, bool)


def _mean(x: np.ndarray) -> float:
    return float(x.mean()) if len(x) else float("nan")


def accuracies(net: Gpt, data: RoteData, most: int = MOST) -> dict[str, float]:
    """Shares of items with the right whole answer, by role; NaN where there are none.

    Roles: clean and noisy training items that take reasoning by their given answer, noisy ones
    by the true one (``recovered``), held-out items (``test``), one-hop facts (``facts``).
    """
    train = data.train
    roles = {
        "clean": (train.some(train.reasoned & ~train.noisy), False),
        "noisy": (train.some(train.noisy), False),
        "recovered": (train.some(train.noisy), True),
        "test": (data.test, True),
    }
    if not train.reasoned.all():
        roles["facts"] = (train.some(~train.reasoned), True)
    return {
        f"accuracy_{role}": _mean(answered(net, items.some(slice(most)), true=true))
        for role, (items, true) in roles.items()
    }


def prepare(runs: Sequence[RoteRun], device: str) -> Trainee:
    """One net at its initialization, see `modnoise.training.loop.train`.

    Recorded are rows of part ``full`` at `record_at` with `accuracies`, and at the last step what
    `modnoise.rote.analysis.looked` finds inside.

    Raises:
        ValueError: more than one run.
    """
    from modnoise.rote.analysis import looked

    if len(runs) != 1:
        raise ValueError(f"{len(runs)} runs in one stack are not allowed: they train singly")
    run, data = runs[0], rote_data(runs[0])
    machine = Machine(run, data.train, device)

    def rows(step: int) -> list[dict]:
        found = [{"part": "full", **accuracies(machine.net, data)}]
        if step == run.steps:
            found += looked(run, machine.net, data)
        return [{"run": 0, "step": step, **row} for row in found]

    return Trainee(
        machine, data, record_at(run.steps), rows,
        result=lambda: machine.net.requires_grad_(False).cpu(),
    )  # fmt: skip


def title(run: RoteRun) -> str:
    """One run in a progress line."""
    return f"{run.task} d={run.d_model}, noise {run.noise:g}, {run.steps} steps"


KINDS = {
    RoteRun: Kind(
        prepare=prepare,
        stack_size=lambda run, device: 1,
        restore=restored,
        data=rote_data,
        title=title,
    )
}
"""How the runs of this study are trained, recorded and loaded."""
