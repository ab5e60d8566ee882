"""Test error and cross-entropy against width: ladders of nets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.figures.lines import by_width, legend, noise_names, widths_axis
from modnoise.arithmetic.operations import OPERATIONS
from modnoise.pages import style
from modnoise.pages.style import Palette

_COLUMNS = {  # of `descent`: what a column is called
    "weight_decay": "decay {:g}",
    "act": "{}",
    "op": "{}",
    "train_frac": "training share {:g}",
}


def one_ladder(
    final: pd.DataFrame, *, threshold: float, chance: float, title: str, color: Palette
) -> Figure:
    """Test error against width at one noise ratio and decay, the two regimes marked.

    ``final``: rows of `outcomes`. ``threshold``: M*, from where the wrong labels are fit; NaN if
    no width fits them. The dashed line is the accuracy on the given wrong labels.
    """
    fig, ax = style.panels(style.FULL)
    widths = sorted(int(x) for x in final.width.unique())
    style.accuracy_axis(ax)
    widths_axis(ax, widths, 1, largest=False)
    error = 1 - by_width(final, "accuracy_test")
    fit = by_width(final, "accuracy_noisy")
    if np.isfinite(threshold):
        ax.axvline(threshold, color=color["muted"], lw=0.8)
        for text, side, shift in (("wrong labels not fit", "right", -6), ("fit", "left", 6)):
            ax.annotate(
                text, (threshold, 1), xycoords=("data", "axes fraction"), xytext=(shift, 3),
                textcoords="offset points", ha=side, fontsize=9, color=color["muted"],
            )  # fmt: skip
    ax.plot(fit.index, fit, color=color["noisy"], ls="--", marker="v")
    ax.plot(error.index, error, color=color["test"], marker="o")
    style.label_end(ax, fit.index, fit, "accuracy on\nwrong labels", color["noisy"])
    style.label_end(ax, error.index, error, "test error", color["test"])
    ax.axhline(1 - chance, color=color["muted"], lw=0.8, zorder=0)
    style.label_end(ax, widths[-1:], [1 - chance], "guessing", color["muted"])
    ax.set_ylabel("share of pairs")
    style.set_title(fig, title)
    return fig


def descent(
    final: pd.DataFrame, *, column: str, chance: float, title: str, color: Palette
) -> Figure:
    """Test error and test cross-entropy against width, one line per noise ratio.

    ``final``: rows of `outcomes`; one column of panels per value of the field ``column``. A dot
    is filled where the net fits its wrong labels; without noise there are none and no dots.

    Raises:
        ValueError: a column that has no name here.
    """
    if column not in _COLUMNS:
        allowed = ", ".join(_COLUMNS)
        raise ValueError(f"column = {column!r} is not allowed: it must be one of {allowed}")
    points = list(dict.fromkeys(final[column]))
    beside = len(points) == 1
    fig, axes = style.panels(
        style.FULL if beside else style.GRID,
        *((1, 2) if beside else (2, len(points))),
        sharex=True, sharey=False if beside else "row", squeeze=False,
    )  # fmt: skip
    levels = sorted(final.noise.unique())
    colors = dict(zip(levels, style.ordered_colors(len(levels), "plasma", color), strict=True))
    widths = sorted(int(x) for x in final.width.unique())
    for j, point in enumerate(points):
        rows = final[final[column] == point]
        top, bottom = axes[0] if beside else axes[:, j]
        for noise in levels:
            here = rows[rows.noise == noise]
            fits = here.groupby("width").interpolates.median() > 0.5
            error = 1 - by_width(here, "accuracy_test")
            for ax, y in ((top, error), (bottom, by_width(here, "cross_entropy_test"))):
                _dotted(ax, y, fits if noise > 0 else None, colors[noise], color)
        top.axhline(1 - chance, color=color["muted"], lw=0.8, zorder=0)
        bottom.axhline(-np.log(chance), color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(top)
        _log_axis(bottom)
        if not beside:
            known = ACTIVATIONS.get(point) or OPERATIONS.get(point)
            top.set_title(_COLUMNS[column].format(known.label if known else point))
    for ax in axes.flat:
        widths_axis(ax, widths, axes.shape[1], largest=False)
        if ax not in axes[-1]:
            ax.set_xlabel("")
    first = axes[0] if beside else axes[:, 0]
    first[0].set_ylabel("test error")
    first[1].set_ylabel("test cross-entropy, nats")
    legend(fig, noise_names(colors) | _dot_handles(color), color, below=True)
    style.set_title(fig, title)
    return fig


def seed_ladders(final: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test error against width: a thin line per seed, their median with dots; a panel per noise.

    ``final``: rows of `outcomes`. A dot is filled where most seeds fit their wrong labels.
    """
    levels = sorted(final.noise.unique())
    fig, axes = style.panels(style.FULL, 1, len(levels), sharey=True, squeeze=False)
    widths = sorted(int(x) for x in final.width.unique())
    for ax, noise in zip(axes[0], levels, strict=True):
        rows = final[final.noise == noise]
        for _, one in rows.groupby("seed"):
            error = 1 - by_width(one, "accuracy_test")
            (thin,) = ax.plot(error.index, error, color=color["test"], lw=0.8, alpha=0.6)
        fits = rows.groupby("width").interpolates.median() > 0.5
        _dotted(ax, 1 - by_width(rows, "accuracy_test"), fits, color["test"], color)
        line = ax.axhline(1 - chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        widths_axis(ax, widths, len(levels), largest=False)
        ax.set_title(f"noise {100 * noise:.0f} %")
    axes[0, 0].set_ylabel("test error")
    median = Line2D([], [], color=color["test"], lw=1.4)
    handles = {"a seed": thin, "median": median, **_dot_handles(color), "guessing": line}
    legend(fig, handles, color, below=True)
    style.set_title(fig, title)
    return fig


def _dotted(ax: Axes, y: pd.Series, fits: pd.Series | None, line: Any, color: Palette) -> None:
    """A line with dots, filled where ``fits``; without dots for None."""
    ax.plot(y.index, y, color=line, lw=1.4)
    if fits is not None:
        face = [line if fits[width] else color["page"] for width in y.index]
        ax.scatter(y.index, y, c=face, edgecolors=[line], s=18, linewidths=1.1, zorder=3)


def _dot_handles(color: Palette) -> dict[str, Line2D]:
    dot: dict[str, Any] = {"ls": "none", "marker": "o", "ms": 4.5, "color": color["ink"]}
    hollow = Line2D([], [], **dot, mfc=color["page"])
    return {"wrong labels fit": Line2D([], [], **dot), "not": hollow}


def _log_axis(ax: Axes) -> None:
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
