"""The book, built here from the stored outputs, is complete, works offline and is accessible.

The browser's part is skipped where there is no Chromium.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import jsonschema
import look
import pdf
import pytest
import yaml
from filelock import FileLock
from modnoise_api import INSIDE
from modnoise_book import apart, bring, rows

import modnoise as mn
from modnoise.pages import scorecard
from modnoise.pages.answer import ANSWER
from modnoise.pages.compact import data_url
from modnoise.pages.style import PALETTES
from modnoise.studies import EXPERIMENTS, STUDIES

ROOT = Path(__file__).resolve().parent.parent
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
NAMES = [TOC["root"], *re.findall(r"'file': '([^']+)'", str(TOC)), "genindex", "search"]
PAGES = [name for name in NAMES if name.startswith("notebooks/")]
CHAPTERS = [name for name in NAMES if re.match(r"notebooks/(0[1-9]|1[0-2])_", name)]
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "srcset", "video": "src"}
LOADED_LINKS = {"stylesheet", "icon", "preload", "prefetch", "modulepreload"}

# The reference is one page of thousands of entries: `make look` looks at it, for minutes.
each = pytest.mark.parametrize("name", [name for name in NAMES if name != "book/api"])


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The book as a reader gets it, and what the build said; built once for all workers."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, log = shared / "book", shared / "book.log"
    with FileLock(shared / "book.lock"):
        if not log.exists():
            source = folder / "source"
            stage = [sys.executable, ROOT / "scripts" / "stage.py", source]
            subprocess.run([*stage, *Path().glob("notebooks/*.ipynb")], cwd=ROOT, check=True)
            shutil.copytree(ROOT / "notebooks", source / "notebooks", dirs_exist_ok=True)
            build = [Path(sys.executable).with_name("jupyter-book"), "build", source]
            done = subprocess.run(
                [*build, "--path-output", folder, "--all", "-W", "--keep-going", "-n"],
                capture_output=True,
                text=True,
                env={**os.environ, "NO_COLOR": "1"},
            )
            log.write_text(f"{done.stdout}\n{done.stderr}\nexit status {done.returncode}")
    return folder / "_build" / "html", log.read_text()


@pytest.fixture(scope="session")
def site(built: tuple[Path, str]) -> Path:
    """The folder of the built book."""
    return built[0]


def test_the_book_is_rendered_without_a_warning(built):
    _, log = built
    warnings = [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line]
    assert warnings == []
    assert log.endswith("exit status 0"), log[-2000:]


def test_the_book_has_the_pages_of_its_table_of_contents(site):
    assert look.names(site) == sorted(f"{name}.html" for name in NAMES)


STYLE = (ROOT / "book" / "_static" / "modnoise.css").read_text(encoding="utf-8")
COLOURS = [
    dict(re.findall(r"--mn-([a-z-]+): (#[0-9a-f]{6})", block))
    for block in re.findall(r"^html[^{]*\{([^}]*)\}", STYLE, flags=re.MULTILINE)[:2]
]


class Page(HTMLParser):
    """What a page loads, what it points to, and the targets that it offers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag in LOADS and LOADS[tag] in given:
            self.loads.append(given[LOADS[tag]])
        elif tag == "link" and LOADED_LINKS & set(given.get("rel", "").split()):
            self.loads.append(given["href"])
        elif tag == "a" and given.get("href"):
            self.links.append(given["href"])


@cache
def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2.1)."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("word", ["ink", "test", "noisy", "clean", "recovered-word"])
@pytest.mark.parametrize(("theme", "page"), [(0, "#ffffff"), (1, "#121212")])
def test_words_can_be_read_on_page_and_card(word, theme, page):
    colours = COLOURS[theme]
    assert contrast(colours[word], page) >= 4.5
    assert contrast(colours[word], colours["card"]) >= 4.5


@pytest.mark.parametrize("word", ["link", "link-hover"])
@pytest.mark.parametrize(
    ("theme", "page", "row"), [(0, "#ffffff", "#f3f4f5"), (1, "#121212", "#29313d")]
)
def test_links_can_be_read_on_page_and_table_rows(word, theme, page, row):
    assert contrast(COLOURS[theme][word], page) >= 4.5
    assert contrast(COLOURS[theme][word], row) >= 4.5


