"""The command line: run experiments, list them, show what was recorded, publish it.

Errors are one line on stderr: exit code 2 for what the caller can correct, 1 for a store that
cannot be used, 130 after Ctrl-C. torch is imported only by what trains.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from modnoise.experiments import EXPERIMENTS, SCALES
from modnoise.kinds import spec_from
from modnoise.spec import SpecError, Trainable

if TYPE_CHECKING:
    from modnoise.files import Record
    from modnoise.records import Store

app = typer.Typer(
    add_completion=False, rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Runs of modnoise: train what is missing, see what is recorded.",
)  # fmt: skip
_UsageError = typer.BadParameter.__base__  # typer brings its own copy of click, or uses click

NAMES = typer.Argument(metavar="EXPERIMENT...", help="names, see `modnoise list`")
SCALE = typer.Option("laptop", metavar="SCALE", help=", ".join(SCALES))
STORE = typer.Option(
    None,
    metavar="FOLDER",
    help="our records (default: MODNOISE_STORE, else runs/ of the checkout, else ./runs)",
)
ONLY = typer.Option(
    None, metavar="FIELD=VALUE", help="only runs with this value; may be repeated, all must hold"
)

_WORKER = "MODNOISE_WORKER"  # set in the processes that --workers starts


def _one_of(value: str, allowed: Sequence[str], what: str) -> str:
    if value in allowed:
        return value
    near = difflib.get_close_matches(value, allowed, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise SpecError(f"unknown {what} {value!r}{hint} (allowed: {', '.join(allowed)})")


def _value(text: str) -> object:
    try:
        return json.loads(text.lower() if text in ("True", "False") else text)
    except ValueError:
        return text


def selected(runs: list[Trainable], conditions: Sequence[str]) -> list[Trainable]:
    """Those of the runs for which every condition ``field=value`` holds.

    Raises:
        SpecError: an unknown field, no ``=``, or a value that none of the runs has.
    """
    for condition in conditions:
        name, equals, text = condition.partition("=")
        if not equals:
            raise SpecError(f"{condition!r} is not allowed: it must be FIELD=VALUE, as noise=0.5")
        fields = dict.fromkeys(name for run in runs for name in type(run).model_fields)
        _one_of(name, list(fields), "field")
        runs = [run for run in runs if name in type(run).model_fields]
        values = sorted({getattr(run, name) for run in runs}, key=str)
        runs = [run for run in runs if getattr(run, name) == _value(text)]
        if not runs:
            raise SpecError(
                f"no run has {name} = {text} (there is {', '.join(str(v) for v in values)})"
            )
    return runs


def _runs(experiments: Sequence[str], scale: str, only: Sequence[str] | None) -> list[Trainable]:
    _one_of(scale, SCALES, "scale")
    for name in experiments:
        _one_of(name, list(EXPERIMENTS), "experiment")
    return selected([r for name in experiments for r in EXPERIMENTS[name].runs(scale)], only or ())


@app.command(short_help="train what is not recorded yet")
def run(
    experiments: list[str] = NAMES,
    scale: str = SCALE,
    only: list[str] | None = ONLY,
    device: str = typer.Option("cpu", metavar="DEVICE", help="cpu or cuda"),
    workers: int = typer.Option(
        1,
        min=1,
        metavar="N",
        help="processes, one thread each, that share the runs; one per free core",
    ),
    store: Path | None = STORE,
    checkpoint_every: float = typer.Option(
        60.0, min=0.0, metavar="S", help="seconds between checkpoints"
    ),
) -> None:
    """Train and record the runs of experiments that are not recorded yet.

    Ctrl-C saves a checkpoint; the same command goes on from there, bit for bit, and also after
    the machine went down. Several such commands at once share the work.

    \b
    Examples:
      modnoise run fig5-noise --scale smoke
      modnoise run fig2 fig3 --scale laptop --workers 2
      modnoise run fig2 --only noise=0.3 --only width=513
    """
    runs = _runs(experiments, scale, only)
    from modnoise.store import Store, load_or_train
    from modnoise.training.loop import check_device

    check_device(device)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if workers > 1:
        Store(store).probe()
        common = ["--device", device, "--checkpoint-every", str(checkpoint_every)]
        common += ["--store", str(store)] if store else []
        conditions = [word for condition in only or () for word in ("--only", condition)]
        _share(workers, [*experiments, "--scale", scale, *conditions, *common])
    bars = sys.stderr.isatty() and not os.environ.get(_WORKER)  # workers would share one line
    results = load_or_train(
        runs, device=device, store=store, weights=False, checkpoint_every=checkpoint_every,
        progress=bars,
    )  # fmt: skip
    if not bars:  # else load_or_train has said so
        print(f"{' '.join(experiments)}, {scale}: {results.report}")


def _share(workers: int, words: list[str]) -> None:
    """Run the same command in one-thread processes, which divide the work by the store's locks."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", _WORKER: "1"}
    command = [sys.executable, "-m", "modnoise", "run", *words]
    processes = [
        subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) for _ in range(workers)
    ]
    try:
        codes = [process.wait() for process in processes]
    except KeyboardInterrupt:  # a terminal has told the workers too; a single signal has not
        time.sleep(0.5)
        for process in processes:
            process.send_signal(signal.SIGINT)
        for process in processes:
            process.wait()
        raise
    if failed := sum(code != 0 for code in codes):
        raise typer.Exit(_fail(f"{failed} of {workers} workers failed, see above", 1))


