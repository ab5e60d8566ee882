"""Widgets of the book: each is a small inline module that needs no kernel and no widget manager.

What a notebook stores of a widget is its code, its style and its values (anywidget's ``_esm``,
``_css`` and state). A page gets exactly these, so a browser reads a few kilobytes where Jupyter's
own manager for pages takes 3.6 MB. Inline modules also run on a page opened from disk.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>', re.DOTALL
)
PLACE = """<div class="mn-widget" id="{name}"{label}><noscript>This figure moves with JavaScript
only.</noscript></div><style>{css}</style><script type="module">
{code}
const state = {state};
const model = {{ get: (name) => state[name], set: (name, value) => {{ state[name] = value; }},
  save_changes() {{}}, on() {{}} }};
render({{ model, el: document.getElementById("{name}") }});
</script>"""


def inline(name: str, code: str, css: str, state: dict[str, Any], label: str = "") -> str:
    """A widget as HTML that needs nothing but itself; ``name`` is its id on the page.

    ``code`` is a module that defines ``render({ model, el })``, ``state`` what its model holds.
    ``label`` names the group of its controls to a screen reader.
    """
    told = json.dumps(state).replace("</", "<\\/")
    group = f' role="group" aria-label="{label}"' if label else ""
    return PLACE.format(name=name, label=group, css=css, code=code, state=told)


def drawn(body: str, models: dict[str, Any]) -> str:
    """The body of a page with its widgets as HTML; ``models`` is what the notebook stores.

    Raises:
        ExtensionError: a widget that only Jupyter's own manager could draw.
    """

    def place(found: re.Match[str]) -> str:
        model = models.get(json.loads(found[1])["model_id"], {})
        state = {name: x for name, x in model.get("state", {}).items() if name[0] != "_"}
        if "_esm" not in model.get("state", {}):
            kind = model.get("model_name", "an unknown widget")
            raise ExtensionError(f"a page shows {kind}; only widgets of anywidget are drawn here")
        state = {name: x for name, x in state.items() if name not in ("layout", "tabbable")}
        code, css = model["state"]["_esm"], model["state"].get("_css", "")
        return inline(f"mn-widget-{next(numbers)}", code, css, state)

    numbers = iter(range(1, 1000))
    return VIEW.sub(place, body)


def finish(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    """Draw a page's widgets, and leave out what the manager would read."""
    source = Path(app.env.doc2path(page)) if page in app.env.found_docs else Path()
    if source.suffix != ".ipynb":
        return
    stored = json.loads(source.read_text(encoding="utf-8"))["metadata"].get("widgets", {})
    context["body"] = drawn(context["body"], stored.get(STATE, {}).get("state", {}))
    context["script_files"] = [
        file
        for file in context["script_files"]
        if getattr(file, "attributes", {}).get("type") != STATE
    ]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
