"""Parameters of the notebook on consistency distillation."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modnoise.spec import Seed, Spec


class DistillationParameters(Spec):
    """Parameters of ``11_consistency_distillation``."""

    NOTEBOOK: ClassVar[str] = "11_consistency_distillation"

    scale: Literal["smoke", "laptop", "paper"]
    n: int = Field(ge=10, le=597)
    seed: Seed


PARAMETERS = (DistillationParameters,)
