"""Who may import whom, and what: read from the source with `ast`, and seen in a fresh process."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import modnoise
from modnoise.studies import STUDIES

PACKAGE = Path(modnoise.__file__).parent
FACE = ("__init__", "console", "cli", "__main__")

# The whole rule: a room imports from rooms before it; a study from all of these, and from studies
# before it by their public names; nothing imports a study but studies and the face.
CORE = (
    "spec",
    "studies",
    "sweep",
    "frames",
    "claim",
    "verdict",
    "judge",
    "training",
    "store",
    "pages",
)
ROOMS = (*CORE, *(study.removeprefix("modnoise.") for study in STUDIES), *FACE)

DRAWING, SHOWING = {"matplotlib", "seaborn"}, {"IPython", "ipywidgets", "anywidget"}
OPENING = {
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "to_csv", "read_csv",
    "to_parquet", "read_parquet", "save", "load", "save_file", "load_file", "savefig", "mkdir",
    "unlink", "rmtree",
}  # fmt: skip


def place(path: Path) -> tuple[str, str]:
    """Room, and the name inside it: modnoise/mnist/figures.py is (mnist, figures)."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0], parts[1] if len(parts) > 1 else ""


def imported(source: str) -> Iterator[tuple[str, str]]:
    """(module, name) of everything imported; ``import a.b`` gives (a.b, "")."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from ((node.module, alias.name) for alias in node.names)


def against_the_rule(source: str, here: str) -> list[str]:
    """Imports of this package that a module in the room ``here`` must not have."""
    wrong = []
    for module, name in imported(source):
        top, *inside = module.split(".")
        if top != "modnoise":
            continue
        there = inside[0] if inside else name if name in ROOMS else "__init__"
        foreign = f"modnoise.{there}" in STUDIES and there != here
        later = ROOMS.index(there) > ROOMS.index(here) if there in ROOMS else True
        if later or (foreign and here not in FACE and len(inside) > 1):
            wrong.append(f"{module}.{name}".rstrip("."))
    return wrong


def outside(source: str) -> set[str]:
    return {module.split(".")[0] for module, _ in imported(source)}


def file_calls(source: str) -> set[str]:
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return {getattr(x, "id", getattr(x, "attr", "")) for x in calls} & OPENING


SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


def test_arrows_run_one_way():
    assert {place(path)[0] for path in SOURCES} <= set(ROOMS)
    wrong = {place(path): against_the_rule(x, place(path)[0]) for path, x in SOURCES.items()}
    # asks the package for its version, in a function
    wrong["store", "provenance"] = [x for x in wrong["store", "provenance"] if x != "modnoise"]
    assert {where: found for where, found in wrong.items() if found} == {}


def test_drawing_is_for_figures_and_showing_for_pages_and_widgets():
    for path, source in SOURCES.items():
        room, name = place(path)
        found = outside(source)
        if name != "figures" and room != "pages":
            assert not found & DRAWING, path
        if name != "widgets" and room != "pages":
            assert not found & SHOWING, path


def test_only_the_store_and_loaders_of_data_touch_files():
    for path, source in SOURCES.items():
        room, name = place(path)
        exempt = {("pages", "scorecard"), ("pages", "compact")}  # the second: pictures in memory
        if room in ("store", "cli") or (room, name) in exempt or name == "data":
            continue
        assert file_calls(source) == set(), path


LIGHT = [f"{study}.{room}" for study in STUDIES
         for room in ("run", "experiments", "parameters", "claims", "figures")]  # fmt: skip
LIGHT += [f"modnoise.store.{x}" for x in ("records", "transfer", "overview", "order", "costs")]
LIGHT += ["modnoise.cli", "modnoise.pages.scorecard", "modnoise.pages.parameters"]


def test_what_must_start_fast_or_draw_arrays_imports_no_torch():
    code = f"import sys, {', '.join(LIGHT)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_these_checks_see_what_they_look_for():
    def wrong(source: str, here: str) -> list[str]:
        return against_the_rule(source, here)

    source = "from modnoise.training.loop import train\nimport matplotlib.pyplot\nopen('x')\n"
    assert wrong(source, "claim") == ["modnoise.training.loop.train"]
    assert wrong(source, "store") == wrong(source, "training") == wrong(source, "mnist") == []
    assert wrong("from modnoise.mnist import MnistRun", "store") == ["modnoise.mnist.MnistRun"]
    assert wrong("from modnoise import mnist", "pages") == ["modnoise.mnist"]
    assert wrong("from modnoise import Run", "store") == ["modnoise.Run"]
    assert wrong("import modnoise.store.load", "training") == ["modnoise.store.load"]
    assert wrong("def f():\n    from modnoise import claim", "spec") == ["modnoise.claim"]
    assert wrong("from modnoise.arithmetic import Run", "transformer") == []
    inside = "from modnoise.arithmetic.tables import noisy_table"
    assert wrong(inside, "transformer") == ["modnoise.arithmetic.tables.noisy_table"]
    assert wrong(inside, "arithmetic") == []
    assert wrong("from modnoise.transformer import energy", "arithmetic") != []
    assert "matplotlib" in outside(source)
    assert file_calls(source) == {"open"}
    assert file_calls("frame.to_parquet(path)") == {"to_parquet"}
