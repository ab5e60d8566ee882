"""What comes from outside, broken in every way that hypothesis thinks of: it is taken as it is, or
refused in one clear line before anything is written; never a traceback.

Checksums are made right again after every change, so that only the shape tells.
"""

from __future__ import annotations

import copy
import json
import logging
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from modnoise import cli, console, studies, sweep
from modnoise.arithmetic.run import Run
from modnoise.pages import scorecard
from modnoise.pages.parameters import check_parameters
from modnoise.spec import SpecError
from modnoise.store import campaign, errands, published, stacks, transfer
from modnoise.store.files import (
    MANIFEST,
    Damaged,
    digest,
    frame_bytes,
    read_folder,
    read_state,
    write_state,
)
from modnoise.store.load import load_or_train
from modnoise.store.order import Order
from modnoise.store.publish import publish
from modnoise.store.published import Published
from modnoise.store.records import Store, StoreError, configuration
from modnoise.store.schema import DEEPEST, Manifest, parsed, recorded, shaped
from modnoise.store.transfer import INDEX, TransferError, export, import_
from modnoise.verdict import VERDICT

ROOT = Path(__file__).resolve().parent.parent
DONE = Run(p=7, width=8, steps=5)
BEGUN = [Run(p=7, width=9, steps=12, noise=n) for n in (0.2, 0.4)]

fuzzed = settings(
    max_examples=100, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


def one_line(text: str) -> str:
    """The message, seen to be one that a terminal can show."""
    assert text
    assert text.isprintable()
    assert len(text) < 2000
    return text


def nested(levels: int) -> Any:
    value: Any = 0
    for i in range(levels):
        value = [value] if i % 2 else {"": value}
    return value


NAMES = st.one_of(
    st.sampled_from(
        ["", ".", "..", "../x", "/x", "a/../../x", "x\ny", "self", "kind", "__proto__", "bytes",
         "part-0001", "part-0002", "\ud800", "x" * 5000, "checkpoints/../x.safetensors"]
    ),
    st.text(max_size=8),
)  # fmt: skip
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), NAMES,
    st.sampled_from([10**30, -(10**30), 1e308, -0.0, 2**63, [], {}, [[]], {"bytes": []}]),
    st.integers(1, 60).map(nested),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(NAMES, st.integers(), max_size=3),
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) in a document."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])


@st.composite
def mutated(draw: st.DrawFn, document: dict) -> dict:
    """A document with one or two fields dropped, swapped, renamed, doubled, reversed, added."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        spots = [*places(document)]
        if not spots:
            break
        where, key = spots[draw(st.integers(0, len(spots) - 1))]
        how = draw(st.sampled_from(["drop", "odd", "odd", "rename", "more", "reverse"]))
        if how == "odd":
            where[key] = draw(ODD)
        elif how == "drop":
            del where[key]
        elif isinstance(where, dict):
            name = draw(NAMES)
            where[name] = where.pop(key) if how == "rename" else copy.deepcopy(where[key])
        elif how == "reverse":
            where.reverse()
        else:
            where.append(copy.deepcopy(where[key]))
    return document


def signed(document: dict) -> bytes:
    """A document as its file, with the right checksum."""
    return json.dumps({**document, "sha256": digest(document)}).encode()


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same text as JSON: 1, 1.0 and true are not."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "locks"
    }


def order_of(store: Store, runs: list[Run], **options: Any) -> Order:
    found = Order({r.key: r for r in runs}, store, True, "cpu", 1, False, 60.0, **options)
    for run in runs:
        found.look(run)
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Store:
    """A store with a record and a checkpoint at step 5."""
    root = tmp_path_factory.mktemp("made")
    store = Store(root / "runs", root / "results")
    load_or_train(DONE, store=store, progress=False)
    for _ in range(5):
        campaign.fill(order_of(store, BEGUN, deadline=0.0))
    return store


@pytest.fixture(scope="module")
def carried(made, tmp_path_factory) -> Path:
    """An export of it, in several parts."""
    out = tmp_path_factory.mktemp("carried")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "PART", 4_000)
        export(made, out)
    assert len(list(out.iterdir())) > 3
    return out


def imported_or_refused(here: Path, out: Path) -> bool:
    """Whether an export is taken; if not, that it was refused in a line and nothing changed."""
    shutil.rmtree(here, ignore_errors=True)
    try:
        import_(Store(here, here.parent / "none"), out)
    except TransferError as problem:
        one_line(str(problem))
        assert not here.exists()
        return False
    return True


def carrying(files: dict[str, bytes], out: Path) -> None:
    """Make an export of any files whatever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "_outgoing", lambda *_: iter([files]))
        export(Store(out / "none", out), out)


