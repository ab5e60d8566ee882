"""What tests of a study's figures share: its figures, drawn from the calls that a test lists."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from modnoise.pages.style import themed

Calls = Mapping[str, tuple[tuple[Any, ...], dict[str, Any]]]
"""Arguments and options of every figure, less its title and colours."""


def draw(figures: ModuleType, calls: Calls, name: str, theme: str = "light") -> Figure:
    """A figure in one theme, laid out, with its title where it should be."""
    args, options = calls[name]
    fig = themed(theme, getattr(figures, name), *args, **options, title="It is seen")
    assert fig.get_suptitle() == "It is seen"
    return fig


def public_figures(figures: ModuleType) -> set[str]:
    """Names of the public functions of a module that return a figure."""
    return {
        name
        for name, x in inspect.getmembers(figures, inspect.isfunction)
        if inspect.signature(x).return_annotation in (Figure, "Figure") and name[0] != "_"
    }


def line_of(ax: Axes, y: Sequence[float]) -> bool:
    """Whether one of the lines has these values."""
    return any(len(x.get_ydata()) == len(y) and np.allclose(x.get_ydata(), y) for x in ax.lines)
