"""A Dask cluster that campaigns may use: how it is reached, and who is there.

What is done there: `modnoise.store.errands`. Dask is an extra: ``pip install
'modnoise[cluster]'``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 5.0
"""Seconds in which a scheduler must answer."""


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
