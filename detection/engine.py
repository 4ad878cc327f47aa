"""The alert engine: readings in, changed alerts out. No I/O and no clock; time is that of the readings, or given."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from jeonju.contract.known_source import Nuisance
from jeonju.contract.records import AlertRecord, DeviceRecord, LedgerEntry
from jeonju.contract.site import Site
from jeonju.detection.condition import Condition
from jeonju.detection.detectors import Watcher
from jeonju.detection.detectors.health import HealthWatcher
from jeonju.detection.detectors.odour import OdourWatcher
from jeonju.detection.detectors.pollution import PollutionWatcher
from jeonju.detection.detectors.repeats import RepeatsWatcher
from jeonju.detection.detectors.smoke import SmokeWatcher
from jeonju.detection.detectors.thresholds import ThresholdWatcher
from jeonju.detection.health.bad_values import without_bad_values
from jeonju.detection.health.links import LINK_KINDS
from jeonju.detection.lifecycle import AlertBook
from jeonju.detection.pollution import Pollution
from jeonju.detection.windows import Bin, Bins, columns, times_s
from jeonju.rules.rules import Rules, shipped_rules
from jeonju.rules.watched import BIN_S, QUANTITIES


class AlertEngine:
    """Judges the readings of one site: bins of event time go to the watchers, and what these say goes into the book."""

    def __init__(
        self,
        site: Site,
        known: Sequence[DeviceRecord] = (),
        rules: Rules | None = None,
        nuisances: Iterable[Nuisance] = (),
    ) -> None:
        """Begin with an empty past; `known` are devices of the store, of which some may have been adopted as stations of a zone.

        At `nuisances`, places that people have marked, alerts weigh less.
        """
        rules = rules or shipped_rules()
        self.pollution = Pollution(_stations(site, known))
        industrial = {zone.name for zone in site.zones if zone.land_use == "industrial"}
        zone_of = {record.device: record.zone for record in known} | {
            device.name: device.zone for device in site.devices
        }
        self._pollution = PollutionWatcher(self.pollution)
        odour = OdourWatcher(lambda device: zone_of.get(device) in industrial)
        self.smoke = SmokeWatcher(site)
        self.smoke.mark(nuisances)
        self._thresholds = ThresholdWatcher(site, rules, self.pollution)
        self._watchers: tuple[Watcher, ...] = (self._pollution, odour, self.smoke, self._thresholds)
        self._rules = rules
        self._health = HealthWatcher(site)
        self._health.silence.offline |= {record.device for record in known if record.state == "offline"}
        self._repeats = RepeatsWatcher()
        self._bins = Bins(device.name for device in site.devices)
        self._book = AlertBook(site, rules)

    @property
    def active(self) -> list[AlertRecord]:
        """Every alert that lasts, the newest first."""
        return self._book.active

    @property
    def too_late(self) -> int:
        """How many readings came too late to be judged."""
        return self._bins.too_late

    def resume(self, alerts: list[AlertRecord], history: pa.Table, every_s: float, latest: pa.Table) -> None:
        """Go on after a restart: alerts that last; means of the last day over `every_s` and the newest row of every device (READINGS)."""
        self._book.resume(alerts)
        self._book.end_all_but(self._rules.kinds)
        self._health.resume(alerts, latest, self._bins)
        self._repeats.resume(alerts)
        if not history.num_rows:
            return
        history = without_bad_values(history)
        devices = history["device"].to_pylist()
        row_of = np.array([self._bins.number(device) for device in devices])
        times = times_s(history)
        self._pollution.resume(alerts, float(times.min()))
        self.smoke.resume(self._bins.devices, alerts)
        values = columns(history)
        for time_s in np.unique(times):
            means = np.full((len(self._bins.devices), len(QUANTITIES)), np.nan)
            rows = times == time_s
            means[row_of[rows]] = values[rows]
            one = Bin(time_s + every_s, self._bins.devices, means)
            self._pollution.relive(one.end_s, one.devices, means, weight=every_s / BIN_S)
            self.smoke.learn(one, every_s)
            self._thresholds.learn(one, every_s)

    def update(self, readings: pa.Table) -> list[AlertRecord]:
        """Take readings of this site; return every alert that began, changed or ended."""
        numbers = self._bins.add(without_bad_values(readings))
        self._health.take(readings, numbers, self._bins)
        return self._judge(self._bins.close())

    def finish(self) -> list[AlertRecord]:
        """Judge also what is still within its grace, at the end of a recording."""
        return self._judge(self._bins.close(everything=True))

    def device_state(self, device: str, state: str) -> None:
        """Note what a device, or its last will, says of its connection."""
        offline = self._health.silence.offline
        (offline.add if state == "offline" else offline.discard)(device)

    def note_link(self, condition: Condition | None, now: datetime) -> list[AlertRecord]:
        """Raise or end the one alert for what everything hangs on: store, broker, data; None when all is well."""
        self._book.hold(LINK_KINDS, [] if condition is None else [condition], now)
        return self._book.take_changes()

    def note_ledger(self, ledger: Sequence[LedgerEntry], now: datetime) -> list[AlertRecord]:
        """Take the ledger as it stands now."""
        self._book.hold(self._repeats.kinds, self._repeats.judge(ledger, now), now)
        return self._book.take_changes()

    def _judge(self, bins: Iterable[Bin]) -> list[AlertRecord]:
        end_s: float | None = None
        for one in bins:
            now, end_s = datetime.fromtimestamp(one.end_s, UTC), one.end_s
            for watcher in self._watchers:
                conditions = watcher.step(one)
                if conditions is None:
                    self._book.settle(watcher.kinds, now)
                else:
                    self._book.hold(watcher.kinds, conditions, now)
            self._health.step(one)
        if end_s is not None:
            now = datetime.fromtimestamp(end_s, UTC)
            self._book.hold(self._health.kinds, self._health.judge(self._bins), now)
        return self._book.take_changes()


def _stations(site: Site, known: Sequence[DeviceRecord]) -> dict[str, list[str]]:
    """Return the stations of every zone, with those that were adopted. Robots move, so only stations have an index."""
    named = {device.name for device in site.devices}
    stations = {zone.name: [one.name for one in site.stations if one.zone == zone.name] for zone in site.zones}
    for record in known:
        if record.device not in named and record.kind == "station" and record.zone in stations:
            stations[record.zone].append(record.device)
    return stations
