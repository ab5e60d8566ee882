"""What a page says first, and the miniatures that stand for its figures."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from matplotlib.figure import Figure

from modnoise.claim import Claim, anchor
from modnoise.pages.answer import ANSWER, WORDS, answer, chip, say
from modnoise.pages.miniature import HEIGHT, LARGEST, MINIATURE, WIDTH, miniature
from modnoise.pages.style import PALETTES, show
from modnoise.verdict import VERDICT, Cell, Verdict

CLAIM = Claim("T1.2-a", "It holds & stays", "section 1", "x > 1", lambda frame: [])
OURS = replace(CLAIM, id="own")
VERDICTS = {
    "the rule <is> there": Verdict(CLAIM, "holds", (Cell("x", "2", True),), "fast", "'p' 113", ""),
    "a control": Verdict(OURS, "undecided here", (Cell("x", "0", False),), "fast", "", ""),
}
PARTS = {"lead": "A < B", "claim": "A & B.", "text": 'Yes: "2" of 3.'}


def made(**changes):
    return answer(**{**PARTS, "verdicts": VERDICTS, **changes})


def shapes(svg):
    """The miniature's elements, after the frame of its one panel: (tag, attributes)."""
    root = ElementTree.fromstring(svg)
    return [(one.tag, one.attrib) for one in list(root)[1:]]


def points(path):
    return np.array(re.findall(r"(\d+) (\d+)", path["d"]), float)


def drawn(draw, panels=1, palette=PALETTES["light"]):
    fig = Figure(figsize=(2 * panels, 2), layout="constrained")
    for ax in np.atleast_1d(fig.subplots(1, panels)):
        draw(ax)
    fig.draw_without_rendering()
    return miniature(fig, palette)


# The answer


@pytest.mark.parametrize("name", ["lead", "claim", "text"])
@pytest.mark.parametrize("empty", ["", " \n"])
def test_an_answer_with_an_empty_part_is_refused(name, empty):
    with pytest.raises(ValueError, match=rf"{name} = .* is not allowed: a page answers in words"):
        made(**{name: empty})


def test_an_answer_has_at_most_so_many_words():
    assert made(text="word " * WORDS).text.count("word") == WORDS == 60
    with pytest.raises(ValueError, match=r"text = 'word.*'\.\.\. of 61 words .* at most 60"):
        made(text="word\n" * (WORDS + 1))


def test_an_answer_is_told_to_a_page_a_terminal_and_the_book():
    found, facts = DisplayFormatter().format(made())
    assert not facts
    assert found[ANSWER] == {
        **PARTS,
        "chips": {"the rule <is> there": "T1.2-a", "a control": "own"},
    }
    assert found["text/plain"] == (
        "A < B\nClaim: A & B.\nAnswer: Yes: \"2\" of 3.\nthe rule <is> there: holds ('p' 113)"
        "\na control: undecided here ()"
    )
    assert set(found) == {ANSWER, "text/plain", "text/html"}
    box = ElementTree.fromstring(found["text/html"])
    [setting] = box.findall(".//span[@class='mn-setting']")
    assert setting.text == "('p' 113)"


@pytest.mark.parametrize("name", VERDICTS)
def test_a_chip_leads_to_the_place_that_the_verdict_writes(name):
    verdict = VERDICTS[name]
    link = ElementTree.fromstring(chip(name, verdict))
    place = ElementTree.fromstring(verdict._repr_html_().replace(" open>", ">"))
    assert link.get("href") == f"#{place.get('id')}" == f"#{anchor(verdict.claim.id)}"
    assert re.fullmatch(r"#[\w-]+", link.get("href"))  # a selector can name it
    assert link.get("title").startswith(verdict.at)


def test_an_answer_keeps_its_verdicts_if_the_callers_change():
    mine = dict(VERDICTS)
    told = made(verdicts=mine)
    mine.clear()
    assert list(told.verdicts) == list(VERDICTS)
    assert VERDICT not in DisplayFormatter().format(told)[0]  # each verdict is shown once


def test_a_sentence_is_one_line_and_escaped():
    sentence = say("  a <\n   b & c ")
    assert repr(sentence) == "a < b & c"
    assert sentence._repr_html_() == '<p class="mn-says">a &lt; b &amp; c</p>'
    with pytest.raises(ValueError, match="is not allowed: say what the figure shows"):
        say(" \n")


