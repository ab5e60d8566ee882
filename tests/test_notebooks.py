"""The notebooks: one parameters cell, no typed results, and a real run at other parameters."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import papermill
import pytest

from modnoise.pages.answer import ANSWER

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if path.stem != "99_scorecard"]
OTHER = {"scale": "smoke", "seed": 7}
VARIED = {"11_consistency_distillation": ("n", 41)}
"""What pages are about that know no label noise, and another value of it."""
PAPERMILL = """import sys
sys.modules["rfc3987_syntax"] = None  # a grammar of web addresses: a second to load, not needed
from papermill.__main__ import papermill
papermill()"""

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def run_papermill(path, tmp_path, **parameters):
    """Run in a fresh store, without the published results, as a user's shell would."""
    flags = [x for name, value in parameters.items() for x in ("-p", name, str(value))]
    command = [sys.executable, "-c", PAPERMILL, path, tmp_path / "out.ipynb", *flags]
    command += ["--kernel", "python3", "--cwd", str(FOLDER), "--no-progress-bar"]
    places = {"MODNOISE_STORE": tmp_path / "runs", "MODNOISE_RESULTS": tmp_path / "none"}
    environment = {**os.environ, **{k: str(v) for k, v in places.items()}, "OMP_NUM_THREADS": "1"}
    begin = time.monotonic()
    done = subprocess.run(
        [str(x) for x in command], capture_output=True, text=True, env=environment
    )
    return done, time.monotonic() - begin


def varied(path):
    """The parameter that a page is about, and another value of it than its default."""
    return VARIED.get(path.stem, ("noise", 0.5))


def answer(notebook):
    """The facts of a page's answer, which is its first output."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    first = next(output for output in outputs if output.output_type != "stream")
    return first.data[ANSWER]


def numbers(text):
    return re.findall(r"\d+(?:\.\d+)?", text)


def test_there_are_notebooks():
    assert {path.stem[:2] for path in NOTEBOOKS} == {
        *(f"0{i}" for i in range(10)),
        "10",
        "11",
        "12",
        "13",
        "99",
    }


@each
def test_one_parameters_cell_with_typed_commented_values(path):
    cells = nbformat.read(path, as_version=4).cells
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    found = papermill.inspect_notebook(str(path))
    assert {"scale", varied(path)[0], "seed"} <= set(found) or path not in CHAPTERS
    for name, parameter in found.items():
        assert parameter["inferred_type_name"] in {"str", "float", "int", "bool"}, name
        assert parameter["help"], f"{name} has no comment"


@each
def test_no_result_is_typed_in_prose(path):
    """Percentages of accuracies come from code; the paper's settings are not results."""
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            typed = re.findall(r"\d+(?:\.\d+)? ?%", cell.source)
            assert set(typed) <= {"80 %", "95 %"}, cell.source


@each
def test_outputs_are_stored_and_free_of_errors(path):
    code = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    assert outputs
    assert not [o for o in outputs if o.output_type == "error"]


@each_chapter
def test_other_parameters_at_smoke_scale_train_and_reach_the_end(path, tmp_path):
    name, value = varied(path)
    done, seconds = run_papermill(path, tmp_path, **OTHER, **{name: value})
    assert done.returncode == 0, done.stderr[-2000:]
    assert seconds < 60 * max(1, os.getloadavg()[0])  # 60 s on a machine that is free
    out = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    text = json.dumps([cell.get("outputs", []) for cell in out.cells])
    assert "smoke" in text or "p = 23" in text
    first, stored = answer(out), answer(nbformat.read(path, as_version=4))
    assert first["text"] != stored["text"]  # it is about this run
    assert numbers(first["text"]) != numbers(stored["text"])
    if path.stem not in ("00_quickstart", "13_your_own_net"):  # which train without a store
        manifests = [json.loads(f.read_text()) for f in tmp_path.glob("runs/*/manifest.json")]
        mine = [m for m in manifests if m["config"].get(name) == value and m["seed"] == 7]
        assert mine
        assert all(m["seconds"] > 0 and m["config"]["steps"] > 0 for m in mine)


def refused(path, tmp_path, expected, **parameters):
    """A page that ends at once with one clear line."""
    done, seconds = run_papermill(path, tmp_path, **parameters)
    assert done.returncode != 0
    assert re.search(expected, done.stderr)
    assert seconds < 20 * max(1, os.getloadavg()[0])  # 20 s on a machine that is free


@each_chapter
def test_a_bad_parameter_fails_at_once_with_the_reason(path, tmp_path):
    if path.stem in VARIED:
        name = VARIED[path.stem][0]
        refused(path, tmp_path, f"{name} = -1 is not allowed.*greater than", **{name: -1})
    else:
        expected = r"noise = 1\.7 is not allowed.*less than or equal to 1"
        refused(path, tmp_path, expected, noise=1.7)


@pytest.mark.parametrize(("name", "meant"), [("nosie", "noise"), ("sed", "seed")])
def test_an_unknown_parameter_is_told_what_may_be_meant(name, meant, tmp_path):
    """Every page asks the same function, with its own parameters."""
    refused(CHAPTERS[1], tmp_path, f"{name}.*did you mean {meant}", **{name: 0.5})


def test_the_scorecard_reads_the_pages_of_another_folder(tmp_path):
    (tmp_path / "pages").mkdir()
    shutil.copy(FOLDER / "06_mnist.ipynb", tmp_path / "pages")
    page = FOLDER / "99_scorecard.ipynb"
    done, _ = run_papermill(page, tmp_path, folder=tmp_path / "pages")
    assert done.returncode == 0, done.stderr[-2000:]
    text = (tmp_path / "out.ipynb").read_text()
    assert "T2: " in text
    assert "R4.1-FF" not in text
    done, _ = run_papermill(page, tmp_path, folder=tmp_path / "gone")
    assert done.returncode != 0
    assert "gone' is not allowed: it holds no notebook" in done.stderr
