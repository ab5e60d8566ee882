"""What the book does to its pages beyond the theme: a Sphinx extension.

Figures become files beside the pages, so that a page stays small and a browser fetches only what
it shows; every figure of the paper gets a row that leads back to its cell, runs and command. The
recorded runs that a page names lie beside it as the Parquet files that they are.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote_to_bytes

from docutils import nodes
from sphinx.application import Sphinx

from modnoise.store.overview import at_hand
from modnoise.store.provenance import CHECKOUT
from modnoise.store.records import Store
from modnoise.studies import EXPERIMENTS

_FIGURE = re.compile(r'<img [^>]*?src="(data:image/svg\+xml,([^"]+))"[^>]*?>')
_THEMED = re.compile(r'(<img [^>]*?class="only-(?:light|dark)")')
_SIZE = re.compile(rb"<svg[^>]*? width='([\d.]+)pt' height='([\d.]+)pt'")

_DATA = re.compile(r'href="(?:\.\./)*_data/([\w-]+/\w+\.parquet)"')

_NO_DATA = {"mn", "np", "pd", "chance", "scale"}  # names that no figure's data come through


def apart(page: str, folder: Path, to_root: str, lazy: bool = True) -> str:
    """The HTML of a page with its figures as files in ``folder`` / _images.

    ``lazy``: a browser may leave out those that are out of sight or of the other theme.
    """

    def linked(found: re.Match[str]) -> str:
        data = unquote_to_bytes(found[2])
        name = f"_images/{hashlib.sha256(data).hexdigest()[:16]}.svg"
        (folder / "_images").mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
        size = ""
        if points := _SIZE.search(data):
            width, height = (round(float(x) * 4 / 3) for x in points.groups())
            size = f' width="{width}" height="{height}"'
        new = f'src="{to_root}{name}"{size}{" loading=lazy" if lazy else ""}'
        return found[0].replace(f'src="{found[1]}"', new)

    return _FIGURE.sub(linked, page)


def _names(statement: ast.AST, context: type) -> set[str]:
    """Names that a statement reads or sets, less the helpers that live in it alone."""
    found = [x for x in ast.walk(statement) if isinstance(x, ast.Name)]
    own = {x.id for y in ast.walk(statement) if isinstance(y, ast.comprehension)
           for x in ast.walk(y.target) if isinstance(x, ast.Name)}  # fmt: skip
    return {x.id for x in found if isinstance(x.ctx, context)} - own - _NO_DATA


def _changes(statement: ast.stmt) -> tuple[set[str], bool]:
    """The names that a statement sets or fills, and whether it sets them anew."""
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}, True
    filled = set()
    for x in ast.walk(statement):
        base = x.func.value if isinstance(x, ast.Call) and hasattr(x.func, "value") else None
        if isinstance(x, ast.Subscript) and isinstance(x.ctx, ast.Store):
            base = x.value
        if isinstance(base, ast.Name) and isinstance(statement, (ast.Expr, ast.For, ast.Assign)):
            filled.add(base.id)
    stored = _names(statement, ast.Store)
    return stored | filled - _NO_DATA, bool(stored) and isinstance(statement, ast.Assign)


def _experiments(statement: ast.AST) -> Iterator[str | None]:
    """Names by which a statement asks for experiments; None for one that a variable holds."""
    for x in ast.walk(statement):
        name = None
        if isinstance(x, ast.Subscript) and getattr(x.value, "attr", "") == "EXPERIMENTS":
            name = x.slice
        if isinstance(x, ast.Call) and getattr(x.func, "attr", "") == "at_hand":
            name = x.args[0]
        if name:
            yield name.value if isinstance(name, ast.Constant) else None


def _listed(statement: ast.AST) -> Iterator[str]:
    for x in ast.walk(statement):
        for y in x.elts if isinstance(x, (ast.Tuple, ast.List)) else ():
            if isinstance(y, ast.Constant) and y.value in EXPERIMENTS:
                yield y.value


def behind(before: list[ast.stmt], figure: ast.stmt) -> list[str]:
    """Names of the experiments that the values in a figure were computed from."""
    wanted, needed = _names(figure, ast.Load), [figure]
    for statement in reversed(before):
        changed, anew = _changes(statement)
        if changed & wanted:
            wanted = (wanted - changed if anew else wanted) | _names(statement, ast.Load)
            needed.insert(0, statement)
    asked = [name for statement in needed for name in _experiments(statement)]
    listed = [name for x in needed for name in _listed(x)] if None in asked else []
    return [name for name in dict.fromkeys(asked + listed) if name and name in EXPERIMENTS]


def data_links(names: Iterable[str], scale: str, to_root: str) -> str:
    """Links to the recorded runs of those experiments that have some, as HTML."""
    files = {x: (f"{x}/{at}.parquet", at) for x in names for at in [at_hand(x, scale).scale]}
    return ", ".join(
        f'<a href="{to_root}_data/{file}" download="{x}-{at}.parquet">{x}</a>'
        for x, (file, at) in files.items()
        if (Store().published / file).exists()
    )


def rows(notebook: dict[str, Any], path: str) -> tuple[dict[str, str], str]:
    """One line of HTML for each figure of the paper in a notebook, by the figure's name; and one
    for the page, with all its data."""
    before: list[ast.stmt] = []
    scale, found = "laptop", {}
    to_root = "../" * path.count("../")
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        statements = ast.parse("".join(cell["source"])).body
        for statement in statements:
            target = getattr(statement, "target", None) or getattr(statement, "targets", [0])[0]
            if isinstance(target, ast.Name) and target.id == "scale":
                scale = ast.literal_eval(statement.value)
        name = cell["metadata"].get("mystnb", {}).get("figure", {}).get("name")
        if name:
            names = behind(before + statements[:-1], statements[-1])
            shown = {x: at_hand(x, scale) for x in names}
            count = sum(map(len, shown.values()))
            data = data_links(names, scale, to_root)
            told = [f"{count} recorded run{'s' * (count != 1)}"] if names else []
            told = [f"{told[0]}, as Parquet: {data}"] if data else told
            told += [f"<code>modnoise run {x} --scale {r.scale}</code>" for x, r in shown.items()]
            told = told or [
                f"<code>papermill notebooks/{PurePosixPath(path).name} out.ipynb</code>"
            ]
            link = f'<a href="{escape(path)}" download>notebook</a>'
            found[name] = " · ".join([f"{link}, cell {cell['execution_count']}", *told])
        before += statements
    used = (name for x in before for name in (*_experiments(x), *_listed(x)) if name)
    data = data_links(dict.fromkeys(used), scale, to_root)
    columns = f'<a href="{to_root}_data/README.md">columns and units</a>'
    return found, f"Recorded runs of this page, as Parquet: {data} · {columns}" if data else ""


def add_rows(app: Sphinx, doctree: nodes.document) -> None:
    """Put the rows of `rows` below the captions and at the end of a page made from a notebook."""
    page = app.env.docname
    source = Path(app.env.doc2path(page))
    if source.suffix != ".ipynb":
        return
    notebook, to_root = json.loads(source.read_text()), "../" * page.count("/")
    found, all_data = rows(notebook, f"{to_root}_sources/{page}.ipynb")
    for figure in doctree.findall(nodes.figure):
        for name in figure["names"]:
            if name in found:
                figure += nodes.legend("", _row(found[name]))
    if all_data:
        next(doctree.findall(nodes.section)).append(_row(all_data))


def _row(line: str) -> nodes.raw:
    return nodes.raw("", f'<p class="mn-row">{line}</p>', format="html")


def finish(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    """Move figures out of a page; mend what a screen reader would stumble over."""
    if "body" not in context:
        return
    to_root = "../" * page.count("/")
    lazy = app.builder.name == "html"
    body = apart(context["body"], Path(app.outdir), to_root, lazy)
    if lazy:
        body = _THEMED.sub(r"\1 loading=lazy", body)
    body = body.replace(
        '<div role="list" class="citation-list">',  # its entries have another role
        '<div class="citation-list">',
    )
    bring(_DATA.findall(body), Path(app.outdir))
    context["body"] = _PARAMETERS.sub(_plain, body)


def bring(files: Iterable[str], site: Path) -> None:
    """Copy recorded runs, and what says how to read them, below ``site`` / _data."""
    sources = {file: Store().published / file for file in files}
    if sources:
        sources["README.md"] = CHECKOUT / "results" / "README.md"
    for file, source in sources.items():
        target = site / "_data" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


_PARAMETERS = re.compile(r'<dl>\n(<dd><em class="sig-param">.*?)</dl>', re.DOTALL)


def _plain(found: re.Match[str]) -> str:
    """Arguments of a signature as lines; Sphinx makes them definitions of nothing."""
    lines = found[1].replace("<dd>", '<span class="mn-param">').replace("</dd>", "</span>")
    return f'<span class="mn-params">{lines}</span>'


# From disk a page cannot read another one for the lines around a found word.
SEARCH = """document.addEventListener("DOMContentLoaded", () => {
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false; });"""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_js_file(None, body=SEARCH)
    app.connect("doctree-read", add_rows)
    app.connect("html-page-context", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
