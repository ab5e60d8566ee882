"""Records and checkpoints in a few files, to carry them to another machine.

An export is a folder with ``part-0001``, ``part-0002``, ..., one tar stream cut into pieces of at
most `PART` bytes (``cat part-* | tar x`` gives a store), and ``index.json``, written last: format,
size and SHA-256 of every part and of every member, and a checksum of the index itself. The same
store gives the same bytes. An import checks everything before it writes anything. All of it: ours.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import logging
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modnoise.spec import Trainable, word
from modnoise.store.files import (
    MANIFEST,
    Damaged,
    Record,
    digest,
    read_folder,
    read_state,
    record_from,
    replace_file,
    set_aside,
    signed_from,
    state_from,
    write_folder,
    write_synced,
)
from modnoise.store.records import Store, checkpoint_name, count, writing
from modnoise.store.schema import ExportIndex, recorded, stacked
from modnoise.studies import spec_from

logger = logging.getLogger("modnoise")

PART = 15_000_000
"""Bytes of one file of an export at most."""

INDEX, FORMAT = "index.json", 1
_OURS = re.compile(r"part-\d{4,}|index\.json|\.index\.json\.new")  # the last: killed in writing


class TransferError(ValueError):
    """An export cannot be made or used; the message is one line that says why."""


@dataclass
class Moved:
    """How much was exported or imported; as text, one line.

    ``kept``: what was here already and stays. ``busy``: keys of runs that a process here trains.
    """

    records: int = 0
    checkpoints: int = 0
    kept: int = 0
    busy: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        text = f"{count(self.records, 'record')}, {count(self.checkpoints, 'checkpoint')}"
        return text + (f" ({self.kept} here already)" if self.kept else "")


# --- out


class _Parts(io.RawIOBase):
    """A stream that is cut into files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rest = folder, bytearray()
        self.written: list[dict[str, Any]] = []

    def write(self, data: Any) -> int:
        """Add to the stream."""
        self.rest += data
        while len(self.rest) >= PART:
            self.flush_part()
        return len(data)

    def flush_part(self) -> None:
        """Write the next file."""
        data = bytes(self.rest[:PART])
        del self.rest[:PART]
        name = f"part-{len(self.written) + 1:04}"
        write_synced(self.folder / name, data)
        self.written.append({"name": name, **_facts(data)})


