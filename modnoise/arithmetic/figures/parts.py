"""How the parts of a net look and what they are called, the same in every figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from modnoise.pages.style import Palette


@dataclass(frozen=True)
class Look:
    """Name, palette role, marker, dash and width of one part's test accuracy."""

    name: str
    role: str
    marker: str
    filled: bool = True
    dash: str = "-"
    width: float = 1.8

    def line(self, color: Palette) -> dict[str, Any]:
        """Keywords of `Axes.plot`."""
        return {
            "color": color[self.role],
            "marker": self.marker,
            "markerfacecolor": color[self.role] if self.filled else "none",
            "markersize": 4 if self.filled else 7,
            "ls": self.dash,
            "lw": self.width,
            "zorder": 2 + 1 / self.width,  # thin lines on top, so that none hides another
        }


LOOKS = {
    "full": Look("full network", "ink", ".", width=1.0),
    "G": Look("FF, f$^G$", "test", "o"),
    "G_quadratic": Look("FF, φ = x², μ = 0", "test", "s", filled=False, width=1.4),
    "G_random": Look("random frequency,\nφ = x², μ = 0", "recovered", "^", dash="-."),
    "R": Look("residual f$^R$", "noisy", "v", width=2.6),
}
"""FF and what it is compared with, in the order of the legend."""

SWAPS = {
    "full": "full network",
    "quadratic": "φ → x²",
    "quadratic_mu0": "φ → x², μ = 0",
    "reverse_relu": "φ → max(0, −x)",
}
"""Activation replaced without FF, in the order of the panels."""


def name_of(part: str) -> str:
    """What a reader calls a part; an unknown name stays as it is."""
    if part in LOOKS:
        return LOOKS[part].name.replace("\n", " ")
    return SWAPS.get(part, part)
