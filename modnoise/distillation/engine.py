"""Teacher, then students: what a step does, and all that the next one depends on.

Every draw comes from a generator made of (seed, purpose, step), so that a training can be cut
anywhere and goes on bit for bit without the state of a generator.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from modnoise.distillation.data import images
from modnoise.distillation.net import (
    consistent,
    denoise,
    draw,
    heun,
    levels,
    new_weights,
    shape_of,
)
from modnoise.distillation.run import DistillRun
from modnoise.training import optim

_INIT, _TEACHER, _STUDENTS, _NOISE, _FRESH = range(5)  # purposes of draws


class Student(NamedTuple):
    """How a student differs: ``grid``, its number of noise levels over the run's ``hops``;
    ``start`` from the teacher's weights; ``taught`` by the teacher's step, or else by the image
    itself with less of the same noise (consistency training)."""

    grid: float = 1.0
    start: bool = True
    taught: bool = True


STUDENTS = {
    "student": Student(),
    "few hops": Student(grid=1 / 3),
    "many hops": Student(grid=2.0),
    "scratch": Student(start=False),
    "untaught": Student(taught=False),
}
"""The student, and its controls, by the part that they are recorded as."""

_GRIDS = tuple(dict.fromkeys(one.grid for one in STUDENTS.values()))


def generator(seed: int, purpose: int, step: int = 0) -> torch.Generator:
    """A generator for one purpose at one step of a run."""
    return torch.Generator().manual_seed(((seed * 8 + purpose) * 2**24 + step) % 2**63)


class Distiller:
    """The nets of one run: ``step()`` trains the teacher, after its last step all students."""

    def __init__(self, run: DistillRun, device: str = "cpu") -> None:
        self.run, self.updates, self.device = run, 0, device
        self.images = images(run)
        self.train = torch.from_numpy(self.images.train).to(device)
        self.shape = shape_of(run, float(self.images.train.std()))
        first = new_weights(self.shape, generator(run.seed, _INIT)).to(device)
        self.fresh = new_weights(self.shape, generator(run.seed, _FRESH)).to(device)
        self.teacher, self.average = first.clone(), first.clone()
        members = len(STUDENTS) if run.student_steps else 0
        self.students = first.repeat(members, 1)
        self.targets = self.students.clone()
        self.moments = [torch.zeros_like(first) for _ in range(2)]
        self.student_moments = [torch.zeros_like(self.students) for _ in range(2)]
        self.grids = [
            torch.from_numpy(self._levels(round(grid * run.hops))).float().to(device)
            for grid in _GRIDS
        ]

    def _levels(self, number: int) -> np.ndarray:
        return levels(number, self.run.sigma_min, self.run.sigma_max)

    def _start_students(self) -> None:
        """The trained teacher's weights for those that start from it."""
        for i, one in enumerate(STUDENTS.values()):
            self.students[i] = self.average[0] if one.start else self.fresh[0]
        self.targets.copy_(self.students)

    @torch.no_grad()
    def step(self) -> None:
        """One batch of the teacher, or of all students."""
        if self.updates < self.run.teacher_steps:
            self._teach()
            self.updates += 1
            if self.updates == self.run.teacher_steps and self.run.student_steps:
                self._start_students()
        else:
            self._distill()
            self.updates += 1

    def _batch(self, purpose: int, extra: Callable[..., Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        g, batch = generator(self.run.seed, purpose, self.updates), self.run.batch
        index = torch.randint(self.run.n, (batch,), generator=g)
        level, noise = extra(batch, generator=g), torch.randn(
            (batch, self.run.pixels), generator=g
        )  # fmt: skip
        x = self.train[index.to(self.device)]
        return x[None], level.to(self.device)[None], noise.to(self.device)[None]

    def _adam(self, x: Tensor, grad: Tensor, moments: list[Tensor], step: int, lr: float) -> None:
        optim.adam_(
            x, grad, *moments, step=step, lr=x.new_full((len(x),), lr),
            weight_decay=x.new_zeros(len(x)), betas=(0.9, 0.999), eps=1e-8, decoupled=True,
        )  # fmt: skip

    def _teach(self) -> None:
        """E |D(x + sigma xi; sigma) - x|^2 / c_out^2, Adam with a cosine, then the average."""
        run, s = self.run, self.shape.sigma_data
        x, level, noise = self._batch(_TEACHER, torch.randn)
        sigma = (run.log_mean + run.log_std * level).exp()
        weight = (sigma**2 + s**2) / (sigma * s) ** 2
        leaf = self.teacher.clone().requires_grad_()
        with torch.enable_grad():
            found = denoise(leaf, x + sigma[..., None] * noise, sigma, self.shape)
            loss = (weight[..., None] * (found - x) ** 2).mean()
        (grad,) = torch.autograd.grad(loss, leaf)
        lr = run.lr * (1 + math.cos(math.pi * self.updates / run.teacher_steps)) / 2
        self._adam(self.teacher, grad, self.moments, self.updates + 1, lr)
        self.average.lerp_(self.teacher, 1 - run.ema)

    def targets_of_batch(self) -> tuple[Tensor, ...]:
        """Of this step's batch, per student: x and sigma at the higher level, and at the lower.

        The lower x is a Heun step of the teacher (Song et al. 2023, algorithm 2), or of an
        untaught student the same image with the lower noise (their algorithm 3).
        """
        x, level, noise = self._batch(_STUDENTS, torch.rand)
        index = [(level[0] * (len(grid) - 1)).long() for grid in self.grids]
        low, high = (
            torch.stack([grid[i + k] for grid, i in zip(self.grids, index, strict=True)])
            for k in (0, 1)
        )
        above = x + high[..., None] * noise
        flat = (y.reshape(1, -1, *y.shape[2:]) for y in (above, high, low))
        below = heun(self.teach, *flat).view_as(above)
        which = [_GRIDS.index(one.grid) for one in STUDENTS.values()]
        above, high, low, below = above[which], high[which], low[which], below[which]
        for i, one in enumerate(STUDENTS.values()):
            if not one.taught:
                below[i] = x[0] + low[i][:, None] * noise[0]
        return above, high, below, low

    def _distill(self) -> None:
        """E |f(x_high, high) - f_target(x_low, low)|^2 (Song et al. 2023, algorithm 2)."""
        run = self.run
        above, high, below, low = self.targets_of_batch()
        aim = consistent(self.targets, below, low, self.shape, run.sigma_min)
        leaf = self.students.clone().requires_grad_()
        with torch.enable_grad():
            found = consistent(leaf, above, high, self.shape, run.sigma_min)
            loss = ((found - aim) ** 2).mean((1, 2)).sum()
        (grad,) = torch.autograd.grad(loss, leaf)
        done = self.updates - run.teacher_steps
        self._adam(self.students, grad, self.student_moments, done + 1, run.student_lr)
        self.targets.lerp_(self.students, 1 - run.target_ema)

    def teach(self, x: Tensor, sigma: Tensor) -> Tensor:
        """The teacher's averaged denoiser."""
        return denoise(self.average, x, sigma, self.shape)

    def noise(self, number: int) -> Tensor:
        """So many standard normal pictures, (1 number pixel), the same at every call."""
        shape = (1, self.run.samples, self.run.pixels)
        g = generator(self.run.seed, _NOISE, number)
        return torch.randn(shape, generator=g).to(self.device)

    @torch.no_grad()
    def teachers_pictures(self, steps: int) -> Tensor:
        """What the teacher draws from `noise` 0 in so many Heun steps, (sample pixel)."""
        return draw(self.teach, self.noise(0), self._levels(steps))[0]

    @torch.no_grad()
    def students_pictures(self, steps: int = 1) -> Tensor:
        """What students draw from the same noise in one step or two, (student sample pixel).

        In two: noise of the grid's middle level is added to the first picture, and taken away
        again (Song et al. 2023, algorithm 1). The target network draws.
        """
        run, grid = self.run, self._levels(self.run.hops)
        members = len(self.targets)
        top = torch.full((members, 1), run.sigma_max, device=self.device)
        x = self.noise(0).expand(members, -1, -1) * run.sigma_max
        x = consistent(self.targets, x, top, self.shape, run.sigma_min)
        if steps == 2:
            middle = float(grid[len(grid) // 2])
            more = self.noise(1) * math.sqrt(middle**2 - run.sigma_min**2)
            x = consistent(
                self.targets, x + more, torch.full_like(top, middle), self.shape, run.sigma_min
            )
        return x

    def tensors(self) -> dict[str, Tensor]:
        """Everything that later steps depend on, by name, as live views."""
        held = {"teacher": self.teacher, "average": self.average}
        held |= {f"teacher.moment{i}": x for i, x in enumerate(self.moments)}
        if len(self.students):
            held |= {"students": self.students, "targets": self.targets}
            held |= {f"students.moment{i}": x for i, x in enumerate(self.student_moments)}
        return held

    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        """Continue exactly where ``tensors()`` were taken, after ``updates`` steps."""
        for name, x in self.tensors().items():
            x.copy_(tensors[name])
        self.updates = updates
