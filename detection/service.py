"""Detection at work: follows what ingest has committed, judges it, and hands on every alert that began, changed or ended.

The committed feed is a hint, the store is the truth: on every start and reconnect the engine is restored from the store first.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import msgspec
import pyarrow as pa

from jeonju.broker.connection import Connection
from jeonju.common.clock import wall_offset_s
from jeonju.common.errors import UnavailableError
from jeonju.common.worker import Worker, WorkerService
from jeonju.contract import known_source, topics
from jeonju.contract.feed import Gaps
from jeonju.contract.forecast import CityForecast
from jeonju.contract.known_source import KnownSource
from jeonju.contract.reading import DeviceStatus
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.detectors.detector import LinkState, Observations
from jeonju.detection.engine import AlertEngine
from jeonju.detection.index_statistics import IndexStatistics
from jeonju.detection.restore import engine_from_store
from jeonju.detection.snapshot import DetectionSnapshot, FeedState, IndexSnapshot
from jeonju.rules.rules import Rules
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

IDLE_S: Final = 5.0
# The store is asked this often for the ledger and for known sources, and whether it is there.
LOOK_EVERY: Final = timedelta(seconds=15)
# The clock was set, or the machine was suspended, when it has moved by more than this between two looks at it.
STEP_S: Final = 30.0
# Readings may not have been judged up to a time that lies further ahead than this, once the clock was set back for so long.
AHEAD: Final = timedelta(seconds=60)
SET_BACK_FOR_S: Final = 30.0


class AlertSink(Protocol):
    """Where alerts go. Called by detection's thread alone."""

    def restore(self, active: Sequence[AlertRecord]) -> None:
        """Go on after a start, or after the store was away, with the alerts that last. Raises UnavailableError while it is away."""

    def publish(self, alerts: Sequence[AlertRecord], seen_until: datetime | None) -> None:
        """Store and publish alerts, and all that were held back; readings were judged up to `seen_until`.

        Raises UnavailableError, and keeps them, while the store is away.
        """

    def hold_back(self, alerts: Sequence[AlertRecord]) -> None:
        """Keep alerts until the store is back."""


