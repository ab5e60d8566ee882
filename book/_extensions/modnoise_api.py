"""Every public name with its docstring, grouped as the package groups them: the page book/api."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

from modnoise.studies import STUDIES

PAGE = "book/api"
INSIDE = ("figures", "widgets")
"""Modules of a study that are public as a whole."""


def exported(package: str) -> dict[str, list[str]]:
    """Public names of a package by the module they come from, read from its own list."""
    stub = Path(importlib.import_module(package).__file__).with_suffix(".pyi")
    found: dict[str, list[str]] = {}
    for line in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(line, ast.ImportFrom) and line.module:
            found.setdefault(line.module, []).extend(x.name for x in line.names)
    return found


def _head(module: str) -> str:
    """What a module is about: the first sentence of its docstring, up to a colon."""
    first = inspect.getdoc(importlib.import_module(module)).splitlines()[0]
    return re.split(r"[:;?] |\. (?=[A-Z])", first)[0].rstrip(".")


def _public(module: str) -> list[str]:
    """Functions and classes of a module that belong to it."""
    whole = importlib.import_module(module)
    study = module.rpartition(".")[0]
    return [
        name
        for name, x in inspect.getmembers(
            whole, lambda x: inspect.isroutine(x) or inspect.isclass(x)
        )
        if not name.startswith("_") and x.__module__.startswith((module, f"{study}.explorer"))
    ]


def _entry(module: str, name: str, called: str) -> str:
    """The directive that shows one name of a module, ``called`` as a reader would call it."""
    value = getattr(importlib.import_module(module), name)
    if inspect.isclass(value):
        text = f".. autoclass:: {called}\n   :members:\n   :member-order: bysource\n"
        return text + "".join(_fields(value))
    if inspect.isroutine(value):
        return f".. autofunction:: {called}\n"
    docs = ModuleAnalyzer.for_module(module).find_attr_docs()
    text = " ".join(docs.get(("", name), [])) or f"See `{module}`."
    return f".. py:data:: {called}\n\n   {escaped(text)}\n"


def _fields(model: Any) -> Iterator[str]:
    """The fields of a run with their defaults, sources and meanings, as a table."""
    if not hasattr(model, "provenance"):
        return
    yield "\n   .. list-table::\n      :header-rows: 1\n\n"
    rows = [("field", "default", "source", "meaning")]
    rows += [tuple(row.values()) for row in model.provenance()]
    for row in rows:
        for i, text in enumerate(row):
            yield f"      {'  -' if i else '* -'} {escaped(str(text))}\n"


def _section(package: str, face: str, only: set[str] | None = None) -> Iterator[str]:
    """The modules of a package with their public names, called by ``face``."""
    for module, names in exported(package).items():
        whole = f"{package}.{module}"
        shown = [x for x in names if x not in INSIDE and (only is None or x in only)]
        if whole not in STUDIES and shown:
            yield f"### {_head(whole)}"
            yield from (_block(_entry(whole, name, f"{face}.{name}")) for name in shown)


def listing() -> str:
    """The page's sections: MyST with autodoc's directives inside. The main study's words are at
    hand as ``mn.name``, the others' as ``mn.study.name``."""
    main, words = STUDIES[0], {x for names in exported("modnoise").values() for x in names}
    told = ["## Runs, claims, training, pages", *_section("modnoise", "modnoise")]
    for study in STUDIES:
        face, only = ("modnoise", words) if study == main else (study, None)
        told += [f"## {_head(study)}", *_section(study, face, only)]
        for inside in INSIDE:
            told += [f"### {inside.capitalize()}", f"In `{study}.{inside}`."]
            module = f"{study}.{inside}"
            told += [_block(_entry(module, x, f"{face}.{inside}.{x}")) for x in _public(module)]
    return "\n\n".join(told) + "\n"


def _block(text: str) -> str:
    return f"```{{eval-rst}}\n{text}```"


def escaped(text: str) -> str:
    """A line of a docstring whose bars and underscores are no markup.

    >>> escaped("|w^_k| of ``a|b`` and `run_`, W_")
    '\\\\|w^_k\\\\| of ``a|b`` and `run_`, W\\\\_'
    """
    parts = re.split(r"(``.*?``|`[^`]*`)", text)
    parts[::2] = [re.sub(r"\||(?<=\w)_(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
    return "".join(parts)


def write(app: Sphinx, page: str, source: list[str]) -> None:
    """Fill the page when Sphinx reads it."""
    if page == PAGE:
        source[0] += "\n" + listing()


def tidy(app: Sphinx, what: str, name: str, it: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are text with names in backticks, not reStructuredText in full."""
    lines[:] = [line if ">>>" in line else escaped(line) for line in lines]


def short(
    app: Sphinx, what: str, name: str, it: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """The fields of a run are told in a table; what made an object is of no interest."""
    if hasattr(it, "provenance"):
        return "(**fields)", ""
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("source-read", write)
    app.connect("autodoc-process-signature", short)
    app.connect("autodoc-process-docstring", tidy, priority=1000)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
