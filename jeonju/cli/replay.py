"""Publish recorded readings onto MQTT, at their own pace or faster."""

import csv
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from jeonju.airquality.pollutants import KEYS
from jeonju.broker.client import Client
from jeonju.broker.identity import passing_id
from jeonju.common.errors import UserError
from jeonju.common.text_file import lines_of
from jeonju.contract import topics
from jeonju.contract.reading import DeviceStatus, Reading, encode, encode_status
from jeonju.evaluation.timelines import from_csv, from_json_lines
from jeonju.storage.port import DEFAULT_RETENTION

MOST_IN_A_MESSAGE: Final = 60
MOST_OUTSTANDING: Final = 1000
ACKNOWLEDGED_WITHIN_S: Final = 60.0
# Methane of the controlled releases comes with the wind of the whole site, which is given to a device of its own.
WIND_DEVICE: Final = "wind"

Recorded = tuple[str, Reading]


def recorded(path: Path) -> Iterator[Recorded]:
    """Return (site, reading) of a recording in its own order: Parquet, CSV, JSON lines, or a folder with a `readings.parquet` or controlled releases.

    Raises UserError for anything else.
    """
    if (parquet := parquet_of(path)) is not None:
        return _parquet(parquet)
    if path.suffix in (".csv", ".jsonl"):
        return from_csv(path) if path.suffix == ".csv" else from_json_lines(path)
    if path.is_dir() and (path / "observations.csv").exists() and (path / "sensors.csv").exists():
        return _controlled_release(path)
    raise UserError(
        f"{path} is no recording; give a .parquet, .csv or .jsonl file, or a folder with observations.csv and sensors.csv"
    )


def parquet_of(path: Path) -> Path | None:
    """Return the Parquet file that a recording is or holds, None where there is none."""
    if path.is_dir() and (path / "readings.parquet").exists():
        return path / "readings.parquet"
    return path if path.suffix == ".parquet" else None


def kept_for(paths: list[Path], now: datetime) -> list[str]:
    """Return, for each recording that begins before what a store keeps by default, a line that says so and how to keep it.

    Which store is behind the broker, and how long it keeps, is not known here.
    """
    kept_s = DEFAULT_RETENTION.readings_s or math.inf
    lines = []
    for path in paths:
        begin = next((reading.time for _, reading in recorded(path) if reading.time is not None), None)
        if begin is not None and (age_s := (now - begin).total_seconds()) > kept_s:
            days = math.ceil(age_s / 86_400)
            lines.append(
                f"{path} begins on {begin:%Y-%m-%d}, {days} days ago, and stores keep readings for {kept_s / 86_400:.0f} days by default: "
                "the embedded one counts them from arrival, InfluxDB keeps older ones as long as the means of their time. "
                f"To keep the readings longer, first start `jeonju ingest` or `jeonju up` with --keep-raw {days + 30}d or more; "
                "their hourly means stay in any case"
            )
    return lines


def replay(
    paths: list[Path],
    broker_url: str,
    *,
    site: str | None = None,
    speed: float | None = None,
    on_progress: Callable[[int], None] = lambda _count: None,
) -> int:
    """Publish all recordings and return how many readings the broker has acknowledged; `speed` None is as fast as possible.

    Raises UserError when the broker does not answer or does not acknowledge.
    """
    recordings = [recorded(path) for path in paths]
    publisher = _Publisher(broker_url)
    published = 0
    try:
        for recording in recordings:
            begun_at, begun = None, time.monotonic()
            for of_site, batch in _batches(recording, alone=speed is not None):
                if speed is not None and batch[0].time is not None:
                    begun_at = begun_at or batch[0].time
                    time.sleep(max((batch[0].time - begun_at).total_seconds() / speed - (time.monotonic() - begun), 0))
                publisher.publish(site or of_site, batch)
                published += len(batch)
                on_progress(published)
        publisher.finish()
    finally:
        publisher.close()
    return published


def _batches(readings: Iterator[Recorded], *, alone: bool) -> Iterator[tuple[str, list[Reading]]]:
    """Gather the readings of each device into messages; at the recording's own pace every reading is a message."""
    waiting: dict[tuple[str, str], list[Reading]] = {}
    for site, reading in readings:
        batch = waiting.setdefault((site, reading.device), [])
        batch.append(reading)
        if alone or len(batch) >= MOST_IN_A_MESSAGE:
            yield site, waiting.pop((site, reading.device))
    for (site, _), batch in waiting.items():
        yield site, batch


