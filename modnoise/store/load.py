"""Load recorded runs, train the missing ones, and record them: `load_or_train`.

Together with `files`, `records` and `campaign` this is all that reads or writes results.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack, overload

import pandas as pd

from modnoise.spec import Trainable
from modnoise.store.campaign import fill
from modnoise.store.files import Damaged, Record
from modnoise.store.order import Order, identity
from modnoise.store.provenance import commit
from modnoise.store.records import Report, Store, StoreError
from modnoise.store.stacks import bytes_needed
from modnoise.training.loop import Trained, kind_of
from modnoise.training.settings import check_device


class Results(list[Trained]):
    """One `Trained` (a stack of one net) per asked run, in order."""

    report: Report

    @property
    def history(self) -> pd.DataFrame:
        """All curves in one frame; ``run`` is the position in the list."""
        return pd.concat(
            [result.history.assign(run=i) for i, result in enumerate(self)], ignore_index=True
        )


class _Options(TypedDict, total=False):
    device: str
    store: Store | str | Path | None
    weights: bool
    recompute: bool
    progress: bool
    threads: int
    checkpoint_every: float


@overload
def load_or_train(runs: Trainable, **options: Unpack[_Options]) -> Trained: ...
@overload
def load_or_train(runs: Sequence[Trainable], **options: Unpack[_Options]) -> Results: ...
def load_or_train(
    runs: Trainable | Sequence[Trainable],
    *,
    device: str = "cpu",
    store: Store | str | Path | None = None,
    weights: bool = True,
    recompute: bool = False,
    progress: bool = True,
    threads: int = 1,
    checkpoint_every: float = 60.0,
) -> Trained | Results:
    """Load what is recorded, train and record the rest, and print one line that says which.

    Args:
        runs: one `Run`, or any number of them; they need not fit into one stack.
        device: where missing runs are trained; results always come back on the CPU.
        store: a `Store` or its folder; see there for the default.
        weights: False if curves are enough: then ``nets`` is None, and records without weights do.
        recompute: train again what is recorded, and replace the record.
        progress: show progress bars and print the line.
        threads: CPU threads.
        checkpoint_every: seconds between checkpoints. Ctrl-C saves one too.

    Returns:
        For one run a `Trained` with a stack of one net; for a list a `Results`, in its order.

    Raises:
        StoreError: results cannot be read, or could not be written (checked before training).
    """
    asked = [runs] if isinstance(runs, Trainable) else list(runs)
    if not asked:
        raise ValueError("runs is empty: give at least one Run")
    store = store if isinstance(store, Store) else Store(store)
    unique = {run.key: run for run in asked}
    order = Order(unique, store, weights, device, threads, progress, checkpoint_every)
    for run in unique.values():
        if recompute:
            record, _ = store.find(run)
            order.why[run.key] = "asked for again"
            order.stale[run.key] = identity(record) if record else None
        else:
            order.look(run)
    if order.missing:
        check_device(device)
        commit()
        store.probe(bytes_needed(order.missing, device))
    fill(order)
    results = Results(_result(order.found[run.key], run, weights) for run in asked)
    results.report = order.closed()
    if progress:
        print(results.report, flush=True)
    return results[0] if isinstance(runs, Trainable) else results


def _result(record: Record, run: Trainable, weights: bool) -> Trained:
    kind = kind_of(run)
    try:
        nets = kind.restore(run, record.tensors) if weights else None
        history = record.history
    except Damaged as problem:
        raise StoreError(f"{record.path} is damaged: {problem}") from None
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise StoreError(f"{record.path} is damaged: its weights are of another net") from None
    history.insert(0, "run", 0)
    for fact in ("seconds", "date", "commit", "sources", "device_name"):
        history.attrs[fact] = record.manifest.get(fact)
    return Trained(nets, kind.data(run), history)
