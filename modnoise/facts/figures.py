"""Rules and facts: the two errors against penalty, angle, width and data, and the asymptotics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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

_ERRORS = {  # name, colour, mark
    "e_gen": ("rule: wrong on\nnew inputs", "test", "o"),
    "e_mem": ("facts: not stored", "noisy", "s"),
}
_LOSSES = {  # name, colour, line
    "square": ("square loss", "test", "-"),
    "hinge": ("hinge loss", "clean", "--"),
    "bayes": ("Bayes-optimal", "ink", ":"),
}


def _error_axis(ax: Axes, top: float = 0.52) -> None:
    ax.set_ylim(-0.015, top)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))


def _log_axis(ax: Axes, name: str, ticks: Sequence[float | int]) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator([*ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: _short(x)))
    ax.set_xlabel(name)


def _short(x: float | np.number) -> str:
    return f"{x:g}" if x >= 1e-3 else f"$10^{{{round(np.log10(x))}}}$"


def _points(ax: Axes, x: pd.Series, rows: pd.DataFrame, name: str, colour: str, mark: str) -> None:
    """Means with two standard errors."""
    ax.errorbar(
        x, rows[name], 2 * rows[f"{name}_error"], ls="none", marker=mark, ms=4, color=colour,
        elinewidth=0.9, capsize=2,
    )  # fmt: skip


def _both(ax: Axes, by: str, line: pd.DataFrame, rows: pd.DataFrame, color: Palette) -> None:
    """Both errors against a column: asymptotics as lines, runs as points."""
    for name, (_, role, mark) in _ERRORS.items():
        ax.plot(line[by], line[name], color=color[role], lw=1.5)
        if len(rows):
            _points(ax, rows[by], rows, name, color[role], mark)
    ax.axhline(0.5, color=color["muted"], lw=0.8, zorder=0)


def _name_errors(fig: Figure, color: Palette, *, points: bool = True) -> None:
    mark = {name: x if points else "" for name, (_, _, x) in _ERRORS.items()}
    handles = {
        text: Line2D([], [], color=color[role], marker=mark[name], ms=4)
        for name, (text, role, _) in _ERRORS.items()
    }
    handles["guessing"] = Line2D([], [], color=color["muted"], lw=0.8)
    style.name_handles(fig, handles)


def along_penalty(
    panels: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    *,
    height: float = 2.5,
    title: str,
    color: Palette,
) -> Figure:
    """Both errors against the penalty, a panel per learner by its name.

    A panel is (line, rows): ``lam``, ``e_gen``, ``e_mem`` of the asymptotics; the same with
    ``e_gen_error``, ``e_mem_error`` of runs, or no rows. Bars are two standard errors.
    """
    fig, axes = style.panels((7.0, height), 1, len(panels), sharey=True, squeeze=False)
    for ax, (name, (line, rows)) in zip(axes[0], panels.items(), strict=True):
        _both(ax, "lam", line, rows, color)
        ax.set_title(name)
        _log_axis(ax, "penalty λ", (1e-6, 1e-4, 1e-2, 1, 100))
        _error_axis(ax)
    axes[0, 0].set_ylabel("error")
    _name_errors(fig, color, points=any(len(rows) for _, rows in panels.values()))
    style.set_title(fig, title)
    return fig


def free_map(table: pd.DataFrame, *, best: float, title: str, color: Palette) -> Figure:
    """E_gen over penalty and angle; a line where it is least, a hatch where facts are lost.

    ``table`` has ``lam`` and ``angle`` (radians) on a grid, ``e_gen``, ``e_mem``; ``best`` is the
    (lam + mu_star^2) / mu_1^2 of the best ridge. Facts are lost where E_mem is above 1 %.
    """
    fig, ax = style.panels((7.0, 3.4))
    wide = table.pivot(index="angle", columns="lam", values=["e_gen", "e_mem"])
    degrees, lam = np.degrees(wide.index), wide["e_gen"].columns.to_numpy(float)
    shades = style.ordered_map(64, "viridis", color)
    mesh = ax.pcolormesh(
        lam, degrees, wide["e_gen"], cmap=shades, shading="gouraud", rasterized=True
    )
    lost, page = {"levels": [0.01, 1]}, color["page"]
    ax.contourf(lam, degrees, wide["e_mem"], **lost, colors="none", hatches=["//"]).set(
        edgecolor=page, linewidth=0
    )
    ax.contour(lam, degrees, wide["e_mem"], **lost, colors=[page], linewidths=1, linestyles="--")
    along = np.geomspace(lam[0], min(best, lam[-1]), 200)  # sin^2 of the angle of the best error:
    square = np.maximum((best - along) / (1 + best), 0)
    ax.plot(along, np.degrees(np.arcsin(np.sqrt(square))), color=page, lw=2.4)
    start = float(np.degrees(np.arcsin(np.sqrt(square[0]))))
    box = {"color": color["ink"], "fontsize": 9}
    box["bbox"] = {"facecolor": page, "edgecolor": "none", "pad": 2}
    ax.text(lam[1], start + 4, "the best error on the rule", va="bottom", **box)
    ax.text(0.99, 0.04, "facts lost", ha="right", transform=ax.transAxes, **box)
    _log_axis(ax, "penalty λ", (1e-4, 1e-2, 1, 100))
    ax.set(ylabel="angle of the kernel (degrees)", xlim=(lam[0], lam[-1]))
    ax.set_ylim(degrees[0], degrees[-1])
    bar = fig.colorbar(mesh, ax=ax)
    bar.set_label("error on the rule")
    bar.ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=" %"))
    bar.outline.set_visible(False)
    style.set_title(fig, title)
    return fig


def against_angle(
    line: pd.DataFrame,
    rows: pd.DataFrame,
    known: Mapping[str, float],
    *,
    title: str,
    color: Palette,
) -> Figure:
    """E_gen of the interpolating kernel against its angle in degrees.

    ``line`` has ``angle`` (radians) and ``e_gen`` of the asymptotics, ``rows`` also
    ``e_gen_error`` of the runs; ``known``: angles of activations' kernels by name.
    """
    fig, ax = style.panels(style.FULL)
    ax.plot(np.degrees(line.angle), line.e_gen, color=color["test"])
    _points(ax, np.degrees(rows.angle), rows, "e_gen", color["test"], "o")
    low, high = float(line.e_gen.min()), float(max(line.e_gen.max(), rows.e_gen.max()))
    for name, angle in known.items():
        ax.axvline(np.degrees(angle), color=color["muted"], lw=0.8, ls=":", zorder=0)
        ax.annotate(
            name, (np.degrees(angle), high), rotation=90, ha="right", va="top", fontsize=9,
            color=color["ink"],
        )  # fmt: skip
    ax.set(xlabel="angle of the kernel (degrees)", ylabel="error on the rule")
    ax.set_ylim(low - 0.1 * (high - low), high + 0.05 * (high - low))
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol=" %"))
    style.set_title(fig, title)
    return fig


def against_width(
    line: pd.DataFrame, rows: pd.DataFrame, *, alpha: float, title: str, color: Palette
) -> Figure:
    """Both errors against p / d of random features; the line is at p = n.

    Columns of both as in `along_penalty`, with ``kappa`` for the penalty.
    """
    fig, ax = style.panels(style.FULL)
    _both(ax, "kappa", line, rows, color)
    ax.axvline(alpha, color=color["muted"], lw=0.8, ls="--", zorder=0)
    ax.annotate(" p = n", (alpha, 0.505), color=color["ink"], fontsize=9, va="bottom")
    _log_axis(ax, "features per dimension, p/d", (0.1, 0.3, 1, 3, 8, 16))
    _error_axis(ax, 0.55)
    ax.set_ylabel("error")
    _name_errors(fig, color)
    style.set_title(fig, title)
    return fig


def trained(nets: pd.DataFrame, fixed: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Both errors against hidden neurons per dimension: a trained net, and random features.

    Columns of both ``kappa``, ``e_gen``, ``e_mem`` and their errors; bars are two standard ones.
    """
    fig, axes = style.panels(style.FULL, 1, 2, sharey=True)
    learners = {"trained net": (nets, "o", "-"), "random features": (fixed, "s", "--")}
    for ax, (error, (name, role, _)) in zip(axes, _ERRORS.items(), strict=True):
        for rows, mark, ls in learners.values():
            ax.plot(rows.kappa, rows[error], color=color[role], ls=ls, lw=1.2)
            _points(ax, rows.kappa, rows, error, color[role], mark)
        ax.axhline(0.5, color=color["muted"], lw=0.8, zorder=0)
        _log_axis(ax, "neurons per dimension, p/d", [*nets.kappa])
        _error_axis(ax, 0.55)
        ax.set_title(name.replace("\n", " "))
    axes[0].set_ylabel("error")
    handles = {
        name: Line2D([], [], color=color["ink"], marker=mark, ls=ls, ms=4)
        for name, (_, mark, ls) in learners.items()
    }
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def rates(frame: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """E_gen against n / d, both logarithmic; ``frame`` has ``loss``, ``alpha``, ``e_gen``."""
    fig, ax = style.panels(style.FULL)
    for loss, (name, role, ls) in _LOSSES.items():
        rows = frame[frame.loss == loss].sort_values("alpha", kind="stable")
        ax.plot(rows.alpha, rows.e_gen, color=color[role], ls=ls)
        slope = np.polyfit(np.log(rows.alpha), np.log(rows.e_gen), 1)[0]
        text = f"{name},\nslope {slope:.2f}".replace(" -", " −")
        style.label_end(ax, rows.alpha, rows.e_gen, text, color[role])
    _log_axis(ax, "examples per dimension, n/d", (50, 100, 200, 400))
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(FixedLocator([0.001, 0.003, 0.01, 0.03]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g} %"))
    ax.set_ylabel("error on the rule")
    style.set_title(fig, title)
    return fig


def against_facts(frame: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """What a linear learner can store, and the best kernel, against the share of facts.

    ``frame`` has ``noise``, ``capacity`` (n / d) and ``angle`` (radians).
    """
    fig, (left, right) = style.panels(style.FULL, 1, 2)
    left.plot(frame.noise, frame.capacity, color=color["noisy"])
    left.axhline(2, color=color["muted"], lw=0.8, zorder=0)
    left.set(ylim=(0, 10), ylabel="n/d that can be stored")
    left.set_title("a linear learner")
    right.plot(frame.noise, np.degrees(frame.angle), color=color["test"])
    right.set(ylim=(0, 90), ylabel="best angle (degrees)")
    right.set_title("the best interpolating kernel")
    for ax in (left, right):
        ax.set(xlabel="share of facts", xlim=(0, 1))
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    style.set_title(fig, title)
    return fig


def agreement(rows: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Runs against the asymptotics, one panel per learner; bars are two standard errors.

    ``rows`` as `modnoise.facts.beside_theory` gives them.
    """
    learners = list(dict.fromkeys(rows.learner))
    fig, axes = style.panels(style.FULL, 1, len(learners), sharey=True, squeeze=False)
    for ax, learner in zip(axes[0], learners, strict=True):
        some = rows[rows.learner == learner]
        ax.plot([0, 0.5], [0, 0.5], color=color["muted"], lw=0.8, zorder=0)
        for name, (_, role, mark) in _ERRORS.items():
            _points(ax, some[f"{name}_theory"], some, name, color[role], mark)
        ax.set(xlabel="asymptotics", title=learner)
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        _error_axis(ax)
    axes[0, 0].set_ylabel("runs")
    _name_errors(fig, color)
    style.set_title(fig, title)
    return fig
