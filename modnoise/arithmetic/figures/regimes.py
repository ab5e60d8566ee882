"""The regime of every net, over width, weight decay and noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from modnoise.arithmetic.figures.lines import (
    legend,
)
from modnoise.pages import style
from modnoise.pages.style import Palette

_REGIMES = {  # fill, share of it over the page
    "coexistence": ("clean", 0.45),
    "memorization": ("noisy", 0.45),
    "partial inversion": ("test", 0.2),
    "full inversion": ("test", 0.45),
    "confusion": ("faint", 0.6),
    "diverged": ("page", 1.0),
}


def regime_map(final: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Every net's regime in Doshi's words, width x weight decay, one band per noise ratio.

    ``final``: rows of `outcomes`, one seed. Numbers are test accuracies in percent; the thick
    line goes between nets that fit their wrong labels and nets that do not (our rule).
    """
    levels = sorted(final.noise[final.noise > 0].unique())
    widths = sorted(int(x) for x in final.width.unique())
    decays = sorted(final.weight_decay.unique())
    fig, axes = style.panels(
        (7.0, 0.3 * len(levels) * (len(decays) + 1) + 1.2), len(levels), 1, sharex=True,
        squeeze=False,
    )  # fmt: skip
    seen = set()
    for ax, noise in zip(axes[:, 0], levels, strict=True):
        rows = final[final.noise == noise].set_index(["weight_decay", "width"])
        fits = np.full((len(decays), len(widths)), np.nan)
        for i, decay in enumerate(decays):
            for j, width in enumerate(widths):
                if (decay, width) in rows.index:
                    net = rows.loc[(decay, width)]
                    fits[i, j] = net.interpolates
                    seen.add(net.regime)
                    _cell(ax, i, j, net, color)
        _borders(ax, fits, color)
        ax.set(xlim=(-0.5, len(widths) - 0.5), ylim=(-0.5, len(decays) - 0.5))
        ax.set_yticks(range(len(decays)), [f"{decay:g}" for decay in decays])
        ax.set_xticks(range(len(widths)), [str(width) for width in widths])
        ax.set_ylabel(f"noise {100 * noise:.0f} %\ndecay")
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    axes[-1, 0].set_xlabel("width M")
    handles: dict[str, Any] = {
        name: Patch(color=_fill(name, color)) for name in _REGIMES if name in seen
    }
    handles["right of it: wrong labels fit"] = Line2D([], [], color=color["ink"], lw=2.4)
    legend(fig, handles, color, below=True)
    style.set_title(fig, title)
    return fig


def _fill(regime: str, color: Palette) -> tuple[float, float, float]:
    role, share = _REGIMES[regime]
    over, page = (np.array(to_rgb(color[x])) for x in (role, "page"))
    r, g, b = share * over + (1 - share) * page
    return r, g, b


def _cell(ax: Axes, i: int, j: int, net: pd.Series, color: Palette) -> None:
    ax.add_patch(Rectangle((j - 0.49, i - 0.47), 0.98, 0.94, color=_fill(net.regime, color), lw=0))
    text = "–" if np.isnan(net.accuracy_test) else f"{100 * net.accuracy_test:.0f}"
    ax.text(j, i, text, ha="center", va="center", fontsize=9, color=color["ink"])


def _borders(ax: Axes, fits: np.ndarray, color: Palette) -> None:
    """Thick lines between neighbours of which one fits its wrong labels and one does not."""
    line: dict[str, Any] = {"color": color["ink"], "lw": 2.4, "solid_capstyle": "butt"}
    for i, j in np.argwhere(np.abs(np.diff(fits, axis=1)) == 1):
        ax.plot([j + 0.5, j + 0.5], [i - 0.5, i + 0.5], **line)
    for i, j in np.argwhere(np.abs(np.diff(fits, axis=0)) == 1):
        ax.plot([j - 0.5, j + 0.5], [i + 0.5, i + 0.5], **line)
