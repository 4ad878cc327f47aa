"""The alert engine: readings in, changed alerts out. No I/O and no clock; time is that of the readings, or given."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa

from airquality.site import Site
from api.alerts.bins import BIN_S, QUANTITIES, Bin, Bins
from api.alerts.book import AlertBook
from api.alerts.pollution import Pollution
from api.alerts.rules import Rules, shipped_rules
from api.alerts.watchers import Watcher
from api.alerts.watchers.pollution import PollutionWatcher
from api.alerts.watchers.silence import NO_DATA, SilenceWatcher
from api.alerts.watchers.smoke import SmokeWatcher
from api.alerts.watchers.thresholds import ThresholdWatcher
from api.alerts.wording import Labels
from storage.schema import AlertRecord

_NO_DATA: Final = frozenset([NO_DATA.kind])


class AlertEngine:
    """Judges the readings of one site: bins of event time go to the watchers, and what these say goes into the book."""

    def __init__(self, site: Site, rules: Rules | None = None) -> None:
        rules = rules or shipped_rules()
        labels = Labels(site)
        # Robots move, so only stations have an index.
        stations = {zone.name: [s.name for s in site.stations if s.zone == zone.name] for zone in site.zones}
        self.pollution = Pollution(stations)
        self._watchers: tuple[Watcher, ...] = (PollutionWatcher(labels, self.pollution), SmokeWatcher(labels))
        self._thresholds = ThresholdWatcher(site, labels, rules, self.pollution)
        self._watchers = (*self._watchers, self._thresholds)
        self._silence = SilenceWatcher(labels)
        self._bins = Bins()
        self._book = AlertBook(site, rules)
        self._judged_s = -np.inf

    @property
    def active(self) -> list[AlertRecord]:
        """Every alert that lasts, the newest first."""
        return self._book.active

    @property
    def too_late(self) -> int:
        """How many readings came too late to be judged."""
        return self._bins.too_late

    def resume(self, alerts: list[AlertRecord], history: pa.Table, every_s: float) -> None:
        """Go on after a restart: alerts that last, and means of the last day over `every_s` in the READINGS schema."""
        self._book.resume(alerts)
        self._book.end_all_but(_NO_DATA.union(self._silence.kinds, *(watcher.kinds for watcher in self._watchers)))
        if not history.num_rows:
            return
        devices = history["device"].to_pylist()
        names = sorted(set(devices))
        times = history["time"].cast(pa.int64()).to_numpy() / 1e6
        values = np.column_stack([history[key].to_numpy() for key in QUANTITIES])
        row_of = np.array([names.index(device) for device in devices])
        for time_s in np.unique(times):
            means = np.full((len(names), len(QUANTITIES)), np.nan)
            rows = times == time_s
            means[row_of[rows]] = values[rows]
            self.pollution.step(time_s + every_s, names, means, weight=every_s / BIN_S)
            self._thresholds.learn(Bin(time_s + every_s, names, means), every_s)

    def update(self, readings: pa.Table) -> list[AlertRecord]:
        """Take readings of this site; return every alert that began, changed or ended."""
        self._bins.add(readings)
        return self._judge(self._bins.close())

    def finish(self) -> list[AlertRecord]:
        """Judge also what is still within its grace, at the end of a recording."""
        return self._judge(self._bins.close(everything=True))

    def device_state(self, device: str, state: str) -> None:
        """Note what a device, or its last will, says of its connection."""
        (self._silence.offline.add if state == "offline" else self._silence.offline.discard)(device)

    def no_data(self, since: datetime | None, now: datetime) -> list[AlertRecord]:
        """Raise or end the one alert for a network that has fallen silent as a whole; `since` is None when data flows."""
        self._book.hold(_NO_DATA, [] if since is None else [NO_DATA], now)
        return self._book.take_changes()

    def _judge(self, bins: Iterable[Bin]) -> list[AlertRecord]:
        for one in bins:
            now = datetime.fromtimestamp(one.end_s, UTC)
            for watcher in self._watchers:
                conditions = watcher.step(one)
                if conditions is not None:
                    self._book.hold(watcher.kinds, conditions, now)
            self._book.settle(now)
            self._judged_s = one.end_s
        if self._judged_s > -np.inf:
            now = datetime.fromtimestamp(self._judged_s, UTC)
            self._book.hold(self._silence.kinds, self._silence.judge(self._bins), now)
        return self._book.take_changes()
