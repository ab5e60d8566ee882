"""The slider of the page on transformers."""

from __future__ import annotations

import pandas as pd

from modnoise.pages.widgets import Recorded, percent, share, slider
from modnoise.transformer.run import frequencies_kept


def recorded_kept(final: pd.DataFrame, *, chance: float) -> Recorded:
    """Explore FF of a transformer's unembedding, along the number of frequencies it keeps.

    It starts at the paper's share of them.

    Args:
        final: last rows of runs that differ in seeds alone, with ``part`` (full, top, random),
            ``kept``, ``p`` and ``accuracy_<role>``; medians over seeds and draws are shown.
        chance: 1 / p, marked on every bar.
    """
    shown = {"full": "full network", "top": "top frequencies", "random": "random frequencies"}
    roles = ("test", "noisy", "clean")
    by = final.groupby(["part", "kept"])[[f"accuracy_{role}" for role in roles]].median()
    numbers = [int(x) for x in by.loc["top"].index]
    rows = []
    for kept in numbers:
        keys = {"full": numbers[-1], "top": kept, "random": kept}
        rows.append(
            {
                name: {
                    role: share(by.loc[(part, keys[part]), f"accuracy_{role}"]) for role in roles
                }
                for part, name in shown.items()
            }
        )
    sentences = [
        _filtered(x, numbers[-1], *row.values()) for x, row in zip(numbers, rows, strict=True)
    ]
    made = slider("kept", numbers, rows, sentences, chance, roles)
    made.index = numbers.index(frequencies_kept(int(final.p.iloc[0])))
    return made


def _filtered(kept: int, of: int, full: dict, top: dict, random: dict) -> str:
    change = 100 * (top["test"] - full["test"])
    return (
        f"When its unembedding keeps the {kept} of {of} frequencies with the largest energy, the "
        f"transformer answers {percent(top['test'])} of the test pairs correctly "
        f"({change:+.1f} points). It still reproduces {percent(top['noisy'])} of its wrong labels "
        f"and {percent(top['clean'])} of the correct ones. With {kept} frequencies drawn at "
        f"random it answers {percent(random['test'])} of the test pairs correctly."
    )
