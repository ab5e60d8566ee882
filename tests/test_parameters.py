"""Notebook parameters: what papermill lets through is refused here, in one line."""

from __future__ import annotations

import datetime
import math
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import nbformat
import numpy as np
import pytest
from kernel import NOTEBOOKS, code_of, parameters, started
from nbclient.exceptions import CellExecutionError
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from modnoise import studies
from modnoise.pages.parameters import ScorecardParameters, check_parameters, given
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
        ({"seed": 2**63}, ["seed = 9223372036854775808", "or equal to 9223372036854775807"]),
        ({"seed": np.uint64(2**63)}, ["seed = 9223372036854775808", "9223372036854775807"]),
        ({"seed": 10**5000}, ["seed = ", "9223372036854775807"]),
        ({"noise": Path("0.5")}, ["noise = ", "Path('0.5')", "number"]),
        ({"op": datetime.date(2026, 1, 1)}, ["op = datetime.date(2026, 1, 1)", "'add' or 'sub'"]),
        ({"width": Decimal(33)}, ["width = Decimal('33')", "integer"]),
        ({"noise": np.array([[0.5], [1]])}, ["noise = array(", "of type ndarray", "number"]),
        ({"noise": max}, ["noise = ", "max", "number"]),
        ({"width": np.True_}, ["width = True", "integer"]),
        ({"noise": np.float32("nan")}, ["noise = nan", "finite"]),
        ({"nosie": np.float64(0.5)}, ["'nosie'", "did you mean noise?"]),
        ({"widht": Path()}, ["'widht'", "did you mean width?"]),
        ({"sedes": datetime.date(2026, 1, 1)}, ["'sedes'", "did you mean seed?"]),
        ({"sede": None}, ["'sede'", "did you mean seed?"]),
    ],
)
def test_what_is_not_allowed_is_named_with_its_value(changes, parts):
    message = refusal(**changes)
    for part in parts:
        assert part in message


def test_a_numpy_scalar_counts_as_what_it_holds_and_the_largest_seed_is_63_bits():
    scalars = {"noise": np.float32(0.25), "width": np.int16(9), "op": np.str_("sub")}
    params = check_parameters({**GOOD, **scalars, "seed": 2**63 - 1}, "03_recover_the_rule")
    assert (params.noise, params.width, params.op, params.seed) == (0.25, 9, "sub", 2**63 - 1)
    assert [type(getattr(params, name)) for name in scalars] == [float, int, str]


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


# --- in a kernel that has been used

STARTUP = "p, answer, noise, widht = 5, 'mine', 'mine', 1\nfrom pathlib import Path\nhere = Path()"
CELL = "scale, noise, op, seed = 'smoke', 0.5, 'add', 1"
CHECKS = "mn.check_parameters(globals(), '')"
DECLARED = {"scale", "noise", "op", "seed"}

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """One kernel for all pages, so each finds what others left, and a startup file's constants."""
    with started(tmp_path_factory.mktemp("kernel"), STARTUP) as kernel:
        yield kernel


def checking(path: Path) -> str:
    """The cell that checks, up to the check, and the parameters as it has them."""
    source = next(x.source for x in code_of(path) if "check_parameters(" in x.source)
    end = source.index('")', source.index("check_parameters("))
    return source[:end] + '")\nprint(params)'


def shown(outputs) -> str:
    return "".join(output.text for output in outputs if output.output_type == "stream")


@each
def test_a_page_is_checked_again_in_a_used_kernel_and_a_misspelt_parameter_is_named(path, kernel):
    name, new = ("folder", "..") if path.stem == "99_scorecard" else ("seed", 11)
    cell, check, wrong = parameters(path), checking(path), f"{name[:-2]}{name[-1]}{name[-2]}"
    first = shown(kernel.run(cell, check))
    kernel.run("p, steps, found, answer = 23, 200, 'x', {}", "draft = 5")
    changed = shown(kernel.run(parameters(path, **{name: new}), check))
    assert f"{name}={new!r}" in changed
    assert f"{name}={new!r}" not in first
    assert shown(kernel.run(check)) == changed
    for source in (
        cell.replace(f"{name}:", f"{wrong}:"),
        parameters(path) + f"\n{wrong} = {new!r}",
    ):
        with pytest.raises(CellExecutionError, match=f"'{wrong}'; did you mean {name}"):
            kernel.run(source, check)
    assert shown(kernel.run(cell, check)) == first
    kernel.run(f"{name} = {new!r}")
    assert shown(kernel.run(check)) == changed


@pytest.mark.parametrize("path", NOTEBOOKS[3:4], ids=lambda path: path.stem)
def test_what_papermill_puts_in_is_checked_in_a_used_kernel_too(path, kernel):
    def run(**changes):
        notebook = parameterize_notebook(load_notebook_node(str(path)), changes)
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        return shown(kernel.run(*code[:2], checking(path)))

    assert "noise=0.25" in run(noise=0.25)
    for name, value in {"nosie": 0.5, "tempo": 3}.items():
        with pytest.raises(CellExecutionError, match=f"unknown parameter '{name}'"):
            run(**{name: value})
    assert "noise=0.25 width=129 op='add' act='relu' seed=3" in run(
        scale="smoke", noise=0.25, width=129, op="add", act="relu", seed=3
    )


@each
def test_the_parameters_cell_is_found_behind_all_cells_of_a_page(path):
    known = {**studies.PARAMETERS, "99_scorecard": ScorecardParameters}
    declared, cells = set(known[path.stem].model_fields), [x.source for x in code_of(path)]
    for used in range(len(cells) + 1):
        assert given([*cells[:used], *cells[:2]], declared) == declared
        assert used < 2 or given([*cells[:used], cells[1]], declared) == declared


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        ([CELL, CHECKS], DECLARED),
        ([f"{CELL}\n{CHECKS}\nchance = 0.1"], DECLARED),
        (["if True:\n    " + CELL, CHECKS], DECLARED),
        ([CELL, CHECKS, "noise = 0.7", CHECKS], DECLARED),
        ([CELL, CHECKS, "noise = 0.7", "x = 5", CHECKS], DECLARED),
        (["scale = 'smoke'", "noise = 0.5", "op = 'add'", "seed = 1", CHECKS], DECLARED),
        ([CELL, CHECKS, "x = 5", CELL.replace("noise", "nosie"), CHECKS],
         {*DECLARED, "nosie"} - {"noise"}),
        ([CELL, CHECKS, "chance = 0.1", CELL.replace("noise, ", "").replace("0.5, ", ""), CHECKS],
         DECLARED - {"noise"}),
        ([CELL.replace("noise", "nosie"), CHECKS, CELL, CHECKS], DECLARED),
        ([CELL, "# Parameters\nnoise = 0.7\ntempo = 3", CHECKS], {*DECLARED, "tempo"}),
        ([CELL, "# Parameters\n" + CELL, CHECKS], DECLARED),
        ([CELL, "def f():\n    noises = 3\n    return noises", CHECKS], DECLARED),
        ([CELL, "noise = = 3", CHECKS], DECLARED),
        (["get_ipython().run_cell_magic('time', '', 'noise = 0.5')", CHECKS], set()),
        ([], set()),
    ],
)  # fmt: skip
def test_which_names_count_as_given(cells, names):
    assert given(cells, DECLARED) == names
