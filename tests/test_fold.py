"""How the book folds a page: what is shown, what is gathered and where, and that all is there."""

from __future__ import annotations

from types import SimpleNamespace

import modnoise_fold
import pytest
from docutils import nodes
from docutils.utils import new_document

from modnoise.claim import Claim
from modnoise.pages.answer import answer, say
from modnoise.pages.colophon import Colophon, statements
from modnoise.verdict import Verdict

FIGURE = '<img class="mn-fig only-light" src="x">'
TABLE = '<table border="1" class="dataframe"><tr><td>1</td></tr></table>'
SLIDER = f'<script type="{modnoise_fold.WIDGET}">{{}}</script>'


def html(text):
    return nodes.raw("", text, format="html")


def printed(text):
    return nodes.literal_block("", text)


def text(words):
    return nodes.paragraph("", words)


def cell(code, *outputs, **metadata):
    """A cell as myst-nb makes it; without code: a cell whose input is removed."""
    parts = []
    if code:
        source = nodes.literal_block("", code)
        parts.append(
            nodes.container("", source, nb_element="cell_code_source", classes=["cell_input"])
        )
    if outputs:
        parts.append(
            nodes.container("", *outputs, nb_element="cell_code_output", classes=["cell_output"])
        )
    return nodes.container(
        "", *parts, nb_element="cell_code", cell_metadata=metadata, classes=["cell"]
    )


def section(title, *children):
    return nodes.section("", nodes.title("", title), *children, ids=[title])


def mark():
    return nodes.comment("", modnoise_fold.MARK)


def app(path="page.ipynb"):
    return SimpleNamespace(env=SimpleNamespace(docname="page", doc2path=lambda page: str(path)))


def folded(*sections, path="page.ipynb"):
    """The first section of a page after it is folded."""
    doctree = new_document("page")
    doctree += sections
    modnoise_fold.fold(app(path), doctree, "page")
    return doctree[0]


def outline(node):
    """The texts of a node's children; folds as (label, texts)."""
    return [
        (one["label"], [part.astext() for part in one.children])
        if isinstance(one, modnoise_fold.Fold)
        else one.astext()
        for one in node.children
    ]


VERDICT = Verdict(Claim("C1", "It holds", "ours", "x", lambda rows: []), "holds", (), "", "", "")
SHOWN = {
    "figure": FIGURE,
    "slider": SLIDER,
    "sentence": say("So."),
    "answer": answer("A", claim="B", text="C", verdicts={"it holds": VERDICT}),
    "verdict": VERDICT,
    "board": '<div class="mn-board"></div>',
    "statements": statements({"one is one": True}),
    "colophon": Colophon({"torch": "2"}),
}


@pytest.mark.parametrize("kind", SHOWN)
def test_what_a_reader_came_for_stays_where_it_is_and_its_code_goes_below(kind):
    output = SHOWN[kind] if isinstance(SHOWN[kind], str) else SHOWN[kind]._repr_html_()
    page = folded(section("Q", cell("draw()", html(output)), text("then")))
    assert outline(page) == ["Q", output, "then", ("Code", ["draw()"])]


@pytest.mark.parametrize(
    ("output", "label"),
    [(html(TABLE), "Tables · code"), (printed("1 2"), "Code")],
)
def test_tables_and_prints_fold_with_their_code(output, label):
    page = folded(section("Q", cell("f()", output), text("then")))
    [title, after, (found, [inside])] = outline(page)
    assert (title, after, found) == ("Q", "then", label)
    assert inside == f"f()\n\n{output.astext()}"


def test_one_cell_may_show_a_part_and_fold_the_other():
    page = folded(section("Q", cell("f()", printed("seen"), html(FIGURE), html(TABLE))))
    assert outline(page) == ["Q", FIGURE, ("Tables · code", [f"f()\n\nseen\n\n{TABLE}"])]


def test_a_section_has_one_line_at_the_end_of_its_own_text_in_the_order_of_its_cells():
    page = folded(
        section(
            "Q",
            cell("a", printed("1")),
            text("one"),
            cell("b", html(FIGURE)),
            text("two"),
            cell("c"),
            section("R", cell("d"), text("three")),
            section("S", text("four")),
        )
    )
    *own, first, second = page.children
    told = [(x["label"], [y.astext() for y in x]) if "label" in x else x.astext() for x in own]
    assert told == [
        "Q", "one", FIGURE, "two",
        ("Code", ["a\n\n1", "b", "c"]),
    ]  # fmt: skip
    assert outline(first) == ["R", "three", ("Code", ["d"])]
    assert outline(second) == ["S", "four"]


def test_code_that_is_to_stand_open_does_above_the_line():
    page = folded(
        section(
            "Q",
            cell("a", html(FIGURE), printed("1"), fold=False),
            text("then"),
            cell("b", fold=False),
            cell("c"),
            section("R"),
        )
    )
    assert outline(page) == ["Q", FIGURE, "then", "a", "b", (
        "Code", ["1", "c"]
    ), "R"]  # fmt: skip
    classes = [part["classes"] for part in page.children[3]]
    assert classes == [["cell_input"]]
    only = folded(section("Q", cell("a", fold=False)))
    assert outline(only) == ["Q", "a"]


@pytest.mark.parametrize("kind", ["comment", "raw"])
def test_a_section_that_asks_for_it_is_folded_under_its_heading_with_its_own_sections(kind):
    marked = mark() if kind == "comment" else html(f"{modnoise_fold.MARK}\n")
    page = folded(
        section("Q", text("open"), section("R", marked, text("in"), cell("a"), section("S")))
    )
    inner = page.children[-1]
    assert outline(inner) == [
        modnoise_fold._SECTION[0], "R", modnoise_fold._SECTION[1], "in", ("Code", ["a"]), "S",
        modnoise_fold._SECTION[2],
    ]  # fmt: skip
    assert inner["ids"] == ["R"]
    assert outline(page)[:2] == ["Q", "open"]
    assert modnoise_fold._SECTION[0].startswith("<details")
    assert " open>" in modnoise_fold._SECTION[0]


def test_nothing_is_lost_or_doubled():
    words = iter(range(100))

    def some(depth):
        made = [
            cell(f"code{next(words)}", html(f"{FIGURE}{next(words)}"), printed(f"p{next(words)}")),
            text(f"t{next(words)}"),
            cell(f"code{next(words)}", html(f"{TABLE}{next(words)}"), fold=False),
            cell(f"code{next(words)}"),
        ]
        return [*made, *([section(f"s{next(words)}", mark(), *some(depth - 1))] if depth else [])]

    def leaves(node):
        return sorted(
            x.astext() for x in node.findall(nodes.Text) if modnoise_fold.MARK not in x.astext()
        )

    page = section("Q", *some(2))
    told, around = leaves(page), [*modnoise_fold._SECTION] * 2
    assert leaves(folded(page)) == sorted([*told, *around])


def test_pages_that_are_no_notebooks_stay_as_they_are():
    page = folded(section("Q", mark(), cell("a")), path="page.md")
    assert [type(one) for one in page.children] == [nodes.title, nodes.comment, nodes.container]
