"""How the net on MNIST is trained (Table 2): one at a time, recorded at every epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from modnoise.mnist.data import NoisyImages
from modnoise.mnist.net import MnistNet, answers, new_net
from modnoise.mnist.run import MnistRun
from modnoise.training.loop import Kind, Trainee

_ORDER = 4  # stream of a seed; 2 is the noise (data.py), 3 the initialization (net.py)
_MOMENTS = ("exp_avg", "exp_avg_sq")  # what torch.optim.AdamW remembers, besides the step


class _Data:
    """The arrays of a run as tensors on a device."""

    def __init__(self, images: NoisyImages, device: str) -> None:
        def put(x: np.ndarray) -> Tensor:
            return torch.from_numpy(x).to(device)

        self.images, self.given = put(images.images), put(images.given)
        self.true, self.noisy = put(images.true), put(images.noisy)
        self.test_images, self.test_labels = put(images.test_images), put(images.test_labels)


class _Machine:
    """One epoch per step: AdamW on the mean cross-entropy of each batch."""

    def __init__(self, run: MnistRun, data: _Data, device: str) -> None:
        self.run, self.data, self.epoch = run, data, 0
        self.net = new_net(run).to(device)
        self.optimizer = torch.optim.AdamW(
            self.net.parameters(), lr=run.lr, weight_decay=run.weight_decay
        )

    def _batches(self) -> Sequence[Tensor | slice]:
        n, size = len(self.data.given), self.run.batch
        if size is None:
            return [slice(None)]
        rng = np.random.default_rng([self.run.seed, _ORDER, self.epoch])
        order = torch.from_numpy(rng.permutation(n)).to(self.data.given.device)
        return order.split(size)

    def step(self) -> None:
        """One pass over the training images; a last, smaller batch counts as one."""
        for chosen in self._batches():
            self.optimizer.zero_grad()
            logits = self.net(self.data.images[chosen])
            nn.functional.cross_entropy(logits, self.data.given[chosen]).backward()
            self.optimizer.step()
        self.epoch += 1

    def tensors(self) -> dict[str, Tensor]:
        """Weights and both moments, as live views."""
        found: dict[str, Tensor] = {}
        for name, x in self.net.named_parameters():
            found[name] = x
            for moment in _MOMENTS:
                found[f"{name}.{moment}"] = self.optimizer.state[x][moment]
        return found

    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Go on where ``tensors`` were taken, after ``updates`` steps (epochs)."""
        self.epoch = updates
        done = updates * (-(-len(self.data.given) // (self.run.batch or len(self.data.given))))
        with torch.no_grad():
            for name, x in self.net.named_parameters():
                x.copy_(tensors[name])
                self.optimizer.state[x] = {
                    "step": torch.tensor(float(done)),
                    **{m: torch.empty_like(x).copy_(tensors[f"{name}.{m}"]) for m in _MOMENTS},
                }


def _row(net: MnistNet, data: _Data, step: int) -> dict[str, float | int | str]:
    """Accuracy and mean cross-entropy (nats) by role, NaN where a role has no images."""
    train, test = answers(net, data.images), answers(net, data.test_images)
    roles = {
        "clean": (train, data.given, ~data.noisy),
        "noisy": (train, data.given, data.noisy),
        "recovered": (train, data.true, data.noisy),
        "test": (test, data.test_labels, torch.ones_like(data.test_labels, dtype=torch.bool)),
    }
    row: dict[str, float | int | str] = {"run": 0, "step": step, "part": "full"}
    for role, ((best, log_p), label, where) in roles.items():
        at_label = log_p.gather(1, label[:, None])[:, 0]
        row[f"accuracy_{role}"] = (best == label)[where].double().mean().item()
        row[f"cross_entropy_{role}"] = -at_label[where].double().mean().item()
    return row


def prepare(runs: Sequence[MnistRun], device: str) -> Trainee:
    """One net at its initialization, see `modnoise.training.loop.train`.

    Recorded is one row per epoch (``step``, from 0, before the first update) with
    ``accuracy_<role>`` and ``cross_entropy_<role>`` for the roles clean, noisy, recovered, test.

    Raises:
        ValueError: more than one run.
        MnistError: the images cannot be had.
    """
    if len(runs) != 1:
        raise ValueError(f"{len(runs)} runs in one stack are not allowed: MNIST nets train singly")
    run, table = runs[0], NoisyImages(runs[0])
    data = _Data(table, device)
    machine = _Machine(run, data, device)
    return Trainee(
        machine, table, range(run.steps + 1),
        rows=lambda step: [_row(machine.net, data, step)],
        result=lambda: machine.net.requires_grad_(False).cpu(),
    )  # fmt: skip


def title(run: MnistRun) -> str:
    """One run in a progress line."""
    batch = "full batch" if run.batch is None else f"batch {run.batch}"
    return f"MNIST {run.source}, noise {run.noise:g}, {batch}, {run.steps} epochs"


KINDS = {
    MnistRun: Kind(
        prepare=prepare,
        stack_size=lambda run, device: 1,
        restore=lambda run, arrays: MnistNet.from_arrays(arrays),
        data=NoisyImages,
        title=title,
    )
}
