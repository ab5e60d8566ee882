"""Sizes of the paper's experiments at every scale, and the grids that several figures share.

At ``laptop`` scale either the paper's task and optimizer (p = 113, AdamW, lr 1e-3, decay 0.1) for
1,000 steps (`FIT`), or a smaller one that also gets to generalize (`GROK`). ``paper``: the paper's
widths and its 200,000 steps. ``fast``: the same at `TEMPO`. Grids that no source gives are ours
and say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modnoise.arithmetic.run import TEMPO, Run, at_tempo
from modnoise.sweep import Size, Sweep, check_scale

WIDTHS = tuple(2**k + 1 for k in range(4, 13))  # paper: 17 ... 4097
NOISES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # ours; 0.3 and 0.8 are in the paper
CONTROLS = (0.9, 1.0)  # ours: above the paper's range; at 1.0 no rule is left in the labels
DECAYS = (0.01, 0.1, 0.3, 1.0)  # ours: the paper's grid is unknown but holds 0.1

FIT: Size = {
    "smoke": {"p": 23, "width": 257, "steps": 300},
    "laptop": {"p": 113, "width": 1025, "steps": 1_000},
    "fast": {"p": 113, "width": 1025, **at_tempo(TEMPO)},
    "paper": {"p": 113, "width": 2049, "steps": 200_000},
}
"""Sizes at which every label is fit; at laptop scale far too short to generalize."""

_SHARES = {"train_frac": 0.7, "val_frac": 0.1, "test_frac": 0.2}

GROK: Size = {
    "smoke": {"p": 23, "width": 129, "steps": 300, "lr": 5e-3, "weight_decay": 1.0, **_SHARES},
    "laptop": {"p": 59, "width": 1025, "steps": 4_000, "lr": 5e-3, "weight_decay": 1.0, **_SHARES},
    "fast": FIT["fast"],
    "paper": FIT["paper"],
}
"""Sizes at which nets also get to generalize. At laptop scale the time scale of weight decay,
1 / (lr weight_decay), is 200 steps where the paper's is 10,000: 20 of them make a training in
both. p = 59 needs a larger share of its pairs to generalize under noise: 70 % instead of 50 %."""

PARTS = {"record_parts": True}
ALL = {"record_parts": True, "record_structure": True}
OWN = {"lr": 1e-3, "beta2": 0.999}
"""The paper's own tempo, at every scale: for the first steps, which cost little."""
GROK_NOISES = (0.1, 0.2, 0.3)
FF_NOISES = (0.3, 0.5, 0.8)  # 0.8: paper; ours: 0.3, 0.5


def sweep(
    name: str,
    title: str,
    paper: str,
    over: Mapping[str, tuple],
    base: Mapping[str, Any] | None = None,
    at: Mapping[str, Mapping[str, Any]] | None = None,
    size: Size = FIT,
) -> Sweep:
    """A `Sweep` of two-layer nets."""
    return Sweep(name, title, paper, Run, size, over, base or {}, at or {})


def base_run(scale: str, **changes: Any) -> Run:
    """One run of the FF pages at a scale: its size and length, the paper's data and optimizer."""
    check_scale(scale)
    recorded = ALL if scale == "fast" else PARTS  # there, one run serves several figures
    return Run(**{**FIT[scale], **recorded, **changes})
