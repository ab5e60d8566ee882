"""Claims of the main paper and of ours beside them, as rules on recorded numbers.

The claims are the paper's, in our words; every threshold is ours, fixed before the runs. One
module per section of a page; `ladders`, `milestones` and `wide` hold what several of them use.
"""

from __future__ import annotations

from modnoise.arithmetic.claims import (
    batches,
    collisions,
    controls,
    descent,
    extraction,
    filtration,
    gradients,
    late,
    lazy,
    noise_first,
    partitioning,
    phases,
    sgd,
    tempo,
    tied,
    variants,
)

SECTIONS = (
    controls, descent, tempo, variants, tied, noise_first, gradients, sgd, late, collisions,
    batches, filtration, lazy, phases, partitioning, extraction,
)  # fmt: skip

CLAIMS = tuple(claim for section in SECTIONS for claim in section.CLAIMS)