class _Publisher:
    """One gateway that speaks for all recorded devices."""

    def __init__(self, broker_url: str) -> None:
        self._sent = 0
        self._acknowledged = 0
        self._progress = threading.Condition()
        self._client = Client(broker_url, passing_id("jeonju-replay"), on_refused=self._wake)
        self._client.max_inflight_messages_set(200)
        self._client.on_publish = self._on_publish
        self._known: set[tuple[str, str]] = set()
        self._client.begin()

    def publish(self, site: str, batch: list[Reading]) -> None:
        device = batch[0].device
        if (site, device) not in self._known:
            self._known.add((site, device))
            status = encode_status(DeviceStatus(state="online", kind="recording", origin="replay"))
            self._publish(topics.status(site, device), status)
        self._publish(topics.readings(site, device), encode(batch[0] if len(batch) == 1 else batch))
        self._wait_until_outstanding(MOST_OUTSTANDING)

    def finish(self) -> None:
        """Wait until the broker has acknowledged everything."""
        self._wait_until_outstanding(0)

    def _publish(self, topic: str, payload: bytes) -> None:
        self._sent += 1
        self._client.publish(topic, payload, qos=1)

    def _wake(self, *_: Any) -> None:
        with self._progress:
            self._progress.notify()

    def _on_publish(self, *_: Any) -> None:
        with self._progress:
            self._acknowledged += 1
            self._progress.notify()

    def _wait_until_outstanding(self, most: int) -> None:
        with self._progress:
            while self._sent - self._acknowledged > most:
                acknowledged = self._progress.wait(ACKNOWLEDGED_WITHIN_S)
                if self._client.failure:
                    raise self._client.failure
                if not acknowledged:
                    raise UserError(
                        f"the broker has acknowledged nothing for {ACKNOWLEDGED_WITHIN_S:.0f} s; is its disk full?"
                    )

    def close(self) -> None:
        self._client.end()


def _parquet(path: Path) -> Iterator[Recorded]:
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise UserError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    names = set(file.schema_arrow.names)
    if missing := {"site", "device", "time"} - names:
        raise UserError(f"{path} has no column {', '.join(sorted(missing))}; is it a readings.parquet?")
    for batch in file.iter_batches(batch_size=10_000):
        for row in batch.to_pylist():
            yield row["site"], _reading(row)


def _reading(row: dict[str, Any]) -> Reading:
    place = (row.get("lat"), row.get("lon"))
    return Reading(
        device=row["device"],
        seq=row.get("seq"),
        boot=row.get("boot"),
        time=row["time"].astimezone(UTC),
        position=place if None not in place else None,  # type: ignore[arg-type]
        values={key: row[key] for key in KEYS if row.get(key) is not None},
    )


def _controlled_release(folder: Path) -> Iterator[Recorded]:
    """Methane [ppm] at each sensor and the wind of the site, minute by minute; the folder's name is the site."""
    with closing(lines_of(folder / "sensors.csv")) as file:
        places = {row["name"]: (float(row["lat"]), float(row["lon"])) for row in csv.DictReader(file)}
    counts = dict.fromkeys([*places, WIND_DEVICE], 0)
    with closing(lines_of(folder / "observations.csv")) as file:
        rows = csv.DictReader(file)
        if missing := {"time", *places} - set(rows.fieldnames or ()):
            raise UserError(f"{folder / 'observations.csv'} has no column {', '.join(sorted(missing))}")
        for number, row in enumerate(rows, start=2):
            try:
                at = datetime.fromisoformat(row["time"])
                of_minute = [(name, {"ch4": float(row[name])}) for name in places if row[name]]
                wind = {
                    key: float(row[column])
                    for key, column in (("wind_direction", "wind_from_deg"), ("wind_speed", "wind_speed_m_s"))
                    if row.get(column)
                }
            except ValueError as error:
                raise UserError(f"{folder / 'observations.csv'}:{number}: {error}") from error
            for name, values in [*of_minute, *([(WIND_DEVICE, wind)] if wind else [])]:
                yield (
                    folder.name,
                    Reading(
                        device=name, seq=counts[name], boot="1", time=at, position=places.get(name), values=dict(values)
                    ),
                )
                counts[name] += 1
