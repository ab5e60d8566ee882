"""Pairs that collide, and who is learned by them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from modnoise.arithmetic.figures.steps import KINDS, LINES, NAMES
from modnoise.pages import style
from modnoise.pages.style import Palette


def collision_counts(frame: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Mean collisions of clean and noisy pairs against noise: dots counted, lines closed forms.

    ``frame`` is `collision_table`'s: a row per run.
    """
    kinds = [kind for kind in KINDS if (frame.noise_kind == kind).any()]
    fig, axes = style.panels(style.FULL, 1, len(kinds), sharey=True, squeeze=False)
    for ax, kind in zip(axes[0], kinds, strict=True):
        rows = frame[frame.noise_kind == kind].sort_values("noise", kind="stable")
        for role in ("clean", "noisy"):
            line = rows.groupby("noise")[f"expected_{role}"].first()
            ax.plot(line.index, line, color=color[role], ls=LINES[role])
            ax.plot(rows.noise, rows[f"collisions_{role}"], "o", color=color[role], ms=3.5,
                    mfc="none")  # fmt: skip
            style.label_end(ax, line.index, line, role, color[role])
        ax.set_title(KINDS[kind])
        ax.set_xlabel("label noise α")
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    axes[0, 0].set_ylabel("collisions of a pair")
    axes[0, 0].set_ylim(0, None)
    style.set_title(fig, title)
    return fig


def lead_against_collisions(frame: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Lead of the noisy labels against the collisions a noisy pair has more than a clean one.

    ``frame`` has a row per run: ``noise_kind``, ``noise``, ``lead``, ``collisions_clean``,
    ``collisions_noisy``. Medians over runs, bars from the lowest to the highest.
    """
    fig, ax = style.panels(style.FULL)
    looks = {
        "wrong": ("o", "noisy", (6, -10), "left"),
        "bijective": ("s", "ink", (-6, 3), "right"),
    }
    for kind, (marker, role, beside, side) in looks.items():
        rows = frame[frame.noise_kind == kind]
        more = (rows.collisions_noisy - rows.collisions_clean).groupby(rows.noise).median()
        lead = rows.lead.groupby(rows.noise).agg(["median", "min", "max"])
        if lead.empty:
            continue
        reach = [lead["median"] - lead["min"], lead["max"] - lead["median"]]
        ax.errorbar(more, lead["median"], yerr=reach, fmt=marker, color=color[role], ms=5,
                    elinewidth=0.8, label=KINDS[kind])  # fmt: skip
        for noise in more.index:
            ax.annotate(
                f"{100 * noise:.0f} %", (more[noise], lead["median"][noise]), xytext=beside,
                textcoords="offset points", ha=side, fontsize=8.5, color=color[role],
            )  # fmt: skip
    ax.margins(x=0.09)
    ax.axhline(0, color=color["muted"], lw=0.8, zorder=0)
    ax.axvline(0, color=color["muted"], lw=0.8, zorder=0)
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=""))
    ax.set_xlabel("collisions of a noisy pair minus those of a clean pair")
    ax.set_ylabel("noisy minus clean accuracy, points")
    ax.legend(frameon=False, fontsize=9, labelcolor="linecolor", loc="best")
    style.set_title(fig, title)
    return fig


def known_by_collisions(frame: pd.DataFrame, *, title: str, color: Palette) -> Figure:
    """Share of training pairs known at one step, by role and number of collisions.

    ``frame`` has ``role``, ``collisions``, ``pairs`` and ``right``; bars are one binomial standard
    error. Groups of fewer than 10 pairs are not drawn.
    """
    fig, ax = style.panels(style.FULL)
    for role in ("clean", "noisy"):
        rows = frame[(frame.role == role) & (frame.pairs >= 10)].sort_values(
            "collisions", kind="stable"
        )
        share = rows.right / rows.pairs
        error = np.sqrt(share * (1 - share) / rows.pairs)
        ax.errorbar(rows.collisions, share, yerr=error, color=color[role], ls=LINES[role],
                    marker="o", ms=4, elinewidth=0.8)  # fmt: skip
        style.label_end(ax, rows.collisions, share, NAMES[role], color[role])
    style.accuracy_axis(ax)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("collisions of the pair")
    ax.set_ylabel("share learned")
    style.set_title(fig, title)
    return fig
