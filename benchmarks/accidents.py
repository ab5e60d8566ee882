"""How often `modnoise.inspect` says that a rule is inside, of nets with and without one.

Without a rule: untrained nets, and nets that memorized random labels (``noise = 1``, any class);
tied and not, both initializations, widths 16 to 256. With a rule: nets trained with half of their
labels wrong, and nets that add by construction under noise in all weights (``exact_nets``), of
twice the size of the weights. The sentence must appear in at most 0.1 % of the former.

    python benchmarks/accidents.py [--untrained 1000] [--trained 200] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from itertools import cycle, islice, product
from pathlib import Path

import torch

import modnoise as mn
from modnoise.arithmetic.analytic import exact_nets
from modnoise.arithmetic.null import shifts

MODULI = (23, 31, 59)
STACK = 20
"""Nets trained at once."""


def untrained(p: int, count: int) -> Iterator[mn.NetStack]:
    """New nets of all kinds in turn, each with a seed of its own."""
    kinds = product((16, 64, 256), (False, True), ("linear", "normal"))
    for seed, (width, tied, init) in enumerate(islice(cycle(kinds), count)):
        yield mn.new_nets(mn.Run(p=p, width=width, tied=tied, init=init, seed=seed))


def memorized(p: int, count: int, noise: float) -> Iterator[mn.NetStack]:
    """Nets after 300 fast steps on labels of which a share is random, tied and not in turn."""
    for start in range(0, count, STACK):
        run = mn.Run(
            p=p, width=64, tied=bool(start // STACK % 2), noise=noise, noise_kind="any",
            steps=300, lr=0.02, weight_decay=0.1,
        )  # fmt: skip
        runs = [run.but(seed=seed) for seed in range(start, min(start + STACK, count))]
        nets = mn.train(runs, progress=False).nets
        yield from (nets[i] for i in range(len(nets)))


def under_noise(p: int, count: int) -> Iterator[mn.NetStack]:
    """Nets that add by construction, five frequencies, with noise of twice their weights' size."""
    nets = exact_nets(p, range(1, 6), act="relu")
    for seed in range(count):
        draw = torch.Generator().manual_seed(seed)
        U, V, W = (
            x + 2 * x.std() * torch.randn(x.shape, generator=draw, dtype=x.dtype)
            for x in (nets.U, nets.V, nets.W)
        )
        yield mn.NetStack(U, V, W, nets.mu, "relu")


def counted(nets: Iterator[mn.NetStack]) -> dict[str, float]:
    """How many there are, how many get the sentence, the largest filtered accuracy, the median.

    Only nets that could get it are inspected in full.
    """
    inside, rules = 0, []
    for one in nets:
        rules.append(float(shifts(one, "add", draws=0)[0, 0]))
        inside += rules[-1] > 5 / one.p and "is inside" in mn.inspect(one).found
    largest, middle = max(rules), statistics.median(rules)
    return {"nets": len(rules), "inside": inside, "largest": largest, "median": middle}


def main() -> None:
    """Count and print, and write into a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--untrained", type=int, default=1000)
    parser.add_argument("--trained", type=int, default=200)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for p in MODULI:
        for name, nets in {
            "untrained": untrained(p, asked.untrained),
            "random labels": memorized(p, asked.trained, 1.0),
            "half the labels wrong": memorized(p, asked.trained // 5, 0.5),
            "built, noise twice the weights": under_noise(p, asked.trained // 5),
        }.items():
            rows.append({"p": p, "kind": name, **counted(nets)})
            print(rows[-1], flush=True)
    if asked.out:
        asked.out.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
