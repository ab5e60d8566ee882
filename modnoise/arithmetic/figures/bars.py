"""Final accuracies as bars: test in the test colour, given wrong labels in the noisy one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from modnoise.arithmetic.figures.parts import SWAPS, name_of
from modnoise.pages import style
from modnoise.pages.style import Palette

_BARS = {"test": "test", "noisy": "noisy, given label"}


def _value(x: float) -> str:
    return "no such pairs" if pd.isna(x) else f"{100 * x:.1f} %"


def accuracy_bars(frame: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test and noisy accuracy of named nets, with the number at each bar.

    ``frame`` is `compare`'s: a row per net, columns ``test`` and ``noisy`` (others are not
    drawn), shares or NaN where the table has no such pairs.
    """
    fig, ax = style.panels((7.0, max(style.FULL[1], 0.62 * len(frame) + 1.0)))
    names = [name_of(str(net)) for net in frame.index]
    long = pd.DataFrame(
        {
            "net": names * len(_BARS),
            "role": [role for role in _BARS for _ in names],
            "accuracy": [x for role in _BARS for x in frame[role]],
        }
    )
    sns.barplot(
        long,
        y="net",
        x="accuracy",
        hue="role",
        palette={role: color[role] for role in _BARS},
        saturation=1,
        errorbar=None,
        legend=False,
        ax=ax,
    )
    for i, net in enumerate(frame.index):
        for shift, role in zip((-0.2, 0.2), _BARS, strict=True):
            x = frame.loc[net, role]
            ax.annotate(
                f"{_value(x)}  {role}" if i == 0 else _value(x),
                (chance if pd.isna(x) else max(x, chance), i + shift),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=color[role],
            )
    ax.axvline(chance, color=color["muted"], lw=0.8)
    ax.annotate(
        style.chance_name(chance),
        (chance, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        fontsize=9,
        color=color["muted"],
    )
    ax.set(xlim=(0, 1), xlabel="accuracy", ylabel="")
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    ax.tick_params(axis="y", length=0)
    style.set_title(fig, title)
    return fig


def inspected(accuracy: pd.Series, *, chance: float, title: str, color: Palette) -> Figure:
    """Shares of all pairs that get the right answer, a bar per version of one net, by name."""
    fig, ax = style.panels((7.0, 0.26 * len(accuracy) + 0.9))
    for i, x in enumerate(accuracy):
        ax.barh(i, x, height=0.7, color=color["test"])
        ax.annotate(
            _value(x), (max(x, chance), i), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=9, color=color["ink"],
        )  # fmt: skip
    ax.axvline(chance, color=color["muted"], lw=0.8)
    ax.set_yticks(range(len(accuracy)), accuracy.index)
    ax.set(xlim=(0, 1.12), ylim=(len(accuracy) - 0.5, -0.5), xlabel="right on all pairs")
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1])
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    ax.tick_params(axis="y", length=0)
    style.set_title(fig, title)
    return fig


def swap_bars(final: pd.DataFrame, *, chance: float, title: str, color: Palette) -> Figure:
    """Test and noisy accuracy under other activations, one panel each, against label noise.

    ``final`` has ``part`` (names of `SWAPS`), ``noise``, ``seed``, ``accuracy_test`` and
    ``accuracy_noisy``. Bars are medians over seeds, dots single seeds.
    """
    shown = [part for part in SWAPS if (final.part == part).any()]
    fig, axes = style.panels(style.FULL, 1, len(shown), sharey=True, squeeze=False)
    long = final.melt(
        ["part", "noise", "seed"], ["accuracy_test", "accuracy_noisy"], "role", "accuracy"
    ).dropna()
    long["role"] = long.role.str.removeprefix("accuracy_")
    levels = sorted(long.noise.unique())
    common = {"x": "noise", "y": "accuracy", "hue": "role", "hue_order": list(_BARS)}
    for ax, part in zip(axes[0], shown, strict=True):
        rows = long[long.part == part]
        sns.barplot(
            rows,
            **common,
            order=levels,
            estimator="median",
            errorbar=None,
            palette={role: color[role] for role in _BARS},
            saturation=1,
            legend=False,
            ax=ax,
        )
        if rows.seed.nunique() > 1:
            sns.stripplot(
                rows,
                **common,
                order=levels,
                dodge=True,
                jitter=False,
                palette=dict.fromkeys(_BARS, color["page"]),
                edgecolor=color["ink"],
                linewidth=0.5,
                size=2.5,
                legend=False,
                ax=ax,
            )
        line = ax.axhline(chance, color=color["muted"], lw=0.8)
        style.accuracy_axis(ax)
        ax.set_ylim(0, 1.03)
        ax.set_title(SWAPS[part])
        step = -(-len(levels) // 4)
        ax.set_xticks(range(0, len(levels), step), [f"{100 * x:.0f}" for x in levels[::step]])
        ax.set(xlabel="label noise α in %")
        ax.tick_params(axis="x", length=0)
    axes[0, 0].set_ylabel("accuracy")
    handles: dict[str, Any] = {name: Patch(color=color[role]) for role, name in _BARS.items()}
    if final.seed.nunique() > 1:
        handles["one seed"] = Line2D(
            [], [], ls="none", marker="o", ms=3, mfc=color["page"], mew=0.5, color=color["ink"]
        )
    style.name_handles(fig, handles | {style.chance_name(chance): line}, below=True)
    style.set_title(fig, title)
    return fig
