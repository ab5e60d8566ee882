"""Published records: plain data, exact, checked run by run, replaced as a whole or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

import modnoise as mn
from modnoise.arithmetic.run import Run
from modnoise.pages.style import PALETTES
from modnoise.store import files
from modnoise.store.files import Damaged, tensors_digest
from modnoise.store.load import load_or_train
from modnoise.store.publish import publish
from modnoise.store.published import Published, _opened, rounded
from modnoise.store.records import Store, StoreError, configuration
from modnoise.studies import EXPERIMENTS, SPECS, spec_from

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"

RUNS = [Run(p=7, width=8, steps=9, noise=noise) for noise in (0.0, 0.5, 0.9)]
KEYS = [run.key for run in RUNS]
FACTS = {"device": "cpu", "device_name": "Some CPU", "threads": 1, "seconds": 1.25}
NAN = float("nan")


def curves(n: int) -> pd.DataFrame:
    """Curves of a kind that only the ``n``-th run has: counts, gaps, text, truth."""
    step, part = np.arange(4), pd.Series(["full", "G", "full", "a\tb\nç"], dtype="str")
    found = pd.DataFrame({"step": step, "part": part, "accuracy": [0.1, NAN, -0.0, 1 / 3]})
    if n == 1:
        found = found.drop(columns="accuracy")[["part", "step"]]
        found = found.assign(kept=[2**62, 2, 3, 4], drawn=[True, False, True, True])
    if n == 2:
        lists = [np.array([1, 2]), np.array([], int), np.array([3])]
        found = found.iloc[:3].assign(loss=[NAN, 1e-300, float("inf")], counts=lists)
    return found


def weights(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(n)
    return {"U": rng.normal(size=(3, 5)).astype("float32"), "mu": rng.normal(size=4)}


@pytest.fixture
def store(tmp_path) -> Store:
    """A store in which `RUNS` are recorded, with made-up curves."""
    made = Store(tmp_path / "runs", tmp_path / "results")
    for n, run in enumerate(RUNS):
        made.save(run, curves(n), weights(n), FACTS | {"stack": KEYS})
    return made


def published(store: Store) -> Store:
    """What somebody sees who has the published files alone."""
    return Store(store.root.with_name("elsewhere"), store.published)


@pytest.fixture
def folder(store) -> Path:
    """The published files of the runs, with the weights of the second."""
    assert publish(store, "three", "laptop", RUNS, weights=KEYS[1:2]) == 3
    return store.published / "three"


def warnings(caplog) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --- what comes back


def test_curves_come_back_with_their_own_columns_types_and_bits(store, folder):
    for n, run in enumerate(RUNS):
        record, why = published(store).find(run)
        expected = curves(n)
        assert why == ""
        pd.testing.assert_frame_equal(record.history, expected, check_exact=True)
        for name in expected.columns:
            if expected[name].dtype.kind in "ifb":
                assert (
                    record.history[name].to_numpy().tobytes()
                    == expected[name].to_numpy().tobytes()
                )
        ours = store.find(run)[0].manifest
        assert {**record.manifest, "files": 0} == {**ours, "files": 0}
        assert record.manifest["config"] == configuration(run)


def test_weights_come_back_where_they_were_published(store, folder):
    there = published(store)
    record, why = there.find(RUNS[1], weights=True)
    assert why == ""
    near = {"U": weights(1)["U"].astype("float16").astype("float32"), "mu": weights(1)["mu"]}
    assert {k: (x.dtype, x.tobytes()) for k, x in record.tensors.items()} == {
        k: (x.dtype, x.tobytes()) for k, x in near.items()
    }
    record, why = there.find(RUNS[0], weights=True)
    assert (record.has_weights, why) == (False, "only curves are recorded")


def test_one_table_holds_every_curve_with_the_fields_of_its_run(folder):
    table = pd.read_parquet(folder / "laptop.parquet")
    assert list(table.columns) == [
        "key", *Run.model_fields, "step", "part", "accuracy", "kept", "drawn", "loss", "counts",
    ]  # fmt: skip
    assert table.key.tolist() == [KEYS[0]] * 4 + [KEYS[1]] * 4 + [KEYS[2]] * 3
    assert table.noise.tolist() == [0.0] * 4 + [0.5] * 4 + [0.9] * 3
    assert table[["p", "width", "steps", "act"]].drop_duplicates().to_numpy().tolist() == [
        [7, 8, 9, "relu"]
    ]
    assert table.batch.isna().all()
    assert table.accuracy[4:8].isna().all()


def test_facts_are_a_line_a_run_and_what_all_share_is_told_once(folder):
    lines = (folder / "runs.json").read_text().splitlines()
    told = [json.loads(line.rstrip(",")) for line in lines if '{"key"' in line]
    assert [(one["key"], one["config"]) for one in told] == [
        (run.key, {"noise": run.noise}) for run in RUNS
    ]
    scale = json.loads("\n".join(lines))["scales"]["laptop"]
    assert scale["all"]["config"] == {
        name: x for name, x in configuration(RUNS[0]).items() if name != "noise"
    }
    assert scale["all"]["seconds"] == 1.25
    assert [one["rows"] for one in told] == [4, 4, 3]
    assert [len(one["columns"]) for one in told] == [3, 4, 5]


def test_checksums_are_of_the_bytes_that_lie_in_the_file(folder):
    data, text = ((folder / name).read_bytes() for name in ("laptop.parquet", "runs.json"))
    facts = json.loads(text)["scales"]["laptop"]["curves"]
    assert facts == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    first, _, rest = text.partition(b"\n")
    assert first == b'{"sha256": "%s",' % hashlib.sha256(rest).hexdigest().encode()


def test_the_checksum_of_weights_is_that_of_names_types_shapes_and_values():
    by_hand = (
        b"b float32 (2,)" + struct.pack("<2f", 1.0, -2.5) + b"c int64 ()" + b"\x03" + b"\0" * 7
    )
    tensors = {"c": np.array(3), "b": np.array([1.0, -2.5], np.float32)}
    assert tensors_digest(tensors) == hashlib.sha256(by_hand).hexdigest()


# --- damage


def damaged(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << position % 8
    path.write_bytes(data)
    _opened.cache_clear()  # a change within a tick of the clock has the time of the old file


def test_any_flipped_byte_of_the_curves_is_named_before_they_are_read(store, folder, caplog):
    path, rng = folder / "laptop.parquet", np.random.default_rng(0)
    intact = path.read_bytes()
    for position in {0, len(intact) - 1, *rng.integers(len(intact), size=60).tolist()}:
        caplog.clear()
        damaged(path, position)
        there = published(store)
        assert [there.find(run) for run in RUNS] == [(None, "damaged")] * 3
        assert warnings(caplog) == [
            f"{path} is damaged and not used: it differs from its checksum"
        ]
        path.write_bytes(intact)


BROKEN = {
    "truncated": ("laptop.parquet", lambda data: data[:-1]),
    "gone": ("laptop.parquet", lambda _: None),
    "index": ("runs.json", lambda data: data.replace(b'"threads": 1', b'"threads": 2')),
    "index truncated": ("runs.json", lambda data: data[:-9]),
    "index empty": ("runs.json", lambda _: b""),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_is_named_once_and_none_of_its_runs_is_used(store, folder, caplog, how):
    name, change = BROKEN[how]
    data = change((folder / name).read_bytes())
    (folder / name).unlink()
    if data is not None:
        (folder / name).write_bytes(data)
    _opened.cache_clear()
    there = published(store)
    assert {there.find(run)[0] for run in RUNS} == {None}
    assert [there.glance(run)[0] for run in RUNS] == [None] * 3
    (line,) = warnings(caplog)
    assert line.startswith(f"{folder / name} is damaged and not used: it")


@pytest.mark.parametrize(("name", "named"), [("U", KEYS[1]), ("mu", KEYS[1])])
def test_damaged_weights_are_named_and_the_curves_still_serve(store, folder, caplog, name, named):
    path = folder / "laptop.safetensors"
    damaged(path, path.read_bytes().index(rounded(weights(1))[name].tobytes()))
    there = published(store)
    assert there.find(RUNS[1])[1] == ""
    assert there.find(RUNS[1], weights=True) == (None, "damaged")
    assert warnings(caplog) == [
        f"run {named} in {folder / 'laptop.parquet'} is damaged and not used: "
        "weights in laptop.safetensors differ from their checksum"
    ]
    path.unlink()
    assert published(store).find(RUNS[1], weights=True) == (None, "damaged")
    assert warnings(caplog)[1:] == [f"{path} is damaged and not used: it is missing"]


def test_only_what_is_damaged_is_trained_again_and_kept_among_our_own(tmp_path, caplog):
    first = Store(tmp_path / "runs", tmp_path / "results")
    expected = load_or_train(RUNS, store=first, progress=False)
    publish(first, "two", "laptop", RUNS[:2])
    publish(first, "three", "laptop", RUNS[2:])
    path = first.published / "three" / "laptop.parquet"
    damaged(path, path.stat().st_size // 3)
    again = load_or_train(RUNS, store=published(first), weights=False, progress=False)
    (trained,) = again.report.trained
    assert again.report.reasons == ["damaged"]
    assert [line.split(" is ")[0] for line in warnings(caplog)] == [str(path)]
    assert trained["key"] == KEYS[2]
    for run, one, other in zip(RUNS, again, expected, strict=True):
        exact = run.key != trained["key"]  # alone, not in the stack of three, so rounded otherwise
        pd.testing.assert_frame_equal(one.history, other.history, check_exact=exact)
    assert [run.key for run in RUNS if (published(first).root / run.key).exists()] == [
        trained["key"]
    ]


def rewritten(folder: Path, change) -> None:
    """Change ``runs.json`` and make its checksum right again."""
    value = json.loads((folder / "runs.json").read_text())
    del value["sha256"]
    change(value["scales"]["laptop"])
    body = json.dumps(value)[1:].encode()
    first = f'{{"sha256": "{hashlib.sha256(body).hexdigest()}",'.encode()
    (folder / "runs.json").write_bytes(first + b"\n" + body)


def test_every_field_is_compared_a_key_alone_is_not_trusted(store, folder, caplog):
    rewritten(folder, lambda scale: scale["runs"][1]["config"].update(noise=0.25))
    there = published(store)
    assert [there.find(run)[1] for run in RUNS] == ["", "damaged", ""]
    assert there.glance(RUNS[1]) == (None, "noise is 0.25 in the record, 0.5 asked for")
    assert warnings(caplog) == [
        f"run {KEYS[1]} in {folder / 'laptop.parquet'} is damaged and not used: "
        "noise is 0.25 in the record, 0.5 asked for"
    ]


SHAPES = {
    "a missing fact": lambda scale: scale["all"].pop("commit"),
    "an unknown fact": lambda scale: scale["runs"][0].update(rank=1),
    "a number for a list": lambda scale: scale.update(runs=3),
    "a list for fields": lambda scale: scale["runs"][2].update(config=[1]),
    "a negative size": lambda scale: scale["curves"].update(bytes=-5),
    "a key that climbs": lambda scale: scale["runs"][0].update(key="../../passwd"),
}


@pytest.mark.parametrize("change", SHAPES.values(), ids=SHAPES)
def test_facts_of_another_shape_are_one_line_though_their_checksum_is_right(
    store, folder, caplog, change
):
    rewritten(folder, change)
    assert published(store).find(RUNS[0]) == (None, "no record yet")
    (line,) = warnings(caplog)
    assert line.startswith(f"{folder / 'runs.json'} is damaged and not used: ")
    assert "\n" not in line


def test_columns_that_the_file_does_not_have_are_damage(store, folder):
    rewritten(folder, lambda scale: scale["runs"][0]["columns"].append("gone"))
    (place,) = published(store).results.places[KEYS[0]]
    with pytest.raises(Damaged, match="its curves are unreadable: .*gone"):
        place.read()


@pytest.mark.parametrize("rows", [3, 5])
def test_rows_of_another_run_are_damage(store, folder, rows):
    rewritten(folder, lambda scale: scale["runs"][0].update(rows=rows))
    assert [published(store).find(run)[1] for run in RUNS[1:]] == ["damaged", "damaged"]


@pytest.mark.parametrize("columns", [["step"], ["part", "step"]])
def test_what_is_no_curves_is_neither_used_nor_published(store, folder, columns):
    before = content(folder)
    odd = curves(0).assign(step="first")[columns]
    store.save(RUNS[0], odd, {}, FACTS | {"stack": KEYS})
    problem = "has no column part" if len(columns) == 1 else "column 'step' of .* holds no numbers"
    with pytest.raises(StoreError, match=f"{KEYS[0]} is damaged: .*{problem}"):
        publish(store, "three", "laptop", RUNS)
    assert content(folder) == before
    rewritten(folder, lambda scale: scale["runs"][0].update(columns=["step", "accuracy"]))
    (place,) = published(store).results.places[KEYS[0]]
    with pytest.raises(Damaged, match=r"laptop\.parquet has no column part"):
        place.read().check()


# --- publishing


def test_a_second_publishing_writes_nothing_and_a_new_record_its_run(store, folder):
    before, place = content(folder), folder.stat().st_ino
    assert publish(store, "three", "laptop", RUNS) == 0
    assert (content(folder), folder.stat().st_ino) == (before, place)
    store.save(RUNS[0], curves(0), weights(0), FACTS | {"stack": KEYS, "seconds": 9.0})
    assert publish(store, "three", "laptop", RUNS) == 1
    assert [published(store).glance(run)[0]["seconds"] for run in RUNS] == [9.0, 1.25, 1.25]


def test_what_we_do_not_have_stays_as_it_was_published(store, folder):
    shutil.rmtree(store.root / KEYS[0])
    shutil.rmtree(store.root / KEYS[1])
    assert publish(store, "three", "laptop", RUNS) == 0
    store.save(RUNS[2], curves(0), weights(2), FACTS | {"stack": KEYS})
    assert publish(store, "three", "laptop", RUNS) == 1
    there = published(store)
    for run, n in zip(RUNS, (0, 1, 0), strict=True):
        pd.testing.assert_frame_equal(there.find(run)[0].history, curves(n), check_exact=True)
    assert there.find(RUNS[1], weights=True)[0].has_weights


def test_weights_stay_with_the_curves_they_belong_to(store, folder):
    store.save(RUNS[1], curves(2), weights(7), FACTS | {"stack": KEYS})
    assert publish(store, "three", "laptop", RUNS) == 1
    assert not published(store).find(RUNS[1], weights=True)[0].has_weights
    assert [path.name for path in sorted(folder.iterdir())] == ["laptop.parquet", "runs.json"]


def test_runs_that_are_not_asked_for_need_not_be_recorded(store):
    shutil.rmtree(store.root / KEYS[0])
    assert publish(store, "three", "laptop", RUNS, asked=KEYS[1:]) == 2
    assert [published(store).find(run)[1] for run in RUNS] == ["no record yet", "", ""]
    with pytest.raises(StoreError, match=f"{KEYS[0]} is not recorded in .*: run it first"):
        publish(store, "three", "laptop", RUNS)


def test_a_shared_run_is_in_each_experiment_and_its_weights_are_found_in_either(store, folder):
    shutil.rmtree(store.root)
    assert publish(store, "another", "laptop", RUNS[:2]) == 2
    there = published(store)
    assert len(there.results.places[KEYS[1]]) == 2
    assert there.find(RUNS[1], weights=True)[1] == ""
    path = folder / "laptop.parquet"
    path.write_bytes(b"")
    assert published(store).find(RUNS[0])[1] == ""
    with pytest.raises(StoreError, match=f"weights of {KEYS[0]} are not recorded"):
        publish(store, "another", "laptop", RUNS[:2], weights=KEYS[:1])


def test_weights_are_published_rounded_and_the_same_when_published_again(store, folder):
    path, whole = folder / "laptop.safetensors", store.find(RUNS[1], weights=True)[0].tensors
    with safe_open(path, "np") as file:
        found = {name: file.get_tensor(f"{KEYS[1]}/{name}") for name in whole}
    assert found["U"].dtype == np.float16
    np.testing.assert_allclose(found["U"], whole["U"], rtol=2**-11)
    assert found["mu"].tobytes() == whole["mu"].tobytes()
    before = content(folder)
    shutil.rmtree(store.root)  # now from what was published
    assert publish(store, "three", "laptop", RUNS[:2], weights=KEYS[1:2]) == 0
    assert content(folder)["laptop.safetensors"] == before["laptop.safetensors"]


def test_weights_are_exact_where_that_is_asked_for_and_stay_so(store, folder):
    there, wanted = published(store), weights(1)
    assert publish(store, "three", "laptop", RUNS, weights=KEYS[1:2], exact=True) == 1
    for _ in range(2):  # also when it is published again without a word
        found = there.find(RUNS[1], weights=True)[0].tensors
        assert {k: x.tobytes() for k, x in found.items()} == {
            k: x.tobytes() for k, x in wanted.items()
        }
        assert publish(store, "three", "laptop", RUNS) == 0


def test_rounded_weights_are_not_published_as_exact_ones(store, folder):
    shutil.rmtree(store.root)
    with pytest.raises(StoreError, match=f"weights of {KEYS[1]} are not recorded"):
        publish(store, "three", "laptop", RUNS, weights=KEYS[1:2], exact=True)


def test_weights_that_half_precision_cannot_hold_are_refused(store, folder):
    before, large = content(folder), {"U": np.array([1e5], np.float32)}
    store.save(RUNS[1], curves(1), large, FACTS | {"stack": KEYS})
    with pytest.raises(StoreError, match=f"a weight of run {KEYS[1]} is too large"):
        publish(store, "three", "laptop", RUNS)
    assert content(folder) == before


def test_scales_share_a_folder_and_leave_each_other_alone(store, folder):
    smaller = [run.but(steps=2) for run in RUNS]
    for n, run in enumerate(smaller):
        store.save(run, curves(n), weights(n), FACTS | {"stack": KEYS})
    before = content(folder)
    assert publish(store, "three", "smoke", smaller, weights=[smaller[0].key]) == 3
    after = content(folder)
    assert after.keys() == before.keys() | {"smoke.parquet", "smoke.safetensors"}
    assert {name: after[name] for name in before if name != "runs.json"} == {
        name: x for name, x in before.items() if name != "runs.json"
    }
    assert all(published(store).find(run)[0] for run in RUNS + smaller)
    assert publish(store, "three", "laptop", RUNS) == 0


def test_a_damaged_record_of_ours_is_not_published(store, folder):
    before = content(folder)
    (store.root / KEYS[0] / "history.parquet").write_bytes(b"")
    with pytest.raises(StoreError, match=rf"{KEYS[0]} is damaged: history\.parquet has 0 bytes"):
        publish(store, "three", "laptop", RUNS)
    assert content(folder) == before


def test_publishing_mends_a_damaged_file_and_refuses_an_index_that_it_cannot_read(store, folder):
    before = content(folder)
    damaged(folder / "laptop.parquet", 30)
    assert publish(store, "three", "laptop", RUNS, weights=KEYS[1:2]) == 3
    assert content(folder) == before
    (folder / "runs.json").write_text("{}")
    with pytest.raises(StoreError, match=r"runs\.json is damaged: .*; restore it first"):
        publish(store, "three", "laptop", RUNS)


UNFIT = {
    "numbers of pandas' own": (curves(1).astype({"kept": "Int64"}), "column kept of run"),
    "two types": (curves(1).assign(step=0.5), "do not fit into one table"),
    "a field's name": (curves(0).assign(width=1), "column width of its curves is also a field"),
}


@pytest.mark.parametrize(("frame", "message"), UNFIT.values(), ids=UNFIT)
def test_curves_that_would_not_come_back_are_refused_and_the_old_files_stay(
    store, folder, frame, message
):
    before = content(folder)
    store.save(RUNS[1], frame, {}, FACTS | {"stack": KEYS})
    with pytest.raises(StoreError, match=f"cannot publish three: .*{message}") as error:
        publish(store, "three", "laptop", RUNS)
    assert "\n" not in str(error.value)
    assert content(folder) == before


class Killed(BaseException):
    """Stands for kill -9: nothing in the package catches it."""


def test_a_publisher_killed_anywhere_leaves_the_old_or_the_new_files(store, folder, monkeypatch):
    def seen() -> list[float]:
        there = Store(store.root.with_name("elsewhere"), store.published)
        records = [there.find(run, weights=run is RUNS[1])[0] for run in RUNS]
        assert records[1].has_weights
        return [record.manifest["seconds"] for record in records]

    def counted(function):
        def call(*args, **kwargs):
            count[0] += 1
            if count[0] > after:
                raise Killed
            return function(*args, **kwargs)

        return call

    old, outcomes = 1.25, []
    for after in range(40):
        new, count = 2.0 + after, [0]
        for n, run in enumerate(RUNS):
            store.save(run, curves(n), weights(n), FACTS | {"stack": KEYS, "seconds": new})
        with monkeypatch.context() as patch:
            patch.setattr(files, "write_synced", counted(files.write_synced))
            patch.setattr(files, "_sync", counted(files._sync))
            for name in ("rename", "mkdir"):
                patch.setattr(Path, name, counted(getattr(Path, name)))
            patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
            try:
                publish(store, "three", "laptop", RUNS)
            except Killed:
                assert seen() in ([old] * 3, [new] * 3)
                outcomes.append(seen()[0] == new)
                old = seen()[0]
            else:
                break
    assert set(outcomes) == {False, True}
    assert seen() == [new] * 3
    assert [path.name for path in store.published.iterdir()] == ["three"]


# --- what is published in this repository


def test_the_results_are_few_files():
    names = [path for path in RESULTS.rglob("*") if path.is_file()]
    folders = {path.parent for path in names}
    assert len(names) <= 5 * len(folders)
    assert {path.name for path in names} <= {
        "README.md", "verdicts.md", "runs.json", "laptop.parquet", "laptop.safetensors",
        "fast.parquet", "fast.safetensors", "paper.parquet",
    }  # fmt: skip


def test_every_published_run_is_intact_and_beside_the_fields_of_its_experiment():
    found = Published(RESULTS)
    assert found.broken == []
    for places in found.places.values():
        records = [place.read(weights=True) for place in places]
        for record in records[1:]:  # a run that experiments share is the same in each
            assert {**record.manifest, "files": 0} == {**records[0].manifest, "files": 0}
            assert record.history.equals(records[0].history)
    everywhere = [place for places in found.places.values() for place in places]
    for name, scale in {(place.folder.name, place.scale) for place in everywhere}:
        here = {place.facts.key for place in everywhere
                if (place.folder.name, place.scale) == (name, scale)}  # fmt: skip
        runs = {run.key: run for run in EXPERIMENTS[name].runs(scale)}
        fields = type(next(iter(runs.values()))).model_fields
        has = pq.read_schema(RESULTS / name / f"{scale}.parquet").names
        later = [x for x in fields if x not in has]  # fields younger than the file: its defaults
        columns = ["key", *(x for x in fields if x in has)]
        table = pd.read_parquet(RESULTS / name / f"{scale}.parquet", columns=columns)
        rows = table.drop_duplicates().astype(object)
        rows = rows.where(rows.notna(), None)
        assert [tuple(row) for row in rows.itertuples(index=False)] == [
            (key, *run.model_dump(exclude={*later}).values())
            for key, run in runs.items()
            if key in here
        ]
        assert all(getattr(r, x) == fields[x].default for r in runs.values() for x in later)


def rounded_nets() -> list[Run]:
    """Runs of two-layer nets whose weights were rounded when they were published."""
    found = []
    for key, (place, *_) in Published(RESULTS).places.items():
        run = spec_from(place.manifest["config"]) if place.facts.weights else None
        if isinstance(run, Run) and place.read(weights=True).rounded:
            found.append(pytest.param(run, id=key))
    return found


@pytest.mark.parametrize("run", rounded_nets())
def test_rounded_nets_have_the_accuracies_that_were_recorded(tmp_path, run):
    nets, table, history = load_or_train(run, store=Store(tmp_path, RESULTS), progress=False)
    final = history[history.step == history.step.max()].set_index("part")
    parts = {"full": nets, "G": mn.parts(nets)["G"]}
    shown = mn.compare({x: (net, table) for x, net in parts.items() if x in final.index})
    assert shown.size >= 3
    for (part, role), value in shown.stack().items():
        assert f"{value:.1%}" == f"{final.loc[part, f'accuracy_{role}']:.1%}"


def test_the_readme_of_the_results_names_every_column_and_no_other():
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    told = [name for row in re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
            for name in re.findall(r"`(\w+)`", row)]  # fmt: skip
    there = {x for path in RESULTS.glob("*/*.parquet") for x in pq.read_schema(path).names}
    assert sorted(told) == sorted(there)
    assert set(told) >= {name for spec in SPECS.values() for name in spec.model_fields}
    parts = {x for path in RESULTS.glob("*/*.parquet")
             for x in pd.read_parquet(path, columns=["part"]).part.unique()}  # fmt: skip
    assert {part for part in parts if f"`{part}`" not in text} == set()


REDRAW = """
import json, sys
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

