"""Parameters of the notebooks, checked in their first cell.

papermill only warns of a misspelt parameter and checks no types: it puts ``nosie = 0.5`` into the
notebook and runs on with the default noise. `check_parameters` looks at what is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import Field

from modnoise.spec import Spec

_PLAIN = (bool, int, float, complex, str, bytes, list, tuple, dict, set, type(None))

Parameters = TypeVar("Parameters", bound=Spec)


class QuickstartParameters(Spec):
    """Parameters of ``00_quickstart``."""

    scale: Literal["smoke", "laptop"]
    noise: float = Field(ge=0, le=1)
    seed: int = Field(ge=0)


class FiltrationParameters(Spec):
    """Parameters of ``03_recover_the_rule``; multiplication has no frequencies of this kind."""

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(ge=0, le=1)
    width: int = Field(ge=1, le=65536)
    op: Literal["add", "sub"]
    act: Literal["relu", "quadratic", "gelu"]
    seed: int = Field(ge=0)


class DescentParameters(Spec):
    """Parameters of ``01_double_descent``; they choose the ladder of widths looked at closely."""

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(ge=0, le=1)
    weight_decay: float = Field(ge=0)
    width: int = Field(ge=1, le=65536)
    act: Literal["relu", "quadratic", "gelu"]
    seed: int = Field(ge=0)


class MnistParameters(Spec):
    """Parameters of ``06_mnist``; batch 0 is the full batch."""

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(gt=0, le=1)
    seed: int = Field(ge=0)
    batch: int = Field(ge=0)


class DynamicsParameters(Spec):
    """Parameters of ``02_dynamics``; they choose the one net that is looked at closely."""

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(gt=0, le=1)
    width: int = Field(ge=1, le=65536)
    optimizer: Literal["adamw", "adam", "muon"]
    seed: int = Field(ge=0)


class PhasesParameters(Spec):
    """Parameters of ``04_phases``; they choose the net that is looked at closely."""

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(ge=0, le=1)
    op: Literal["add", "sub"]
    seed: int = Field(ge=0)


class PartitionParameters(Spec):
    """Parameters of ``05_partitioning``; they choose the net and the ranking looked at closely."""

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(ge=0, le=1)
    op: Literal["add", "sub", "mul"]
    score: Literal["strength", "ipr"]
    seed: int = Field(ge=0)


class TransformerParameters(Spec):
    """Parameters of ``07_transformer``; they choose the net that is looked at closely."""

    scale: Literal["smoke", "laptop", "paper"]
    noise: float = Field(gt=0, le=1)
    weight_decay: float = Field(ge=0)
    seed: int = Field(ge=0)


class ScorecardParameters(Spec):
    """Parameters of ``99_scorecard``, which shows the verdicts stored in executed pages."""

    folder: str = Field(min_length=1)


def check_parameters(namespace: Mapping[str, Any], model: type[Parameters]) -> Parameters:
    """Check every plain value in a notebook's namespace against ``model``.

    Call it in the first cell after the parameters, with ``globals()``: up to there a public name
    with a plain value can only be a parameter, so one that ``model`` does not know is a misspelt
    one. Names that start with an underscore, and IPython's ``In`` and ``Out``, are passed over.

    Raises:
        SpecError: one line with the name, the value and what is allowed.

    >>> good = {"scale": "smoke", "noise": 0.8, "seed": 1}
    >>> check_parameters({**good, "_": 0}, QuickstartParameters).noise
    0.8
    """
    found = {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_") and name not in ("In", "Out") and isinstance(value, _PLAIN)
    }
    return model(**found)
