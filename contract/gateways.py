"""What a site file says about gateways that speak a format of their own: on which topics, in which format, and what is to be known besides."""

import re
from functools import cached_property
from typing import Annotated, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict

from jeonju.airquality import units
from jeonju.airquality.pollutants import KEYS
from jeonju.contract.topics import NAME, ROOT, is_filter

Format = Literal[
    "airkorea",
    "chirpstack",
    "fiware_ul",
    "ha_discovery",
    "json",
    "line_protocol",
    "ngsi_ld",
    "onem2m",
    "senml",
    "sensor_community",
    "sensorthings",
    "sparkplug_b",
    "tasmota",
    "thingsboard",
    "tts",
    "vda5050",
    "zigbee2mqtt",
]
# Besides the quantities a message may tell where the device is.
PLACE_KEYS: Final = ("latitude", "longitude")


def conversion(key: str, unit: str) -> tuple[float, float]:
    """Return scale and offset that turn a value in `unit` into the unit in which a quantity or place is stored: value · scale + offset.

    Gases given as mass are taken at 25 °C and 1 atm. Raises ValueError for a unit that does not fit.
    """
    if key not in PLACE_KEYS:
        return units.conversion(key, unit)
    if unit != "°":
        raise ValueError(f"is in {unit}, but {key} is in °")
    return 1.0, 0.0


def _key(text: str) -> str:
    if text not in KEYS and text not in PLACE_KEYS:
        raise ValueError(f"{text!r} is no quantity; there are: {', '.join([*KEYS, *PLACE_KEYS])}")
    return text


def _pointer(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError(f"{text!r} is no JSON pointer; write it like /object/{text}")
    return text


def _filter(text: str) -> str:
    if not is_filter(text) or text.startswith(f"{ROOT}/"):
        raise ValueError(
            f"{text!r} is no topic filter of a gateway: `+` and a last `#` stand for whole levels, and {ROOT}/ is the platform's own"
        )
    return text


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is no device name: 1 to 64 letters, digits, '-' or '_', beginning with a letter or digit"
        )
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"{text!r} is no time zone such as Asia/Seoul") from error
    return text


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mapping(_Strict):
    """Where a message holds a quantity, and how its number becomes ours: value · scale + offset.

    `pointer` is a JSON pointer, empty for a message that is a lone number, or `/` and a name. A step `*` stands for every element of a list.
    """

    pointer: Annotated[str, AfterValidator(_pointer)]
    key: Annotated[str, AfterValidator(_key)]
    unit: str | None = None
    scale: float = 1.0
    offset: float = 0.0

    def model_post_init(self, _context: object) -> None:
        """Refuse a unit that does not fit."""
        if self.unit is not None:
            conversion(self.key, self.unit)

    def convert(self, value: float) -> float:
        """Return a value of the message in the unit that the quantity is stored in."""
        value = value * self.scale + self.offset
        if self.unit is None:
            return value
        scale, offset = conversion(self.key, self.unit)
        return value * scale + offset


OWN_IDENTITY: Final = "{device}"
_TEMPLATE: Final = re.compile(r"(?:[^{}]|\{(?:-?[1-9][0-9]?|/[^{}]*|device)\})+")


def _identity(text: str) -> str:
    if "{" in text and not _TEMPLATE.fullmatch(text):
        raise ValueError(
            f"{text!r} is no device: braces hold a level of the topic ({{2}}, from the end {{-1}}), a JSON pointer ({{/id}}) or {OWN_IDENTITY}"
        )
    return text


# Formats whose pointers may lead to every element of a list.
WITH_LISTS: Final = ("json", "onem2m")
_EVERY: Final = re.compile(r"(?:.*/\*(?=/|$))?", re.DOTALL)


def list_path(pointer: str | None) -> str:
    """Return a pointer up to its last step `*`; empty where it has none, and for a fixed text."""
    found = _EVERY.match(pointer) if pointer is not None and pointer.startswith("/") else None
    return found[0] if found else ""


class ListOf(NamedTuple):
    """Entries of a mapping that are read together, once for each element that `path` (up to its last `*`) leads to, or once where it is empty.

    The first `own` of them stand inside the list: an element says something where one of these does.
    """

    path: str
    entries: tuple[Mapping, ...]
    own: int


def _one_path(paths: list[str]) -> str:
    """Return the path that all others are part of; raises ValueError where they lead into different lists."""
    longest = max(paths, key=len)
    for path in paths:
        if path and path != longest and not longest.startswith(path + "/"):
            raise ValueError(
                f"{path} and {longest} lead into different lists: device, time and quantity of a reading stand in one"
            )
    return longest


class Gateway(_Strict):
    """One kind of messages: the topics they come on and the format they are in.

    `device` and `time` are a fixed text or, beginning with `/`, a JSON pointer. Where a fixed or pointed-at device counts differs by format; a
    template such as `{2}-{/sensor/id}` or `{2}/{device}` counts in all: `{2}` is the second level of the topic, `{-1}` the last, `{/id}` a member
    of the payload, `{device}` what the format itself says. `timezone` is that of device clocks that send none,
    `device_tag` the tag that names the device in line protocol. `names` gives devices our names where their own are not wanted.
    Pointers of `device`, `time` and mapping with a step `*` lead to every element of a list; each element is read with the device and time beside it.
    """

    topic: Annotated[str, AfterValidator(_filter)]
    format: Format
    device: Annotated[str, AfterValidator(_identity)] | None = None
    time: str | None = None
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    device_tag: str | None = None
    mapping: list[Mapping] = []
    names: dict[str, Annotated[str, AfterValidator(_name)]] = {}

    def model_post_init(self, _context: object) -> None:
        """Refuse pointers that cannot be read together."""
        template = self.device_template or ""
        if any(list_path(part) for part in re.findall(r"\{(/[^{}]*)\}", template)):
            raise ValueError(
                f"{template!r}: `*` cannot be part of a template; a device may be a pointer with `*` alone"
            )
        if self.lists and self.format not in WITH_LISTS:
            raise ValueError(f"`*` in a pointer is read in {' and '.join(WITH_LISTS)}, not in {self.format}")

    @cached_property
    def lists(self) -> tuple[ListOf, ...]:
        """What the mapping reads for each element of which list; empty where no pointer has a `*`."""
        beside = [list_path(self.device), list_path(self.time)]
        if not any(beside) and not any(list_path(entry.pointer) for entry in self.mapping):
            return ()
        together: dict[str, list[Mapping]] = {}
        for entry in self.mapping:
            together.setdefault(_one_path([*beside, list_path(entry.pointer)]), []).append(entry)
        found = []
        for path, entries in together.items():
            entries.sort(key=lambda entry: not list_path(entry.pointer))
            own = sum(bool(list_path(entry.pointer)) for entry in entries)
            found.append(ListOf(path, tuple(entries), own or len(entries)))
        return tuple(found)

    @property
    def device_template(self) -> str | None:
        """The device where it is a template; None for a fixed one, a pointer or none."""
        return self.device if self.device is not None and "{" in self.device else None
