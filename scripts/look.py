"""Open pages of the built book in a browser and report what a reader would see go wrong.

``python scripts/look.py [--out FOLDER] [PAGE...]`` opens each page (default: all) from disk and
over http, in light and dark, wide and narrow, saves screenshots and prints: console errors, failed
requests, requests to other hosts, formulas left as TeX, widgets that did not appear, horizontal
overflow, serious violations of accessibility rules (axe), sliders that something does not follow,
pages that are heavy or slow. Ends with an error if there was any. Needs a Chromium on the path.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe
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
THEMES = ("light", "dark")
HEAVY = 2_500_000  # bytes of one page; the front end that pages share is apart
PATIENCE = 15_000  # milliseconds that widgets may take
SLIDERS = ".mn-recorded input[type=range]"
SCREEN = 800  # pixels of the first screen at 1280 across
TALLEST = {"wide": 10_000, "narrow": 16_000}  # pixels of a folded page
SHORT = {
    "index.html": 4000,
    "notebooks/00_quickstart.html": 4000,
    "notebooks/99_scorecard.html": 4500,  # a line per claim, of more papers than one
}
LONG = ("book/api.html", "genindex.html")  # to look up, not to read
SLOW = 2.0  # seconds until a page can be read and used
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
WIDGETS = """() => document.querySelectorAll(".mn-widget").length"""
DRAWN = """(count) =>
  document.querySelectorAll(".mn-widget:has(> :not(noscript))").length >= count"""
# Figures out of sight or of the other theme are not loaded before they are asked for.
IMAGES = """() => {
  const all = [...document.images];
  for (const image of all) image.loading = "eager";
  return Promise.all(all.filter((image) => !image.complete).map((image) =>
    new Promise((done) => { image.onload = image.onerror = done; })));
}"""
USABLE = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return Math.max(page.domContentLoadedEventEnd, paint?.startTime ?? 0) / 1000;
}"""
STILL = "*, ::before, ::after { transition: none !important; animation: none !important; }"
# Bottoms of the answer, of the first figure and of the first slider; null where there is none.
FIRST = """() => Object.fromEntries(
  [["answer", ".mn-answer"], ["figure", "img.mn-fig"],
   ["slider", ".mn-recorded input[type=range]"]].map(([name, query]) => {
      const seen = [...document.querySelectorAll(`article ${query}`)]
        .map((node) => node.getBoundingClientRect()).find((box) => box.height > 0);
      return [name, seen ? Math.round(seen.bottom + window.scrollY) : null];
    }))"""
UNFOLD = """(open) => { for (const fold of document.querySelectorAll("details.mn-fold"))
  fold.open = open; }"""
FOLDS = "document.querySelectorAll('details.mn-fold').length"
# Axe keeps each colour that it works with in six maps with weak keys, which take most of its time;
# here a value lies in the key itself.
WEAK_MAP = """class WeakMap {
  constructor(pairs) { this.name = Symbol(); for (const pair of pairs ?? []) this.set(...pair); }
  has(key) { return Object.hasOwn(key, this.name); }
  get(key) { return this.has(key) ? key[this.name] : undefined; }
  set(key, value) { key[this.name] = value; return this; }
  delete(key) { return delete key[this.name]; }
}"""
AXE = Axe(f"(() => {{ {WEAK_MAP}\n{AXE_SCRIPT}\n}})()")
# What a reader sees of a slider over recorded runs: position, figure, numbers, sentence.
SLIDER = """(slider) => {
  const all = (query) => [...slider.closest(".mn-recorded").querySelectorAll(query)];
  return {
    position: slider.getAttribute("aria-valuetext"),
    figure: all(".mn-fill, polyline")
      .map((part) => part.style.width + (part.getAttribute("points") || "")).join(),
    numbers: all(".mn-number").map((node) => node.textContent).join(),
    sentence: all(".mn-reading").map((node) => node.textContent).join(),
  };
}"""


