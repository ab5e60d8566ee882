"""Order is the same on every processor: what is sorted keeps ties in place, read with `ast`.

numpy's quicksort is no one algorithm: which one runs, and so how equal keys end up, depends on
whether the processor has AVX-512. Sets of text have another order in every process.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("modnoise", "scripts", "benchmarks", "book/_extensions")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

NEVER = {"nlargest", "nsmallest", "topk", "kthvalue", "msort", "argpartition"}
"""Have no stable form: sort all, stably, and take the first."""
STABLE = {"kind": "stable", "stable": True}
SORTS = dict.fromkeys(("argsort", "sort_values", "sort_index", "sort"), STABLE)
SORTS["value_counts"] = {"sort": False}
ARRAYS = {"np", "numpy", "torch"}
ORDERLESS = {"all", "any", "frozenset", "len", "max", "min", "set", "sorted"}
"""What they return does not depend on the order of what they are given."""


def _called(node: ast.AST) -> str:
    """The name of the function that a call calls; empty for what is no call."""
    func = getattr(node, "func", None)
    return getattr(func, "attr", getattr(func, "id", ""))


def unstable_sorts(source: str) -> list[str]:
    """Sorts of arrays, tensors and frames that may order equal keys as they please.

    ``x.sort()`` as a statement is of a list, or in place: of its equals none can be told apart.
    """
    tree, found = ast.parse(source), []
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        name = _called(node)
        if name in SORTS:
            asked = {key.arg: getattr(key.value, "value", None) for key in node.keywords}
            right = any(asked.get(key, ...) == value for key, value in SORTS[name].items())
            of = getattr(getattr(node.func, "value", None), "id", None)
            in_place = name == "sort" and id(node) in statements and of not in ARRAYS
            if not (right or in_place):
                found.append(ast.unparse(node))
        elif name in NEVER:
            found.append(ast.unparse(node))
    return found


def _is_set(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_set(node.left) or _is_set(node.right)
    return isinstance(node, (ast.Set, ast.SetComp)) or _called(node) in ("set", "frozenset")


def loops_over_sets(source: str) -> list[str]:
    """Sets whose elements are taken one after the other where their order can be seen."""
    tree, found = ast.parse(source), []
    inside = (arg for node in ast.walk(tree) if _called(node) in ORDERLESS for arg in node.args)
    free = {id(node) for node in inside}
    for node in ast.walk(tree):
        taken: list[ast.AST] = []
        if isinstance(node, ast.For):
            taken = [node.iter]
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.DictComp)):
            taken = [] if id(node) in free else [part.iter for part in node.generators]
        elif isinstance(node, (ast.List, ast.Tuple)):
            taken = [part.value for part in node.elts if isinstance(part, ast.Starred)]
        elif _called(node) in ("list", "tuple", "join", "enumerate", "array", "tensor"):
            taken = node.args
        found += [ast.unparse(part) for part in taken if _is_set(part)]
    return found


def sources() -> Iterator[tuple[str, str]]:
    """Every module and every code cell, by name."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text()
    for path in NOTEBOOKS:
        for number, cell in enumerate(json.loads(path.read_text())["cells"]):
            if cell["cell_type"] == "code":
                yield f"{path.name} cell {number}", "".join(cell["source"])


def test_every_sort_keeps_equal_keys_in_their_order():
    assert [f"{where}: {call}" for where, x in sources() for call in unstable_sorts(x)] == []


def test_no_order_is_taken_from_a_set():
    assert [f"{where}: {part}" for where, x in sources() for part in loops_over_sets(x)] == []


def test_the_check_finds_unstable_sorts():
    # as `milestones` was
    assert unstable_sorts('full = curves[curves.part == "full"].sort_values("step")')
    for call in ("x.argsort()", "np.argsort(x)", "x.argsort(stable=False)", "f.sort_index()",
                 "values, order = x.sort()", "x.flatten().sort(descending=True)[0]",
                 "np.sort(x)", "torch.sort(x)", "x.topk(3)", "frame.nlargest(1, 'width')",
                 "f.sort_values('a', kind='quicksort')", "s.value_counts()"):  # fmt: skip
        assert unstable_sorts(call), call


def test_the_check_leaves_stable_sorts_alone():
    for call in ("names.sort()", "rows.sort(key=len, reverse=True)", "sorted(x, key=len)",
                 "f.sort_values('a', kind='stable')", "x.argsort(dim=1, stable=True)",
                 "_, order = x.sort(stable=True)", "np.sort(x, kind='stable')",
                 "s.value_counts(sort=False)"):  # fmt: skip
        assert not unstable_sorts(call), call


def test_the_check_knows_where_the_order_of_a_set_is_seen():
    for text in ("for x in {1, 2}: f(x)", "[x for x in set(y)]", "list({*a} | b)", "[*set(a)]",
                 "', '.join({x.name for x in y} - z)"):  # fmt: skip
        assert loops_over_sets(text), text
    for text in ("for x in sorted({1, 2}): f(x)", "all(f(x) for x in {1, 2})", "{*set(a)}",
                 "x in {1, 2}", "[x for x in {1: 2}]", "list(dict.fromkeys(a))"):  # fmt: skip
        assert not loops_over_sets(text), text


def _accidental(html: str) -> bool:
    """Whether a table labels its rows with numbers that no name explains."""
    head, _, body = html.partition("<tbody>")
    names = re.findall(r"<th[^>]*>(.*?)</th>", head.rpartition("<tr")[2])
    first = re.findall(r"<tr[^>]*>\s*<th[^>]*>(.*?)</th>", body)
    return bool(first) and not names[0].strip() and all(x.strip().isdecimal() for x in first)


def test_no_page_shows_positions_as_row_labels():
    for path in NOTEBOOKS:
        for number, cell in enumerate(json.loads(path.read_text())["cells"]):
            for output in cell.get("outputs", ()):
                html = "".join(output.get("data", {}).get("text/html", ""))
                for table in re.findall(r"<table.*?</table>", html, re.DOTALL):
                    assert not _accidental(table), f"{path.name}, cell {number}"


def test_the_check_of_row_labels_knows_positions_from_names():
    frame = pd.DataFrame({"width": [129, 1025], "test": [0.4, 0.5]}, index=[23, 67])
    assert _accidental(frame.to_html())
    assert not _accidental(frame.set_index("width").to_html())
    assert not _accidental(frame.set_axis(["full", "G"]).to_html())
