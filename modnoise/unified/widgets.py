"""The sliders of the page on the unified view: model size and training pairs."""

from __future__ import annotations

from pathlib import Path

import anywidget
import numpy as np
import pandas as pd
import traitlets

from modnoise.pages.widgets import percent
from modnoise.unified.zones import ZONES

_HERE = Path(__file__).parent
_LINES = ("accuracy_clean", "accuracy_test", "accuracy_fresh")


class Zones(anywidget.AnyWidget):
    """Two sliders over recorded runs; curve, dynamics and a sentence follow in the page itself.

    ``size`` and ``pairs`` are positions on the sliders, ``data`` what they walk through.
    """

    _esm = _HERE / "zones.js"
    _css = _HERE / "zones.css"
    data = traitlets.Dict().tag(sync=True)
    size = traitlets.Int(0).tag(sync=True)
    pairs = traitlets.Int(0).tag(sync=True)

    def __repr__(self) -> str:
        return f"Zones(d = {self.data['sizes']}, pairs = {self.data['pairs']})"


def recorded_zones(curves: pd.DataFrame, rows: pd.DataFrame, *, size: int, pairs: int) -> Zones:
    """Explore which dynamics comes where, for one seed, starting at a cell.

    Args:
        curves: recorded rows of runs of one seed, with ``d_model`` and ``n_train``.
        rows: of all seeds, as `cells` gives them; the sentence counts the seeds that agree.
        size: model size to begin with, or the nearest recorded one.
        pairs: training pairs to begin with, or the nearest recorded number.
    """
    sizes, numbers = (
        sorted(int(x) for x in curves[name].unique()) for name in ("d_model", "n_train")
    )
    steps = sorted(int(x) for x in curves.step.unique() if x > 0)
    found, sentences = {}, {}
    for (d, n), curve in curves.groupby(["d_model", "n_train"]):
        by = curve.set_index("step").reindex(steps)
        found[f"{d},{n}"] = [
            [None if np.isnan(x) else round(1000 * x) for x in by[name].to_numpy(float)]
            for name in _LINES
        ]
        of = rows[(rows.d_model == d) & (rows.n_train == n)]
        sentences[f"{d},{n}"] = _told(of, int(curve.seed.iloc[0]))
    data = {"sizes": sizes, "pairs": numbers, "steps": steps, "cells": found}
    return Zones(
        data={**data, "sentences": sentences},
        size=int(np.abs(np.array(sizes) - size).argmin()),
        pairs=int(np.abs(np.array(numbers) - pairs).argmin()),
    )


def _told(rows: pd.DataFrame, seed: int) -> str:
    shown = rows[rows.seed == seed].iloc[0]
    alike, n = int((rows.zone == shown.zone).sum()), len(rows)
    agree = f", as with {'all' if alike == n else alike} of {n} seeds" if n > 1 else ""
    return (
        f"{shown.zone.capitalize()}{agree}: {ZONES[shown.zone]}. With d = {shown.d_model} and "
        f"{shown.n_train:,} pairs the net ends with {percent(shown.train)} of the training pairs "
        f"right, {percent(shown.test)} of those held out, and {percent(shown.accuracy_fresh)} of "
        f"those whose mirror is held out as well."
    )
