"""Write the book's page on speed from the recorded benchmark: part of ``make readme``.

The page is ``book/performance.md``, its figure ``book/figures/speed-<theme>.svg``; every number
comes from what ``make bench`` and ``make bench-portable`` have written and from published runs.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

import modnoise as mn
from modnoise.pages.speed import speed_bars
from modnoise.pages.style import svg
from modnoise.store.bill import ALL, bill
from modnoise.store.costs import GPU_RATE

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "benchmarks" / "trainers.json"
PORTABLE = RECORD.with_name("trainers-avx2.json")
TRANSFORMER = RECORD.with_name("transformer.json")
BROWSER = RECORD.with_name("browser.json")
PRECISE = ("R4.1-FF", "R4.1-FF-mu0", "R4.1-FF-quadratic-part", "CONTROL-frequency")

PAGE = """# How fast, and why

*Written by `make readme` from the last recorded `make bench`: {setting}.*

## What is compared

Work per step and net is $6 n M p$ floating-point operations in three matrix products ($n$ training
pairs, width $M$, $p$ classes). The benchmark gives each of these a process of its own and lets
them take turns, so that a busy machine slows all alike; a ratio is the median over the rounds:

- **plain**: the loop a user would write, with one-hot inputs, `nn.Linear`, autograd and
  `torch.optim.AdamW`, at torch's own settings;
- **lookup**: the same with `nn.Embedding` in place of the one-hot products;
- **fast**: the engine of this package;
- **bound**: the three bare products of the same shapes and one softmax over the logits, which
  nobody can avoid without other products. (The engine can beat it: its blocks stay in the cache,
  and its softmax runs over whole registers.)

"Bound × plain" says how far the bare products alone are ahead of the plain loop on this machine.

```{{image}} figures/speed-light.svg
:class: only-light
:alt: {alt}
```

```{{image}} figures/speed-dark.svg
:class: only-dark
:alt: {alt}
```

## One net on one thread

{one}

The same on two kinds of processor: `make bench-portable` keeps every library of this machine to
what a processor without AVX-512 has. Ratios within a row are of one run; rows are not.

{kinds}

## Stacks of 32 small nets on one thread

{stacks}

## The whole machine

One one-thread process per core, each with a stack as a campaign makes it, against the plain loop
with all threads ({cores} cores). Net-steps per second of all together.

{whole}

## Memory and recording

{memory}

{recording}

## How cost grows

{scaling}

## What does the whole paper cost?

Floating-point operations of the matrix products, and core-hours on the machine of the records
({machine}), of every declared run at three scales: `laptop` for readers who re-run, `fast` the
paper's setting at a higher tempo, `paper` its 200,000 steps.

Core-hours are at the rate of the fastest recorded run of the same shape, since a machine that
others share only slows; ≈: there is none for some of the runs, so they go at the rate of recorded
ones of other sizes and lengths. "Recorded": runs whose results are published. A run that several
figures share counts in each, and once in the last row. {spent} The GPU is declared, not measured:
{rate:.0f} TFLOP/s sustained in fp32 on one H200. Late steps of a long training cost what the first
ones do: a neuron that has died leaves numbers too small for full precision in the optimizer, and
`tests/test_long.py` holds what those cost.

{costs}

## What the engine does

- $U^\\top$ and $V^\\top$ lie in one table; the sum of two looked-up rows and the gradient sums
  over pairs that share an input are `embedding_bag` calls, which read only what they need and add
  in a fixed order.
- The work comes in blocks that fit the cache, of some nets with all their training pairs or of one
  net with some, so activations never travel to main memory; gradients are written by hand, so
  nothing is kept for autograd.
- The logits have a multiple of 16 columns, the rest with bias $-\\infty$: a softmax over whole
  registers takes about half the time.
- The C library is asked to keep the memory of freed tensors. By default it gave megabytes back to
  the system in every step and got them anew, page by page, for up to a quarter of the time.
- Nets of one shape are stacked, each with its own seed, noise, learning rate and decay.
- On this machine fp32 products go through oneDNN after a check that they keep fp32 accuracy
  (`modnoise.training.settings.exact_matmul`); a machine that would round gets the safe setting.

## Lower precision, on request

`matmul="bf16"` rounds activations and weights to bfloat16 in the products and keeps fp32 weights
and optimizer states. {bf16}

{precision}

## Transformers

The query of a one-layer transformer is always the sign "=", so keys and values are computed once
per token, not once per pair, and no position is computed that nobody reads. Beside the plain loop
with all three positions and autograd, on one thread; the bound counts the products of the hidden
layer with the classes and one softmax, not the weighted sums per pair.

{transformers}

## In the browser

Back ends of [](live.md), {browser[cores]} cores, {browser[date]}{unmeasured}.

{live}

## On a GPU

