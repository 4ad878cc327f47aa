"""Plays the runs of a sweep on workers of Dask: those of this machine, or those of a scheduler elsewhere."""

import asyncio
import logging
import platform
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from typing import Final

import dask
from distributed import Client, LocalCluster, as_completed
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from jeonju.common.errors import UserError
from jeonju.evaluation.sweep.play import Outcome, Setup, play

# Runs that wait at the scheduler for every worker: enough that none is idle, few enough that a stop loses little.
AHEAD: Final = 3
CONNECT_S: Final = 5.0
# Dask shows its state there: to this machine alone, at a port of its own, as several sweeps may run at once.
LOOPBACK: Final = "127.0.0.1:0"
# How often a run is tried again whose worker died.
DEATHS: Final = 3


class SweepError(UserError):
    """The workers can no longer be used; what was finished is kept."""


@contextmanager
def workers(scheduler: str | None, processes: int) -> Iterator[Client]:
    """Yield a client of the scheduler at an address, or of `processes` workers on this machine.

    Raises UserError where there is no scheduler, no worker, or a worker of another version.
    """
    with dask.config.set(
        {
            "distributed.scheduler.allowed-failures": DEATHS,
            "distributed.comm.timeouts.connect": f"{CONNECT_S:g}s",
        }
    ):
        _be_quiet()
        if scheduler is None:
            with (
                LocalCluster(n_workers=processes, threads_per_worker=1, dashboard_address=LOOPBACK) as cluster,
                Client(cluster) as client,
            ):
                client.run(_leave_it_to_us)
                yield client
            return
        try:
            client = Client(scheduler, timeout=CONNECT_S)
        except (OSError, ValueError) as error:
            raise UserError(
                f"no Dask scheduler answers at {scheduler}; start one with `dask scheduler` and workers with `dask worker {scheduler}`"
            ) from error
        with client:
            _check(client, scheduler)
            yield client


def _be_quiet() -> None:
    # Dask's messages are of its own matters; what concerns a user is said in a line.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)


def _leave_it_to_us() -> None:
    """Let a worker on this machine say nothing, and end when it is told to: Ctrl-C reaches all processes of a terminal."""
    _be_quiet()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _check(client: Client, scheduler: str) -> None:
    """Refuse a cluster without workers, and workers that would play other runs than this version does."""
    try:
        versions = client.run(_version)
    except Exception as error:
        raise UserError(
            f"a worker of {scheduler} cannot load jeonju ({error}); install the same version there"
        ) from error
    if not versions:
        raise UserError(f"the scheduler at {scheduler} has no workers; start some with `dask worker {scheduler}`")
    if others := {address: its for address, its in versions.items() if its != _version()}:
        address, its = next(iter(others.items()))
        raise UserError(f"the worker {address} has {its}, this is {_version()}; install the same version there")


def _version() -> str:
    python = ".".join(platform.python_version_tuple()[:2])
    return f"jeonju-air {version('jeonju-air')} on Python {python}"


def play_all(client: Client, setup: Setup, runs: Iterable[int]) -> Iterator[tuple[int, Outcome | Exception]]:
    """Yield each run as it is finished, or what went wrong in it.

    Raises SweepError when the scheduler is gone.
    """
    waiting = iter(runs)
    try:
        shared = client.scatter(setup, broadcast=True)
        window = max(len(client.scheduler_info()["workers"]), 1) * AHEAD
        numbers = {client.submit(play, shared, run, pure=False): run for run in islice(waiting, window)}
        finished = as_completed(list(numbers))
        for future in finished:
            run = numbers.pop(future)
            # Raises where the scheduler took the run with it.
            error = future.exception()
            yield run, error if error is not None else future.result()
            for following in islice(waiting, 1):
                more = client.submit(play, shared, following, pure=False)
                numbers[more] = following
                finished.add(more)
    except (
        CommClosedError,
        CancelledError,
        FutureCancelledError,
        asyncio.CancelledError,
        TimeoutError,
        OSError,
    ) as error:
        raise SweepError("the Dask scheduler is gone; the same command goes on with what is finished") from error


def reason_of(error: Exception) -> str:
    """Say in a line why a run has no result."""
    if isinstance(error, KilledWorker):
        return "workers died while they played it; look at their memory"
    return f"{type(error).__name__}: {error}"
