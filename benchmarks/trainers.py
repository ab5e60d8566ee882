"""How fast the trainers are, beside what a user would write and beside what nobody can avoid.

In one run, so that a busy machine slows all alike:

- ``plain``: one-hot inputs, `nn.Linear`, autograd, `torch.optim.AdamW`, torch's own settings;
- ``lookup``: the same with `nn.Embedding` instead of one-hot products;
- ``fast``: the engine of this package; ``bf16``: the same with products in bfloat16;
- ``bound``: the three bare matrix products of a step, batched over the stack, and one softmax.

Each has a process of its own, with the settings its user would have. They take turns, round after
round: ratios count, not times. On a CPU everything has one thread, whose
own time is taken, so that other programs disturb little; but for the whole machine, where the
plain loop gets all threads and the engine one process per core. A ratio is the median of the
rounds' ratios, as a machine that others share has slow minutes.
Memory: growth of a process's peak over what it holds before it makes a net.

    python benchmarks/trainers.py [--rounds 5] [--quick] [--out benchmarks/trainers.json]

Environment variables that keep torch's libraries from what this processor has hold for all of it:
`make bench-portable` measures one as old as AVX2 (``scripts/portable.py``).
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import multiprocessing as mp
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

import modnoise as mn
from modnoise.arithmetic.engines.fast import FastEngine
from modnoise.arithmetic.nets import new_nets
from modnoise.arithmetic.tables import noisy_table
from modnoise.arithmetic.training import stack_size
from modnoise.store.provenance import processor
from modnoise.training.schedule import parts_schedule, schedule
from modnoise.training.settings import torch_settings

Step = Callable[[], None]
SPAWN = mp.get_context("spawn")
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 numbers itself, and torch is not kept from it."""
    if torch.backends.cpu.get_cpu_capability() in ("DEFAULT", "AVX2"):
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def members(run: mn.Run, nets: int) -> list[mn.Run]:
    """A stack of nets that differ in their seeds."""
    return [run.but(seed=seed) for seed in range(nets)]


def _training_pairs(run: mn.Run, device: str) -> tuple[torch.Tensor, ...]:
    table = noisy_table(run)
    a, b = torch.nonzero(table.train[0], as_tuple=True)
    return tuple(x.to(device) for x in (a, b, table.given[0, a, b]))


def plain(run: mn.Run, device: str) -> Step:
    """One step of the loop a user would write."""
    a, b, y = _training_pairs(run, device)
    x = torch.cat([one_hot(a, run.p), one_hot(b, run.p)], 1).float()
    hidden = nn.Linear(2 * run.p, run.width, bias=False)
    net = nn.Sequential(hidden, nn.ReLU(), nn.Linear(run.width, run.p)).to(device)
    return _updates(net, lambda: net(x), y, run)


def lookup(run: mn.Run, device: str) -> Step:
    """The same with the rows of U and V looked up."""
    a, b, y = _training_pairs(run, device)
    U, V = (nn.Embedding(run.p, run.width) for _ in range(2))
    net = nn.ModuleList([U, V, nn.Linear(run.width, run.p)]).to(device)
    return _updates(net, lambda: net[2](torch.relu(net[0](a) + net[1](b))), y, run)


def _updates(
    net: nn.Module, logits: Callable[[], torch.Tensor], y: torch.Tensor, run: mn.Run
) -> Step:
    optimizer = torch.optim.AdamW(net.parameters(), lr=run.lr, weight_decay=run.weight_decay)

    def step() -> None:
        optimizer.zero_grad()
        cross_entropy(logits(), y).backward()
        optimizer.step()

    return step


def fast(run: mn.Run, device: str, nets: int = 1) -> Step:
    """One step of the engine."""
    runs = members(run, nets)
    return FastEngine(runs, new_nets(runs), noisy_table(runs), device).step


def bound(run: mn.Run, device: str, nets: int = 1) -> Step:
    """The three products of a step and one softmax, on buffers that exist already."""
    n, M, p = run.n_train, run.width, run.p
    hidden, D, W = (torch.rand(nets, *s, device=device) for s in ((n, M), (n, p), (M, p)))
    logits, dhidden, dW = torch.empty_like(D), torch.empty_like(hidden), torch.empty_like(W)

    def step() -> None:
        torch.bmm(hidden, W, out=logits)
        torch.softmax(logits, -1)
        torch.bmm(D, W.mT, out=dhidden)
        torch.bmm(hidden.mT, D, out=dW)

    return step


def product(run: mn.Run, device: str, size: int = 8192) -> Step:
    """One large product of matrices."""
    x = torch.rand(size, size, device=device)
    out = torch.empty_like(x)
    return lambda: torch.mm(x, x, out=out)


