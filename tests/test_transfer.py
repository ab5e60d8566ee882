"""Export and import: the same bytes elsewhere, or one line that says what is wrong."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from modnoise.arithmetic.run import Run
from modnoise.store import files, transfer
from modnoise.store.campaign import fill
from modnoise.store.files import digest, read_folder, read_state, state_facts
from modnoise.store.load import load_or_train
from modnoise.store.order import Order
from modnoise.store.records import Store, StoreError
from modnoise.store.transfer import INDEX, Moved, TransferError, export, import_
from modnoise.training.loop import train

RECORDED = [Run(p=7, width=8, steps=30, noise=n, record_parts=True) for n in (0.0, 0.5)]
BEGUN = [Run(p=7, width=9, steps=60, noise=n) for n in (0.2, 0.4)]


def campaign(store: Store, runs, **options) -> Order:
    order = Order({r.key: r for r in runs}, store, False, "cpu", 1, False, 60.0, **options)
    for run in runs:
        order.look(run)
    fill(order)
    return order


def advance(store: Store, runs, step: int) -> None:
    """Train until the checkpoint is at ``step``."""
    for _ in range(step):  # one step a call
        campaign(store, runs, deadline=0.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Store:
    """A store with two records and a checkpoint at step 5."""
    root = tmp_path_factory.mktemp("made")
    store = Store(root / "runs", root / "results")
    load_or_train(RECORDED, store=store, progress=False)
    advance(store, BEGUN, 5)
    return store


@pytest.fixture
def here(tmp_path) -> Store:
    """An empty store."""
    return Store(tmp_path / "runs", tmp_path / "results")


@pytest.fixture
def small(monkeypatch) -> None:
    """Parts of 4 kB."""
    monkeypatch.setattr(transfer, "PART", 4_000)


def content(store: Store) -> dict[str, bytes]:
    """Every file of a store except locks."""
    return {
        str(path.relative_to(store.root)): path.read_bytes()
        for path in store.root.rglob("*")
        if path.is_file() and path.parent.name != "locks"
    }


def test_a_store_is_the_same_elsewhere_and_a_second_import_changes_nothing(made, here, tmp_path):
    out = tmp_path / "out"
    assert str(export(made, out)) == "2 records, 1 checkpoint"
    assert str(import_(here, out)) == "2 records, 1 checkpoint"
    assert content(here) == content(made)
    times = {path: path.stat().st_mtime_ns for path in here.root.rglob("*")}
    assert str(import_(here, out)) == "0 records, 0 checkpoints (3 here already)"
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert content(here) == content(made)


def test_training_goes_on_elsewhere_bit_for_bit_from_the_exported_step(made, here, tmp_path):
    export(made, tmp_path / "out")
    import_(here, tmp_path / "out")
    order = campaign(here, BEGUN, deadline=0.0)  # one step further
    assert order.missing
    (path,) = here.checkpoints.iterdir()
    assert state_facts(path)["step"] == 6
    results = load_or_train(BEGUN, store=here, progress=False)
    expected = train(BEGUN, progress=False)
    for i in range(2):
        for name, x in expected.nets.arrays(i).items():
            assert results[i].nets.arrays(0)[name].tobytes() == x.tobytes()


def test_any_tar_reads_the_parts_and_they_are_small_few_and_checksummed(made, tmp_path, small):
    out = tmp_path / "out"
    export(made, out)
    index = json.loads((out / INDEX).read_text())
    parts = [out / part["name"] for part in index["parts"]]
    assert sorted(out.iterdir()) == sorted([*parts, out / INDEX])
    assert len(parts) > 3
    assert {path.stat().st_size for path in parts[:-1]} == {4_000}
    for path, part in zip(parts, index["parts"], strict=True):
        assert part["bytes"] == path.stat().st_size
        assert part["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "runs").mkdir()
    command = f"cat {out}/part-* | tar -x -C {tmp_path / 'runs'}"
    subprocess.run(command, shell=True, check=True)
    assert content(Store(tmp_path / "runs", tmp_path)) == content(made)
    assert {n: (m["bytes"], m["sha256"]) for n, m in index["members"].items()} == {
        name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in content(made).items()
    }


def test_the_same_store_gives_the_same_bytes_and_an_earlier_export_is_replaced(
    made, tmp_path, monkeypatch
):
    first, second = tmp_path / "a", tmp_path / "b"
    monkeypatch.setattr(transfer, "PART", 3_000)
    export(made, first)
    assert len(list(first.iterdir())) > 6
    monkeypatch.setattr(transfer, "PART", 50_000_000)
    for folder in (first, second):
        export(made, folder)
    assert [x.name for x in sorted(first.iterdir())] == [INDEX, "part-0001"]
    for name in (INDEX, "part-0001"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_only_the_asked_runs_and_their_stacks_are_exported(made, tmp_path):
    def members(*runs) -> set[str]:
        export(made, tmp_path / "out", {run.key: run for run in runs})
        index = json.loads((tmp_path / "out" / INDEX).read_text())
        return {name.split("/")[0] for name in index["members"]}

    assert members(RECORDED[0]) == {RECORDED[0].key}
    assert members(RECORDED[1], BEGUN[1]) == {RECORDED[1].key, "checkpoints"}
    with pytest.raises(TransferError, match="nothing to export: none of the 1 runs is recorded"):
        members(RECORDED[0].but(seed=9))
    assert not (tmp_path / "out" / INDEX).exists()


def test_a_folder_with_other_files_is_refused(made, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(TransferError, match=r"it holds thesis\.tex; it must be new, empty, or an"):
        export(made, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << position % 8
    path.write_bytes(data)


def test_what_is_damaged_in_the_store_is_named_and_left_out(made, tmp_path, caplog):
    store = Store(tmp_path / "runs", tmp_path)
    shutil.copytree(made.root, store.root)
    record = store.root / RECORDED[0].key
    flip(record / "weights.safetensors", 100)
    (checkpoint,) = store.checkpoints.iterdir()
    flip(checkpoint, -1)
    assert export(store, tmp_path / "out") == Moved(records=1)
    assert caplog.messages == [
        f"{record} is damaged and left out: weights.safetensors differs from its checksum",
        f"{checkpoint} is damaged and left out: {checkpoint.name} differs from its checksum",
    ]
    shutil.copytree(made.root / RECORDED[0].key, store.root / RECORDED[0].but(seed=1).key)
    caplog.clear()
    assert export(store, tmp_path / "out") == Moved(records=1)
    assert f"left out: its manifest is of run {RECORDED[0].key}" in caplog.text


def test_everything_that_is_wrong_with_the_parts_is_named_and_nothing_changes(
    made, here, tmp_path, small
):
    out = tmp_path / "out"
    export(made, out)
    flip(out / "part-0001", 700)
    (out / "part-0002").write_bytes(b"short")
    (out / "part-0003").unlink()
    with pytest.raises(TransferError) as error:
        import_(here, out)
    assert str(error.value) == (
        f"{out} is damaged: part-0001 differs from its checksum; part-0002 has 5 bytes instead "
        "of 4000; part-0003 is missing; nothing was imported"
    )
    assert not here.root.exists()


def test_every_flipped_bit_of_an_export_is_noticed_before_the_store_changes(
    made, here, tmp_path, small
):
    out = tmp_path / "out"
    export(made, out)
    rng = np.random.default_rng(0)
    for path in sorted(out.iterdir()):
        intact = path.read_bytes()
        for position in rng.integers(len(intact), size=20).tolist():
            flip(path, position)
            with pytest.raises(TransferError, match=path.name):
                import_(here, out)
            path.write_bytes(intact)
    assert not here.root.exists()
    import_(here, out)
    assert content(here) == content(made)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "is missing: there is no finished export"),
        (lambda path: path.write_bytes(b"{"), "is unreadable"),
        (lambda path: path.write_bytes(b"[]"), "is unreadable"),
        (lambda path: flip(path, 60), "differs from its checksum|is unreadable"),
    ],
    ids=["missing", "truncated", "other", "flipped"],
)
def test_a_damaged_index_is_one_line(made, here, tmp_path, damage, message):
    export(made, tmp_path / "out")
    damage(tmp_path / "out" / INDEX)
    with pytest.raises(TransferError, match=f"out/{INDEX} ({message})"):
        import_(here, tmp_path / "out")
    assert not here.root.exists()


def rewrite(folder: Path, change) -> None:
    """Change an index and make its checksum right again."""
    index = json.loads((folder / INDEX).read_text())
    del index["sha256"]
    change(index)
    (folder / INDEX).write_text(json.dumps({**index, "sha256": digest(index)}))


def test_an_index_that_does_not_fit_its_parts_or_a_new_format_is_refused(made, here, tmp_path):
    out, name = tmp_path / "out", f"{RECORDED[0].key}/history.parquet"

    def refused(change, message: str) -> None:
        export(made, out)
        rewrite(out, change)
        with pytest.raises(TransferError, match=message):
            import_(here, out)

    refused(lambda index: index.update(format=2), "format = 2 is not allowed: it must be ")
    refused(lambda index: index["members"].pop(name), "differs from the index; nothing was imp")
    refused(lambda index: index["members"][name].update(bytes=1), f"{name} differs from the in")
    more = {f"{'0' * 12}/history.parquet": {"bytes": 1, "sha256": "0" * 64}}
    refused(lambda index: index["members"].update(more), "history.parquet is missing; nothing was")
    assert not here.root.exists()


def test_members_that_are_not_of_a_store_never_get_out_of_it(here, tmp_path, monkeypatch):
    """Even with all checksums right."""
    run, data = RECORDED[0], b"x"
    outgoing = [
        {f"{run.key}/../../x": data},
        {f"{run.key}/manifest.json": data},
        {"checkpoints/../x.safetensors": data},
        {"../x": data},
        {"x": data},
    ]
    for files_out in outgoing:
        monkeypatch.setattr(transfer, "_outgoing", lambda *_, out=files_out: iter([out]))
        export(here, tmp_path / "out")
        with pytest.raises(TransferError, match="(imported|allowed): .*; nothing was imported"):
            import_(here, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_a_record_of_an_unknown_field_or_under_another_key_is_refused(made, here, tmp_path):
    out = tmp_path / "out"
    store = Store(tmp_path / "from", tmp_path)
    folder = store.root / RECORDED[0].key
    shutil.copytree(made.root / folder.name, folder)
    record = read_folder(folder)
    for config, message in (
        ({"walk": 3}, "unknown parameter 'walk'"),
        ({"noise": 0.25}, f"its manifest is of run {RECORDED[0].but(noise=0.25).key}"),
    ):
        facts = {**record.manifest, "config": {**record.manifest["config"], **config}}
        files.write_folder(folder, record.files, facts)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(transfer, "_own", lambda record: record)
            export(store, out)
        with pytest.raises(TransferError, match=message):
            import_(here, out)
    assert not here.root.exists()


# --- what is here already


def test_a_good_record_is_kept_and_a_damaged_one_replaced(made, here, tmp_path, caplog):
    out = tmp_path / "out"
    export(made, out)
    load_or_train(RECORDED, store=here, progress=False)
    before = content(here)
    assert import_(here, out) == Moved(checkpoints=1, kept=2)
    assert {name: content(here)[name] for name in before} == before
    assert (
        before[f"{RECORDED[0].key}/manifest.json"]
        != content(made)[f"{RECORDED[0].key}/manifest.json"]
    )
    path = here.root / RECORDED[1].key
    flip(path / "history.parquet", 50)
    assert import_(Store(here.root, here.published), out) == Moved(records=1, kept=2)
    assert caplog.messages == [
        f"{path} is damaged and not used: history.parquet differs from its checksum",
        f"{path} is kept as {path.name}.damaged-1",
    ]
    assert read_folder(path).manifest == read_folder(made.root / path.name).manifest


@pytest.mark.parametrize(("ours", "stays"), [(3, False), (5, True), (8, True)])
def test_a_checkpoint_gives_way_only_to_one_that_is_further(made, here, tmp_path, ours, stays):
    export(made, tmp_path / "out")
    advance(here, BEGUN, ours)
    (path,) = here.checkpoints.iterdir()
    before = path.read_bytes()
    import_(here, tmp_path / "out")
    assert state_facts(path)["step"] == max(ours, 5)
    assert (path.read_bytes() == before) is stays


def test_a_damaged_checkpoint_is_moved_aside_and_replaced(made, here, tmp_path, caplog):
    export(made, tmp_path / "out")
    advance(here, BEGUN, 8)
    (path,) = here.checkpoints.iterdir()
    flip(path, -1)
    import_(here, tmp_path / "out")
    assert read_state(path)[1]["step"] == 5
    assert caplog.messages == [
        f"checkpoint {path.name} differs from its checksum; moved to {path.name}.damaged-1"
    ]


def test_the_checkpoint_of_what_is_recorded_is_not_needed(made, here, tmp_path):
    export(made, tmp_path / "out")
    load_or_train(BEGUN, store=here, progress=False)
    assert import_(here, tmp_path / "out") == Moved(records=2, kept=1)
    assert list(here.checkpoints.iterdir()) == []


def test_what_is_being_trained_here_is_left_alone_and_told(made, here, tmp_path):
    export(made, tmp_path / "out")
    with here.lock(RECORDED[0].key), here.lock(BEGUN[1].key):
        moved = import_(here, tmp_path / "out")
    assert moved == Moved(records=1, busy={RECORDED[0].key, *(run.key for run in BEGUN)})
    assert import_(here, tmp_path / "out") == Moved(records=1, checkpoints=1, kept=1)


# --- a full disk


def full_after(n: int, write=files.write_synced):
    """`files.write_synced` on a disk that takes ``n`` files and half of the next."""

    def call(path: Path, data: bytes) -> None:
        nonlocal n
        n -= 1
        write(path, data if n >= 0 else data[: len(data) // 2])
        if n < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return call


def test_an_export_that_cannot_be_finished_is_none(made, here, tmp_path, small, monkeypatch):
    out = tmp_path / "out"
    export(made, out)
    written = len(list(out.iterdir()))
    assert written > 4
    for n in range(written):
        with monkeypatch.context() as patch:
            full = full_after(n)
            for module in (transfer, files):
                patch.setattr(module, "write_synced", full)
            with pytest.raises(StoreError, match=f"cannot write {out}: No space left on device"):
                export(made, out)
        with pytest.raises(TransferError, match="there is no finished export"):
            import_(here, out)
    export(made, out)
    assert len(list(out.iterdir())) == written
    import_(here, out)
    assert content(here) == content(made)


def test_an_import_onto_a_full_disk_is_one_line_and_goes_on_later(made, here, tmp_path):
    out = tmp_path / "out"
    export(made, out)
    for n in range(7):  # 2 records of 3 files, 1 checkpoint
        store = Store(tmp_path / f"runs{n}", here.published)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "write_synced", full_after(n))
            with pytest.raises(StoreError, match=f"cannot write {store.root}: No space left"):
                import_(store, out)
        assert all(read_folder(store.root / key) for key in store.places())
        assert len(store.places()) == n // 3
        import_(store, out)
        assert content(store) == content(made)
