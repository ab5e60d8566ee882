"""Campaigns on the workers of a Dask cluster: each worker trains one stack at a time.

What a local campaign does is done here by the same functions: stacks, locks, checkpoints, reports.
Only steps are taken on a worker, for as long as a checkpoint may be away; then what was recorded
and the new checkpoint come back as bytes and are written here. So a worker may die, or its job
end, at any time, and no worker needs our files. Stacks are given to workers by name instead of to
Dask's own queue: then a worker is asked for its versions before its first stack, and one that dies
accuses only the stack it had. Dask is an extra: ``pip install 'modnoise[cluster]'``. All of it:
ours.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from modnoise.spec import Trainable
from modnoise.store import campaign
from modnoise.store.campaign import (
    OutOfTime,
    checkpoint_of,
    claim,
    progress,
    resume,
    tell,
    tidy,
    train_stack,
)
from modnoise.store.files import remove_state, replace_file, state_facts, write_folder
from modnoise.store.order import Order
from modnoise.store.records import Store, StoreError, commit, count, duration, versions, writing
from modnoise.training.loop import kind_of
from modnoise.training.settings import check_device

if TYPE_CHECKING:
    from distributed import Client, Future

logger = logging.getLogger("modnoise")

PATIENCE = 5.0
"""Seconds in which a scheduler must answer."""

GATHER = 60.0
"""Seconds that what a worker has may take from there to here."""

POLL = 0.5
"""Seconds between looks at what the workers have done."""

SAME = ("modnoise", "torch", "numpy")
"""Packages that must have the same version here and on every worker."""

Brought = tuple[dict[str, tuple[dict[str, Any], dict[str, bytes]]], dict[str, bytes]]
"""Manifest and files of every record by key, checkpoints by name."""


class ClusterError(ValueError):
    """A cluster cannot be used; the message is one line that says why."""


@contextmanager
def connected(scheduler: str) -> Iterator[Cluster]:
    """The cluster of a scheduler, as ``"tcp://host:8786"``.

    Raises:
        ClusterError: no Dask here, or no scheduler there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise ClusterError(
            "a scheduler needs Dask, which is not installed: pip install 'modnoise[cluster]'"
        ) from None
    try:
        asyncio.run(asyncio.wait_for(_greet(scheduler), PATIENCE))
    except ValueError as error:
        raise ClusterError(
            f"scheduler = {scheduler!r} is not allowed: {error}; it must be as tcp://host:8786"
        ) from None
    except OSError:
        raise ClusterError(
            f"no Dask scheduler answers at {scheduler} within {PATIENCE:.0f} s"
        ) from None
    with Client(scheduler, timeout=PATIENCE, set_as_default=False) as client:
        yield Cluster(client, scheduler)


async def _greet(scheduler: str) -> None:
    """Exchange greetings: a `Client` waits forever where something else than Dask listens."""
    from distributed import Security
    from distributed.comm import connect

    arguments = Security().get_connection_args("client")
    comm = await connect(scheduler, timeout=PATIENCE, **arguments)
    comm.abort()


@dataclass(frozen=True)
class Cluster:
    """A scheduler that we are connected to."""

    client: Client
    scheduler: str

    def workers(self) -> list[str]:
        """Addresses of the workers that are there now.

        Raises:
            ClusterError: the scheduler is gone.
        """
        with suppress(OSError):
            if self.client.status != "closed":
                return list(self.client.nthreads())
        raise ClusterError(
            f"the scheduler at {self.scheduler} is gone; what was finished is recorded, the same "
            "command does the rest"
        )

    def fill(self, order: Order) -> None:
        """As `modnoise.store.campaign.fill`, on the workers, each with one thread.

        ``order.checkpoint_every`` is how long a worker trains before it reports. Workers may come
        and go. Ctrl-C loses what the workers have done since they last reported.

        Raises:
            ClusterError: the scheduler is gone, or a worker must not be used.
            StoreError: the store cannot be written, or there are runs whose workers died again
                and again; all others are recorded first.
        """
        with ExitStack() as locks:
            _Campaign(order, self, locks).fill()
        tidy(order)


