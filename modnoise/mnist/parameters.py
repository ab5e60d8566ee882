"""Parameters of the notebook on MNIST."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modnoise.spec import Seed, Spec


class MnistParameters(Spec):
    """Parameters of ``06_mnist``; batch 0 is the full batch."""

    NOTEBOOK: ClassVar[str] = "06_mnist"

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(gt=0, le=1)
    seed: Seed
    batch: int = Field(ge=0)


PARAMETERS = (MnistParameters,)
