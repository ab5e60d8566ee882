"""Files that are complete or absent, and checked whenever they are read.

A record is a folder with ``history.parquet`` (curves), ``weights.safetensors`` (may be absent in
published records) and ``manifest.json``: facts, and size and SHA-256 of the other files and of the
manifest itself. It is written under another name, synced and renamed, so a process killed at any
moment leaves a whole record or none. A checkpoint is one safetensors file, replaced in the same
way, with its checksum among its metadata. Nothing is pickled and nothing imports torch. All: ours.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.numpy
from pyarrow import ArrowException
from safetensors import SafetensorError, safe_open

from modnoise.spec import Spec, SpecError, quoted
from modnoise.store.schema import CheckpointFacts, Manifest, parsed, shaped

HISTORY, WEIGHTS, MANIFEST = "history.parquet", "weights.safetensors", "manifest.json"


class Damaged(Exception):
    """A file is not what was written; the message says which and how, for one warning line."""


@dataclass(frozen=True)
class Record:
    """A verified record in memory."""

    path: Path
    manifest: dict[str, Any]
    files: dict[str, bytes]

    @property
    def key(self) -> str:
        """The name under which the run was recorded."""
        return self.path.name

    @property
    def history(self) -> pd.DataFrame:
        """The curves, exactly as they were recorded.

        Raises:
            Damaged: they are none.
        """
        return curves(frame_from(self.files[HISTORY], HISTORY), HISTORY)

    @property
    def has_weights(self) -> bool:
        """Whether the weights were recorded too."""
        return WEIGHTS in self.files

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        """The weights by name.

        Raises:
            Damaged: they cannot be read.
        """
        try:
            return safetensors.numpy.load(self.files[WEIGHTS])
        except (SafetensorError, ValueError, KeyError, TypeError):
            raise Damaged(f"{WEIGHTS} is unreadable") from None

    def check(self) -> None:
        """Read the curves and, where there are any, the weights; raises Damaged as they do."""
        _ = self.history, self.has_weights and self.tensors


def curves(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The table in the file ``name``, if it has the columns that are read of curves.

    Raises:
        Damaged: one is missing, or holds no numbers.
    """
    kinds = frame.dtypes
    if missing := {"step", "part"} - {*kinds.index}:
        raise Damaged(f"{name} has no column {min(missing)}")
    for column, kind in kinds.items():
        number = column == "step" or str(column).startswith("accuracy_")
        if number and not pd.api.types.is_numeric_dtype(kind):
            raise Damaged(f"the column {quoted(column)} of {name} holds no numbers")
    return frame


def frame_bytes(frame: pd.DataFrame) -> bytes:
    """A table as Parquet; floats come back bit for bit."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def frame_from(data: bytes, name: str) -> pd.DataFrame:
    """The inverse of `frame_bytes`.

    Raises:
        Damaged: ``name`` is no table.
    """
    try:
        return pd.read_parquet(io.BytesIO(data))
    except (ArrowException, OSError, ValueError, KeyError, TypeError):
        raise Damaged(f"{name} is unreadable") from None


def digest(value: Any) -> str:
    """SHA-256 of a value as JSON; that of a manifest tells it from every other one."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _sync(path: Path) -> None:
    """Make renames in a folder durable (Windows cannot, and need not)."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_folder(path: Path, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
    """Write a record at once; the caller holds the lock of ``path``."""
    sizes = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    }
    manifest = {**facts, "files": sizes}
    manifest["sha256"] = digest(manifest)
    text = json.dumps(manifest, indent=1).encode() + b"\n"
    replace_folder(path, {**files, MANIFEST: text})


def replace_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder, or replace it by one with these files, at once.

    What a killed process left half written under a temporary name is removed.
    """
    for stale in path.parent.glob(f".{path.name}.*"):
        shutil.rmtree(stale)
    new, old = (path.with_name(f".{path.name}.{name}-{os.getpid()}") for name in ("new", "old"))
    new.mkdir(parents=True)
    for name, data in files.items():
        write_synced(new / name, data)
    _sync(new)
    if path.exists():
        path.rename(old)
    new.rename(path)
    _sync(path.parent)
    shutil.rmtree(old, ignore_errors=True)


def read_folder(path: Path) -> Record:
    """Read a record and compare every file with its size and checksum.

    Raises:
        Damaged: which file is missing, unreadable or different.
    """
    return record_from(path, lambda name: (path / name).read_bytes())


