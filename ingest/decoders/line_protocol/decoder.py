"""InfluxDB line protocol over MQTT, as Telegraf sends it. See README.md beside this file."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.ingest.decoded import Decoding
from jeonju.ingest.decoders.fields import mapped_names, named_device
from jeonju.ingest.decoders.gathered import Gathered, says_nothing
from jeonju.ingest.decoders.times import from_epoch
from jeonju.ingest.message import Message, refuse_too_large

_ESCAPED: Final = re.compile(r"\\([,= \\\"])")
_INTEGER: Final = re.compile(r"([-+]?\d+)[iu]")
_DEVICE_TAGS: Final = ("device", "host", "location")


class Point(NamedTuple):
    """One line."""

    tags: dict[str, str]
    fields: dict[str, float | str]
    time: int | None


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the numbers of all points; raises RejectedError naming the line that is none."""
    refuse_too_large(message.payload)
    try:
        text = message.payload.decode()
    except UnicodeDecodeError as error:
        raise RejectedError(f"is not UTF-8: {error.reason}") from error
    gathered, mapped = Gathered(), mapped_names(gateway)
    for number, line in enumerate(_lines(text), start=1):
        point = parse_line(line, number)
        look_up = partial(_field_at, point)
        by_name = {name: value for name, value in point.fields.items() if name not in mapped}
        try:
            device = _device(point, gateway, number)
        except RejectedError:
            if says_nothing(by_name, gateway, look_up):
                continue
            raise
        at = None if point.time is None else from_epoch(point.time)
        gathered.put_named(device, at, by_name)
        gathered.put_mapped(device, at, gateway, look_up)
    return gathered.decoding()


def parse_line(line: str, number: int = 1) -> Point:
    """Return one point; raises RejectedError for what is no line protocol."""
    parts = [part for part in _split(line, " ") if part]
    if len(parts) not in (2, 3):
        raise RejectedError(f"line {number} is no line protocol: measurement,tags fields time")
    head = _split(parts[0], ",")
    tags = dict(_pair(part, number) for part in head[1:])
    fields: dict[str, float | str] = {}
    for part in _split(parts[1], ","):
        name, text = _pair(part, number)
        fields[name] = _field(text, number)
    try:
        time = int(parts[2]) if len(parts) == 3 else None
    except ValueError as error:
        raise RejectedError(f"line {number} has the time {parts[2][:40]!r}, which is no integer") from error
    return Point(
        {_plain(name): _plain(value) for name, value in tags.items()},
        {_plain(name): value for name, value in fields.items()},
        time,
    )


def _field_at(point: Point, pointer: str) -> float | str | None:
    """The pointer is `/` and the name, in which `~1` may stand for `/`."""
    return point.fields.get(pointer[1:].replace("~1", "/"))


def _lines(text: str) -> Iterator[str]:
    for line in _split(text, "\n"):
        if (stripped := line.strip()) and not stripped.startswith("#"):
            yield stripped


def _split(text: str, mark: str) -> list[str]:
    """Split at marks that are neither escaped nor within quotes; quotes count in field values only, which begin with one after `=`."""
    parts, begin, quoted, index = [], 0, False, 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 2
            continue
        if char == '"' and (quoted or text[index - 1 : index] == "="):
            quoted = not quoted
        elif char == mark and not quoted:
            parts.append(text[begin:index])
            begin = index + 1
        index += 1
    parts.append(text[begin:])
    return parts


def _pair(text: str, number: int) -> tuple[str, str]:
    name, equals, value = (parts := _split(text, "="))[0], len(parts) > 1, "=".join(parts[1:])
    if not equals or not name or not value:
        raise RejectedError(f"line {number} has {text[:40]!r} where name=value should be")
    return name, value


def _field(text: str, number: int) -> float | str:
    if text.startswith('"'):
        return _plain(text[1:].removesuffix('"'))
    if found := _INTEGER.fullmatch(text):
        return float(found[1])
    if text in ("t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"):
        return text
    try:
        return float(text)
    except ValueError as error:
        raise RejectedError(f"line {number} has the value {text[:40]!r}, which is none") from error


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _device(point: Point, gateway: Gateway, number: int) -> str:
    if gateway.device is not None:
        return named_device(gateway, {**point.fields, **point.tags})
    for tag in (gateway.device_tag,) if gateway.device_tag else _DEVICE_TAGS:
        if point.tags.get(tag):
            return point.tags[tag]
    raise RejectedError(
        f"line {number} has no tag {gateway.device_tag or ' or '.join(_DEVICE_TAGS)} that names the device"
    )