# --- on a worker


def _versions() -> dict[str, str]:
    here = versions()
    return {name: here[name] for name in SAME}


def _fitness(device: str) -> tuple[dict[str, str], str]:
    """Versions of this process, and why it cannot use the device."""
    commit()
    try:
        check_device(device)
    except ValueError as error:
        return _versions(), str(error)
    return _versions(), ""


def _train_here(
    runs: list[Trainable], need: list[str], device: str, state: bytes, seconds: float
) -> Brought:
    """Train a stack from a checkpoint for so long, but at least one step."""
    with TemporaryDirectory() as folder:
        store = Store(folder, Path(folder, "published"))
        order = Order(
            {run.key: run for run in runs}, store, weights=True, device=device, threads=1,
            progress=False, checkpoint_every=float("inf"), deadline=time.monotonic() + seconds,
        )  # fmt: skip
        path = checkpoint_of(order, runs)
        path.parent.mkdir()
        path.write_bytes(state)
        with suppress(OutOfTime):
            train_stack(order, runs, need)
        records = {key: (record.manifest, record.files) for key, record in order.found.items()}
        states = {x.name: x.read_bytes() for x in store.checkpoints.glob("*.safetensors")}
        return records, states


# --- here


@dataclass(frozen=True)
class _Errand:
    """A stack that a worker trains for us, with the locks of its needed members."""

    runs: list[Trainable]
    need: list[str]
    held: ExitStack
    future: Future

    def __str__(self) -> str:
        title = kind_of(self.runs[0]).title(self.runs[0])
        more = f" and {len(self.need) - 1} more" if len(self.need) > 1 else ""
        return f"run {self.need[0]}{more} ({title})"


