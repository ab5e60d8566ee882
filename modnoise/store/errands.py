"""Campaigns on the workers of a Dask cluster: each worker trains one stack at a time.

What a local campaign does is done here by the same functions: stacks, locks, checkpoints, reports.
Only steps are taken on a worker, for as long as a checkpoint may be away; then what was recorded
and the new checkpoint come back as bytes and are written here. So a worker may die, or its job
end, at any time, and no worker needs our files. Stacks are given to workers by name instead of to
Dask's own queue: then a worker is asked for its versions before its first stack, and one that dies
accuses only the stack it had. All of it: ours.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modnoise.spec import Trainable, quoted
from modnoise.store import campaign
from modnoise.store.campaign import resume, tidy
from modnoise.store.cluster import Cluster, ClusterError
from modnoise.store.files import (
    Damaged,
    Record,
    remove_state,
    replace_file,
    state_facts,
    state_from,
    write_folder,
)
from modnoise.store.order import Order
from modnoise.store.records import StoreError, checkpoint_name, count, duration, writing
from modnoise.store.schema import Manifest, recorded, shaped, stacked
from modnoise.store.stacks import checkpoint_of, claim, progress, tell
from modnoise.store.worker import Brought, fitness, same_versions, train_here
from modnoise.training.loop import kind_of

if TYPE_CHECKING:
    from distributed import Future

logger = logging.getLogger("modnoise")

GATHER = 60.0
"""Seconds that what a worker has may take from there to here."""

POLL = 0.5
"""Seconds between looks at what the workers have done."""


def fill(order: Order, cluster: Cluster) -> None:
    """As `modnoise.store.campaign.fill`, on the workers, each with one thread.

    ``order.checkpoint_every`` is how long a worker trains before it reports. Workers may come and
    go. Ctrl-C loses what the workers have done since they last reported.

    Raises:
        ClusterError: the scheduler is gone, or a worker must not be used.
        StoreError: the store cannot be written, or there are runs whose workers died again and
            again; all others are recorded first.
    """
    with ExitStack() as locks:
        _Campaign(order, cluster, locks).fill()
    tidy(order)


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
                    self._take(worker, errand, brought)
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

    def _take(self, worker: str, errand: _Errand, brought: Any) -> None:
        """Write what a worker has brought, unless that is not what it was sent for."""
        try:
            records, states = usable(errand.runs, errand.need, brought)
        except (Damaged, ValueError) as problem:
            reason = f"worker {worker} brought what cannot be used: {problem}"
            self.error = self.error or ClusterError(reason)
        else:
            self._write(errand, records, states)

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
            fitness, self.order.device, workers=[worker], on_error="return"
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
            train_here, runs, need, order.device, state, seconds,
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


def usable(runs: list[Trainable], need: list[str], brought: Any) -> Brought:
    """What a worker has brought, once all of it is of the stack that it had.

    Raises:
        Damaged, SpecError: what is not.
    """
    try:
        records, states = brought
        found = {key: (manifest, dict(files)) for key, (manifest, files) in records.items()}
        checkpoints = [*states.items()]
        contents = [states.values(), *(files.values() for _, files in found.values())]
    except (TypeError, ValueError, AttributeError):
        contents = [[None]]
    if not all(isinstance(data, bytes) for group in contents for data in group):
        raise Damaged("it is not records and checkpoints")
    for key, (manifest, files) in found.items():
        if key not in need:
            raise Damaged(f"record {quoted(key)} was not asked for")
        shaped(Manifest, manifest)
        recorded(manifest, key)
        if {*files} != {*manifest["files"]}:
            raise Damaged(f"record {key} has other files than its manifest says")
        Record(Path(key), manifest, files).check()
    for name, data in checkpoints:
        facts = state_from(quoted(name), data)[1]
        keys = [run.key for run in stacked(facts)]
        ours = {*keys} <= {run.key for run in runs}
        if not ours or checkpoint_name(keys, facts["device"]) != name:
            raise Damaged(f"checkpoint {quoted(name)} is of another stack")
    return found, states


def _allowed_deaths() -> int:
    from dask import config

    return config.get("distributed.scheduler.allowed-failures")


def _problem(found: Exception | tuple[dict[str, str], str]) -> str:
    """What is wrong with a worker that answered so; empty if nothing."""
    if isinstance(found, Exception):
        return f"cannot use modnoise: {found}"
    there, problem = found
    for name, here in same_versions().items():
        if there[name] != here:
            return f"has {name} {there[name]}, this process {here}: install the same version"
    return problem and f"cannot be used: {problem}"