def chromium() -> str | None:
    """Where a Chromium is, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium that asks nobody for anything by itself."""
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield started
        finally:
            started.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address under which a server of this machine gives out ``folder``."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def names(site: Path) -> list[str]:
    """All pages of a built book, as paths inside it."""
    found = (path.relative_to(site) for path in sorted(site.rglob("*.html")))
    return [path.as_posix() for path in found if not {"_static", "vendor"} & set(path.parts)]


def loading(page: Page, address: str) -> list[str]:
    """Open ``address``; one line for each thing that goes wrong until all of it is there."""
    seen: list[str] = []
    host = "/".join(address.split("/")[:3]) if address.startswith("http:") else "file://"
    page.on("console", lambda m: m.type == "error" and seen.append(f"console: {m.text}"))
    page.on("pageerror", lambda error: seen.append(f"page error: {error}"))
    page.on("requestfailed", lambda r: seen.append(f"failed: {r.url} {r.failure}"))
    page.on("response", lambda r: r.status >= 400 and seen.append(f"failed: {r.url} {r.status}"))
    page.on(
        "request",
        lambda r: r.url.startswith((host, "data:", "blob:")) or seen.append(f"outside: {r.url}"),
    )
    page.goto(address, wait_until="load")
    if count := page.evaluate(WIDGETS):
        try:
            page.wait_for_function(DRAWN, arg=count, timeout=PATIENCE)
        except PlaywrightTimeout:
            seen.append(f"widgets: fewer than {count} appeared")
    page.evaluate(IMAGES)
    page.wait_for_timeout(500)
    page.evaluate("() => window.formulas")
    return seen


def text(page: Page) -> list[str]:
    """Formulas that a loaded page shows as TeX."""
    return [f"TeX: {found[:80]}" for found in page.evaluate(RAW_TEX)]


def layout(page: Page) -> list[str]:
    """What makes a loaded page scroll sideways."""
    return [f"overflow: {found}" for found in page.evaluate(OVERFLOW)]


def first_screen(page: Page, *parts: str) -> list[str]:
    """What of a chapter's answer, figure and slider the first screen of a loaded page lacks."""
    page.set_viewport_size({"width": 1280, "height": SCREEN})
    bottoms = page.evaluate(FIRST)
    return [
        f"first screen: {name} ends at {bottoms[name]} px" if bottoms[name] else f"no {name}"
        for name in parts or bottoms
        if not bottoms[name] or bottoms[name] > SCREEN
    ]


def height(page: Page, name: str, size: str) -> list[str]:
    """Whether a loaded page is longer, folded, than a reader has patience for."""
    tall = page.evaluate("document.documentElement.scrollHeight")
    most = min(TALLEST[size], SHORT.get(name, TALLEST[size]) if size == "wide" else TALLEST[size])
    return [f"long: {tall} px, at most {most}"] if tall > most and name not in LONG else []


def weight(file: Path) -> list[str]:
    """Whether a page is too heavy with the figures of one theme."""
    images = re.findall(r'<img (?![^>]*only-dark)[^>]*?src="([^":]+)"', file.read_text("utf-8"))
    files = [file, *(file.parent / name for name in dict.fromkeys(images))]
    size = sum(path.stat().st_size for path in files if path.exists())
    return [f"heavy: {size / 1e6:.1f} MB"] if size > HEAVY else []


def slowness(page: Page, allowed: float = SLOW) -> list[str]:
    """Whether a loaded page took long until it could be used."""
    seconds = page.evaluate(USABLE)
    return [f"slow: usable after {seconds:.1f} s"] if seconds > allowed else []


