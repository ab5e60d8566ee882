"""Open pages of the built book in a browser and report what a reader would see go wrong.

``python scripts/look.py [--out FOLDER] [PAGE...]`` opens each page (default: all) from disk and
over http, in light and dark, wide and narrow, saves screenshots and prints: console errors, failed
requests, requests to other hosts, formulas left as TeX, widgets that did not appear, horizontal
overflow, serious violations of accessibility rules (axe), sliders that something does not follow,
pages that are heavy or slow. Says for each page what it costs: processor time of the page's main
thread, which other work on the machine hardly changes, long tasks and bytes. Ends with an error if
anything was wrong. Needs a Chromium on the path.
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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
PATIENCE = 300_000  # milliseconds that widgets may take on a machine with much else to do
MINUTES = 600_000  # and anything else
SLIDERS = ".mn-recorded input[type=range]"
SCREEN = 800  # pixels of the first screen at 1280 across
TALLEST = {"wide": 10_000, "narrow": 16_000}  # pixels of a folded page
SHORT = {
    "index.html": 4000,
    "notebooks/00_quickstart.html": 4000,
    "notebooks/99_scorecard.html": 4500,  # a line per claim, of more papers than one
}
LONG = (  # to look up, not to read
    "book/api.html",
    "book/performance.html",
    "book/verdicts.html",
    "genindex.html",
)
SLOW = 2000  # milliseconds of processor time until all of a page is there
SCRIPTS = 400_000  # bytes of scripts that a page reads before it can be used
MANY = 12_000  # elements of a page
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
# What a page loaded over http before it could be used. Formulas come later, figures of the other
# theme when they are asked for.
BURDEN = """() => {
  const [page] = performance.getEntriesByType("navigation");
  const early = performance.getEntriesByType("resource")
    .filter((one) => one.startTime < page.loadEventStart);
  const shown = new Set([...document.images].filter((one) => one.checkVisibility())
    .map((one) => one.src));
  return {
    scripts: early.filter((one) => one.initiatorType === "script" || /\\.js\\b/.test(one.name))
      .reduce((sum, one) => sum + one.decodedBodySize, 0),
    hidden: early.filter((one) => one.initiatorType === "img" && !shown.has(one.name)).length,
    elements: document.querySelectorAll("*").length,
  };
}"""
SETTLED = """() => Promise.resolve(window.formulas).then(() => document.fonts.ready).then(() =>
  new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))"""
LONG_TASKS = """window.longTasks = 0;
new PerformanceObserver((list) => { window.longTasks += list.getEntries().length; })
  .observe({ entryTypes: ["longtask"] });"""
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


@contextmanager
def opened(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page of its own, which waits for minutes where it waits at all."""
    context = browser.new_context(**options)
    context.set_default_timeout(MINUTES)
    try:
        yield context.new_page()
    finally:
        context.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def copyfile(self, *files: Any) -> None:
        with suppress(ConnectionError):  # the browser went on to another page
            super().copyfile(*files)


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
    page.evaluate(SETTLED)
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


def burden(page: Page) -> list[str]:
    """Whether a page opened over http asks for too much before it can be used.

    Counts only what is the same on every machine: bytes, elements, figures nobody sees.
    """
    found, told = page.evaluate(BURDEN), []
    if found["scripts"] > SCRIPTS:
        told.append(f"burden: {found['scripts'] / 1e3:.0f} kB of scripts before it can be used")
    if found["elements"] > MANY and not page.url.endswith(LONG):
        told.append(f"burden: {found['elements']} elements")
    if found["hidden"]:
        told.append(f"burden: loads {found['hidden']} figures that are not shown")
    return told


@dataclass(frozen=True)
class Work:
    """What a page costs until all of it is there: milliseconds of processor time of its main
    thread, those of them in scripts, tasks that hold it up for 50 ms, bytes transferred."""

    cpu: float
    scripts: float
    long_tasks: int
    bytes: int

    def __str__(self) -> str:
        return (
            f"{self.cpu:.0f} ms of processor time, {self.scripts:.0f} in scripts; "
            f"{self.long_tasks} long tasks; {self.bytes / 1e6:.2f} MB"
        )

    def slow(self, allowed: float = SLOW) -> list[str]:
        """Whether that is more than a reader has patience for."""
        return [f"slow: {self}"] if self.cpu > allowed else []


def work(browser: Browser, address: str) -> Work:
    """What it costs to open ``address`` over http with an empty cache."""
    with opened(browser, viewport={"width": 1280, "height": SCREEN}) as page:
        page.add_init_script(LONG_TASKS)
        tools, sizes = page.context.new_cdp_session(page), []
        tools.send("Network.enable")
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        tools.on("Network.loadingFinished", lambda e: sizes.append(e["encodedDataLength"]))
        page.goto(address, wait_until="load")
        page.wait_for_function(DRAWN, arg=page.evaluate(WIDGETS))
        page.evaluate(SETTLED)
        told = {x["name"]: x["value"] for x in tools.send("Performance.getMetrics")["metrics"]}
        return Work(
            1000 * told["TaskDuration"],
            1000 * told["ScriptDuration"],
            page.evaluate("window.longTasks"),
            int(sum(sizes)),
        )


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
            page.wait_for_function("(width) => window.innerWidth === width", arg=width)
            page.evaluate(SETTLED)
            yield f"{theme}, {size}"


def look(browser: Browser, site: Path, name: str, out: Path | None = None) -> Iterator[str]:
    """Everything that is wrong with one page opened from disk, in all views.

    With ``out``, a screenshot of each view goes there.
    """
    with opened(browser) as page:
        yield from weight(site / name)
        yield from _seen(page, site, name, out)


def _seen(page: Page, site: Path, name: str, out: Path | None) -> Iterator[str]:
    yield from loading(page, (site / name).as_uri())
    yield from text(page)
    folds = page.evaluate(FOLDS)
    for view in views(page):
        found = layout(page) + height(page, name, view.split(", ")[1])
        if view in ("light, wide", "dark, wide"):  # the other rules are checked unfolded
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
    with browser() as started, served(site.parent) as address:
        for name in pages:
            found += [f"{name}: {wrong}" for wrong in look(started, site, name, out)]
            there = f"{address}/{site.name}/{name}"
            with opened(started) as page:
                wrong = loading(page, there) + burden(page)
            cost = work(started, there)
            print(f"{name}: {cost}", flush=True)
            found += [f"{name}: [http] {line}" for line in wrong + cost.slow()]
    print("\n".join(found) or f"{len(pages)} pages, nothing wrong; screenshots in {out}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
