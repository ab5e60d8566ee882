"""The learners themselves, on finite data: what the asymptotics are compared with.

Each function takes `Examples` and gives `Errors`. Where the learner is linear on new inputs,
E_gen is exact, from its angle to the teacher; elsewhere it is counted on fresh inputs.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse

from modnoise.facts.data import Examples, examples, fresh
from modnoise.facts.kernels import ACTIVATIONS, constants, kernel
from modnoise.facts.run import NET_STEPS, FactsRun

FRESH = 10_000
"""New inputs on which learners are judged that are not linear."""

TOLERANCE = 1e-5
"""Of the dual of the support vector machine (ours)."""


class Errors(NamedTuple):
    """Shares from 0 to 1: wrong on new inputs, on the facts, on the training examples of the rule.

    NaN where there is none of them.
    """

    e_gen: float
    e_mem: float
    e_rule: float


def solve(run: FactsRun) -> Errors:
    """One run: its data from its seed, one solution, its errors."""
    some = examples(run.n, run.d, run.noise, run.seed)
    if run.learner == "features":
        return features(some, run.lam, run.features, run.kernel, run.seed)
    if run.learner == "net":
        return net(some, run.lam, run.features, run.seed)
    if run.kernel != "equivalent":
        return real_kernel(some, run.lam, run.kernel, run.seed)
    if run.learner == "hinge":
        return machine(some, run.lam, np.cos(run.angle), np.sin(run.angle), run.seed)
    return ridge(some, run.lam, np.cos(run.angle), np.sin(run.angle))


def ridge(some: Examples, lam: float, mu_1: float, mu_star: float) -> Errors:
    """Kernel ridge regression with K = mu_1^2 x . x' / d + mu_star^2 [x = x'].

    Solved for the linear part, d numbers: w = (X^T X / d + r)^-1 X^T y / d with
    r = (lam + mu_star^2) / mu_1^2; the private part adds to an example's own output
    mu_star^2 / (lam + mu_star^2) of what is left of its label.
    """
    x, d = some.x, some.x.shape[1]
    gram = x.T @ x / d
    gram[np.diag_indices(d)] += (lam + mu_star**2) / mu_1**2
    w = scipy.linalg.solve(gram, x.T @ some.given / d, assume_a="pos", overwrite_a=True)
    line = x @ w
    own = line + mu_star**2 / (lam + mu_star**2) * (some.given - line)
    return _errors(some, own, angle_error(w, some.teacher))


def machine(some: Examples, lam: float, mu_1: float, mu_star: float, seed: int = 0) -> Errors:
    """Support vector machine with the same kernel, by scikit-learn, C = 1 / lam, no offset.

    The kernel as features: an example's own are mu_1 x / sqrt(d), and mu_star in a place that no
    other example has. ``seed``: of the order in which the dual is solved, to ``TOLERANCE``.

    An offset would not be harmless: where every example supports, it alone keeps the multipliers
    of both labels in balance, and can be larger than all else.
    """
    from sklearn.svm import LinearSVC

    x, (n, d) = some.x, some.x.shape
    own = mu_star * scipy.sparse.identity(n)
    features = scipy.sparse.hstack([scipy.sparse.csr_matrix(mu_1 * x / np.sqrt(d)), own]).tocsr()
    fit = LinearSVC(
        loss="hinge", dual=True, C=1 / lam, fit_intercept=False, tol=TOLERANCE, max_iter=100_000,
        random_state=seed,
    ).fit(features, some.given)  # fmt: skip
    return _errors(some, features @ fit.coef_[0], angle_error(fit.coef_[0, :d], some.teacher))


def real_kernel(some: Examples, lam: float, name: str, seed: int) -> Errors:
    """Kernel ridge regression with the kernel of an activation (`kernels.kernel`) itself."""
    matrix = kernel(name, some.x, some.x)
    regular = matrix + lam * np.eye(len(matrix))
    dual = scipy.linalg.solve(regular, some.given, assume_a="pos", overwrite_a=True)
    x, rule = fresh(some, FRESH, seed)
    parts = [kernel(name, block, some.x) @ dual for block in np.array_split(x, 10)]
    return _errors(some, matrix @ dual, _share(np.concatenate(parts), rule))


def features(some: Examples, lam: float, p: int, name: str, seed: int) -> Errors:
    """Ridge regression on p features: f = theta . (sigma(F x / sqrt(d)) - mu_0) / sqrt(p)."""
    d, mu_0 = some.x.shape[1], constants(name).mu_0
    f = np.random.default_rng([seed, 9]).normal(size=(d, p)) / np.sqrt(d)

    def phi(x: np.ndarray) -> np.ndarray:
        return (ACTIVATIONS[name](x @ f) - mu_0) / np.sqrt(p)

    hidden = phi(some.x)
    if p <= len(hidden):
        gram = hidden.T @ hidden + lam * np.eye(p)
        theta = scipy.linalg.solve(gram, hidden.T @ some.given, assume_a="pos")
    else:
        gram = hidden @ hidden.T + lam * np.eye(len(hidden))
        theta = hidden.T @ scipy.linalg.solve(gram, some.given, assume_a="pos")
    x, rule = fresh(some, FRESH, seed)
    parts = [phi(block) @ theta for block in np.array_split(x, 10)]
    return _errors(some, hidden @ theta, _share(np.concatenate(parts), rule))


def net(some: Examples, lam: float, p: int, seed: int) -> Errors:
    """A two-layer ReLU net with p hidden neurons, all of it trained, by scikit-learn's L-BFGS.

    Square loss, sum over examples / 2 + lam |weights|^2 / 2 without the biases. No asymptotics
    are known to us: features that move are what the model leaves out.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    fit = MLPRegressor(
        hidden_layer_sizes=(p,), solver="lbfgs", alpha=lam, max_iter=NET_STEPS,
        max_fun=2 * NET_STEPS, tol=1e-6, random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit.fit(some.x, some.given)
    x, rule = fresh(some, FRESH, seed)
    return _errors(some, fit.predict(some.x), _share(fit.predict(x), rule))


def angle_error(w: np.ndarray, teacher: np.ndarray) -> float:
    """P[sign(w . x) != sign(teacher . x)], x standard normal: arccos(cosine of both) / pi."""
    cosine = w @ teacher / (np.linalg.norm(w) * np.linalg.norm(teacher))
    return float(np.arccos(np.clip(cosine, -1, 1)) / np.pi)


def _share(field: np.ndarray, label: np.ndarray) -> float:
    """Share whose sign is not the label's; NaN of none."""
    return float(np.mean(field * label <= 0)) if len(field) else float("nan")


def _errors(some: Examples, own: np.ndarray, e_gen: float) -> Errors:
    """``own``: the learner's outputs on its training examples."""
    fact = some.fact
    return Errors(
        e_gen, _share(own[fact], some.given[fact]), _share(own[~fact], some.given[~fact])
    )
