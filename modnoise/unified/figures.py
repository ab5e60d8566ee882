"""Figures of the unified view: where which dynamics is, curves, dips, capacity, mixtures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    MaxNLocator,
    NullLocator,
    PercentFormatter,
)

from modnoise.pages import style
from modnoise.pages.style import Palette
from modnoise.unified.cells import averages
from modnoise.unified.zones import MOST

_ZONES = {  # colour, mark: told apart by both
    "progression": ("clean", "^"),
    "ungrokking": ("noisy", "s"),
    "semi-grokking": ("recovered", "D"),
    "grokking": ("test", "o"),
    "at once": ("ink", "v"),
    "neither": ("muted", "x"),
}
_SERIES = ("ink", "test", "noisy", "clean", "recovered")


def _sizes(ax: Axes, sizes: Sequence[int]) -> None:
    """Model sizes, logarithmic, a tick at each."""
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_locator(FixedLocator(sorted(sizes)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))
    ax.set_xlabel("model size d")


def _zone_handles(zones: Sequence[str], color: Palette) -> dict[str, Line2D]:
    return {
        zone: Line2D([], [], ls="none", marker=mark, ms=6, color=color[role])
        for zone, (role, mark) in _ZONES.items()
        if zone in zones
    }


def zone_map(
    rows: pd.DataFrame,
    *,
    capacity: pd.Series,
    critical: pd.Series,
    height: float = 3.2,
    title: str,
    color: Palette,
) -> Figure:
    """The dynamics of every run over model size and training pairs, a mark per seed side by side.

    ``rows`` as `cells` gives them; ``capacity``: labels that a size can hold, by size;
    ``critical``: fewest pairs with which it finds the rule. Capacities above the panel leave it.
    """
    fig, ax = style.panels((7.0, height))
    seeds = sorted(rows.seed.unique())
    for zone, (role, mark) in _ZONES.items():
        some = rows[rows.zone == zone]
        place = np.array([seeds.index(seed) for seed in some.seed], float)
        shift = 1.07 ** (place - (len(seeds) - 1) / 2)
        ax.scatter(
            some.d_model * shift, some.n_train, s=26, marker=mark, color=color[role], lw=1.2,
            zorder=3,
        )  # fmt: skip
    pairs = sorted(rows.n_train.unique())
    step = max(pairs[-1] - pairs[0], 1)
    ax.set_ylim(pairs[0] - 0.18 * step, pairs[-1] + 0.12 * step)
    for line, ls in ((capacity, "--"), (critical.dropna(), ":")):
        ax.plot(line.index, line.to_numpy(float), color=color["ink"], lw=1.3, ls=ls)
    _sizes(ax, [int(d) for d in rows.d_model.unique()])
    ax.yaxis.set_major_locator(FixedLocator(pairs))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
    ax.set_ylabel("training pairs")
    handles = _zone_handles([*rows.zone.unique()], color)
    handles["labels it can hold"] = Line2D([], [], color=color["ink"], lw=1.3, ls="--")
    handles["fewest for the rule"] = Line2D([], [], color=color["ink"], lw=1.3, ls=":")
    style.name_handles(fig, handles)
    style.set_title(fig, title)
    return fig


def one_each(
    curves: Mapping[str, pd.DataFrame], *, height: float = 2.6, title: str, color: Palette
) -> Figure:
    """Training and held-out accuracy of single runs, a panel per run by its name.

    Held out with the mirror held out too (``accuracy_fresh``) is drawn thin.
    """
    fig, axes = style.panels((7.0, height), 1, len(curves), sharey=True, squeeze=False)
    names = {
        "accuracy_clean": ("training pairs", "clean", "-", 1.6),
        "accuracy_test": ("held out", "test", "-", 1.8),
        "accuracy_fresh": ("mirror held out, too", "recovered", "--", 1.2),
    }
    for ax, (name, curve) in zip(axes[0], curves.items(), strict=True):
        some = curve[curve.step > 0]
        for column, (_, role, ls, lw) in names.items():
            ax.plot(some.step, some[column], color=color[role], ls=ls, lw=lw)
        style.step_axis(ax)
        ax.xaxis.set_major_locator(FixedLocator([10, 1000]))
        style.accuracy_axis(ax)
        ax.set_title(name)
    axes[0, 0].set_ylabel("accuracy")
    handles = {
        text: Line2D([], [], color=color[role], ls=ls, lw=lw)
        for text, role, ls, lw in names.values()
    }
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def _means(
    ax: Axes, rows: pd.DataFrame, by: str, value: str, colour: Any, ls: str = "-"
) -> pd.DataFrame:
    """Mean over seeds with its 95 % interval."""
    mean = averages(rows, value, [by])
    error = np.where(mean["count"] > 1, mean.error.fillna(0.0), 0.0)
    ax.errorbar(
        mean[by], mean["mean"], error, color=colour, ls=ls, marker="o", ms=3.5, lw=1.6,
        elinewidth=0.9, capsize=2,
    )  # fmt: skip
    return mean


def against_pairs(
    rows: pd.DataFrame, *, value: str = "test", title: str, color: Palette
) -> Figure:
    """Held-out accuracy at the end against training pairs, a line per model size."""
    fig, ax = style.panels(style.FULL)
    sizes, handles = sorted(rows.d_model.unique()), {}
    for d, colour in zip(sizes, style.ordered_colors(len(sizes), "viridis", color), strict=True):
        _means(ax, rows[rows.d_model == d], "n_train", value, colour)
        handles[f"d = {d}"] = Line2D([], [], color=colour, marker="o", ms=3.5)
    style.name_handles(fig, handles)
    ax.axhline(0.9, color=color["muted"], lw=0.8, ls="--", zorder=0)
    ax.xaxis.set_major_locator(FixedLocator(sorted(rows.n_train.unique())))
    ax.set(xlabel="training pairs", ylabel="held-out accuracy")
    style.accuracy_axis(ax)
    style.set_title(fig, title)
    return fig


def against_size(
    budgets: Mapping[int, pd.DataFrame],
    *,
    value: str = "accuracy_test",
    height: float = 3.2,
    title: str,
    color: Palette,
) -> Figure:
    """Held-out accuracy against model size, a panel per number of steps, a line per data size.

    ``budgets``: rows with ``d_model``, ``n_train``, ``seed`` and the ``value`` by steps.
    """
    fig, axes = style.panels((7.0, height), 1, len(budgets), sharey=True, squeeze=False)
    every = sorted(pd.concat(budgets.values()).n_train.unique())
    colours = style.ordered_colors(len(every), "plasma", color)
    for ax, (steps, rows) in zip(axes[0], budgets.items(), strict=True):
        for n, colour in zip(every, colours, strict=True):
            _means(ax, rows[rows.n_train == n], "d_model", value, colour)
        _sizes(ax, [int(d) for d in rows.d_model.unique()])
        ax.tick_params(axis="x", labelsize=8)
        ax.set_title(f"{steps:,} steps")
        style.accuracy_axis(ax)
    axes[0, 0].set_ylabel("held-out accuracy")
    handles = {
        f"{n:,} pairs": Line2D([], [], color=colour, marker="o", ms=3.5)
        for n, colour in zip(every, colours, strict=True)
    }
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def by_kind(
    kinds: Mapping[str, pd.DataFrame], *, value: str = "test", title: str, color: Palette
) -> Figure:
    """Held-out accuracy against model size, mean and 95 % interval over seeds, a line per name."""
    fig, ax = style.panels(style.FULL)
    handles, sizes = {}, set()
    for (name, rows), role, ls in zip(
        kinds.items(), _SERIES, ("-", "-", "--", ":", "-."), strict=False
    ):
        _means(ax, rows, "d_model", value, color[role], ls)
        handles[name] = Line2D([], [], color=color[role], ls=ls, marker="o", ms=3.5)
        sizes |= {int(d) for d in rows.d_model.unique()}
    _sizes(ax, sorted(sizes))
    style.accuracy_axis(ax)
    ax.set_ylabel("held-out accuracy" if value in ("test", "accuracy_fresh") else "accuracy")
    style.name_handles(fig, handles)
    style.set_title(fig, title)
    return fig


def every_net(
    kinds: Mapping[str, pd.DataFrame], *, height: float = 2.9, title: str, color: Palette
) -> Figure:
    """Nets against model size, a dot per seed: right on held-out pairs without a mirror.

    A panel per name; above each size the number of nets that find the rule (90 %) and of all.
    """
    fig, axes = style.panels((7.0, height), 1, len(kinds), sharey=True, squeeze=False)
    for ax, (name, rows) in zip(axes[0], kinds.items(), strict=True):
        seeds = sorted(rows.seed.unique())
        place = np.array([seeds.index(seed) for seed in rows.seed], float)
        shift = 1.05 ** (place - (len(seeds) - 1) / 2)
        ax.scatter(rows.d_model * shift, rows.accuracy_fresh, s=14, color=color["test"], lw=0)
        for d, some in rows.groupby("d_model"):
            found = int((some.accuracy_fresh >= MOST).sum())
            ax.annotate(
                f"{found}/{len(some)}", (d, 1.0), xytext=(0, 6), textcoords="offset points",
                ha="center", fontsize=8, color=color["ink"], annotation_clip=False,
            )  # fmt: skip
        ax.axhline(MOST, color=color["muted"], lw=0.8, ls="--", zorder=0)
        _sizes(ax, [int(d) for d in rows.d_model.unique()])
        ax.tick_params(axis="x", labelsize=8)
        style.accuracy_axis(ax)
        ax.set_title(name, pad=16)
    axes[0, 0].set_ylabel("held-out accuracy")
    style.set_title(fig, title)
    return fig


def capacity(rows: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Labels without a rule that a size holds, against size and against weights.

    ``rows`` with ``d_model``, ``weights`` (their number), ``held`` (pairs); the line is all pairs.
    """
    fig, (left, right) = style.panels(style.FULL, 1, 2, sharey=True)
    for ax, by in ((left, "d_model"), (right, "weights")):
        _means(ax, rows, by, "held", color["noisy"])
        ax.axhline(float(rows.n_train.max()), color=color["muted"], lw=0.8, zorder=0)
    _sizes(left, [int(d) for d in rows.d_model.unique()])
    right.set_xlabel("weights")
    right.xaxis.set_major_locator(MaxNLocator(4))
    right.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    left.set_ylabel("labels held")
    left.set_ylim(0, 1.06 * float(rows.n_train.max()))
    style.set_title(fig, title)
    return fig


