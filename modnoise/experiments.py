"""Every figure's set of runs, declared once, at three scales. Only data: no torch is imported.

``smoke``: seconds, small p, few steps: the code path, not the science. ``laptop``: the paper's
task and optimizer (p = 113, AdamW, lr 1e-3, decay 0.1) for 1,000 steps, minutes a net on one CPU
core. ``paper``: the paper's widths and its 200,000 steps, for a GPU. A scale changes numbers,
never code paths. Grids that no source gives are ours and say so.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modnoise.spec import Run, SpecError

SCALES = ("smoke", "laptop", "paper")
WIDTHS = tuple(2**k + 1 for k in range(4, 13))  # paper: 17 ... 4097
NOISES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)  # ours; 0.3 and 0.8 are in the paper
CONTROLS = (0.9, 1.0)  # ours: above the paper's range; at 1.0 no rule is left in the labels
DECAYS = (0.01, 0.1, 0.3, 1.0)  # ours: the paper's grid is unknown but holds 0.1
SEEDS = (42, 43, 44)  # 42: paper; the others: ours

_LENGTH: dict[str, dict[str, Any]] = {
    "smoke": {"p": 23, "width": 257, "steps": 300},
    "laptop": {"p": 113, "width": 1025, "steps": 1_000},
    "paper": {"p": 113, "width": 2049, "steps": 200_000},
}


@dataclass(frozen=True)
class Sweep:
    """A named set of runs: the product of ``over``, on top of the scale's size and ``base``.

    ``at`` overrides ``over`` at single scales.
    """

    name: str
    title: str
    paper: str
    over: Mapping[str, tuple]
    base: Mapping[str, Any] = field(default_factory=dict)
    at: Mapping[str, Mapping[str, tuple]] = field(default_factory=dict)

    def runs(self, scale: str) -> list[Run]:
        """The runs at one scale, in the order of the product.

        Raises:
            SpecError: a scale other than smoke, laptop, paper.
        """
        if scale not in SCALES:
            raise SpecError(
                f"scale = {scale!r} is not allowed: it must be one of {', '.join(SCALES)}"
            )
        over = {**self.over, **self.at.get(scale, {})}
        return [
            Run(**{**_LENGTH[scale], **self.base, **dict(zip(over, values, strict=True))})
            for values in itertools.product(*over.values())
        ]


def base_run(scale: str, **changes: Any) -> Run:
    """One run of the FF pages at a scale: its size and length, the paper's data and optimizer."""
    if scale not in SCALES:
        raise SpecError(f"scale = {scale!r} is not allowed: it must be one of {', '.join(SCALES)}")
    return Run(**{**_LENGTH[scale], "record_parts": True, **changes})


_PARTS = {"record_parts": True}
_FF_NOISES = (0.3, 0.5, 0.8)  # 0.8: paper; ours: 0.3, 0.5

_SWEEPS = (
    Sweep(
        "fig5-noise",
        "Frequency filtration against label noise",
        "Fig. 5, section 4.1",
        {"noise": NOISES + CONTROLS, "seed": SEEDS},
        _PARTS,
        {"smoke": {"noise": (0.0, 0.3, 0.5, 0.8, 1.0), "seed": (42,)}},
    ),
    Sweep(
        "fig5-width",
        "Frequency filtration against width",
        "Fig. 5, section 4.1; Result 4.1 needs wide nets",
        {"noise": _FF_NOISES, "width": WIDTHS},
        _PARTS,
        {
            "smoke": {"width": (33, 129, 513)},
            "laptop": {"width": WIDTHS[3:]},  # 129 ... 4097
        },
    ),
    Sweep(
        "fig5-widest",
        "Frequency filtration at the paper's largest width",
        "Fig. 5, section 4.1",
        {"noise": _FF_NOISES, "seed": SEEDS},
        {**_PARTS, "width": WIDTHS[-1]},
        {"smoke": {"noise": (0.8,), "seed": (42,)}},
    ),
    Sweep(
        "fig23-subtraction",
        "Frequency filtration for subtraction",
        "Fig. 23, appendix D",
        {"noise": _FF_NOISES, "seed": SEEDS},
        {**_PARTS, "op": "sub"},
        {"smoke": {"seed": (42,)}},
    ),
    Sweep(
        "fig24-quadratic",
        "Frequency filtration for quadratic nets",
        "Fig. 24, appendix D",
        {"noise": _FF_NOISES, "seed": SEEDS},
        {**_PARTS, "act": "quadratic"},
        {"smoke": {"seed": (42,)}},
    ),
    Sweep(
        "fig2",
        "Test error and cross-entropy against width, weight decay and noise",
        "Figs. 1(a) and 2, section 3.1",
        {"width": WIDTHS, "weight_decay": DECAYS, "noise": (0.0, 0.1, 0.3, 0.5, 0.8)},
        {},
        {
            "smoke": {"width": (17, 129), "weight_decay": (0.1, 1.0), "noise": (0.0, 0.3)},
            "laptop": {"width": WIDTHS[:7], "weight_decay": (0.1, 1.0), "noise": (0.1, 0.3, 0.5)},
        },
    ),
    Sweep(
        "fig3",
        "Noisy labels first: the first 200 steps",
        "Fig. 3, section 3.2; appendix C.3",
        {"width": (129, 513, 2049), "noise": (0.1, 0.3, 0.5, 0.8)},
        {"steps": 200, "record_gradients": True},
        {"smoke": {"width": (129,), "noise": (0.1, 0.5)}},
    ),
)

EXPERIMENTS: dict[str, Sweep] = {sweep.name: sweep for sweep in _SWEEPS}
"""All declared experiments by name."""
