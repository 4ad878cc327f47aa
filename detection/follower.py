"""Detection that runs in another process (`jeonju detect`), as this one sees it: what it has stored, which is the truth.

Retained alerts at the broker are hints to look at once; without any, the store is asked now and then.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import pyarrow as pa

from jeonju.broker.connection import Connection
from jeonju.common.errors import UnavailableError
from jeonju.common.worker import Worker, WorkerService
from jeonju.contract import topics
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.restore import engine_from_store
from jeonju.detection.service import read_batch
from jeonju.detection.snapshot import DetectionSnapshot, FeedState, IndexSnapshot
from jeonju.rules.rules import Rules
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

IDLE_S: Final = 1.0
POLL_EVERY: Final = timedelta(seconds=15)
# Hints come in bursts, as when a storm of alerts begins, or at every connection.
POLL_AFTER_HINT: Final = timedelta(seconds=1)
# Alerts that ended within this are still handed on after a start; the response knows which it has handled.
REMEMBERED: Final = timedelta(days=1)
# Indexes change with the hour; they are worked out from the store, which costs about a second for a city.
INDEX_EVERY: Final = timedelta(minutes=5)
# Of readings themselves a large site has gigabytes.
INDEX_MEANS_S: Final = 60


class StoredAlertSink(Protocol):
    """Where alerts go that another process has stored. Called by the follower's thread alone."""

    def restore(self, active: Sequence[AlertRecord]) -> None:
        """Go on after a start with the alerts that last. Raises UnavailableError while the store is away."""

    def handle_stored(self, alerts: Sequence[AlertRecord], seen_until: datetime | None) -> None:
        """Handle alerts that another process has stored. Raises UnavailableError while the store is away; then they come again."""


class DetectionFollower(WorkerService):
    """Polls the store in a thread of its own; other threads read `snapshot`. Judges nothing.

    `on_readings` is given every batch of the committed feed.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        rules: Rules,
        connection: Connection,
        now: Callable[[], datetime],
        sink: StoredAlertSink,
        on_readings: Callable[[pa.Table], None] = lambda _table: None,
    ) -> None:
        self._site, self._store, self._rules, self._now = site, store, rules, now
        self._sink, self._on_readings = sink, on_readings
        self.followed = threading.Event()
        self._hinted = threading.Event()
        self._polled_at: datetime | None = None
        self._indexed_at: datetime | None = None
        self._known: dict[str, AlertRecord] = {}
        self._is_restored = False
        self._snapshot = DetectionSnapshot()
        self._feed = FeedState()
        self._worker = Worker(
            "detection",
            always=(self._poll, self._refresh_index),
            on_unavailable=self._note_store_away,
            idle_s=IDLE_S,
        )
        connection.watch(on_connected=self._look_soon, on_refused=self.followed.set)
        connection.listen(topics.committed(site.name), 0, lambda _topic, payload: self._on_batch(payload))
        connection.listen(topics.alert(site.name, "+"), 1, lambda _topic, _payload: self._look_soon())

    @property
    def snapshot(self) -> DetectionSnapshot:
        """What the store held when it was last asked."""
        return replace(self._snapshot, feed=self._feed, dropped=self._worker.dropped)

    def refresh_known_sources(self) -> None:
        """Do nothing: the process that judges reads them from the store by itself."""

    def _look_soon(self) -> None:
        self._hinted.set()

    def _on_batch(self, payload: bytes) -> None:
        self._worker.put(lambda: self._note_batch(payload))

    def _note_batch(self, payload: bytes) -> None:
        table = read_batch(payload)
        self._feed = self._feed.after(table, self._now())
        self._on_readings(table)
        if self._is_restored:
            # No alert has changed, but time goes on: incidents end, sources are traced anew.
            self._sink.handle_stored([], self._feed.last_reading_at)

    def _poll(self) -> None:
        now = self._now()
        pause = POLL_AFTER_HINT if self._hinted.is_set() else POLL_EVERY
        if self._polled_at is not None and timedelta(0) <= now - self._polled_at < pause:
            return
        self._hinted.clear()
        self._polled_at = now
        alerts = self._stored(now)
        active = tuple(alert for alert in alerts if alert.ended_at is None)
        if not self._is_restored:
            self._sink.restore(active)
            self._is_restored = True
        changed = [alert for alert in alerts if self._known.get(alert.id) != alert]
        if changed:
            self._sink.handle_stored(changed, self._seen_until())
        self._known = {alert.id: alert for alert in alerts}
        self._snapshot = replace(self._snapshot, active=active, store_available=True)
        self.followed.set()

    def _stored(self, now: datetime) -> list[AlertRecord]:
        """Return the alerts of the last day, the newest first, and of those that lasted until now also the older ones."""
        lasting = (alert.started_at for alert in self._known.values() if alert.ended_at is None)
        since = min([now - REMEMBERED, *lasting])
        return self._store.alerts(self._site.name, since=since)

    def _seen_until(self) -> datetime | None:
        if self._feed.last_reading_at is not None:
            return self._feed.last_reading_at
        newest: datetime | None = pa.compute.max(self._store.latest(self._site.name)["time"]).as_py()
        return newest

    def _refresh_index(self) -> None:
        """Work out the indexes as detection does when it starts; the engine is not kept."""
        now = self._now()
        if self._indexed_at is not None and timedelta(0) <= now - self._indexed_at < INDEX_EVERY:
            return
        self._indexed_at = now
        engine, recent = engine_from_store(self._site, self._store, self._rules, (), now, every_s=INDEX_MEANS_S)
        for page in recent:
            engine.update(page)
        self._snapshot = replace(self._snapshot, index=IndexSnapshot.of(engine.pollution))

    def _note_store_away(self, error: UnavailableError) -> None:
        if self._snapshot.store_available:
            log.warning("%s", error)
        self._snapshot = replace(self._snapshot, store_available=False)
        # What the response could not write meanwhile is not what the store holds: it goes on from there, and the indexes are worked out anew.
        self._is_restored, self._indexed_at = False, None
