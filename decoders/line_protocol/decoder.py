"""InfluxDB line protocol over MQTT, as Telegraf sends it. See README.md beside this file."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from jeonju.airquality.units import unit_of
from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import key_of, mapped_names, named_device
from jeonju.decoders.gathered import Gathered, says_nothing
from jeonju.decoders.line_protocol.points import Broken, Point, Value, line_bytes, read_lines
from jeonju.decoders.message import Message, refuse_too_large
from jeonju.decoders.times import from_epoch

_DEVICE_TAGS: Final = ("device", "host", "location")
_UNIT_TAGS: Final = ("unit", "units", "uom")
# A tag that says for how long ahead a point is forecast; a star says that it is of now.
_FORECAST: Final = "forecast"
_NOW: Final = "*"
# What a field is called where the measurement says what is measured.
_VALUE: Final = "value"


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the numbers of all points, and the lines that are none; raises RejectedError where no line is any."""
    refuse_too_large(message.payload)
    gathered, good, forecasts = Gathered(), 0, 0
    mapped = mapped_names(gateway)
    for number, line, point in read_lines(message.payload):
        try:
            if isinstance(point, Point) and point.tags.get(_FORECAST, _NOW) != _NOW:
                forecasts += 1
            else:
                _gather(gathered, point, gateway, mapped)
            good += 1
        except RejectedError as error:
            gathered.reject(f"line {number} {error}", partial(line_bytes, line))
    if gathered.rejected.count and not good:
        raise RejectedError(gathered.rejected.summary("lines"))
    return gathered.decoding(nothing="forecast") if forecasts else gathered.decoding()


def _gather(gathered: Gathered, point: Point | Broken, gateway: Gateway, mapped: frozenset[str]) -> None:
    """Add the numbers of a point; raises RejectedError for a line that is none, and for numbers of no device."""
    if isinstance(point, Broken):
        raise RejectedError(point.reason)
    fields = _named_by_measurement(point, mapped)

    def look_up(pointer: str) -> Any:
        """The pointer is `/` and the name, in which `~1` may stand for `/`."""
        return fields.get(pointer[1:].replace("~1", "/"))

    by_name = {name: value for name, value in fields.items() if name not in mapped} if mapped else fields
    try:
        device = _device(point, gateway)
    except RejectedError:
        if says_nothing(by_name, gateway, look_up):
            return
        raise
    at = None if point.time is None else from_epoch(point.time)
    gathered.put_named(device, at, by_name)
    gathered.put_mapped(device, at, gateway, look_up)


def _named_by_measurement(point: Point, mapped: frozenset[str]) -> Mapping[str, Any]:
    """Return the fields; one called `value` is named like the measurement if that is a quantity or mapped, or if it is the only field.

    Where the mapping points at `/value`, it says what that is.
    """
    fields, name = point.fields, point.measurement
    if _VALUE not in fields or name in fields or (_VALUE in mapped and name not in mapped):
        return fields
    if len(fields) > 1 and name not in mapped and key_of(name) is None:
        return fields
    return {name if field == _VALUE else field: _in_unit(value, point) for field, value in fields.items()}


def _in_unit(value: Value, point: Point) -> Any:
    """Return a value with the unit that a tag gives for it."""
    unit = next((unit for tag in _UNIT_TAGS if (unit := point.tags.get(tag))), None)
    return value if unit is None or unit_of(unit) is None else {"value": value, "unit": unit}


def _device(point: Point, gateway: Gateway) -> str:
    if gateway.device is not None:
        return named_device(gateway, {**point.fields, **point.tags})
    for tag in (gateway.device_tag,) if gateway.device_tag else _DEVICE_TAGS:
        if device := point.tags.get(tag):
            return device
    raise RejectedError(f"has no tag {gateway.device_tag or ' or '.join(_DEVICE_TAGS)} that names the device")
