"""The built book is complete and loads nothing from elsewhere; skipped if there is none."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from modnoise.figures.style import PALETTES, SERIES

ROOT = Path(__file__).parent.parent
SITE = ROOT / "_build" / "html"
PAGES = sorted(
    path
    for path in SITE.rglob("*.html")
    if not {"_static", "vendor"} & set(path.relative_to(SITE).parts)
)
LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "srcset", "video": "src"}
LOADED_LINKS = {"stylesheet", "icon", "preload", "prefetch", "modulepreload"}

built = pytest.mark.skipif(
    not (SITE / "index.html").exists(), reason="there is no built book: `make book` makes it"
)
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


def test_words_and_figures_share_one_palette():
    for colours, theme in zip(COLOURS, ("light", "dark"), strict=True):
        palette = PALETTES[theme]
        shared = {name: colours[name] for name in palette if name in colours}
        assert shared == {name: palette[name] for name in (*SERIES, "muted")}


def local(path: Path, address: str) -> tuple[Path, str] | None:
    """File and anchor of a local address; None for one that names a scheme or host."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    return file, unquote(parts.fragment)


@built
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(SITE).as_posix())
class TestPage:
    def test_loads_only_files_of_the_book(self, path):
        for address in read(path).loads:
            if address.startswith("data:"):
                continue
            found = local(path, address)
            assert found, f"loads {address} from elsewhere"
            assert found[0].is_file(), f"loads {address}, which is missing"

    def test_has_no_styles_from_elsewhere(self, path):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"@import[^;]*https?:|url\(\s*[\"']?https?:", text)

    def test_links_lead_somewhere(self, path):
        for address in read(path).links:
            if (found := local(path, address)) is None:
                continue
            file, anchor = found
            assert file.is_file(), f"links to {address}, which is missing"
            if anchor and file.suffix == ".html":
                assert anchor in read(file).anchors, f"links to {address}: no such place there"


@built
def test_stylesheets_load_only_files_of_the_book():
    for path in SITE.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"@import[^;]*https?:|url\(\s*[\"']?https?:", text), path
