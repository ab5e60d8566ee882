"""Neurons as vectors: what one adds for each input, and what it sends to each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle

from modnoise.pages import style
from modnoise.pages.style import Palette

_VECTORS = (("u[a]", "a"), ("v[b]", "b"), ("w[c]", "c"))  # name, index
_DOTTED = 60  # entries of a vector whose dots still lie apart


def neurons(
    u: Any, v: Any, w: Any, *, labels: Sequence[str], title: str, color: Palette
) -> Figure:
    """The vectors of some neurons, each (n p): a row per neuron, columns u, v and w.

    Limits are symmetric and shared down each column, so that strengths can be compared.
    """
    rows = list(zip(*(style.array(x) for x in (u, v, w)), strict=True))
    return _vectors(rows, labels, ["ink"] * len(rows), title, color)


def neuron_split(
    before: Sequence[Any], g: Sequence[Any], r: Sequence[Any], *, title: str, color: Palette
) -> Figure:
    """One neuron and its parts under FF, each [u, v, w] of vectors (p): before, G and R."""
    rows = [[style.array(x) for x in part] for part in (before, g, r)]
    labels = ["neuron", "= G, one\nfrequency", "+ R, the\nrest"]
    return _vectors(rows, labels, ["ink", "test", "noisy"], title, color)


def _vectors(
    rows: Sequence[Sequence[np.ndarray]],
    labels: Sequence[str],
    roles: Sequence[str],
    title: str,
    color: Palette,
) -> Figure:
    fig, axes = style.panels(
        (7.0, 1.2 * len(rows) + 1.0), len(rows), 3, sharex=True, sharey="col", squeeze=False
    )
    for row, vectors, label, role in zip(axes, rows, labels, roles, strict=True):
        for ax, x in zip(row, vectors, strict=True):
            ax.axhline(0, color=color["muted"], lw=0.8)
            dots = {"marker": ".", "ms": 3, "lw": 1.2} if len(x) <= _DOTTED else {"lw": 0.9}
            ax.plot(np.arange(len(x)), x, color=color[role], **dots)
            ax.margins(x=0.02)
            ax.locator_params(axis="y", nbins=4)
        row[2].annotate(
            label,
            (1, 0.5),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=color[role],
        )
    for j, (name, index) in enumerate(_VECTORS):
        axes[0, j].set_title(name)
        axes[-1, j].set_xlabel(index)
        high = 1.08 * max(float(np.abs(row[j]).max()) for row in rows)
        axes[0, j].set_ylim(-high, high)
    style.set_title(fig, title)
    return fig


def schematic(*, color: Palette) -> Figure:
    """The net as a sum of neurons: u[a] + v[b] through phi, times w, summed over neurons, plus mu.

    The vectors drawn are cosines and stand for no net.
    """
    fig, ax = style.panels((7.0, 2.2))
    ax.set(xlim=(0, 76), ylim=(3, 24), aspect="equal")
    ax.axis("off")
    for y, name, phase in ((17.0, "u$_m$[a]", 0.15), (7.0, "v$_m$[b]", 0.45)):
        _strip(ax, (4.0, y), name, phase, color)
        _arrow(ax, (20.5, y), (26.2, 10 + y / 6), color)
    ax.text(3, 17, "a", ha="right", va="center", fontsize=11)
    ax.text(3, 7, "b", ha="right", va="center", fontsize=11)
    ax.add_patch(Circle((29, 12), 3, fc=color["faint"], ec=color["ink"], lw=1.2))
    ax.text(29, 12, "φ", ha="center", va="center", fontsize=13)
    ax.text(29, 6.5, "neuron m", ha="center", va="center", fontsize=9, color=color["muted"])
    _arrow(ax, (32.2, 12.0), (36.0, 12.0), color)
    _strip(ax, (37.0, 12.0), "w$_m$", 0.6, color)
    _arrow(ax, (53.5, 12.0), (57.0, 12.0), color)
    ax.text(58, 12, "Σ$_m$ + μ = f(a, b)", va="center", fontsize=11)
    return fig


def _strip(ax: Axes, at: tuple[float, float], name: str, phase: float, color: Palette) -> None:
    """A vector as a box with a curve in it, its middle left at ``at``."""
    x, y = at
    ax.add_patch(Rectangle((x, y - 2.5), 16, 5, fc=color["faint"], ec="none"))
    i = np.linspace(0, 1, 200)
    curve = 1.7 * np.cos(2 * np.pi * (2 * i + phase))
    ax.plot(x + 16 * i, y + curve, color=color["ink"], lw=1.4, solid_capstyle="butt")
    ax.text(x + 8, y + 4.3, name, ha="center", va="center", fontsize=11)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], color: Palette) -> None:
    ax.add_patch(
        FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=9, color=color["ink"], lw=1.2)
    )
