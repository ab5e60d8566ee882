"""What a run of the Rules-and-Facts model is: one data set, one learner, one solution."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import model_validator

from modnoise.spec import Seed, Trainable, field

MODEL = "the model itself"
"""The setting of the model's equations, of which there is no smaller one."""

Learner = Literal["ridge", "hinge", "features", "net"]
NET_STEPS = 2000
"""Most steps of L-BFGS that a net is trained for: ours."""

Kernel = Literal["equivalent", "sign", "erf", "relu", "tanh"]


class FactsRun(Trainable):
    """A learner on ``alpha d`` examples in d dimensions, of which a share ``noise`` are facts.

    A *step* is the solution of the learner's equations: there is one.
    """

    learner: Learner = field(
        "ridge", "paper, abstract", "square loss | hinge loss | square loss on random features | "
        "net: square loss of a trained two-layer net (ours)", told="{}",
    )  # fmt: skip
    kernel: Kernel = field(
        "equivalent",
        "ours",
        "equivalent: linear and private part at ``angle`` | the kernel, or features, of this "
        "activation",
        told="kernel {}",
    )
    angle: float = field(
        0.0, "ours", "gamma in radians, tan = mu_star / mu_1; 0: a linear learner; of the "
        "equivalent kernel only", ge=0, lt=np.pi / 2, told="angle {}",
    )  # fmt: skip
    alpha: float = field(
        4.0, "ours", "n / d, training examples per dimension", gt=0, le=1000, told="n/d = {}"
    )
    noise: float = field(
        0.2, "ours", "epsilon, share of facts: labels by a coin", ge=0, le=1, told="facts = {}"
    )
    lam: float = field(0.5, "ours", "weight of the penalty", gt=0, told="lambda = {}")
    d: int = field(500, "ours", "dimensions of an input", ge=10, le=65536, told="d = {}")
    kappa: float = field(
        1.0, "ours", "p / d, features (hidden neurons) per dimension; of ``features`` and ``net`` "
        "only", gt=0, le=1000, told="",
    )  # fmt: skip
    steps: int = field(1, "ours", "solutions: one", ge=1, le=1)
    seed: Seed = field(42, "ours", "inputs, teacher and labels", told="seed {}")

    @model_validator(mode="after")
    def _possible(self) -> FactsRun:
        if self.learner == "hinge" and self.kernel != "equivalent":
            raise ValueError(f"kernel = {self.kernel!r} is not allowed with learner = 'hinge'")
        if self.learner == "net" and self.kernel != "relu":
            raise ValueError(
                f"kernel = {self.kernel!r} is not allowed with learner = 'net': it must be 'relu'"
            )
        if self.learner == "features" and self.kernel == "equivalent":
            raise ValueError(
                "kernel = 'equivalent' is not allowed with learner = 'features': it must be the "
                "name of an activation"
            )
        if self.learner == "ridge" and self.kernel == "tanh":
            raise ValueError(
                "kernel = 'tanh' is not allowed with learner = 'ridge': it has no formula"
            )
        return self

    @property
    def n(self) -> int:
        """Training examples, round(alpha d), at least 1."""
        return max(1, round(self.alpha * self.d))

    @property
    def features(self) -> int:
        """Random features, round(kappa d), at least 1."""
        return max(1, round(self.kappa * self.d))

    @property
    def unknowns(self) -> int:
        """Numbers that the learner's equations are solved for."""
        if self.learner == "features":
            return min(self.n, self.features)
        if self.learner == "net":
            return self.features * (self.d + 2) + 1
        return self.d if (self.learner, self.kernel) == ("ridge", "equivalent") else self.n

    def papers_setting(self, first: int = 0) -> str:
        """The equations of the model have no smaller setting; a trained net is ours."""
        return "" if self.learner == "net" else MODEL

    @property
    def operations(self) -> float:
        """2 n k (k + d) for matrices of k unknowns, and k^3 / 3 for their solution.

        Of a net 6 n p d for each of at most `NET_STEPS` gradients.
        """
        if self.learner == "net":
            return 6.0 * self.n * self.features * self.d * NET_STEPS
        return 2.0 * self.n * self.unknowns * (self.unknowns + self.d) + self.unknowns**3 / 3

    @property
    def weight_bytes(self) -> int:
        """Size of what is kept: the three errors in float64."""
        return 24


SPECS = (FactsRun,)
"""The kinds of runs of this study."""