# Miniatures

MANY = np.sin(np.linspace(0, 9, 5000))
RANDOM = np.random.default_rng(1)
CELLS = RANDOM.random((113, 131))


def broken_line(ax):
    ax.plot([0, 1, np.nan, 3], [0, np.nan, 2, 3])


def masked_mesh(ax):
    ax.pcolormesh(np.ma.masked_less(CELLS, 0.5))


def upside_down(ax):
    ax.plot(MANY)
    ax.invert_yaxis()


def both_scales(ax):
    ax.loglog([1, 10, 100], [1, 5, 1e-9], "o--")


ARTISTS = {
    "line": lambda ax: ax.plot(MANY),
    "dashed": lambda ax: ax.plot(MANY, ls="--"),
    "markers": lambda ax: ax.plot(MANY, "o"),
    "log": both_scales,
    "dots": lambda ax: ax.scatter(MANY, MANY),
    "open dots": lambda ax: ax.scatter(MANY, MANY, facecolors="none", edgecolors="#0e8060"),
    "bars": lambda ax: ax.bar(range(200), RANDOM.random(200)),
    "lying bars": lambda ax: ax.barh(range(5), RANDOM.random(5)),
    "mesh": lambda ax: ax.pcolormesh(CELLS),
    "masked mesh": masked_mesh,
    "image": lambda ax: ax.imshow(CELLS),
    "colours": lambda ax: ax.imshow(RANDOM.random((40, 40, 3))),
    "inverted": upside_down,
    "gaps": broken_line,
    "all NaN": lambda ax: ax.plot([np.nan, np.nan], [1, 2]),
    "constant": lambda ax: ax.plot([1, 1], [2, 2]),
    "empty": lambda ax: None,
    "no points": lambda ax: ax.plot([], []),
    "hundreds of lines": lambda ax: ax.plot(RANDOM.random((50, 400))),
    "words": lambda ax: ax.set_title("<A & B>"),
}


@pytest.mark.parametrize("kind", ARTISTS)
def test_every_figure_has_a_small_miniature_whose_panels_show_their_data(kind):
    for panels in (1, 5):
        svg = drawn(ARTISTS[kind], panels)
        assert len(svg.encode()) <= LARGEST == 4000
        assert "nan" not in svg
        shown = [one.get("stroke") != "var(--mn-muted)" for one in ElementTree.fromstring(svg)]
        starts = [i for i, data in enumerate(shown) if not data]
        assert len(starts) == min(panels, 3)
        if kind not in ("colours", "all NaN", "empty", "no points", "words"):
            ends = [*starts[1:], len(shown)]
            assert all(end > begin + 1 for begin, end in zip(starts, ends, strict=True))


def test_colours_of_the_palette_are_those_of_the_page():
    for name, color in PALETTES["light"].items():
        [(_, path)] = shapes(drawn(lambda ax, c=color: ax.plot([1, 2], color=c)))
        assert path["stroke"] == f"var(--mn-{name})"
    [(_, path)] = shapes(drawn(lambda ax: ax.plot([1, 2], color="#123456")))
    assert path["stroke"] == "#123456"
    [(_, dots)] = shapes(drawn(ARTISTS["open dots"]))
    assert dots["stroke"] == "var(--mn-test)"


@pytest.mark.parametrize("theme", PALETTES)
def test_the_book_has_each_colour_of_the_palette_under_its_name(theme):
    css = (Path(__file__).parent.parent / "book/_static/modnoise.css").read_text(encoding="utf-8")
    rule = 'html[data-theme="dark"] {' if theme == "dark" else "html {"
    block = css[css.index(rule) :].split("}")[0]
    for name, color in PALETTES[theme].items():
        assert re.search(rf"--mn-{name}: {color};", block), name


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=12, unique=True))
@settings(max_examples=20, deadline=None)
def test_higher_data_are_higher_in_the_picture(ys):
    [(_, path)] = shapes(drawn(lambda ax: ax.plot(ys)))
    found = points(path)
    assert len(found) == len(ys)
    assert (np.diff(found[:, 0]) > 0).all()
    for i, j in zip(
        np.argsort(ys, kind="stable"), np.argsort(ys, kind="stable")[1:], strict=False
    ):
        assert found[i, 1] >= found[j, 1]  # pixels count from the top
    assert found[np.argmin(ys), 1] > found[np.argmax(ys), 1]
    assert (found >= 0).all()
    assert (found <= (WIDTH, HEIGHT)).all()


