"""What a run of this study is: a teacher and its students, or one solved random-feature network.

Nothing here imports torch. The paper's own settings are not known to us; sources name where a
default comes from: EDM (Karras et al. 2022), CM (Song et al. 2023), Bonnaire et al. 2025, ours.
"""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from modnoise.spec import Seed, Trainable, field

Source = Literal["digits", "mnist"]

PIXELS: dict[str, int] = {"digits": 64, "mnist": 196}
"""Pixels of an image: 8 x 8; 28 x 28 averaged to 14 x 14."""

HELD_OUT: dict[str, tuple[int, int]] = {"digits": (500, 700), "mnist": (1000, 1000)}
"""Held-out images: those that the floor is measured on, and the reference of the distance."""

MOST: dict[str, int] = {"digits": 597, "mnist": 3000}
"""Images left for training."""


class DistillRun(Trainable):
    """A teacher trained on n images, then its students, all from one seed.

    A *step* is a batch: ``teacher_steps`` of them train the teacher, the others all students.
    """

    source: Source = field("digits", "ours", "digits: scikit-learn's | mnist", told="{}")
    n: int = field(80, "ours", "training images", ge=3, told="n = {}")
    teacher_steps: int = field(
        20_000, "ours", "batches that train the teacher", ge=1, told="teacher steps = {}"
    )
    steps: int = field(
        22_000,
        "ours",
        "the teacher's batches and the students'; 0: untrained",
        ge=0,
        told="steps = {}",
    )
    width: int = field(256, "ours", "neurons of a layer", ge=4, le=4096, told="width = {}")
    layers: int = field(4, "ours", "residual layers", ge=1, le=64)
    batch: int = field(128, "ours", "images of a batch, with replacement", ge=1, le=65536)
    lr: float = field(6e-3, "ours", "the teacher's, Adam, falling as a cosine", gt=0)
    ema: float = field(0.995, "ours", "of the teacher's weights", ge=0, lt=1)
    log_mean: float = field(
        -0.6, "ours (EDM: -1.2)", "mean of log(sigma) while the teacher is trained"
    )
    log_std: float = field(1.0, "ours (EDM: 1.2)", "and its standard deviation", ge=0, le=10)
    student_lr: float = field(2e-4, "ours", "the students', Adam, constant", gt=0)
    target_ema: float = field(0.95, "CM", "of the students' target network", ge=0, lt=1)
    hops: int = field(
        18, "CM; EDM", "noise levels of distillation, and of the teacher's sampler", ge=6, le=1000
    )
    sigma_min: float = field(0.002, "EDM", "smallest noise", gt=0)
    sigma_max: float = field(20.0, "ours (EDM: 80)", "largest noise", gt=0)
    samples: int = field(1_000, "ours", "pictures that are measured", ge=4, le=100_000)
    seed: Seed = field(42, "ours", "images, weights, batches and noise", told="seed {}")

    @model_validator(mode="after")
    def _possible(self) -> DistillRun:
        if self.n > MOST[self.source]:
            raise ValueError(
                f"n = {self.n} is not allowed with source = {self.source!r}: it must be at most "
                f"{MOST[self.source]}"
            )
        if 0 < self.steps < self.teacher_steps:
            raise ValueError(
                f"teacher_steps = {self.teacher_steps} is not allowed with steps = {self.steps}: "
                "it must be at most that"
            )
        if self.sigma_min >= self.sigma_max:
            raise ValueError(
                f"sigma_min = {self.sigma_min:g} is not allowed with sigma_max = "
                f"{self.sigma_max:g}: it must be below that"
            )
        return self

    @property
    def student_steps(self) -> int:
        """Batches that train the students."""
        return max(0, self.steps - self.teacher_steps)

    @property
    def pixels(self) -> int:
        """Pixels of an image."""
        return PIXELS[self.source]

    @property
    def n_weights(self) -> int:
        """Weights and biases of one net (`modnoise.distillation.net.shapes`)."""
        w, inner = self.width, self.layers * (self.width + 1) * self.width
        return (self.pixels + 1) * w + 32 * (self.layers + 1) * w + inner + (w + 1) * self.pixels

    @property
    def operations(self) -> float:
        """2 per weight and image forward, 6 with backward; a student's step takes 26 forward."""
        return (
            2.0 * self.n_weights * self.batch * (3 * self.teacher_steps + 26 * self.student_steps)
        )

    @property
    def weight_bytes(self) -> int:
        """Size of what is kept: pictures, a byte per pixel (`training.Gallery`)."""
        return 8 * self.pixels * 40


class FeaturesRun(Trainable):
    """A random-feature network for denoising, solved: spectrum, gradient flow, distillation.

    d-dimensional Gaussian data, n = psi_n d examples, p = psi_p d features. A *step* is the
    solution: there is one.
    """

    d: int = field(40, "ours", "dimensions of the data", ge=4, le=2000, told="d = {}")
    psi_n: float = field(4.0, "ours", "n / d", gt=1, le=1000, told="n/d = {}")
    psi_p: float = field(64.0, "ours", "p / d", gt=1, le=1000, told="p/d = {}")
    time: float = field(
        0.01, "Bonnaire et al. 2025", "t of the noise: x_t = exp(-t) x + sqrt(1 - exp(-2t)) xi",
        gt=0, le=5, told="t = {}",
    )  # fmt: skip
    hops: int = field(0, "ours", "doublings of t over which it is distilled", ge=0, le=8)
    steps: int = field(1, "ours", "solutions: one", ge=1, le=1)
    seed: Seed = field(42, "ours", "data and features", told="seed {}")

    @model_validator(mode="after")
    def _possible(self) -> FeaturesRun:
        if self.psi_p <= self.psi_n:
            raise ValueError(
                f"psi_p = {self.psi_p:g} is not allowed with psi_n = {self.psi_n:g}: it must be "
                "above that, for more features than examples"
            )
        if self.n <= self.d:
            raise ValueError(
                f"psi_n = {self.psi_n:g} is not allowed with d = {self.d}: it must give more than "
                f"{self.d} examples"
            )
        return self

    @property
    def n(self) -> int:
        """Examples, round(psi_n d)."""
        return round(self.psi_n * self.d)

    @property
    def p(self) -> int:
        """Features, round(psi_p d)."""
        return round(self.psi_p * self.d)

    @property
    def operations(self) -> float:
        """About 20 p^3 for eigenvectors and products, and p^2 n for each of some 20 moments."""
        return 20.0 * self.p**3 + 40.0 * self.p**2 * self.n * (1 + 2 * self.hops)

    @property
    def weight_bytes(self) -> int:
        """Size of what is kept: two spectra in float64."""
        return 16 * self.p


SPECS = (DistillRun, FeaturesRun)
"""The kinds of runs of this study."""