def accessibility(page: Page, *rules: str) -> list[str]:
    """Serious and critical violations of axe's rules, or of some of them, on a loaded page."""
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = AXE.run(page, options=options).response["violations"]
    return [
        f"axe: {rule['id']}: {' '.join(map(str, node['target']))}: {node['html'][:120]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def sliders(page: Page) -> list[str]:
    """What does not follow when the sliders of a loaded page are moved with the keyboard."""
    found = []
    for number, slider in enumerate(page.locator(SLIDERS).all(), start=1):
        slider.focus()
        page.keyboard.press("Home")
        states = [slider.evaluate(SLIDER)]
        for _ in range(int(slider.get_attribute("max") or 0)):
            page.keyboard.press("ArrowRight")
            states.append(slider.evaluate(SLIDER))
        if len({state["position"] for state in states}) < max(2, len(states)):
            found.append(f"slider {number}: a press does not move it")
        found += [
            f"slider {number}: {part} stays as it was"
            for part in ("figure", "numbers", "sentence")
            if len({state[part] for state in states}) < 2
        ]
    return found


def views(page: Page) -> Iterator[str]:
    """Show a loaded page in each theme and size, giving the name of the view each time.

    Colours change at once: on a slow machine a check would meet them while they fade.
    """
    page.add_style_tag(content=STILL)
    for theme in THEMES:
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=theme)
            page.wait_for_function(
                "(theme) => document.documentElement.dataset.theme === theme", arg=theme
            )
            page.wait_for_timeout(100)
            yield f"{theme}, {size}"


def look(browser: Browser, site: Path, name: str, out: Path | None = None) -> Iterator[str]:
    """Everything that is wrong with one page opened from disk, in all views.

    With ``out``, a screenshot of each view goes there.
    """
    page = browser.new_page()
    yield from weight(site / name)
    yield from loading(page, (site / name).as_uri())
    yield from text(page)
    folds = page.evaluate(FOLDS)
    for view in views(page):
        found = layout(page) + height(page, name, view.split(", ")[1])
        if view == "light, wide":
            found += accessibility(page)
        elif view == "dark, wide":  # the other rules do not depend on the theme
            found += accessibility(page, *(["color-contrast"] if folds else []))
        yield from (f"[{view}] {wrong}" for wrong in found)
        if out:
            file = f"{name.removesuffix('.html')}-{view}.png".replace("/", "-").replace(", ", "-")
            page.screenshot(path=out / file, full_page=True)
    page.evaluate(UNFOLD, True)
    page.set_viewport_size({"width": 390, "height": 844})
    yield from (f"[unfolded, narrow] {wrong}" for wrong in layout(page))
    page.set_viewport_size({"width": 1280, "height": 900})
    if folds:  # a page without any was seen like this, in dark
        yield from (f"[unfolded] {wrong}" for wrong in accessibility(page))
    yield from sliders(page)
    if re.match(r"notebooks/\d", name):
        page.evaluate(UNFOLD, False)
        parts = ("answer", "figure") if re.search(r"13|99", name) else ()
        yield from first_screen(page, *parts)
    page.close()


def main() -> None:
    """Read the command line, look at the pages, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="paths inside the site, as index.html")
    parser.add_argument("--site", type=Path, default=SITE, help="the built book")
    parser.add_argument("--out", type=Path, help="screenshots; default: look/ beside the book")
    arguments = parser.parse_args()
    site = arguments.site.resolve()
    out = arguments.out or site.parent / "look"
    if chromium() is None:
        sys.exit("look.py needs Chromium on the path")
    if not (site / "index.html").exists():
        sys.exit("there is no built book: run `make book` first")
    pages = arguments.pages or names(site)
    out.mkdir(parents=True, exist_ok=True)
    found = []
    with browser() as opened, served(site.parent) as address:
        for name in pages:
            found += [f"{name}: {wrong}" for wrong in look(opened, site, name, out)]
            page = opened.new_page()
            wrong = loading(page, f"{address}/{site.name}/{name}") + slowness(page)
            found += [f"{name}: [http] {line}" for line in wrong]
            page.close()
    print("\n".join(found) or f"{len(pages)} pages, nothing wrong; screenshots in {out}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
