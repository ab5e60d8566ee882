"""Write published records: the files of an experiment at a scale, all of them or none.

See `published` for what is in them. All of it: ours.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import safetensors.numpy

from modnoise.spec import Trainable
from modnoise.store.files import Damaged, Record, replace_folder, tensors_digest
from modnoise.store.provenance import CHECKOUT, in_checkout
from modnoise.store.published import (
    CURVES,
    INDEX,
    WEIGHTS,
    DamagedFile,
    Place,
    PublishedRecord,
    first_line,
    rounded,
    rows_of,
    table_from,
)
from modnoise.store.records import Store, StoreError, writing


class Entry(NamedTuple):
    """What is published of a run."""

    run: Trainable
    record: Record
    weights: dict[str, np.ndarray] | None  # as they go along
    new: bool  # whether it was not there like that


def publish(
    store: Store,
    name: str,
    scale: str,
    runs: Sequence[Trainable],
    *,
    asked: Collection[str] | None = None,
    weights: Collection[str] = (),
    exact: bool = False,
) -> int:
    """Write the published files of an experiment at a scale; how many runs are new or changed.

    They hold our records, verified, and what was published before of runs that are not asked for
    or that we do not have.

    Args:
        store: where the records are, and the published ones.
        name: of the experiment.
        scale: one of `modnoise.sweep.SCALES`; files at other scales stay as they are.
        runs: of the experiment at that scale, in its order.
        asked: keys of the runs to publish; None: all of them.
        weights: keys of the runs whose weights go along. Weights published before stay with the
            curves they belong to, and as exact as they are.
        exact: these weights as they are; False: float32 as float16 (`rounded`).

    Raises:
        StoreError: no folder is named and there is no checkout; an asked run is not recorded, or
            damaged, or the files cannot be written. What was published before is then as it was.
    """
    if store.published == CHECKOUT / "results" and not in_checkout():
        raise StoreError(
            "cannot publish from an installed package: run `modnoise publish` in a checkout that "
            "is installed with `pip install -e .`, or name a folder with MODNOISE_RESULTS"
        )
    folder, unique = store.published / name, {run.key: run for run in runs}
    with writing(store.root / "locks"):
        lock = store.lock(f"publish-{name}")
    with lock, writing(folder):
        here = {place.facts.key: place for place in _places(store, folder) if place.scale == scale}
        entries = []
        for key, run in unique.items():
            place, ours = here.get(key), asked is None or key in asked
            whole = key in weights
            found = _entry(store, run, place, ours=ours, whole=whole, exact=whole and exact)
            entries += [found] if found else []
        try:
            _write(store, folder, scale, entries)
        finally:
            store.results.forget()
    return sum(entry.new for entry in entries)


def _places(store: Store, folder: Path) -> tuple[Place, ...]:
    """What is published of an experiment; a folder that a killed publisher hid is put back."""
    there = store.results.folders().get(folder.name)
    if there is None:
        return ()
    if there != folder:
        there.rename(folder)
        store.results.forget()
    try:
        return store.results.index(folder)[1]
    except DamagedFile as problem:
        raise StoreError(f"{problem.path} is damaged: {problem}; restore it first") from None


def _entry(
    store: Store, run: Trainable, place: Place | None, *, ours: bool, whole: bool, exact: bool
) -> Entry | None:
    """What is published of a run, None if there is nothing and it is not asked for."""
    before: PublishedRecord | None = None
    record: Record | None = None
    if place:
        try:
            found = _checked(store, place, run)
            before = found if isinstance(found, PublishedRecord) else None
        except Damaged as problem:
            store.tell(place, problem)
    if ours:
        try:
            record = _checked(store, store.root / run.key, run)
        except Damaged as problem:
            raise StoreError(f"{store.root / run.key} is damaged: {problem}") from None
        record = record or before or store.find(run, weights=whole)[0]
    record = record or before
    if record is None:
        if ours or place:
            raise StoreError(f"{run.key} is not recorded in {store.root}: run it first")
        return None
    same = before if before is not None and before.history.equals(record.history) else None
    if same and same.has_weights:
        whole, record = True, record if record.has_weights else same
        exact = exact or not same.rounded
    coarse = isinstance(record, PublishedRecord) and record.rounded
    if (whole and not record.has_weights) or (exact and coarse):
        raise StoreError(f"weights of {run.key} are not recorded in {store.root}: run it first")
    old = same and same.has_weights == whole and _told(same) == _told(record)
    old = old and not (whole and same and same.rounded == exact)
    tensors = (record.tensors if exact else rounded(record.tensors)) if whole else None
    return Entry(run, record, tensors, not old)


def _checked(store: Store, place: Path | Place, run: Trainable) -> Record | None:
    record = store.read(place, run)
    if record:
        record.check()
    return record


def _told(record: Record) -> dict[str, Any]:
    """The manifest without what depends on where the record lies."""
    return _without(record.manifest, ("files", "sha256"))


def _write(store: Store, folder: Path, scale: str, entries: Sequence[Entry]) -> None:
    """Replace the files of an experiment, unless they are there already."""
    try:
        data = _parquet([(x.run.key, _fields(x.run), x.record.history) for x in entries])
        lines = [_facts(entry) for entry in entries]
    except _Unfit as problem:
        raise StoreError(f"cannot publish {folder.name}: {problem}") from None
    tensors: dict[str, np.ndarray] = {
        f"{entry.run.key}/{part}": x
        for entry in entries
        for part, x in (entry.weights or {}).items()
    }
    files, scales = {f"{scale}{CURVES}": data}, {}
    if tensors:
        files[f"{scale}{WEIGHTS}"] = safetensors.numpy.save(tensors)
    before = {path.name: path.read_bytes() for path in folder.glob("*")}
    if before:
        scales = store.results.index(folder)[0].model_dump(exclude_none=True)["scales"]
        scales.pop(scale, None)
        files |= {name: x for name, x in before.items() if name.split(".")[0] in scales}
    sizes = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    scales[scale] = {"curves": sizes, **_factored(lines)}
    files[INDEX] = _text(scales)
    if files != before:
        replace_folder(folder, files)


# --- curves


class _Unfit(ValueError):
    """Curves that one file cannot hold."""


def _fields(run: Trainable) -> dict[str, Any]:
    return json.loads(run.model_dump_json())


def _parquet(runs: Sequence[tuple[str, Mapping[str, Any], pd.DataFrame]]) -> bytes:
    """Keys, fields and curves as a Parquet file.

    All runs are in one row group: with one each, half of the file would say where its columns
    are. Floats that hardly repeat are split into their bytes, of which only the first compress.
    """
    fields = [{"key": key, **own} for key, own, _ in runs]
    try:
        tables = [pa.Table.from_pandas(frame, preserve_index=False) for *_, frame in runs]
        curves = pa.unify_schemas([table.schema.remove_metadata() for table in tables])
    except pa.ArrowException as error:
        raise _Unfit(f"its curves do not fit into one table: {error}") from None
    if both := [name for name in curves.names if name in fields[0]]:
        raise _Unfit(f"column {both[0]} of its curves is also a field of its runs")
    own = pa.schema({name: pa.array([x[name] for x in fields]).type for name in fields[0]})
    schema, parts = pa.schema([*own, *curves]), []
    for values, table in zip(fields, tables, strict=True):
        n = table.num_rows
        columns = [pa.repeat(pa.scalar(values[x.name], x.type), n) for x in own]
        columns += [table[x.name] if x.name in table.column_names else pa.nulls(n, x.type)
                    for x in curves]  # fmt: skip
        parts.append(pa.table(columns, schema=schema))
    whole, buffer = pa.concat_tables(parts), io.BytesIO()
    split = [x.name for x in curves if pa.types.is_floating(x.type) and _varied(whole[x.name])]
    pq.write_table(
        whole, buffer, row_group_size=max(whole.num_rows, 1), compression="zstd",
        compression_level=15, use_dictionary=[x for x in schema.names if x not in split],
        column_encoding=dict.fromkeys(split, "BYTE_STREAM_SPLIT"), write_statistics=False,
        store_schema=False,
    )  # fmt: skip
    data = buffer.getvalue()
    _compare(data, runs)
    return data


def _varied(column: pa.ChunkedArray) -> bool:
    """Whether most values are different."""
    return 2 * pc.count_distinct(column).as_py() > len(column) - column.null_count


def _compare(data: bytes, runs: Sequence[tuple[str, Any, pd.DataFrame]]) -> None:
    """Read all curves back: they must be what they were."""
    table, start = table_from(data), 0
    for key, _, frame in runs:
        again = rows_of(table, start, len(frame), list(frame.columns)).to_pandas()
        start += len(frame)
        for name in frame.columns:
            if not again[name].equals(frame[name]):
                raise _Unfit(f"column {name} of run {key} does not come back as it is")


# --- facts


def _facts(entry: Entry) -> dict[str, Any]:
    history = entry.record.history
    facts = {"key": entry.run.key, "rows": len(history), "columns": list(history.columns)}
    if entry.weights:
        own = entry.weights
        if any(np.isinf(x).any() for x in own.values()) and not entry.record.manifest["diverged"]:
            raise _Unfit(f"a weight of run {entry.run.key} is too large for float16")
        size = sum(x.nbytes for x in own.values())
        facts["weights"] = {"bytes": size, "sha256": tensors_digest(own)}
    return facts | _told(entry.record)


_OWN = {"key", "rows", "weights"}  # never told for all runs at once


def _factored(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Facts of runs, with what they have in common told once."""
    common = _without(_common(lines), _OWN)
    config = common["config"] = _common([line["config"] for line in lines])
    runs = []
    for line in lines:
        own = {"key": line["key"], "config": _without(line["config"], config)}
        runs.append(own | _without(line, common.keys() | own.keys()))
    return {"all": common, "runs": runs}


def _without(facts: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: x for name, x in facts.items() if name not in names}


def _common(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is the same in all of them; 1, 1.0 and True are three values."""
    texts = [{name: json.dumps(x) for name, x in one.items()} for one in facts]
    return {name: x for name, x in facts[0].items()
            if all(one.get(name) == texts[0][name] for one in texts)}  # fmt: skip


def _text(scales: Mapping[str, Any]) -> bytes:
    """``runs.json``, a run a line."""
    parts = []
    for name, scale in scales.items():
        common = ",\n".join(
            f"    {json.dumps(k)}: {json.dumps(x)}" for k, x in scale["all"].items()
        )
        runs = ",\n".join(f"    {json.dumps(run)}" for run in scale["runs"])
        parts.append(f"""  {json.dumps(name)}: {{
   "curves": {json.dumps(scale["curves"])},
   "all": {{
{common}
   }},
   "runs": [
{runs}
   ]
  }}""")
    body = (' "scales": {\n' + ",\n".join(parts) + "\n }\n}\n").encode()
    return first_line(body) + b"\n" + body
