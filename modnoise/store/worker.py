"""What a worker of a Dask cluster does for a campaign: train one stack for a while, in memory.

It needs no files of ours: a checkpoint comes as bytes, records and the next checkpoint go back as
bytes. All: ours.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from modnoise.spec import Trainable
from modnoise.store.campaign import OutOfTime, train_stack
from modnoise.store.order import Order
from modnoise.store.provenance import commit, versions
from modnoise.store.records import Store
from modnoise.store.stacks import checkpoint_of
from modnoise.training.settings import check_device

SAME = ("modnoise", "torch", "numpy")
"""Packages that must have the same version here and on every worker."""

Brought = tuple[dict[str, tuple[dict[str, Any], dict[str, bytes]]], dict[str, bytes]]
"""Manifest and files of every record by key, checkpoints by name."""


def same_versions() -> dict[str, str]:
    """Versions here of what must be the same everywhere."""
    here = versions()
    return {name: here[name] for name in SAME}


def fitness(device: str) -> tuple[dict[str, str], str]:
    """Versions of this process, and why it cannot use the device."""
    commit()
    try:
        check_device(device)
    except ValueError as error:
        return same_versions(), str(error)
    return same_versions(), ""


def train_here(
    runs: list[Trainable], need: list[str], device: str, state: bytes, seconds: float
) -> Brought:
    """Train a stack from a checkpoint for so long, but at least one step."""
    with TemporaryDirectory() as folder:
        store = Store(folder, Path(folder, "published"))
        order = Order(
            {run.key: run for run in runs}, store, weights=True, device=device, threads=1,
            progress=False, checkpoint_every=float("inf"), deadline=time.monotonic() + seconds,
        )  # fmt: skip
        path = checkpoint_of(order, runs)
        path.parent.mkdir()
        path.write_bytes(state)
        with suppress(OutOfTime):
            train_stack(order, runs, need)
        records = {key: (record.manifest, record.files) for key, record in order.found.items()}
        states = {x.name: x.read_bytes() for x in store.checkpoints.glob("*.safetensors")}
        return records, states
