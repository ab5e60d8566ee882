"""Which labels come first: accuracies of clean and noisy pairs against step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from modnoise.arithmetic.figures.lines import legend, noise_colors, noise_names
from modnoise.arithmetic.figures.steps import LINES, NAMES, heading, median_curve, step_axis
from modnoise.pages import style
from modnoise.pages.style import Palette

_NULL = "label-blind"


def rise_grid(
    frame: pd.DataFrame,
    *,
    cols: str,
    rows: str | None = None,
    roles: Sequence[str] = ("clean", "noisy"),
    x: str = "step",
    log: bool = False,
    null: bool = False,
    top: float = 1.0,
    title: str,
    color: Palette,
) -> Figure:
    """Accuracies against step, a panel for each value of the fields ``cols`` and ``rows``.

    ``frame`` has ``key`` (of the run), ``x`` and ``accuracy_<role>``; with several runs in a panel
    each is thin, their median thick; more than eight panels have medians alone, as they are too
    small to tell, and too many to store, lines that thin. ``log`` leaves ``x`` = 0 out. ``null``
    adds the label-blind noisy accuracy, a column of that name. Axes are shared and end at ``top``.
    """
    across, down = sorted(frame[cols].unique()), sorted(frame[rows].unique()) if rows else [None]
    fig, axes = style.panels(
        (7.0, 1.2 + (1.15 if rows else 1.7) * len(down)), len(down), len(across),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    shown, each = frame[frame[x] > 0] if log else frame, axes.size <= 8
    for line, below in zip(axes, down, strict=True):
        for ax, beside in zip(line, across, strict=True):
            here = shown[
                (shown[cols] == beside) & (True if below is None else shown[rows] == below)
            ]
            for role in roles:
                line_of_role = {"color": color[role], "ls": LINES[role]}
                median_curve(ax, here, x, f"accuracy_{role}", each=each, **line_of_role)
            if null:
                median_curve(ax, here, x, "label_blind", each=each, color=color["muted"], lw=1.0)
            if ax in axes[0]:
                ax.set_title(heading(cols, beside), fontsize=9.5)
    style.accuracy_axis(axes[0, 0])
    axes[0, 0].set_ylim(-0.03 * top, 1.03 * top)
    if top < 0.5:
        axes[0, 0].yaxis.set_major_locator(MaxNLocator(3))
    step_axis(axes[0, 0], x, log)
    for ax, below in zip(axes[:, 0], down, strict=True):
        ax.set_ylabel(heading(rows, below) if rows else "accuracy", fontsize=9.5)
    for ax in axes[-1]:
        ax.set_xlabel(x)
    handles = {NAMES[r]: Line2D([], [], color=color[r], ls=LINES[r]) for r in roles}
    if null:
        handles[_NULL] = Line2D([], [], color=color["muted"], lw=1.0)
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def noise_then_rule(
    start: pd.DataFrame, whole: pd.DataFrame, *, title: str, color: Palette
) -> Figure:
    """The first steps of one net (left), a whole training to where the rule is known (right).

    Both frames have ``key``, ``step``, ``noise``, ``width``, ``accuracy_clean`` and
    ``accuracy_noisy``, the first also ``label_blind``, the second ``accuracy_test``; without rows
    of a second there is one panel.
    """
    fig, axes = style.panels((7.0, 2.4), 1, 1 + bool(len(whole)), sharey=True, squeeze=False)
    roles = ("clean", "noisy", "test")
    for ax, frame, shown in zip(axes[0], (start, whole[whole.step > 0]), (2, 3), strict=False):
        for role in roles[:shown]:
            line: dict[str, Any] = {"color": color[role], "ls": LINES[role]}
            median_curve(ax, frame, "step", f"accuracy_{role}", **line)
        step_axis(ax, "step", ax is not axes[0, 0])
        ax.set_title(f"{heading('width', frame.width.iloc[0])}, "
                     f"{heading('noise', frame.noise.iloc[0])}", fontsize=9.5)  # fmt: skip
        ax.set_xlabel("step")
    median_curve(axes[0, 0], start, "step", "label_blind", color=color["muted"], lw=1.0)
    style.accuracy_axis(axes[0, 0])
    axes[0, 0].set_ylabel("accuracy")
    drawn = roles[: 2 + bool(len(whole))]
    handles = {NAMES[r]: Line2D([], [], color=color[r], ls=LINES[r]) for r in drawn}
    handles[_NULL] = Line2D([], [], color=color["muted"], lw=1.0)
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def rise_by_noise(
    frame: pd.DataFrame, *, cols: str, rows: str, title: str, color: Palette
) -> Figure:
    """As `rise_grid`, with a colour per noise ratio in each panel; medians over runs.

    ``frame`` has ``key``, ``step``, ``noise``, ``accuracy_clean``, ``accuracy_noisy`` and the
    fields ``cols`` and ``rows``.
    """
    across, down = sorted(frame[cols].unique()), sorted(frame[rows].unique())
    fig, axes = style.panels(
        (7.0, 1.2 + 1.25 * len(down)), len(down), len(across),
        sharex=True, sharey=True, squeeze=False,
    )  # fmt: skip
    colors = noise_colors(frame.noise.unique(), color)
    for (below, beside, noise), here in frame.groupby([rows, cols, "noise"]):
        ax = axes[down.index(below), across.index(beside)]
        for role in ("clean", "noisy"):
            median_curve(
                ax, here, "step", f"accuracy_{role}", each=False,
                color=colors[noise], ls=LINES[role], lw=1.4,
            )  # fmt: skip
    for ax, beside in zip(axes[0], across, strict=True):
        ax.set_title(heading(cols, beside), fontsize=9.5)
    for ax, below in zip(axes[:, 0], down, strict=True):
        ax.set_ylabel(heading(rows, below), fontsize=9.5)
    for ax in axes[-1]:
        ax.set_xlabel("step")
    style.accuracy_axis(axes[0, 0])
    step_axis(axes[0, 0], "step", False)
    handles = noise_names(colors)
    handles |= {NAMES[r]: Line2D([], [], color=color["ink"], ls=LINES[r], lw=1.4)
                for r in ("clean", "noisy")}  # fmt: skip
    legend(fig, handles, color, below=True)
    style.set_title(fig, title)
    return fig


def speed_and_gap(
    by_width: pd.DataFrame, by_noise: pd.DataFrame, *, title: str, color: Palette
) -> Figure:
    """Noisy accuracy against step, a line per width; noisy less clean accuracy, one per noise.

    Both frames have ``key``, ``step``, ``accuracy_clean``, ``accuracy_noisy``; the first has one
    noise ratio, the second one width. Medians over runs.
    """
    fig, (left, right) = style.panels(style.FULL, 1, 2)
    parts = [
        (left, by_width, "width", "viridis", by_width.accuracy_noisy),
        (right, by_noise, "noise", "plasma", by_noise.accuracy_noisy - by_noise.accuracy_clean),
    ]
    for ax, frame, field, palette, height in parts:
        values = sorted(frame[field].unique())
        other = "noise" if field == "width" else "width"
        for value, one in zip(
            values, style.ordered_colors(len(values), palette, color), strict=True
        ):
            middle = height[frame[field] == value].groupby(frame.step).median()
            ax.plot(middle.index, middle, color=one, label=heading(field, value))
        ax.set_title("noisy accuracy, " * (field == "width") + "noisy minus clean, "
                     * (field == "noise") + heading(other, frame[other].iloc[0]))  # fmt: skip
        step_axis(ax, "step", False)
        ax.set_xlabel("step")
    style.accuracy_axis(left)
    right.axhline(0, color=color["muted"], lw=0.8, zorder=0)
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    right.set_ylabel("points")
    right.set_ylim(top=1.3 * right.dataLim.y1)  # room for the names
    for ax, columns in ((left, 1), (right, 2)):
        ax.legend(frameon=False, fontsize=8.5, loc="upper left", ncols=columns, handlelength=1.2,
                  labelspacing=0.25, columnspacing=1.0)  # fmt: skip
    left.set_ylabel("accuracy")
    style.set_title(fig, title)
    return fig
