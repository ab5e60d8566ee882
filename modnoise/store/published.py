"""Published records: the runs that come with the checkout, as data that a person opens.

Every experiment has a folder. ``<scale>.parquet`` holds the curves of its recorded runs, each row
with the fields of its run; ``<scale>.safetensors`` the weights of few of them, mostly rounded to
float16; ``runs.json`` what computed each run, and checksums: of the Parquet file, whose bytes are
compared before anything is decoded, of the weights of each run, of ``runs.json`` itself. `publish`
writes them. All: ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open

from modnoise.spec import SpecError, quoted
from modnoise.store.files import Damaged, Record, curves, tensors_digest
from modnoise.store.schema import FileFacts, PublishedIndex, PublishedRun, parsed, shaped

INDEX = "runs.json"
CURVES, WEIGHTS = ".parquet", ".safetensors"

_UNREADABLE = (pa.ArrowException, OSError, ValueError, KeyError, IndexError)


class DamagedFile(Damaged):
    """A file of many runs is not what was written, so that none of them can be used."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(problem)
        self.path = path


@dataclass(frozen=True)
class PublishedRecord(Record):
    """A verified record out of a file of many."""

    table: pa.Table
    weights: dict[str, np.ndarray] | None

    @property
    def key(self) -> str:
        """The name under which the run was recorded."""
        return self.manifest["key"]

    @property
    def history(self) -> pd.DataFrame:
        """The curves, exactly as they were recorded.

        Raises:
            Damaged: they are none.
        """
        return curves(self.table.to_pandas(), self.path.name)

    @property
    def has_weights(self) -> bool:
        """Whether the weights were published, and asked for."""
        return self.weights is not None

    @property
    def rounded(self) -> bool:
        """Whether weights were rounded when they were published."""
        return any(x.dtype == np.float16 for x in (self.weights or {}).values())

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        """The weights by name, in the precision in which they were trained."""
        assert self.weights is not None
        return {name: x.astype("float32") if x.dtype == np.float16 else x
                for name, x in self.weights.items()}  # fmt: skip


