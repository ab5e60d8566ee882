"""What is recorded of some experiments, as one value: runs, curves, last rows, scale, words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from modnoise.frames import curves
from modnoise.spec import Trainable
from modnoise.store.load import load_or_train
from modnoise.store.overview import at_hand
from modnoise.store.records import Store


@dataclass(frozen=True)
class Recorded:
    """The runs of some experiments at one scale; ``told`` says in words what they are."""

    runs: Sequence[Trainable]
    scale: str
    told: str
    store: Store

    @cached_property
    def curves(self) -> pd.DataFrame:
        """All their curves (`modnoise.frames.curves`)."""
        trained = load_or_train(self.runs, store=self.store, weights=False, progress=False)
        return curves(self.runs, trained)

    @property
    def final(self) -> pd.DataFrame:
        """The rows of all parts at the last step of each run."""
        return self.curves[self.curves.step == self.curves.steps]

    def like(self, run: Trainable, *over: str) -> pd.DataFrame:
        """The last rows of those that differ from a run in nothing but the fields ``over``.

        What a run records beside its curves (``record_...``) is no difference; of the same network
        recorded twice the record that holds more columns counts.

        Raises:
            ValueError: a field that the run does not have.
        """
        if unknown := [name for name in over if name not in type(run).model_fields]:
            raise ValueError(f"over = {unknown[0]!r} is not a field of {type(run).__name__}")
        rows = self.final
        fields = [name for name in type(run).model_fields if not name.startswith("record_")]
        for name in fields:
            value = getattr(run, name)
            if name not in over:
                same = rows[name].isna() if value is None else rows[name] == value
                rows = rows[same]
        order = rows.notna().sum(axis=1).sort_values(ascending=False, kind="stable").index
        return rows.loc[order].drop_duplicates([*fields, "part"]).sort_index(kind="stable")


def recorded(*names: str, scale: str, store: Store | None = None) -> Recorded:
    """What is recorded of some experiments at a scale, or at the laptop scale if that is all.

    The first experiment decides which scale that is (`modnoise.store.overview.at_hand`); others
    that have no runs at it are passed over. At ``smoke`` and ``laptop`` what is missing is trained
    when the curves are first asked for.

    Raises:
        KeyError: an experiment that no study declares.
        SpecError: a scale that does not exist.
    """
    store = Store() if store is None else store
    first = at_hand(names[0], scale, store=store)
    found = [first]
    for name in names[1:]:
        more = at_hand(name, first.scale, store=store)
        if more.scale == first.scale:
            found.append(more)
    runs = list({run.key: run for some in found for run in some}.values())
    return Recorded(runs, first.scale, "\n".join(some.told for some in found), store)
