"""MNIST with wrong labels: the images, a table against its null, the excess, batch sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    MultipleLocator,
    NullLocator,
    PercentFormatter,
)

from modnoise.pages import style
from modnoise.pages.style import Palette

_EPOCHS = {0: ("before the first step", "o"), 1: ("after step 1", "s"), 2: ("after step 2", "^")}
_LINES = {"clean": ":", "noisy": "--"}


def digits(images: Any, true: Any, given: Any, *, title: str, color: Palette) -> Figure:
    """Some images of 28 x 28 pixels in a row, below each its true and its given digit."""
    images, true, given = (style.array(x) for x in (images, true, given))
    fig, axes = style.panels((7.0, 1.5), 1, len(images), squeeze=False)
    shades = {"light": "gray_r", "dark": "gray"}[style.theme_of(color)]
    for ax, image, right, wrong in zip(axes[0], images, true, given, strict=True):
        ax.imshow(image.reshape(28, 28), cmap=shades, vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.set_xlabel(f"a {int(right)},\ntaught as {int(wrong)}", fontsize=8.5)
        ax.xaxis.label.set_color(color["clean" if right == wrong else "noisy"])
        ax.spines[:].set_visible(False)
    style.set_title(fig, title)
    return fig


def _noise_panels(frame: pd.DataFrame, **kwargs: Any) -> tuple[Figure, list[tuple[float, Axes]]]:
    levels = sorted(frame.noise.unique())
    fig, axes = style.panels(style.FULL, 1, len(levels), sharey=True, squeeze=False, **kwargs)
    for ax, noise in zip(axes[0], levels, strict=True):
        ax.set_title(f"{100 * noise:g} % wrong labels")
    return fig, list(zip(levels, axes[0], strict=True))


def against_the_null(
    frame: pd.DataFrame, *, paper: pd.DataFrame, title: str, color: Palette
) -> Figure:
    """Noisy against clean accuracy of every seed at epochs 0, 1, 2, one panel per noise ratio.

    ``frame`` and ``paper`` have ``noise``, ``accuracy_clean`` and ``accuracy_noisy``, ``frame``
    also ``step``. Lines: the label-blind null (1 - clean)/9, and noisy = clean, above which noisy
    labels are first.
    """
    fig, panels = _noise_panels(frame, sharex=True)
    end = 1.05 * float(frame[frame.step.isin(_EPOCHS)].accuracy_clean.max())
    top = 1.15 * float(frame.accuracy_noisy[frame.step.isin(_EPOCHS)].max())
    handles = {}
    for noise, ax in panels:
        handles["noisy = clean"] = ax.plot([0, top], [0, top], color=color["clean"], ls=":")[0]
        x = np.array([0, end])
        null = ax.plot(x, (1 - x) / 9, color=color["muted"], lw=1.2, zorder=0)[0]
        handles["label-blind,\n(1 − clean)/9"] = null
        for epoch, (name, marker) in _EPOCHS.items():
            rows = frame[np.isclose(frame.noise, noise) & (frame.step == epoch)]
            handles[f"{name}:\n{frame.seed.nunique()} seeds"] = ax.plot(
                rows.accuracy_clean, rows.accuracy_noisy, ls="none", marker=marker, ms=4.5,
                color=color["noisy"], mfc="none" if epoch == 0 else color["noisy"],
                alpha=1 if epoch == 0 else 0.6, mew=0.9,
            )[0]  # fmt: skip
        cells = paper[np.isclose(paper.noise, noise)]
        handles["the paper's cells"] = ax.plot(
            cells.accuracy_clean, cells.accuracy_noisy, ls="none", marker="D", ms=6,
            color=color["ink"], mfc="none", mew=1.3,
        )[0]  # fmt: skip
        ax.set(xlim=(0, end), ylim=(0, top), xlabel="clean accuracy")
        ax.yaxis.set_major_locator(MultipleLocator(0.05))
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    panels[0][1].set_ylabel("noisy accuracy")
    style.name_handles(fig, handles)
    style.set_title(fig, title)
    return fig


def choices(frame: pd.DataFrame, *, paper: pd.DataFrame, title: str, color: Palette) -> Figure:
    """Noisy less clean accuracy by what Table 2 leaves open, one panel per noise ratio.

    ``frame`` has ``noise``, ``lr``, ``pixels``, ``init``, ``step``, ``accuracy_noisy`` and
    ``accuracy_clean``. Markers: medians over seeds before the first step and after it, with lines
    from the lowest to the highest; vertical lines: equality, and both epochs of the ``paper``.
    """
    fig, panels = _noise_panels(frame, sharex=True)
    frame = frame.assign(lead=frame.accuracy_noisy - frame.accuracy_clean)
    found = frame.groupby(["noise", "lr", "pixels", "init", "step"]).lead
    found = found.agg(["median", "min", "max"]).reset_index()
    chosen = list(found.groupby(["lr", "pixels", "init"]).groups)
    names = [f"{lr:g} · {pixels} · {init}" for lr, pixels, init in chosen]
    handles = {}
    for noise, ax in panels:
        handles["noisy = clean"] = ax.axvline(0, color=color["clean"], ls=":")
        for row in paper[np.isclose(paper.noise, noise)].itertuples():
            handles[f"the paper's epoch {row.epoch}"] = ax.axvline(
                row.accuracy_noisy - row.accuracy_clean, color=color["ink"], lw=1,
                ls={1: "--", 2: "-."}[int(row.epoch)],
            )  # fmt: skip
        for step, (name, marker) in _EPOCHS.items():
            rows = found[np.isclose(found.noise, noise) & (found.step == step)]
            y = [chosen.index(x) for x in zip(rows.lr, rows.pixels, rows.init, strict=True)]
            ax.hlines(y, rows["min"], rows["max"], color=color["noisy"], lw=1)
            handles[name] = ax.plot(
                rows["median"], y, ls="none", marker=marker, ms=5, color=color["noisy"],
                mfc="none" if step == 0 else color["noisy"], mew=0.9,
            )[0]  # fmt: skip
        ax.set_xlabel("noisy less clean, points")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:g}"))
    panels[0][1].set_yticks(range(len(names)), names)
    panels[0][1].invert_yaxis()
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def excess_curves(
    exact: pd.DataFrame, clean: pd.DataFrame, *, title: str, color: Palette
) -> Figure:
    """Noisy accuracy above the label-blind null against epoch, one panel per noise ratio.

    Both frames have ``noise``, ``step``, ``mean`` and ``error`` over seeds: of the null
    (1 - recovered)/9, and of (1 - clean)/9. The band is two standard errors of the mean.
    """
    fig, panels = _noise_panels(exact)
    lines = (
        (exact, "noisy", "--", "above\n(1 − recovered)/9"),
        (clean, "clean", ":", "above\n(1 − clean)/9"),
    )
    for noise, ax in panels:
        ax.axhline(0, color=color["muted"], lw=0.8, zorder=0)
        for frame, role, ls, name in lines:
            rows = frame[np.isclose(frame.noise, noise)].sort_values("step", kind="stable")
            low, high = rows["mean"] - 2 * rows.error, rows["mean"] + 2 * rows.error
            ax.fill_between(rows.step, low, high, color=color[role], alpha=0.25, lw=0)
            ax.plot(rows.step, rows["mean"], color=color[role], ls=ls)
            if ax is panels[-1][1]:
                style.label_end(ax, rows.step, rows["mean"], name, color[role])
        ax.margins(x=0)
        ax.set_xlabel("epoch")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}"))
    panels[0][1].set_ylabel("excess in points")
    style.set_title(fig, title)
    return fig


def batch_curves(frame: pd.DataFrame, *, n_train: int, title: str, color: Palette) -> Figure:
    """Clean and noisy accuracy against epoch, one panel per batch size.

    ``frame`` has ``batch`` (NaN: all ``n_train`` images), ``seed``, ``step``, ``accuracy_clean``
    and ``accuracy_noisy``. Thick: median over seeds.
    """
    sizes = sorted(frame.batch.fillna(n_train).unique())
    fig, axes = style.panels(style.FULL, 1, len(sizes), sharey=True, squeeze=False)
    handles = {}
    for ax, size in zip(axes[0], sizes, strict=True):
        ax.set_title("full batch" if size == n_train else f"batch {size:.0f}")
        rows = frame[frame.batch.fillna(n_train) == size]
        for role, ls in _LINES.items():
            for _, one in rows.groupby("seed"):
                ax.plot(one.step, one[f"accuracy_{role}"], color=color[role], lw=0.5, alpha=0.5)
            middle = rows.groupby("step")[f"accuracy_{role}"].median()
            handles[role] = ax.plot(middle.index, middle, color=color[role], ls=ls)[0]
        style.accuracy_axis(ax)
        _epoch_axis(ax, int(frame.step.max()))
    axes[0, 0].set_ylabel("accuracy")
    handles["one seed"] = Line2D([], [], color=color["muted"], lw=0.5, alpha=0.5)
    style.name_handles(fig, handles, below=True)
    style.set_title(fig, title)
    return fig


def _epoch_axis(ax: Axes, last: int) -> None:
    """Epochs from 0, logarithmic after the first."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.5)
    ax.xaxis.set_major_locator(FixedLocator([x for x in (0, 1, 3, 10, 30) if x <= last]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.margins(x=0)
    ax.set_xlim(0, last)
    ax.set_xlabel("epoch")
