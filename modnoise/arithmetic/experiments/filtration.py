"""Runs of section 4.1: frequency filtration and what it is held against."""

from __future__ import annotations

from modnoise.arithmetic.experiments.sizes import (
    ALL,
    CONTROLS,
    FF_NOISES,
    NOISES,
    PARTS,
    WIDTHS,
    sweep,
)
from modnoise.sweep import SEEDS

FILTRATION = (
    sweep(
        "fig5-noise",
        "Frequency filtration against label noise",
        "Fig. 5, section 4.1",
        {"noise": NOISES + CONTROLS, "seed": SEEDS},
        PARTS,
        {
            "smoke": {"noise": (0.0, 0.3, 0.5, 0.8, 1.0), "seed": (42,)},
            "fast": {**ALL, "noise": (0.0, 0.1, 0.3, 0.5, 0.8, 1.0)},
        },
    ),
    sweep(
        "fig5-width",
        "Frequency filtration against width",
        "Fig. 5, section 4.1; Result 4.1 needs wide nets",
        {"noise": FF_NOISES, "width": WIDTHS},
        PARTS,
        {
            "smoke": {"width": (33, 129, 513)},
            "laptop": {"width": WIDTHS[3:]},  # 129 ... 4097
            "fast": {**ALL, "noise": (0.0, 0.1, *FF_NOISES)},  # 0, 0.1: of R3.1
            "paper": {"noise": (0.0, 0.1, *FF_NOISES)},
        },
    ),
    sweep(
        "fig5-widest",
        "Frequency filtration at the paper's largest width",
        "Fig. 5, section 4.1",
        {"noise": FF_NOISES, "seed": SEEDS},
        {**PARTS, "width": WIDTHS[-1]},
        {"smoke": {"noise": (0.8,), "seed": (42,)}, "fast": {**ALL, "width": 2049}},
    ),
    sweep(
        "fig23-subtraction",
        "Frequency filtration for subtraction",
        "Fig. 23, appendix D",
        {"noise": FF_NOISES, "seed": SEEDS},
        {**PARTS, "op": "sub"},
        {"smoke": {"seed": (42,)}, "fast": ALL},
    ),
    sweep(
        "fig24-quadratic",
        "Frequency filtration for quadratic nets",
        "Fig. 24, appendix D",
        {"noise": FF_NOISES, "seed": SEEDS},
        {**PARTS, "act": "quadratic"},
        {"smoke": {"seed": (42,)}, "fast": ALL},
    ),
    sweep(
        "fig5-controls",
        "What the filter finds by itself: controls against label noise",
        "controls for Result 4.1 (ours)",
        {"noise": (0.0, 0.3, 0.5, 0.8, 0.95), "seed": SEEDS},
        ALL,
        {
            "smoke": {"noise": (0.0, 0.5), "seed": (42,)},
            "fast": {"noise": (0.0, 0.3, 0.5, 0.8, 1.0)},
        },
    ),
    sweep(
        "fig5-untrained",
        "The filter on nets that never saw a label",
        "controls for Result 4.1 (ours)",
        {"seed": SEEDS},
        {**ALL, "noise": 0.8, "steps": 0},
        {"smoke": {"seed": (42,)}},
    ),
    sweep(
        "fig5-bf16",
        "The same verdicts with products in bfloat16?",
        "ours: proof that the option does no harm",
        {"noise": FF_NOISES, "seed": SEEDS},
        {**PARTS, "matmul": "bf16"},
        {"smoke": {"noise": (0.3,), "seed": (42,)}},
    ),
)
