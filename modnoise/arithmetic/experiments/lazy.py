"""Runs of the control of section 4.1: networks that learn no features (ours).

U and V stay as drawn and only the readout is fitted to the noisy labels, in closed form (``lazy``)
or with the optimizer of the nets it stands beside (``lazy-readout``). The rules were written, and
everything chosen, on seed 42; seeds 101 to 103 are only measured.
"""

from __future__ import annotations

from modnoise.arithmetic.experiments.sizes import ALL, FF_NOISES, sweep
from modnoise.arithmetic.run import TEMPO, at_tempo

NEW_DRAWS = (101, 102, 103)
"""Seeds that nothing was chosen on."""

RIDGE = 1e-6
"""`modnoise.arithmetic.lazy.RIDGE`, here without torch."""

_POINTS = (*(("add", noise) for noise in FF_NOISES), ("sub", 0.3), ("mul", 0.3))

_SOLVED = {"frozen": "UV", "ridge": RIDGE, "steps": 0}
_CLOSED = {
    "smoke": {**_SOLVED, "p": 23, "width": 513},
    "laptop": {**_SOLVED, "p": 59, "width": 2049},
    "fast": {**_SOLVED, "p": 113, "width": 8193},
    "paper": {**_SOLVED, "p": 113, "width": 8193},
}
"""At least as many neurons as training pairs: 264, 1740 and 6384."""

_FAST = at_tempo(TEMPO)
_TRAINED = {
    "smoke": {**_FAST, "p": 23, "steps": 300},
    "laptop": {**_FAST, "p": 59, "steps": 1_500},
    "fast": {**_FAST, "p": 113},
    "paper": {"p": 113},
}
"""At laptop scale the short training of chapter 12, enough to fit every label."""

LAZY = (
    sweep(
        "lazy",
        "Frequency filtration on networks that learned no features: the readout in closed form",
        "control for Result 4.1 (ours)",
        {"op+noise": _POINTS, "seed": NEW_DRAWS},
        ALL,
        {"smoke": {"seed": (101,)}},
        _CLOSED,
    ),
    sweep(
        "lazy-width",
        "The same against width",
        "control for Result 4.1 (ours)",
        {
            "width": tuple(2**k + 1 for k in (11, 12, 13, 14)),
            "noise": FF_NOISES,
            "seed": NEW_DRAWS,
        },
        ALL,
        {
            "smoke": {"width": (513, 1025), "noise": (0.3,), "seed": (101,)},
            "fast": {"width": (8193, 16385, 32769)},
            "paper": {"width": (8193, 16385, 32769)},
        },
        _CLOSED,
    ),
    sweep(
        "lazy-readout",
        "The same with a readout trained by AdamW, beside nets that are trained whole",
        "control for Result 4.1 (ours)",
        {
            "frozen+width": tuple(("UV", width) for width in (1025, 2049, 4097)),
            "noise": FF_NOISES,
            "seed": NEW_DRAWS,
        },
        ALL,
        {
            "smoke": {"frozen+width": (("UV", 513), ("", 257)), "seed": (101,)},
            # four times the neurons for the frozen network, which trains a third of its weights
            "laptop": {"frozen+width": (("UV", 2049), ("", 513))},
        },
        _TRAINED,
    ),
)
