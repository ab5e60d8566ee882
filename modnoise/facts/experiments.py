"""Runs of rules and facts: along the penalty, along the kernel's angle, along the width, drawn."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from modnoise.facts.limits import best_angle
from modnoise.facts.run import FactsRun
from modnoise.sweep import Size, Sweep

NOISE = 0.2
LAMBDAS = (1e-6, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
FACTORS = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
"""Squared tangents of the angle, in units of the best."""

KAPPAS = (0.1, 0.3, 0.6, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0)
WIDEST_ANGLE = 1.5
"""Radians; a right angle would be a kernel without a linear part."""

MANY = tuple(range(52, 62))
"""Seeds that none of the rules was tried on: ours."""

Rows = tuple[tuple, ...]


def angle_at(factor: float, noise: float) -> float:
    """The angle whose squared tangent is so many times that of the best, to six decimals."""
    best = min(float(best_angle(noise)), WIDEST_ANGLE)
    angle = np.arctan(np.sqrt(factor) * np.tan(best))
    return round(min(float(angle), WIDEST_ANGLE), 6)


def _penalties(d: int, small: int, seeds: Iterable[int], lambdas: Iterable[float]) -> Rows:
    """Kernel, angle, lam, d, seed: linear and best angle at every penalty, other angles at the
    smallest, the kernels of activations in ``small`` dimensions."""
    seeds, best = tuple(seeds), angle_at(1.0, NOISE)
    lambdas = tuple(lambdas)
    rows = [("equivalent", a, x, d, s) for a in (0.0, best) for x in lambdas for s in seeds]
    rows += [("equivalent", angle_at(f, NOISE), lambdas[0], d, s) for f in FACTORS for s in seeds]
    rows += [
        (name, 0.0, x, small, s)
        for name in ("sign", "erf", "relu")
        for x in lambdas[1::2]
        for s in seeds[:3]
    ]
    return tuple(dict.fromkeys(rows))


def _drawn(ridge_d: int, hinge_d: int, n: int, seeds: Iterable[int]) -> Rows:
    """Learner, d, angle, alpha, noise, lam, seed of settings that nobody chose, by a seed."""
    rng, rows, seeds = np.random.default_rng(2027), [], tuple(seeds)
    for i in range(2 * n):
        learner = ("ridge", "hinge")[i % 2]
        setting = (
            round(rng.uniform(0, 1.2), 3),
            round(rng.uniform(1, 4), 3),
            round(rng.uniform(0.1, 0.6), 3),
            round(10 ** rng.uniform(-1, 0.7), 3),
        )
        d = ridge_d if learner == "ridge" else hinge_d
        rows += [(learner, d, *setting, seed) for seed in seeds]
    return tuple(rows)


def _drawn_features(n: int, seeds: Iterable[int]) -> Rows:
    """Kernel, alpha, noise, lam, kappa, seed of settings of random features, by a seed."""
    rng, rows, seeds = np.random.default_rng(2028), [], tuple(seeds)
    for i in range(n):
        setting = (
            round(rng.uniform(1, 4), 3),
            round(rng.uniform(0.1, 0.6), 3),
            round(10 ** rng.uniform(-2, 0.7), 4),
            round(10 ** rng.uniform(-0.7, 0.9), 3),
        )
        rows += [(("erf", "relu", "tanh")[i % 3], *setting, seed) for seed in seeds]
    return tuple(rows)


def _machines(seeds: Iterable[int], lambdas: Iterable[float]) -> Rows:
    """Angle, lam, seed of support vector machines: linear, and at the best angle of ridge."""
    seeds, lambdas = tuple(seeds), tuple(lambdas)
    return tuple((a, x, s) for a in (0.0, angle_at(1.0, NOISE)) for x in lambdas for s in seeds)


FEATURES = "kernel+alpha+noise+lam+kappa+seed"
RIDGE, DRAWN = "kernel+angle+lam+d+seed", "learner+d+angle+alpha+noise+lam+seed"
NOTHING: Size = {"smoke": {}, "laptop": {}, "paper": {}}
"""The scales differ in dimensions and seeds alone; the paper's sizes are not known to us."""