curves = pd.read_parquet(sys.argv[1])
final = curves[curves.step == curves.steps]
lines = []
for role in ("test", "noisy"):
    ax = plt.figure().subplots()
    for part in ("full", "G", "R", "G_quadratic", "G_random"):
        rows = final[(final.part == part) & final[f"accuracy_{role}"].notna()]
        ax.plot(rows.groupby("noise")[f"accuracy_{role}"].median())
    lines.append([line.get_xydata().tolist() for line in ax.lines])
assert "modnoise" not in sys.modules
print(json.dumps(lines))
"""


def test_a_figure_of_a_page_can_be_drawn_from_the_parquet_file_alone():
    path = RESULTS / "fig5-noise" / "laptop.parquet"
    alone = subprocess.run(
        [sys.executable, "-c", REDRAW, path], capture_output=True, text=True, check=True,
        env={name: x for name, x in os.environ.items() if name != "PYTHONPATH"}, cwd=path.parent,
    )  # fmt: skip
    runs = EXPERIMENTS["fig5-noise"].runs("laptop")
    rows = mn.curves(runs, mn.load_or_train(runs, weights=False, progress=False))
    final = rows[rows.step == rows.steps]
    fig = mn.figures.filtration_against(
        final, x="noise", chance=0.0, title="", color=PALETTES["light"]
    )
    for ax, drawn in zip(fig.axes, json.loads(alone.stdout), strict=True):
        thick = [line.get_xydata().tolist() for line in ax.lines if line.get_linewidth() > 0.9]
        assert sorted(thick) == sorted(drawn)
