"""Accuracies against training step, label noise and width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator, PercentFormatter

from modnoise.arithmetic.figures.parts import LOOKS, name_of
from modnoise.pages import style
from modnoise.pages.style import Palette

_ROLES = {  # of the training curves: name, line
    "clean": ("clean", {"ls": ":"}),
    "noisy": ("noisy, given label", {"ls": "--"}),
    "recovered": ("noisy, true label", {"ls": "-."}),
    "test": ("test", {"ls": "-"}),
}
_FOLLOWED = {part: LOOKS[part].name for part in ("full", "G", "G_quadratic", "G_random")}
_PANELS = {"test": "test pairs", "noisy": "noisy pairs, judged by their given wrong label"}


def _median_line(
    ax: Axes, frame: pd.DataFrame, x: str, y: str, each: str, **line: Any
) -> pd.Series:
    """The median over ``each`` (runs, seeds) thick; where there are several, each one thin."""
    if frame[each].nunique() > 1:
        thin = {key: value for key, value in line.items() if "marker" not in key}
        for _, one in frame.sort_values(x, kind="stable").groupby(each):
            ax.plot(one[x], one[y], **{**thin, "lw": 0.6, "alpha": 0.5})
    middle = frame.groupby(x)[y].median()
    ax.plot(middle.index, middle, **line)
    return middle


def training_curves(history: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Accuracy by role against step, from the rows of one part of a history.

    ``history`` has ``run``, ``step`` and ``accuracy_<role>``; a role without pairs (all NaN) is
    left out. The steps are on a logarithmic axis, so step 0 is not drawn.
    """
    fig, ax = style.panels(style.FULL)
    drawn = history[history.step >= 1]
    for role, (name, line) in _ROLES.items():
        if drawn[f"accuracy_{role}"].notna().any():
            middle = _median_line(
                ax, drawn, "step", f"accuracy_{role}", "run", color=color[role], **line
            )
            style.label_end(ax, middle.index, middle, name, color[role])
    style.chance_line(ax, chance, float(drawn.step.max()), color)
    style.accuracy_axis(ax)
    style.step_axis(ax)
    ax.set_ylabel("accuracy")
    style.set_title(fig, title)
    return fig


def progress_measure(
    history: pd.DataFrame,
    *,
    chance: float,
    title: str,
    color: Palette,
    names: Mapping[str, str] | None = None,
    size: tuple[float, float] = style.FULL,
) -> Figure:
    """Test accuracy of the parts against step, and how much of the noise the full net knows.

    ``history`` has ``run``, ``step``, ``part``, ``accuracy_test`` and ``accuracy_noisy``;
    ``names`` says which parts are drawn, and what each is called at the end of its line; default:
    net, filtered net and random frequency.
    """
    fig, ax = style.panels(size)
    drawn = history[history.step >= 1]
    for part, name in (names or _FOLLOWED).items():
        look, rows = LOOKS[part], drawn[drawn.part == part]
        middle = _median_line(
            ax, rows, "step", "accuracy_test", "run", **look.line(color), markevery=0.08
        )
        style.label_end(ax, middle.index, middle, name, color[look.role])
    full = drawn[drawn.part == "full"]
    if full.accuracy_noisy.notna().any():
        middle = _median_line(
            ax, full, "step", "accuracy_noisy", "run", color=color["noisy"], ls="--"
        )
        style.label_end(ax, middle.index, middle, "full network,\nnoisy pairs", color["noisy"])
    style.chance_line(ax, chance, float(drawn.step.max()), color)
    style.accuracy_axis(ax)
    style.step_axis(ax)
    ax.set_ylabel("accuracy on test pairs")
    style.set_title(fig, title)
    return fig


def filtration_against(
    final: pd.DataFrame, *, x: str, chance: float, title: str, color: Palette
) -> Figure:
    """Test and noisy accuracy of the parts against label noise or width, one panel each.

    ``final`` has ``part``, ``seed``, ``accuracy_test``, ``accuracy_noisy`` and the column ``x``.

    Raises:
        ValueError: ``x`` is neither "noise" nor "width".
    """
    if x not in ("noise", "width"):
        raise ValueError(f"x = {x!r} is not allowed: noise or width")
    fig, axes = style.panels(style.TALL, 2, sharex=True)
    handles: dict[str, Any] = {}
    for ax, (role, heading) in zip(axes, _PANELS.items(), strict=True):
        for part, look in LOOKS.items():
            rows = final[(final.part == part) & final[f"accuracy_{role}"].notna()]
            if len(rows):
                line = look.line(color) | ({"ls": "--"} if role == "noisy" else {})
                _median_line(ax, rows, x, f"accuracy_{role}", "seed", **line)
                handles.setdefault(look.name, ax.lines[-1])
        chance_line = ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        ax.set_title(heading)
        ax.set_ylabel("accuracy")
    if x == "width":
        style.width_axis(axes[1], [int(width) for width in final.width.unique()])
    else:
        axes[1].set_xlabel("label noise α")
        axes[1].xaxis.set_major_locator(MultipleLocator(0.2))
        axes[1].xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    if final.seed.nunique() > 1:
        handles["one seed; thick:\ntheir median"] = Line2D([], [], color=color["muted"], lw=0.6)
    style.name_handles(fig, handles | {style.chance_name(chance): chance_line})
    style.set_title(fig, title)
    return fig


def width_steps(
    frame: pd.DataFrame,
    *,
    parts: Sequence[str],
    chance: float,
    title: str,
    color: Palette,
) -> Figure:
    """Test accuracy against step, one line per width, one panel per part.

    ``frame`` has ``part``, ``width``, ``seed``, ``step`` and ``accuracy_test``.
    """
    fig, axes = style.panels(style.FULL, 1, len(parts), sharey=True, squeeze=False)
    widths = sorted(frame.width.unique())
    colors = style.ordered_colors(len(widths), "viridis", color)
    drawn = frame[frame.step >= 1]
    for ax, part in zip(axes[0], parts, strict=True):
        for width, one in zip(widths, colors, strict=True):
            rows = drawn[(drawn.part == part) & (drawn.width == width)]
            _median_line(ax, rows, "step", "accuracy_test", "seed", color=one)
        end = float(drawn.step.max()) if ax is axes[0, -1] else np.nan
        style.chance_line(ax, chance, end, color)
        style.accuracy_axis(ax)
        style.step_axis(ax)
        ax.set_title(name_of(part))
    axes[0, 0].set_ylabel("test accuracy")
    strip = mpl.cm.ScalarMappable(
        BoundaryNorm([i - 0.5 for i in range(len(widths) + 1)], len(widths)),
        style.ordered_map(len(widths), "viridis", color),
    )
    bar = fig.colorbar(strip, ax=axes, ticks=range(len(widths)), label="width M", aspect=14)
    bar.ax.set_yticklabels([str(width) for width in widths])
    bar.ax.tick_params(which="both", length=0)
    bar.outline.set_visible(False)
    style.set_title(fig, title)
    return fig