def every_seed(curves: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Training and held-out accuracy of one cell, a line per seed."""
    fig, axes = style.panels(style.FULL, 1, 2, sharey=True)
    columns = {"accuracy_clean": "training pairs", "accuracy_test": "held out"}
    for ax, (column, name) in zip(axes, columns.items(), strict=True):
        for (seed, curve), role in zip(curves.groupby("seed"), _SERIES, strict=False):
            some = curve[curve.step > 0].sort_values("step", kind="stable")
            ax.plot(some.step, some[column], color=color[role], lw=1.4)
            if ax is axes[-1]:
                style.label_end(ax, some.step, some[column], f"seed {seed}", color[role])
        style.step_axis(ax)
        style.accuracy_axis(ax)
        ax.set_title(name)
    axes[0].set_ylabel("accuracy")
    style.set_title(fig, title)
    return fig


def norms(cells: Mapping[str, pd.DataFrame], *, title: str, color: Palette) -> Figure:
    """The norm of all weights over training, a panel per cell and a line per seed.

    Marked is where 10 % (hollow) and 90 % (full) of the held-out pairs are right.
    """
    fig, axes = style.panels(style.FULL, 1, len(cells), squeeze=False)
    for ax, (name, curves) in zip(axes[0], cells.items(), strict=True):
        for (_, curve), role in zip(curves.groupby("seed"), _SERIES, strict=False):
            some = curve[curve.step > 0].sort_values("step", kind="stable")
            ax.plot(some.step, some.norm, color=color[role], lw=1.4)
            for level, face in ((0.1, color["page"]), (0.9, color[role])):
                reached = some[some.accuracy_test >= level]
                if len(reached):
                    at = reached.iloc[0]
                    ax.plot(at.step, at.norm, "o", ms=6, mfc=face, mec=color[role])
        style.step_axis(ax)
        ax.set_title(name)
    axes[0, 0].set_ylabel("norm of all weights")
    style.set_title(fig, title)
    return fig


def mirrored(rows: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Per run, held-out pairs whose mirror is trained on against those with neither.

    ``rows`` with ``zone``, ``mirrored`` and ``accuracy_fresh``.
    """
    fig, ax = style.panels(style.FULL)
    ax.plot([0, 1], [0, 1], color=color["muted"], lw=0.8, zorder=0)
    for zone, (role, mark) in _ZONES.items():
        some = rows[rows.zone == zone]
        ax.scatter(
            some.mirrored, some.accuracy_fresh, s=26, marker=mark, color=color[role], lw=1.2
        )
    style.accuracy_axis(ax)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    ax.set(xlabel="(b, a) was trained on", ylabel="neither was")
    style.name_handles(fig, _zone_handles([*rows.zone.unique()], color))
    style.set_title(fig, title)
    return fig


def gathered(rows: pd.DataFrame, *, even: float, title: str, color: Palette) -> Figure:
    """Energy of the five largest frequencies against held-out accuracy, a mark per run.

    ``even``: what five frequencies have if all have the same, the line.
    """
    fig, axes = style.panels(style.FULL, 1, 2, sharey=True)
    names = {"fourier_embedding": "embedding", "fourier_unembedding": "unembedding"}
    for ax, (column, name) in zip(axes, names.items(), strict=True):
        for zone, (role, mark) in _ZONES.items():
            some = rows[rows.zone == zone]
            ax.scatter(some.test, some[column], s=26, marker=mark, color=color[role], lw=1.2)
        ax.axhline(even, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        ax.set(xlabel="held-out accuracy", title=name)
    axes[0].set_ylabel("energy in five frequencies")
    style.name_handles(fig, _zone_handles([*rows.zone.unique()], color), below=True)
    style.set_title(fig, title)
    return fig
