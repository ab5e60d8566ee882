"""All p x p pairs at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from modnoise.figures import style
from modnoise.figures.parts import name_of
from modnoise.figures.style import Palette

_ANSWERS = {  # code of a cell: its position here
    "another class": "faint",
    "the true label": "test",
    "the given wrong label": "noisy",
}


def answer_map(table: Any, predictions: Mapping[str, Any], *, color: Palette) -> Figure:
    """Which label each net answers on every pair (a, b), one panel per net; the first run.

    ``table`` has ``true`` and ``given`` (run p p), as `NoisyTable`; ``predictions`` are classes
    (run p p) by name of net. A pair is coloured by the label its answer equals; the wrong label
    counts where a pair was given one.
    """
    true, given = style.array(table.true)[0], style.array(table.given)[0]
    fig, axes = style.panels(style.TALL, 1, len(predictions), sharey=True, squeeze=False)
    colors = ListedColormap([color[role] for role in _ANSWERS.values()])
    for ax, (name, answers) in zip(axes[0], predictions.items(), strict=True):
        answer = style.array(answers)[0]
        code = np.where(answer == true, 1, np.where(answer == given, 2, 0))
        sns.heatmap(
            code, vmin=0, vmax=2, cmap=colors, cbar=False, square=True, rasterized=True, ax=ax
        )
        ax.invert_yaxis()
        ticks = range(0, len(true), 10 * -(-len(true) // 50))
        ax.set_xticks([x + 0.5 for x in ticks], ticks, rotation=0)
        ax.set_yticks([x + 0.5 for x in ticks], ticks, rotation=0)
        ax.set(title=name_of(name), xlabel="b", ylabel="a" if ax is axes[0, 0] else "")
        ax.tick_params(length=0)
    names = reversed(_ANSWERS.items())
    handles = {f"answers {name}": Patch(color=color[role]) for name, role in names}
    style.name_handles(fig, handles, below=True)
    return fig
