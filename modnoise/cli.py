"""The command line: run experiments, list them, show, publish and carry away what was recorded.

Errors are one line on stderr: exit code 2 for what the caller can correct, 1 for a store that
cannot be used, 130 after Ctrl-C or SIGTERM. torch is imported only by what trains.
"""

from __future__ import annotations

import difflib
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from modnoise import console, studies
from modnoise.arithmetic.activations import ACTIVATIONS
from modnoise.arithmetic.operations import OPERATIONS
from modnoise.spec import SpecError, Trainable, quoted
from modnoise.store.share import WORKER
from modnoise.sweep import SCALES, one_of, selected

if TYPE_CHECKING:
    from modnoise.store.order import Order

app = typer.Typer(
    add_completion=False, rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Runs of modnoise: train what is missing, see what is recorded.",
)  # fmt: skip
_UsageError: Any = typer.BadParameter.__base__  # typer has its own copy of click, or uses click

NAMES = typer.Argument(metavar="EXPERIMENT...", help="names, see `modnoise list`")
FOLDER = typer.Argument(metavar="FOLDER", **console.PATH)
SCALE = typer.Option("laptop", metavar="SCALE", help=", ".join(SCALES))
STORE = typer.Option(
    None,
    metavar="FOLDER",
    help="our records (default: MODNOISE_STORE, else runs/ of the checkout, else ./runs)",
    **console.PATH,
)
ONLY = typer.Option(
    None, metavar="FIELD=VALUE", help="only runs with this value; may be repeated, all must hold"
)
BUDGET = typer.Option(None, metavar="TIME", help="stop after 90s, 9m or 1.5h with a checkpoint")
DEVICE = typer.Option("cpu", metavar="DEVICE", help="cpu or cuda")
WORKERS = typer.Option(
    1,
    min=1,
    metavar="N",
    help="processes, one thread each, that share the runs; one per free core",
)
SCHEDULER = typer.Option(
    None, metavar="ADDRESS", help="train on the workers of a Dask cluster, as tcp://host:8786"
)
EVERY = typer.Option(60.0, min=0.0, metavar="S", help="seconds between checkpoints")


def _runs(experiments: Sequence[str], scale: str, only: Sequence[str] | None) -> list[Trainable]:
    one_of(scale, SCALES, "scale")
    known = studies.EXPERIMENTS
    for name in experiments:
        one_of(name, list(known), "experiment")
    return selected([r for name in experiments for r in known[name].runs(scale)], only or ())


@app.callback()
def _options(
    version: bool | None = typer.Option(
        False, "--version", callback=console.version, is_eager=True, help="show it and exit"
    ),
) -> None:
    pass


@app.command(short_help="train what is not recorded yet")
def run(
    experiments: list[str] = NAMES,
    scale: str = SCALE,
    only: list[str] | None = ONLY,
    plan: bool = typer.Option(False, "--plan", help="only say what there is to do"),
    budget: str | None = BUDGET,
    device: str = DEVICE,
    workers: int = WORKERS,
    scheduler: str | None = SCHEDULER,
    store: Path | None = STORE,
    checkpoint_every: float = EVERY,
) -> None:
    """Train and record the runs of experiments that are not recorded yet.

    First a plan: what is recorded and missing, about how long it takes (from a few steps taken
    now), disk space. Ctrl-C, SIGTERM and the end of the budget save a checkpoint; the same
    command goes on from there, bit for bit, and also after a kill -9. Several such commands at
    once share the work.

    \b
    Examples:
      modnoise run fig5-noise --scale smoke
      modnoise run fig2 fig3 --scale laptop --plan
      modnoise run fig2 fig3 --scale laptop --workers 2 --budget 9m
      modnoise run fig2 --only noise=0.3 --only width=513
      modnoise run fig2 --scale paper --scheduler tcp://host:8786
    """
    if scheduler and workers > 1:
        raise SpecError("--workers is not allowed with --scheduler: the cluster has its own")
    started, seconds = time.monotonic(), console.seconds(budget) if budget else None
    runs = _runs(experiments, scale, only)
    from modnoise.store.campaign import fill
    from modnoise.store.plan import leftover
    from modnoise.store.share import begin, share

    order = _ordered(
        runs, store, device=device, checkpoint_every=checkpoint_every, workers=workers,
        deadline=seconds and started + seconds,
    )  # fmt: skip
    remote = scheduler if order.missing else None
    begin(order, plan, remote)
    if plan:
        return
    if order.missing and workers > 1:
        share(order, [*experiments, "--scale", scale], only or (), store)
    if not remote and (workers == 1 or not budget):
        fill(order)
    name = f"{' '.join(experiments)}, {scale}"
    if report := str(order.closed()):
        print(f"{name}: {report}")
    if order.missing:
        print(f"{name}: stopped after {budget}. {leftover(order)}")


