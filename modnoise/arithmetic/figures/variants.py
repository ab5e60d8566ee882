"""Ladders of nets with other activations, and of nets that cannot fit the noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.figures.lines import by_width, legend, noise_names, widths_axis
from modnoise.pages import style
from modnoise.pages.style import Palette

_KIND = {"wrong": "random noise", "any": "random noise", "symmetric": "symmetric noise"}


def activations(final: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test accuracy against width, one line per activation, one panel per noise ratio.

    ``final``: rows of `outcomes` with the field ``act``.
    """
    levels = sorted(final.noise.unique())
    acts = {name: act for name, act in ACTIVATIONS.items() if (final.act == name).any()}
    fig, axes = style.panels(style.FULL, 1, len(levels), sharey=True, squeeze=False)
    widths = sorted(int(x) for x in final.width.unique())
    for ax, noise in zip(axes[0], levels, strict=True):
        for name, act in acts.items():
            marker, dash = act.look
            rows = final[(final.act == name) & (final.noise == noise)]
            y = by_width(rows, "accuracy_test")
            ax.plot(y.index, y, color=color["test"], marker=marker, ls=dash, label=act.label)
        line = ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        widths_axis(ax, widths, len(levels), largest=False)
        ax.set_title(f"noise {100 * noise:.0f} %")
    axes[0, 0].set_ylabel("test accuracy")
    handles = {one.get_label(): one for one in axes[0, 0].lines if one is not line}
    handles = {
        name: one for name, one in handles.items() if name in {act.label for act in acts.values()}
    }
    legend(fig, handles | {style.chance_name(chance): line}, color, below=True)
    style.set_title(fig, title)
    return fig


def variants(
    of: Mapping[str, pd.DataFrame], *, chance: float, title: str, color: Palette
) -> Figure:
    """Test error and cross-entropy against width: a row per variant, a line per noise and decay.

    ``of``: rows of `outcomes` by the variant's name. Noise ratios differ by colour, weight decays
    by dashes, the smallest solid.
    """
    every = pd.concat(of.values())
    levels = sorted(every.noise.unique())
    colors = dict(zip(levels, style.ordered_colors(len(levels), "plasma", color), strict=True))
    widths = sorted(int(x) for x in every.width.unique())
    fig, axes = style.panels((7.0, 1.0 * len(of) + 0.8), len(of), 2, sharex=True, squeeze=False)
    dashes: dict[str, Line2D] = {}
    for (name, rows), (left, right) in zip(of.items(), axes, strict=True):
        decays = sorted(rows.weight_decay.unique())
        for (decay, noise), here in rows.groupby(["weight_decay", "noise"]):
            place = decays.index(decay)
            look = {"color": colors[noise], "ls": [*_DASHES][place % len(_DASHES)], "lw": 1.1}
            for ax, y in (
                (left, 1 - by_width(here, "accuracy_test")),
                (right, by_width(here, "cross_entropy_test")),
            ):
                ax.plot(y.index, y, **look)
            dashes.setdefault(look["ls"], Line2D([], [], color=color["ink"], ls=look["ls"]))
        left.axhline(1 - chance, color=color["muted"], lw=0.8, zorder=0)
        right.axhline(-np.log(chance), color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(left)
        right.set_yscale("log")
        right.yaxis.set_minor_formatter(NullFormatter())
        left.set_ylabel(name, rotation=0, ha="right", va="center")
        for ax in (left, right):
            widths_axis(ax, widths, 2, largest=False)
    axes[0, 0].set_title("test error")
    axes[0, 1].set_title("test cross-entropy, nats")
    for ax in axes.flat:
        ax.set_xlabel("width M" if ax in axes[-1] else "")
    names = {place: dashes[dash] for dash, place in _DASHES.items() if dash in dashes}
    legend(fig, noise_names(colors) | names, color, below=True)
    style.set_title(fig, title)
    return fig


_DASHES = {"-": "smallest decay", "--": "next", ":": "third", "-.": "fourth"}


def tied_nets(final: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Accuracies of tied nets against width, one panel per kind of noise and weight decay.

    ``final``: rows of `outcomes` with ``ceiling_noisy`` and ``ceiling_train``, the best that a
    function with f(a, b) = f(b, a) can do on the noisy and on all training labels (dotted).
    """
    points = list(dict.fromkeys(zip(final.noise_kind, final.weight_decay, strict=True)))
    fig, axes = style.panels(style.TALL, -(-len(points) // 2), 2, sharey=True, squeeze=False)
    shown: dict[str, tuple[str, dict[str, Any]]] = {
        "test": ("accuracy_test", {"color": color["test"], "marker": "o"}),
        "wrong labels, as given": (
            "accuracy_noisy", {"color": color["noisy"], "ls": "--", "marker": "v"}
        ),
        "all training labels": ("accuracy_train", {"color": color["ink"], "lw": 1.0}),
    }  # fmt: skip
    ceilings = {"accuracy_noisy": "ceiling_noisy", "accuracy_train": "ceiling_train"}
    widths = sorted(int(x) for x in final.width.unique())
    handles: dict[str, Any] = {}
    for ax, (kind, decay) in zip(axes.flat, points, strict=False):
        rows = final[(final.noise_kind == kind) & (final.weight_decay == decay)]
        for name, (column, look) in shown.items():
            y = by_width(rows, column)
            (handles[name],) = ax.plot(y.index, y, **look)
            if column in ceilings:
                ceiling = float(rows[ceilings[column]].median())
                ax.axhline(ceiling, color=look["color"], ls=":", lw=1.2)
        line = ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        widths_axis(ax, widths, 2, largest=False)
        ax.set_title(f"{_KIND[kind]}, decay {decay:g}")
        ax.label_outer()
    for ax in axes.flat[len(points) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel("accuracy")
    handles["ceiling of f(a, b) = f(b, a)"] = Line2D([], [], color=color["muted"], ls=":")
    legend(fig, handles | {style.chance_name(chance): line}, color, below=True)
    style.set_title(fig, title)
    return fig
