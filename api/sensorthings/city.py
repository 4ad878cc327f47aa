"""The city as entities of the standard: what is known of devices now. Observations and places of the past come from `timed`.

Devices are Things, a quantity of a device is a Datastream. A device stands where the site file says; a robot where it was at its newest reading.
"""

import html
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Final, NamedTuple

from jeonju.airquality.pollutants import KEYS, QUANTITY
from jeonju.airquality.vocabulary import codes_of, definition_of
from jeonju.api.devices import ABSENT, Device, known_devices, micros, place_of, point
from jeonju.api.http.state import State
from jeonju.api.sensorthings.kinds import KINDS, SEPARATOR, Entity
from jeonju.messages import legal

GEOJSON: Final = "application/geo+json"
_MEASUREMENT: Final = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"


class Datastream(NamedTuple):
    """One quantity of one device."""

    device: Device
    key: str

    @property
    def id(self) -> str:
        """Its id: no name of a device has a colon."""
        return f"{self.device.name}:{self.key}"


class City:
    """The entities as of now, made once for a request."""

    def __init__(self, air: State) -> None:
        self.devices = known_devices(air)
        self._zones = {zone.name: zone for zone in air.site.zones}
        self._site = air.site
        self._sets: dict[str, Callable[[], Iterator[Entity]]] = {
            "Thing": lambda: map(self.thing, self.devices.values()),
            "Location": lambda: (self.location(one) for one in self.devices.values() if one.place is not None),
            "Datastream": lambda: map(self.datastream, self.datastreams.values()),
            "Sensor": lambda: (self.sensor(one) for one in self.devices.values() if one.keys),
            "ObservedProperty": lambda: (self.observed_property(key) for key in KEYS if key in self.keys),
            "FeatureOfInterest": lambda: (
                self.feature(one, one.newest) for one in self.devices.values() if one.place is not None
            ),
        }

    @cached_property
    def datastreams(self) -> dict[str, Datastream]:
        """Every Datastream by its id."""
        every = (Datastream(device, key) for device in self.devices.values() for key in device.keys)
        return {one.id: one for one in every}

    @cached_property
    def keys(self) -> frozenset[str]:
        """The quantities that are measured in this city."""
        return frozenset(one.key for one in self.datastreams.values())

    def all_of(self, kind: str) -> list[Entity]:
        """Return every entity of a kind that is not made of readings, in the order of their ids."""
        return list(self._sets[kind]())

    def thing(self, device: Device) -> Entity:
        """Return a device as a Thing."""
        record, configured = device.record, device.configured
        properties = {
            "kind": "robot" if device.is_moving else "station",
            "zone": device.zone,
            "site": self._site.name,
            "origin": record.origin if record else None,
            "state": record.state[:200] if record else None,
            "label_ko": configured.label_ko if configured else "",
            "certificate": configured.certificate if configured else "none",
        }
        zone = self._zones.get(device.zone)
        what = "Patrol robot" if device.is_moving else "Air-quality station"
        description = f"{what} in {zone.label_en if zone else self._site.label_en}"
        return Entity(
            KINDS["Thing"],
            device.name,
            {"name": device.label, "description": description, "properties": properties},
            device,
        )

    def location(self, device: Device, row: dict[str, Any] | None = None) -> Entity:
        """Return where a device is, or where it was at a reading, which needs a place."""
        place, at = (device.place, None) if row is None else (place_of(row), row["time"])
        return Entity(
            KINDS["Location"],
            device.name if row is None else moving_id(device.name, row),
            {
                "name": f"Place of {device.label}",
                "description": "Where it is now" if row is None else "Where it was at an instant",
                "encodingType": GEOJSON,
                "location": point(place or self._site.origin),
                "properties": ABSENT if at is None else {"time": at},
            },
            (device, row),
        )

    def feature(self, device: Device, row: dict[str, Any] | None) -> Entity:
        """Return the air around a device: of a robot that at the place of a reading."""
        is_moving = device.is_moving and row is not None and place_of(row) is not None
        place = place_of(row) if is_moving and row is not None else device.place
        return Entity(
            KINDS["FeatureOfInterest"],
            moving_id(device.name, row) if is_moving and row is not None else device.name,
            {
                "name": f"Air at {device.label}",
                "description": "The air around the instrument, at the height of its inlet",
                "encodingType": GEOJSON,
                "feature": None if place is None else point(place),
                "properties": {"time": row["time"]} if is_moving and row is not None else ABSENT,
            },
            (device, row if is_moving else None),
        )

    def datastream(self, stream: Datastream) -> Entity:
        """Return a quantity of a device as a Datastream."""
        device, quantity, codes = stream.device, QUANTITY[stream.key], codes_of(stream.key)
        return Entity(
            KINDS["Datastream"],
            stream.id,
            {
                "name": f"{quantity.label_en} at {device.label}",
                "description": f"{quantity.label_en} measured by {device.label}",
                "observationType": _MEASUREMENT,
                "unitOfMeasurement": {
                    "name": codes.name,
                    "symbol": quantity.unit,
                    "definition": f"ucum:{codes.ucum}",
                },
                "properties": {"quantity": stream.key, "ucum": codes.ucum, "decimals": quantity.decimals},
            },
            stream,
        )

    def sensor(self, device: Device) -> Entity:
        """Return the instruments of a device."""
        configured = device.configured
        korean, english = legal.label(configured.certificate if configured else "none")
        height_m = configured.height_m if configured else None
        return Entity(
            KINDS["Sensor"],
            device.name,
            {
                "name": f"Instruments of {device.label}",
                "description": english,
                "encodingType": "text/html",
                "metadata": f"<p lang='en'>{html.escape(english)}</p><p lang='ko'>{html.escape(korean)}</p>",
                "properties": {"height_m": height_m, "certificate": configured.certificate if configured else "none"},
            },
            device,
        )

    def observed_property(self, key: str) -> Entity:
        """Return a quantity."""
        quantity = QUANTITY[key]
        return Entity(
            KINDS["ObservedProperty"],
            key,
            {
                "name": quantity.label_en,
                "definition": definition_of(key),
                "description": f"{quantity.label_en} in {quantity.unit}",
                "properties": {
                    "label_ko": quantity.label_ko,
                    "minimum": quantity.minimum,
                    "maximum": quantity.maximum,
                },
            },
            key,
        )


def moving_id(device: str, row: dict[str, Any]) -> str:
    """Return the id of a place at which a robot was."""
    return f"{device}{SEPARATOR}{micros(row)}"
