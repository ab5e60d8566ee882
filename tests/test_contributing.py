"""README and CONTRIBUTING name what exists, and their recipes work as they are written."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from pydoc import locate

import pandas as pd
import pytest
import yaml
from typer.main import get_command

from modnoise import cli
from modnoise.arithmetic import claims, figures
from modnoise.judge import check
from modnoise.pages import style

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CONTRIBUTING.md")
EACH = pytest.mark.parametrize("page", PAGES)
ELSEWHERE = {"out.ipynb", "modnoise/NAME/", "modnoise.NAME"}  # made by what the reader does


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def paths(page: str) -> set[str]:
    """Paths in backticks, in commands and behind links."""
    words = {word for code in re.findall(r"`+([^`]+)`+", text(page)) for word in code.split()}
    named = {
        word for word in words if re.fullmatch(r"[\w./-]+(/|\.(py|md|ya?ml|txt|ipynb|toml))", word)
    }
    links = set(re.findall(r"\]\(([^)]+)\)", text(page))) | set(
        re.findall(r'src(?:set)?="([^"]+)"', text(page))
    )
    return {path for path in named | links if "://" not in path} - ELSEWHERE


def recipe(heading: str) -> str:
    """The first block of Python below a heading of CONTRIBUTING.md."""
    [section] = re.findall(rf"^## {heading}\n(.*?)(?=^## )", text("CONTRIBUTING.md"), re.S | re.M)
    return textwrap.dedent(
        re.search(r"^( *```python\n.*?)^ *```", section, re.S | re.M)[1].split("\n", 1)[1]
    )


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))


@EACH
def test_every_path_exists(page):
    assert len(paths(page)) > 5
    assert sorted(path for path in paths(page) if not (ROOT / path).exists()) == []


@EACH
def test_every_make_target_exists(page):
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text(page), re.M))
    assert {"test"} <= named
    assert named <= make_targets()


@EACH
def test_every_subcommand_of_modnoise_exists(page):
    named = set(re.findall(r"(?:^|`)modnoise ([a-z-]+)", text(page), re.M))
    assert named
    assert named <= set(get_command(cli.app).commands)


def test_every_dotted_name_of_the_package_exists():
    texts = [ROOT / page for page in PAGES]
    texts += [
        path for x in ("book/*.md", "scripts/*.py", "modnoise/**/*.py") for path in ROOT.glob(x)
    ]
    named = {
        name
        for path in texts
        for name in re.findall(r"`(modnoise(?:\.\w+)+)`", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert sorted(name for name in named - ELSEWHERE if locate(name) is None) == []


def commands(workflow: str) -> set[str]:
    """What the jobs of a workflow run, one command per value of the matrix."""
    found = set()
    for job in yaml.safe_load(workflow)["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {})
        points = matrix.get("include", []) + [{"target": x} for x in matrix.get("target", [])]
        for run in (step["run"] for step in job["steps"] if "run" in step):
            found |= {
                run.replace("${{ matrix.target }}", x["target"])
                for x in points or [{"target": ""}]
            }
    return found


CHECKS = ("command -v chromium", "grep -qx ")  # what a runner has, which version a tag names


def test_workflows_call_make_targets_only():
    for path in ROOT.glob(".github/workflows/*.yml"):
        found = {run for run in commands(path.read_text()) if not run.startswith(CHECKS)}
        called = [re.fullmatch(r"make ([a-z-]+)( PYTHON=python)?", run) for run in found]
        assert len(called) > 1
        assert all(called), found
        assert {call[1] for call in called} <= make_targets()


def test_these_checks_see_what_they_look_for(monkeypatch, tmp_path):
    (tmp_path / "README.md").write_text(
        "`modnoise/claims.py` [a](b.md) `make x`\n```\nmake bok\n```\n`papermill a/b.ipynb -p 1`"
    )
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert paths("README.md") == {"modnoise/claims.py", "b.md", "a/b.ipynb"}


FINAL = pd.DataFrame({"width": [17, 33, 65], "accuracy_test": [0.2, 0.9, 1.0], "part": "full"})
FINAL = FINAL.assign(noise=0.0, step=100, steps=100)


@pytest.mark.parametrize("theme", style.PALETTES)
def test_the_recipe_of_a_figure_draws_what_it_is_given(theme, assert_readable):
    made: dict = {}
    exec(recipe("Add a figure"), made)
    fig = style.themed(theme, made["last_accuracy"], FINAL, title="A finding")
    assert_readable(fig)
    assert list(fig.axes[0].lines[0].get_ydata()) == [0.2, 0.9, 1.0]


def test_a_figure_is_known_by_returning_one(monkeypatch):
    place = "modnoise.arithmetic.figures.late"
    made = {"__name__": place}
    exec("from __future__ import annotations\n" + recipe("Add a figure"), made)
    monkeypatch.setattr(f"{place}.last_accuracy", made["last_accuracy"], raising=False)
    assert "last_accuracy" in figures._figures()
    assert "last_accuracy" not in figures.__all__


def test_the_recipe_of_a_claim_confirms_refutes_and_leaves_untested(monkeypatch):
    made: dict = {}
    exec(recipe("Add a claim"), made)
    monkeypatch.setattr(claims, "CLAIMS", (*claims.CLAIMS, *made["CLAIMS"]))
    good, bad, none = (FINAL.iloc[i:j] for i, j in ((2, 3), (0, 1), (0, 0)))
    states = [check("LEARNS", rows, scale="laptop").state for rows in (good, bad, none)]
    assert states == ["holds", "contradicted", "not tested"]
    assert check("LEARNS", good, scale="laptop").measured == ("test accuracy: 100.0 % (holds)",)
