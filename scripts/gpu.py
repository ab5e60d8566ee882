"""Record the campaign in a short slot on a GPU: check it, time it, train, leave what is done.

`make gpu BUDGET=9m OUT=folder`. Nothing is fetched and nothing installed: any Python with torch
and the package's few libraries will do (`make gpu-wheels`). Without a CUDA device all of it runs
on the CPU and says so. First the engine is checked (`gpu_checks`); what fails is named, and the
nets are trained by autograd instead. Then the list `CAMPAIGN` is trained in its order until the
budget ends. ``OUT/records`` is what ``modnoise import`` reads elsewhere, ``OUT/report.json`` what
was measured. The same command goes on where it stopped. All of it: ours.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from campaign import CAMPAIGN, runs_of
from gpu_checks import choose

from modnoise.arithmetic import training
from modnoise.arithmetic.run import Run
from modnoise.console import seconds
from modnoise.spec import SpecError, Trainable
from modnoise.store.campaign import device_name, fill
from modnoise.store.order import Order
from modnoise.store.provenance import commit, versions
from modnoise.store.records import Store, StoreError, count, duration, writing
from modnoise.store.stacks import begun, checkpoint_of
from modnoise.store.transfer import INDEX, TransferError, export, import_
from modnoise.unified import UnifiedRun

TIMING = 0.2
"""Share of the budget after which no further width is timed."""

RESERVE, MOST_RESERVE = 0.1, 60.0
"""Share of the budget, and seconds at most, kept for the last recording and the export."""

BESIDE = 2**17
"""Bytes of a record beside its weights, at most."""


# --- speed


def speed(device: str, until: float) -> Iterator[dict[str, Any]]:
    """Rows of `make bench` for stacks of the campaign's widths, while there is time for them."""
    sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
    import trainers

    for width in (4097, 2049, 1025, 513, 65) if device != "cpu" else (65,):
        if time.monotonic() < until:
            run = Run(width=width)
            nets = min(max(1, 2**15 // width), 512, training.stack_size(run, device))
            yield trainers.stack(run, nets, 3 if device != "cpu" else 1, device, trainers.Here)


# --- the campaign


def fitting(runs: Sequence[Trainable], room: float) -> list[Trainable]:
    """The first of the runs, as many as leave records of so many bytes."""
    sizes = np.cumsum([run.weight_bytes + BESIDE for run in runs])
    return list(runs[: int(np.searchsorted(sizes, room, side="right"))])


def chosen(store: Store, runs: Sequence[Trainable], device: str, most: float) -> dict:
    """Runs to carry away, the first first, then those begun, while the files fit into ``most``."""
    found, room = {}, most
    for run in runs:
        size = sum(path.stat().st_size for path in (store.root / run.key).glob("*.*"))
        if 0 < size <= room:
            found[run.key], room = run, room - size
    order = _order(store, runs, device, None)
    for _, stack in begun(order)[0]:
        size = checkpoint_of(order, stack).stat().st_size
        if size <= room:
            found |= {run.key: run for run in stack if run.key not in order.found}
            room -= size
    return found


def _order(store: Store, runs: Sequence[Trainable], device: str, deadline: float | None) -> Order:
    order = Order({run.key: run for run in runs}, store, weights=False, device=device, threads=1,
                  progress=False, checkpoint_every=60.0, deadline=deadline)  # fmt: skip
    for run in runs:
        order.look(run)
    return order


class Slot:
    """What is trained, on what, until when, and where it is left."""

    def __init__(self, options: argparse.Namespace, device: str, started: float) -> None:
        self.store, self.out, self.device = Store(options.store), options.out, device
        self.most, self.budget = options.size * 1e6, seconds(options.budget)
        self.deadline = started + self.budget - min(RESERVE * self.budget, MOST_RESERVE)
        self.lines = {line: runs_of(line, options.scale) for line in CAMPAIGN}
        self.runs = list({run.key: run for runs in self.lines.values() for run in runs}.values())
        self.report: dict[str, Any] = {"device": device_name(device), "versions": versions()}
        with writing(self.out):
            self.out.mkdir(parents=True, exist_ok=True)
        if (self.out / "records" / INDEX).exists():
            print(f"goes on from {self.out}: {import_(self.store, self.out / 'records')}")

    def time(self, until: float) -> None:
        """Measure the speed; a width that cannot be measured ends that, and nothing else."""
        self.report["speed"] = rows = []
        try:
            rows.extend(speed(self.device, until))
        except RuntimeError as problem:
            print(f"not timed: {problem}", flush=True)

    def train(self, leave_out: tuple[type, ...]) -> Iterator[dict[str, Any]]:
        """Train line after line; a row of the table each."""
        for line, runs in self.lines.items():
            order = _order(self.store, runs, self.device, self.deadline)
            row = {"line": line, "runs": len(runs), "before": len(order.found), "problem": ""}
            room = self.most - sum(run.weight_bytes + BESIDE for run in self.runs
                                   if (self.store.root / run.key).exists())  # fmt: skip
            wanted = fitting(order.missing, room)
            if isinstance(runs[0], leave_out):
                row["problem"] = "left out: its check failed"
            elif order.missing and not wanted:
                row["problem"] = "left out: the folder is full"
            elif order.missing and not order.late:
                order = _order(self.store, wanted, self.device, self.deadline)
                try:
                    fill(order)
                except (RuntimeError, ValueError) as problem:
                    row["problem"] = str(problem).partition("\n")[0]
                self.leave()
            trained = order.report.trained
            row["trained"], row["seconds"] = len(trained), sum(x["seconds"] for x in trained)
            row["operations"] = sum(order.runs[x["key"]].operations for x in trained)
            yield row

    def leave(self) -> None:
        """Write the report, and the records and checkpoints that fit, into the folder."""
        runs = chosen(self.store, self.runs, self.device, self.most)
        if runs:
            export(self.store, self.out / "records", runs)
        with writing(self.out):
            (self.out / "report.json").write_text(json.dumps(self.report, indent=1) + "\n")


def table(report: dict[str, Any]) -> str:
    """The report as text, the shortest last."""
    failed = [str(check) for check in report["checks"] if not check.passed]
    lines = failed or [f"all {len(report['checks'])} checks passed"]
    for row in report.get("speed", ()):
        matrix = row.get("share_of_matrix_rate")
        beside = f", {matrix:.0%} of a large product's rate" if matrix else ""
        lines.append(f"M = {row['width']:4}, {row['nets']:3} nets: {row['fast_ms']:8.3f} ms per "
                     f"net and step, {row['of_bound']:.0%} of the bound{beside}")  # fmt: skip
    lines.append(f"{'':42} {'runs':>5} {'before':>6} {'now':>5} {'TFLOP/s':>8}")
    for row in report["campaign"]:
        rate = f"{row['operations'] / row['seconds'] / 1e12:8.2g}" if row["seconds"] else ""
        lines.append(f"{row['line']:42} {row['runs']:5} {row['before']:6} {row['trained']:5} "
                     f"{rate:>8}  {row['problem']}".rstrip())  # fmt: skip
    return "\n".join(lines)


def main(words: Sequence[str] | None = None) -> int:
    """Do all of it; the exit code."""
    started = time.monotonic()
    parser = argparse.ArgumentParser(description="Record the campaign in a short slot on a GPU.")
    parser.add_argument("--budget", default="9m", help="all of it ends within 90s, 9m or 1.5h")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="what is left")
    parser.add_argument("--scale", help="another scale than the list's, as smoke")
    parser.add_argument("--size", type=float, default=np.inf, help="MB in the folder at most")
    parser.add_argument("--store", type=Path, help="records, as of `modnoise run`")
    options = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    slot = Slot(options, device, started)
    commit()
    what = "" if device == "cuda" else ": torch sees no CUDA device here, so all runs on the CPU"
    print(f"{device_name(device)}, torch {torch.__version__}{what}", flush=True)
    found, how = choose(device)
    slot.report |= {"checks": found, "how": how, "campaign": []}
    print(*found, sep="\n", flush=True)
    try:
        if how:
            kinds = training.KINDS
            kinds[Run] = replace(kinds[Run], prepare=partial(training.prepare, **how))
            failed = any(x.name == "fast: transformers" and not x.passed for x in found)
            slot.time(started + TIMING * slot.budget)
            for row in slot.train((UnifiedRun,) if failed else ()):
                slot.report["campaign"].append(row)
    except KeyboardInterrupt:
        print("interrupted")
    slot.leave()
    print(table(slot.report))
    if not how:
        print("The device computes something else than it should, also by autograd: no training")
        return 1
    total = sum(row["trained"] for row in slot.report["campaign"])
    print(f"{count(total)} recorded in {duration(time.monotonic() - started)}; "
          f"elsewhere: modnoise import {slot.out / 'records'}")  # fmt: skip
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (SpecError, StoreError, TransferError) as problem:
        print(f"gpu: {problem}", file=sys.stderr)
        sys.exit(2 if isinstance(problem, SpecError) else 1)
