"""How a campaign's work is shared out: on a cluster, or among processes of this machine.

torch is imported by what trains, so that the command line starts fast.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from modnoise.store.order import Order
from modnoise.store.provenance import commit
from modnoise.store.records import StoreError

WORKER = "MODNOISE_WORKER"
"""Set in the processes that `share` starts."""


def begin(order: Order, only_plan: bool, scheduler: str | None) -> None:
    """Print the plan; unless that is all, let the cluster do what it can, if there is one."""
    from modnoise.store import errands
    from modnoise.store.cluster import connected
    from modnoise.store.plan import plan
    from modnoise.store.stacks import bytes_needed

    if order.missing and not only_plan:
        order.store.probe(bytes_needed(order.missing, order.device))
    with connected(scheduler) if scheduler else nullcontext() as cluster:
        if cluster:
            order.workers = max(1, len(cluster.workers()))
        if only_plan or (order.missing and WORKER not in os.environ):
            print(plan(order), flush=True)
        if order.missing and not only_plan:
            commit()
            if cluster:
                errands.fill(order, cluster)


def share(order: Order, words: Sequence[str], only: Sequence[str], store: Path | None) -> None:
    """Run ``modnoise run`` with these words in one-thread processes, and follow what they record.

    They divide the work by the store's locks.

    Raises:
        StoreError: a process has failed; all have ended.
    """
    from modnoise.store.campaign import follow

    command = [sys.executable, "-m", "modnoise", "run", *words, "--device", order.device]
    command += ["--checkpoint-every", str(order.checkpoint_every)]
    command += ["--store", str(store)] if store else []
    command += [word for condition in only for word in ("--only", condition)]
    if order.deadline is not None:
        command += ["--budget", f"{max(0.001, order.deadline - time.monotonic())}s"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", WORKER: "1"}
    processes = [
        subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) for _ in range(order.workers)
    ]
    try:
        while any(process.poll() is None for process in processes):
            time.sleep(0.5)
            follow(order)
    except KeyboardInterrupt:  # a terminal has told the workers too; who told us alone has not
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.wait()
        raise
    follow(order)
    if failed := sum(process.returncode != 0 for process in processes):
        raise StoreError(f"{failed} of {order.workers} workers failed, see above")
