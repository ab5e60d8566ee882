"""Which frequencies the neurons of a net hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator

from modnoise.pages import style
from modnoise.pages.style import Palette


def spectrum_map(magnitude: Any, k: Any, *, title: str, color: Palette) -> Figure:
    """Size of every Fourier coefficient of every neuron's output vector, sorted by ``k``.

    ``magnitude`` is |w^_{m,k}| (neuron freq) for k = 1 ... p // 2, ``k`` (neuron) the dominant
    frequencies. A net of cosines at those frequencies is a bright staircase.
    """
    size, order = style.array(magnitude), np.argsort(style.array(k), kind="stable")
    fig, ax = style.panels(style.TALL)
    sns.heatmap(
        size[order],
        vmin=0,
        cmap=ListedColormap(style.ordered_colors(256, "viridis", color)),
        cbar_kws={"label": "$|\\hat w_{m,k}|$", "aspect": 30},
        rasterized=True,
        ax=ax,
    )
    frequency_axis(ax, size.shape[1], offset=0.5)
    ax.set_yticks([])
    ax.set_ylabel(f"{len(size):,} neurons, sorted by dominant frequency")
    ax.tick_params(length=0)
    style.set_title(fig, title)
    return fig


def frequency_counts(k: Any, *, p: int, title: str, color: Palette) -> Figure:
    """Number of neurons at each dominant frequency 1 ... p // 2; ``k`` (neuron)."""
    fig, ax = style.panels(style.FULL)
    sns.histplot(
        x=style.array(k),
        bins=np.arange(1, p // 2 + 2) - 0.5,
        color=color["ink"],
        edgecolor="none",
        shrink=0.8,
        alpha=1,
        ax=ax,
    )
    frequency_axis(ax, p // 2)
    ax.set_xlim(0.4, p // 2 + 0.6)
    ax.set_ylabel("neurons")
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    style.set_title(fig, title)
    return fig


def frequency_axis(ax: Axes, highest: int, *, offset: float = 0.0) -> None:
    """Ticks at 1, a few round frequencies and the highest; the cell of k is at k - offset."""
    step = 10 * -(-highest // 70)
    ticks = [1, *range(step, highest - step // 3, step), highest]
    ax.xaxis.set_major_locator(FixedLocator([x - offset for x in ticks]))
    ax.set_xticklabels([str(x) for x in ticks], rotation=0)
    ax.set_xlabel("frequency k")
