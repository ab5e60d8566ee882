"""Parameters of the notebook on rules and facts."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modnoise.spec import Seed, Spec


class FactsParameters(Spec):
    """Parameters of ``10_rules_and_facts``."""

    NOTEBOOK: ClassVar[str] = "10_rules_and_facts"

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(gt=0, le=1)
    seed: Seed
    alpha: float = Field(gt=1, le=50)


PARAMETERS = (FactsParameters,)
