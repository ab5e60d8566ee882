"""Parameters of the notebooks, checked in their first cell.

papermill only warns of a misspelt parameter and checks no types: it puts ``nosie = 0.5`` into the
notebook and runs on with the default noise. `check_parameters` looks at what is there.
"""

from __future__ import annotations

import ast
import datetime
import difflib
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from modnoise import studies
from modnoise.spec import Spec, SpecError

_PLAIN = (
    bool, int, float, complex, str, bytes, list, tuple, dict, set, type(None),
    np.generic, PurePath, datetime.date, datetime.timedelta,
)  # fmt: skip

INJECTED = "# Parameters"
"""How a cell begins that papermill puts in behind the parameters cell."""


class ScorecardParameters(Spec):
    """Parameters of ``99_scorecard``, which shows the verdicts stored in executed pages."""

    NOTEBOOK: ClassVar[str] = "99_scorecard"

    folder: str = Field(min_length=1)


def check_parameters(namespace: Mapping[str, Any], notebook: str) -> Spec:
    """Check the parameters of a notebook against what its study declares.

    Call it with ``globals()`` in the first cell after the parameters. In a notebook the kernel
    also holds what earlier runs of the page, other cells and startup files have set, so only the
    names that the parameters cell assigned are checked (`given`), or, if no such cell is found,
    the declared ones. Elsewhere all public names with plain values are taken for parameters.
    Names that start with an underscore, and IPython's ``In`` and ``Out``, are passed over.

    Raises:
        SpecError: one line with the name, the value and what is allowed; a notebook whose
            parameters are not declared.

    >>> good = {"scale": "smoke", "noise": 0.8, "seed": 1}
    >>> check_parameters({**good, "_": 0}, "00_quickstart").noise
    0.8
    """
    known = {ScorecardParameters.NOTEBOOK: ScorecardParameters, **studies.PARAMETERS}
    if notebook not in known:
        raise SpecError(
            f"notebook {notebook!r} is not known: it must be one of {', '.join(known)}"
        )
    declared, cells = known[notebook].model_fields, _executed(namespace)
    names = {
        name
        for name, value in namespace.items()
        if name in declared or (cells is None and isinstance(value, _PLAIN))
    }
    if cells is not None:
        names = given(cells, declared) or names
    public = (x for x in namespace if x in names and x not in ("In", "Out"))
    return known[notebook](**{x: namespace[x] for x in public if not x.startswith("_")})


def _executed(namespace: Mapping[str, Any]) -> list[str] | None:
    """The cells that this kernel has executed, the current one last, if it has this namespace."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if shell is None or namespace is not shell.user_ns:
        return None
    return list(shell.history_manager.input_hist_parsed)


def given(cells: Sequence[str], declared: Collection[str]) -> set[str]:
    """The names that are given as parameters in the cells executed so far; none if none is found.

    Only its code tells which is the parameters cell. From the last cell, which checks, back to
    the first that assigns more than half of the declared names, these count: cells that assign a
    declared name, as a parameter may also be changed in a cell of its own; cells that papermill
    has put in, whatever they assign; and just before the checking cell one of nothing but
    literals, if its names resemble declared ones.

    >>> declared, check = ("noise", "op", "seed"), "mn.check_parameters(globals(), '')"
    >>> cells = ["noise, op, seed = 0.5, 'add', 1", check, "p = 23"]
    >>> sorted(given([*cells, check], declared))
    ['noise', 'op', 'seed']
    >>> sorted(given([*cells, "nosie, op, seed = 0.5, 'add', 1", check], declared))
    ['nosie', 'op', 'seed']
    """
    names: set[str] = set()
    wanted, just_before = set(declared), True
    for cell in reversed(cells):
        assigned, checks = _assigned(cell)
        mine, injected = wanted & assigned.keys(), cell.lstrip().startswith(INJECTED)
        if mine or injected:
            names |= assigned.keys()
            if names >= wanted or (2 * len(mine) > len(wanted) and not injected):
                break
        elif just_before and not checks and all(assigned.values()):
            names |= {x for x in assigned if difflib.get_close_matches(x, wanted, cutoff=0.7)}
        just_before = just_before and checks
    return names


def _assigned(cell: str) -> tuple[dict[str, bool], bool]:
    """The names that a cell assigns before it calls `check_parameters`, and whether each gets a
    literal; whether the cell calls that."""
    found: dict[str, bool] = {}
    try:
        statements = ast.parse(cell).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it was not executed either
        statements = []
    for statement in statements:
        nodes = [*ast.walk(statement)]
        if any(isinstance(x, ast.Call) and _called(x) == check_parameters.__name__ for x in nodes):
            return found, True
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for node in nodes:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                goals: list[ast.expr] = (
                    node.targets if isinstance(node, ast.Assign) else [node.target]
                )
                parts = ast.walk(ast.Tuple(goals))
                stored = [x for x in parts if isinstance(getattr(x, "ctx", None), ast.Store)]
                names = [x.id for x in stored if isinstance(x, ast.Name)]
                found |= dict.fromkeys(names, _is_literal(node.value))
    return found, False


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _is_literal(value: ast.expr | None) -> bool:
    if value is None:
        return False
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError):
        return False
    return True
