"""Recorded results as folders of files: complete or absent, and checked whenever they are read.

A record is ``<root>/<key>/`` with ``history.parquet`` (curves), ``weights.safetensors`` (may be
absent in published records) and ``manifest.json``: the full configuration, what computed it, and
size and SHA-256 of the other files and of the manifest itself. A folder is written under another
name, synced and renamed, so a process killed at any moment leaves a whole record or none.
Nothing here is pickled and nothing imports torch. Layout and rules: ours.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.numpy
from filelock import FileLock
from safetensors import SafetensorError

from modnoise.spec import FORMAT, Spec

logger = logging.getLogger("modnoise")
CHECKOUT = Path(__file__).resolve().parent.parent
HISTORY, WEIGHTS, MANIFEST = "history.parquet", "weights.safetensors", "manifest.json"


class StoreError(RuntimeError):
    """Results cannot be read or written; the message is one line that names the path."""


class Damaged(Exception):
    """A file is not what was written; the message says which and how, for one warning line."""


@dataclass(frozen=True)
class Record:
    """A verified record in memory."""

    path: Path
    manifest: dict[str, Any]
    files: dict[str, bytes]

    @property
    def history(self) -> pd.DataFrame:
        """The curves, exactly as they were recorded."""
        return frame_from(self.files[HISTORY])

    @property
    def has_weights(self) -> bool:
        """Whether the weights were recorded too."""
        return WEIGHTS in self.files

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        """The weights by name."""
        return safetensors.numpy.load(self.files[WEIGHTS])


def frame_bytes(frame: pd.DataFrame) -> bytes:
    """A table as Parquet; floats come back bit for bit."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()


def frame_from(data: bytes) -> pd.DataFrame:
    """The inverse of `frame_bytes`."""
    return pd.read_parquet(io.BytesIO(data))


