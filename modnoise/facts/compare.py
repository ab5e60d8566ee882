"""Recorded runs beside the asymptotics: one frame, and means with their errors over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from modnoise.facts.kernels import constants
from modnoise.facts.limits import BAYES_CONSTANT, bayes, best_angle, capacity, sphere
from modnoise.facts.run import FactsRun
from modnoise.facts.theory import Solution, hinge, ridge
from modnoise.facts.width import random_features

SETTING = ["learner", "kernel", "angle", "alpha", "noise", "lam", "d", "kappa"]
"""Fields of a run without its seed."""

MEASURES = {"e_gen": "accuracy_test", "e_mem": "accuracy_noisy", "e_rule": "accuracy_clean"}


def solution(run: pd.Series | FactsRun) -> Solution:
    """The asymptotics of a run, or of a row with its fields; NaN of a trained net."""
    if run.learner == "net":
        return Solution(*[np.array(np.nan)] * 3)
    if run.kernel == "equivalent":
        mu_1, mu_star = sphere(run.angle)
    else:
        known = constants(run.kernel)
        mu_1, mu_star = np.float64(known.mu_1), np.float64(known.mu_star)
    if run.learner == "features":
        return random_features(run.alpha, run.noise, run.lam, run.kappa, mu_1, mu_star)
    learner = {"ridge": ridge, "hinge": hinge}[run.learner]
    return learner(run.alpha, run.noise, run.lam, mu_1, mu_star)


def errors(curves: pd.DataFrame) -> pd.DataFrame:
    """Recorded rows with ``e_gen``, ``e_mem``, ``e_rule``: one less the recorded accuracies."""
    return curves.assign(**{name: 1 - curves[column] for name, column in MEASURES.items()})


def beside_theory(curves: pd.DataFrame, by: Sequence[str] = SETTING) -> pd.DataFrame:
    """A row per setting: the mean over seeds of each error, its standard error, the asymptotics.

    Columns: the fields of the setting, ``seeds``, and per measure its ``mean``, ``error`` and
    ``theory`` as ``e_gen``, ``e_gen_error``, ``e_gen_theory`` and so on; shares from 0 to 1. The
    standard error is of the values over seeds, but not below that of counting: of so many facts,
    or so many examples of the rule, in all seeds.
    """
    rows = []
    for values, some in errors(curves).groupby(list(by), sort=False):
        row = dict(zip(by, values, strict=True))
        known, seeds = solution(some.iloc[0]), len(some)
        n = row["alpha"] * row["d"] * seeds
        counted = {"e_gen": np.inf, "e_mem": n * row["noise"], "e_rule": n * (1 - row["noise"])}
        for name in MEASURES:
            mean, theory = float(some[name].mean()), float(getattr(known, name))
            spread = some[name].std(ddof=1) / np.sqrt(seeds) if seeds > 1 else np.nan
            least = np.sqrt(theory * (1 - theory) / counted[name]) if counted[name] else 0.0
            least = max(least, 1 / counted[name] if counted[name] else 0.0)
            row |= {name: mean, f"{name}_error": np.fmax(spread, least), f"{name}_theory": theory}
        rows.append({**row, "seeds": seeds})
    return pd.DataFrame(rows)


def asymptotic_rates(
    eps: float, lam: float, angle: float, alphas: Sequence[float] | np.ndarray
) -> pd.DataFrame:
    """E_gen at each n/d of the square loss, the hinge loss and the Bayes-optimal learner.

    Columns ``loss``, ``alpha``, ``noise``, ``e_gen``.
    """
    alphas, (mu_1, mu_star) = np.asarray(alphas, float), sphere(angle)
    lines = {
        "square": ridge(alphas, eps, lam, mu_1, mu_star).e_gen,
        "hinge": hinge(alphas, eps, lam, mu_1, mu_star).e_gen,
        "bayes": bayes(alphas, eps),
    }
    frames = [
        pd.DataFrame({"loss": loss, "alpha": alphas, "noise": eps, "e_gen": line})
        for loss, line in lines.items()
    ]
    return pd.concat(frames, ignore_index=True)


def limit_rows() -> pd.DataFrame:
    """What is known of the two ends, eps = 1 and eps = 0, and what the asymptotics give there."""
    rows = [
        ("only facts, ridge E_gen", float(ridge(4, 1.0, 0.5, 0.8, 0.6).e_gen), 0.5, 1e-6),
        ("only facts, hinge E_gen", float(hinge(4, 1.0, 0.5, 0.8, 0.6).e_gen), 0.5, 1e-6),
        ("only facts, capacity", float(capacity(1.0)), 2.0, 1e-6),
        ("no facts, Bayes", float(2000 * bayes(2000, 0.0)), BAYES_CONSTANT, 5e-4),
    ]
    frame = pd.DataFrame(rows, columns=["name", "value", "expected", "within"])
    return frame.assign(measure="asymptotics")


def line(by: str, values: Sequence[float] | np.ndarray, **setting: Any) -> pd.DataFrame:
    """The asymptotics along one field of a run: that field, ``e_gen``, ``e_mem``.

    ``setting``: the other fields, as `FactsRun` takes them; without a seed or dimensions.
    """
    rows = []
    for value in values:
        known = solution(FactsRun(**{**setting, by: float(value)}))
        rows.append({by: float(value), "e_gen": float(known.e_gen), "e_mem": float(known.e_mem)})
    return pd.DataFrame(rows)


def penalty_map(alpha: float, eps: float, points: int = 48) -> pd.DataFrame:
    """Ridge over penalty (1e-4 to 100) and angle (0.02 to 1.5): columns as in `line`."""
    lam, angle = np.geomspace(1e-4, 100, points), np.linspace(0.02, 1.5, points)
    grid = [x.ravel() for x in np.meshgrid(lam, angle)]
    known = ridge(alpha, eps, grid[0], *sphere(grid[1]))
    columns = {"lam": grid[0], "angle": grid[1], "e_gen": known.e_gen, "e_mem": known.e_mem}
    return pd.DataFrame(columns)


def against_facts(points: int = 99) -> pd.DataFrame:
    """``noise``, the linear learner's ``capacity`` and the best kernel's ``angle``."""
    eps = np.linspace(0.01, 1, points)
    return pd.DataFrame({"noise": eps, "capacity": capacity(eps), "angle": best_angle(eps)})
