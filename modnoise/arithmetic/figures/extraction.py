"""What is extracted from nets, and from their labels, with the group known or not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from modnoise.arithmetic.figures.lines import parts_against_noise
from modnoise.pages import style
from modnoise.pages.style import Palette

_LINES = {
    # part: name, palette role, dash, marker
    "planes_moment": ("network, learned planes (third moment)", "test", "-", "o"),
    "planes_ica": ("network, learned planes (FastICA)", "recovered", "-.", "^"),
    "labels_moment": ("labels alone, learned planes", "noisy", "--", "s"),
    "planes_known": ("network, known planes of the group", "clean", ":", "D"),
    "full": ("full network", "muted", "-", "v"),
}


def extracted(final: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test accuracy of every extraction against noise: median over seeds as lines, seeds as dots.

    ``final``: rows at the last step with ``part``, ``noise`` and ``accuracy_test``.
    """
    fig, ax = style.panels(style.TALL)
    parts_against_noise(ax, final, _LINES, chance=chance, color=color)
    fig.legend(frameon=False, fontsize=9, loc="outside lower center", ncols=2)
    style.set_title(fig, title)
    return fig


def signal(rows: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """How far the rule's directions stand above chance in the third moment, against noise.

    ``rows``: those of ``planes_moment`` and ``labels_moment`` with ``noise``, ``rule`` and
    ``chance``; drawn is their ratio: above 1, the rule's mean direction beats a permuted tensor.
    """
    fig, ax = style.panels(style.FULL)
    for part in ("planes_moment", "labels_moment"):
        name, role, dash, marker = _LINES[part]
        one = rows[rows.part == part]
        ratio = (one["rule"] / one["chance"]).groupby(one.noise).median()
        ax.plot(
            ratio.index, ratio, dash, color=color[role], marker=marker, markersize=5,
            label=name.partition(",")[0],
        )  # fmt: skip
    ax.axhline(1, color=color["muted"], linewidth=0.8)
    ax.set_xlabel("label noise (share of training labels replaced)")
    ax.set_ylabel("mean of rule / largest by chance")
    ax.legend(frameon=False, fontsize=9)
    style.set_title(fig, title)
    return fig


def plane_orbits(
    planes: Float[np.ndarray, "plane p 2"],
    known: Float[np.ndarray, "known p 2"],
    *,
    names: Mapping[int, int],
    title: str,
    color: Palette,
) -> Figure:
    """Learned planes, a panel each: every residue at its two coordinates.

    ``names``: index of a learned plane -> index of the known one whose order joins the residues:
    by angle, those at its origin left out. A circle that closes is a character of the group.
    """
    fig, axes = style.panels(style.FULL, cols=len(names), squeeze=False)
    for ax, (i, k) in zip(axes[0], names.items(), strict=True):
        x, y = known[k].T
        there = np.flatnonzero(np.hypot(x, y) > 1e-6)
        order = there[np.argsort(np.arctan2(y, x)[there].round(6), kind="stable")]
        closed = np.append(order, order[0])
        ax.plot(*planes[i][closed].T, color=color["muted"], linewidth=0.8)
        ax.plot(*planes[i].T, "o", color=color["test"], markersize=3)
        ax.set_aspect("equal")
        ax.set_axis_off()
        ax.set_title(f"plane {i + 1}, frequency {k + 1}", fontsize=9)
    style.set_title(fig, title)
    return fig
