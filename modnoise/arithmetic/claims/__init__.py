"""Claims of the main paper and of ours beside them, as rules on recorded numbers.

The claims are the paper's, in our words; every threshold is ours, fixed before the runs.
"""

from __future__ import annotations

from modnoise.arithmetic.claims.controls import CONTROLS
from modnoise.arithmetic.claims.descent import DESCENT
from modnoise.arithmetic.claims.dynamics import DYNAMICS
from modnoise.arithmetic.claims.filtration import FILTRATION
from modnoise.arithmetic.claims.inside import INSIDE

CLAIMS = (*CONTROLS, *DESCENT, *DYNAMICS, *FILTRATION, *INSIDE)
