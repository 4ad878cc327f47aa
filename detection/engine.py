"""The alert engine: readings in, changed alerts out. No I/O and no clock; time is that of the readings, or given."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from jeonju.airquality.schemes import SCHEMES
from jeonju.contract.known_source import KnownSource
from jeonju.contract.records import AlertRecord, DeviceRecord
from jeonju.contract.site import Site
from jeonju.detection.detectors.detector import Detector, Observations, Pace, Past, Rows
from jeonju.detection.detectors.forecast import ForecastDetector
from jeonju.detection.detectors.health import HealthDetector
from jeonju.detection.detectors.links import LinksDetector
from jeonju.detection.detectors.odour import OdourDetector
from jeonju.detection.detectors.pollution import PollutionDetector
from jeonju.detection.detectors.repeats import RepeatsDetector
from jeonju.detection.detectors.smoke import SmokeDetector
from jeonju.detection.detectors.thresholds import ThresholdDetector
from jeonju.detection.health.bad_values import without_bad_values
from jeonju.detection.lifecycle import AlertLifecycle, Pending
from jeonju.detection.pollution import Pollution
from jeonju.detection.windows import History, Window, Windows
from jeonju.rules.rules import Rules, shipped_rules


class AlertEngine:
    """Judges the readings of one site: windows of event time go to the detectors, and their conditions make alerts begin, go on and end."""

    def __init__(
        self,
        site: Site,
        known: Sequence[DeviceRecord] = (),
        rules: Rules | None = None,
        known_sources: Iterable[KnownSource] = (),
        *,
        is_behind: bool = True,
    ) -> None:
        """Begin with an empty past; `known` are devices of the store, of which some may have been adopted as stations of a zone.

        At `known_sources`, places that people have marked, alerts weigh less. `is_behind` says that readings of the past may still come: then the
        devices of the site are waited for that were not heard yet.
        """
        self._rules = rules or shipped_rules()
        self._windows = Windows(device.name for device in site.devices if is_behind)
        self._lifecycle = AlertLifecycle(site, self._rules)
        self.pollution = Pollution(_stations(site, known), SCHEMES[site.index])
        self._smoke = SmokeDetector(site)
        self._smoke.mark(known_sources)
        self._links = LinksDetector()
        self._detectors: tuple[Detector, ...] = (
            PollutionDetector(self.pollution),
            OdourDetector(_industrial(site, known)),
            self._smoke,
            ThresholdDetector(site, self._rules, self.pollution),
            HealthDetector(site, self._windows),
            RepeatsDetector(),
            self._links,
            ForecastDetector(),
        )
        self.observe(Observations(device_states={record.device: record.state for record in known}))

    @property
    def active(self) -> list[AlertRecord]:
        """Every alert that fires, the newest first."""
        return self._lifecycle.active

    @property
    def late(self) -> int:
        """How many readings came too late to be judged."""
        return self._windows.late

    def mark(self, known_sources: Iterable[KnownSource]) -> None:
        """Let alerts weigh less at these places, and at no others, from now on."""
        self._smoke.mark(known_sources)

    def restore(self, alerts: Sequence[AlertRecord], history: pa.Table, every_s: float, latest: pa.Table) -> None:
        """Go on after a restart: alerts that fire; means of the last day over `every_s` and the newest row of every device (READINGS)."""
        self._lifecycle.restore(alerts)
        self._lifecycle.end_all_but(self._rules.kinds)
        past = Past(alerts, latest, History(self._windows, without_bad_values(history), every_s))
        for detector in self._detectors:
            detector.restore(past)

    def update(self, readings: pa.Table) -> list[AlertRecord]:
        """Add readings of this site; return every alert that began, changed or ended."""
        device = self._windows.add(without_bad_values(readings))
        self.observe(Observations(rows=Rows(readings, device)))
        return self._step(self._windows.close())

    def learn(self, readings: pa.Table) -> list[AlertRecord]:
        """Add readings of the past without any alert beginning, changing or ending for them; return what has changed before."""
        changed, active = self._lifecycle.take_changes(), self._lifecycle.active
        self.update(readings)
        self._lifecycle.restore(active)
        return changed

    def is_ahead_of(self, now: datetime) -> bool:
        """Return whether readings were judged up to a time that is still to come."""
        return self._windows.watermark_s > now.timestamp()

    def shift_clock(self, step: timedelta) -> None:
        """Judge store, broker and feed by a clock that was set forward by `step`, as if it had always been like that."""
        self._links.shift(step)
        self._lifecycle.go_on(self._lifecycle.pending(self._links.kinds), step)

    def hand_over_links(self, other: "AlertEngine") -> None:
        """Let another engine know of store, broker and feed what this one does."""
        other.take_over_links(self._links, self._lifecycle.pending(self._links.kinds))

    def take_over_links(self, links: LinksDetector, pending: Pending) -> None:
        """Go on with what another engine knew of store, broker and feed."""
        self._detectors = tuple(links if detector is self._links else detector for detector in self._detectors)
        self._links = links
        self._lifecycle.go_on(pending, timedelta(0))

    def finish(self) -> list[AlertRecord]:
        """Judge also the windows that still wait for late readings, at the end of a recording."""
        return self._step(self._windows.close(everything=True))

    def observe(self, seen: Observations) -> list[AlertRecord]:
        """Note what is known besides readings; return every alert that began, changed or ended."""
        for detector in self._detectors:
            detector.observe(seen)
        if seen.at is not None:
            self._judge(Pace.CLOCK, seen.at)
        return self._lifecycle.take_changes()

    def pass_time(self, now: datetime) -> list[AlertRecord]:
        """Wait no longer for devices that should have been heard by `now`; only while no readings wait to be added."""
        self._windows.pass_time(now.timestamp())
        return self._step(self._windows.close())

    def _step(self, windows: Iterable[Window]) -> list[AlertRecord]:
        now: datetime | None = None
        for window in windows:
            now = datetime.fromtimestamp(window.end_s, UTC)
            for detector in self._detectors:
                detector.step(window)
            self._judge(Pace.WINDOW, now)
        if now is not None:
            self._judge(Pace.BATCH, now)
        return self._lifecycle.take_changes()

    def _judge(self, pace: Pace, now: datetime) -> None:
        for detector in self._detectors:
            if detector.pace is pace:
                conditions = detector.conditions(now)
                if conditions is None:
                    self._lifecycle.settle(detector.kinds, now)
                else:
                    self._lifecycle.update(detector.kinds, conditions, now)


def _stations(site: Site, known: Sequence[DeviceRecord]) -> dict[str, list[str]]:
    """Return the stations of every zone, with those that were adopted. Robots move, so only stations have an index."""
    named = {device.name for device in site.devices}
    stations = {
        zone.name: [station.name for station in site.stations if station.zone == zone.name] for zone in site.zones
    }
    for record in known:
        if record.device not in named and record.kind == "station" and record.zone in stations:
            stations[record.zone].append(record.device)
    return stations


def _industrial(site: Site, known: Sequence[DeviceRecord]) -> frozenset[str]:
    """Return the devices that stand in an industrial area; the site's own word counts before that of the store."""
    zones = {zone.name for zone in site.zones if zone.land_use == "industrial"}
    zone_of = {record.device: record.zone for record in known} | {device.name: device.zone for device in site.devices}
    return frozenset(device for device, zone in zone_of.items() if zone in zones)
