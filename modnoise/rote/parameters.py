"""Parameters of the notebook on Reason to Rote."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modnoise.spec import Seed, Spec


class RoteParameters(Spec):
    """Parameters of ``09_reason_to_rote``."""

    NOTEBOOK: ClassVar[str] = "09_reason_to_rote"

    scale: Literal["smoke", "laptop", "fast", "paper"]
    noise: float = Field(gt=0, le=1)
    seed: Seed


PARAMETERS = (RoteParameters,)
