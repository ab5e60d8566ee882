"""Print the built book into one PDF: ``make pdf``.

Chromium prints every page of the table of contents; the sheets are joined with an outline, links
between pages lead to the sheet where the page begins, and the home page gets a link to the file.
"""

from __future__ import annotations

import html
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import look
import yaml
from playwright.sync_api import Browser
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import Fit, RectangleObject

ROOT = Path(__file__).resolve().parent.parent
NAME = "modnoise.pdf"
PLACE = re.compile(r"<!-- pdf -->.*?<!-- /pdf -->", re.DOTALL)
FOOT = """<div style="width: 100%; margin: 0 15mm; font: 8px sans-serif; color: #48566b;
  display: flex; justify-content: space-between"><span class="title"></span>
  <span class="pageNumber"></span></div>"""


def pages() -> list[str]:
    """The pages of the table of contents, in its order, without ending."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    return [toc["root"], *re.findall(r"'file': '([^']+)'", str(toc))]


def printed(browser: Browser, file: Path) -> tuple[str, bytes]:
    """Title and PDF of one page, with formulas set and all figures of the light theme."""
    with look.opened(browser) as page:
        if wrong := look.loading(page, file.as_uri()):
            raise SystemExit(f"{file.name} does not load: {wrong[0]}")
        title = page.locator("article h1").first.evaluate("(head) => head.firstChild.textContent")
        sheets = page.pdf(
            format="A4",
            scale=0.85,
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOT,
            margin={"top": "15mm", "bottom": "18mm", "left": "15mm", "right": "15mm"},
        )
    return title, sheets


def book(browser: Browser, site: Path, names: list[str]) -> PdfWriter:
    """The pages ``names`` of a built book as one document."""
    joined, first, links = PdfWriter(), {}, []
    for name in names:
        file = site / f"{name}.html"
        title, sheets = printed(browser, file)
        begin, reader = len(joined.pages), PdfReader(io.BytesIO(sheets))
        first[file.resolve()] = begin
        links += _links(reader, begin)
        joined.append(reader, outline_item=title, import_outline=False)
    for number, place, target in links:
        to = first.get(target) if isinstance(target, Path) else target
        if to is not None:
            link = Link(rect=place, border=[0, 0, 0], target_page_index=to, fit=Fit.fit())
            joined.add_annotation(number, link)
    title = yaml.safe_load((ROOT / "_config.yml").read_text())["title"]
    joined.metadata = {"/Title": title}
    return joined


def _links(reader: PdfReader, begin: int) -> Iterator[tuple[int, RectangleObject, int | Path]]:
    """Take the links that stay in the book out of one page's sheets, which begin at ``begin``.

    Of each the sheet and the place where it lies, and the sheet or the file to which it leads.
    """
    for number, sheet in enumerate(reader.pages, start=begin):
        for place in list(sheet.get("/Annots") or ()):
            note = place.get_object()
            address = urlsplit(str(note.get("/A", {}).get("/URI", "")))
            if address.scheme == "file":
                yield number, note["/Rect"], Path(unquote(address.path))
            elif str(note.get("/Dest")) in reader.named_destinations:
                here = reader.named_destinations[str(note["/Dest"])]
                yield number, note["/Rect"], begin + reader.get_destination_page_number(here)
            else:
                continue
            sheet["/Annots"].remove(place)


def linked(home: str, sheets: int, size: int) -> str:
    """The home page with a link to the PDF."""
    text = f"The whole book as one PDF ({sheets} pages, {size / 1e6:.1f} MB)"
    link = f'<!-- pdf --><p><a href="{NAME}">{html.escape(text)}</a></p><!-- /pdf -->'
    made, count = PLACE.subn(link, home)
    if count != 1:
        raise SystemExit(f"index.html must hold one place for the PDF's link, not {count}")
    return made


def main() -> None:
    """Print the book in ``_build/html``."""
    site = look.SITE
    if look.chromium() is None:
        sys.exit("make pdf prints with Chromium, and none is on the path (apt install chromium)")
    if not (site / "index.html").exists():
        sys.exit("there is no built book to print: run `make book` first")
    with look.browser() as browser:
        made = book(browser, site, pages())
    made.compress_identical_objects()
    made.write(site / NAME)
    home = site / "index.html"
    size = (site / NAME).stat().st_size
    home.write_text(linked(home.read_text("utf-8"), len(made.pages), size), "utf-8")
    print(
        f"{site / NAME}: {len(made.pages)} pages, {size / 1e6:.1f} MB, linked from the home page"
    )


if __name__ == "__main__":
    main()
