"""How the runs of this study are trained, recorded and loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from modnoise.distillation.data import Images, images
from modnoise.distillation.engine import STUDENTS, Distiller
from modnoise.distillation.features import flow_rows, hop_rows, solve, spectrum_rows
from modnoise.distillation.measures import (
    copied,
    frechet,
    interval,
    nearest,
    pairs,
    roughness,
)
from modnoise.distillation.run import DistillRun, FeaturesRun
from modnoise.training.loop import Kind, Trainee

SHOWN = 6
"""Pictures that are kept: of the first noises, whatever they become."""

FEW = (2, 3, 4, 5, 6)
"""Steps of the teacher's sampler in a control."""

POINTS = 12
"""At which the teacher, and the students, are measured."""


def teacher_schedule(steps: int) -> list[int]:
    """Evenly in log(step) over the last factor of 32, and the last: ours."""
    first = max(1, steps // 32)
    return sorted({round(x) for x in np.geomspace(first, steps, POINTS)} | {steps})


def student_schedule(steps: int) -> list[int]:
    """Steps of distillation: 0, then evenly in log(step) over a factor of 32: ours."""
    return [0, *teacher_schedule(steps)] if steps else []


class Gallery(NamedTuple):
    """Pictures of the first noises, 0 (black) to 255: by step and noise, and what is nearest.

    ``teacher (step noise pixel)``, ``students (step student noise pixel)`` in one step of the
    target network, ``near_teacher (noise pixel)`` the training image nearest to the last picture
    of the teacher, ``near_student`` to that of the first student.
    """

    teacher: np.ndarray
    students: np.ndarray
    near_teacher: np.ndarray
    near_student: np.ndarray

    def arrays(self, run: int) -> dict[str, np.ndarray]:
        """The pictures by name, for recording; a stack has one run: ``run`` is 0."""
        if run != 0:
            raise ValueError(f"run = {run} is not allowed: a stack has one run")
        return {name: x for name, x in self._asdict().items() if x.size}


def as_bytes(pictures: np.ndarray) -> np.ndarray:
    """Pixels from -1 to 1 as 0 to 255, cut off at both ends.

    >>> as_bytes(np.array([-3.0, -1.0, 0.0, 1.0])).tolist()
    [0, 0, 128, 255]
    """
    return np.round((np.clip(pictures, -1, 1) + 1) * 127.5).astype(np.uint8)


class _Recorder:
    """What is measured of a `Distiller`, and the pictures that are kept on the way."""

    def __init__(self, machine: Distiller) -> None:
        self.machine, run = machine, machine.run
        self.at = teacher_schedule(run.teacher_steps)
        self.students_at = student_schedule(run.student_steps)
        few = (SHOWN, run.pixels)
        self.teacher = torch.zeros((len(self.at), *few), dtype=torch.uint8)
        self.students = torch.zeros(
            (len(self.students_at), len(STUDENTS), *few), dtype=torch.uint8
        )
        self.drawn: np.ndarray | None = None  # the trained teacher's pictures

    def _row(
        self, step: int, part: str, sampler: int, pictures: np.ndarray, beside: np.ndarray
    ) -> dict:
        real, seed = self.machine.images, self.machine.run.seed
        row = {"run": 0, "step": step, "part": part, "sampler": sampler}
        row |= interval(nearest(pictures, real.train).copied, beside, seed)
        row["frechet"] = frechet(pictures, real.reference)
        return row | {"contrast": roughness(pictures)}

    def _theirs(self) -> np.ndarray:
        """What the trained teacher draws; made anew after a restart, the same bit for bit."""
        if self.drawn is None:
            self.drawn = self.machine.teachers_pictures(self.machine.run.hops).cpu().numpy()
        return self.drawn

    def rows(self, step: int) -> list[dict]:
        """The teacher's rows up to its last step; there also the controls; then the students'."""
        run, found = self.machine.run, []
        if step <= run.teacher_steps:
            pictures = self.machine.teachers_pictures(run.hops).cpu().numpy()
            self.teacher[self.at.index(step)] = torch.from_numpy(as_bytes(pictures[:SHOWN]))
            flags = nearest(pictures, self.machine.images.train).copied
            found.append(self._row(step, "teacher", run.hops, pictures, flags))
        if step == run.teacher_steps:
            self.drawn = pictures
            found += self._controls(step, flags)
        if step >= run.teacher_steps and run.student_steps:
            found += self._students(step)
        return found

    def _controls(self, step: int, flags: np.ndarray) -> list[dict]:
        real = self.machine.images
        found = [
            self._row(
                step, "few steps", few, self.machine.teachers_pictures(few).cpu().numpy(), flags
            )
            for few in FEW
            if few < self.machine.run.hops
        ]
        held = {"run": 0, "step": step, "part": "held-out", "sampler": 0}
        held |= {"copied": copied(real.floor, real.train)}
        held |= {"frechet": frechet(real.floor, real.reference)}
        mine = {"run": 0, "step": step, "part": "training set", "sampler": 0}
        return [*found, held, mine | {"frechet": frechet(real.train, real.reference)}]

    def _students(self, step: int) -> list[dict]:
        real, theirs, found = self.machine.images, self._theirs(), []
        flags, at = nearest(theirs, real.train).copied, step - self.machine.run.teacher_steps
        for sampler in (1, 2):
            drawn = self.machine.students_pictures(sampler).cpu().numpy()
            if sampler == 1:
                kept = torch.from_numpy(as_bytes(drawn[:, :SHOWN]))
                self.students[self.students_at.index(at)] = kept
            for part, pictures in zip(STUDENTS, drawn, strict=True):
                row = self._row(step, part, sampler, pictures, flags)
                became = pairs(pictures, theirs, real.train)._asdict()
                found.append(row | {f"pair_{name}": x for name, x in became.items()})
        return found

    def gallery(self) -> Gallery:
        """The pictures that were kept."""
        train = self.machine.images.train
        last = [self.teacher[-1].numpy()]
        last += [self.students[-1, 0].numpy()] if len(self.students) else []
        near = [as_bytes(train[nearest(x / 127.5 - 1, train).which]) for x in last]
        return Gallery(self.teacher.numpy(), self.students.numpy(), near[0], near[-1])


class _Machine:
    """A `Distiller` whose checkpoints also hold the pictures kept so far."""

    def __init__(self, inner: Distiller, recorder: _Recorder) -> None:
        self.inner, self.recorder, self.step = inner, recorder, inner.step

    def tensors(self) -> dict[str, Tensor]:
        held = self.inner.tensors() | {"pictures": self.recorder.teacher}
        if len(self.recorder.students):
            held["students.pictures"] = self.recorder.students
        return held

    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        self.inner.restore(tensors, updates)
        self.recorder.teacher.copy_(tensors["pictures"])
        if len(self.recorder.students):
            self.recorder.students.copy_(tensors["students.pictures"])


def _single(runs: Sequence[object]) -> None:
    if len(runs) != 1:
        raise ValueError(f"{len(runs)} runs in one stack are not allowed: they are trained singly")


def prepare(runs: Sequence[DistillRun], device: str) -> Trainee:
    """One run: a teacher, then its students as one stack.

    Rows (``part``): ``teacher``; at its last step ``few steps`` (its sampler in 2 to 6),
    ``held-out`` and ``training set``; then each of `STUDENTS`, drawing in one step and in two
    (``sampler``). Columns: those of `measures.interval`, ``frechet`` to held-out images,
    ``contrast``, and ``pair_...`` (`measures.Pairs`).

    Raises:
        ValueError: more than one run.
    """
    _single(runs)
    run = runs[0]
    inner = Distiller(run, device)
    recorder = _Recorder(inner)
    at = {*recorder.at, *(run.teacher_steps + x for x in recorder.students_at)}
    return Trainee(
        _Machine(inner, recorder), inner.images, at, recorder.rows, recorder.gallery
    )  # fmt: skip


def restore(run: DistillRun, arrays: Mapping[str, np.ndarray]) -> Gallery:
    """The pictures of a recorded run."""
    empty = np.zeros((0, len(STUDENTS), SHOWN, run.pixels), np.uint8)
    return Gallery(*(np.asarray(arrays.get(name, empty)) for name in Gallery._fields))


def data(run: DistillRun) -> Images:
    """The real images of a run."""
    return images(run)


class Spectra(NamedTuple):
    """Falling eigenvalues of U and of its Gaussian equivalent."""

    values: np.ndarray
    equivalent: np.ndarray

    def arrays(self, run: int) -> dict[str, np.ndarray]:
        """Both by name, for recording; a stack has one run: ``run`` is 0."""
        if run != 0:
            raise ValueError(f"run = {run} is not allowed: a stack has one run")
        return self._asdict()


class _Solver:
    """The rows and spectra of one random-feature network, once its one step is taken."""

    def __init__(self, run: FeaturesRun) -> None:
        self.run = run
        self.rows: list[dict] = []
        self.spectra = torch.zeros((2, run.p), dtype=torch.float64)

    def step(self) -> None:
        one = solve(self.run)
        self.rows, beside = spectrum_rows(one)
        self.rows += flow_rows(one) + (hop_rows(one) if self.run.hops else [])
        self.spectra.copy_(torch.from_numpy(np.stack([one.values, beside])))

    def tensors(self) -> dict[str, Tensor]:
        return {"spectra": self.spectra}

    def restore(self, tensors: Mapping[str, Tensor], updates: int) -> None:
        self.spectra.copy_(tensors["spectra"])


def prepare_features(runs: Sequence[FeaturesRun], device: str) -> Trainee:
    """One random-feature network; solved on the CPU whatever the device.

    Recorded at step 1, see `features`: a row per bulk (``population``, ``memorizing``, ``rest``),
    one per time of the ``flow``, one per bulk and hop.

    Raises:
        ValueError: more than one run.
    """
    _single(runs)
    solver = _Solver(runs[0])

    def rows(step: int) -> list[dict]:
        return [{"run": 0, "step": step, **row} for row in solver.rows]

    return Trainee(
        solver, None, (1,), rows,
        lambda: Spectra(*(x.numpy() for x in solver.spectra)),
    )  # fmt: skip


KINDS = {
    DistillRun: Kind(
        prepare=prepare,
        stack_size=lambda run, device: 1,
        restore=restore,
        data=data,
        title=lambda run: f"distillation, {run.source}, n = {run.n}, {run.steps} steps",
    ),
    FeaturesRun: Kind(
        prepare=prepare_features,
        stack_size=lambda run, device: 1,
        restore=lambda run, arrays: Spectra(*(np.asarray(arrays[x]) for x in Spectra._fields)),
        data=lambda run: None,
        title=lambda run: (
            f"random features, d = {run.d}, n/d = {run.psi_n:g}, p/d = {run.psi_p:g}"
        ),
    ),
}
"""How the runs of this study are trained, recorded and loaded."""
