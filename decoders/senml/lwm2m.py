"""Objects and resources of LwM2M, as servers and gateways of it pass them on in SenML.

A resource is known by a path of numbers (`/3303/0/5700`), with the device before it (`dev1/3303/5700`), or beside the URN of the object as base
name, where resource 0 says whose it is. Numbers and units are those of the registry of the Open Mobile Alliance (OpenMobileAlliance/lwm2m-registry).
"""

import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

_VALUE: Final = 5700
_UNITS: Final = 5701
# The substance of a concentration (3325) is nowhere said: the mapping says it (`/3325/0/5700`).
_OBJECTS: Final[dict[int, dict[int, tuple[str, str]]]] = {
    3303: {_VALUE: ("temperature", "Cel")},
    3304: {_VALUE: ("humidity", "%RH")},
    # The unit of these is what their resource 5701 says.
    3315: {_VALUE: ("pressure", "")},
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
# Numbers of one digit are levels of many names: they count only where nothing stands before them.
_OF_ALL: Final[dict[int, dict[int, tuple[str, str]]]] = {
    3: {9: ("battery", "%")},
    6: {0: ("latitude", ""), 1: ("longitude", "")},
}
_NUMBERS: Final = "|".join(map(str, _OBJECTS))
_PATH: Final = re.compile(rf"(?:(?P<device>.*)/)?(?P<object>{_NUMBERS})(?:/\d{{1,5}})?/(?P<resource>\d{{1,5}})")
_PATH_OF_ALL: Final = re.compile(r"(?P<device>)/(?P<object>[36])/\d{1,5}/(?P<resource>\d{1,5})")
_URN: Final = re.compile(r"urn:oma:lwm2m:(?:oma|ext|x):(?P<object>\d{1,5})(?:[/:].*)?")
_NUMBERS_ONLY: Final = re.compile(r"/?(?:\d{1,5}/)+")


class Resource(NamedTuple):
    """What a record of a resource holds: whose it is ("" where nothing says so), our key, and the unit of the registry ("" for none)."""

    device: str
    key: str
    unit: str


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
            name, text = record.get("n"), record.get("vs")
            if isinstance(name, str) and isinstance(text, str):
                if name == "0" and _URN.fullmatch(base_name):
                    self._devices[base_name] = text
                elif name.rpartition("/")[2] == str(_UNITS):
                    self._units[(base_name + name).removesuffix(str(_UNITS))] = text

    def device(self, base_name: str) -> str | None:
        """Return whose an object is whose URN is the base name, "" where the pack does not say it; None for any other base name."""
        return self._devices.get(base_name, "") if _URN.fullmatch(base_name) else None

    def resource(self, base_name: str, name: str) -> Resource | None:
        """Return what a record is of; None where its name is that of no resource that is known."""
        if urn := _URN.fullmatch(base_name):
            known = _OBJECTS.get(int(urn["object"]), {})
            device, number = self._devices.get(base_name, ""), name
        elif path := _PATH.fullmatch(base_name + name) or _PATH_OF_ALL.fullmatch(base_name + name):
            known = (_OBJECTS | _OF_ALL)[int(path["object"])]
            device, number = path["device"] or "", path["resource"]
        else:
            return None
        if not number.isdecimal() or (found := known.get(int(number))) is None:
            return None
        return Resource(device, found[0], self._units.get((base_name + name).removesuffix(number), found[1]))


def joined(base_name: str, name: str) -> tuple[str, str]:
    """Return base name and name, as one name where the base name is but the beginning of a path: it names no device."""
    return ("", base_name + name) if base_name and _NUMBERS_ONLY.fullmatch(base_name) else (base_name, name)
