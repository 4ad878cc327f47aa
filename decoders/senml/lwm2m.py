"""Objects and resources of LwM2M, as servers and gateways of it pass them on in SenML.

A resource is known by a path of numbers (`/3303/0/5700`), with the device before it (`dev1/3303/5700`), or beside the URN of the object as base
name, where resource 0 says whose it is. Numbers and units are those of the registry of the Open Mobile Alliance (OpenMobileAlliance/lwm2m-registry).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

_VALUE: Final = 5700
_UNITS: Final = 5701
# The substance of a concentration (3325) is nowhere said: the mapping says it (`/3325/0/5700`).
_OBJECTS: Final[dict[int, dict[int, tuple[str, str]]]] = {
    3303: {_VALUE: ("temperature", "Cel")},
    3304: {_VALUE: ("humidity", "%RH")},
    # The unit of these is what their resource 5701 says.
    3315: {_VALUE: ("pressure", "")},
    3316: {_VALUE: ("voltage", "")},
    3323: {_VALUE: ("pressure", "")},
    3324: {_VALUE: ("noise", "")},
    3336: {5514: ("latitude", ""), 5515: ("longitude", "")},
    3428: {
        1: ("pm10", "ug/m3"),
        3: ("pm25", "ug/m3"),
        5: ("pm1", "ug/m3"),
        7: ("co", "ppm"),
        9: ("so2", "ppm"),
        12: ("o3", "ppm"),
        15: ("no2", "ppm"),
        17: ("co2", "ppm"),
    },
}
# Objects of every device; numbers of one digit are levels of many names, so they count only where nothing stands before them.
_OF_ALL: Final[dict[int, dict[int, tuple[str, str]]]] = {
    3: {7: ("voltage", "mV"), 9: ("battery", "%")},
    4: {2: ("rssi", "dBm")},
    6: {0: ("latitude", ""), 1: ("longitude", ""), 2: ("altitude", "m"), 6: ("speed", "m/s")},
}
# Behind a device: an object of sensors with its instance, or without it where the resource is no small number that might be anything.
_PATH: Final = re.compile(
    r"(?:(?P<device>.*)/)?(?P<path>(?P<object>3[234]\d\d)/(?:\d{1,5}/\d{1,5}|[56]\d{3}|(?<=3428/)\d{1,2}))", re.DOTALL
)
# Of a resource that has several instances, such as the voltages of power sources, the first counts.
_PATH_ALONE: Final = re.compile(r"(?P<device>)/(?P<path>(?P<object>\d{1,5})/\d{1,5}/\d{1,5})(?:/0)?")
_URN: Final = re.compile(r"urn:oma:lwm2m:(?:oma|ext|x):(?P<object>\d{1,5})(?:[/:].*)?")


class Resource(NamedTuple):
    """What a record is of: whose it is ("" where nothing says so), its path without the device, our key if known, and the unit ("" for none)."""

    device: str
    path: str
    key: str | None
    unit: str


def text_of(record: Mapping[str, Any]) -> Any:
    """Return the text that a record holds; `sv` is its name before RFC 8428, and in the JSON of LwM2M 1.0."""
    return record.get("vs", record.get("sv"))


class Objects:
    """What the records of one pack say of each other: whose an object is, and in which unit its value."""

    def __init__(self, records: Iterable[Any]) -> None:
        self._devices: dict[str, str] = {}
        self._units: dict[str, str] = {}
        base_name = ""
        for record in records:
            if not isinstance(record, dict):
                continue
            base_name = record["bn"] if isinstance(record.get("bn"), str) else base_name
            name, text = record.get("n"), text_of(record)
            if isinstance(name, str) and isinstance(text, str):
                if name == "0" and _URN.fullmatch(base_name):
                    self._devices[base_name] = text
                elif name.rpartition("/")[2] == str(_UNITS):
                    self._units[(base_name + name).removesuffix(str(_UNITS))] = text

    def device(self, base_name: str) -> str | None:
        """Return whose an object is whose URN is the base name, "" where the pack does not say it; None for any other base name."""
        return self._devices.get(base_name, "") if _URN.fullmatch(base_name) else None

    def resource(self, base_name: str, name: str) -> Resource | None:
        """Return what a record is of; None where its name is that of no resource."""
        if (urn := _URN.fullmatch(base_name)) and name.isdecimal():
            device, number, path = self._devices.get(base_name, ""), int(urn["object"]), f"{urn['object']}/{name}"
        elif found := _PATH.fullmatch(base_name + name) or _PATH_ALONE.fullmatch(base_name + name):
            device, number, path = found["device"] or "", int(found["object"]), found["path"]
        else:
            return None
        resource = path.rpartition("/")[2]
        key, unit = (_OBJECTS | _OF_ALL).get(number, {}).get(int(resource), (None, ""))
        return Resource(device, path, key, self._units.get((base_name + name).removesuffix(resource), unit))
