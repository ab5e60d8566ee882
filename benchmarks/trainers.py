"""Steps per second of the fast engine, beside a plain PyTorch loop and a bound, in one process.

The plain loop is what a user would write: one-hot inputs, `nn.Linear`, autograd and
`torch.optim.AdamW`. The bound is the work nobody can avoid: the three bare matrix products of a
step plus one softmax over the logits. Rounds of the three alternate, so that a busy machine slows
all of them alike; ratios of the medians are what counts.

    python benchmarks/trainers.py [--width 513] [--p 113] [--rounds 5] [--out FILE.json]
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

import modnoise as mn
from modnoise.training.fast import FastEngine
from modnoise.training.loop import torch_settings


def plain_loop(run: mn.Run) -> Callable[[], None]:
    """One step of the loop a user would write, on torch's default settings for products."""
    table, p = mn.noisy_table(run), run.p
    a, b = torch.nonzero(table.train[0], as_tuple=True)
    x, y = torch.cat([one_hot(a, p), one_hot(b, p)], 1).float(), table.given[0, a, b]
    hidden = nn.Linear(2 * p, run.width, bias=False)
    net = nn.Sequential(hidden, nn.ReLU(), nn.Linear(run.width, p))
    optimizer = torch.optim.AdamW(net.parameters(), lr=run.lr, weight_decay=run.weight_decay)

    def step() -> None:
        optimizer.zero_grad()
        cross_entropy(net(x), y).backward()
        optimizer.step()

    return step


def bound(run: mn.Run) -> Callable[[], None]:
    """The three products of a step and one softmax, on buffers that exist already."""
    n, M, p = run.n_train, run.width, run.p
    hidden, D, W = torch.rand(n, M), torch.rand(n, p), torch.rand(M, p)
    logits, dhidden, dW = torch.empty(n, p), torch.empty(n, M), torch.empty(M, p)

    def step() -> None:
        torch.mm(hidden, W, out=logits)
        torch.softmax(logits, 1)
        torch.mm(D, W.T, out=dhidden)
        torch.mm(hidden.T, D, out=dW)

    return step


def milliseconds(step: Callable[[], None], repeats: int) -> float:
    """Mean time of one call over ``repeats`` calls."""
    begin = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - begin) / repeats * 1e3


def measure(run: mn.Run, rounds: int) -> dict[str, float | int]:
    """Median milliseconds per step of all three on one thread, and their ratios."""
    fast = FastEngine([run], mn.new_nets(run), mn.noisy_table(run)).step
    steps = {"plain": plain_loop(run), "fast": fast, "bound": bound(run)}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for i in range(rounds + 1):  # the first round warms up
        for name, step in steps.items():
            with torch_settings("cpu", 1):
                if name == "plain":  # what a user gets without asking for anything
                    torch.set_float32_matmul_precision("highest")
                repeats = 1 if i == 0 else max(1, int(200 / times[name][0]))
                times[name].append(milliseconds(step, repeats))
    ms = {name: statistics.median(t[1:]) for name, t in times.items()}
    return {
        "p": run.p,
        "width": run.width,
        "plain_ms": ms["plain"],
        "fast_ms": ms["fast"],
        "bound_ms": ms["bound"],
        "times_faster": ms["plain"] / ms["fast"],
        "share_of_bound": ms["bound"] / ms["fast"],
    }


def main() -> None:
    """Measure, print a table, optionally write it with hardware, versions and date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--p", type=int, default=113)
    parser.add_argument("--width", type=int, nargs="+", default=[129, 513, 2049])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rows = []
    print(f"{'p':>4} {'M':>5} {'plain ms':>9} {'fast ms':>8} {'times':>6} {'of bound':>8}")
    for width in options.width:
        rows.append(row := measure(mn.Run(p=options.p, width=width), options.rounds))
        print(
            f"{row['p']:4} {row['width']:5} {row['plain_ms']:9.2f} {row['fast_ms']:8.2f} "
            f"{row['times_faster']:6.2f} {row['share_of_bound']:8.0%}"
        )
    if options.out:
        about = {
            "date": datetime.date.today().isoformat(),
            "machine": f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
            "torch": torch.__version__,
            "threads": 1,
        }
        options.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