@contextmanager
def settings(make: Callable, run: mn.Run, device: str, threads: int) -> Iterator[None]:
    """Those of the engine, or, for the loops a user would write, torch's own but for threads."""
    if make.__name__ in ("plain", "lookup"):
        torch.set_num_threads(threads)
        yield
    else:
        with torch_settings(device, threads, getattr(run, "matmul", "exact")):
            yield


def milliseconds(step: Step, repeats: int, device: str, threads: int = 1) -> float:
    """Mean time of one call over ``repeats`` calls: processor time of one thread, else passed."""
    clock = time.process_time if device == "cpu" and threads == 1 else time.perf_counter
    begin = clock()
    for _ in range(repeats):
        step()
    if device != "cpu":
        torch.cuda.synchronize()
    return (clock() - begin) / repeats * 1e3


class Contender:
    """A loop in a process of its own: made by ``make(run, device, *more)``, called when asked."""

    def __init__(
        self, make: Callable, run: mn.Run, device: str = "cpu", *more: int, threads: int = 1
    ) -> None:
        self.calls, calls = SPAWN.Pipe()
        args = (make, run, device, more, threads, calls)
        self.process = SPAWN.Process(target=_contend, args=args, daemon=True)
        self.process.start()
        calls.close()

    def milliseconds(self, repeats: int) -> float:
        """Mean time of one call."""
        self.calls.send(repeats)
        return self.calls.recv()

    def close(self) -> None:
        """End the process."""
        self.calls.send(0)
        self.process.join()


def _contend(
    make: Callable, run: mn.Run, device: str, more: tuple, threads: int, calls: Connection
) -> None:
    with settings(make, run, device, threads):
        step = make(run, device, *more)
        while repeats := calls.recv():
            calls.send(milliseconds(step, repeats, device, threads))


class Here:
    """The same in this process, where there is no time to start others."""

    def __init__(self, make: Callable, run: mn.Run, device: str = "cpu", *more: int) -> None:
        self.inside = partial(settings, make, run, device, 1)
        self.device = device
        with self.inside():
            self.step: Step | None = make(run, device, *more)

    def milliseconds(self, repeats: int) -> float:
        """Mean time of one call."""
        with self.inside():
            return milliseconds(self.step, repeats, self.device)

    def close(self) -> None:
        """Give its memory back."""
        self.step = None