def record_from(path: Path, read: Callable[[str], bytes]) -> Record:
    """As `read_folder`, of files that ``read(name)`` gives (or raises FileNotFoundError)."""
    manifest, files = _manifest(read), {}
    for name, facts in manifest["files"].items():
        data = _there(read, name)
        _sized(name, len(data), facts)
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            raise Damaged(f"{name} differs from its checksum")
        files[name] = data
    return Record(path, manifest, files)


def glance(path: Path) -> dict[str, Any]:
    """The manifest of a record, checked; of the other files only that they have their sizes.

    Raises:
        Damaged: which file is missing, unreadable or different.
    """
    manifest = _manifest(lambda name: (path / name).read_bytes())
    for name, facts in manifest["files"].items():
        _sized(name, _there(lambda file: (path / file).stat().st_size, name), facts)
    return manifest


def _there(get: Callable[[str], Any], name: str) -> Any:
    try:
        return get(name)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise Damaged(f"{name} is missing") from None


def _sized(name: str, size: int, facts: Mapping[str, Any]) -> None:
    if size != facts["bytes"]:
        raise Damaged(f"{name} has {size} bytes instead of {facts['bytes']}")


def _manifest(read: Callable[[str], bytes]) -> dict[str, Any]:
    return signed_from(Manifest, MANIFEST, _there(read, MANIFEST))


def signed_from(model: type[Spec], name: str, data: bytes) -> dict[str, Any]:
    """The facts in a JSON file that holds their `digest`, once they are what ``model`` says.

    Raises:
        Damaged: they are not what was written, or of another shape.
    """
    try:
        facts = parsed(data)
        expected = facts.pop("sha256")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(f"{name} is unreadable") from None
    if digest(facts) != expected:
        raise Damaged(f"{name} differs from its checksum")
    return _shaped(model, name, facts)


def _shaped(model: type[Spec], name: str, facts: Any) -> dict[str, Any]:
    try:
        shaped(model, facts)
    except SpecError as error:
        raise Damaged(f"{name}: {error}") from None
    return facts


def write_state(path: Path, tensors: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Write (replace) a checkpoint file at once: safetensors, with facts and a checksum of all."""
    tensors = {name: np.ascontiguousarray(x) for name, x in tensors.items()}
    text = json.dumps(facts, sort_keys=True)
    metadata = {"facts": text, "sha256": tensors_digest(tensors, text)}
    replace_file(path, safetensors.numpy.save(tensors, metadata))


def replace_file(path: Path, data: bytes) -> None:
    """Write (replace) a file at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = _unfinished(path)
    write_synced(new, data)
    os.replace(new, path)
    _sync(path.parent)


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def remove_state(path: Path) -> None:
    """Remove a checkpoint, after what a process killed while it wrote one left beside it."""
    for file in (_unfinished(path), path):
        file.unlink(missing_ok=True)


def read_state(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors and facts of a checkpoint file.

    Raises:
        Damaged: what was read is not what was written.
    """
    return state_from(path.name, path.read_bytes())


def state_from(name: str, data: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """As `read_state`, of the bytes of a file."""
    try:
        tensors = safetensors.numpy.load(data)
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size])["__metadata__"]
        text, expected = metadata["facts"], metadata["sha256"]
        facts = parsed(text)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise Damaged(f"{name} is unreadable") from None
    if tensors_digest(tensors, text) != expected:
        raise Damaged(f"{name} differs from its checksum")
    return tensors, _shaped(CheckpointFacts, name, facts)


def state_facts(path: Path) -> dict[str, Any]:
    """Facts of a checkpoint file, from its first bytes alone; no checksum is looked at.

    Raises:
        Damaged: they cannot be read, or are of another shape.
    """
    try:
        with safe_open(path, "np") as file:
            facts = parsed(file.metadata()["facts"])
    except (SafetensorError, ValueError, KeyError, TypeError, IsADirectoryError):
        raise Damaged(f"{path.name} is unreadable") from None
    return _shaped(CheckpointFacts, path.name, facts)


def tensors_digest(tensors: Mapping[str, np.ndarray], text: str = "") -> str:
    """SHA-256 of a text, then of names, types, shapes and values in the order of the names."""
    digest = hashlib.sha256(text.encode())
    for name, x in sorted(tensors.items()):
        digest.update(f"{name} {x.dtype} {x.shape}".encode())
        digest.update(x.tobytes())
    return digest.hexdigest()


def set_aside(path: Path) -> Path:
    """Rename what is damaged to ``<path>.damaged-N``; nothing is ever deleted."""
    n = 1
    while (aside := path.with_name(f"{path.name}.damaged-{n}")).exists():
        n += 1
    return path.rename(aside)
