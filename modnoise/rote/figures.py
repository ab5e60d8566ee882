"""Reason to Rote: true answers and wrong labels along the training, inside nets, by width."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator

from modnoise.pages import style
from modnoise.pages.style import Palette

_ANSWERS = {  # column, name, colour, line
    "true": ("noisy items: true answer", "recovered", "-"),
    "wrong": ("noisy items: wrong label", "noisy", "-"),
    "test": ("new items", "test", "--"),
}


def two_phases(
    panels: Mapping[str, pd.DataFrame], *, height: float = 2.5, title: str, color: Palette
) -> Figure:
    """True answers and wrong labels on noisy items, and new items, against the step.

    A panel by name is a frame of `modnoise.rote.outcomes`; step 0 is not drawn.
    """
    fig, axes = style.panels((7.0, height), 1, len(panels), sharey=True, squeeze=False)
    for ax, (name, rows) in zip(axes[0], panels.items(), strict=True):
        rows = rows[rows.step > 0]
        for column, (_, role, line) in _ANSWERS.items():
            ax.plot(rows.step, rows[column], color=color[role], ls=line)
        ax.set_title(name)
        style.step_axis(ax)
        style.accuracy_axis(ax)
    axes[0, 0].set_ylabel("share of items")
    handles = {name: Line2D([], [], color=color[role], ls=line)
               for name, role, line in _ANSWERS.values()}  # fmt: skip
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def along_layers(panels: Mapping[str, pd.DataFrame], *, title: str, color: Palette) -> Figure:
    """What is read of memorized items behind each half of a block, by a probe and by the lens.

    A row of panels by name is a frame of `modnoise.rote.sites`. 0 is the embedding, l - 1/2 the
    stream behind the attention of block l, l behind the block.
    """
    size = (7.0, 1.3 + 1.7 * len(panels))
    fig, axes = style.panels(size, len(panels), 2, sharey=True, sharex=True, squeeze=False)
    for (left, right), (name, rows) in zip(axes, panels.items(), strict=True):
        for ax, way in ((left, "probe"), (right, "lens")):
            some = rows[rows.way == way]
            ax.plot(some.layer, some.true, color=color["recovered"], marker="o")
            ax.plot(some.layer, some.wrong, color=color["noisy"], marker="s")
            style.accuracy_axis(ax)
        control = rows[rows.way == "shuffled"]
        left.plot(control.layer, control.true, color=color["muted"], ls=":")
        left.set_title(f"{name}: a linear probe")
        right.set_title(f"{name}: its own output (lens)")
        left.set_ylabel("memorized items")
        left.xaxis.set_major_locator(FixedLocator(sorted(rows.layer.unique())))
    for ax in axes[-1]:
        ax.set_xlabel("behind layer")
    handles = {
        "true answer (bridge)": Line2D([], [], color=color["recovered"], marker="o"),
        "wrong label": Line2D([], [], color=color["noisy"], marker="s"),
        "probe of shuffled labels": Line2D([], [], color=color["muted"], ls=":"),
    }
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def by_rank(panels: Mapping[str, pd.DataFrame], *, title: str, color: Palette) -> Figure:
    """Wrong labels recalled, and clean items right, by the number of directions taken out.

    A panel by name is a frame of `modnoise.rote.removed`.
    """
    fig, axes = style.panels(style.FULL, 1, len(panels), sharey=True, squeeze=False)
    lines = {
        "wrong labels, true answer out": ("without", "noisy", "-"),
        "wrong labels, random out": ("random", "noisy", ":"),
        "clean items, true answer out": ("clean", "clean", "-"),
        "clean items, random out": ("clean_random", "clean", ":"),
    }
    for ax, (name, rows) in zip(axes[0], panels.items(), strict=True):
        for column, role, line in lines.values():
            ax.plot(rows["rank"], rows[column], color=color[role], ls=line, marker="o")
        ax.set_title(name)
        ax.set_xlabel("directions taken out")
        ax.xaxis.set_major_locator(FixedLocator(list(rows["rank"])))
        style.accuracy_axis(ax)
    axes[0, 0].set_ylabel("share of items")
    handles = {name: Line2D([], [], color=color[role], ls=line, marker="o")
               for name, (_, role, line) in lines.items()}  # fmt: skip
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def _bars(ax: Axes, rows: pd.DataFrame, roles: Mapping[str, str], color: Palette) -> None:
    """Medians over seeds as bars, one group per name, seeds as points."""
    names = list(dict.fromkeys(rows.name))
    series = [x for x in roles if (rows.series == x).any()]
    for name_at, name in enumerate(names):
        here = [x for x in series if ((rows.name == name) & (rows.series == x)).any()]
        width = 0.8 / len(here)
        for i, one in enumerate(here):
            values = rows.value[(rows.name == name) & (rows.series == one)]
            x = name_at + (i - (len(here) - 1) / 2) * width
            ax.bar(x, values.median(), 0.9 * width, color=color[roles[one]])
            ax.plot([x] * len(values), values, ls="none", marker="o", ms=3, color=color["ink"])
    ax.set_xticks(range(len(names)), [name.replace(" ", "\n") for name in names])
    style.accuracy_axis(ax)


def shares(
    rows: pd.DataFrame, roles: Mapping[str, str], *, ylabel: str, title: str, color: Palette
) -> Figure:
    """Shares as bars: medians over seeds, which are points.

    ``rows`` has ``name`` (a group of bars), ``series``, ``value``; ``roles``: the colour's role by
    series, in their order.
    """
    fig, ax = style.panels(style.FULL)
    _bars(ax, rows, roles, color)
    ax.set_ylabel(ylabel)
    if len(roles) > 1:
        handles = {name: Patch(color=color[role]) for name, role in roles.items()
                   if (rows.series == name).any()}  # fmt: skip
        style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def outliers(
    z: pd.DataFrame, patched: pd.DataFrame, roles: Mapping[str, str], *, title: str, color: Palette
) -> Figure:
    """Mean |z| of neurons by layer, on memorized and on clean items; answers after a patch.

    ``z`` has ``layer``, ``outlier_noisy``, ``outlier_clean``; ``patched`` as in `shares`.
    """
    fig, (left, right) = style.panels(style.FULL, 1, 2, width_ratios=(1, 1.6))
    middle = z.groupby("layer")[["outlier_noisy", "outlier_clean"]].median()
    for column, role, mark, name in (
        ("outlier_noisy", "noisy", "s", "memorized"), ("outlier_clean", "clean", "o", "clean"),
    ):  # fmt: skip
        left.plot(middle.index, middle[column], color=color[role], marker=mark)
        style.label_end(left, middle.index, middle[column], name, color[role])
    left.set(xlabel="layer", ylabel="mean |z| of neurons", ylim=(0, None))
    left.xaxis.set_major_locator(FixedLocator(list(middle.index)))
    _bars(right, patched, roles, color)
    right.set_ylabel("share of items")
    handles = {name: Patch(color=color[role]) for name, role in roles.items()}
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def by_width(panels: Mapping[int, pd.DataFrame], *, title: str, color: Palette) -> Figure:
    """Wrong labels recalled, and new items, against the step, a colour per width.

    A frame of `modnoise.rote.outcomes` by width.
    """
    fig, axes = style.panels(style.FULL, 1, 2, sharey=True)
    shades = style.ordered_colors(len(panels), "viridis", color)
    for ax, column, name in zip(
        axes, ("wrong", "test"), ("wrong labels recalled", "new items right"), strict=True
    ):
        for (width, rows), shade in zip(sorted(panels.items()), shades, strict=True):
            rows = rows[rows.step > 0]
            ax.plot(rows.step, rows[column], color=shade)
            style.label_end(ax, rows.step, rows[column], f"d = {width}", color["ink"])
        ax.set_title(name)
        style.step_axis(ax)
        style.accuracy_axis(ax)
    axes[0].set_ylabel("share of items")
    style.set_title(fig, title)
    return fig
