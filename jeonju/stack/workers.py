"""Workers of many sites: ingest and detection of each site in one place at a time, wherever its lease is held."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from prometheus_client.registry import Collector

from jeonju.broker.identity import lasting_id
from jeonju.broker.leases import Lease, LeaseStore
from jeonju.common.clock import utc_now
from jeonju.common.errors import UnavailableError, UserError
from jeonju.common.secret_file import read_secret
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.service import AlertSink
from jeonju.ingest.metrics import IngestMetrics
from jeonju.ingest.service import Ingest
from jeonju.ingest.wanted import NAME
from jeonju.rules.rules import Rules
from jeonju.stack.holding import Service, Worker
from jeonju.stack.services import detection_process
from jeonju.storage.port import Store

INGEST: Final = "ingest"
DETECT: Final = "detect"


class FencedSink:
    """Lets alerts out only while the lease of their site is held, which the nodes of NATS confirm before each.

    Alerts of a worker that has lost its site stay untold: the next one judges the same readings, from the store, and finds them under the same ids.
    """

    def __init__(self, sink: AlertSink, lease: Lease) -> None:
        self._sink, self._lease = sink, lease
        self._kept: list[AlertRecord] = []
        self._has_unsaved = False

    def restore(self, active: Sequence[AlertRecord]) -> None:
        """As the sink does. Raises UnavailableError also where the lease is not confirmed."""
        self._lease.renew()
        self._sink.restore(active)

    def publish(self, alerts: Sequence[AlertRecord], seen_until: datetime | None) -> None:
        """As the sink does. Raises UnavailableError also where the lease is not confirmed."""
        if alerts or self._kept or self._has_unsaved:
            self._lease.renew()
        alerts, self._kept = [*self._kept, *alerts], []
        self._has_unsaved = True
        self._sink.publish(alerts, seen_until)
        self._has_unsaved = False

    def hold_back(self, alerts: Sequence[AlertRecord]) -> None:
        """As the sink does, which tells what is critical at once; without the lease nothing is told."""
        try:
            if alerts:
                self._lease.renew()
        except UnavailableError:
            self._kept += alerts
        else:
            self._has_unsaved = True
            self._sink.hold_back([*self._kept, *alerts])
            self._kept = []


class IngestOfSite:
    """Ingest of one site. Its session at the broker has the same name wherever it runs, so that what waits there is found."""

    def __init__(self, ingest: Ingest, lease: Lease) -> None:
        self._ingest, self._lease = ingest, lease
        self.metrics: Collector = IngestMetrics(ingest.stats, utc_now)

    def trouble(self) -> str | None:
        """Return in one line why nothing is stored now."""
        return self._ingest.stats().trouble_now

    def failure(self) -> Exception | None:
        """Return why nothing is stored any more."""
        return self._ingest.failure

    def __enter__(self) -> Self:
        self._ingest.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._lease.is_held:
            self._ingest.leave()
        self._ingest.stop()


class DetectionOfSite:
    """Detection of one site."""

    def __init__(self, site: Site, store: Store, broker_url: str, rules: Rules, lease: Lease) -> None:
        self._process = detection_process(site, store, broker_url, rules, fence=lambda sink: FencedSink(sink, lease))
        self.metrics: Collector = self._process.metrics

    def trouble(self) -> str | None:
        """Return in one line why no alerts are found or told now."""
        return self._process.trouble()

    def failure(self) -> Exception | None:
        """Return why none are found any more."""
        if self._process.connection.failure is not None:
            return self._process.connection.failure
        return None if (why := self._process.failure()) is None else UserError(why)

    def __enter__(self) -> Self:
        self._process.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.__exit__()


def ingest_worker(
    sites: Sequence[Site],
    store: Store,
    broker_url: str,
    leases: LeaseStore,
    client_id_file: Path,
    most_sites: int | None = None,
) -> Worker:
    """Return a worker of ingest; whoever has the first site keeps the store in order.

    Raises UserError where the file for client ids is missing: all need the same, or what waits for one would not be found by the next.
    """
    session = hashlib.sha256(read_secret(client_id_file, "--client-id-file, the same for all workers").encode())

    def serve(site: Site, lease: Lease) -> Service:
        return IngestOfSite(
            Ingest(
                site,
                store,
                broker_url,
                client_id=lasting_id(f"{NAME}-{site.name}", client_id_file),
                only_site=True,
                maintains=site is sites[0],
            ),
            lease,
        )

    return _worker(INGEST, sites, leases, serve, most_sites, session.hexdigest()[:16])


def detection_worker(
    sites: Sequence[Site],
    store: Store,
    broker_url: str,
    leases: LeaseStore,
    rules: Rules,
    most_sites: int | None = None,
) -> Worker:
    """Return a worker of detection."""
    return _worker(
        DETECT,
        sites,
        leases,
        lambda site, lease: DetectionOfSite(site, store, broker_url, rules, lease),
        most_sites,
    )


def _worker(
    role: str,
    sites: Sequence[Site],
    leases: LeaseStore,
    serve: Callable[[Site, Lease], Service],
    most_sites: int | None,
    session: str = "",
) -> Worker:
    named = {site.name: site for site in sites}
    return Worker(
        role,
        [site.name for site in sites],
        leases,
        lambda name, lease: serve(named[name], lease),
        most_sites=most_sites,
        session=session,
    )
