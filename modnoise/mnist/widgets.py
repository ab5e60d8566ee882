"""The slider of the page on MNIST."""

from __future__ import annotations

import pandas as pd

from modnoise.pages.widgets import Recorded, percent, share, slider


def recorded_epochs(table: pd.DataFrame, *, chance: float) -> Recorded:
    """Explore accuracies on MNIST along the epochs, beside a predictor blind to wrong labels.

    Args:
        table: rows of `mnist.with_null` of runs that differ in seeds alone.
        chance: 1 / 10, marked on every bar.
    """
    columns = {"accuracy_clean": "right labels", "accuracy_noisy": "wrong labels"}
    columns |= {"null_exact": "blind to the wrong labels", "accuracy_test": "test images"}
    roles = dict(zip(columns, ("clean", "noisy", "noisy", "test"), strict=True))
    middle = table.groupby("step")[list(columns)].median()
    rows = [
        {name: {roles[x]: share(one[x])} for x, name in columns.items()}
        for _, one in middle.iterrows()
    ]
    seeds = table.seed.nunique()
    sentences = [_memorized(one, seeds) for _, one in middle.iterrows()]
    names = dict.fromkeys(roles.values())
    return slider("epoch", list(middle.index), rows, sentences, chance, tuple(names))


def _memorized(net: pd.Series, seeds: int) -> str:
    many = f" (medians of {seeds} seeds)" if seeds > 1 else ""
    return (
        f"After {net.name} epoch{'s' * (net.name != 1)} the net knows "
        f"{percent(net.accuracy_noisy)} of its wrong labels and {percent(net.accuracy_clean)} "
        f"of the right ones{many}. A predictor as good that is blind to the wrong labels hits "
        f"{percent(net.null_exact)} of them by accident, so "
        f"{100 * (net.accuracy_noisy - net.null_exact):+.1f} points are memory."
    )
