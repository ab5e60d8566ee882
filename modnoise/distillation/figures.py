"""Copies and quality of teachers and students, their pictures, and random features solved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from modnoise.distillation.compare import at_end, distilled
from modnoise.pages import style
from modnoise.pages.style import Palette

_STUDENTS = {  # part: name, colour, mark
    "student": ("student", "test", "o"),
    "few hops": ("fewer noise levels", "clean", "v"),
    "many hops": ("more noise levels", "clean", "^"),
    "scratch": ("from fresh weights", "recovered", "s"),
    "untaught": ("without the teacher", "ink", "D"),
}
_BULKS = {  # part: name, colour
    "population": ("population", "test"),
    "memorizing": ("memorizing", "noisy"),
    "rest": ("rest", "muted"),
}
_FATES = {  # column: name, colour, hatch
    "pair_same": ("a copy of it", "noisy", ""),
    "pair_near": ("no copy, it is nearest", "noisy", "///"),
    "pair_away": ("no copy, another is nearest", "test", "..."),
    "pair_other": ("a copy of another", "clean", ""),
}


def _share_axis(ax: Axes, top: float = 1.0) -> None:
    ax.set_ylim(-0.03 * top, 1.03 * top)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))


def _log_axis(ax: Axes, name: str, ticks: list) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}"))
    ax.set_xlabel(name)


def _seeds(ax: Axes, rows: pd.DataFrame, x: str, y: str, **how: Any) -> pd.Series:
    """Thin lines of the seeds, a thick one of their median, which is returned."""
    for _, one in rows.groupby("seed"):
        ax.plot(one[x], one[y], lw=0.7, alpha=0.5, **how)
    middle = rows.groupby(x)[y].median()
    ax.plot(middle.index, middle, lw=2, **how)
    return middle


def copies_along(
    rows: pd.DataFrame, *, sampler: int = 1, height: float = 2.5, title: str, color: Palette
) -> Figure:
    """Share of copies along the teachers' training and then along distillation, by n.

    ``sampler``: steps in which the student draws.

    ``rows``: ``part``, ``n``, ``seed``, ``step``, ``teacher_steps``, ``sampler``, ``copied``.
    Thick lines are medians over seeds; dashed the trained teacher's.
    """
    fig, axes = style.panels((7.0, height), 1, 2, sharey=True)
    for n, ls in zip(sorted(rows.n.unique()), ("-", "--", ":", "-."), strict=False):
        some = rows[rows.n == n]
        teacher = some[some.part == "teacher"].sort_values("step", kind="stable")
        middle = _seeds(axes[0], teacher, "step", "copied", color=color["noisy"], ls=ls)
        style.label_end(axes[0], middle.index, middle, f"n = {n}", color["noisy"])
        along = distilled(some, "student", sampler)
        level = float(at_end(some, "teacher").copied.median())
        middle = _seeds(axes[1], along, "distilled", "copied", color=color["test"], ls=ls)
        if len(middle):
            x = float(middle.index.max())
            axes[1].plot([0, x], [level, level], color=color["noisy"], lw=1.2, ls=ls)
            style.label_end(axes[1], [x], [level], f"teacher, n = {n}", color["noisy"])
            style.label_end(axes[1], middle.index, middle, f"student, n = {n}", color["test"])
    axes[0].set(ylabel="copies", xlabel="step of the teacher")
    axes[1].set(xlabel="step of distillation")
    for ax in axes:
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        ax.set_xlim(left=0)
        ax.margins(x=0)
        _share_axis(ax, max(0.1, float(rows.copied.max())))
    style.set_title(fig, title)
    return fig


def pictures(rows: Mapping[str, np.ndarray], *, title: str, color: Palette) -> Figure:
    """Square pictures, 0 (black) to 255, a row by each name: (picture pixel)."""
    columns = max(len(x) for x in rows.values())
    fig, axes = style.panels((7.0, 0.4 + 0.72 * len(rows)), len(rows), columns, squeeze=False)
    for line, (name, some) in zip(axes, rows.items(), strict=True):
        for ax, one in zip(line, some, strict=False):
            side = round(np.sqrt(len(one)))
            ax.imshow(one.reshape(side, side), cmap="gray", vmin=0, vmax=255)
        for ax in line:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        line[0].yaxis.label.set_color(color["ink"])
    style.set_title(fig, title)
    return fig


def against_quality(rows: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Copies against the distance to held-out images, a panel per n; medians over seeds.

    Lines: the teacher along its training, the student along distillation, their ends marked;
    numbers: the trained teacher in so many steps, where it is not off the axis; marks: the other
    students' ends.
    """
    sizes = sorted(rows.n.unique())
    fig, axes = style.panels((7.0, 3.4), 1, len(sizes), squeeze=False, sharey=True)
    for ax, n in zip(axes[0], sizes, strict=True):
        some = rows[rows.n == n]
        for frame, role in (
            (some[some.part == "teacher"], "noisy"),
            (distilled(some), "test"),
        ):
            line = frame.groupby("step")[["frechet", "copied"]].median()
            ax.plot(line.frechet, line.copied, color=color[role], lw=1.5)
        ends = {"teacher": ("noisy", "o")} | {x: y[1:] for x, y in _STUDENTS.items()}
        for part, (role, mark) in ends.items():
            end = at_end(some, part, None if part == "teacher" else 1)
            point = end[["frechet", "copied"]].median()
            ax.plot(*point, marker=mark, color=color[role], ms=6, ls="none")
        few = at_end(some, "few steps").groupby("sampler")[["frechet", "copied"]].median()
        for steps, point in few.iterrows():
            ax.annotate(
                f"{steps}", tuple(point), ha="center", va="center", fontsize=9,
                color=color["noisy"],
            )  # fmt: skip
            ax.plot(*point, ls="none")  # annotations do not count for the axis
        best = some[some.part == "training set"].frechet.median()
        if np.isfinite(best):
            ax.axvline(best, color=color["muted"], lw=0.8, ls=":")
        ax.set(xlabel="distance to held-out images", title=f"n = {n}", xscale="log")
        ax.set_xlim(right=1.2 * some.frechet[some.part.isin(("teacher", "student"))].max())
        ax.xaxis.set_major_locator(FixedLocator([0.5, 1, 2, 3, 5, 10, 20, 50]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        _share_axis(ax, max(0.1, float(rows.copied.max())))
    axes[0, 0].set_ylabel("copies")
    handles = {"teacher": Line2D([], [], color=color["noisy"], marker="o")}
    handles |= {
        name: Line2D([], [], color=color[role], marker=mark, ls="-" if name == "student" else "")
        for name, role, mark in _STUDENTS.values()
    }
    handles["the teacher in so many steps"] = Line2D(
        [], [], color=color["noisy"], marker="$5$", ls=""
    )
    handles["training images"] = Line2D([], [], color=color["muted"], lw=0.8, ls=":")
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def students(rows: pd.DataFrame, *, bound: float, title: str, color: Palette) -> Figure:
    """Copies of each student over its teacher's, medians over seeds with the bootstrap's 95 %.

    A panel per n; filled marks: one step, open ones: two. The line is ``bound``.
    """
    sizes = sorted(rows.n.unique())
    fig, axes = style.panels((7.0, 2.8), 1, len(sizes), squeeze=False, sharey=True, sharex=True)
    names = [name for name, _, _ in _STUDENTS.values()]
    for ax, n in zip(axes[0], sizes, strict=True):
        for y, (part, (_, role, mark)) in enumerate(_STUDENTS.items()):
            for sampler, shift in ((1, -0.14), (2, 0.14)):
                end = at_end(rows[rows.n == n], part, sampler)
                middle, low, high = end[["ratio", "ratio_low", "ratio_high"]].median()
                fill = color[role] if sampler == 1 else color["page"]
                ax.errorbar(
                    middle, y + shift, xerr=[[middle - low], [high - middle]], marker=mark,
                    color=color[role], mfc=fill, ms=5, elinewidth=1, capsize=2, ls="none",
                )  # fmt: skip
        ax.axvline(bound, color=color["muted"], lw=0.8, ls="--")
        ax.set(title=f"n = {n}", xlabel="copies over the teacher's")
        ax.set_xlim(left=-0.02)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].invert_yaxis()
    ink: dict[str, Any] = {"color": color["ink"], "marker": "o", "ls": ""}
    handles = {
        name: Line2D([], [], mfc=color[face], **ink)
        for name, face in (("in one step", "ink"), ("in two steps", "page"))
    }
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def fates(rows: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """What the student draws where its teacher draws a copy, a bar per n, means over seeds."""
    sizes = sorted(rows.n.unique())
    fig, ax = style.panels((7.0, 1.3 + 0.45 * len(sizes)))
    for y, n in enumerate(sizes):
        end = at_end(rows[rows.n == n], "student", 1)
        shares = end[[*_FATES]].mean()
        left = 0.0
        for name, (_, role, hatch) in _FATES.items():
            face = color["page"] if hatch else color[role]
            ax.barh(
                y, shares[name], left=left, color=face, edgecolor=color[role], hatch=hatch,
                height=0.6,
            )  # fmt: skip
            left += shares[name]
    ax.set_yticks(range(len(sizes)), [f"n = {n}" for n in sizes])
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    handles = {
        name: Patch(facecolor=color["page"] if hatch else color[role], edgecolor=color[role],
                    hatch=hatch)
        for name, role, hatch in _FATES.values()
    }  # fmt: skip
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def times(table: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Steps to one copy in ten against n, a point per seed; dashed: in proportion to n.

    ``table``: of `modnoise.distillation.compare.copied_against_size`.
    """
    fig, ax = style.panels((7.0, 2.6))
    known = table.dropna(subset=["time"])
    ax.plot(known.n, known.time, "o", color=color["noisy"])
    middle = known.groupby("n").time.median()
    ax.plot(middle.index, middle, color=color["noisy"], lw=1.5)
    if len(middle):
        n = np.array([middle.index.min(), middle.index.max()])
        scale = float(np.exp(np.mean(np.log(middle) - np.log(middle.index))))
        ax.plot(n, scale * n, color=color["muted"], ls="--", lw=1)
        style.label_end(ax, n, scale * n, "as n", color["muted"])
    _log_axis(ax, "training images n", sorted(table.n.unique()))
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(FixedLocator([500, 1000, 2000, 5000, 10_000, 20_000]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,g}"))
    ax.set_ylabel("steps to 10 % copies")
    style.set_title(fig, title)
    return fig


# --- random features


def spectrum(
    values: np.ndarray,
    beside: np.ndarray,
    law: tuple[float, float],
    *,
    d: int,
    n: int,
    title: str,
    color: Palette,
) -> Figure:
    """Eigenvalues of U by bulk, the equivalent's as a line, and the law's edges.

    ``values``, ``beside``: falling; the first d are the population's, those up to n memorize.
    """
    fig, ax = style.panels((7.0, 2.8))
    bins = np.geomspace(min(values.min(), beside.min()), values.max() * 1.01, 60)
    for (name, role), at in zip(_BULKS.values(), (slice(0, d), slice(d, n), slice(n, None)),
                                strict=True):  # fmt: skip
        ax.hist(values[at], bins, color=color[role], label=name, alpha=0.7)
    heights, edges = np.histogram(beside, bins)
    ax.stairs(heights, edges, color=color["ink"], lw=1)
    for edge in law:
        ax.axvline(edge, color=color["ink"], lw=1, ls="--")
    ax.set_xscale("log")
    ax.set_yscale("symlog", linthresh=10)
    ax.set(xlabel="eigenvalue of U", ylabel="number")
    ax.yaxis.set_major_locator(FixedLocator([0, 5, 10, 100, 1000]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    handles: dict[str, Line2D | Patch] = {
        name: Patch(color=color[role]) for name, role in _BULKS.values()
    }
    handles["Gaussian equivalent"] = Line2D([], [], color=color["ink"], lw=1)
    handles["edges of the law"] = Line2D([], [], color=color["ink"], lw=1, ls="--")
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def flow(rows: pd.DataFrame, table: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Losses of random features along the gradient flow (one seed), and both times against n/d.

    ``rows``: ``psi_n``, ``tau``, ``loss_train``, ``loss_test``; ``table``: of
    `modnoise.distillation.compare.flow_times`.
    """
    fig, (left, right) = style.panels(style.FULL, 1, 2)
    loads = sorted(rows.psi_n.unique())
    for psi_n, ls in zip(loads, ("-", "--", "-.", ":"), strict=False):
        one = rows[rows.psi_n == psi_n].sort_values("tau", kind="stable")
        left.plot(one.tau, one.loss_test, color=color["test"], ls=ls, lw=1.4)
        left.plot(one.tau, one.loss_train, color=color["noisy"], ls=ls, lw=1.4)
    left.set(xscale="log", xlabel="time × D", ylabel="loss", ylim=(0.94, 1.04))
    left.set_title(f"test (green) and training, n/d = {loads[0]:g} to {loads[-1]:g}")
    for column, role, name in (("tau_gen", "test", "learns"), ("tau_mem", "noisy", "memorizes")):
        right.plot(table.psi_n, table[column], "o", color=color[role])
        middle = table.groupby("psi_n")[column].median()
        right.plot(middle.index, middle, color=color[role])
        style.label_end(right, middle.index, middle, name, color[role])
    _log_axis(right, "examples per dimension n/d", loads)
    right.set_yscale("log")
    right.set_title("time × D")
    style.set_title(fig, title)
    return fig


def hops(rows: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Correlation of directions between noise levels, and what distillation does to the readout.

    ``rows``: ``part``, ``hop``, ``seed``, ``correlation``, ``energy``, ``energy_before``; left
    medians over seeds by bulk, right the memorizing bulk's energy over the population's.
    """
    fig, (left, right) = style.panels(style.FULL, 1, 2)
    values = ["correlation", "energy", "energy_before"]
    wide = rows.dropna(subset=["hop"]).groupby(["hop", "part"])[values].median().unstack("part")
    for part, (name, role) in _BULKS.items():
        line = wide["correlation"][part]
        left.plot(line.index, line, marker="o", color=color[role])
        style.label_end(left, line.index, line, name, color[role])
    left.set(xlabel="doublings of the noise level", ylabel="correlation")
    for value, role, name in (
        ("energy_before", "muted", "not distilled"),
        ("energy", "test", "distilled"),
    ):
        ratio = wide[value]["memorizing"] / wide[value]["population"]
        right.plot(ratio.index, ratio, marker="o", color=color[role])
        style.label_end(right, ratio.index, ratio, name, color[role])
    right.set(xlabel="doublings of the noise level", ylabel="memorizing over population")
    right.set_title("energy of the readout")
    right.set_ylim(bottom=0)
    style.set_title(fig, title)
    return fig
