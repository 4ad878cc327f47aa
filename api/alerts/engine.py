"""The alert engine: readings in, changed alerts out. No I/O and no clock; time is that of the readings, or given."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa

from airquality.limits import ADVISORY_LEVELS
from airquality.pollutants import QUANTITY
from airquality.site import Site
from api.alerts.bins import BIN_S, QUANTITIES, Bins
from api.alerts.pollution import Pollution
from api.alerts.silence import silent_devices
from api.alerts.smoke import Finding, SmokeDetector
from api.alerts.wording import CLASSES, KINDS, amount, reasons
from storage.schema import AlertRecord

# An alert that goes on is written again this often with its present value.
REFRESH_S: Final = 60.0


@dataclass
class AlertEngine:
    """Judges the readings of one site."""

    site: Site
    pollution: Pollution = field(init=False)
    _bins: Bins = field(default_factory=Bins)
    _smoke: SmokeDetector = field(default_factory=SmokeDetector)
    _active: dict[tuple[str, str], AlertRecord] = field(default_factory=dict)
    _changed: dict[str, AlertRecord] = field(default_factory=dict)
    _offline: set[str] = field(default_factory=set)
    _judged_s: float = -np.inf

    def __post_init__(self) -> None:
        """Robots move, so only stations have an index."""
        zones = {zone.name: [s.name for s in self.site.stations if s.zone == zone.name] for zone in self.site.zones}
        self.pollution = Pollution(zones)

    @property
    def active(self) -> list[AlertRecord]:
        """Every alert that lasts, the newest first."""
        return sorted(self._active.values(), key=lambda alert: alert.started_at, reverse=True)

    @property
    def too_late(self) -> int:
        """How many readings came too late to be judged."""
        return self._bins.too_late

    def resume(self, alerts: list[AlertRecord], history: pa.Table, every_s: float) -> None:
        """Go on after a restart: alerts that last, and means of the last day over `every_s` in the READINGS schema."""
        self._active = {(alert.kind, alert.device or alert.zone or ""): alert for alert in alerts}
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

    def update(self, readings: pa.Table) -> list[AlertRecord]:
        """Take readings of this site; return every alert that began, changed or ended."""
        self._bins.add(readings)
        return self._judge(self._bins.close())

    def finish(self) -> list[AlertRecord]:
        """Judge also what is still within its grace, at the end of a recording."""
        return self._judge(self._bins.close(everything=True))

    def device_state(self, device: str, state: str) -> None:
        """Note what a device, or its last will, says of its connection."""
        (self._offline.add if state == "offline" else self._offline.discard)(device)

    def no_data(self, since: datetime | None, now: datetime) -> list[AlertRecord]:
        """Raise or end the one alert for a network that has fallen silent as a whole; `since` is None when data flows."""
        if since is None:
            self._end("no-data", "", now)
        else:
            self._raise(
                "no-data",
                "",
                now,
                severity="critical",
                texts=("모든 장비의 자료가 끊겼습니다", "No device is heard"),
                details={},
            )
        return self._take_changes()

    def _judge(self, bins: Any) -> list[AlertRecord]:
        for end_s, means in bins:
            now = datetime.fromtimestamp(end_s, UTC)
            if self.pollution.step(end_s, self._bins.devices, means):
                self._judge_pollution(now)
            for device, finding in zip(self._bins.devices, self._smoke.step(means), strict=True):
                self._judge_smoke(device, finding, now)
            self._judged_s = end_s
        if self._judged_s > -np.inf:
            self._judge_silence(datetime.fromtimestamp(self._judged_s, UTC))
        return self._take_changes()

    def _judge_smoke(self, device: str, finding: Finding | None, now: datetime) -> None:
        for kind in CLASSES:
            if finding is None or finding.kind != kind:
                self._end(kind, device, now)
        if finding is None:
            return
        korean, english = reasons(finding.rises)
        place_ko, place_en = self._label(device)
        texts = (
            f"{place_ko}: {KINDS[finding.kind][0]} (평소와 주변보다 {', '.join(korean)})",
            f"{place_en}: {KINDS[finding.kind][1]} (above its usual level and the network: {', '.join(english)})",
        )
        details = {"class": CLASSES[finding.kind], "reasons_ko": korean, "reasons_en": english, "rises": finding.rises}
        severity = "critical" if finding.kind == "smoke" else "warning"
        self._raise(
            finding.kind,
            device,
            now,
            severity=severity,
            texts=texts,
            details=details,
            value=finding.value,
            quantity=finding.quantity,
        )

    def _judge_pollution(self, now: datetime) -> None:
        for station in self.site.stations:
            index = self.pollution.cai.get(station.name)
            if index is None or index.grade.key in ("good", "moderate"):
                self._end("cai", station.name, now)
                continue
            place_ko, place_en = self._label(station.name)
            leading = QUANTITY[index.pollutant]
            texts = (
                f"{place_ko}: 통합대기환경지수 {index.value:.0f} ({index.grade.label_ko}), 주오염물질 {leading.label_ko}",
                f"{place_en}: CAI {index.value:.0f} ({index.grade.label_en}), led by {leading.label_en}",
            )
            severity = "critical" if index.grade.key == "very-bad" else "warning"
            details = {
                "grade": index.grade.key,
                "sub_indices": {key: round(value, 1) for key, value in index.sub_indices.items()},
            }
            self._raise(
                "cai",
                station.name,
                now,
                severity=severity,
                texts=texts,
                details=details,
                value=round(index.value, 1),
                limit=100.0,
            )
        for (zone, quantity), state in self.pollution.advisories.items():
            self._judge_advisory(zone, quantity, state.level, now)

    def _judge_advisory(self, zone: str, quantity: str, number: int, now: datetime) -> None:
        kind = f"{quantity}-advisory"
        if number == 0:
            self._end(kind, zone, now)
            return
        level = ADVISORY_LEVELS[quantity][number - 1]
        mean = self.pollution.zone_means[zone, quantity]
        of_zone = next(one for one in self.site.zones if one.name == zone)
        row = QUANTITY[quantity]
        texts = (
            f"{of_zone.label_ko}: {row.label_ko} {level.label_ko} (시간평균 {amount(quantity, mean)})",
            f"{of_zone.label_en}: {row.label_en} {level.label_en} (hourly mean {amount(quantity, mean)})",
        )
        severity = "warning" if number == 1 else "critical"
        value = None if np.isnan(mean) else mean
        self._raise(
            kind,
            zone,
            now,
            severity=severity,
            texts=texts,
            details={"level": level.key},
            value=value,
            limit=level.issue_at,
            quantity=quantity,
        )

    def _judge_silence(self, now: datetime) -> None:
        silent = silent_devices(
            self._bins.devices, self._bins.newest_s, self._bins.interval_s, self._bins.watermark_s, self._offline
        )
        for device in self._bins.devices:
            if device not in silent:
                self._end("silent", device, now)
                continue
            place_ko, place_en = self._label(device)
            minutes = max(silent[device] / 60, 0)
            texts = (f"{place_ko}: {minutes:.0f}분째 자료 없음", f"{place_en}: nothing heard for {minutes:.0f} min")
            self._raise(
                "silent", device, now, severity="info", texts=texts, details={"offline": device in self._offline}
            )

    def _raise(
        self, kind: str, place: str, now: datetime, *, severity: str, texts: tuple[str, str], details: dict[str, Any],
        value: float | None = None, limit: float | None = None, quantity: str | None = None,
    ) -> None:  # fmt: skip
        before = self._active.get((kind, place))
        if before and before.severity == severity and (now - before.updated_at).total_seconds() < REFRESH_S:
            return
        started_at = before.started_at if before else now
        zones = {zone.name for zone in self.site.zones}
        zone = (
            place
            if place in zones
            else next((device.zone for device in self.site.devices if device.name == place), None)
        )
        alert = AlertRecord(
            id=f"{self.site.name}-{kind}-{place or 'all'}-{started_at:%Y%m%dT%H%M%S}", site=self.site.name, kind=kind, severity=severity,
            device=place if place and place not in zones else None, zone=zone, started_at=started_at, updated_at=now, ended_at=None,
            value=value, limit=limit, quantity=quantity, summary_ko=texts[0], summary_en=texts[1],
            details=json.dumps(details, ensure_ascii=False),
        )  # fmt: skip
        self._active[kind, place] = self._changed[alert.id] = alert

    def _end(self, kind: str, place: str, now: datetime) -> None:
        alert = self._active.pop((kind, place), None)
        if alert is not None:
            self._changed[alert.id] = alert._replace(updated_at=now, ended_at=max(now, alert.started_at))

    def _take_changes(self) -> list[AlertRecord]:
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    def _label(self, name: str) -> tuple[str, str]:
        for device in self.site.devices:
            if device.name == name:
                return device.label_ko or name, device.label_en or name
        return name, name