def test_words_and_figures_share_one_palette():
    for colours, theme in zip(COLOURS, ("light", "dark"), strict=True):
        palette = PALETTES[theme]
        shared = {name: colours[name] for name in palette if name in colours}
        assert shared == dict(palette)


def local(path: Path, address: str) -> tuple[Path, str] | None:
    """File and anchor of a local address; None for one that names a scheme or host."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    return file, unquote(parts.fragment)


def test_pages_load_only_files_of_the_book(site):
    for path in (site / f"{name}.html" for name in NAMES):
        for address in read(path).loads:
            found = local(path, address)
            assert address.startswith("data:") or (found and found[0].is_file()), (path, address)
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"@import[^;]*https?:|url\(\s*[\"']?https?:", text), path


def test_links_lead_somewhere(site):
    for path in (site / f"{name}.html" for name in NAMES):
        for address in read(path).links:
            if (found := local(path, address)) is None:
                continue
            file, anchor = found
            assert file.is_file(), f"{path.name} links to {address}, which is missing"
            if anchor and file.suffix == ".html":
                assert anchor in read(file).anchors, f"{path.name}: no such place as {address}"


def test_stylesheets_load_only_files_of_the_book(site):
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"@import[^;]*https?:|url\(\s*[\"']?https?:", text), path


def test_a_notebook_can_be_downloaded_from_its_page(site):
    for name in PAGES:
        page = site / f"{name}.html"
        [file] = {
            local(page, address)[0] for address in read(page).links if address.endswith(".ipynb")
        }
        assert file.read_bytes() == (ROOT / f"{name}.ipynb").read_bytes(), name


def test_the_search_finds_pages_from_disk(site, browser):
    page = browser.new_page()
    assert look.loading(page, (site / "search.html").as_uri() + "?q=filtration") == []
    page.wait_for_selector("#search-results li a")
    found = page.locator("#search-results li a").evaluate_all("all => all.map((a) => a.href)")
    page.close()
    assert any("book/glossary.html" in address for address in found)
    assert any("03_recover_the_rule.html" in address for address in found)


@each
class TestInABrowser:
    """What a reader sees: `look` has the checks."""

    def test_from_disk_in_light_and_dark_wide_and_narrow(self, site, browser, name):
        assert list(look.look(browser, site, f"{name}.html")) == []


def test_pages_ask_for_little_before_they_can_be_used(site, browser):
    """Bytes, elements and figures, which no busy machine changes; `make look` tells the time."""
    page, found = browser.new_page(), {}
    with look.served(site) as address:
        for name in NAMES:
            assert page.goto(f"{address}/{name}.html", wait_until="load").ok, name
            found[name] = look.burden(page)
    page.close()
    assert {name: told for name, told in found.items() if told} == {}


@pytest.mark.parametrize("name", ["index", "book/live", "book/api", *PAGES[::5]])
def test_over_http_from_a_folder_of_a_server(site, browser, name):
    """Pages of every kind; what they load is the same for all of a kind."""
    page = browser.new_page()
    with look.served(site.parent.parent) as address:
        found = look.loading(page, f"{address}/_build/html/{name}.html") + look.text(page)
    page.close()
    assert found == []


@pytest.mark.parametrize("name", PAGES)
def test_folds_open_and_shut_by_a_button_and_all_is_on_paper(site, browser, name):
    page = browser.new_page()
    page.goto((site / f"{name}.html").as_uri())
    inputs, button = page.locator("article .cell_input"), page.locator(".mn-unfold")
    seen = lambda: sum(one.is_visible() for one in inputs.all())  # noqa: E731
    assert inputs.count() == code_cells(name)
    folded = seen()
    assert folded < inputs.count()
    button.click()
    assert seen() == inputs.count()
    assert button.get_attribute("aria-expanded") == "true"
    button.press("Enter")
    assert seen() == folded
    shut = "document.querySelectorAll('details.mn-fold:not([open])').length"
    count = page.evaluate(shut)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(shut) == 0 < count
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(shut) == count
    page.close()


@pytest.mark.parametrize("name", [PAGES[0], PAGES[3], PAGES[-1]])
def test_a_deep_link_opens_what_it_points_at(site, browser, name):
    page = browser.new_page()
    address = (site / f"{name}.html").as_uri()
    page.goto(address)
    folded = page.evaluate(FOLDED)
    assert folded
    for anchor in folded:
        page.goto("about:blank")
        page.goto(f"{address}#{anchor}", wait_until="load")
        page.wait_for_function(REVEALED, arg=anchor)
    page.close()


def code_cells(name: str) -> int:
    cells = json.loads((ROOT / f"{name}.ipynb").read_text())["cells"]
    return sum(cell["cell_type"] == "code" for cell in cells)


def test_without_scripts_all_is_open(site, browser):
    """And nothing of a notebook is lost."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for name in PAGES:
        page.goto((site / f"{name}.html").as_uri(), wait_until="domcontentloaded")
        inputs = page.locator("article .cell_input").all()
        assert all(one.is_visible() for one in inputs), name
        assert len(inputs) == code_cells(name)
    context.close()


