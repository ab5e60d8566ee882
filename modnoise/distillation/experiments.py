"""Runs of this study: teachers and students on digits and MNIST, random features solved.

Sizes were chosen by teachers of another seed, whether they memorize; the seeds of the records are
such that no rule was tried on them.
"""

from __future__ import annotations

from modnoise.distillation.run import DistillRun, FeaturesRun
from modnoise.sweep import Size, Sweep

SEEDS = (52, 53, 54)
"""Ours."""

TEACHER, STUDENTS, LONGER = 20_000, 2_000, 10_000
"""Steps at laptop scale; of students, and of those that are distilled for longer."""

DIGITS: Size = {
    "smoke": {"teacher_steps": 60, "steps": 90, "width": 32, "samples": 64, "batch": 32},
    "laptop": {"teacher_steps": TEACHER, "steps": TEACHER + STUDENTS},
    "paper": {"teacher_steps": 14_000, "steps": 22_000, "width": 384, "batch": 256},
}
"""The paper's own settings are not known to us: its scale here is what our specification asks
for."""

MORE = "source+n+steps+seed"


def _more(
    teacher: int, students: int, longer: int, sizes: tuple[int, int, int], seeds: tuple[int, ...]
) -> tuple:
    """More images, longer distillation, fewer images without students, MNIST."""
    few, n, many = sizes
    rows = [("digits", many, teacher + students, seed) for seed in seeds]
    rows += [("digits", n, teacher + longer, seeds[0])]
    rows += [("digits", few, teacher, seed) for seed in seeds]
    return (*rows, ("mnist", many, teacher + students, seeds[0]))


SPECTRA = ((4.0, 16.0), (8.0, 16.0), (4.0, 32.0), (8.0, 32.0))
"""(psi_n, psi_p) of the spectra, in 100 dimensions."""

LOADS = (2.0, 4.0, 8.0, 16.0)
"""psi_n of the time scales, with psi_p = 64 in 40 dimensions."""

SOLVED = "d+psi_n+psi_p+hops+seed"


def _solved(spectra_d: int, times_d: int, hops_d: int, seeds: tuple[int, ...]) -> tuple:
    rows = [(spectra_d, *psi, 0, seeds[0]) for psi in SPECTRA]
    rows += [(times_d, psi_n, 64.0, 0, seed) for psi_n in LOADS for seed in seeds]
    return (*rows, *((hops_d, 4.0, 16.0, 5, seed) for seed in seeds))


EXPERIMENTS = (
    Sweep(
        "dist-digits",
        "Consistency distillation: teachers that memorize digits, students and controls",
        "Jiang & Zou 2026, abstract",
        DistillRun,
        DIGITS,
        {"n": (80,), "seed": SEEDS},
        {},
        {"smoke": {"n": (10,), "seed": SEEDS[:1]}},
    ),
    Sweep(
        "dist-more",
        "Consistency distillation: more images, fewer, longer distillation, MNIST",
        "ours; Bonnaire et al. 2025 on the time to memorize",
        DistillRun,
        DIGITS,
        {MORE: _more(TEACHER, STUDENTS, LONGER, (40, 80, 200), SEEDS)},
        {},
        {
            "smoke": {MORE: _more(60, 30, 60, (5, 10, 40), SEEDS[:1])},
            "paper": {MORE: _more(14_000, 8_000, 40_000, (40, 80, 200), SEEDS)},
        },
    ),
    Sweep(
        "dist-features",
        "Random features for denoising: spectra, times, distillation, solved",
        "Bonnaire et al. 2025; our reading of the paper's abstract",
        FeaturesRun,
        {"smoke": {}, "laptop": {}, "paper": {}},
        {SOLVED: _solved(100, 40, 60, SEEDS)},
        {},
        {
            "smoke": {SOLVED: _solved(12, 8, 10, SEEDS)},
            "paper": {SOLVED: _solved(200, 80, 120, SEEDS)},
        },
    ),
)