# --- exports


@fuzzed
@given(data=st.data())
def test_an_index_of_any_shape_is_taken_as_it_was_or_refused_in_a_line(data, carried, tmp_path):
    intact = (carried / INDEX).read_bytes()
    index = json.loads(intact)
    del index["sha256"]
    changed = data.draw(mutated(index))
    (carried / INDEX).write_bytes(signed(changed))
    before = content(carried)
    try:
        if imported_or_refused(tmp_path / "here", carried):
            assert same(changed, index)
        assert content(carried) == before
    finally:
        (carried / INDEX).write_bytes(intact)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x.pop("members"), "members is missing"),
        (lambda x: x.update(parts=5), "parts = 5 is not allowed: it must be a valid list"),
        (lambda x: x["parts"][0].update(name=""), "parts.0.name = '' is not allowed: it must"),
        (lambda x: x["parts"][1].update(name="../x"), "parts.1.name = '../x' is not allowed"),
        (lambda x: x["parts"].append(x["parts"][0]), "name = 'part-0001' is not allowed: it must"),
        (lambda x: x["members"].update({"../x": x["parts"][0]}), "members.../x.[key] = '../x' is"),
        (lambda x: x.update(format=True), "format = True is not allowed: it must be a valid"),
        (lambda x: x.update(more=1), "unknown parameter 'more'"),
        (lambda x: x.update(parts=nested(99)), "is unreadable"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_index_is_named(change, message, carried, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(carried, out)
    index = json.loads((out / INDEX).read_text())
    del index["sha256"]
    change(index)
    (out / INDEX).write_bytes(signed(index))
    with pytest.raises(TransferError) as problem:
        import_(Store(tmp_path / "here", tmp_path), out)
    assert message in one_line(str(problem.value))
    assert not (tmp_path / "here").exists()


@fuzzed
@given(cut=st.binary(max_size=3000), at=st.integers(0, 20_000))
def test_parts_that_are_no_tar_are_refused_in_a_line(cut, at, carried, tmp_path):
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(carried, out)
    index = json.loads((out / INDEX).read_text())
    del index["sha256"]
    stream = b"".join((out / part["name"]).read_bytes() for part in index["parts"])
    for part in index["parts"]:
        (out / part["name"]).unlink()
    changed = stream[:at] + cut + stream[at + len(cut) :]
    (out / "part-0001").write_bytes(changed)
    index["parts"] = [{"name": "part-0001", **transfer._facts(changed)}]
    (out / INDEX).write_bytes(signed(index))
    if imported_or_refused(tmp_path / "here", out):
        assert content(tmp_path / "here").keys() == index["members"].keys()


@pytest.mark.parametrize("kind", ["file", "folder", "empty"])
def test_a_folder_that_is_no_export_is_one_line(kind, tmp_path):
    folder = tmp_path / "out"
    if kind == "file":
        folder.write_text("")
    elif kind == "folder":
        (folder / INDEX).mkdir(parents=True)
    else:
        folder.mkdir()
    assert not imported_or_refused(tmp_path / "here", folder)


# --- records


@settings(fuzzed, max_examples=60)
@given(data=st.data())
def test_a_manifest_of_any_shape_is_that_of_its_run_or_refused_in_a_line(
    data, made, tmp_path, caplog, capsys
):
    intact = read_folder(made.root / DONE.key)
    manifest = data.draw(mutated(intact.manifest))
    out, store = tmp_path / "out", Store(tmp_path / "store", tmp_path / "none")
    folder = store.root / DONE.key
    for path in (out, store.root):
        shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(made.root / DONE.key, folder)
    (folder / MANIFEST).write_bytes(signed(manifest))
    before = content(store.root)

    carrying({f"{DONE.key}/{name}": x for name, x in content(folder).items()}, out)
    if taken := imported_or_refused(tmp_path / "here", out):
        assert recorded(manifest, DONE.key) == DONE
        assert same(read_folder(tmp_path / "here" / DONE.key).manifest, manifest)

    caplog.clear()
    found, why = store.find(DONE)
    assert (why == "damaged") == (found is None)
    assert store.glance(DONE)[0] == (found and found.manifest)
    for message in caplog.messages:
        one_line(message)
    assert found or not taken

    with pytest.raises(SystemExit) as left:
        cli.main(["show", DONE.key, "--store", str(store.root)])
    said = capsys.readouterr()
    assert left.value.code == (0 if taken else 1)
    assert said.out if taken else " is damaged: " in one_line(said.err.rstrip("\n"))
    assert content(store.root) == before


@pytest.mark.parametrize("name", ["history.parquet", "weights.safetensors"])
@pytest.mark.parametrize("data", [b"", b"x", frame_bytes(scorecard.pd.DataFrame({"a": ["b"]}))])
def test_curves_and_weights_that_are_none_are_refused(name, data, made, tmp_path, capsys):
    record = read_folder(made.root / DONE.key)
    store = Store(tmp_path / "store", tmp_path / "none")
    transfer.write_folder(store.root / DONE.key, {**record.files, name: data}, record.manifest)
    carrying(
        {f"{DONE.key}/{n}": x for n, x in content(store.root / DONE.key).items()}, tmp_path / "out"
    )
    assert not imported_or_refused(tmp_path / "here", tmp_path / "out")
    with pytest.raises(StoreError, match=f"{DONE.key} is damaged") as problem:
        load_or_train(DONE, store=store, progress=False)
    one_line(str(problem.value))
    with pytest.raises(SystemExit):
        cli.main(["show", DONE.key, "--store", str(store.root)])
    assert name in one_line(capsys.readouterr().err.rstrip("\n"))


def test_every_published_manifest_is_that_of_its_run():
    found = Published(ROOT / "results").places
    assert len(found) > 900
    for key, places in found.items():
        for place in places:
            recorded(place.glance(), key)


@settings(fuzzed, max_examples=60)
@given(data=st.data())
def test_published_facts_of_any_shape_are_those_of_their_runs_or_refused_in_a_line(
    data, made, tmp_path, caplog, capsys, monkeypatch
):
    store, runs = Store(made.root, tmp_path / "results"), [DONE]
    shutil.rmtree(store.published, ignore_errors=True)
    publish(store, "one", "laptop", runs, weights=[DONE.key])
    path = store.published / "one" / published.INDEX
    index = data.draw(mutated(json.loads(path.read_bytes())))
    body = json.dumps({name: x for name, x in index.items() if name != "sha256"})[1:].encode()
    path.write_bytes(published.first_line(body) + b"\n" + body)
    before = content(store.published)
    there = Store(tmp_path / "none", store.published)
    caplog.clear()
    for weights in (False, True):
        record, _ = there.find(DONE, weights=weights)
        if record:
            assert recorded(record.manifest, DONE.key) == DONE
            record.check()
    there.glance(DONE)
    for message in caplog.messages:
        one_line(message)
    monkeypatch.setenv("MODNOISE_RESULTS", str(store.published))
    with pytest.raises(SystemExit) as left:
        cli.main(["show", DONE.key, "--store", str(tmp_path / "none")])
    assert left.value.code in (0, 1, 2)
    if left.value.code:
        one_line(capsys.readouterr().err.rstrip("\n"))
    assert content(store.published) == before


# --- checkpoints


@pytest.fixture(scope="module")
def checkpoint(made) -> Path:
    (path,) = made.checkpoints.glob("*.safetensors")
    return path


@settings(fuzzed, max_examples=60)
@given(data=st.data())
def test_facts_of_any_shape_are_gone_on_with_or_put_aside(
    data, made, checkpoint, tmp_path, caplog
):
    tensors, intact = read_state(checkpoint)
    facts = data.draw(mutated(intact))
    store = Store(tmp_path / "runs", tmp_path / "none")
    shutil.rmtree(store.root, ignore_errors=True)
    path = store.checkpoints / checkpoint.name
    write_state(path, tensors, facts)
    written = path.read_bytes()

    carrying({f"checkpoints/{path.name}": written}, tmp_path / "out")
    taken = imported_or_refused(tmp_path / "here", tmp_path / "out")
    if taken:
        assert content(tmp_path / "here") == {f"checkpoints/{path.name}": written}

    caplog.clear()
    order = order_of(store, BEGUN)
    goes_on = any(stack == BEGUN for _, stack in stacks.begun(order)[0])
    state = campaign.resume(order, BEGUN)
    kept = [x.read_bytes() for x in store.checkpoints.iterdir()]
    if goes_on:
        assert (state.step, state.seconds) == (facts["step"], facts["seconds"])
        assert kept == [written]
    else:
        assert state.step == 0
        assert written in kept or facts["members"] != intact["members"]
    assert goes_on or not taken
    for message in caplog.messages:
        one_line(message)


@settings(fuzzed, max_examples=15)
@given(data=st.data())
def test_tensors_that_do_not_fit_are_put_aside_and_training_restarts(
    data, made, checkpoint, tmp_path, caplog
):
    tensors, facts = read_state(checkpoint)
    name = data.draw(st.sampled_from(sorted(tensors)))
    x = tensors.pop(name)
    change = data.draw(st.sampled_from(["drop", "shape", "type", "one", "rename"]))
    assume((name, change) != ("rows", "shape"))  # Parquet twice over is read as one
    if change == "rename":
        tensors[f"{name}2"] = x
    elif change != "drop":
        tensors[name] = {
            "shape": lambda: np.concatenate([x, x]), "type": lambda: x.astype(np.int16),
            "one": lambda: x[:1],
        }[change]()  # fmt: skip
    store = Store(tmp_path / "runs", tmp_path / "none")
    shutil.rmtree(store.root, ignore_errors=True)
    path = store.checkpoints / checkpoint.name
    write_state(path, tensors, facts)
    written = path.read_bytes()
    caplog.clear()
    results = load_or_train(BEGUN, store=store, progress=False)
    assert (store.checkpoints / f"{path.name}.damaged-1").read_bytes() == written
    (message,) = caplog.messages
    assert "training restarts" in one_line(message)
    expected = load_or_train(BEGUN, store=Store(tmp_path / "other", tmp_path), progress=False)
    for got, want in zip(results, expected, strict=True):
        assert got.history.equals(want.history)


# --- workers of a cluster


@fuzzed
@given(data=st.data())
def test_what_a_worker_brings_is_of_its_stack_or_refused_in_a_line(data, made, checkpoint):
    record = read_folder(made.root / DONE.key)
    good = ({DONE.key: (record.manifest, record.files)}, {})
    assert errands.usable([DONE], [DONE.key], good) == good
    changed = data.draw(mutated({"": [{DONE.key: [record.manifest, record.files]}, {}]}))
    try:
        records, states = errands.usable([DONE], [DONE.key], changed.get(""))
    except (Damaged, SpecError) as problem:
        one_line(str(problem))
    else:
        assert states == {}
        for key, (manifest, files) in records.items():
            shaped(Manifest, manifest)
            assert recorded(manifest, key) == DONE
            assert files == record.files
    with pytest.raises(Damaged, match="is of another stack"):
        errands.usable([DONE], [DONE.key], ({}, {checkpoint.name: checkpoint.read_bytes()}))


# --- pages


def notebook(*facts: object) -> dict:
    outputs = [nbformat.v4.new_output("display_data", {VERDICT: x}) for x in facts]
    cells = [nbformat.v4.new_markdown_cell("# Title"), nbformat.v4.new_code_cell("x")]
    cells[1].outputs = outputs
    return json.loads(nbformat.writes(nbformat.v4.new_notebook(cells=cells)))


FACTS = {
    "claim": "R4.1-FF", "state": "contradicted", "tally": "0 of 1", "counted": "0 of 1",
    "undecidable": 0, "seeds": 3, "deciding": "a: b", "missing": [], "depends": [],
    "cells": [{"name": "a", "measured": "b", "state": "fails", "seeds": 3}], "remarks": [],
    "bounds": {"rise": 0.05}, "share": 0.9, "scale": "laptop", "at": "the paper's setting",
    "setting": "p = 7", "width": 17, "runs": ["0" * 12],
}  # fmt: skip


@fuzzed
@given(data=st.data(), cut=st.integers(0, 300))
def test_notebooks_of_any_shape_give_verdicts_or_one_line(data, cut, tmp_path):
    page = data.draw(mutated(notebook(FACTS, FACTS)))
    text = json.dumps(page)
    (tmp_path / "1.ipynb").write_text(text[: -cut or None] if cut > 250 else text)
    try:
        card = scorecard.read(tmp_path)
    except ValueError as problem:
        one_line(str(problem))
    else:
        assert tuple(card.columns) == scorecard.COLUMNS
        assert set(card.claim) <= {"R4.1-FF", *studies.CLAIMS}
        assert scorecard.table(card)._repr_html_().count("<tr>") == len(card) + 1
        assert scorecard.counts(card).sum() == len(card)
        assert scorecard.lines(card)._repr_html_().count('<li class="mn-line"') == len(card)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"cells": 1e999}'])
def test_a_file_that_is_no_notebook_is_named(data, tmp_path):
    (tmp_path / "1.ipynb").write_bytes(data)
    with pytest.raises(ValueError, match="1.ipynb is no page with verdicts: ") as problem:
        scorecard.read(tmp_path)
    one_line(str(problem.value))


NODE = shutil.which("node") or shutil.which("nodejs")
in_node = pytest.mark.skipif(NODE is None, reason="there is no Node")


def linked(links: list[str]) -> list[dict | None]:
    """What the live page reads from the links."""
    core = json.dumps(str(ROOT / "book" / "_static" / "live" / "core.js"))
    script = "JSON.stringify(JSON.parse(require('fs').readFileSync(0)).map(core.linked))"
    command = [NODE, "-e", f"const core = require({core}); process.stdout.write({script})"]
    done = subprocess.run(command, input=json.dumps(links), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


FIELDS = ("p", "width", "noise", "op", "act", "lr", "weight_decay", "beta2", "seed", "steps")
VALUES = st.one_of(
    st.sampled_from(
        ["31", "0x1F", "1e1", "1e999", "-1", "", " 7 ", "add", "relu", "NaN", "Infinity", "%00",
         "%zz", "%ED%A0%80", "7\n", "<b>", "1_0", "٣", "0.5", "x" * 999, ".", "1e", "+3", "%2B3"]
    ),
    st.integers(-5, 70).map(str), st.floats(0, 1).map(str), st.text(max_size=6),
)  # fmt: skip
PAIRS = st.tuples(
    st.one_of(st.sampled_from([*FIELDS, "toString", "__proto__", "constructor", "wdith"]), NAMES),
    VALUES,
)
LINKS = st.lists(PAIRS, max_size=4).map(
    lambda pairs: "&".join(f"{a}={b}" for a, b in pairs).encode("utf-8", "replace").decode()
)


@in_node
@settings(fuzzed, max_examples=4)
@given(links=st.lists(LINKS, min_size=100, max_size=100))
def test_a_share_link_is_a_run_of_the_package_or_refused_in_a_line(links):
    for link, answer in zip(links, linked(links), strict=True):
        if answer is None:
            assert not any(pair.split("=")[0] in FIELDS for pair in link.split("&"))
        elif answer["problem"]:
            one_line(answer["problem"])
        else:
            Run(**answer["run"], train_frac=0.5, val_frac=0.0, test_frac=0.5)
            names = [pair.split("=")[0] for pair in link.split("&") if pair]
            assert {*names} <= {*FIELDS}
            assert len(names) == len({*names})


@in_node
@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("limits", None),
        ("", None),
        ("p=7&noise=0.5", ""),
        ("p=999", 'p = "999" is not allowed: it must be a whole number from 3 to 113'),
        ("p=0x1f", 'p = "0x1f" is not allowed: it must be a whole number from 3 to 113'),
        ("p=7&p=7", '"p" is given twice'),
        ("p=7&toString=1", '"toString" is unknown (allowed: ' + ", ".join(FIELDS) + ")"),
        ("p=7&__proto__=1", '"__proto__" is unknown (allowed: ' + ", ".join(FIELDS) + ")"),
        ("op=a%0Ab", 'op = "a\\nb" is not allowed: it must be add, sub, mul'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_share_link_is_named(link, problem):
    (answer,) = linked([link])
    assert (answer and answer["problem"]) == problem


# --- callers


@fuzzed
@given(data=st.data(), kind=st.sampled_from(sorted(studies.SPECS)))
def test_any_fields_make_a_run_that_comes_back_or_one_line(data, kind):
    spec = studies.SPECS[kind]
    names = st.one_of(st.sampled_from([*spec.model_fields]), NAMES)
    fields = data.draw(st.dictionaries(names, st.one_of(ODD, st.just(nested(2000))), max_size=3))
    try:
        run = spec(**fields)
    except SpecError as problem:
        one_line(str(problem))
    else:
        again = studies.spec_from(configuration(run))
        assert again == run
        assert again.key == run.key


@pytest.mark.parametrize("name", ["p", "noise", "seed", "lr", "op", "momentum", "self", "batch"])
def test_extreme_values_are_one_line(name):
    for value in (-(10**5000), float("nan"), float("inf"), -(10**400), "\ud800", b"x"):
        with pytest.raises(SpecError) as problem:
            Run(**{name: value})
        one_line(str(problem.value))


@fuzzed
@given(data=st.data(), name=st.sampled_from(["00_quickstart", "99_scorecard", "05", "\n"]))
def test_any_namespace_is_parameters_or_one_line(data, name):
    good = {"scale": "smoke", "noise": 0.8, "seed": 1}
    odd = data.draw(st.dictionaries(st.one_of(st.sampled_from([*good]), NAMES), ODD, max_size=2))
    try:
        check_parameters({**good, **odd}, name)
    except SpecError as problem:
        one_line(str(problem))


@fuzzed
@given(text=st.one_of(
    st.text(), st.sampled_from([*Run.model_fields]).flatmap(
        lambda name: st.one_of(ODD.map(lambda x: f"{name}={x}"), VALUES.map(f"{name}={{}}".format))
    ), st.just("noise=" + "[" * 100_000), st.just("noise=true"),
))  # fmt: skip
def test_any_condition_selects_runs_with_that_value_or_is_one_line(text):
    runs = [Run(noise=x, p=p) for x in (0.0, 0.5, 1.0) for p in (7, 11)]
    try:
        chosen = sweep.selected(runs, [text])
    except SpecError as problem:
        one_line(str(problem))
    else:
        name, _, value = text.partition("=")
        assert chosen
        for run in chosen:
            assert str(getattr(run, name)) == value or getattr(run, name) == parsed(value.lower())


@fuzzed
@given(text=st.one_of(st.text(), st.tuples(VALUES, st.sampled_from("smhd ")).map("".join)))
def test_any_budget_is_positive_seconds_or_one_line(text):
    try:
        assert 0 < console.seconds(text) < float("inf")
    except SpecError as problem:
        one_line(str(problem))


@pytest.mark.parametrize("variable", ["MODNOISE_STORE", "MODNOISE_RESULTS"])
@pytest.mark.parametrize("where", ["file", "file/in/it", "missing", "x" * 300])
@pytest.mark.parametrize(
    "words", [("show", "0123"), ("export", "OUT"), ("publish", "fig2", "--scale", "smoke")]
)
def test_an_environment_that_points_nowhere_is_one_line(
    variable, where, words, tmp_path, monkeypatch, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MODNOISE_STORE", str(tmp_path / "runs"))
    monkeypatch.setenv(variable, str(tmp_path / where))
    with pytest.raises(SystemExit) as left:
        cli.main([str(tmp_path / "out") if word == "OUT" else word for word in words])
    assert left.value.code in (1, 2)
    one_line(capsys.readouterr().err.rstrip("\n"))


def test_json_of_any_depth_is_a_value_or_one_line():
    assert parsed(json.dumps(nested(DEEPEST - 1))) == nested(DEEPEST - 1)
    for text in (json.dumps(nested(DEEPEST + 1)), "[" * 100_000, "{", "\ud800", "9" * 5000):
        with pytest.raises(SpecError) as problem:
            parsed(text)
        one_line(str(problem.value))


@pytest.fixture(autouse=True)
def _warnings_are_seen(caplog) -> None:
    caplog.set_level(logging.WARNING, "modnoise")