def _facts(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def export(store: Store, folder: Path, runs: Mapping[str, Trainable] | None = None) -> Moved:
    """Write our records, and the checkpoints of what is unfinished, into a folder.

    Args:
        store: where they are; published records come with the checkout and stay out.
        folder: new, empty, or an earlier export, which is replaced.
        runs: only these, by key, and checkpoints of stacks that one of them is in; None: all.

    Raises:
        TransferError: a folder with other files, or nothing to export.
        StoreError: the folder cannot be written.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        old = sorted(folder.iterdir())
        if others := [x.name for x in old if not _OURS.fullmatch(x.name)]:
            raise TransferError(
                f"folder = {str(folder)!r} is not allowed: it holds {others[0]}; it must be new, "
                "empty, or an earlier export"
            )
        for path in (folder / INDEX, *old):
            path.unlink(missing_ok=True)
        parts, members, moved = _Parts(folder), {}, Moved()
        with tarfile.open(fileobj=parts, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
            for files in _outgoing(store, runs, moved):
                for name, data in files.items():
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
                    members[name] = _facts(data)
        if not members:
            raise TransferError(
                f"nothing to export: none of the {'' if runs is None else f'{len(runs)} '}runs is "
                f"recorded or begun in {store.root}"
            )
        if parts.rest:
            parts.flush_part()
        index = {"format": FORMAT, "parts": parts.written, "members": members}
        text = json.dumps({**index, "sha256": digest(index)}, indent=1).encode() + b"\n"
        replace_file(folder / INDEX, text)
    return moved


def _outgoing(
    store: Store, runs: Mapping[str, Trainable] | None, moved: Moved
) -> Iterator[dict[str, bytes]]:
    """Verified files by name, a record or a checkpoint at a time; what is damaged is named."""
    for path in sorted(store.root.glob("[0-9a-f]" * 12)):
        if runs is None or path.name in runs:
            try:
                record = _own(read_folder(path))
            except (Damaged, ValueError) as problem:
                logger.warning("%s is damaged and left out: %s", path, problem)
                continue
            manifest = (path / MANIFEST).read_bytes()
            moved.records += 1
            yield {f"{path.name}/{k}": x for k, x in {MANIFEST: manifest, **record.files}.items()}
    for path in sorted(store.checkpoints.glob("*.safetensors")):
        try:
            data = path.read_bytes()
            keys = _stack(state_from(path.name, data)[1])
        except FileNotFoundError:  # finished in this moment
            continue
        except (Damaged, ValueError) as problem:
            logger.warning("%s is damaged and left out: %s", path, problem)
            continue
        if runs is None or any(key in runs for key in keys):
            moved.checkpoints += 1
            yield {f"checkpoints/{path.name}": data}


def _stack(facts: Mapping[str, Any]) -> list[str]:
    """Keys of the members of a checkpoint."""
    return [run.key for run in stacked(facts)]


# --- in


@dataclass(frozen=True)
class _Checkpoint:
    name: str
    data: bytes
    keys: list[str]
    step: int


class _Stream(io.RawIOBase):
    """The parts of an export as one stream."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths, self.part = paths, io.BytesIO()

    def read(self, size: int = -1) -> bytes:
        """The next ``size`` bytes."""
        data = self.part.read(size)
        while len(data) < size and self.paths:
            self.part = io.BytesIO(self.paths.pop(0).read_bytes())
            data += self.part.read(size - len(data))
        return data


def import_(store: Store, folder: Path) -> Moved:
    """Take over the records and checkpoints of an export that are not here yet.

    Nothing is written before every byte was checked. An intact record of ours stays, and so does
    a checkpoint that is as far or further; what is damaged here is moved aside and replaced. The
    same import again changes nothing.

    Raises:
        TransferError: what is damaged or missing in the folder, in one line.
        StoreError: the store cannot be written.
    """
    index = _index(folder)
    for _ in _incoming(folder, index):
        pass
    store.probe(sum(facts["bytes"] for facts in index["members"].values()))
    moved = Moved()
    for item in _incoming(folder, index):
        with ExitStack() as held, writing(store.root):
            keys = item.keys if isinstance(item, _Checkpoint) else [item.path.name]
            if store.locked(keys, held) != keys:
                moved.busy |= set(keys)
            elif isinstance(item, _Checkpoint):
                _take_checkpoint(store, item, moved)
            else:
                _take_record(store, item, moved)
    return moved


def _take_record(store: Store, record: Record, moved: Moved) -> None:
    spec = spec_from(record.manifest["config"])
    path = store.root / spec.key
    store.mend(spec)
    if path.exists():
        moved.kept += 1
    else:
        write_folder(path, record.files, record.manifest)
        moved.records += 1


def _take_checkpoint(store: Store, new: _Checkpoint, moved: Moved) -> None:
    path, here = store.checkpoints / new.name, -1
    try:
        here = read_state(path)[1]["step"]
    except FileNotFoundError:
        pass
    except Damaged as problem:
        logger.warning("checkpoint %s; moved to %s", problem, set_aside(path).name)
    if here >= new.step or all((store.root / key).exists() for key in new.keys):
        moved.kept += 1
    else:
        replace_file(path, new.data)
        moved.checkpoints += 1


def _index(folder: Path) -> dict[str, Any]:
    """The index of an export, once every part is what it says."""
    path = folder / INDEX
    try:
        index = signed_from(ExportIndex, str(path), path.read_bytes())
    except Damaged as problem:
        raise TransferError(f"{problem}; nothing was imported") from None
    except OSError:
        raise TransferError(f"{path} is missing: there is no finished export") from None
    problems = []
    for part in index["parts"]:
        try:
            data = (folder / part["name"]).read_bytes()
        except OSError:
            problems.append(f"{part['name']} is missing")
            continue
        if len(data) != part["bytes"]:
            problems.append(f"{part['name']} has {len(data)} bytes instead of {part['bytes']}")
        elif _facts(data)["sha256"] != part["sha256"]:
            problems.append(f"{part['name']} differs from its checksum")
    if problems:
        raise TransferError(f"{folder} is damaged: {'; '.join(problems)}; nothing was imported")
    return index


def _members(folder: Path, index: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every member, as the index says."""
    stream = _Stream([folder / part["name"] for part in index["parts"]])
    awaited = dict(index["members"])
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for info in tar:
            facts, data = awaited.pop(info.name, None), b""
            if facts and facts["bytes"] == info.size and (file := tar.extractfile(info)):
                data = file.read()
            if facts != _facts(data):
                raise Damaged(f"{word(info.name)} differs from the index")
            yield info.name, data
    if awaited:
        raise Damaged(f"{min(awaited)} is missing")


def _incoming(folder: Path, index: Mapping[str, Any]) -> Iterator[Record | _Checkpoint]:
    """What is in an export, each checked by itself.

    Raises:
        TransferError: which one is not a record or checkpoint that can be used here.
    """

    def belongs(member: tuple[str, bytes]) -> str:
        start = member[0].partition("/")[0]
        return member[0] if start == "checkpoints" else start

    key = "the stream"
    try:
        for key, members in itertools.groupby(_members(folder, index), belongs):
            files = {name.rpartition("/")[2]: data for name, data in members}
            yield _checkpoint_of(files) if "/" in key else _record_of(key, files)
    except (tarfile.TarError, Damaged, ValueError) as problem:
        raise TransferError(
            f"{folder} cannot be imported: {key}: {problem}; nothing was imported"
        ) from None


def _record_of(key: str, files: Mapping[str, bytes]) -> Record:
    def read(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError
        return files[name]

    return _own(record_from(Path(key), read))


def _own(record: Record) -> Record:
    """The record, once it is known to be of the run that its folder is named after, and to hold
    curves and weights."""
    recorded(record.manifest, record.path.name)
    record.check()
    return record


def _checkpoint_of(files: Mapping[str, bytes]) -> _Checkpoint:
    ((name, data),) = files.items()
    facts = state_from(name, data)[1]
    keys = _stack(facts)
    if checkpoint_name(keys, facts["device"]) != name:
        raise Damaged("it is of another stack")
    return _Checkpoint(name, data, keys, facts["step"])