def duration(seconds: float) -> str:
    """Seconds as a reader says them.

    >>> duration(0.31), duration(41.2), duration(600), duration(9000)
    ('0.3 s', '41 s', '10 min', '2.5 h')
    """
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_synced(path: Path, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_folder(path: Path, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> None:
    """Write a record at once; the caller holds the lock of ``path``.

    What a killed process left half written under a temporary name is removed.
    """
    sizes = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in files.items()
    }
    manifest = {**facts, "files": sizes}
    manifest["sha256"] = _digest(manifest)
    text = json.dumps(manifest, indent=1).encode() + b"\n"
    for stale in path.parent.glob(f".{path.name}.*"):
        shutil.rmtree(stale)
    new, old = (path.with_name(f".{path.name}.{name}-{os.getpid()}") for name in ("new", "old"))
    new.mkdir(parents=True)
    for name, data in {**files, MANIFEST: text}.items():
        _write_synced(new / name, data)
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
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        expected = manifest.pop("sha256")
    except FileNotFoundError:
        raise Damaged(f"{MANIFEST} is missing") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Damaged(f"{MANIFEST} is unreadable") from None
    if _digest(manifest) != expected:
        raise Damaged(f"{MANIFEST} differs from its checksum")
    files = {}
    for name, facts in manifest["files"].items():
        try:
            data = (path / name).read_bytes()
        except FileNotFoundError:
            raise Damaged(f"{name} is missing") from None
        if len(data) != facts["bytes"]:
            raise Damaged(f"{name} has {len(data)} bytes instead of {facts['bytes']}")
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            raise Damaged(f"{name} differs from its checksum")
        files[name] = data
    return Record(path, manifest, files)


def write_state(path: Path, tensors: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Write (replace) a checkpoint file at once: safetensors, with facts and a checksum of all."""
    tensors = {name: np.ascontiguousarray(x) for name, x in tensors.items()}
    text = json.dumps(facts, sort_keys=True)
    metadata = {"facts": text, "sha256": _state_digest(tensors, text)}
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    _write_synced(new, safetensors.numpy.save(tensors, metadata))
    os.replace(new, path)
    _sync(path.parent)


def read_state(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors and facts of a checkpoint file.

    Raises:
        Damaged: what was read is not what was written.
    """
    try:
        data = path.read_bytes()
        tensors = safetensors.numpy.load(data)
        size = int.from_bytes(data[:8], "little")
        metadata = json.loads(data[8 : 8 + size])["__metadata__"]
        text = metadata["facts"]
        if _state_digest(tensors, text) != metadata["sha256"]:
            raise Damaged(f"{path.name} differs from its checksum")
        return tensors, json.loads(text)
    except (SafetensorError, ValueError, KeyError, TypeError):
        raise Damaged(f"{path.name} is unreadable") from None


def _state_digest(tensors: Mapping[str, np.ndarray], text: str) -> str:
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


def configuration(spec: Spec) -> dict[str, Any]:
    """Every field of a spec as JSON gives it back, with its kind and the version of its meaning."""
    return json.loads(
        json.dumps({"format": FORMAT, "kind": type(spec).__name__, **spec.model_dump()})
    )


def difference(stored: Mapping[str, Any], spec: Spec) -> str:
    """The first field in which a stored configuration is not ``spec``, or an empty text.

    A field that did not exist yet when the record was made has its default (see `Run.key`).
    """
    asked = configuration(spec)
    stored = {name: info.default for name, info in type(spec).model_fields.items()} | stored
    for name in {**asked, **stored}:
        if stored.get(name) != asked.get(name) or (name in stored) != (name in asked):
            return f"{name} is {stored.get(name)!r} in the record, {asked.get(name)!r} asked for"
    return ""


@cache
def processor() -> str:
    """Product name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(x.split(":")[1].strip() for x in lines if x.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


@cache
def _commit() -> dict[str, Any]:
    """Commit of the checkout this package is run from, if it is one, and whether it was changed."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(CHECKOUT), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != CHECKOUT:
            return {"commit": None, "dirty": None}
        changes = git("status", "--porcelain", "--untracked-files=no")
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(changes)}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def provenance() -> dict[str, Any]:
    """What computes now: commit, versions, date (UTC)."""
    import modnoise

    libraries = {name: version(name) for name in ("torch", "numpy")}
    return {
        **_commit(),
        "versions": {
            "modnoise": modnoise.__version__, "python": platform.python_version(), **libraries
        },
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


class Store:
    """Records in a folder of ours, and read-only published ones beside it.

    Args:
        root: default ``MODNOISE_STORE``, else ``runs/`` of the checkout, else ``./runs``.
        published: default ``MODNOISE_RESULTS``, else ``results/`` of the checkout.
    """

    def __init__(
        self, root: str | Path | None = None, published: str | Path | None = None
    ) -> None:
        here = CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path()
        self.root = Path(root or os.environ.get("MODNOISE_STORE") or here / "runs")
        self.published = Path(
            published or os.environ.get("MODNOISE_RESULTS") or CHECKOUT / "results"
        )
        self._told: set[Path] = set()

    @property
    def checkpoints(self) -> Path:
        """Folder of unfinished trainings."""
        return self.root / "checkpoints"

    def paths(self) -> dict[str, Path]:
        """Folder of every record by key; ours before a published one. Nothing is checked."""
        return {
            path.name: path
            for root in (self.published, self.root)
            for path in sorted(root.glob("[0-9a-f]" * 12))
        }

    def lock(self, name: str) -> FileLock:
        """A lock among processes, given up by the system when its holder dies."""
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{name}.lock", poll_interval=0.2)

    def read(self, path: Path, spec: Spec) -> Record | None:
        """The record at ``path`` if there is one, verified and compared with ``spec``.

        Raises:
            Damaged: a file is not what was written, or a field is not what was asked for.
        """
        if not path.exists():
            return None
        record = read_folder(path)
        problem = difference(record.manifest["config"], spec)
        if problem:
            raise Damaged(problem)
        return record

    def find(self, spec: Spec, *, weights: bool = False) -> tuple[Record | None, str]:
        """The record of a spec, ours before the published one, or None and why.

        A record of ours with damage is reported as "damaged" (see `mend`); a published one is
        named in a warning and passed over. With ``weights``, a record that has them is preferred.
        """
        why, found = "not recorded", None
        for folder in (self.root, self.published):
            path = folder / spec.key
            try:
                record = self.read(path, spec)
            except Damaged as problem:
                why = "damaged"
                if folder == self.published and path not in self._told:
                    self._told.add(path)
                    logger.warning("%s is damaged and not used: %s", path, problem)
                continue
            except OSError as error:
                raise StoreError(f"cannot read {path}: {error.strerror}") from None
            if record and (record.has_weights or not weights):
                return record, ""
            found = found or record
        return found, ("only curves are recorded" if found else why)

    def mend(self, spec: Spec) -> None:
        """Move a damaged record of ours aside, with one warning; the caller holds its lock."""
        path = self.root / spec.key
        try:
            self.read(path, spec)
        except Damaged as problem:
            aside = set_aside(path)
            logger.warning("%s is damaged: %s; moved to %s", path, problem, aside.name)

    def save(
        self,
        spec: Spec,
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
        try:
            write_folder(self.root / spec.key, files, manifest)
        except OSError as error:
            raise StoreError(f"cannot write {self.root / spec.key}: {error.strerror}") from None

    def probe(self, needed: int = 0) -> None:
        """Make sure, before anything is computed, that ``needed`` bytes can be written.

        Raises:
            StoreError: names the folder and the reason.
        """
        hint = "choose another folder with MODNOISE_STORE or --store"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".probe-{os.getpid()}"
            _write_synced(probe, bytes(4096))
            probe.unlink()
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

    def publish(self, spec: Spec, *, weights: bool = False) -> bool:
        """Copy our verified record to the published folder; True if that changed anything.

        Weights go along if asked for. Weights published before stay with the curves they belong
        to.

        Raises:
            StoreError: it is not recorded, or cannot be written.
        """
        target = self.published / spec.key
        try:
            record = self.read(self.root / spec.key, spec)
        except Damaged as problem:
            raise StoreError(f"{self.root / spec.key} is damaged: {problem}") from None
        if record is None:
            raise StoreError(f"{spec.key} is not recorded in {self.root}: run it first")
        try:
            before = self.read(target, spec)
        except Damaged:
            before = None
        same = before is not None and before.files[HISTORY] == record.files[HISTORY]
        if same and (before.has_weights or not weights):
            return False
        files = {HISTORY: record.files[HISTORY]}
        if weights:
            files[WEIGHTS] = record.files[WEIGHTS]
        try:
            write_folder(target, files, record.manifest)
        except OSError as error:
            raise StoreError(f"cannot write {target}: {error.strerror}") from None
        return True