@app.command("list", short_help="experiments, their cost, what is recorded")
def list_(store: Path | None = STORE) -> None:
    """Show every experiment: paper reference, runs and cost per scale, what is recorded.

    Cost: 6 n M p steps floating-point operations per run (n training pairs). Time left: at the
    rate of the runs recorded at that scale, in one process.
    """
    from modnoise.records import Store

    opened = Store(store)
    for sweep in EXPERIMENTS.values():
        print(f"{sweep.name}: {sweep.title} ({sweep.paper})")
        for scale in SCALES:
            print(f"  {scale:8}{_state_of(sweep.runs(scale), opened)}")


def _state_of(runs: list[Trainable], store: Store) -> str:
    records = [store.find(run)[0] for run in runs]
    cost = sum(run.operations for run in runs)
    done = [(run, record) for run, record in zip(runs, records, strict=True) if record]
    text = f"{len(runs):4} runs {_si(cost):>6}FLOP  {len(done)} recorded"
    spent = sum(record.manifest["seconds"] for _, record in done)
    if spent and len(done) < len(runs):
        from modnoise.records import duration

        rate = sum(run.operations for run, _ in done) / spent
        left = cost - sum(run.operations for run, _ in done)
        text += f", about {duration(left / rate)} left"
    return text


def _si(value: float) -> str:
    for prefix in ("", "k", "M", "G", "T", "P", "E"):
        if value < 1000:
            return f"{value:.3g} {prefix}"
        value /= 1000
    return f"{value:.3g} Z"


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
    from modnoise.files import Damaged, read_folder
    from modnoise.records import Store

    paths = Store(store).paths()
    fits = [name for name in paths if name.startswith(key)]
    if len(fits) != 1:
        near = fits[:5] or difflib.get_close_matches(key, paths, n=3, cutoff=0.3) or [*paths][:5]
        problem = f"fits {len(fits)} records" if fits else "is not recorded"
        hint = f": {', '.join(near)}" if fits else f"; near ones: {', '.join(near)}"
        raise SpecError(f"run {key!r} {problem}{hint if near else ', nor is any other run'}")
    try:
        print(_shown(read_folder(paths[fits[0]])))
    except Damaged as problem:
        raise typer.Exit(_fail(f"{paths[fits[0]]} is damaged: {problem}", 1)) from None


def _shown(record: Record) -> str:
    m = record.manifest
    fields = type(spec_from(m["config"])).model_fields
    default = {name: info.default for name, info in fields.items()}
    ours = [f"{k}={v}" for k, v in m["config"].items() if k in default and v != default[k]]
    history = record.history
    last = history[history["step"] == history["step"].max()].set_index("part")
    accuracy = last.filter(like="accuracy_").rename(columns=lambda c: c.removeprefix("accuracy_"))
    table = accuracy.map(lambda x: f"{x:.1%}" if x == x else "-").rename_axis(None)
    changed = " with changes" if m["dirty"] else ""
    lines = {
        "run": m["key"],
        "fields": " ".join(ours) or "all default",
        "recorded": f"{m['date']}, {m['seconds']:.1f} s, {m['device_name']}, "
        f"{m['threads']} thread{'s' * (m['threads'] != 1)}",
        "commit": f"{m['commit'] or 'unknown'}{changed}",
        "versions": ", ".join(f"{name} {number}" for name, number in m["versions"].items()),
        "files": ", ".join(f"{name} {f['bytes']:,} bytes" for name, f in m["files"].items()),
        "diverged": "yes" if m["diverged"] else "no",
    }
    head = "\n".join(f"{name:10}{text}" for name, text in lines.items())
    return f"{head}\naccuracy at step {history['step'].max()}:\n{table.to_string()}"


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
    store: Path | None = STORE,
) -> None:
    """Copy recorded runs, checked, into the published results (default: MODNOISE_RESULTS, else
    the results folder of the checkout). Weights once published stay.

    \b
    Example:
      modnoise publish fig5-noise --scale laptop --weights-for noise=0.8 --weights-for seed=42
    """
    runs = _runs(experiments, scale, only)
    whole = runs if weights_for == ["all"] else selected(runs, weights_for) if weights_for else []
    from modnoise.records import Store

    opened = Store(store)
    changed = sum([opened.publish(run, weights=run in whole) for run in runs])
    print(f"{len(runs)} runs, {len(whole)} of them with weights, in {opened.published} "
          f"({changed} written)")  # fmt: skip


def _fail(message: str, code: int) -> int:
    print(f"modnoise: {message}", file=sys.stderr)
    return code


def main(words: list[str] | None = None) -> NoReturn:
    """Entry point: run the command line and leave with its exit code."""
    from modnoise.records import StoreError

    words = sys.argv[1:] if words is None else words
    try:
        code = app(words or ["--help"], standalone_mode=False) or 0
    except _UsageError as error:
        code = _fail(f"{error.format_message()}; see --help", 2)
    except StoreError as error:
        code = _fail(str(error), 1)
    except ValueError as error:
        code = _fail(str(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    if code == 130:  # typer's own code for Ctrl-C
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _fail("interrupted; the same command goes on from the last checkpoint", 130)
    sys.exit(code)