class DetectionService(WorkerService):
    """Judges the readings of one site in a thread of its own, which alone touches the engine; other threads read `snapshot`.

    The network's thread only puts messages into the queue of that thread. `followed` is set once what is committed from now on is heard, or
    never can be; `on_readings` is given every batch after it was judged.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        rules: Rules,
        connection: Connection,
        now: Callable[[], datetime],
        sink: AlertSink,
        on_readings: Callable[[pa.Table], None] = lambda _table: None,
        *,
        clock_offset_s: Callable[[], float] = wall_offset_s,
    ) -> None:
        self._clock_offset_s, self._offset_s = clock_offset_s, clock_offset_s()
        self._set_back_at_s: float | None = None
        self._set_back_for_s = SET_BACK_FOR_S
        self._site, self._store, self._rules, self._now = site, store, rules, now
        self._connection, self._sink, self._on_readings = connection, sink, on_readings
        self.followed = threading.Event()
        self._engine = AlertEngine(site, rules=rules)
        self._forecast: CityForecast | None = None
        self._index_statistics = IndexStatistics(site, store)
        self._known_sources: list[KnownSource] = []
        self._looked_at = now()
        self._store_available = True
        self._gaps, self._has_missed = Gaps(), False
        self._feed = FeedState()
        self._index = IndexSnapshot()
        self._index_of: tuple[object, object] = (None, None)
        self._snapshot = DetectionSnapshot()
        self._worker = Worker(
            "detection",
            always=(
                self._look_at_clock,
                self._look_at_store,
                self._look_at_links,
                self._pass_time,
                self._take_snapshot,
            ),
            on_unavailable=self._note_store_away,
            idle_s=IDLE_S,
        )
        connection.watch(on_connected=lambda: self._worker.put(self._follow), on_refused=self.followed.set)
        connection.listen(topics.committed(site.name), 0, self._on_batch)
        connection.listen(topics.status(site.name, "+"), 1, self._on_status)

    @property
    def snapshot(self) -> DetectionSnapshot:
        """What is known after the last batch."""
        return replace(self._snapshot, dropped=self._worker.dropped)

    def refresh_known_sources(self) -> None:
        """Read again which places people have marked, with the next piece of work."""
        self._worker.put(self._mark_known_sources)

    def note_forecast(self, forecast: CityForecast) -> None:
        """Judge a new forecast, with the next piece of work."""
        self._worker.put(lambda: self._judge_forecast(forecast))

    def _judge_forecast(self, forecast: CityForecast) -> None:
        self._forecast = forecast
        self._publish(self._engine.observe(Observations(at=self._now(), forecast=forecast)))

    def _on_batch(self, _topic: str, payload: bytes) -> None:
        self._worker.put(lambda: self._judge(payload))

    def _on_status(self, topic: str, payload: bytes) -> None:
        if (place := topics.site_and_device(topic)) is not None:
            self._worker.put(lambda: self._note_status(place[1], payload))

    def _follow(self) -> None:
        # Subscribed first, restored then: what is committed in between comes twice, which does no harm.
        try:
            self._restore()
        finally:
            self.followed.set()

    def _restore(self, *, is_judged: bool = True) -> None:
        self._gaps.forget()
        self._has_missed = False
        # What was held back is stored before the engine is made of what is stored.
        self._sink.publish([], self._feed.last_reading_at)
        self._known_sources = self._stored_known_sources()
        engine, recent = engine_from_store(self._site, self._store, self._rules, self._known_sources, self._now())
        active, judge = engine.active, engine.update if is_judged else engine.learn
        engine.observe(Observations(forecast=self._forecast))
        alerts = [alert for page in recent for alert in judge(page)]
        self._sink.restore(active)
        self._engine = engine
        self._publish(alerts)

    def _look_at_clock(self) -> None:
        """Go on by a clock that was set, or stood still with the machine, as if it had always been like that.

        Readings are judged by their own times. After a step forward they may begin anew elsewhere, as after a restart. After a step back they wait
        for the clock; where it stays back, what was judged was ahead of its time, and the past that is now the present is learnt, not judged again.
        """
        offset_s = self._clock_offset_s()
        step_s, self._offset_s = offset_s - self._offset_s, offset_s
        if abs(step_s) > STEP_S:
            step = timedelta(seconds=step_s)
            log.warning("the clock has moved by %s", step)
            self._looked_at += step
            if self._feed.arrived_at is not None:
                self._feed = replace(self._feed, arrived_at=self._feed.arrived_at + step)
            self._engine.shift_clock(step)
            self._set_back_at_s = time.monotonic() if step_s < 0 else None
            if step_s > 0:
                self._restore_by_new_time(is_judged=True)
        elif self._set_back_at_s is not None and time.monotonic() - self._set_back_at_s > self._set_back_for_s:
            self._set_back_at_s = None
            if self._engine.is_ahead_of(self._now() + AHEAD):
                self._restore_by_new_time(is_judged=False)

    def _restore_by_new_time(self, *, is_judged: bool) -> None:
        before = self._engine
        self._restore(is_judged=is_judged)
        before.hand_over_links(self._engine)

    def _judge(self, payload: bytes) -> None:
        self._look_at_clock()
        table = read_batch(payload)
        self._has_missed |= not self._gaps.follows(table)
        self._feed = self._feed.after(table, self._now())
        self._publish(self._engine.update(table))
        self._take_snapshot()
        self._on_readings(table)
        if self._feed.last_reading_at is not None:
            self._index_statistics.write(self._engine.pollution.cai, self._feed.last_reading_at)

    def _note_status(self, device: str, payload: bytes) -> None:
        try:
            status = msgspec.json.decode(payload, type=DeviceStatus)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # ingest keeps it as a dead letter
        self._engine.observe(Observations(device_states={device: status.state}))

    def _mark_known_sources(self) -> None:
        if (known := self._stored_known_sources()) != self._known_sources:
            self._known_sources = known
            self._engine.mark(known)

    def _stored_known_sources(self) -> list[KnownSource]:
        entries = self._store.journal(self._site.name, subject=known_source.SUBJECT)
        return list(known_source.known_sources(entries).values())

    def _look_at_store(self) -> None:
        """Ask for the ledger now and then; after the store was away, or a message of the feed was lost, everything is restored from it."""
        now = self._now()
        if timedelta(0) <= now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        ledger = self._store.ledger(self._site.name)
        if not self._store_available or self._has_missed:
            self._restore()
            self._store_available = True
        self._mark_known_sources()
        self._publish(self._engine.observe(Observations(at=now, ledger=ledger)))

    def _look_at_links(self) -> None:
        now = self._now()
        links = LinkState(self._store_available, self._connection.state.connected, self._feed.arrived_at)
        if changed := self._engine.observe(Observations(at=now, links=links)):
            self._publish(changed)

    def _pass_time(self) -> None:
        """Let the engine wait no longer for silent devices; readings that wait in the queue come first."""
        if self._worker.is_idle and (changed := self._engine.pass_time(self._now())):
            self._publish(changed)

    def _publish(self, alerts: Iterable[AlertRecord]) -> None:
        """Hand on alerts, to be held back while the store is away."""
        alerts = list(alerts)
        if self._store_available:
            try:
                self._sink.publish(alerts, self._feed.last_reading_at)
            except UnavailableError:
                self._store_available = False
                log.warning("the store is away; alerts are kept until it is back")
            else:
                return
        self._sink.hold_back(alerts)

    def _note_store_away(self, error: UnavailableError) -> None:
        if self._store_available:
            log.warning("%s", error)
        self._store_available = False

    def _take_snapshot(self) -> None:
        pollution = self._engine.pollution
        # Everything about indexes changes with the hour.
        if self._index_of != (key := (id(pollution), pollution.hour)):
            self._index, self._index_of = IndexSnapshot.of(pollution), key
        self._snapshot = DetectionSnapshot(
            active=tuple(self._engine.active),
            index=self._index,
            feed=self._feed,
            late=self._engine.late,
            store_available=self._store_available,
        )


def read_batch(payload: bytes) -> pa.Table:
    """Return the readings (READINGS) of a message of the committed feed."""
    with pa.ipc.open_stream(payload) as reader:
        return reader.read_all()