EXPERIMENTS = (
    Sweep(
        "raf-ridge",
        "Rules and facts: kernel ridge regression against penalty and angle",
        "Farné et al. 2026, abstract",
        FactsRun,
        NOTHING,
        {RIDGE: _penalties(1000, 500, MANY, LAMBDAS)},
        {"noise": NOISE},
        {
            "smoke": {RIDGE: _penalties(60, 40, MANY[:2], LAMBDAS[::4])},
            "paper": {RIDGE: _penalties(4000, 1000, MANY, LAMBDAS)},
        },
    ),
    Sweep(
        "raf-width",
        "Rules and facts: random features, from few to many",
        "Farné et al. 2026, abstract",
        FactsRun,
        {"smoke": {"d": 40}, "laptop": {"d": 300}, "paper": {"d": 1000}},
        {"kappa": KAPPAS, "seed": MANY[:5]},
        {"learner": "features", "kernel": "erf", "alpha": 3.0, "noise": NOISE, "lam": 1e-3},
        {"smoke": {"kappa": (0.3, 1.0, 3.0, 8.0), "seed": MANY[:2]}},
    ),
    Sweep(
        "raf-drawn",
        "Rules and facts: settings drawn by a seed, against the asymptotics",
        "ours: twelve settings of each loss",
        FactsRun,
        NOTHING,
        {DRAWN: _drawn(1000, 400, 12, MANY[:6])},
        {},
        {
            "smoke": {DRAWN: _drawn(60, 40, 2, MANY[:2])},
            "paper": {DRAWN: _drawn(4000, 1000, 12, MANY[:6])},
        },
    ),
    Sweep(
        "raf-drawn-features",
        "Rules and facts: random features at settings drawn by a seed",
        "ours: twelve settings",
        FactsRun,
        {"smoke": {"d": 40}, "laptop": {"d": 300}, "paper": {"d": 1000}},
        {FEATURES: _drawn_features(12, MANY)},
        {"learner": "features"},
        {"smoke": {FEATURES: _drawn_features(2, MANY[:2])}},
    ),
    Sweep(
        "raf-hinge",
        "Rules and facts: support vector machines against the penalty",
        "Farné et al. 2026, abstract",
        FactsRun,
        {"smoke": {"d": 40}, "laptop": {"d": 400}, "paper": {"d": 1000}},
        {"angle+lam+seed": _machines(MANY[:6], (0.03, 0.1, 0.3, 1.0, 3.0, 10.0))},
        {"learner": "hinge", "noise": NOISE},
        {"smoke": {"angle+lam+seed": _machines(MANY[:2], (0.3, 3.0))}},
    ),
    Sweep(
        "raf-net",
        "Rules and facts: a two-layer net, all of it trained, and random features of its width",
        "ours: an extension",
        FactsRun,
        {"smoke": {"d": 30}, "laptop": {"d": 100}, "paper": {"d": 300}},
        {"learner": ("net", "features"), "kappa": (0.1, 0.3, 1.0, 3.0, 8.0), "seed": MANY[:5]},
        {"kernel": "relu", "alpha": 4.0, "noise": NOISE, "lam": 1e-2},
        {"smoke": {"kappa": (0.3, 3.0), "seed": MANY[:2]}},
    ),
)


def at_setting(
    runs: list[FactsRun], *, noise: float, seed: int, alpha: float | None = None
) -> list[FactsRun]:
    """The runs of an experiment at another share of facts, first seed or n/d.

    Kernels keep their place beside the best angle, which moves with the share of facts.
    """
    changes = {} if alpha is None else {"alpha": alpha}
    moved = (_moved(run, noise) for run in runs)
    return [run.but(seed=seed if run.seed == MANY[0] else run.seed, **changes) for run in moved]


def _moved(run: FactsRun, noise: float) -> FactsRun:
    if run.noise == noise or not run.angle:
        return run.but(noise=noise)
    factor = (np.tan(run.angle) / np.tan(float(best_angle(run.noise)))) ** 2
    return run.but(noise=noise, angle=angle_at(round(float(factor), 4), noise))
