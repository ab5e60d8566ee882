"""All p x p pairs at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from modnoise.arithmetic.figures.parts import name_of
from modnoise.pages import style
from modnoise.pages.style import Palette

_LABELS = {  # code of a cell: its position here
    "another class": "faint",
    "the true label": "test",
    "the given wrong label": "noisy",
}


def answer_map(table: Any, predictions: Mapping[str, Any], *, color: Palette) -> Figure:
    """What the nets were taught and what each answers on every pair (a, b); the first run.

    ``table`` has ``true``, ``given`` and ``train`` (run p p), as `NoisyTable`; ``predictions``
    are classes (run p p) by name of net, a panel each. A pair is coloured by the label that was
    taught or answered; in the first panel, pairs held out from training are blank.
    """
    true, given, train = (style.array(x)[0] for x in (table.true, table.given, table.train))
    shown = {"taught": given} | {
        f"answered: {name_of(name)}": style.array(x)[0] for name, x in predictions.items()
    }
    fig, axes = style.panels(style.FULL, 1, len(shown), sharey=True, squeeze=False)
    colors = ListedColormap([color[role] for role in _LABELS.values()])
    for ax, (name, label) in zip(axes[0], shown.items(), strict=True):
        code = np.where(label == true, 1, np.where(label == given, 2, 0))
        sns.heatmap(
            code,
            mask=~train if name == "taught" else None,
            vmin=0,
            vmax=2,
            cmap=colors,
            cbar=False,
            square=True,
            rasterized=True,
            ax=ax,
        )
        ax.invert_yaxis()
        ticks = range(0, len(true), 10 * -(-len(true) // 50))
        ax.set_xticks([x + 0.5 for x in ticks], ticks, rotation=0)
        ax.set_yticks([x + 0.5 for x in ticks], ticks, rotation=0)
        ax.set(title=name, xlabel="b", ylabel="a" if ax is axes[0, 0] else "")
        ax.tick_params(length=0)
    handles = {name: Patch(color=color[role]) for name, role in reversed(_LABELS.items())}
    handles["held out"] = Patch(facecolor="none", edgecolor=color["muted"], lw=0.8)
    style.name_handles(fig, handles, below=True)
    return fig
