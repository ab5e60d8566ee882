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

import modnoise

PAGE = "book/api"
# Headings over the modules of the package; a module without one goes by its docstring.
TOPICS = {
    "Runs and experiments": ("spec", "experiments", "parameters"),
    "Tables of pairs": ("tables", "collisions"),
    "Nets and training": ("nets", "training.loop", "gradients"),
    "Recorded runs": ("store", "records"),
    "What a net does": ("metrics", "regimes", "timing"),
    "Inside the neurons": ("fourier", "partition", "structure"),
    "Transformers": ("transformer_run", "transformer", "table3"),
    "MNIST": ("mnist", "mnist_data"),
    "Claims and pages": ("claims", "pages", "figures.style"),
}
INSIDE = {"Figures": "figures", "Widgets": "widgets"}  # modules that are public as a whole


def exported() -> dict[str, list[str]]:
    """Public names by the module that they come from, read from the package's own list."""
    tree = ast.parse(Path(modnoise.__file__).read_text(encoding="utf-8"))
    [call] = (x for x in ast.walk(tree) if isinstance(x, ast.Call) and _is_attach(x))
    return ast.literal_eval(next(x.value for x in call.keywords if x.arg == "submod_attrs"))


def _is_attach(call: ast.Call) -> bool:
    return getattr(call.func, "attr", "") == "attach"


def grouped() -> dict[str, list[tuple[str, str]]]:
    """Headings with pairs of module and public name."""
    rest, found = exported(), {}
    for topic, modules in TOPICS.items():
        found[topic] = [(m, name) for m in modules for name in rest.pop(m, ())]
    for module, names in rest.items():
        head = inspect.getdoc(importlib.import_module(f"modnoise.{module}")).splitlines()[0]
        found[head.split(":")[0].rstrip(".")] = [(module, name) for name in names]
    return {topic: names for topic, names in found.items() if names}


def _public(module: str) -> list[str]:
    """Functions and classes of a module that belong to it."""
    whole = importlib.import_module(f"modnoise.{module}")
    return [
        name
        for name, x in inspect.getmembers(
            whole, lambda x: inspect.isroutine(x) or inspect.isclass(x)
        )
        if not name.startswith("_") and x.__module__.startswith(whole.__name__)
    ]


def _entry(module: str, name: str) -> str:
    """The directive that shows one name, called as a reader would call it."""
    value = getattr(importlib.import_module(f"modnoise.{module}"), name)
    if inspect.isclass(value):
        text = f".. autoclass:: modnoise.{name}\n   :members:\n   :member-order: bysource\n"
        return text + "".join(_fields(value))
    if inspect.isroutine(value):
        return f".. autofunction:: modnoise.{name}\n"
    docs = ModuleAnalyzer.for_module(f"modnoise.{module}").find_attr_docs()
    text = " ".join(docs.get(("", name), [])) or f"See `modnoise.{module}`."
    return f".. py:data:: modnoise.{name}\n\n   {escaped(text)}\n"


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


def listing() -> str:
    """The page's sections: MyST with autodoc's directives inside."""
    told = []
    for topic, names in grouped().items():
        told += [f"## {topic}", *(_block(_entry(*one)) for one in names)]
    for topic, module in INSIDE.items():
        told += [f"## {topic}", f"In `modnoise.{module}`, as `mn.{module}`."]
        entries = (_entry(module, name) for name in _public(module))
        told += [_block(x.replace("modnoise.", f"modnoise.{module}.", 1)) for x in entries]
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
