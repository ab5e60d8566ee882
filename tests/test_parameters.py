"""Notebook parameters: what papermill lets through is refused here, in one line."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from modnoise.pages.parameters import check_parameters
from modnoise.spec import SpecError

ROOT = Path(__file__).resolve().parent.parent

GOOD = {"scale": "smoke", "noise": 0.5, "width": 33, "op": "add", "act": "relu", "seed": 1}


def refusal(**changes):
    with pytest.raises(SpecError) as caught:
        check_parameters({**GOOD, **changes}, "03_recover_the_rule")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_good_values_pass_among_everything_ipython_keeps_in_a_namespace():
    kept = {"In": ["x"], "Out": {}, "_": 1, "_i1": "x", "__name__": "x", "exit": print, "m": math}
    params = check_parameters({**GOOD, **kept}, "03_recover_the_rule")
    assert params.model_dump() == GOOD


def test_a_whole_number_is_a_noise_ratio_too():
    assert check_parameters({**GOOD, "noise": 1}, "03_recover_the_rule").noise == 1.0


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"nosie": 0.5}, ["unknown parameter 'nosie'", "did you mean noise?", "scale, noise"]),
        ({"noise": 1.7}, ["noise = 1.7", "less than or equal to 1"]),
        ({"noise": "abc"}, ["noise = 'abc'", "number"]),
        ({"noise": float("nan")}, ["noise = nan", "finite"]),
        ({"width": -3}, ["width = -3", "greater than or equal to 1"]),
        ({"width": 33.5}, ["width = 33.5", "integer"]),
        ({"width": True}, ["width = True", "integer"]),
        ({"scale": "huge"}, ["scale = 'huge'", "'smoke', 'laptop', 'fast' or 'paper'"]),
        ({"op": "mul"}, ["op = 'mul'", "'add' or 'sub'"]),
        ({"seed": -1}, ["seed = -1"]),
        ({"seed": 1.0}, ["seed = 1.0", "integer"]),
        ({"sede": None}, ["'sede'", "did you mean seed?"]),
    ],
)
def test_what_is_not_allowed_is_named_with_its_value(changes, parts):
    message = refusal(**changes)
    for part in parts:
        assert part in message


def test_a_parameter_that_is_not_there_is_named():
    with pytest.raises(SpecError, match="noise is missing"):
        check_parameters({"scale": "smoke", "seed": 1}, "00_quickstart")


def test_all_problems_are_named_at_once():
    message = refusal(noise=-1.0, seed="x")
    assert "noise = -1.0" in message
    assert "seed = 'x'" in message


CHECK = """
from modnoise.pages.parameters import check_parameters
print("passed:", check_parameters(globals(), "00_quickstart"))
"""


@pytest.mark.parametrize(
    ("flags", "passes", "said"),
    [
        (("-p", "noise", "1", "-p", "seed", "7"), True, "passed: scale='smoke' noise=1.0 seed=7"),
        (("-p", "nosie", "0.5"), False, "unknown parameter 'nosie'; did you mean noise?"),
        (("-p", "noise", "1.7"), False, "noise = 1.7 is not allowed: it must be less than"),
    ],
)
def test_papermill_stops_where_a_parameter_is_wrong(flags, passes, said, tmp_path):
    cell = nbformat.v4.new_code_cell
    defaults = cell("scale = 'smoke'\nnoise = 0.8\nseed = 42", metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(cells=[defaults, cell(CHECK)])
    nbformat.write(notebook, tmp_path / "in.ipynb")
    command = [sys.executable, "-m", "papermill", str(tmp_path / "in.ipynb")]
    command += [str(tmp_path / "out.ipynb"), *flags, "--cwd", str(ROOT), "--log-output"]
    command += ["--kernel", "python3", "--language", "python", "--no-progress-bar"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode == 0) == passes, done.stderr
    assert said in done.stdout + done.stderr