@dataclass
class _Campaign:
    """What the workers are doing, and what there is to know for giving them more."""

    order: Order
    cluster: Cluster
    locks: ExitStack
    out: dict[str, _Errand] = field(default_factory=dict)  # by worker
    fit: set[str] = field(default_factory=set)
    deaths: Counter[str] = field(default_factory=Counter)  # by checkpoint
    given_up: list[str] = field(default_factory=list)
    error: BaseException | None = None
    told: str = ""

    def fill(self) -> None:
        """Give every worker a stack until nothing is missing; write what comes back at once.

        After an error nothing more is given out, but what is out is waited for.
        """
        news = time.monotonic()
        with campaign.Interrupt() as interrupt:
            while self.out or not self._over():
                workers = self.cluster.workers()
                self._collect(workers)
                if interrupt.since:
                    raise KeyboardInterrupt
                self._supply(workers)
                self._tell(workers)
                if time.monotonic() - news >= campaign.NEWS_EVERY:
                    logger.info(
                        "%s: %s at work", progress(self.order), count(len(self.out), "stack")
                    )
                    news = time.monotonic()
                time.sleep(POLL)
        if self.error:
            raise self.error
        if self.given_up:
            raise StoreError(
                f"{'; '.join(self.given_up)}: given up, {count(_allowed_deaths() + 1, 'worker')} "
                "died with it (the logs there say why); all other runs are recorded"
            )

    def _over(self) -> bool:
        return not self.order.missing or self.error is not None or self.order.late

    def _collect(self, workers: list[str]) -> None:
        """Take what is finished; notice the errands whose workers are gone."""
        from distributed import KilledWorker

        for worker, errand in list(self.out.items()):
            status = errand.future.status
            if status == "pending" and worker in workers:
                continue
            del self.out[worker]
            if status == "finished":
                try:
                    brought = errand.future.result(timeout=GATHER)
                except OSError:  # the worker was gone before it could hand it over
                    self._lost(errand)
                else:
                    self._write(errand, *brought)
            elif status == "error":
                error = errand.future.exception()
                if isinstance(error, KilledWorker):  # each time a new worker had the old address
                    self._lost(errand, deaths=error.allowed_failures + 1)
                else:
                    self.error = self.error or error
            else:
                self._lost(errand)
            errand.future.release()
            errand.held.close()

    def _lost(self, errand: _Errand, deaths: int = 1) -> None:
        """Note a dead worker; give a stack up of which more died than Dask's settings allow."""
        name = checkpoint_of(self.order, errand.runs).name
        self.deaths[name] += deaths
        if self.deaths[name] <= _allowed_deaths():
            logger.warning("a worker is gone; it had %s, which goes to another one", errand)
            return
        self.given_up.append(str(errand))
        for key in errand.need:
            del self.order.runs[key]

    def _write(self, errand: _Errand, records: dict, states: dict) -> None:
        """Write records and checkpoints that came back; the locks are still held."""
        order, path = self.order, checkpoint_of(self.order, errand.runs)
        with writing(path):
            if states:  # alive
                del self.deaths[path.name]
            for name, state in states.items():
                replace_file(path.with_name(name), state)
                step = state_facts(path.with_name(name))["step"]
                order.done |= {run.key: step / run.steps for run in errand.runs}
        for key, (manifest, files) in records.items():
            with writing(order.store.root / key):
                write_folder(order.store.root / key, files, manifest)
            order.look(order.runs[key])
            order.report.trained.append(order.found[key].manifest)
            order.report.reasons.append(order.why[key])
        if path.name not in states:
            remove_state(path)
        if records:
            took = sum(manifest["seconds"] for manifest, _ in records.values())
            tell(order, errand.runs, f"took {duration(took)}")

    def _supply(self, workers: list[str]) -> None:
        """Give a stack to every worker that has none and is fit."""
        for worker in workers:
            if self._over():
                return
            if worker not in self.out and (worker in self.fit or self._is_fit(worker)):
                held = self.locks.enter_context(ExitStack())
                runs, need = claim(self.order, held)
                if need:
                    self._send(worker, runs, need, held)
                else:
                    held.close()
                if not runs:
                    return

    def _is_fit(self, worker: str) -> bool:
        """Whether a worker is as it must be; if not, that is an error, unless it is just gone."""
        found = self.cluster.client.run(
            _fitness, self.order.device, workers=[worker], on_error="return"
        )[worker]  # fmt: skip
        if isinstance(found, OSError):
            return False
        if problem := _problem(found):
            self.error = ClusterError(f"worker {worker} {problem}")
            return False
        self.fit.add(worker)
        return True

    def _send(self, worker: str, runs: list[Trainable], need: list[str], held: ExitStack) -> None:
        order, path = self.order, checkpoint_of(self.order, runs)
        with writing(path):
            resume(order, runs)
            state = path.read_bytes()
        seconds = order.checkpoint_every
        if order.deadline is not None:
            seconds = min(seconds, max(0.0, order.deadline - time.monotonic()))
        future = self.cluster.client.submit(
            _train_here, runs, need, order.device, state, seconds,
            workers=[worker], allow_other_workers=False, pure=False,
        )  # fmt: skip
        self.out[worker] = _Errand(runs, need, held, future)

    def _tell(self, workers: list[str]) -> None:
        """Say once what is waited for."""
        line, missing = "", len(self.order.missing)
        if missing and not workers:
            line = f"waiting for a worker at {self.cluster.scheduler}"
        elif missing and not self.out and not self._over():
            line = f"waiting for {count(missing)} that another process is training"
        if line and line != self.told:
            logger.warning(line)
        self.told = line


def _allowed_deaths() -> int:
    from dask import config

    return config.get("distributed.scheduler.allowed-failures")


def _problem(found: Exception | tuple[dict[str, str], str]) -> str:
    """What is wrong with a worker that answered so; empty if nothing."""
    if isinstance(found, Exception):
        return f"cannot use modnoise: {found}"
    there, problem = found
    for name, here in _versions().items():
        if there[name] != here:
            return f"has {name} {there[name]}, this process {here}: install the same version"
    return problem and f"cannot be used: {problem}"
