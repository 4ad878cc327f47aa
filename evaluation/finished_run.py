"""A folder that `jeonju run` wrote, read back: its readings, alerts, incidents and truth in a store, so that the console shows it like a city."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from jeonju.common.errors import UserError
from jeonju.contract import topics
from jeonju.contract.columns import INSTANT, READINGS
from jeonju.contract.events import EVENT, Dust, Fire, Leak, Odour
from jeonju.contract.records import AlertRecord, DeviceRecord, LedgerEntry
from jeonju.contract.site import Site, load_site
from jeonju.evaluation.running_score import in_short
from jeonju.evaluation.score import fitting
from jeonju.localization.trace import Source
from jeonju.messages.alerts import Labels
from jeonju.messages.incidents import summaries
from jeonju.response.incidents.incident import Incident, LatLon
from jeonju.response.incidents.stored import record_of
from jeonju.response.incidents.tracker import IncidentTracker
from jeonju.simulator.exposure import EventExposure, Happening
from jeonju.storage.port import Commit, Store

NEEDED: Final = ("readings.parquet", "truth.parquet", "alerts.parquet", "sources.parquet", "events.json", "score.json")
ROWS_AT_ONCE: Final = 100_000
CELL_M: Final = 50.0
HALF: Final = 0.5
NINE_TENTHS: Final = 0.9
# When the map that is scored was made (`jeonju.evaluation.located`).
MAPPED_AFTER: Final = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """What is in the folder; readings are read when a store is filled with them, at most 100 000 rows at once."""

    folder: Path
    site: Site
    title_ko: str
    title_en: str
    start: datetime
    end: datetime
    happened: tuple[Happening, ...]
    alerts: tuple[AlertRecord, ...]
    score: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "FinishedRun":
        """Read all but the readings. Raises UserError for a folder that is no run, or one of another version."""
        if missing := [name for name in NEEDED if not (folder / name).exists()]:
            raise UserError(
                f"{folder} is no finished run: {missing[0]} is missing; make one with: jeonju run NAME --out {folder}"
            )
        try:
            return cls._of(folder)
        except (ValueError, KeyError, TypeError, OSError, ValidationError) as error:
            raise UserError(
                f"{folder} cannot be shown: {str(error).splitlines()[0]}; run it again with this version: jeonju run NAME --out {folder}"
            ) from error

    @classmethod
    def _of(cls, folder: Path) -> "FinishedRun":
        times = pq.read_table(folder / "readings.parquet", columns=["site", "time"])
        if not times.num_rows:
            raise ValueError("it holds no readings")
        path = folder / "run.json"
        about = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        span = pc.min_max(times["time"]).as_py()
        return cls(
            folder=folder,
            site=load_site(about.get("site") or times["site"][0].as_py()),
            title_ko=about.get("title_ko") or folder.name,
            title_en=about.get("title_en") or folder.name,
            start=span["min"],
            end=span["max"],
            happened=tuple(_happenings(json.loads((folder / "events.json").read_text(encoding="utf-8")))),
            alerts=tuple(AlertRecord(**row) for row in pq.read_table(folder / "alerts.parquet").to_pylist()),
            score=json.loads((folder / "score.json").read_text(encoding="utf-8")),
        )

    def fill(self, store: Store) -> None:
        """Write readings, truth once a minute, alerts, incidents and the ledger into an empty store."""
        for table in self._readings():
            store.write(Commit(readings=table))
        store.write(Commit(readings=self._truth(), devices=self._devices(), ledger=self._ledger()))
        store.write_alerts(self.alerts)
        labels = Labels(self.site)
        records = [record_of(incident) for incident in self._incidents()]
        texts = [summaries(record, labels) for record in records]
        store.write_incidents(
            [record._replace(summary_ko=ko, summary_en=en) for record, (ko, en) in zip(records, texts, strict=True)]
        )

    def truth(self) -> dict[str, Any]:
        """Return what happened and the score, as `RunningScore` does for a city that runs."""
        incidents = self._incidents()
        shown = []
        for happening, scored in zip(self.happened, self.score["events"], strict=True):
            exposure = happening.exposure
            raised = {alert.id for alert in fitting(exposure, self.alerts)} if exposure else set()
            holding = (incident.id for incident in incidents if raised & incident.alerts.keys())
            result = {key: value for key, value in scored.items() if key != "maps"} | {"incident": next(holding, None)}
            shown.append(in_short(happening) | {"result": result})
        totals = {key: self.score[key] for key in ("detected", "reached", "cannot_be_seen", "false_alarms")}
        return {
            "happened": shown,
            "happened_total": len(shown),
            "score": totals | {"released": len(shown)},
        }

    def _readings(self) -> Iterator[pa.Table]:
        file = pq.ParquetFile(self.folder / "readings.parquet")
        for batch in file.iter_batches(ROWS_AT_ONCE):
            yield as_readings(pa.Table.from_batches([batch]))

    def _truth(self) -> pa.Table:
        table = pq.read_table(self.folder / "truth.parquet")
        whole = pc.equal(table["time"], pc.floor_temporal(table["time"], unit="minute"))
        table = table.filter(whole)
        name = topics.TRUTH.format(site=self.site.name)
        return as_readings(table.set_column(0, "site", pa.array([name] * table.num_rows)))

    def _devices(self) -> list[DeviceRecord]:
        robots = {robot.name for robot in self.site.robots}
        return [
            DeviceRecord(
                site,
                device.name,
                device.zone,
                "robot" if device.name in robots else "station",
                "simulated",
                "online",
                self.end,
            )
            for site in (self.site.name, topics.TRUTH.format(site=self.site.name))
            for device in self.site.devices
        ]

    def _ledger(self) -> list[LedgerEntry]:
        counts = self.score["loss"].items()
        return [LedgerEntry(self.site.name, device, None, None, **known, rejected=0) for device, known in counts]

    def _incidents(self) -> list[Incident]:
        """Return the incidents that the alerts make, with the scored map of the event that raised them, and the robots' missions."""
        tracker, known = IncidentTracker(self.site), dict[str, Incident]()
        for alert in sorted(self.alerts, key=lambda alert: alert.started_at):
            tracker.close_idle(alert.started_at)
            known |= {incident.id: incident for incident in tracker.add([alert], self._places(alert))}
        tracker.close_idle(self.end)
        for number, happening in enumerate(self.happened):
            exposure = happening.exposure
            raised = {alert.id for alert in fitting(exposure, self.alerts)} if exposure else set()
            holding = [incident for incident in known.values() if raised & incident.alerts.keys()]
            for incident in holding[:1]:
                incident.source = self._source(number, incident)
                if incident.source is not None:
                    incident.add_estimate(incident.source)
                incident.missions = [
                    {**visit, "places": []} for visit in self.score.get("visits", []) if visit["event"] == number
                ]
        return list(known.values())

    def _places(self, alert: AlertRecord) -> dict[str, LatLon]:
        """Return where the device of an alert was when it was raised."""
        stations: dict[str, LatLon] = {station.name: (station.lat, station.lon) for station in self.site.stations}
        if alert.device is None or alert.device in stations:
            return stations
        before = [("device", "==", alert.device), ("time", "<=", alert.started_at)]
        within = [*before, ("time", ">=", alert.started_at - timedelta(minutes=2))]
        seen = pq.read_table(self.folder / "truth.parquet", columns=["lat", "lon"], filters=within)
        return stations | ({alert.device: (seen["lat"][-1].as_py(), seen["lon"][-1].as_py())} if seen.num_rows else {})

    def _source(self, number: int, incident: Incident) -> Source | None:
        cells = pq.read_table(self.folder / "sources.parquet", filters=[("event", "==", number)])
        scored = self.score["events"][number]
        if not cells.num_rows or not scored.get("rate_g_s"):
            return None
        lat, lon, share = (cells[name].to_numpy() for name in ("lat", "lon", "probability"))
        order = np.argsort(-share)
        total = np.cumsum(share[order])
        shown = order[: int(np.searchsorted(total, NINE_TENTHS)) + 1]
        x, y = self.site.map.to_xy(lat, lon)
        best = order[0]
        far_m = np.hypot(x - x[best], y - y[best])
        nearest = np.argsort(far_m)
        within = np.cumsum(share[nearest])

        def radius_m(part: float) -> float:
            last = min(int(np.searchsorted(within, part)), len(within) - 1)
            return round(max(float(far_m[nearest[last]]), CELL_M / 2), 0)

        return Source(
            quantity=scored["located_by"],
            lat=float(lat[best]),
            lon=float(lon[best]),
            radius_m=radius_m(HALF),
            radius_90_m=radius_m(NINE_TENTHS),
            elsewhere=round(1 - float(total[-1]), 4),
            is_unsure=bool(scored["location_unsure"]),
            rate_g_s=tuple(scored["rate_g_s"]),
            cells=tuple((float(lat[k]), float(lon[k]), float(share[k])) for k in shown),
            cell_m=CELL_M,
            traced_at=min(incident.opened_at + MAPPED_AFTER, self.end),
            cells_of_half=int(np.searchsorted(total, HALF)) + 1,
        )


def _happenings(events: Sequence[dict[str, Any]]) -> Iterator[Happening]:
    for told in events:
        event = dict(told)
        known = {name: event.pop(name) for name in ("start_s", "end_s", "reached_s", "peak", "passed_s")}
        checked = EVENT.validate_python(event)
        if not isinstance(checked, Fire | Leak | Dust | Odour):
            raise TypeError(f"events.json holds a {checked.kind}, which releases nothing")
        yield Happening(checked, known["start_s"], EventExposure(checked, sources=[], **known))


def as_readings(table: pa.Table) -> pa.Table:
    """Return a table of a run with all columns of the store: what arrived, arrived when it was measured."""
    columns = []
    for field in READINGS:
        name = "time" if field.name == "received_at" else field.name
        known = table[name] if name in table.column_names else pa.nulls(table.num_rows)
        columns.append(
            known.cast(INSTANT)
            if field.type == INSTANT
            else known.cast(pa.string()).dictionary_encode()
            if name in ("site", "device")
            else known.cast(field.type)
        )
    return pa.table(columns, schema=READINGS)