# Up to five places with a name inside folded parts, verdicts and sections that are folded first.
FOLDED = """() => {
  const named = [...document.querySelectorAll("article [id]")].filter((node) =>
    node.matches("details.mn-verdict") || node.parentElement.closest("details.mn-fold") ||
    node.querySelector(":scope > details.mn-section"));
  return named.map((node) => node.id).filter((id) => /^(?!codecell)[\\w-]+$/.test(id)).slice(0, 5);
}"""
REVEALED = """(anchor) => {
  const target = document.getElementById(anchor);
  const own = target.querySelector(":scope > details.mn-section");
  for (let node = own ?? target; node; node = node.parentElement)
    if (node.tagName === "DETAILS" && !node.open) return false;
  const top = target.getBoundingClientRect().top;
  return top > -2 && top < window.innerHeight;
}"""


def test_the_scorecards_filters_show_what_they_say(site, browser):
    page = browser.new_page()
    look.loading(page, (site / "notebooks/99_scorecard.html").as_uri())
    lines, told = page.locator(".mn-line"), page.locator(".mn-filters output")
    card = scorecard.both(scorecard.read())
    assert lines.count() == len(card)
    first = (card.paper == card.paper.iloc[0]).sum()
    assert sum(line.is_visible() for line in lines.all()) == first < len(card)
    for name, value, count in (
        ("verdict", "holds", (card.state == "holds").sum()),
        ("paper", card.paper.iloc[0], (card.paper == card.paper.iloc[0]).sum()),
        ("setting", scorecard.PLACES[1],
         sum(scorecard.place(at) == scorecard.PLACES[1] for at in card["at"])),
    ):  # fmt: skip
        page.select_option(f".mn-filters select[name={name}]", value)
        assert sum(line.is_visible() for line in lines.all()) == count > 0
        assert told.text_content() == f"{count} of {len(card)} claims"
        page.select_option(f".mn-filters select[name={name}]", "all")
        assert sum(line.is_visible() for line in lines.all()) == first
    page.close()