def _ordered(runs: list[Trainable], store: Path | None, *, device: str, **options: Any) -> Order:
    """What there is to do, said where the caller can see it."""
    from modnoise.store.order import Order
    from modnoise.store.records import Store
    from modnoise.training.settings import check_device

    check_device(device)
    worker = WORKER in os.environ
    logging.basicConfig(level=logging.WARNING if worker else logging.INFO, format="%(message)s")
    order = Order(
        {run.key: run for run in runs}, Store(store), weights=False, device=device, threads=1,
        progress=sys.stderr.isatty() and options["workers"] == 1 and not worker, **options,
    )  # fmt: skip
    for one in order.runs.values():
        order.look(one)
    return order


@app.command("list", short_help="experiments, their cost, what is recorded")
def list_(store: Path | None = STORE) -> None:
    """Show every experiment: paper reference, and per scale what is recorded and what it cost.

    FLOP: operations of the matrix products of all runs. Cost: seconds of CPU cores and of GPUs,
    as recorded. Time left: at the rate of the runs recorded at that scale, in one process. Files
    are not read through, manifests are.

    \b
    Example:
      modnoise list
    """
    from modnoise.store.overview import state_of
    from modnoise.store.records import Store

    opened = Store(store)
    for sweep in studies.EXPERIMENTS.values():
        print(f"{sweep.name}: {sweep.title} ({sweep.paper})")
        for scale in sweep.scales:
            print(f"  {scale:8}{state_of(sweep.runs(scale), opened)}")


@app.command(short_help="one recorded run: manifest and final accuracies")
def show(
    key: str = typer.Argument(metavar="RUN", help="key, or a unique beginning of it"),
    store: Path | None = STORE,
) -> None:
    """Show what was recorded of one run: what it is, what computed it, its final accuracies.

    \b
    Example:
      modnoise show 9f2c1a
    """
    from modnoise.store.files import Damaged
    from modnoise.store.overview import shown
    from modnoise.store.records import Store, StoreError

    opened = Store(store)
    places = opened.places()
    fits = [name for name in places if name.startswith(key)]
    if len(fits) != 1:
        near = fits[:5] or difflib.get_close_matches(key, places, n=3, cutoff=0.3) or [*places][:5]
        problem = f"fits {len(fits)} records" if fits else "is not recorded"
        hint = f": {', '.join(near)}" if fits else f"; near ones: {', '.join(near)}"
        raise SpecError(f"run {quoted(key)} {problem}{hint if near else ', nor is any other run'}")
    try:
        print(shown(opened.open(places[fits[0]])))
    except (Damaged, SpecError) as problem:
        raise StoreError(f"{places[fits[0]]} is damaged: {problem}") from None


@app.command(short_help="copy records into the published results")
def publish(
    experiments: list[str] = NAMES,
    scale: str = SCALE,
    only: list[str] | None = ONLY,
    weights_for: list[str] | None = typer.Option(
        None,
        metavar="FIELD=VALUE|all",
        help="weights too for runs with this value (repeated: all must hold), or for all",
    ),
    exact: bool = typer.Option(
        False, "--exact", help="these weights in float32: float16 would change a number on a page"
    ),
    store: Path | None = STORE,
) -> None:
    """Write the published files of experiments (default: below MODNOISE_RESULTS, else results/ of
    the checkout) from our records, checked. What was published before of other runs stays, and
    weights with the curves they belong to. Weights are rounded to float16, unless --exact.

    \b
    Example:
      modnoise publish fig5-noise --scale laptop --weights-for noise=0.8 --weights-for seed=42
    """
    runs = _runs(experiments, scale, only)
    whole = runs if weights_for == ["all"] else selected(runs, weights_for) if weights_for else []
    from modnoise.store.publish import publish as written
    from modnoise.store.records import Store

    opened, known = Store(store), studies.EXPERIMENTS
    asked, weights = ({run.key for run in part} for part in (runs, whole))
    changed = 0
    for name in experiments:
        changed += written(opened, name, scale, known[name].runs(scale),
                           asked=asked, weights=weights, exact=exact)  # fmt: skip
    print(f"{len(runs)} runs, {len(whole)} of them with weights, in {opened.published} "
          f"({changed} written)")  # fmt: skip