{gpu}
"""


def markdown(frame: pd.DataFrame) -> str:
    """A table of texts as Markdown."""
    lines = [
        "| " + " | ".join(map(str, frame.columns)) + " |",
        "| --- " * len(frame.columns) + "|",
    ]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in frame.itertuples(index=False)]
    return "\n".join(lines)


def _times(rows: list[dict], columns: dict[str, tuple[str, str]]) -> str:
    return markdown(
        pd.DataFrame(
            [
                {
                    name: form.format(row[key])
                    for name, (key, form) in columns.items()
                    if key in row
                }
                for row in rows
            ]
        ).fillna("")
    )


_HEAD = {"p": ("p", "{}"), "M": ("width", "{}")}
_RATIOS = {
    "× plain": ("over_plain", "{:.1f}"),
    "× lookup": ("over_lookup", "{:.1f}"),
    "of the bound": ("of_bound", "{:.0%}"),
}
_LIMITS = {f"bound × {name}": (f"limit_{name}", "{:.1f}") for name in ("plain", "lookup")}


def verdict_pairs() -> pd.DataFrame:
    """Verdicts of the FF page on nets trained with exact and with bfloat16 products."""
    frames = {}
    for name, matmul in (("fig5-noise", "exact"), ("fig5-bf16", "bf16")):
        runs = [run for run in mn.EXPERIMENTS[name].runs("laptop") if run.noise in (0.3, 0.5, 0.8)]
        frame = mn.curves(runs, mn.load_or_train(runs, weights=False, progress=False))
        frames[matmul] = frame[frame.step == frame.steps]
    rows = []
    for claim in PRECISE:
        told = {m: mn.check(claim, frame, scale="laptop") for m, frame in frames.items()}
        rows.append(
            {
                "claim": f"`{claim}`",
                **{m: f"{v.state} ({v.tally})" for m, v in told.items()},
                "same verdict": "yes" if len({v.state for v in told.values()}) == 1 else "**no**",
            }
        )
    return pd.DataFrame(rows)


def page(told: dict) -> str:
    """The whole page from a recorded benchmark."""
    rows: dict[str, list[dict]] = {}
    for row in told["rows"]:
        for name in ("plain", "lookup"):
            if f"{name}_ms" in row and "bound_ms" in row:
                row = row | {f"limit_{name}": row[f"{name}_ms"] / row["bound_ms"]}
        rows.setdefault(row["what"] if row["device"] == "cpu" else "gpu", []).append(row)
    gains = [row["bf16_gain"] for row in rows["one net"] if "bf16_gain" in row]
    pairs = verdict_pairs()
    same = (pairs["same verdict"] == "yes").all()
    browser = json.loads(BROWSER.read_text())
    return PAGE.format(
        setting=f"{told['processor']}, {told['cores']} cores, {told['capability']}, "
        f"torch {told['torch']}, Python {told['python']}, {told['date']}",
        alt="Share of the bound that the engine reaches, one bar per configuration; the numbers "
        "are in the tables below",
        one=_times(
            rows["one net"],
            {**_HEAD, **_RATIOS, **_LIMITS, "bf16 over fp32": ("bf16_gain", "{:.2f}")},
        ),
        kinds=_kinds([told, json.loads(PORTABLE.read_text())]),
        machine=told["processor"],
        **_costs(),
        stacks=_times(rows["stack"], {**_HEAD, "of the bound": _RATIOS["of the bound"]}),
        cores=told["cores"],
        whole=_times(rows["whole machine"], {**_HEAD, **_RATIOS, **_LIMITS}),
        memory="Peak memory above an empty process, MB:\n\n"
        + _times(
            rows["memory"],
            {**_HEAD, **{name: (f"{name}_mb", "{:.0f}") for name in ("plain", "lookup", "fast")}},
        ),
        recording=_recording(rows["recording"][0]),
        scaling=_scaling(rows["scaling"]),
        bf16=(
            f"Here the engine gains {min(gains):.2f} to {max(gains):.2f} times over fp32."
            if gains
            else "This CPU does not multiply bfloat16 itself, so there is nothing to gain here."
        )
        + " Verdicts of the page on FF, at laptop scale, three seeds, M = 1025, with both: "
        + ("none changes." if same else "not all are the same."),
        precision=markdown(pairs),
        transformers=_times(
            json.loads(TRANSFORMER.read_text())["rows"],
            {
                "p": ("p", "{}"), "d": ("d_model", "{}"), "MLP": ("d_mlp", "{}"),
                "nets": ("nets", "{}"), "× plain": _RATIOS["× plain"],
                "of the bound": _RATIOS["of the bound"],
            },
        ),
        browser=browser,
        live=_live(browser["rows"]),
        unmeasured="" if any(row["device"] for row in browser["rows"])
        else "; no WebGPU device was at hand",
        gpu=_gpu(told, rows.get("gpu", [])),
    )  # fmt: skip


def _live(rows: list[dict]) -> str:
    columns = {
        "SIMD, one core, × JavaScript": ("simd_over_js", "{:.1f}"),
        "all cores × one": ("threads_over_simd", "{:.2f}"),
        "steps per second, all cores": ("threads_steps_per_s", "{:.0f}"),
        "WebGPU × SIMD on one core": ("webgpu_over_simd", "{:.1f}"),
    }
    return _times(rows, {**_HEAD, **columns})


def _si(value: float) -> str:
    return f"{value:.1e}".replace("e+", "e")


def _hours(value: float) -> str:
    return (
        f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.95 else f"{value:.2g}"
    )


def cost_table(costs: pd.DataFrame) -> pd.DataFrame:
    """Rows of `modnoise.store.bill.bill` as texts, a row per figure and three columns a scale."""
    table = pd.DataFrame({"figure": [*dict.fromkeys(costs.figure)]})
    for scale, rows in costs.groupby("scale", sort=False):
        cells = rows.set_index("figure").reindex(table.figure)
        here = cells.operations.notna()
        about = cells.estimated.gt(0).map({True: "≈ ", False: ""})
        columns = {
            "FLOP": cells.operations.map(_si),
            "core-h": (about + cells.core_hours.map(_hours)).where(cells.core_hours.notna(), "?"),
            "recorded": cells.recorded.map("{:.0f}".format)
            + " of "
            + cells.runs.map("{:.0f}".format),
        }
        if scale == "paper":
            columns["GPU-h, declared"] = cells.gpu_hours.map(_hours)
        for name, column in columns.items():
            table[f"{scale}: {name}"] = column.where(here, "").to_numpy()
    return table


def _costs() -> dict[str, str | float]:
    """What the page says about cost, of published runs alone: they are the same everywhere."""
    with TemporaryDirectory() as empty:
        costs = bill(mn.EXPERIMENTS.values(), mn.Store(empty, ROOT / "results"))
    total = costs[costs.figure == ALL].set_index("scale")
    spent = ", ".join(f"{_hours(x)} at `{scale}`" for scale, x in total.spent_hours.items())
    return {
        "costs": markdown(cost_table(costs)),
        "spent": f"Core-hours in the manifests of recorded runs: {spent}; older ones include the "
        "time in which other programs had the cores.",
        "rate": GPU_RATE / 1e12,
    }


def _kinds(tolds: list[dict]) -> str:
    """The engine with one net, a row per width and kind of processor."""
    rows = [
        {"as": told["capability"], "date": told["date"]} | row
        for told in tolds
        for row in told["rows"]
        if row["what"] == "one net" and row["device"] == "cpu"
    ]
    rows.sort(key=lambda row: row["width"])
    columns = {"processor": ("as", "{}"), "measured": ("date", "{}")}
    return _times(rows, {**_HEAD, **columns, **_RATIOS})


def _recording(row: dict) -> str:
    return (
        f"Recording curves, FF and its controls along the way takes {row['share_at_200000']:.2%} "
        f"of the time of the paper's 200,000 steps, and {row['share']:.0%} of a training of "
        f"{row['steps']} steps, where points are dense."
    )


def _scaling(rows: list[dict]) -> str:
    growth = {row["axis"]: row for row in rows}
    return "\n".join(
        f"- with {what}: to the power {growth[axis]['exponent']:.2f} "
        f"({axis} = {', '.join(map(str, growth[axis]['sizes']))})"
        for axis, what in (
            ("width", "the width $M$, p = 113"),
            ("p", "$p$, M = 513"),
            ("nets", "the number of stacked nets, p = 59, M = 33"),
        )
    )


def _gpu(told: dict, rows: list[dict]) -> str:
    if not rows:
        return (
            "Not measured: no CUDA device was at hand. The engine is the same code; one update is "
            "captured as a CUDA graph and replayed, so the host waits for nothing between two "
            "recordings. Its way of counting steps on the device is tested on CPU tensors; tests "
            "marked `gpu` compare the device with the CPU and are skipped without one. "
            '`matmul="tf32"` is offered for GPUs and is untested in the same sense. '
            "[`make gpu`](#gpu) checks and measures all of it within a short slot on a GPU."
        )
    columns = {
        **_HEAD, "nets": ("nets", "{}"), "products": ("matmul", "{}"),
        "× plain": _RATIOS["× plain"],
        "of the matrix rate": ("share_of_matrix_rate", "{:.0%}"),
    }  # fmt: skip
    return f"{told['gpu']}:\n\n{_times(rows, columns)}"


def write(folder: Path, told: dict) -> None:
    """The page and its figure in both themes below ``folder``."""
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for theme in ("light", "dark"):
        drawing = svg(
            theme, speed_bars, pd.DataFrame(told["rows"]),
            title="Share of the bound that the engine reaches",
        )  # fmt: skip
        (folder / "figures" / f"speed-{theme}.svg").write_bytes(drawing)
    (folder / "performance.md").write_text(page(told))


if __name__ == "__main__":
    write(ROOT / "book", json.loads(RECORD.read_text()))
