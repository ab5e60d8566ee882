"""What the home page tells: a slider over the finding, a picture per chapter, the verdicts.

All are made when the page is read, so they say what the runs and the pages beside it say. The
slider is the widget of the notebooks (`modnoise.pages.widgets.Recorded`) without a widget manager.
"""

from __future__ import annotations

import json
import re
from html import escape
from pathlib import Path

import pandas as pd
import yaml
from modnoise_book import data_links
from modnoise_widgets import inline
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

import modnoise as mn
from modnoise.pages import scorecard, widgets
from modnoise.pages.answer import ANSWER
from modnoise.store.schema import Answered, shaped
from modnoise.verdict import counted

EXPERIMENT, WIDER, SCALE = "fig5-noise", ("fig5-width", "fig5-widest"), "fast"
STORY = 5  # chapters that tell the story in pictures
FIGURE = 'class="mn-fig'
NAMES = {  # of the parts of `modnoise.parts`, in plain words
    "full": "the network as trained",
    "G": "one frequency per neuron",
    "G_random_relu": "a random frequency instead",
    "R": "what the filter took away",
}


def recorded() -> tuple[dict, pd.DataFrame]:
    """The slider's data and the last rows that they are medians of; nothing is trained."""
    runs, store = mn.at_hand(EXPERIMENT, SCALE), mn.Store()
    if missing := [run.key for run in runs if store.find(run)[0] is None]:
        raise ExtensionError(f"not recorded: {missing[0]}; modnoise run {EXPERIMENT}")
    known = mn.recorded(EXPERIMENT, *WIDER, scale=SCALE, store=store)
    final = known.like(runs[0], "noise", "width", "seed")
    final = final[final.width == final.groupby("noise").width.transform("max")]
    made = mn.widgets.recorded(
        final, chance=1 / runs[0].p, parts=tuple(NAMES), filtered="G", control="G_random_relu"
    )
    data = dict(made.data)
    data["parts"] = list(NAMES.values())
    data["rows"] = [{NAMES[part]: x for part, x in row.items()} for row in data["rows"]]
    at = data["values"].index("80%")
    return {"data": data, "index": at}, final


def slider() -> str:
    """The widget as HTML that needs nothing but itself, and what it was made from."""
    state, final = recorded()
    here = Path(widgets.__file__).parent
    code, css = ((here / f"recorded.{x}").read_text(encoding="utf-8") for x in ("js", "css"))
    label = "Accuracy of a net and of its parts against label noise"
    run, seeds = final.iloc[0], final.seed.nunique()
    widths = f"{final.width.min()} to {final.width.max()}"
    told = (
        f"{final.key.nunique()} recorded runs, "
        f"{f'medians of up to {seeds} seeds' if seeds > 1 else 'one seed'}: "
        f"a + b mod {run.p}, the widest networks recorded at each noise ratio, {widths} neurons, "
        f"{run.steps:,} steps, learning rate {run.lr:g}. "
        f"Bars from 0 to 100 %, the thin line "
        f"is chance. <em>test</em>: pairs never seen, right label; <em>noisy</em>: training pairs "
        f"with a wrong label, that wrong label."
    )
    data = data_links([EXPERIMENT, *WIDER], SCALE, "")
    return (
        f'<figure class="mn-home">{inline("mn-home", code, css, state, label)}'
        f'<figcaption><p>{told}</p><p class="mn-row"><a href="notebooks/03_recover_the_rule.html">'
        f"page</a> · as Parquet: {data} · "
        f"<code>{escape(f'modnoise run {EXPERIMENT} --scale {SCALE}')}</code></p>"
        f"</figcaption></figure>"
    )


def shown(page: Path) -> tuple[str, Answered, str]:
    """The name of a page, its answer and its first figure, as HTML.

    Raises:
        ExtensionError: a page without one of them.
    """
    cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
    data = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    answers = [shaped(Answered, x[ANSWER]) for x in data if ANSWER in x]
    figures = [html for html in ("".join(x.get("text/html", "")) for x in data) if FIGURE in html]
    if not (answers and figures):
        raise ExtensionError(f"{page.name} has no answer or no figure for the home page")
    name = "".join(cells[0]["source"]).splitlines()[0].lstrip("# ")
    return name, answers[0], figures[0]


def verdicts(folder: Path) -> str:
    """How many of the papers' claims hold, and the scorecard's figure."""
    card = scorecard.papers(scorecard.read(folder))
    told = counted(scorecard.counts(card).to_dict())
    *_, figure = shown(folder / "99_scorecard.ipynb")
    return f"{len(card)} claims of the papers: {told}.\n\n```{{raw}} html\n{figure}\n```"


def chapters(toc: dict, folder: Path) -> str:
    """A picture with its sentence per chapter of the main paper, and links to the others."""
    names = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    names = [name for name in names if re.match(r"notebooks/(0[1-9]|1\d)_", name)]
    cards = []
    for name in names[:STORY]:
        title, told, figure = shown(folder / f"{name}.ipynb")
        cards.append(
            f'<li><a href="{name}.html">{escape(title)}</a>{figure}<p>{escape(told.lead)}</p></li>'
        )
    story = f'```{{raw}} html\n<ol class="mn-story">{"".join(cards)}</ol>\n```'
    rest = ", ".join(f"[]({name}.ipynb)" for name in names[STORY:])
    return f"{story}\n\nThe same question for other nets: {rest}."


def write(app: Sphinx, page: str, source: list[str]) -> None:
    """Fill the home page's places."""
    if page == app.config.root_doc:
        here = Path(app.srcdir)
        makers = {
            "slider": lambda: f"```{{raw}} html\n{slider()}\n```",
            "chapters": lambda: chapters(yaml.safe_load((here / "_toc.yml").read_text()), here),
            "verdicts": lambda: verdicts(here / "notebooks"),
        }
        for name, make in makers.items():
            if (place := f"<!-- {name} -->") in source[0]:
                source[0] = source[0].replace(place, make())


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
