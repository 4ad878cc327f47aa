"""Traces the sources of incidents in a thread of its own: one map after the other, of the readings that the store has."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import pyarrow as pa

from jeonju.common.errors import UnavailableError
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.localization.trace import LONGEST_S, Trace, span_of, trace
from jeonju.storage.port import Series, Store

log = logging.getLogger(__name__)

# A map is made anew this often while something is seen, by the time of the readings; sooner while a robot waits for what it says.
TRACE_EVERY: Final = timedelta(minutes=2)
SOON: Final = timedelta(seconds=20)
# After a map this many times as long passes before the next: where hours of the past come in seconds, or in a city that runs faster than the clock,
# maps would take a core. The first map of an incident waits for nothing.
RESTS: Final = 4.0


class Subject(NamedTuple):
    """What is traced: the facts of an incident as they are when its turn comes."""

    opened_at: datetime
    alerts: tuple[AlertRecord, ...]


class SourceTracer:
    """`subject` gives the facts of an incident, None for one that is closed; `found` takes what was traced. Both are called in its thread."""

    def __init__(
        self, site: Site, store: Store, subject: Callable[[str], Subject | None], found: Callable[[str, Trace], None]
    ) -> None:
        self._site, self._store, self._subject, self._found = site, store, subject, found
        self._lock = threading.Lock()
        self._due: dict[str, datetime] = {}  # incident → up to when readings are there
        self._traced: dict[str, datetime] = {}
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="incidents", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether sources are traced."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to trace."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the map at hand and leave."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def request(
        self, incident_id: str, opened_at: datetime, seen_until: datetime, is_awaited: Callable[[str], bool]
    ) -> None:
        """Ask for a map if one is due: at once, then every two minutes, and sooner while a robot waits for it (`is_awaited`)."""
        last = self._traced.get(incident_id)
        if last is not None:
            since = seen_until - last
            is_too_long_ago = seen_until - opened_at > timedelta(seconds=LONGEST_S)
            if is_too_long_ago or not (since >= TRACE_EVERY or (since >= SOON and is_awaited(incident_id))):
                return
        with self._lock:
            self._due[incident_id] = seen_until
        self._wake.set()

    def _run(self) -> None:
        rested_s = time.monotonic()
        while not self._stopping:
            rest_s = max(rested_s - time.monotonic(), 0.0)
            if (due := self._take_due(only_new=rest_s > 0)) is None:
                self._wake.wait(rest_s if self._due and rest_s else None)
                self._wake.clear()
                continue
            begun_s = time.monotonic()
            self._trace(*due)
            rested_s = time.monotonic() + RESTS * (time.monotonic() - begun_s)

    def _take_due(self, *, only_new: bool) -> tuple[str, datetime] | None:
        """Return an incident of which a map is due, and up to when: one that has none yet before others."""
        with self._lock:
            incident_id = next((each for each in self._due if each not in self._traced), None)
            if incident_id is None and not only_new:
                incident_id = next(iter(self._due), None)
            return None if incident_id is None else (incident_id, self._due.pop(incident_id))

    def _trace(self, incident_id: str, now: datetime) -> None:
        subject = self._subject(incident_id)
        if subject is None:
            return
        try:
            start, until = span_of(subject.opened_at, now)
            readings = self._readings(start, until)
            self._found(incident_id, trace(self._site, subject.opened_at, subject.alerts, readings, until))
            self._traced[incident_id] = now
        except UnavailableError as error:
            log.warning("the source of %s is traced later: %s", incident_id, error)
        except Exception:
            # The one supervisor of this thread: a fault in one map must not end all others.
            log.exception("the source of %s could not be traced", incident_id)
            self._traced[incident_id] = now

    def _readings(self, start: datetime, until: datetime) -> pa.Table:
        """Return minute means of stations, and of robots each reading, for they move."""
        stations = tuple(station.name for station in self._site.stations)
        span = Series(site=self._site.name, start=start, end=until, devices=stations, every_s=60)
        tables = [self._store.readings(span)]
        if robots := tuple(robot.name for robot in self._site.robots):
            tables.append(self._store.readings(replace(span, devices=robots, every_s=None)))
        return pa.concat_tables(tables)
