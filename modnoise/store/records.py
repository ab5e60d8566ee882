"""Records of runs: where they are, what computed them, whether they are what was asked for.

`Store` knows our records, a folder per key (see `files`), and the published ones that come with
the checkout (see `published`). A key alone is not trusted: every stored field is compared with the
asked one. Nothing here imports torch. All of it: ours.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.numpy
from filelock import FileLock, Timeout

from modnoise.spec import FORMAT, Trainable, quoted, word
from modnoise.store.files import (
    HISTORY,
    WEIGHTS,
    Damaged,
    Record,
    frame_bytes,
    glance,
    read_folder,
    set_aside,
    write_folder,
)
from modnoise.store.provenance import CHECKOUT, in_checkout, provenance
from modnoise.store.published import DamagedFile, Place, Published

logger = logging.getLogger("modnoise")


class StoreError(RuntimeError):
    """Results cannot be read or written; the message is one line that names the path."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Inside, a write that fails (a full disk) is a `StoreError` that names ``path``."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None


def duration(seconds: float) -> str:
    """Seconds as a reader says them.

    >>> duration(0.31), duration(41.2), duration(600.0), duration(9000.0), duration(1e6)
    ('0.3 s', '41 s', '10 min', '2.5 h', '12 days')
    """
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 358_000:
        return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:,.0f} days"


@dataclass
class Report:
    """What was loaded and what was trained, and why; as text, one line.

    ``loaded`` and ``trained`` hold manifests, ``reasons`` one reason per trained run.
    """

    loaded: list[dict[str, Any]] = field(default_factory=list)
    trained: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        text = []
        if self.loaded:
            days = sorted({m["date"][:10] for m in self.loaded})
            devices = sorted(
                {"cpu" if m["device"] == "cpu" else m["device_name"] for m in self.loaded}
            )
            when = " to ".join(sorted({days[0], days[-1]}))
            took = duration(_seconds(self.loaded))
            text.append(
                f"{count(len(self.loaded))} loaded (recorded {when}, {', '.join(devices)}, {took})"
            )
        if self.trained:
            why = ", ".join(
                f"{n} {reason}" if len(set(self.reasons)) > 1 else reason
                for reason, n in Counter(self.reasons).items()
            )
            text.append(
                f"{count(len(self.trained))} trained ({duration(_seconds(self.trained))}; {why})"
            )
        return " · ".join(text)


def count(n: int, what: str = "run") -> str:
    """A number and a noun.

    >>> count(1), count(2, "record")
    ('1 run', '2 records')
    """
    return f"{n} {what}{'s' * (n != 1)}"


def _seconds(manifests: list[dict[str, Any]]) -> float:
    return sum(m["seconds"] for m in manifests)


def configuration(spec: Trainable) -> dict[str, Any]:
    """Every field of a spec as JSON gives it back, its kind, and the version of its meaning."""
    return json.loads(
        json.dumps({"format": FORMAT, "kind": type(spec).__name__, **spec.model_dump()})
    )


def difference(stored: Mapping[str, Any], spec: Trainable) -> str:
    """The first field in which a stored configuration is not ``spec``, or an empty text.

    A field that did not exist yet when the record was made has its default (see `Run.key`).
    """
    asked = configuration(spec)
    fields = type(spec).model_fields
    stored = {**{name: info.default for name, info in fields.items()}, **stored}
    for name in {**asked, **stored}:
        if stored.get(name) != asked.get(name) or (name in stored) != (name in asked):
            there, here = quoted(stored.get(name)), quoted(asked.get(name))
            return f"{word(name)} is {there} in the record, {here} asked for"
    return ""


def checkpoint_name(keys: Iterable[str], device: str) -> str:
    """Name of the checkpoint file of a stack of runs, in this order.

    On another kind of device the last bits differ, so the file has another name.
    """
    name = hashlib.sha256(" ".join(keys).encode()).hexdigest()[:12]
    kind = device.split(":")[0]
    return f"{name}{'' if kind == 'cpu' else f'-{kind}'}.safetensors"


def home(path: str | Path) -> Path:
    """A path in which ``~`` is the home folder, also where no shell has seen to that."""
    return Path(os.path.expanduser(path))