def test_on_an_inverted_axis_higher_data_are_lower():
    def draw(ax):
        ax.plot([1, 5])
        ax.invert_yaxis()

    [(_, path)] = shapes(drawn(draw))
    (_, first), (_, second) = points(path)
    assert first < second


def test_higher_bars_are_higher_and_stand_on_one_floor():
    bars = [x for _, x in shapes(drawn(lambda ax: ax.bar([0, 1, 2], [1, 3, 2])))]
    heights = [float(bar["height"]) for bar in bars]
    assert np.argsort(heights, kind="stable").tolist() == [0, 2, 1]
    assert len({float(bar["y"]) + float(bar["height"]) for bar in bars}) == 1


def as_seen(draw):
    """The grey of the cells at the corners of a picture, as they are seen: two rows of two."""

    def grey(ax):
        draw(ax, np.array([[0.0, 1.0], [2.0, 3.0]]), {"cmap": "gray"})

    rects = [x for _, x in shapes(drawn(grey, palette={}))]
    cells = {(float(x["y"]), float(x["x"])): int(x["fill"][1:3], 16) for x in rects}
    values = [cells[place] for place in sorted(cells)]
    return np.argsort(np.argsort(values, kind="stable"), kind="stable").reshape(2, 2).tolist()


UPWARD, DOWNWARD = [[2, 3], [0, 1]], [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("draw", "seen"),
    [
        (lambda ax, x, look: ax.pcolormesh(x, **look), UPWARD),
        (lambda ax, x, look: ax.imshow(x, origin="lower", **look), UPWARD),
        (lambda ax, x, look: ax.imshow(x, **look), DOWNWARD),
        (lambda ax, x, look: ax.imshow(x, extent=(0, 2, 0, 2), **look), DOWNWARD),
        (lambda ax, x, look: (ax.pcolormesh(x, **look), ax.invert_yaxis()), DOWNWARD),
        (lambda ax, x, look: (ax.pcolormesh(x, **look), ax.invert_xaxis()), [[3, 2], [1, 0]]),
        (lambda ax, x, look: ax.pcolormesh([1, 10, 100], [3, 2, 1], x, **look), DOWNWARD),
    ],
    ids=[
        "mesh",
        "image, lower",
        "image",
        "image, extent",
        "y inverted",
        "x inverted",
        "falling y",
    ],
)
def test_cells_lie_where_the_figure_has_them(draw, seen):
    assert as_seen(draw) == seen


def test_a_large_mesh_is_thinned_and_not_cut_off():
    cells = [x for _, x in shapes(drawn(lambda ax: ax.pcolormesh(np.tri(113))))]
    right = max(float(x["x"]) + float(x["width"]) for x in cells)
    bottom = max(float(x["y"]) + float(x["height"]) for x in cells)
    assert right == pytest.approx(WIDTH - 3, abs=1.5)
    assert bottom == pytest.approx(HEIGHT - 1, abs=1.5)
    assert len({x["y"] for x in cells}) == len({x["x"] for x in cells}) >= 6
    assert len({x["fill"] for x in cells}) == 2


def test_nan_cells_are_left_open():
    values = np.array([[0.0, np.nan], [1.0, 2.0]])
    assert len(shapes(drawn(lambda ax: ax.pcolormesh(values)))) == 3


def test_a_shown_figure_leaves_its_miniature_in_its_output():
    def draw(color):
        fig = Figure()
        fig.subplots().plot([1, 2], color=color["test"])
        return fig

    found, _ = DisplayFormatter().format(show(draw, alt="A <line>"))
    assert set(found) == {MINIATURE, "text/plain", "text/html"}
    assert "var(--mn-test)" in found[MINIATURE]
    assert found["text/plain"] == "Figure: A <line>"
