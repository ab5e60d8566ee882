"""Parameters of the notebook on transformers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modnoise.spec import Spec


class TransformerParameters(Spec):
    """Parameters of ``07_transformer``; they choose the net that is looked at closely."""

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(gt=0, le=1)
    weight_decay: float = Field(ge=0)
    seed: int = Field(ge=0)


PARAMETERS = {
    "07_transformer": TransformerParameters,
}
"""By notebook."""
