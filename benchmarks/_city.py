"""A city's readings and records drawn by hand, straight into a store: for what asks a store, where how they came there is no matter.

One city in one file, so a little over 300 lines."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa

from jeonju.airquality.index import GRADES, INDEX_UPPER, POLLUTANTS
from jeonju.contract.columns import READINGS, readings_table
from jeonju.contract.official import official_stations
from jeonju.contract.quality import Flag, encode_flags
from jeonju.contract.records import (
    AlertRecord,
    DeviceRecord,
    ForecastRecord,
    IncidentRecord,
    IndexRecord,
    JournalEntry,
    LedgerEntry,
    ServiceStatistics,
)
from jeonju.contract.site import Robot, Site, Station
from jeonju.contract.topics import TRUTH
from jeonju.forecast.city import QUANTITIES
from jeonju.storage.rollup import ANGLES, MINUTE_S, fold

# What is usual of each quantity, and how much it varies over a day.
USUAL: Final = {
    "pm1": (12, 5),
    "pm25": (22, 10),
    "pm10": (40, 18),
    "no2": (0.02, 0.01),
    "o3": (0.03, 0.015),
    "co": (0.5, 0.2),
    "so2": (0.003, 0.001),
    "h2s": (0.002, 0.001),
    "nh3": (0.02, 0.01),
    "tvoc": (120, 50),
    "voc_index": (100, 20),
    "temperature": (8, 6),
    "humidity": (60, 15),
    "pressure": (1013, 3),
    "noise": (55, 6),
    "wind_speed": (2.5, 1.2),
    "wind_direction": (300, 25),
    "thermal_max": (18, 6),
}
# How much each rises in the smoke.
SMOKE: Final = {"pm1": 120, "pm25": 160, "pm10": 190, "co": 4, "tvoc": 500, "no2": 0.05, "thermal_max": 300}
FIRE: Final = (35.8552, 127.0925)
DAY_S: Final = 86_400
# So long after its end the value of an hour is asked for.
LATE_S: Final = 780


def readings(
    site: Site, start: datetime, end: datetime, every_s: int, *, fire_at: datetime, named: str = ""
) -> pa.Table:
    """Return readings of every device from `start` until `end`; the fire burns from `fire_at` on near the middle of the works."""
    times = np.arange(int(start.timestamp()), int(end.timestamp()), every_s)
    tables = [
        _of_device(site, device, times, every_s, fire_at.timestamp(), number, named)
        for number, device in enumerate(site.devices)
    ]
    return pa.concat_tables(tables)


def rolled_up(rows: pa.Table, every_s: int) -> pa.Table:
    """Return the means over `every_s` seconds that a store would make of readings, all at once."""
    with closing(duckdb.connect(":memory:")) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("readings", rows)
        directions = ", ".join(f"(degrees(atan2({name}_sin, {name}_cos)) + 360) % 360 AS {name}" for name in ANGLES)
        folded = fold("readings", every_s, "true", all_columns=True)
        return connection.sql(f"SELECT *, {directions} FROM ({folded})").to_arrow_table()


def truth(site: Site, start: datetime, end: datetime, *, fire_at: datetime) -> pa.Table:
    """Return the same minute by minute as the truth."""
    return readings(site, start, end, 60, fire_at=fire_at, named=TRUTH.format(site=site.name))


def official(site: Site, start: datetime, end: datetime) -> pa.Table:
    """Return the hourly values of the official stations that the site file names, and of the weather service, at the end of each hour."""
    of = dict.fromkeys(official_stations(site), POLLUTANTS) | {"kma-62-89": ("temperature", "humidity")}
    hours = range(int(start.timestamp()) // 3600 * 3600 + 3600, int(end.timestamp()) - LATE_S, 3600)
    return readings_table(
        [
            {"site": site.name, "device": device, "time": at, "received_at": at + timedelta(seconds=LATE_S)}
            | {
                key: round(USUAL[key][0] * (1.1 + 0.3 * float(np.sin(at.timestamp() / 9000 + number))), 4)
                for key in keys
            }
            for number, (device, keys) in enumerate(of.items())
            for at in (datetime.fromtimestamp(hour, UTC) for hour in hours)
        ]
    )


def _of_device(
    site: Site, device: Station | Robot, times: np.ndarray, every_s: int, fire_s: float, number: int, named: str
) -> pa.Table:
    random = np.random.default_rng(number + (1000 if named else 0))
    columns: dict[str, Any] = {}
    lat, lon = _place(device, times)
    near = np.exp(-(((lat - FIRE[0]) ** 2 + ((lon - FIRE[1]) * 0.81) ** 2) / 0.006**2))
    burning = np.where(times > fire_s, np.minimum(1.0, (times - fire_s) / 1200), 0.0) * near
    daily = np.sin(2 * np.pi * (times % DAY_S) / DAY_S + number / 5)
    for key in device.quantities:
        usual, varying = USUAL.get(key, (1.0, 0.2))
        noise = 0.0 if named else random.normal(0, 0.05 * usual, len(times))
        columns[key] = usual + varying * daily + noise + SMOKE.get(key, 0) * burning
    if "wind_direction" in columns:
        columns["wind_direction"] = columns["wind_direction"] % 360
    if isinstance(device, Robot) and not named:
        columns |= _of_robot(times, number)
    quality = np.full(len(times), None, dtype=object)
    if not named and number == 4:
        quality[-max(2, len(times) // 50) :] = encode_flags({"pm25": Flag.of("bad", "stuck", for_s=3600)})
    if not named and number == 5:
        # A spike of one reading.
        columns["pm25"][len(times) // 2] = 900.0 if every_s < MINUTE_S else columns["pm25"][len(times) // 2]
        quality[::40] = encode_flags({"pm25": Flag.of("suspect", "step", before=20.0, after=900.0, within_s=10)})
    instants = pa.array(times * 1_000_000, pa.int64()).cast(READINGS.field("time").type)
    every = {
        "site": pa.array([named or site.name] * len(times)),
        "device": pa.array([device.name] * len(times)),
        "time": instants,
        "received_at": pa.array(times * 1_000_000 + 200_000, pa.int64()).cast(READINGS.field("time").type),
        "boot": pa.array(["b1"] * len(times)),
        "seq": pa.array(np.arange(len(times))),
        "lat": pa.array(lat),
        "lon": pa.array(lon),
        "quality": pa.array(quality, pa.string()),
    } | {key: pa.array(np.round(values, 4)) for key, values in columns.items()}
    empty = pa.nulls(len(times))
    return pa.table(
        [
            every.get(name, empty).cast(READINGS.field(name).type)
            if name in every
            else pa.nulls(len(times), READINGS.field(name).type)
            for name in READINGS.names
        ],
        schema=READINGS,
    )


def _place(device: Station | Robot, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(device, Station):
        return np.full(len(times), device.lat), np.full(len(times), device.lon)
    corners = np.array([*device.loop, device.loop[0]])
    along = (times / 300.0) % len(device.loop)
    at, share = along.astype(int), (along % 1)[:, None]
    places = corners[at] * (1 - share) + corners[at + 1] * share
    return places[:, 0], places[:, 1]


def _of_robot(times: np.ndarray, number: int) -> dict[str, np.ndarray]:
    return {
        "speed": np.full(len(times), 1.1),
        "heading": (times / 300.0 * 90 + 40 * number) % 360,
        "battery": 60 + 30 * np.sin(2 * np.pi * times / 7200 + number),
        "robot_activity": np.where((times // 3600 + number) % 4 == 0, 4.0, 1.0),
    }


def devices(site: Site, at: datetime) -> list[DeviceRecord]:
    """Return what is known of every device; the last of them is offline."""
    return [
        DeviceRecord(
            site.name,
            device.name,
            device.zone,
            "robot" if isinstance(device, Robot) else "station",
            "simulated",
            "offline" if device is site.devices[-1] else "online",
            at,
        )
        for device in site.devices
    ]


def ledger(site: Site) -> list[LedgerEntry]:
    """Return a loss ledger with a few gaps."""
    return [
        LedgerEntry(site.name, device.name, "b1", 900, 900, number % 3, 2 if number == 3 else 0, 0, 0)
        for number, device in enumerate(site.devices)
    ]


def indexes(site: Site, start: datetime, end: datetime, every: timedelta) -> Iterator[IndexRecord]:
    """Yield the index of every station over time."""
    at = start
    while at <= end:
        for number, station in enumerate(site.stations):
            value = 45 + 8 * number + 20 * float(np.sin(at.timestamp() / 9000 + number))
            grade = next(grade for grade, upper in zip(GRADES, INDEX_UPPER, strict=True) if value <= upper)
            yield IndexRecord(site.name, station.name, at, station.lat, station.lon, value, grade.key, "pm25")
        at += every


def forecasts(site: Site, made_at: datetime) -> Iterator[ForecastRecord]:
    """Yield the forecast of the next 24 hours at every station, as the one before it left the last hour."""
    first = made_at.replace(minute=0, second=0, microsecond=0)
    for station in site.stations:
        for quantity in QUANTITIES:
            usual = USUAL[quantity][0]
            for ahead in range(25):
                at = first + timedelta(hours=ahead)
                low, high = usual * (1 - 0.02 * ahead), usual * (1 + 0.03 * ahead)
                yield ForecastRecord(site.name, station.name, quantity, at, usual, low, high, ahead, 1, made_at)


def services(site: Site, start: datetime, end: datetime, every: timedelta) -> Iterator[ServiceStatistics]:
    """Yield what ingest said of itself."""
    at, count = start, 0
    while at <= end:
        count += 1
        yield ServiceStatistics(
            site.name,
            "ingest",
            at,
            26 * count,
            26 * count,
            count // 50,
            count,
            count % 7,
            0.1 + 0.01 * (count % 5),
            1,
            int(not 100 < count < 110),
        )
        at += every


def alerts(site: Site, fire_at: datetime) -> list[AlertRecord]:
    """Return the alerts of the fire, which last, a notice that lasts, and one that is over."""

    def alert(kind: str, severity: str, device: str, started: datetime, ended: datetime | None) -> AlertRecord:
        zone = next((each.zone for each in site.devices if each.name == device), None)
        return AlertRecord(
            f"{site.name}-{kind}-{device}-{started:%Y%m%dT%H%M%S}",
            site.name,
            kind,
            severity,
            device,
            zone,
            started,
            started,
            ended,
            180.0,
            60.0,
            "pm25",
            f"{device}에서 경보",
            f"alert at {device}",
            "{}",
        )

    minute = timedelta(minutes=1)
    return [
        alert("smoke", "critical", "palbok-04", fire_at + 4 * minute, None),
        alert("smoke", "warning", "palbok-03", fire_at + 9 * minute, None),
        alert("stuck", "info", "palbok-05", fire_at - 60 * minute, None),
        alert("dust", "warning", "manseong-02", fire_at - 90 * minute, fire_at - 40 * minute),
    ]


def incidents(site: Site, fire_at: datetime) -> list[IncidentRecord]:
    """Return the incident of the fire, which is open, and an older one."""
    minute = timedelta(minutes=1)

    def incident(
        name: str, state: str, kind: str, at: datetime, closed: datetime | None, radius_m: float | None
    ) -> IncidentRecord:
        lat, lon = FIRE if radius_m else (None, None)
        return IncidentRecord(
            f"{site.name}-{at:%Y%m%dT%H%M%S}-{name}",
            site.name,
            state,
            kind,
            "critical" if closed is None else "warning",
            "palbok",
            at,
            at,
            closed,
            lat,
            lon,
            radius_m,
            12.5 if radius_m else None,
            0.93,
            "팔복동: 화재 의심, 장비 3대가 감지",
            "Palbok: suspected fire, seen by 3 devices",
            "{}",
            None if radius_m is None else 2.5 * radius_m,
        )

    return [
        incident("palbok-04", "open", "fire", fire_at + 4 * minute, None, 240.0),
        incident("manseong-02", "closed", "dust", fire_at - 90 * minute, fire_at - 30 * minute, None),
    ]


def journal(site: Site, fire_at: datetime) -> list[JournalEntry]:
    """Return what people and robots did about the fire."""
    incident, minute = incidents(site, fire_at)[0].id, timedelta(minutes=1)
    return [
        JournalEntry(
            "j1",
            site.name,
            fire_at + 6 * minute,
            "kim",
            "acknowledge",
            incident,
            json.dumps({"note": "fire brigade called"}),
        ),
        JournalEntry(
            "j2",
            site.name,
            fire_at + 7 * minute,
            "system",
            "dispatch",
            "robot-2",
            json.dumps({"incident": incident, "robot": "robot-2"}),
        ),
        JournalEntry(
            "j3",
            site.name,
            fire_at + 25 * minute,
            "system",
            "dispatch-over",
            "robot-2",
            json.dumps({"incident": incident, "outcome": "located"}),
        ),
    ]
