"""How fast the back ends of the page "Train it in your browser" are, in a headless Chromium.

JavaScript, WebAssembly SIMD on one thread and on all cores and, where the browser has a device
that is not emulated, WebGPU train the same net in turns; a ratio is the median over the rounds.

    python benchmarks/browser.py [--rounds 5] [--out benchmarks/browser.json]
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from modnoise.store.provenance import processor

LIVE = Path(__file__).parent.parent / "book" / "_static" / "live"
SCRIPTS = ("core", "simd", "simd_wasm", "webgpu")
SETTINGS = ((59, 256), (113, 257), (113, 513))

ROUNDS = """async ([p, width, rounds]) => {
  const core = modnoiseCore(), simd = modnoiseSimd(core, modnoiseWasm.base64);
  const webgpu = modnoiseWebgpu(core), run = { ...core.checked({}).run, p, width };
  const table = core.noisyTable(run), net = core.newNet(run), seconds = {}, engines = {
    js: new core.Engine(run, net, table), simd: new simd.Engine(run, net, table),
    threads: new simd.Engine(run, net, table, navigator.hardwareConcurrency),
  };
  const adapter = await navigator.gpu?.requestAdapter();
  if (adapter && !adapter.info?.isFallbackAdapter) {
    engines.webgpu = await webgpu.Engine.make(run, net, table);
  }
  for (let round = 0; round <= rounds; round++) { // the first one is not counted
    for (const [name, engine] of Object.entries(engines)) {
      const start = performance.now();
      let steps = 0;
      do {
        await engine.advance(1);
        steps++;
      } while (performance.now() - start < 400);
      if (round) (seconds[name] ??= []).push((performance.now() - start) / steps / 1000);
    }
  }
  return [engines.webgpu?.name ?? null, seconds];
}"""


def measured(page: object, p: int, width: int, rounds: int) -> dict:
    """Steps per second of every back end and their ratios, for one size."""
    device, seconds = page.evaluate(ROUNDS, [p, width, rounds])

    def over(one: str, other: str) -> float:
        pairs = zip(seconds[one], seconds[other], strict=True)
        return statistics.median(slow / fast for slow, fast in pairs)

    row = {"p": p, "width": width, "device": device}
    row |= {f"{name}_steps_per_s": 1 / statistics.median(x) for name, x in seconds.items()}
    row |= {"simd_over_js": over("js", "simd"), "threads_over_simd": over("simd", "threads")}
    return row | ({"webgpu_over_simd": over("simd", "webgpu")} if device else {})


def main() -> None:
    """Measure, print a line per size, optionally write all with hardware and versions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        path = Path(folder) / "page.html"
        path.write_text(
            "".join(f'<script src="{LIVE / name}.js"></script>' for name in SCRIPTS), "utf-8"
        )
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(path.as_uri())
        rows = []
        for p, width in SETTINGS:
            row = measured(page, p, width, options.rounds)
            rows.append(row)
            print(
                f"p {p}, M {width}: SIMD {row['simd_over_js']:.1f} times JavaScript, all cores "
                f"{row['threads_over_simd']:.2f} times one, {row['threads_steps_per_s']:.1f} "
                f"steps/s; WebGPU: {row['device'] or 'no device'}",
                flush=True,
            )
        about = {
            "date": datetime.date.today().isoformat(),
            "processor": processor(),
            "cores": os.cpu_count(),
            "browser": browser.version,
        }
        browser.close()
    if options.out:
        options.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