def rounded(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights as they are published: float32 to the nearest float16, all else as it is.

    A weight between 6e-5 and 65,504 moves by at most one part in 2,048.

    >>> rounded({"W": np.array([1 + 2.0**-12], np.float32)})
    {'W': array([1.], dtype=float16)}
    """
    with np.errstate(over="ignore"):
        return {name: np.ascontiguousarray(x, np.float16 if x.dtype == np.float32 else x.dtype)
                for name, x in tensors.items()}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a published run is: which rows of which file, and what that must be."""

    folder: Path
    scale: str
    start: int  # its first row
    curves: FileFacts
    facts: PublishedRun

    def file(self, ending: str = CURVES) -> Path:
        """The file with the curves, or with the weights."""
        return self.folder / f"{self.scale}{ending}"

    def __str__(self) -> str:
        return f"run {self.facts.key} in {self.file()}"

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, with the files in which the record is."""
        own = {"rows", "columns", "weights"}
        facts = self.facts.model_dump(exclude=own, exclude_unset=True)
        files = {CURVES: self.curves, WEIGHTS: self.facts.weights}
        facts["files"] = {
            f"{self.folder.name}/{self.scale}{ending}": {"bytes": x.bytes, "sha256": x.sha256}
            for ending, x in files.items()
            if x
        }
        return facts

    def glance(self) -> dict[str, Any]:
        """The manifest, if the file with the curves has its size.

        Raises:
            Damaged: it is missing or has another size.
        """
        self._size()
        return self.manifest

    def _size(self) -> tuple[int, int]:
        """Time of the last change and size of the file with the curves, which must be right."""
        try:
            found = self.file().stat()
        except FileNotFoundError:
            raise DamagedFile(self.file(), "it is missing") from None
        if found.st_size != (size := self.curves.bytes):
            raise DamagedFile(self.file(), f"it has {found.st_size} bytes instead of {size}")
        return found.st_mtime_ns, size

    def read(self, *, weights: bool = False) -> PublishedRecord:
        """The record, verified; with ``weights`` if they were published and are asked for.

        Raises:
            DamagedFile: the file is missing or broken, for all of its runs.
            Damaged: this run is not what was written.
        """
        table = _opened(self.file(), self._size(), self.curves.sha256)
        try:
            whose = rows_of(table, self.start, self.facts.rows, ["key"])["key"].to_pylist()
            own = rows_of(table, self.start, self.facts.rows, self.facts.columns)
        except KeyError as error:
            raise Damaged(f"its curves are unreadable: {quoted(str(error))}") from None
        if whose != [self.facts.key] * self.facts.rows:
            raise Damaged("its rows are not where they should be")
        known = self.facts.weights
        tensors = self._tensors(known) if weights and known else None
        return PublishedRecord(self.file(), self.manifest, {}, own, tensors)

    def _tensors(self, known: FileFacts) -> dict[str, np.ndarray]:
        path, prefix = self.file(WEIGHTS), f"{self.facts.key}/"
        try:
            with safe_open(path, "np") as file:
                names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118
                found = {name.removeprefix(prefix): file.get_tensor(name) for name in names}
        except FileNotFoundError:
            raise DamagedFile(path, "it is missing") from None
        except (SafetensorError, ValueError, TypeError):
            raise DamagedFile(path, "it is unreadable") from None
        if tensors_digest(found) != known.sha256:
            raise Damaged(f"weights in {path.name} differ from their checksum")
        return found


@lru_cache(maxsize=8)
def _opened(path: Path, _stamp: tuple[int, int], sha256: str) -> pa.Table:
    """All curves of a file, whose bytes are what was written."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedFile(path, "it differs from its checksum")
    try:
        return table_from(data)
    except _UNREADABLE as error:
        raise DamagedFile(path, f"it is unreadable: {quoted(str(error))}") from None


def table_from(data: bytes) -> pa.Table:
    """The table in the bytes of a Parquet file."""
    return pq.read_table(pa.BufferReader(data), use_threads=False)


def rows_of(table: pa.Table, start: int, rows: int, columns: list[str]) -> pa.Table:
    """The curves of one run with the columns that it has, in their order."""
    return table.slice(start, rows).select(columns)


@lru_cache(maxsize=256)
def _indexed(path: Path, _changed: int, _size: int) -> tuple[PublishedIndex, tuple[Place, ...]]:
    """A ``runs.json``, checked, and the places of its runs."""
    data = path.read_bytes()
    head, _, body = data.partition(b"\n")
    if head != first_line(body):
        raise DamagedFile(path, "it differs from its checksum")
    try:
        index = shaped(PublishedIndex, parsed(data))
        merged = {name: scale.merged() for name, scale in index.scales.items()}
    except SpecError as error:
        raise DamagedFile(path, str(error)) from None
    places = []
    for name, scale in index.scales.items():
        start = 0
        for run in merged[name]:
            places.append(Place(path.parent, name, start, scale.curves, run))
            start += run.rows
    return index, tuple(places)


def first_line(body: bytes) -> bytes:
    """First line of a ``runs.json``: the checksum of what follows it."""
    return f'{{"sha256": "{hashlib.sha256(body).hexdigest()}",'.encode()


class Published:
    """The published records below a folder; what is there is looked up when first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def forget(self) -> None:
        """Look again when asked next."""
        self.__dict__.pop("_found", None)

    def folders(self) -> dict[str, Path]:
        """Folder of every experiment; a publisher killed between two renames left it hidden."""
        found = sorted(path.parent for path in self.root.glob(f"*/{INDEX}"))
        return {
            folder.name.lstrip(".").split(".old-")[0]: folder  # hidden ones come first
            for folder in found
            if ".new-" not in folder.name
        }

    @cached_property
    def _found(self) -> tuple[dict[str, list[Place]], list[DamagedFile]]:
        found: dict[str, list[Place]] = {}
        broken = []
        for folder in self.folders().values():
            try:
                for place in self.index(folder)[1]:
                    found.setdefault(place.facts.key, []).append(place)
            except DamagedFile as problem:
                broken.append(problem)
        for places in found.values():
            places.sort(key=lambda place: place.facts.weights is None)
        return found, broken

    def index(self, folder: Path) -> tuple[PublishedIndex, tuple[Place, ...]]:
        """The ``runs.json`` of a folder, and where its runs are.

        Raises:
            DamagedFile: it is not what was written.
        """
        facts = (folder / INDEX).stat()
        return _indexed(folder / INDEX, facts.st_mtime_ns, facts.st_size)

    @property
    def places(self) -> dict[str, list[Place]]:
        """Where the runs are, by key; those with weights first."""
        return self._found[0]

    @property
    def broken(self) -> list[DamagedFile]:
        """What is wrong with files that say where runs are."""
        return self._found[1]
