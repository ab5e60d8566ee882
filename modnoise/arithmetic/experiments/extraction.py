"""Runs of chapter 12: what can be extracted from a net without knowing its group (ours).

The method's choices were made on seed 42 at p = 59 and 113; seeds 71 to 73 are only measured.
"""

from __future__ import annotations

from modnoise.arithmetic.experiments.sizes import sweep
from modnoise.arithmetic.run import TEMPO, at_tempo

NEW_SEEDS = (71, 72, 73)
"""Seeds that nothing was chosen on."""

_STEPS = 30_000
"""At the paper's tempo, 1,500 at that of ``fast``: enough to fit every label (seed 42)."""

_FAST = at_tempo(TEMPO)
_SHORT = {**_FAST, "steps": _STEPS // TEMPO}
_SIZE = {
    "smoke": {**_FAST, "p": 23, "width": 129, "steps": 100},
    "laptop": {**_SHORT, "p": 59, "width": 513},
    "fast": {**_SHORT, "p": 113, "width": 513},
    "paper": {"p": 113, "width": 513, "steps": _STEPS},
}
_LONG = {"smoke": 200, "laptop": _FAST["steps"], "paper": TEMPO * _FAST["steps"]}
_WHOLE = {scale: _SIZE[scale] | {"steps": steps} for scale, steps in _LONG.items()}
"""A whole training."""

_START = {scale: _SIZE[scale] | {"steps": 0} for scale in ("smoke", "laptop", "paper")}

_RECORD = {"record_extraction": True}
_SMALL = {"op+noise+width": (("add", 0.3, 129), ("mul", 0.3, 129)), "seed": (71,)}
_POINTS = (
    *(("add", noise, 513) for noise in (0.3, 0.4, 0.5, 0.6, 0.8, 1.0)),
    *((op, noise, 513) for op, noise in (("mul", 0.3), ("mul", 0.5), ("sub", 0.3))),
)
_WIDE = tuple((op, noise, M) for noise, M in ((0.5, 1025), (0.3, 513)) for op in ("add", "mul"))
"""Noise 0.5 takes twice the neurons."""

EXTRACTION = (
    sweep(
        "extract-noise",
        "Extraction without a prior against label noise",
        "ours: chapter 12",
        {"op+noise+width": _POINTS, "seed": NEW_SEEDS},
        _RECORD,
        {"smoke": _SMALL, "fast": {"op+noise+width": _WIDE}, "paper": {"op+noise+width": _WIDE}},
        _SIZE,
    ),
    sweep(
        "extract-longer",
        "Extraction without a prior after a full training",
        "ours: chapter 12",
        {"noise": (0.3, 0.8), "seed": NEW_SEEDS},
        _RECORD,
        {"smoke": {"noise": (0.3,), "seed": (71,)}},
        _WHOLE,
    ),
    sweep(
        "extract-untrained",
        "Extraction without a prior from nets that never saw a label",
        "ours: control of chapter 12",
        {"seed": NEW_SEEDS},
        {**_RECORD, "noise": 0.5},
        {"smoke": {"seed": (71,)}},
        _START,
    ),
)
