"""Curves over steps: medians, axes, names, as several figures draw them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from modnoise.arithmetic.optimizers import OPTIMIZERS

LINES = {"clean": ":", "noisy": "--", "test": "-"}
NAMES = {"clean": "clean pairs", "noisy": "noisy pairs, given label", "test": "test pairs"}
KINDS = {"wrong": "random wrong labels", "bijective": "bijective wrong labels"}


def heading(field: str, value: Any) -> str:
    """How a panel or a line is headed.

    >>> [heading("noise", 0.3), heading("width", 17), heading("batch", float("inf"))]
    ['noise 30 %', 'M = 17', 'full batch']
    """
    if field == "batch":
        return f"batch {value:.0f}" if np.isfinite(value) else "full batch"
    texts: dict[str, Callable[[Any], str]] = {
        "noise": lambda x: f"noise {100 * x:.0f} %",
        "width": lambda x: f"M = {x}",
        "lr": lambda x: f"lr {x:g}",
        "weight_decay": lambda x: f"decay {x:g}",
        "noise_kind": lambda kind: KINDS[kind].split()[0],
        "optimizer": lambda name: OPTIMIZERS[name].label,
    }
    return texts.get(field, str)(value)


def median_curve(
    ax: Axes, rows: pd.DataFrame, x: str, y: str, *, each: bool = True, **line: Any
) -> None:
    """The median over runs thick; where there are several, and ``each``, each one thin."""
    rows = rows.sort_values(x, kind="stable")
    if each and rows.key.nunique() > 1:
        for _, one in rows.groupby("key"):
            ax.plot(one[x], one[y], **{**line, "lw": 0.5, "alpha": 0.5})
    middle = rows.groupby(x)[y].median()
    ax.plot(middle.index, middle, **line)


def step_axis(ax: Axes, x: str, log: bool) -> None:
    """Few ticks, numbers with commas on a logarithmic axis."""
    ax.margins(x=0)
    if log:
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(numticks=4))
        ax.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda t, _: f"{t:,g}"))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(2, integer=True))
