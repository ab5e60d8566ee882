"""Every set of runs of the main paper, declared once: one module per chapter."""

from __future__ import annotations

from modnoise.arithmetic.experiments.descent import DESCENT
from modnoise.arithmetic.experiments.dynamics import DYNAMICS
from modnoise.arithmetic.experiments.extraction import EXTRACTION
from modnoise.arithmetic.experiments.filtration import FILTRATION
from modnoise.arithmetic.experiments.inside import INSIDE
from modnoise.arithmetic.experiments.lazy import LAZY
from modnoise.arithmetic.experiments.sizes import base_run

__all__ = ["EXPERIMENTS", "base_run"]

EXPERIMENTS = (*FILTRATION, *LAZY, *DESCENT, *INSIDE, *DYNAMICS, *EXTRACTION)
