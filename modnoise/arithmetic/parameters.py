"""Parameters of the notebooks on the main paper."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modnoise.arithmetic.activations import ActivationName
from modnoise.arithmetic.operations import OperationName, SumName
from modnoise.arithmetic.optimizers import OptimizerName
from modnoise.spec import Seed, Spec
from modnoise.sweep import Scale


class QuickstartParameters(Spec):
    """Parameters of ``00_quickstart``."""

    NOTEBOOK: ClassVar[str] = "00_quickstart"

    scale: Literal["smoke", "laptop"]
    noise: float = Field(ge=0, le=1)
    seed: Seed


class ExtractionParameters(Spec):
    """Parameters of ``12_where_the_rule_lives``; they choose the net that is looked at closely."""

    NOTEBOOK: ClassVar[str] = "12_where_the_rule_lives"

    scale: Literal["smoke", "laptop"]
    noise: float = Field(ge=0, le=1)
    op: OperationName
    seed: Seed


class OwnNetParameters(Spec):
    """Parameters of ``13_your_own_net``."""

    NOTEBOOK: ClassVar[str] = "13_your_own_net"

    scale: Literal["smoke", "laptop"]
    noise: float = Field(ge=0, le=1)
    seed: Seed
    weights: str
    names: str | dict[str, str]
    p: int = Field(ge=0, le=1024)
    at: str
    op: OperationName
    act: ActivationName


class DescentParameters(Spec):
    """Parameters of ``01_double_descent``; they choose the ladder of widths looked at closely."""

    NOTEBOOK: ClassVar[str] = "01_double_descent"

    scale: Scale
    noise: float = Field(ge=0, le=1)
    weight_decay: float = Field(ge=0)
    width: int = Field(ge=1, le=65536)
    act: ActivationName
    seed: Seed


class DynamicsParameters(Spec):
    """Parameters of ``02_dynamics``; they choose the one net that is looked at closely."""

    NOTEBOOK: ClassVar[str] = "02_dynamics"

    scale: Scale
    noise: float = Field(gt=0, le=1)
    width: int = Field(ge=1, le=65536)
    optimizer: OptimizerName
    seed: Seed


class FiltrationParameters(Spec):
    """Parameters of ``03_recover_the_rule``; multiplication has no frequencies of this kind."""

    NOTEBOOK: ClassVar[str] = "03_recover_the_rule"

    scale: Scale
    noise: float = Field(ge=0, le=1)
    width: int = Field(ge=1, le=65536)
    op: SumName
    act: ActivationName
    seed: Seed


class PhasesParameters(Spec):
    """Parameters of ``04_phases``; they choose the net that is looked at closely."""

    NOTEBOOK: ClassVar[str] = "04_phases"

    scale: Scale
    noise: float = Field(ge=0, le=1)
    op: SumName
    seed: Seed


class PartitionParameters(Spec):
    """Parameters of ``05_partitioning``; they choose the net and the ranking looked at closely."""

    NOTEBOOK: ClassVar[str] = "05_partitioning"

    scale: Scale
    noise: float = Field(ge=0, le=1)
    op: OperationName
    score: Literal["strength", "ipr"]
    seed: Seed


PARAMETERS = (
    QuickstartParameters,
    ExtractionParameters,
    OwnNetParameters,
    DescentParameters,
    DynamicsParameters,
    FiltrationParameters,
    PhasesParameters,
    PartitionParameters,
)