class Store:
    """Records in a folder of ours, and read-only published ones beside it.

    Args:
        root: default ``MODNOISE_STORE``, else ``runs/`` of the checkout, else ``./runs``.
        published: default ``MODNOISE_RESULTS``, else ``results/`` of the checkout.
    """

    def __init__(
        self, root: str | Path | None = None, published: str | Path | None = None
    ) -> None:
        here = CHECKOUT if in_checkout() else Path()
        self.root = home(root or os.environ.get("MODNOISE_STORE") or here / "runs")
        self.published = home(
            published or os.environ.get("MODNOISE_RESULTS") or CHECKOUT / "results"
        )
        self.results = Published(self.published)
        self._told: set[str] = set()

    @property
    def checkpoints(self) -> Path:
        """Folder of unfinished trainings."""
        return self.root / "checkpoints"

    def checkpoint(self, keys: Iterable[str], device: str) -> Path:
        """The checkpoint file of a stack of runs on a device."""
        return self.checkpoints / checkpoint_name(keys, device)

    def places(self) -> dict[str, Path | Place]:
        """Where the record of every key is; ours before a published one. Nothing is checked."""
        published = {key: places[0] for key, places in self.results.places.items()}
        return published | {path.name: path for path in sorted(self.root.glob("[0-9a-f]" * 12))}

    def _places(self, key: str) -> list[Path | Place]:
        """Where to look for the record of a key, in this order."""
        for problem in self.results.broken:
            self.tell(problem.path, problem)
        return [self.root / key, *self.results.places.get(key, ())]

    def glance(self, spec: Trainable) -> tuple[dict[str, Any] | None, str]:
        """The manifest of the record that `find` would give or None, and what is damaged.

        Fast: of the large files only the sizes are looked at.
        """
        damage = ""
        for place in self._places(spec.key):
            if isinstance(place, Place) or place.exists():
                try:
                    manifest = place.glance() if isinstance(place, Place) else glance(place)
                    problem = difference(manifest["config"], spec)
                except Damaged as error:
                    problem = str(error)
                if not problem:
                    return manifest, ""
                damage = damage or problem
        return None, damage

    def lock(self, name: str) -> FileLock:
        """A lock among processes, given up by the system when its holder dies."""
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{name}.lock", poll_interval=0.2)

    def locked(self, keys: Iterable[str], held: ExitStack) -> list[str]:
        """Those of the runs that nobody else has locked; ``held`` holds their locks now."""
        got = []
        for key in keys:
            with suppress(Timeout):
                held.enter_context(self.lock(key).acquire(blocking=False))
                got.append(key)
        return got

    def open(self, place: Path | Place, *, weights: bool = True) -> Record | None:
        """The verified record at a place of ours or a published one, None if there is none.

        Raises:
            Damaged: a file is not what was written.
        """
        try:
            if isinstance(place, Place):
                return place.read(weights=weights)
            return read_folder(place) if place.exists() else None
        except OSError as error:
            raise StoreError(f"cannot read {place}: {error.strerror}") from None

    def read(self, place: Path | Place, spec: Trainable, *, weights: bool = True) -> Record | None:
        """As `open`, compared with ``spec``: a field that is not as asked for is damage too."""
        record = self.open(place, weights=weights)
        if record and (problem := difference(record.manifest["config"], spec)):
            raise Damaged(problem)
        return record

    def find(self, spec: Trainable, *, weights: bool = False) -> tuple[Record | None, str]:
        """The record of a spec, ours before the published one, or None and why.

        With ``weights``, a record that has them is preferred; without, published ones are left
        unread. Damage is named in a warning, once.
        """
        why, found = "no record yet", None
        for place in self._places(spec.key):
            try:
                record = self.read(place, spec, weights=weights)
            except Damaged as problem:
                why = "damaged"
                self.tell(place, problem)
                continue
            if record and (record.has_weights or not weights):
                return record, ""
            found = found or record
        return found, ("only curves are recorded" if found else why)

    def tell(self, place: Path | Place, problem: Damaged) -> None:
        """Name damage in a warning, once."""
        where = str(problem.path if isinstance(problem, DamagedFile) else place)
        if where not in self._told:
            self._told.add(where)
            logger.warning("%s is damaged and not used: %s", where, problem)

    def mend(self, spec: Trainable) -> None:
        """Move a damaged record of ours aside; the caller holds its lock."""
        path = self.root / spec.key
        try:
            self.read(path, spec)
        except Damaged as problem:
            self.tell(path, problem)
            with writing(path):
                logger.warning("%s is kept as %s", path, set_aside(path).name)

    def save(
        self,
        spec: Trainable,
        history: pd.DataFrame,
        tensors: Mapping[str, np.ndarray],
        facts: Mapping[str, Any],
    ) -> None:
        """Record a result with its provenance and ``facts``; the caller holds its lock.

        ``diverged`` in the manifest: some weight is not finite.
        """
        arrays = {name: np.ascontiguousarray(x) for name, x in tensors.items()}
        files = {HISTORY: frame_bytes(history), WEIGHTS: safetensors.numpy.save(arrays)}
        manifest = {
            "key": spec.key,
            "config": configuration(spec),
            "seed": spec.model_dump().get("seed"),
            "diverged": not all(np.isfinite(x).all() for x in arrays.values()),
            **provenance(),
            **facts,
        }
        with writing(self.root / spec.key):
            write_folder(self.root / spec.key, files, manifest)

    def probe(self, needed: int = 0) -> None:
        """Make sure, before anything is computed, that ``needed`` bytes can be written.

        Raises:
            StoreError: names the folder and the reason.
        """
        hint = "choose another folder with MODNOISE_STORE or --store"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root) as probe:  # gone even if we are killed
                probe.write(bytes(4096))
                probe.flush()
                os.fsync(probe.fileno())
            free = shutil.disk_usage(self.root).free
        except OSError as error:
            raise StoreError(
                f"cannot write results to {self.root}: {error.strerror}; {hint}"
            ) from None
        if free < needed:
            raise StoreError(
                f"cannot write results to {self.root}: {needed / 1e6:.0f} MB needed, "
                f"{free / 1e6:.0f} MB free; {hint}"
            )


def those_recorded(runs: Sequence[Trainable], scale: str, store: Store | None = None) -> list[Any]:
    """Those of the runs that are recorded; at ``smoke`` all, which are trained in seconds.

    For what a page shows beside its own runs.
    """
    if scale == "smoke":
        return list(runs)
    store = Store() if store is None else store
    return [run for run in runs if store.glance(run)[0] is not None]