def alternate(contenders: dict[str, Contender | Here], rounds: int) -> dict[str, np.ndarray]:
    """Milliseconds per call of each, a number for each of the alternating rounds; ends them."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for i in range(rounds + 1):  # the first round warms up
        for name, one in contenders.items():
            repeats = max(4, int(150 / times[name][0])) if i else 4
            times[name].append(one.milliseconds(repeats))
    for one in contenders.values():
        one.close()
    return {name: np.array(t[1:]) for name, t in times.items()}


def typical(times: np.ndarray) -> float:
    """The median."""
    return float(np.median(times))


def one_net(run: mn.Run, rounds: int, device: str = "cpu") -> dict:
    """All loops for one net on one thread."""
    loops = {"plain": plain, "lookup": lookup, "fast": fast, "bound": bound}
    contenders = {name: Contender(make, run, device) for name, make in loops.items()}
    if device != "cpu" or has_bfloat16():
        contenders["bf16"] = Contender(fast, run.but(matmul="bf16"), device)
    ms = alternate(contenders, rounds)
    row = {"what": "one net", "device": device, "p": run.p, "width": run.width, "nets": 1}
    row |= {f"{name}_ms": typical(x) for name, x in ms.items()}
    row |= {f"over_{name}": typical(ms[name] / ms["fast"]) for name in ("plain", "lookup")}
    row |= {"of_bound": typical(ms["bound"] / ms["fast"])}
    if "bf16" in ms:
        row["bf16_gain"] = typical(ms["fast"] / ms["bf16"])
    return row


def stack(
    run: mn.Run, nets: int, rounds: int, device: str = "cpu", contender: Callable = Contender
) -> dict:
    """A stack of nets: milliseconds are per net and step."""
    contenders = {make.__name__: contender(make, run, device, nets) for make in (fast, bound)}
    if device != "cpu":
        contenders |= {make.__name__: contender(make, run, device) for make in (plain, product)}
    ms = alternate(contenders, rounds)
    row = {"what": "stack", "device": device, "p": run.p, "width": run.width, "nets": nets}
    row |= {f"{name}_ms": typical(ms[name]) / nets for name in ("fast", "bound")}
    row["of_bound"] = typical(ms["bound"] / ms["fast"])
    if "plain" in ms:
        row |= {"plain_ms": typical(ms["plain"])}
        row |= {"over_plain": typical(ms["plain"] * nets / ms["fast"])}
        share = run.but(steps=1).operations * nets / (2 * 8192**3) * ms["product"] / ms["fast"]
        row["share_of_matrix_rate"] = typical(share)
    return row


def _worker(make: Callable, run: mn.Run, start: mp.Barrier, rates: mp.Queue) -> None:
    with settings(make, run, "cpu", 1):
        nets = stack_size(run, "cpu")
        step = make(run, "cpu", nets)
        for _ in range(3):
            step()
        start.wait()
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < 1:
            step()
            count += nets
        rates.put(count / (time.perf_counter() - begin))


def _together(make: Callable, run: mn.Run) -> float:
    """Net-steps per second of one process per core together."""
    start, rates = SPAWN.Barrier(CORES), SPAWN.Queue()
    processes = [
        SPAWN.Process(target=_worker, args=(make, run, start, rates)) for _ in range(CORES)
    ]
    for process in processes:
        process.start()
    total = sum(rates.get() for _ in processes)
    for process in processes:
        process.join()
    return total


def whole_machine(run: mn.Run, rounds: int) -> dict:
    """Net-steps per second of all cores: a campaign's stack on each, one plain loop on all."""
    rates: dict[str, list[float]] = {"plain": [], "fast": [], "bound": []}
    loop = Contender(plain, run, threads=CORES)
    for _ in range(max(3, rounds // 2)):
        for make in (fast, bound):
            rates[make.__name__].append(_together(make, run))
        loop.milliseconds(3)
        rates["plain"].append(1e3 / loop.milliseconds(10))
    loop.close()
    ms = {name: 1e3 / np.array(x) for name, x in rates.items()}
    return {
        "what": "whole machine", "device": "cpu", "p": run.p, "width": run.width,
        "nets": CORES * stack_size(run, "cpu"),
        **{f"{name}_ms": typical(x) for name, x in ms.items()},
        "over_plain": typical(ms["plain"] / ms["fast"]),
        "of_bound": typical(ms["bound"] / ms["fast"]),
    }  # fmt: skip


def recording(run: mn.Run, steps: int) -> dict:
    """Share of a training's time that recording takes, FF and its controls along the way too.

    Timed in a training of ``steps`` steps, and worked out for the paper's 200,000, whose schedule
    has more points but far more steps between them.
    """
    seconds = {}
    for name, one in {
        "bare": run.but(steps=steps),
        "recorded": run.but(steps=steps, record_parts=True),
    }.items():
        if name == "bare":
            with torch_settings("cpu", 1):
                step = fast(one, "cpu")
                seconds[name] = milliseconds(step, steps, "cpu") * steps / 1e3
        else:
            seconds[name] = mn.train(one, progress=False).history.attrs["seconds"]
    extra, per_step = seconds["recorded"] - seconds["bare"], seconds["bare"] / steps

    def points(length: int) -> int:
        full, thin = schedule(length), parts_schedule(length)
        return len(full) + 4 * len(thin)  # parts: full, G, R, G_quadratic, G_random

    per_point = extra / points(steps)
    long = 200_000
    return {
        "what": "recording", "device": "cpu", "p": run.p, "width": run.width, "nets": 1,
        "steps": steps, "share": extra / seconds["recorded"],
        "share_at_200000": points(long) * per_point
        / (points(long) * per_point + long * per_step),
    }  # fmt: skip


def _held(line: str) -> float:
    """MB that Linux counts for this process: VmRSS now, VmHWM at most since it was asked to."""
    status = Path("/proc/self/status").read_text()
    return int(next(x for x in status.splitlines() if x.startswith(line)).split()[1]) * 1024 / 1e6


def _peak(name: str, run: mn.Run, results: mp.Queue) -> None:
    make = {"plain": plain, "lookup": lookup, "fast": fast}[name]
    with settings(make, run, "cpu", 1):
        torch.mm(torch.rand(64, 64), torch.rand(64, 64))
        before = _held("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        step = make(run, "cpu")
        for _ in range(3):
            step()
    results.put(_held("VmHWM") - before)


def memory(run: mn.Run) -> dict:
    """Peak memory of a training, in MB above an empty process."""
    row = {}
    for name in ("plain", "lookup", "fast"):
        results = SPAWN.Queue()
        process = SPAWN.Process(target=_peak, args=(name, run, results))
        process.start()
        row[f"{name}_mb"] = results.get()
        process.join()
    return {"what": "memory", "device": "cpu", "p": run.p, "width": run.width, "nets": 1, **row}


def exponent(sizes: list[int], ms: list[float]) -> float:
    """Slope of log time against log size: 1 means that the cost is proportional to it.

    >>> round(exponent([10, 20, 40], [3.0, 12.0, 48.0]), 6)
    2.0
    """
    return float(np.polyfit(np.log(sizes), np.log(ms), 1)[0])


def scaling(rounds: int) -> list[dict]:
    """How the time of a step grows with the width, with p, and with the number of nets."""
    axes = {
        "width": [(mn.Run(width=M), 1) for M in (129, 257, 513, 1025, 2049)],
        "p": [(mn.Run(p=p, width=513), 1) for p in (29, 59, 113, 227)],
        "nets": [(mn.Run(p=59, width=33), R) for R in (1, 4, 16, 32)],
    }
    rows = []
    for axis, points in axes.items():
        sizes = [nets if axis == "nets" else getattr(run, axis) for run, nets in points]
        contenders = {
            str(size): Contender(fast, run, "cpu", R)
            for size, (run, R) in zip(sizes, points, strict=True)
        }
        ms = [typical(x) for x in alternate(contenders, rounds).values()]
        rows.append({"what": "scaling", "device": "cpu", "axis": axis, "sizes": sizes, "ms": ms,
                     "exponent": exponent(sizes, ms)})  # fmt: skip
    return rows


def on_cpu(rounds: int, quick: bool) -> list[dict]:
    """All rows of the CPU, or those of one net."""
    widths = (129, 513, 2049)
    rows = [one_net(mn.Run(width=M), rounds) for M in widths]
    if quick:
        return rows
    rows += [stack(mn.Run(p=p, width=M), 32, rounds) for p in (59, 113) for M in (17, 33, 65)]
    rows += [whole_machine(mn.Run(width=M), rounds) for M in widths]
    if Path("/proc/self/clear_refs").exists():
        rows += [memory(mn.Run(width=M)) for M in (513, 2049)]
    return [*rows, recording(mn.Run(width=513), 1000), *scaling(rounds)]


def on_gpu(rounds: int) -> list[dict]:
    """All rows of a GPU: stacks as large as the plan makes them, at most 512 nets."""
    rows = []
    for matmul in ("exact", "tf32"):
        for M in (65, 129, 513, 1025, 2049):
            run = mn.Run(width=M, matmul=matmul)
            nets = min(512, stack_size(run, "cuda"))
            rows.append(stack(run, nets, rounds, "cuda") | {"matmul": matmul})
    return rows


COLUMNS = {
    "plain_ms": "9.2f", "lookup_ms": "9.2f", "fast_ms": "9.2f", "bound_ms": "9.2f",
    "over_plain": "10.2f", "over_lookup": "11.2f", "of_bound": "8.0%", "bf16_gain": "9.2f",
}  # fmt: skip


def table(rows: list[dict]) -> str:
    """The rows with times as text, then the others."""
    lines = [f"{'':14}{'p':>4} {'M':>5} {'nets':>4}" + "".join(
        f" {name:>{max(9, len(name))}}" for name in COLUMNS)]  # fmt: skip
    for row in rows:
        if "fast_ms" in row:
            cells = (
                f" {format(row[name], form):>{max(9, len(name))}}"
                if name in row and not math.isnan(row[name])
                else f" {'':{max(9, len(name))}}"
                for name, form in COLUMNS.items()
            )
            head = f"{row['what']:14}{row['p']:4} {row['width']:5} {row['nets']:4}"
            lines.append(head + "".join(cells))
    for row in rows:
        if row["what"] == "memory":
            mb = ", ".join(f"{n} {row[f'{n}_mb']:.0f}" for n in ("plain", "lookup", "fast"))
            lines.append(f"peak memory at M = {row['width']}, MB: {mb}")
        if row["what"] == "recording":
            lines.append(
                f"recording with FF takes {row['share']:.1%} of {row['steps']} steps, "
                f"{row['share_at_200000']:.2%} of 200,000"
            )
        if row["what"] == "scaling":
            lines.append(f"time grows with {row['axis']} to the power {row['exponent']:.2f}")
    return "\n".join(lines)


def main() -> None:
    """Measure, print a table, optionally write it with hardware, versions and date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one net alone, about a minute")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = on_cpu(options.rounds, options.quick)
    if torch.cuda.is_available():
        rows += on_gpu(options.rounds)
    print(table(rows))
    if options.out:
        about = {
            "date": datetime.date.today().isoformat(),
            "processor": processor(),
            "cores": CORES,
            "capability": torch.backends.cpu.get_cpu_capability(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "torch": torch.__version__,
            "python": platform.python_version(),
        }
        options.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
