"""What a run of the three-layer net on MNIST is (Table 2). Nothing here imports torch."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from modnoise.spec import Seed, Trainable, field

Source = Literal["subset", "t10k", "full"]
Pixels = Literal["unit", "standardized"]
Init = Literal["torch", "he"]

SIZES: dict[str, int] = {"subset": 5_000, "t10k": 10_000, "full": 60_000}
"""Images per source, of which those for test are taken, except from ``full``."""

HELD_OUT = 5
"""Every so manieth image of subset and t10k is for test."""

PIXELS, DIGITS = 784, 10


class MnistRun(Trainable):
    """A three-layer ReLU net, 784 - hidden1 - hidden2 - 10, on MNIST with wrong training labels.

    A *step* is an epoch, one pass over the training images: one update with the full batch.
    """

    source: Source = field(
        "full", "paper", "subset: 5,000 images | t10k: 10,000 | full: 60,000", told="MNIST {}"
    )
    images: int | None = field(
        None, "ours", "only so many images of the source, evenly spaced; None: all", ge=50
    )
    noise: float = field(
        0.05,
        "paper, Table 2",
        "alpha, share of training labels made wrong",
        ge=0,
        le=1,
        told="noise = {}",
    )
    hidden1: int = field(512, "ours", "neurons of the first hidden layer", ge=1, le=65536)
    hidden2: int = field(256, "ours", "neurons of the second hidden layer", ge=1, le=65536)
    lr: float = field(
        1e-3, "ours", "AdamW's learning rate, constant from the first step", gt=0, told="lr = {}"
    )
    pixels: Pixels = field(
        "unit",
        "ours",
        "unit: 0 to 1 | standardized: less the mean of all training pixels, over their deviation",
        told="pixels: {}",
    )
    init: Init = field(
        "torch",
        "ours",
        "torch: as torch.nn.Linear, uniform in +-1/sqrt(inputs) | he: weights N(0, 2/inputs), "
        "biases 0",
        told="initialization: {}",
    )
    weight_decay: float = field(
        0.1, "ours (the paper's elsewhere)", "decoupled", ge=0, told="decay = {}"
    )
    batch: int | None = field(
        None,
        "paper",
        "images per update, in a new order every epoch; None: all",
        ge=1,
        told="batch {}",
    )
    steps: int = field(50, "ours; the paper reports 1 and 2", "epochs", ge=0, told="epochs = {}")
    seed: Seed = field(
        42,
        "paper",
        "noise, initialization and order draw from three streams of it",
        told="seed {}",
    )

    @model_validator(mode="after")
    def _possible(self) -> MnistRun:
        if self.images is not None and self.images > SIZES[self.source]:
            raise ValueError(
                f"images = {self.images} is not allowed with source = {self.source!r}: it must "
                f"be at most {SIZES[self.source]}"
            )
        if self.batch is not None and self.batch > self.n_train:
            raise ValueError(
                f"batch = {self.batch} is not allowed: it must be at most the {self.n_train} "
                "training images"
            )
        return self

    def papers_setting(self, first: int = 0) -> str:
        """All images and the full batch; the paper leaves net, pixels and optimizer open."""
        whole = self.source == "full" and self.images is None and self.batch is None
        return "the paper's setting" if whole else ""

    @property
    def n_train(self) -> int:
        """Number of training images n."""
        chosen = self.images or SIZES[self.source]
        return chosen if self.source == "full" else chosen - -(-chosen // HELD_OUT)

    @property
    def n_noisy(self) -> int:
        """Number of training images with a wrong label, round(noise n)."""
        return round(self.noise * self.n_train)

    @property
    def n_weights(self) -> int:
        """Number of weights, without biases."""
        return PIXELS * self.hidden1 + self.hidden1 * self.hidden2 + self.hidden2 * DIGITS

    @property
    def operations(self) -> float:
        """6 n weights epochs floating-point operations."""
        return 6.0 * self.n_train * self.n_weights * self.steps

    @property
    def weight_bytes(self) -> int:
        """Size of all weights and biases in float32."""
        return 4 * (self.n_weights + self.hidden1 + self.hidden2 + DIGITS)


SPECS = (MnistRun,)
"""The kinds of runs of this study."""
