"""Transformers: FF of the unembedding against step and number of frequencies, and the region."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator

from modnoise.pages import style
from modnoise.pages.style import Palette

_ROLES = {  # name, line
    "clean": ("clean", ":"),
    "noisy": ("noisy,\ngiven label", "--"),
    "test": ("test", "-"),
}
_ALONG = {  # part and role: name, colour, line
    ("full", "test"): ("full network, test", "ink", "-"),
    ("full", "noisy"): ("full network, noisy", "ink", "--"),
    ("top", "test"): ("after FF, test", "test", "-"),
    ("top", "noisy"): ("after FF, noisy", "noisy", "--"),
}
_CHOICES = {"top": "largest energy first", "random": "in random order"}


def filtered_along(history: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test and noisy accuracy against step, of one full net and after FF of its unembedding.

    ``history`` has ``step``, ``part`` (full, top) and ``accuracy_<role>``, one row for each.
    """
    fig, ax = style.panels(style.FULL)
    drawn = history[history.step >= 1]
    for (part, role), (name, colour, ls) in _ALONG.items():
        rows = drawn[drawn.part == part].sort_values("step", kind="stable")
        ax.plot(rows.step, rows[f"accuracy_{role}"], color=color[colour], ls=ls)
        style.label_end(ax, rows.step, rows[f"accuracy_{role}"], name, color[colour])
    style.chance_line(ax, chance, float(drawn.step.max()), color)
    style.accuracy_axis(ax)
    style.step_axis(ax)
    ax.set_ylabel("accuracy")
    style.set_title(fig, title)
    return fig


def unembedding_energy(energy: Any, *, marked: int, title: str, color: Palette) -> Figure:
    """Share of the unembedding's energy at each frequency, the ``marked`` largest in colour.

    ``energy``: of one net, for k = 1, 2, ...; the line is at equal shares.
    """
    share = style.array(energy) / style.array(energy).sum()
    kept = np.zeros(len(share), bool)
    kept[np.argsort(-share, kind="stable")[:marked]] = True
    fig, ax = style.panels(style.FULL)
    k = np.arange(1, len(share) + 1)
    handles: dict[str, Line2D | Patch] = {}
    names = {True: (f"kept:\nthe top {marked}", "test"), False: ("removed", "noisy")}
    for chosen, (name, role) in names.items():
        ax.bar(k[kept == chosen], share[kept == chosen], 0.75, color=color[role])
        handles[name] = Patch(color=color[role])
    handles["equal shares"] = ax.axhline(1 / len(share), color=color["muted"], lw=0.8)
    ax.margins(x=0.01)
    ax.set(xlabel="frequency k", ylabel="share of the energy")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.3g} %"))
    style.name_handles(fig, handles)
    style.set_title(fig, title)
    return fig


def against_kept(
    final: pd.DataFrame, *, marked: int, chance: float, title: str, color: Palette
) -> Figure:
    """Accuracies against the number of frequencies kept: the top ones, and random ones.

    ``final`` has ``part`` (full, top, random), ``kept``, ``seed``, ``draw`` and
    ``accuracy_<role>``. Thin: one seed (the median of its draws); thick: the median over all.
    """
    fig, axes = style.panels(style.FULL, 1, 2, sharey=True)
    handles = {}
    before = final[final.part == "full"].accuracy_test.median()
    for ax, (part, heading) in zip(axes, _CHOICES.items(), strict=True):
        rows = final[final.part == part]
        for role, (name, ls) in _ROLES.items():
            y, line = f"accuracy_{role}", {"color": color[role], "ls": ls}
            for _, one in rows.groupby("seed"):
                thin = one.groupby("kept")[y].median()
                ax.plot(thin.index, thin, **line, lw=0.6, alpha=0.5)
            middle = rows.groupby("kept")[y].median()
            handles[name] = ax.plot(middle.index, middle, **line)[0]
        handles["test before FF"] = ax.axhline(before, color=color["ink"], lw=0.9, zorder=0)
        ax.axvline(marked, color=color["muted"], lw=0.8, zorder=0)
        low = ax.axhline(chance, color=color["muted"], lw=0.8, zorder=0)
        style.accuracy_axis(ax)
        ax.set_title(heading)
        ax.set_xlabel("frequencies kept")
        ax.set_xlim(0, float(rows.kept.max()))
        ax.xaxis.set_major_locator(FixedLocator([1, marked, int(rows.kept.max())]))
    axes[0].set_ylabel("accuracy")
    if final.seed.nunique() > 1:
        thin_line = Line2D([], [], color=color["muted"], lw=0.6)
        handles["one seed; thick:\nthe median"] = thin_line
    style.name_handles(fig, handles | {style.chance_name(chance): low})
    style.set_title(fig, title)
    return fig


def before_region(
    curves: pd.DataFrame,
    *,
    fit: float,
    partial: tuple[float, float],
    title: str,
    color: Palette,
) -> Figure:
    """Test accuracy against step by weight decay, a panel per noise; filled marks: after FF.

    ``curves`` has ``noise``, ``weight_decay``, ``step``, ``steps``, ``part`` (full, top) and
    ``accuracy_<role>``, one run per setting. Full lines: clean and noisy accuracy at least
    ``fit``; dotted: less. The band is ``partial``.
    """
    noises, decays = (sorted(curves[x].unique()) for x in ("noise", "weight_decay"))
    fig, axes = style.panels(style.FULL, 1, len(noises), sharey=True, squeeze=False)
    colors = style.ordered_colors(len(decays), "viridis", color)
    handles: dict[str, Line2D | Patch] = {}
    drawn = curves[curves.step >= 1]
    for ax, noise in zip(axes[0], noises, strict=True):
        ax.axhspan(*partial, color=color["faint"], zorder=0, lw=0)
        for decay, one in zip(decays, colors, strict=True):
            rows = drawn[np.isclose(drawn.noise, noise) & (drawn.weight_decay == decay)]
            if rows.empty:
                continue
            full = rows[rows.part == "full"].sort_values("step", kind="stable")
            known = full[["accuracy_clean", "accuracy_noisy"]].min(axis=1) >= fit
            ax.plot(full.step, full.accuracy_test, color=one, ls=":", lw=1.2)
            line = ax.plot(full.step, full.accuracy_test.where(known), color=one)[0]
            handles[f"decay {decay:g}"] = line
            end = rows[(rows.part == "top") & (rows.step == rows.steps)]
            ax.plot(
                end.step, end.accuracy_test, color=one, ls="none", marker="D", ms=6,
                clip_on=False, zorder=5,
            )  # fmt: skip
        style.accuracy_axis(ax)
        style.step_axis(ax)
        ax.xaxis.set_major_locator(LogLocator())
        ax.set_xlim(10, float(drawn.step.max()))
        ax.set_title(f"{100 * noise:g} % wrong labels")
    axes[0, 0].set_ylabel("test accuracy")
    handles["some label\nnot yet fit"] = Line2D([], [], color=color["muted"], ls=":", lw=1.2)
    handles["after FF"] = Line2D([], [], color=color["muted"], ls="none", marker="D", ms=6)
    handles["as in the paper\nbefore FF"] = Patch(color=color["faint"])
    style.name_handles(fig, handles)
    style.set_title(fig, title)
    return fig
