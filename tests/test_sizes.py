"""No module and no function of the package is too long to be read at a sitting."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

import modnoise

PACKAGE = Path(modnoise.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MEDIAN, LONGEST, FUNCTION = 120, 350, 60
"""Lines: the median over modules, the longest module, the longest function."""


def functions(source: str) -> dict[str, int]:
    """Lines of every function, with its decorators and what is defined inside it."""
    return {
        node.name: node.end_lineno - min(x.lineno for x in (node, *node.decorator_list)) + 1
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_a_module_has_at_most_350_lines_and_a_function_60():
    long = {path.name: n for path in MODULES if (n := lines(path)) > LONGEST}
    assert long == {}, "cut them by their topics"
    found = [(path, functions(path.read_text(encoding="utf-8"))) for path in MODULES]
    assert [(path.name, x, n) for path, of in found for x, n in of.items() if n > FUNCTION] == []


def test_half_of_the_modules_have_at_most_120_lines():
    assert median(map(lines, MODULES)) <= MEDIAN


def test_a_long_function_is_seen_and_measured_with_its_decorators():
    body = "\n".join("    pass" for _ in range(60))
    assert functions(f"@cached\ndef f(\n    x,\n):\n{body}\n\n\ndef g():\n    pass\n") == {
        "f": 64, "g": 2
    }  # fmt: skip
