"""Parameters of the notebook on the unified view."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modnoise.spec import Seed, Spec


class UnifiedParameters(Spec):
    """Parameters of ``08_unified_view``; size and pairs say where its sliders start."""

    NOTEBOOK: ClassVar[str] = "08_unified_view"

    scale: Literal["smoke", "laptop", "fast", "paper"]
    noise: float = Field(ge=0, le=1)
    d_model: int = Field(ge=4, le=1024, multiple_of=4)
    n_train: int = Field(ge=1, le=1024**2)
    seed: Seed


PARAMETERS = (UnifiedParameters,)