def test_the_scorecard_for_machines_fits_its_schema_and_is_what_the_page_says(site):
    folder = site / "notebooks"
    told = json.loads((folder / "scorecard.json").read_text())
    schema = json.loads((folder / "scorecard.schema.json").read_text())
    jsonschema.validate(told, schema)
    assert schema == json.loads((ROOT / "book/scorecard.schema.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**told, "claims": [{**told["claims"][0], "state": "maybe"}]}, schema)
    html = (folder / "99_scorecard.html").read_text(encoding="utf-8")
    lines = re.findall(r'<li class="mn-line" data-verdict="([^"]+)".*?<summary>(.*?) <small>(.*?)'
                       r"</small>", html)  # fmt: skip
    assert [(one["state"], escape(one["statement"])) for one in told["claims"]] == [
        line[:2] for line in lines
    ]
    for one, (*_, small) in zip(told["claims"], lines, strict=True):
        assert escape(one["at"]) in small
        assert escape(one["deciding"]) in small


def test_links_of_the_scorecard_lead_to_the_verdicts(site):
    html = (site / "notebooks/99_scorecard.html").read_text(encoding="utf-8")
    links = re.findall(r'<a class="mn-chip [^"]*" href="([^"#]+)#([^"]+)"', html)
    assert len(links) == html.count('class="mn-line"')
    for page, anchor in links:
        assert f'id="{anchor}"' in (site / "notebooks" / page).read_text(encoding="utf-8")


CELLS = [
    ("parameters", 'scale: str = "smoke"'),
    (None, 'sweep = mn.at_hand("fig5-noise", scale)\nruns = [*sweep]'),
    (None, "rows = mn.curves(runs)\nchance = 1 / other[0].p"),
    (None, 'more = [x for n in ("fig9", "fig10") for x in mn.EXPERIMENTS[n].runs(scale)]'),
    (None, "def draw(x):\n    return mn.show(x, more)"),
    ("a", "mn.show(mn.figures.bars, rows, chance=chance)"),
    ("b", 'rows = "again"\ndraw(rows)'),
    ("c", "mn.show(mn.figures.schematic)"),
]


def test_a_figure_leads_to_its_cell_its_runs_and_its_command():
    cells = [
        {"cell_type": "code", "source": [source], "execution_count": number,
         "metadata": {"mystnb": {"figure": {"name": name}}} if name and len(name) == 1 else {}}
        for number, (name, source) in enumerate(CELLS, start=1)
    ]  # fmt: skip
    runs = {name: len(EXPERIMENTS[name].runs("smoke")) for name in ("fig5-noise", "fig9", "fig10")}
    found, of_page = rows({"cells": [{"cell_type": "markdown"}, *cells]}, "../x.ipynb")
    link = '<a href="../x.ipynb" download>notebook</a>, cell '
    assert found["a"] == (
        f"{link}6 · {runs['fig5-noise']} recorded runs · "
        "<code>modnoise run fig5-noise --scale smoke</code>"
    )
    assert found["b"] == (
        f"{link}7 · {runs['fig9'] + runs['fig10']} recorded runs · "
        "<code>modnoise run fig9 --scale smoke</code> · "
        "<code>modnoise run fig10 --scale smoke</code>"
    )
    assert found["c"] == f"{link}8 · <code>papermill notebooks/x.ipynb out.ipynb</code>"
    assert of_page == ""  # nothing is recorded at that scale


def test_recorded_runs_lie_beside_the_page_as_the_files_that_they_are(tmp_path):
    source = 'runs = mn.EXPERIMENTS["fig9"].runs("laptop")\nmn.show(mn.figures.bars, runs)'
    cell = {"cell_type": "code", "source": [source], "execution_count": 1,
            "metadata": {"mystnb": {"figure": {"name": "a"}}}}  # fmt: skip
    found, of_page = rows({"cells": [cell]}, "../_sources/notebooks/x.ipynb")
    link = '<a href="../_data/fig9/laptop.parquet" download="fig9-laptop.parquet">fig9</a>'
    assert f"12 recorded runs, as Parquet: {link} · " in found["a"]
    assert of_page == (
        f"Recorded runs of this page, as Parquet: {link} · "
        '<a href="../_data/README.md">columns and units</a>'
    )
    bring(["fig9/laptop.parquet"], tmp_path)
    for name in ("fig9/laptop.parquet", "README.md"):
        assert (tmp_path / "_data" / name).read_bytes() == (ROOT / "results" / name).read_bytes()


def test_every_figure_of_the_paper_has_its_row(site):
    for path in (ROOT / f"{name}.ipynb" for name in NAMES if name.startswith("notebooks/")):
        html = (site / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
        figures = path.read_text(encoding="utf-8").count('"name": "paper-fig-')
        assert html.count('<p class="mn-row">') >= figures


def test_every_page_with_recorded_runs_links_them_and_the_site_has_them(site):
    linked = set()
    for path in (
        site / f"{name}.html" for name in NAMES if re.match(r"index|notebooks/(?!00|13|99)", name)
    ):
        files = re.findall(r'href="((?:\.\./)?_data/[^"]+)"', path.read_text(encoding="utf-8"))
        assert files, path
        linked |= {(path.parent / file).resolve() for file in files}
    assert {path for path in linked if not path.is_file()} == set()
    assert linked == {path for path in (site / "_data").resolve().rglob("*") if path.is_file()}


def test_the_reference_has_every_public_name(site):
    anchors = read(site / "book" / "api.html").anchors
    studies = {study.removeprefix("modnoise.") for study in STUDIES}
    names = set(mn.__all__) - set(INSIDE) - studies
    names |= {f"figures.{name}" for name in mn.figures.__all__}
    for study in studies - {"arithmetic"}:
        found = set(getattr(mn, study).__all__) - set(INSIDE)
        names |= {f"{study}.{name}" for name in found}
    names |= {"widgets.recorded", "mnist.widgets.recorded_epochs", "Run.but"}
    assert sorted(name for name in names if f"modnoise.{name}" not in anchors) == []


def test_figures_lie_beside_the_page(tmp_path):
    drawing = b"<svg xmlns='x' width='75pt' height='30pt'></svg>"
    page = f'<p>$</p><img class="mn-fig" alt="a" src="{data_url(drawing)}"><i>'
    made = apart(page, tmp_path, "../")
    [file] = tmp_path.glob("_images/*.svg")
    assert file.read_bytes() == drawing
    assert made == (
        f'<p>$</p><img class="mn-fig" alt="a" src="../_images/{file.name}" width="100" '
        'height="40" loading=lazy><i>'
    )
    assert "lazy" not in apart(page, tmp_path, "", lazy=False)


def test_the_home_page_tells_the_verdicts_of_the_pages(site):
    card = scorecard.papers(scorecard.read())
    html = (site / "index.html").read_text(encoding="utf-8")
    [told] = re.findall(rf"<p>{len(card)} claims of the papers: (.*?)</p>", html, re.DOTALL)
    counts = scorecard.counts(card)
    assert [int(n) for n in re.findall(r"\d+", told)] == [n for n in counts if n]


def answer_of(page: str) -> dict:
    """What a page made from a notebook answers."""
    cells = json.loads((ROOT / f"{page}.ipynb").read_text())["cells"]
    outputs = [x.get("data", {}) for cell in cells for x in cell.get("outputs", [])]
    [answer] = [x[ANSWER] for x in outputs if ANSWER in x]
    return answer


def name_of(page: str) -> str:
    """The name of a notebook, which is its first line."""
    cells = json.loads((ROOT / f"{page}.ipynb").read_text(encoding="utf-8"))["cells"]
    return "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")


def test_the_home_page_tells_the_story_of_the_chapters(site):
    html = (site / "index.html").read_text(encoding="utf-8")
    story = re.findall(
        r'<li><a href="([^"]+)\.html">(.*?)</a>.*?<p>(.*?)</p></li>', html, re.DOTALL
    )
    assert [page for page, *_ in story] == CHAPTERS[:5]
    for page, title, sentence in story:
        assert title == escape(name_of(page))
        assert sentence == escape(answer_of(page)["lead"])
    assert html.count("mn-fig only-light") >= 6  # a picture each, and the scorecard's


def test_the_home_page_has_the_finding_as_a_figure_that_moves(site, browser):
    page = browser.new_page()
    look.loading(page, (site / "index.html").as_uri())
    [slider] = page.locator(look.SLIDERS).all()
    told = slider.evaluate(look.SLIDER)
    page.close()
    assert told["position"] == "80%"
    [test] = re.findall(r"one frequency .*?([\d.]+ %)", told["sentence"])
    assert f"test {test}" in told["numbers"]


def test_the_pdf_has_chapters_formulas_figures_and_links_that_stay_inside(site, browser):
    names = ["book/method", "notebooks/06_mnist", "book/bibliography"]
    made = pdf.book(browser, site, names)
    heads = [made.get_destination_page_number(entry) for entry in made.outline]
    assert [entry.title for entry in made.outline] == [
        "Definitions", name_of("notebooks/06_mnist"), "Bibliography",
    ]  # fmt: skip
    text = [sheet.extract_text() for sheet in made.pages]
    for head, entry in zip(heads, made.outline, strict=True):
        assert " ".join(text[head].split()).startswith(entry.title)
    assert not re.search(r"\\\(|\\frac|\\sum", "".join(text))
    strokes = [sheet.get_contents().get_data().count(b" l\n") for sheet in made.pages]
    assert max(strokes[: heads[1]]) < 100 < max(strokes[heads[1] : heads[2]])  # of figures
    drawn = [  # the letters of formulas are drawn, other text has fonts
        any(font.get_object()["/Subtype"] == "/Type3" for font in fonts(sheet))
        for sheet in made.pages
    ]
    assert drawn[heads[0]]
    assert not drawn[heads[2]]
    links = [note.get_object() for sheet in made.pages for note in sheet.get("/Annots", ())]
    outside = [link["/A"]["/URI"] for link in links if "/A" in link]
    assert all(address.startswith("https://") for address in outside)
    places = [link["/Dest"][0].get_object() for link in links if "/Dest" in link]
    assert made.pages[heads[2]].get_object() in places  # citations lead to the bibliography


def fonts(sheet):
    return sheet["/Resources"].get("/Font", {}).values()


def test_the_home_page_leads_to_the_pdf_once_it_is_made(site):
    home = (site / "index.html").read_text(encoding="utf-8")
    assert pdf.NAME not in home
    made = pdf.linked(pdf.linked(home, 9, 1_000_000), 12, 2_340_000)
    assert made.count(f'<a href="{pdf.NAME}">') == 1
    assert "12 pages, 2.3 MB" in made
    with pytest.raises(SystemExit, match="not 0"):
        pdf.linked("<p>", 1, 1)
    assert pdf.pages() == NAMES[:-2]


BROKEN = """<!doctype html><html lang="en" data-theme="light"><title>x</title><article>
<script>matchMedia("(prefers-color-scheme: dark)").onchange = (now) => {
  document.documentElement.dataset.theme = now.matches ? "dark" : "light"; };
console.error("it hurts");</script>
<div class="mn-widget"><noscript>It moves.</noscript></div>
<p style="color: #ccc">$x$ and \\(y\\)</p><img src="gone.png"><img src="http://127.0.0.1:9/a.png">
<div style="width: 500px; height: 1px"></div>
<div class="mn-recorded"><input type="range" min="0" max="2"><p class="mn-reading">Same.</p></div>
</article></html>"""


def test_these_checks_see_what_they_look_for(browser, tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text(BROKEN)
    monkeypatch.setattr(look, "HEAVY", 100)
    monkeypatch.setattr(look, "PATIENCE", 100)
    told = "\n".join(look.look(browser, tmp_path, "index.html"))
    for expected in (
        "heavy", "console: it hurts", "failed: file:", "outside: http://127.0.0.1:9/a.png",
        "widgets: fewer than 1 appeared", "TeX: $x$ and", "[light, narrow] overflow",
        "[dark, wide] axe: color-contrast", "axe: image-alt", "axe: label",
        "slider 1: a press does not move it", "figure stays", "numbers stays", "sentence stays",
    ):  # fmt: skip
        assert expected in told
    assert "[light, wide] overflow" not in told


HEAVY = """<!doctype html><title>x</title><style>p { display: none }</style>
<p><img src="a.svg"></p>
<script src="a.js"></script>"""


def test_a_page_that_asks_for_too_much_is_told(browser, tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text(HEAVY)
    (tmp_path / "a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (tmp_path / "a.js").write_text("let n = 0; while (n < 1e6) n++;")
    monkeypatch.setattr(look, "SCRIPTS", 10)
    monkeypatch.setattr(look, "MANY", 3)
    with look.served(tmp_path) as address, look.opened(browser) as page:
        page.goto(f"{address}/index.html", wait_until="load")
        told = " ".join(look.burden(page))
        cost = look.work(browser, f"{address}/index.html")
    for expected in ("kB of scripts", "elements", "1 figures that are not shown"):
        assert expected in told
    assert cost.cpu > cost.scripts > 0
    files = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert files < cost.bytes < files + 3000  # and headers
    assert cost.slow(allowed=0)
    assert cost.slow(allowed=cost.cpu) == []
