"""Timelines for the health of devices: rows as ingest commits them, with the time of arrival and quality flags."""

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pyarrow as pa

from jeonju.contract.columns import READINGS, readings_table
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from jeonju.messages.alerts import Labels, with_words
from tests.detection import feeding
from tests.detection.feeding import STATIONS, T0

# What a device sends at a moment: None is nothing; otherwise columns that differ from a healthy row.
Row = Callable[[str, float], dict[str, Any] | None]


def flags(**reasons: str) -> str:
    """Return a quality text in which each quantity is suspect for a reason."""
    return json.dumps({key: ["suspect", reason] for key, reason in reasons.items()})


def healthy(_device: str, _hour: float) -> dict[str, Any]:
    return {}


class City:
    """An engine that is fed, and every alert that it raised, in its last state."""

    def __init__(
        self, site: Site, devices: Iterable[str] = STATIONS, *, steps_per_batch: int = feeding.STEPS_PER_BATCH
    ) -> None:
        self.site, self.devices, self._steps_per_batch = site, tuple(devices), steps_per_batch
        self.engine = AlertEngine(site)
        self.alerts: dict[str, AlertRecord] = {}
        self.latest: dict[str, dict[str, Any]] = {}

    def feed(self, begin_h: float, end_h: float, row: Row = healthy, *, every_s: float = 30.0) -> None:
        """Feed every device once per interval."""
        steps = []
        for step in range(round(begin_h * 3600 / every_s), round(end_h * 3600 / every_s)):
            at = T0 + timedelta(seconds=step * every_s)
            sent = {device: row(device, step * every_s / 3600) for device in self.devices}
            steps.append(
                [
                    feeding.row(self.site, device, at, {"pm25": 18.0 + step % 3, "pm10": 30.0, **changed})
                    for device, changed in sent.items()
                    if changed is not None
                ]
            )
        for rows in feeding.joined(steps, self._steps_per_batch):
            self.take(rows)

    def take(self, rows: list[dict[str, Any]]) -> None:
        """Feed rows as one batch."""
        self.latest |= {row["device"]: row for row in rows}
        self.note(self.engine.update(readings_table(rows)))

    def note(self, alerts: list[AlertRecord]) -> None:
        """Keep alerts that changed."""
        self.alerts |= {alert.id: with_words(alert, Labels(self.site)) for alert in alerts}

    def restart(self) -> None:
        """Begin anew with what a store would hold: alerts that last and the newest row of every device."""
        lasting = [alert for alert in self.alerts.values() if alert.ended_at is None]
        self.engine = AlertEngine(self.site)
        latest = readings_table(self.latest.values())
        self.engine.restore(lasting, READINGS.empty_table(), 600, latest)

    def of(self, *kinds: str) -> list[AlertRecord]:
        """Return alerts of some kinds, the first to begin first."""
        found = [alert for alert in self.alerts.values() if not kinds or alert.kind in kinds]
        return sorted(found, key=lambda alert: (alert.started_at, alert.id))


def empty() -> pa.Table:
    return READINGS.empty_table()


def hour_of(alert: AlertRecord) -> float:
    return (alert.started_at - T0).total_seconds() / 3600
