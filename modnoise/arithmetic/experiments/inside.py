"""Runs of section 5 and appendices D.3, D.4 and E: what trained nets look like inside."""

from __future__ import annotations

from modnoise.arithmetic.experiments.sizes import ALL, GROK, GROK_NOISES, WIDTHS, sweep
from modnoise.sweep import SEEDS

INSIDE = (
    sweep(
        "fig6",
        "Inside nets that have begun to generalize: phases, frequencies, ranked neurons",
        "Figs. 6, 7 and 26 to 32; sections 5, D.3, D.4 and E",
        {"op": ("add", "sub", "mul"), "noise": (0.0, *GROK_NOISES, 0.5), "seed": SEEDS},
        ALL,
        # 513 neurons for p = 59 are as many per residue as 1025 for p = 113
        {
            "smoke": {"noise": (0.0, 0.3), "seed": (42,)},
            "laptop": {"width": 513},
            "fast": {"noise": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.8)},
        },
        GROK,
    ),
    sweep(
        "fig30",
        "Inside nets against width: phases, frequencies, ranked neurons",
        "Figs. 6 (right), 28 and 30; sections 5.2, D.3 and D.4",
        {"width": WIDTHS, "noise": (0.0, *GROK_NOISES), "seed": SEEDS},
        ALL,
        {
            "smoke": {"width": (17, 129), "noise": (0.0, 0.3), "seed": (42,)},
            "laptop": {"width": WIDTHS[:7]},
            "fast": {"width": WIDTHS[:8], "noise": (0.0, 0.1, 0.3, 0.5, 0.8), "seed": (42,)},
            "paper": {"noise": (0.0, *GROK_NOISES, 0.5, 0.8)},
        },
        GROK,
    ),
)
