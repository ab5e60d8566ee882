"""Parameters of the notebook on transformers."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modnoise.spec import Seed, Spec


class TransformerParameters(Spec):
    """Parameters of ``07_transformer``; they choose the net that is looked at closely."""

    NOTEBOOK: ClassVar[str] = "07_transformer"

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(gt=0, le=1)
    weight_decay: float = Field(ge=0)
    seed: Seed


PARAMETERS = (TransformerParameters,)
