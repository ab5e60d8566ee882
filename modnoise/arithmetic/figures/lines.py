"""Lines over widths and noise ratios, as several figures draw them: medians, colours, names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter

from modnoise.pages import style
from modnoise.pages.style import Palette

RANKINGS = {"strength": "Str.", "ipr": "IPR"}
DASHES = ("-", "--", ":")


def noise_axis(ax: Axes, levels: Iterable[float]) -> None:
    """Noise ratios in percent, a tick each."""
    ax.set_xlabel("label noise α in %")
    ax.xaxis.set_major_locator(FixedLocator(sorted(levels)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.0f}"))


def widths_axis(ax: Axes, widths: Sequence[int], panels: int, *, largest: bool = True) -> None:
    """Ticks at all widths, numbers at as many as there is room for beside ``panels`` panels.

    ``largest``: whether the largest width is sure of its number, or the smallest.
    """
    style.width_axis(ax, widths)
    every = -(-len(widths) * panels // 13)
    named = set(sorted(widths, reverse=largest)[::every])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}" if x in named else ""))


def median_line(ax: Axes, rows: pd.DataFrame, x: str, y: str, **line: Any) -> Line2D:
    """The median over seeds thick, each of several seeds thin; a dot where there is one point."""
    rows = rows.dropna(subset=[y]).sort_values(x, kind="stable")
    if rows.seed.nunique() > 1:
        for _, one in rows.groupby("seed"):
            ax.plot(one[x], one[y], color=line["color"], ls=line.get("ls"), lw=0.5, alpha=0.5)
    middle = rows.groupby(x)[y].median()
    if len(middle) == 1:
        line = {"marker": "o", "ms": 3} | line
    return ax.plot(middle.index, middle, **line)[0]


Look = tuple[str, str, str, str]
"""Name, role of the palette, dash and marker of a line."""


def parts_against_noise(
    ax: Axes, frame: pd.DataFrame, looks: Mapping[str, Look], *, chance: float, color: Palette
) -> None:
    """Test accuracy of parts against noise: medians over seeds as lines, seeds as dots; chance.

    ``frame``: rows with ``part``, ``noise`` and ``accuracy_test``; parts it lacks are not drawn.
    """
    for part, (name, role, dash, marker) in looks.items():
        rows = frame[frame.part == part]
        if rows.empty:
            continue
        middle = rows.groupby("noise").accuracy_test.median()
        line: dict[str, Any] = {
            "color": color[role],
            "marker": marker,
            "markersize": 5,
            "label": name,
        }
        ax.plot(middle.index, middle, dash, **line)
        ax.plot(rows.noise, rows.accuracy_test, ".", color=color[role], markersize=3, alpha=0.6)
    ax.axhline(chance, color=color["muted"], linewidth=0.8)
    style.accuracy_axis(ax)
    ax.set_xlabel("label noise (share of training labels replaced)")
    ax.set_ylabel("test accuracy")


def by_width(rows: pd.DataFrame, column: str) -> pd.Series:
    """Medians over seeds of what is recorded, per width."""
    return rows.groupby("width")[column].median().dropna()


def noise_colors(levels: Iterable[float], color: Palette) -> dict[float, Any]:
    """A colour per noise ratio, ascending."""
    levels = sorted(levels)
    return dict(zip(levels, style.ordered_colors(len(levels), "plasma", color), strict=True))


def noise_names(colors: Mapping[float, Any]) -> dict[str, Line2D]:
    """What the lines of `noise_colors` are called in a legend."""
    names = [f"{100 * noise:.0f} %" for noise in colors]
    names[0] = f"noise {names[0]}"
    lines = (Line2D([], [], color=one) for one in colors.values())
    return dict(zip(names, lines, strict=True))


def legend(
    fig: Figure, handles: Mapping[str, Line2D | Patch], color: Palette, *, below: bool = False
) -> None:
    """`style.name_handles`, in the colour of text: light lines are hard to read as letters."""
    style.name_handles(fig, handles, below=below)
    for text in fig.legends[0].get_texts():
        text.set_color(color["ink"])


def line_look(role: str, marker: str, filled: bool, dash: str, color: Palette) -> dict[str, Any]:
    """Keywords of `Axes.plot` for a line in the colour of a role; no marker for an empty one."""
    line: dict[str, Any] = {"color": color[role], "ls": dash, "lw": 1.2 if role == "ink" else 1.6}
    if marker:
        line |= {"marker": marker, "ms": 5, "mfc": color[role] if filled else "none"}
    return line