@app.command("export", short_help="records and checkpoints in a few files")
def export_(
    folder: Path = FOLDER,
    experiments: list[str] | None = typer.Argument(
        None, metavar="[EXPERIMENT...]", help="only these; else all that is recorded or begun"
    ),
    scale: str = SCALE,
    only: list[str] | None = ONLY,
    store: Path | None = STORE,
) -> None:
    """Write our records, and checkpoints of what is unfinished, into a new folder: an index and
    parts of at most 15 MB, with checksums. An earlier export there is replaced. Published records
    stay out: they come with the checkout.

    \b
    Examples:
      modnoise export carry
      modnoise export carry fig2 fig3 --scale paper
    """
    if only and not experiments:
        raise SpecError("--only is not allowed without EXPERIMENT: name at least one")
    runs = {r.key: r for r in _runs(experiments, scale, only)} if experiments else None
    from modnoise.store.records import Store
    from modnoise.store.transfer import export

    logging.basicConfig(format="%(message)s")
    moved = export(Store(store), folder, runs)
    sizes = [path.stat().st_size for path in folder.iterdir()]
    print(f"exported {moved} to {folder}: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")


@app.command("import", short_help="take over an export")
def import__(folder: Path = FOLDER, store: Path | None = STORE) -> None:
    """Take over what another machine has exported and is not here yet.

    Everything is checked before anything is written. An intact record here is never replaced, nor
    a checkpoint that is as far. `modnoise run` then goes on from the checkpoints, bit for bit.

    \b
    Example:
      modnoise import carry
    """
    from modnoise.store.records import Store, count
    from modnoise.store.transfer import import_

    logging.basicConfig(format="%(message)s")
    opened = Store(store)
    moved = import_(opened, folder)
    print(f"imported {moved} into {opened.root}")
    if moved.busy:
        message = f"{count(len(moved.busy))} in training here: import again when that is done"
        raise typer.Exit(_fail(message, 1))


ROLE = typer.Option(None, metavar="ROLE=TENSOR", help="E, U, V, W, bias, mu; .T turns it round")


@app.command("inspect", short_help="what somebody's net knows")
def inspect_(
    weights: Path = typer.Argument(metavar="FILE", help="tensors in any format", **console.PATH),
    op: str = typer.Option("add", metavar="OP", help=", ".join(OPERATIONS)),
    act: str = typer.Option("relu", metavar="ACT", help=", ".join(ACTIVATIONS)),
    names: list[str] | None = ROLE,
    p: int | None = typer.Option(None, metavar="P", help="modulus, where shapes do not tell"),
    at: str | None = typer.Option(None, metavar="PART", help="of a checkpoint, as model.3"),
    figures: Path | None = typer.Option(
        None, metavar="FOLDER", help="for figures", **console.PATH
    ),
) -> None:
    """Say what a two-layer net or a one-layer transformer on pairs (a, b) knows, as it is and
    filtered; nothing that FILE holds is run. As: modnoise inspect net.pt --names U=fc1.weight"""
    from modnoise.arithmetic.own import roles
    from modnoise.transformer.inspection import report

    report(weights, op, figures, act=act, names=roles(names or ()), p=p, at=at)


def _fail(message: str, code: int) -> int:
    print(f"modnoise: {message}", file=sys.stderr)
    return code


def main(words: list[str] | None = None) -> NoReturn:
    """Entry point: run the command line and leave with its exit code."""
    from modnoise.store.records import StoreError

    console.degrade(sys.stdout, sys.stderr)
    words = sys.argv[1:] if words is None else words
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = app(words or ["--help"], standalone_mode=False) or 0
    except _UsageError as error:
        code = _fail(f"{error.format_message()}; see --help", 2)
    except StoreError as error:
        code = _fail(str(error), 1)
    except OSError as error:  # a folder that cannot be looked into
        code = _fail(f"{error.strerror}: {error.filename}", 1)
    except ValueError as error:
        code = _fail(str(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:  # typer's own code for Ctrl-C
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if WORKER not in os.environ:
            _fail("interrupted; the same command goes on from the last checkpoint", 130)
    sys.exit(code)
