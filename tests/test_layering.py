"""Who may import whom, and what, read from the source with `ast`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import modnoise

PACKAGE = Path(modnoise.__file__).parent

# A module imports from lines above its own only; training's own modules also from each other.
LAYERS = [
    ["spec", "optim", "regimes", "pages", "figures"],
    ["mnist_data", "transformer_run"],
    ["claims"],
    ["experiments", "parameters", "tables", "files", "kinds", "costs"],
    ["nets", "records"],
    ["metrics", "fourier", "analytic", "transfer", "overview", "order"],
    ["gradients", "partition", "timing", "collisions", "transformer", "table3"],
    ["structure", "scorecard"],
    ["training"],
    ["transformer_training", "mnist"],
    ["campaign"],
    ["store", "plan", "cluster"],
    ["widgets", "cli"],
    ["__init__", "__main__"],
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

NO_TORCH = {
    "spec", "kinds", "experiments", "parameters", "regimes", "files", "records", "pages", "claims",
    "figures", "mnist_data", "transformer_run", "costs", "transfer", "overview", "order",
    "table3",
}  # fmt: skip
NO_FILES = set(RANK) - {
    "scorecard", "files", "records", "campaign", "store", "cli", "mnist_data", "transfer",
    "cluster",
}  # fmt: skip
OPENING = {
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "to_csv", "read_csv",
    "to_parquet", "read_parquet", "save", "load", "save_file", "load_file", "savefig", "mkdir",
    "unlink", "rmtree",
}  # fmt: skip


def layer(path: Path) -> str:
    """The first name below the package: training/loop.py is `training`."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """Dotted names of everything imported, ``from a import b`` as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(name: str) -> str | None:
    """The module of this package that an imported name comes from."""
    parts = name.split(".")
    if parts[0] != "modnoise":
        return None
    if len(parts) > 1 and parts[1] in RANK:
        return parts[1]
    return "__init__"


def wrong_direction(source: str, here: str) -> list[str]:
    """Imports of modules that do not lie below ``here``."""
    found = {module for name in imported(ast.parse(source)) if (module := own(name))}
    if here in ("training", "figures", "claims"):
        found -= {here}
    return sorted(x for x in found if RANK[x] >= RANK[here])


def outside(source: str) -> set[str]:
    return {name.split(".")[0] for name in imported(ast.parse(source))}


def file_calls(source: str) -> set[str]:
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    names = {getattr(x, "id", getattr(x, "attr", "")) for x in calls}
    return names & OPENING


MODULES = sorted(PACKAGE.rglob("*.py"))
EVERY = pytest.mark.parametrize("path", MODULES, ids=lambda x: str(x.relative_to(PACKAGE)))


@EVERY
def test_every_module_has_a_layer_and_imports_only_from_lower_ones(path):
    here = layer(path)
    assert here in RANK, f"give {here} a place in LAYERS"
    if here == "records":  # asks the package for its version, inside a function
        assert wrong_direction(path.read_text(), here) in ([], ["__init__"])
    else:
        assert wrong_direction(path.read_text(), here) == []


@EVERY
def test_what_must_start_fast_or_draw_arrays_imports_no_torch(path):
    if layer(path) in NO_TORCH:
        assert "torch" not in outside(path.read_text())


@EVERY
def test_matplotlib_is_for_figures_and_ipython_for_their_style_and_widgets(path):
    found, name = outside(path.read_text()), path.relative_to(PACKAGE).as_posix()
    if not name.startswith("figures/"):
        assert not found & {"matplotlib", "seaborn"}
    if name not in ("figures/style.py", "widgets.py"):
        assert not found & {"IPython", "ipywidgets", "anywidget"}


@EVERY
def test_only_the_store_and_what_it_stands_on_touch_files(path):
    if layer(path) in NO_FILES:
        assert file_calls(path.read_text()) == set()


def test_these_checks_see_what_they_look_for():
    source = "from modnoise.training.loop import train\nimport matplotlib.pyplot\nopen('x')\n"
    assert wrong_direction(source, "metrics") == ["training"]
    assert wrong_direction(source, "store") == wrong_direction(source, "training") == []
    assert wrong_direction("from modnoise import optim", "training") == []
    assert wrong_direction("from modnoise import Run", "store") == ["__init__"]
    assert wrong_direction("def f():\n    import modnoise.store", "campaign") == ["store"]
    assert "matplotlib" in outside(source)
    assert file_calls(source) == {"open"}
    assert file_calls("frame.to_parquet(path)") == {"to_parquet"}
