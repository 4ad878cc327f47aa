"""Half an hour of two stations and a robot that drives north, for tests of the standards."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jeonju.contract.columns import readings_table
from jeonju.contract.quality import Flag, encode_flags
from jeonju.contract.records import DeviceRecord
from jeonju.storage.port import Commit

NOW: Final = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
EVERY: Final = timedelta(seconds=10)
STEPS: Final = 180
STATIONS: Final = ("palbok-01", "palbok-02")
ROBOT: Final = "robot-1"
# Of the newest value but four.
DOUBTFUL: Final = encode_flags({"pm10": Flag.of("suspect", "out-of-range")})


def half_an_hour() -> Commit:
    """Return what the devices sent; of two stations one is known to the site file alone."""
    return Commit(
        readings=readings_table([row for step in range(STEPS) for row in _rows(step)]),
        devices=[
            DeviceRecord("jeonju", "palbok-01", "palbok", "station", "simulated", "online", NOW),
            DeviceRecord("jeonju", ROBOT, "palbok", "robot", "simulated", "online", NOW),
        ],
    )


def robot_place(step: int) -> tuple[float, float]:
    """Return where the robot was so many steps ago: latitude, longitude."""
    return round(35.86 - step * 1e-4, 6), 127.09


def _rows(step: int) -> list[dict[str, Any]]:
    base = {"site": "jeonju", "time": NOW - step * EVERY, "received_at": NOW, "boot": "1", "seq": STEPS - step}
    rows = [
        base | {"device": device, "pm25": 20.0 + step / 10, "pm10": 30.0, "temperature": 4.0, "humidity": 60.0}
        for device in STATIONS
    ]
    if step == 4:
        rows[0]["quality"] = DOUBTFUL
    lat, lon = robot_place(step)
    return [*rows, base | {"device": ROBOT, "pm25": 50.0, "lat": lat, "lon": lon, "battery": 80.0}]
