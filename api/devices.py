"""Devices as the standards show them: what the site file, the store and the newest reading say of each."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from jeonju.airquality.pollutants import KEYS
from jeonju.api.http.state import State
from jeonju.contract.records import DeviceRecord
from jeonju.contract.site import Robot, Station

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ABSENT: Final[dict[str, Any]] = {}


class Device(NamedTuple):
    """What is known of one device: how it is called, what the site file and the store say, and its newest reading."""

    name: str
    configured: Station | Robot | None
    record: DeviceRecord | None
    newest: dict[str, Any] | None

    @property
    def is_moving(self) -> bool:
        """Whether its place is that of its reading."""
        return isinstance(self.configured, Robot) or (self.record is not None and self.record.kind == "robot")

    @property
    def label(self) -> str:
        """What people call it."""
        return (self.configured.label_en if self.configured else "") or self.name

    @property
    def zone(self) -> str:
        """The zone that it belongs to, empty where nobody said."""
        return self.configured.zone if self.configured else (self.record.zone if self.record else "")

    @property
    def place(self) -> tuple[float, float] | None:
        """Latitude and longitude now, None where they are not known."""
        if isinstance(self.configured, Station):
            return self.configured.lat, self.configured.lon
        return place_of(self.newest) if self.newest else None

    @property
    def keys(self) -> list[str]:
        """The quantities that it measures, in the order of all quantities."""
        known = set(self.configured.quantities) if self.configured else set()
        newest = self.newest or ABSENT
        return [key for key in KEYS if key in known or newest.get(key) is not None]


def known_devices(air: State) -> dict[str, Device]:
    """Return every device of the site file and of the store, by its name, in the order of names."""
    configured = {device.name: device for device in air.site.devices}
    records = {record.device: record for record in air.store.devices(air.site.name)}
    newest = {row["device"]: row for row in air.store.latest(air.site.name).to_pylist()}
    return {
        name: Device(name, configured.get(name), records.get(name), newest.get(name))
        for name in sorted({*configured, *records, *newest})
    }


def place_of(row: dict[str, Any]) -> tuple[float, float] | None:
    """Return where a reading was taken, None where it does not say."""
    return None if row["lat"] is None or row["lon"] is None else (row["lat"], row["lon"])


def point(place: tuple[float, float]) -> dict[str, Any]:
    """Return GeoJSON of latitude and longitude."""
    return {"type": "Point", "coordinates": [place[1], place[0]]}


def micros(row: dict[str, Any]) -> int:
    """Return the time of a reading in microseconds since 1970, of which ids are made."""
    return (row["time"] - EPOCH) // timedelta(microseconds=1)
