"""Open pages of the built book from disk in a browser and report what a reader would see go wrong.

``python scripts/look.py [--out FOLDER] [PAGE...]`` opens each page (default: all) in light and
dark, wide and narrow, saves screenshots and prints: console errors, failed requests, requests to
other hosts, formulas left as TeX, widgets that did not appear, horizontal overflow. Ends with an
error if there was any. Needs a Chromium on the path.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

SITE = Path(__file__).resolve().parent.parent / "_build" / "html"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
# Text nodes, outside code, that still hold TeX; and elements that stick out of the window.
RAW_TEX = r"""() => {
  const walk = document.createTreeWalker(document.querySelector("article") ?? document.body,
    NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node; (node = walk.nextNode());) {
    if (node.parentElement.closest("pre, code, script, style, mjx-container")) continue;
    if (/\\\(|\\\[|\\[a-z]+\{|\$[^$\d\s][^$]*\$/.test(node.data)) found.push(node.data.trim());
  }
  return found;
}"""
OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width + 1) return [];
  return [...document.querySelectorAll("article *")]
    .filter((node) => node.getBoundingClientRect().right > width + 1)
    .map((node) => `${node.tagName.toLowerCase()}.${node.className}`).slice(0, 3)
    .concat(`page is ${document.documentElement.scrollWidth} px wide`);
}"""
WIDGETS = """() => document.querySelectorAll(
  'script[type="application/vnd.jupyter.widget-view+json"]').length"""
DRAWN = """(count) => document.querySelectorAll(".jupyter-widgets, .lm-Widget").length >= count"""


def problems(page: Page, address: str) -> Iterator[str]:
    """Open ``address`` in ``page`` and yield one line for each thing that is wrong."""
    seen: list[str] = []
    page.on("console", lambda m: m.type == "error" and seen.append(f"console: {m.text}"))
    page.on("pageerror", lambda error: seen.append(f"page error: {error}"))
    page.on("requestfailed", lambda r: seen.append(f"failed: {r.url} {r.failure}"))
    page.on(
        "request",
        lambda r: r.url.startswith(("http:", "https:", "ws")) and seen.append(f"outside: {r.url}"),
    )
    page.goto(address, wait_until="load")
    page.wait_for_timeout(500)
    count = page.evaluate(WIDGETS)
    if count:
        try:
            page.wait_for_function(DRAWN, arg=count, timeout=15_000)
        except PlaywrightTimeout:
            yield f"widgets: fewer than {count} appeared"
        page.wait_for_timeout(500)
    page.evaluate("async () => { if (window.MathJax?.startup) await MathJax.startup.promise }")
    yield from seen
    yield from (f"TeX: {text[:80]}" for text in page.evaluate(RAW_TEX))
    yield from (f"overflow: {text}" for text in page.evaluate(OVERFLOW))


def look(browser: Browser, name: str, out: Path) -> list[str]:
    """All problems of the page ``name``, with the view in which they appear."""
    found = []
    for theme in ("light", "dark"):
        for size, (width, height) in SIZES.items():
            context = browser.new_context(
                color_scheme=theme, viewport={"width": width, "height": height}
            )
            page = context.new_page()
            address = (SITE / name).as_uri()
            found += [f"{name} [{theme}, {size}] {text}" for text in problems(page, address)]
            file = f"{name.removesuffix('.html').replace('/', '-')}-{theme}-{size}.png"
            page.screenshot(path=out / file, full_page=True)
            context.close()
    return found


def main() -> None:
    """Read the command line, look at the pages, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="paths inside the site, as index.html")
    parser.add_argument("--out", type=Path, default=SITE.parent / "look", help="screenshots")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("look.py needs Chromium on the path")
    if not (SITE / "index.html").exists():
        sys.exit("there is no built book: run `make book` first")
    pages = arguments.pages or [
        path.relative_to(SITE).as_posix()
        for path in sorted(SITE.rglob("*.html"))
        if not {"_static", "vendor"} & set(path.relative_to(SITE).parts)
    ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        found = [text for name in pages for text in look(browser, name, arguments.out)]
        browser.close()
    print("\n".join(found) or f"{len(pages)} pages, nothing wrong; screenshots in {arguments.out}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
