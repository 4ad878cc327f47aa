"""Of several apis of a site one responds: incidents, robots, notifications. It is the one that holds the lease; the others pass orders on to it."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final, Self

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from jeonju.broker.leases import Lease, LeaseStore
from jeonju.broker.requests import Requests
from jeonju.broker.rights import ASKED, HOLD_SITES, RESPOND
from jeonju.common.errors import UnavailableError, UserError
from jeonju.response.orders import answered
from jeonju.response.service import ResponseService
from jeonju.stack.holders import HolderWatch
from jeonju.stack.holding import Worker

log = logging.getLogger(__name__)

# The store may be away as a site is taken over.
AGAIN_AFTER_S: Final = 1.0


class ResponseOfSite:
    """Incidents, robots and notifications of one site, and the orders that other apis pass on."""

    def __init__(self, response: ResponseService, requests: Requests, lease: Lease) -> None:
        self._response, self._requests, self._lease = response, requests, lease
        self._open = ExitStack()
        self.metrics: Collector = CollectorRegistry()

    def trouble(self) -> str | None:
        """Return nothing: the api says itself what is not well."""
        return None

    def failure(self) -> Exception | None:
        """Return why nothing is done any more."""
        return None if self._response.is_alive else UserError("nobody looks after incidents any more")

    def __enter__(self) -> Self:
        try:
            self._open.callback(self._response.end_responding)
            while True:
                try:
                    orders = self._response.begin_responding(self._lease.renew)
                    self._open.enter_context(self._requests.answered(partial(answered, orders)))
                except UnavailableError as error:
                    if self._lease.lost.wait(AGAIN_AFTER_S) or not self._lease.is_held:
                        raise
                    log.warning("%s; responding waits for it", error)
                else:
                    return self
        except BaseException:
            self._open.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._open.close()


class Cluster:
    """What an api does at a cluster: it sees who serves its site, responds while no other api does, and passes orders on while one does.

    `is_shared` says whether the site may have other apis that respond; one that judges has none. As a context manager it looks while entered.
    """

    def __init__(self, site: str, leases_url: str, *, responds: bool, judges_here: bool) -> None:
        self._site, self._leases_url, self._responds = site, leases_url, responds
        self.is_shared = not judges_here
        leases = LeaseStore(leases_url)
        self._requests = Requests(leases.nodes, f"{ASKED}.{site}")
        self._watch = HolderWatch(site, (*HOLD_SITES, RESPOND) if self.is_shared else HOLD_SITES[:1], leases)
        self._worker: Worker | None = None

    def notices(self) -> list[str]:
        """Return lines for people on what nobody serves, and on why this api does not respond where it might."""
        trouble = self._worker.trouble() if self._worker is not None else None
        return [*self._watch.notices(), *((trouble,) if trouble is not None else ())]

    def ask(self, order: bytes) -> bytes:
        """Return the answer of the api that responds. Raises UnavailableError where none does."""
        return self._requests.ask(order)

    @contextmanager
    def responding(self, response: ResponseService) -> Iterator[None]:
        """Respond whenever no other api does, as long as the context lasts."""
        if not (self.is_shared and self._responds):
            yield
            return
        leases = LeaseStore(self._leases_url)
        self._worker = Worker(
            RESPOND, [self._site], leases, lambda _site, lease: ResponseOfSite(response, self._requests, lease)
        )
        with self._worker:
            yield

    def __enter__(self) -> Self:
        self._watch.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.__exit__()
