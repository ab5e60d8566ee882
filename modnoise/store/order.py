"""What a campaign is asked for, what was found so far, and what the rest costs. All: ours."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from modnoise.spec import Trainable
from modnoise.store.files import WEIGHTS, Record, digest
from modnoise.store.records import Report, Store


@dataclass
class Order:
    """What is asked, how to train it, what was found so far.

    ``stale`` holds the identities of records that are not to be used (None: there was none).
    Training stops with a checkpoint once `time.monotonic` passes ``deadline``. ``forecast`` holds
    estimated seconds of whole trainings by key, ``done`` the share of them that is done, and
    ``workers`` processes share the work.
    """

    runs: dict[str, Trainable]
    store: Store
    weights: bool
    device: str
    threads: int
    progress: bool
    checkpoint_every: float
    found: dict[str, Record] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    stale: dict[str, tuple | None] = field(default_factory=dict)
    report: Report = field(default_factory=Report)
    deadline: float | None = None
    forecast: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)
    workers: int = 1

    @property
    def late(self) -> bool:
        """Whether the deadline has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    @property
    def missing(self) -> list[Trainable]:
        """Runs without a record that will do."""
        return [run for key, run in self.runs.items() if key not in self.found]

    def closed(self) -> Report:
        """The report of all that was done."""
        trained = {manifest["key"] for manifest in self.report.trained}
        self.report.loaded = [r.manifest for key, r in self.found.items() if key not in trained]
        return self.report

    def look(self, run: Trainable) -> bool:
        """Take the record of a run if there is one that will do."""
        record, why = self.store.find(run, weights=self.weights)
        self.why.setdefault(run.key, why)
        if record is None or why or identity(record) == self.stale.get(run.key):
            return False
        if not self.weights:
            record.files.pop(WEIGHTS, None)
        self.found[run.key] = record
        return True


def identity(record: Record) -> tuple:
    """What tells one record of a run from another."""
    return record.path, digest(record.manifest)


def time_left(order: Order, runs: Sequence[Trainable] | None = None) -> float:
    """Seconds of training that are left of runs (None: of all that are missing).

    The forecast, times what it was wrong by so far.
    """
    trained = [m for m in order.report.trained if m["key"] in order.forecast]
    expected = sum(order.forecast[m["key"]] for m in trained)
    factor = sum(m["seconds"] for m in trained) / expected if expected else 1.0
    keys = [run.key for run in (order.missing if runs is None else runs)]
    return factor * sum(order.forecast.get(k, 0.0) * (1 - order.done.get(k, 0.0)) for k in keys)
