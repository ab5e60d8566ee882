"""What is written down twice must agree: versions, environments, vendored files."""

import hashlib
import json
import re
import socket
import subprocess
import tomllib
from pathlib import Path

import pytest
import torch_index
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import modnoise

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = [
    Requirement(text) for texts in (PROJECT["dependencies"], *EXTRAS.values()) for text in texts
]
LINES = (ROOT / "constraints.txt").read_text().splitlines()
PINS = {
    canonicalize_name(name): version
    for name, version in (line.split("==") for line in LINES if not line.startswith("#"))
}
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
VENDOR = ROOT / "book" / "vendor_root" / "vendor"


def test_every_direct_dependency_is_pinned_within_its_range():
    for wanted in DIRECT:
        pin = PINS.get(canonicalize_name(wanted.name))
        assert pin is not None, f"constraints.txt lacks {wanted.name}"
        assert wanted.specifier.contains(pin, prereleases=True), f"{pin} is not {wanted}"


def test_pip_prefers_a_build_of_the_pinned_torch_and_its_pin_allows_it():
    for build in ("cpu", "cu130"):
        local = Version(f"{PINS['torch']}+{build}")
        assert local > Version(PINS["torch"])
        assert SpecifierSet(f"=={PINS['torch']}").contains(local)


@pytest.mark.parametrize(
    ("platform", "driver", "there", "found"),
    [
        ("linux", None, True, ["--extra-index-url", torch_index.INDEX]),
        ("linux", None, False, []),
        ("linux", "/usr/bin/nvidia-smi", True, []),
        ("darwin", None, True, []),
    ],
)
def test_the_cpu_build_is_asked_for_where_it_is_of_use(
    platform, driver, there, found, monkeypatch
):
    monkeypatch.setattr(torch_index.sys, "platform", platform)
    monkeypatch.setattr(torch_index.shutil, "which", lambda name: driver)
    monkeypatch.setattr(torch_index, "answers", lambda url: there)
    assert torch_index.arguments() == found


def test_an_index_that_cannot_be_reached_is_none():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and nobody listens
        assert not torch_index.answers(f"http://127.0.0.1:{closed.getsockname()[1]}/torch/")
    assert not torch_index.answers("no address")


def test_the_conda_shell_takes_its_versions_from_constraints():
    python, pip, by_pip = CONDA["dependencies"]
    version = python.removeprefix("python=")
    assert SpecifierSet(PROJECT["requires-python"]).contains(version)
    assert pip == "pip"
    constraints, package = by_pip["pip"]
    assert constraints == "-c constraints.txt"
    assert set(re.search(r"\[(.*)\]", package)[1].split(",")) == set(EXTRAS)


def test_make_installs_what_conda_installs():
    _, package = CONDA["dependencies"][-1]["pip"]
    makefile = (ROOT / "Makefile").read_text()
    assert f'-c constraints.txt -e "{package.removeprefix("-e ")}"' in makefile


def test_version_and_date_are_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    changelog = (ROOT / "CHANGELOG.md").read_text()
    released = r"^## \[(\d+\.\d+\.\d+)\] – (\d{4}-\d\d-\d\d)$"
    newest, date = re.search(released, changelog, flags=re.MULTILINE).groups()
    assert {PROJECT["version"], modnoise.__version__, citation["version"]} == {newest}
    assert str(citation["date-released"]) == date


def test_vendored_files_are_the_listed_ones():
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    listed = {path: digest for digest, path in (line.split(maxsplit=1) for line in lines)}
    found = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert found == listed


def test_every_notebook_is_a_page_and_every_page_exists():
    toc = json.dumps(yaml.safe_load((ROOT / "_toc.yml").read_text()))
    pages = re.findall(r'"(?:file|root)": "([^"]+)"', toc)
    exist = {page for page in pages if any(ROOT.glob(f"{page}.*"))}
    assert exist == set(pages)
    notebooks = {f"notebooks/{path.stem}" for path in ROOT.glob("notebooks/*.ipynb")}
    assert notebooks <= set(pages)


def test_notebooks_are_stored_as_make_notebooks_leaves_them():
    for path in ROOT.glob("notebooks/*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        counts = [cell["execution_count"] for cell in code if "".join(cell["source"]).strip()]
        assert counts == list(range(1, len(counts) + 1)), "nbval would compare with nothing"
        assert "papermill" not in notebook["metadata"], path.name
        assert not re.search(r"/ipykernel_\d|/(home|Users|root)/", json.dumps(notebook)), path.name


def test_what_bash_and_make_read_keeps_the_line_ends_of_linux():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    needed = [x for x in names if (ROOT / x).name == "Makefile" or x.endswith(".sh")
              or (ROOT / x).read_bytes()[:2] == b"#!" or x.startswith("scripts/")]  # fmt: skip
    assert {"Makefile", ".ci/run", "scripts/execute.py"} <= {*needed}
    asked = subprocess.run(
        ["git", "check-attr", "-z", "eol", "--", *needed],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert asked.stdout.split("\0")[2::3] == ["lf"] * len(needed)
