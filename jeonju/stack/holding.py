"""Which sites a worker serves: those whose leases it holds. A site is served whole, by one worker of each role at a time.

Nobody divides the sites: a worker takes what is free, up to as many as it may, and keeps it.
"""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final, Protocol, Self

import msgspec
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.registry import Collector

from jeonju.broker.leases import Lease, LeaseLostError, LeaseStore
from jeonju.common.errors import UnavailableError, UserError
from jeonju.stack.by_site import labelled

log = logging.getLogger(__name__)

VERSION: Final = version("jeonju-air")
LOOK_EVERY_S: Final = 0.5
# A site that could not be served is left to others for so long.
LEFT_FOR_S: Final = 5.0
# Orderly handing over takes less; what is free for longer has nobody who could take it.
UNSERVED_AFTER_S: Final = 5.0
STOP_WITHIN_S: Final = 60.0


class Holder(msgspec.Struct):
    """What a lease says: who holds the site, and a hash of the secret that names its session at the broker."""

    worker: str
    version: str
    session: str = ""


class Service(Protocol):
    """What serves one site while it is entered."""

    @property
    def metrics(self) -> Collector:
        """What it counts."""

    def trouble(self) -> str | None:
        """Return in one line why it does not do its work now."""

    def failure(self) -> Exception | None:
        """Return why it will never do it again."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


@dataclass
class _Held:
    lease: Lease
    renewed_s: float
    ending: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    service: Service | None = None


@dataclass
class _Site:
    held: _Held | None = None
    holder: Holder | None = None
    free_since_s: float | None = None
    not_before_s: float = 0.0
    trouble: str | None = None
    said: str | None = None


class Worker:
    """Serves the sites that it holds in a role (`ingest`, `detect`), each in threads of its own; `most_sites` at a time.

    `serve` is called with the name of a site and its lease. As a context manager it works while entered.
    """

    def __init__(
        self,
        role: str,
        sites: Sequence[str],
        leases: LeaseStore,
        serve: Callable[[str, Lease], Service],
        *,
        most_sites: int | None = None,
        session: str = "",
        version: str = VERSION,
    ) -> None:
        if len(set(sites)) != len(sites):
            raise UserError(f"--site names a site twice: {', '.join(sites)}")
        self._role, self._leases, self._serve = role, leases, serve
        self._most = len(sites) if most_sites is None else most_sites
        self._sites = {name: _Site() for name in sites}
        self._own = Holder(f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}", version, session)
        self._value = msgspec.json.encode(self._own)
        self._stopping = threading.Event()
        self._away: str | None = None
        self._thread = threading.Thread(target=self._run, name=f"{role}-sites", daemon=True)

    @property
    def held(self) -> list[str]:
        """The sites that it serves now."""
        return list(self._services())

    @property
    def unserved(self) -> list[str]:
        """The sites that nobody holds."""
        now_s = time.monotonic()
        return [
            name
            for name, site in self._sites.items()
            if site.free_since_s is not None and now_s - site.free_since_s > UNSERVED_AFTER_S
        ]

    def alive(self) -> str | None:
        """Return why only a restart helps."""
        return None if self._thread.is_alive() else f"the worker no longer looks after its sites ({self._role})"

    def trouble(self) -> str | None:
        """Return in one line what is not well: leases that cannot be had, sites that nobody serves, or a fault in one that is served here."""
        if (why := self._away or self._disagreement()) is not None:
            return why
        if unserved := self.unserved:
            return self._unserved_line(unserved)
        services = self._services()
        troubles = (
            (name, site.trouble or (services[name].trouble() if name in services else None))
            for name, site in self._sites.items()
        )
        return next((f"{name}: {trouble}" for name, trouble in troubles if trouble), None)

    def parts(self) -> Mapping[str, Collector]:
        """Return the metrics of each site that is served here."""
        return {name: service.metrics for name, service in self._services().items()}

    def _services(self) -> dict[str, Service]:
        """Return what serves each site now; other threads may change that meanwhile."""
        held = {name: site.held for name, site in self._sites.items()}
        services = {name: each.service for name, each in held.items() if each is not None}
        return {name: service for name, service in services.items() if service is not None}

    def __enter__(self) -> Self:
        self._leases.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        ending = [site.held for site in self._sites.values() if site.held is not None]
        for held in ending:
            held.ending.set()
        for held in ending:
            if held.thread is not None:
                held.thread.join(STOP_WITHIN_S)
        self._leases.stop()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self._look()
                self._away = None
            except UnavailableError as error:
                if self._away is None:
                    log.warning("%s", error)
                self._away = str(error)
            for site in self._sites.values():
                if site.held is not None and site.held.thread is not None and not site.held.thread.is_alive():
                    site.held = None

    def _look(self) -> None:
        """Renew what is held, each in time whatever becomes of the others; then take what is free."""
        self._renew()
        for name, site in self._sites.items():
            if site.held is None:
                site.holder = self._holder(name)
                if site.holder is not None:
                    site.free_since_s = None
                elif site.free_since_s is None:
                    site.free_since_s = time.monotonic()
        for name, site in self._sites.items():
            if site.held is None and site.holder is None and self._may_take(name, site):
                self._take(name, site)
        if unserved := self.unserved:
            self._say(self._sites[unserved[0]], self._unserved_line(unserved))

    def _renew(self) -> None:
        for site in self._sites.values():
            if (held := site.held) is None or not held.lease.is_held:
                continue
            if time.monotonic() - held.renewed_s < self._leases.renew_every_s:
                continue
            # One that is lost is given up by its own thread, and the others are renewed all the same.
            with suppress(LeaseLostError):
                held.lease.renew()
                held.renewed_s = time.monotonic()

    def _holder(self, name: str) -> Holder | None:
        value = self._leases.holder(self._key(name))
        if value is None:
            return None
        try:
            return msgspec.json.decode(value, type=Holder)
        except msgspec.DecodeError:
            return Holder("one that says nothing we know", "unknown")

    def _may_take(self, name: str, site: _Site) -> bool:
        if (why := self._disagreement()) is not None:
            self._say(site, f"{name} is free, and left alone: {why}")
            return False
        taken = sum(each.held is not None for each in self._sites.values())
        return taken < self._most and time.monotonic() >= site.not_before_s

    def _disagreement(self) -> str | None:
        """Return in one line why this worker takes no site beside those that others hold.

        What a newer version has stored may be of a form that this one does not know; what waits in a session of another name it would not find.
        """
        own = self._own
        for other in (site.holder for site in self._sites.values() if site.held is None and site.holder is not None):
            if _ordered(other.version) > _ordered(own.version):
                return f"{other.worker} is of version {other.version}, this worker of {own.version}; update it"
            if other.session != own.session:
                return f"{other.worker} was given another --client-id-file; all workers need the same"
        return None

    def _take(self, name: str, site: _Site) -> None:
        lease = self._leases.take(self._key(name), self._value)
        if lease is None:
            return
        site.free_since_s = None
        site.held = held = _Held(lease, time.monotonic())
        held.thread = threading.Thread(target=self._work, args=(name, site, held), name=f"{self._role}-{name}")
        held.thread.daemon = True
        held.thread.start()

    def _work(self, name: str, site: _Site, held: _Held) -> None:
        """Serve a site as long as its lease lasts, then give the lease back."""
        log.warning("%s of %s begins here (%s)", self._role, name, self._own.worker)
        try:
            with self._serve(name, held.lease) as service:
                held.service, site.trouble = service, None
                while held.lease.is_held and not held.ending.wait(LOOK_EVERY_S):
                    if (failure := service.failure()) is not None:
                        raise failure  # noqa: TRY301  (as where serving could not begin)
        except Exception as error:
            # The one supervisor of a site: others here go on, and another worker may do better.
            log.exception("%s of %s has failed here", self._role, name)
            site.trouble = f"{self._role} of {name} has failed: {error}"
            site.not_before_s = time.monotonic() + LEFT_FOR_S
        finally:
            held.service = None
            log.warning("%s of %s ends here (%s)", self._role, name, self._own.worker)
            with suppress(Exception):
                held.lease.release()

    def _key(self, name: str) -> str:
        return f"{self._role}.{name}"

    def _unserved_line(self, unserved: Sequence[str]) -> str:
        return (
            f"no worker has {self._role} of {', '.join(unserved)}: what is sent waits at the broker; start one more worker, "
            f"or let each hold more sites (--most-sites, here {self._most})"
        )

    @staticmethod
    def _say(site: _Site, line: str) -> None:
        """Log a line, once as long as it stays the same."""
        if site.said != line:
            site.said = line
            log.warning("%s", line)


def _ordered(text: str) -> tuple[int, tuple[int, ...]]:
    """Return a version as something to compare; one that is no version comes after all others."""
    try:
        return 0, tuple(int(part) for part in text.split("."))
    except ValueError:
        return 1, ()


class WorkerMetrics(Collector):
    """How many sites a worker has, and the metrics of each with the label `site`."""

    def __init__(self, worker: Worker, role: str) -> None:
        self._worker, self._role = worker, role

    def collect(self) -> Iterator[Metric]:
        """Return everything as it is now."""
        prefix = f"jeonju_{self._role}"
        yield Gauge(f"{prefix}_sites_held", "Sites that this worker serves", len(self._worker.held))
        yield Gauge(f"{prefix}_sites_unserved", "Sites that no worker serves", len(self._worker.unserved))
        yield from labelled(self._worker.parts())
