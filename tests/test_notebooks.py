"""The notebooks: one parameters cell, no typed results, and a real run at other parameters."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest

from modnoise.pages.answer import ANSWER
from modnoise.pages.parameters import check_parameters
from modnoise.spec import SpecError

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


def run_papermill(path, tmp_path, **parameters):
    """Run in a fresh store, without the published results, as a user's shell would."""
    flags = [x for name, value in parameters.items() for x in ("-p", name, str(value))]
    command = [sys.executable, "-c", PAPERMILL, path, tmp_path / "out.ipynb", *flags]
    command += ["--kernel", "python3", "--cwd", str(FOLDER), "--no-progress-bar"]
    places = {"MODNOISE_STORE": tmp_path / "runs", "MODNOISE_RESULTS": tmp_path / "none"}
    environment = {**os.environ, **{k: str(v) for k, v in places.items()}, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [str(x) for x in command], capture_output=True, text=True, env=environment
    )


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


def test_one_parameters_cell_with_typed_commented_values():
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
        assert len(tagged) == 1, path.stem
        found = papermill.inspect_notebook(str(path))
        assert {"scale", varied(path)[0], "seed"} <= set(found) or path not in CHAPTERS
        for name, parameter in found.items():
            assert parameter["inferred_type_name"] in {"str", "float", "int", "bool"}, name
            assert parameter["help"], f"{path.stem}: {name} has no comment"


def test_no_result_is_typed_in_prose():
    """Percentages of accuracies come from code; settings and criteria are not results."""
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                typed = re.findall(r"\d+(?:\.\d+)? ?%", cell.source)
                assert set(typed) <= {"50 %", "80 %", "95 %", "99 %"}, cell.source


def test_outputs_are_stored_and_free_of_errors():
    for path in NOTEBOOKS:
        code = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        outputs = [output for cell in code for output in cell.outputs]
        assert outputs, path.stem
        assert not [o for o in outputs if o.output_type == "error"], path.stem
        assert not [o.text for o in outputs if o.get("name") == "stderr"], path.stem


@pytest.mark.parametrize("path", [FOLDER / "04_phases.ipynb"], ids=lambda path: path.stem)
def test_other_parameters_at_smoke_scale_train_and_reach_the_end(path, tmp_path):
    """By papermill, as the README says; test_again.py runs every page in a kernel."""
    name, value = varied(path)
    done = run_papermill(path, tmp_path, **OTHER, **{name: value})
    assert done.returncode == 0, done.stderr[-2000:]
    out = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    text = json.dumps([cell.get("outputs", []) for cell in out.cells])
    assert "smoke" in text or "p = 23" in text
    first, stored = answer(out), answer(nbformat.read(path, as_version=4))
    assert first["text"] != stored["text"]  # it is about this run
    assert numbers(first["text"]) != numbers(stored["text"])
    manifests = [json.loads(f.read_text()) for f in tmp_path.glob("runs/*/manifest.json")]
    mine = [m for m in manifests if m["config"].get(name) == value and m["seed"] == 7]
    assert mine
    assert all(m["seconds"] > 0 and m["config"]["steps"] > 0 for m in mine)


def test_a_bad_parameter_of_any_page_is_refused_before_anything_else_runs():
    """That papermill ends with this line is tested in test_parameters.py."""
    for path in CHAPTERS:
        code = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
        tagged = [i for i, c in enumerate(code) if "parameters" in c.metadata.get("tags", [])]
        assert "check_parameters(" in code[tagged[0] + 1].source, path.stem
        found = papermill.inspect_notebook(str(path))
        given = {name: ast.literal_eval(x["default"]) for name, x in found.items()}
        name, _ = varied(path)
        with pytest.raises(SpecError, match=rf"{name} = -1.* is not allowed.*greater than"):
            check_parameters({**given, name: type(given[name])(-1)}, path.stem)


def test_the_scorecard_reads_the_pages_of_another_folder(tmp_path):
    (tmp_path / "pages").mkdir()
    shutil.copy(FOLDER / "06_mnist.ipynb", tmp_path / "pages")
    page = FOLDER / "99_scorecard.ipynb"
    done = run_papermill(page, tmp_path, folder=tmp_path / "pages")
    assert done.returncode == 0, done.stderr[-2000:]
    text = (tmp_path / "out.ipynb").read_text()
    assert "T2: " in text
    assert "R4.1-FF" not in text
    done = run_papermill(page, tmp_path, folder=tmp_path / "gone")
    assert done.returncode != 0
    assert "gone' is not allowed: it holds no notebook" in done.stderr
