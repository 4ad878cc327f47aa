"""What codecs of LoRaWAN devices return: members under the names of their makers, channels, lists of measurements, and what a device had kept."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from jeonju.airquality.pollutants import QUANTITY
from jeonju.airquality.units import unit_of
from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.fields import key_of, mapped_names
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.lorawan_names import BATTERIES, PLACE, VOLTS, Meaning, fits, understood
from jeonju.decoders.numbers import VALUE_NAMES, Amount, read_amount
from jeonju.decoders.times import When, instant

# What a device had kept while nobody heard it: a list of objects, each with its time.
HISTORY: Final = "history"
TIME: Final = "timestamp"
# Beside what a probe in soil or water says, and without a humidity of the air, the temperature is that of the probe.
OF_A_PROBE: Final = frozenset(
    (
        "moisture",
        "soilmoisture",
        "soilhumidity",
        "ec",
        "conductivity",
        "electricalconductivity",
        "volumetricwatercontent",
        "waterdepth",
        "waterlevel",
        "turbidity",
        "dissolvedoxygen",
    )
)
OTHER_TEMPERATURES: Final = frozenset(("soiltemperature", "watertemperature"))
PROBE: Final = "probe_temperature"
ABOVE_CHANNELS: Final = {
    "temperatureSensor": "temperature",
    "humiditySensor": "humidity",
    "barometer": "pressure",
    "gpsLocation": PLACE,
}
# Short for the temperature, of a chip or a time perhaps; beside a humidity, or beside `rh`, it is that of the air.
SHORT, SHORTEST, RELATIVE = "temp", "t", "rh"
# SenseCAP lists measurements by the numbers of their kinds, and its battery.
LISTED: Final = "messages"
NUMBER, VALUE = "measurementId", "measurementValue"
OF_NUMBER: Final = {
    "4097": ("temperature", "°C"),
    "4098": ("humidity", "%"),
    "4100": ("co2", "ppm"),
    "4101": ("pressure", "Pa"),
    "4104": ("wind_direction", "°"),
    "4105": ("wind_speed", "m/s"),
}
# No battery has a thousand volts or percent, and none is given as a part of a percent up to five: that is its voltage.
LEAST_MV: Final = 1000
MOST_V: Final = 5
# What comes in units of its own, and none beside it.
DOUBTFUL: Final = frozenset(("voltage", "pressure"))
# A hundred times what the air's pressure can be [hPa]: it is in Pa.
IN_PA: Final = (100 * QUANTITY["pressure"].minimum, 100 * QUANTITY["pressure"].maximum)


def put_decoded(
    gathered: Gathered, device: str, at: When, members: dict[str, Any], gateway: Gateway, pointer: str
) -> None:
    """Add what a codec returns, which stands at a pointer: members by their names, and what the device had kept, each at its own time."""
    skip = mapped_names(gateway, pointer)
    mapped = {
        entry.pointer[len(pointer) + 1 :].partition("/")[0]
        for entry in gateway.mapping
        if entry.pointer.startswith(pointer + "/")
    }
    gathered.put_named(device, at, _in_our_names(members, mapped), skip=skip)
    kept = members.get(HISTORY)
    if not isinstance(kept, list) or HISTORY in mapped:
        return
    for entry in kept:
        spend()
        if not isinstance(entry, dict):
            continue
        if isinstance(then := instant(entry.get(TIME), gateway.timezone), datetime):
            rest = {name: value for name, value in entry.items() if name != TIME}
            gathered.put_named(device, then, _in_our_names(rest, set()))
        else:
            gathered.reject(f"an entry of {HISTORY!r} has no {TIME!r}", partial(msgspec.json.encode, entry))


def _in_our_names(members: dict[str, Any], mapped: set[str]) -> dict[str, Any]:
    """Return members under the names of our quantities where they are clear; what the mapping points at or into stays as it is."""
    flat = _on_one_level(members, mapped)
    named = _without_channels(flat, mapped)
    if "temperature" not in mapped:
        short = {SHORT, SHORTEST} if any(understood(name).words == RELATIVE for name in flat) else {SHORT}
        named = _with_the_right_temperature(named, mapped, short)
    return _in_clear_units(named, mapped)


def _on_one_level(members: dict[str, Any], mapped: set[str]) -> dict[str, Any]:
    """Return members with those of objects beside them, under both names: wind_speed for the speed below wind."""
    flat = dict[str, Any]()
    for name, value in members.items():
        if isinstance(value, dict) and name not in mapped and name not in ABOVE_CHANNELS and _is_group(name, value):
            for inner, one in value.items():
                flat.setdefault(f"{name}_{inner}", one)
        else:
            flat[name] = value
    return flat


def _is_group(name: str, value: dict[str, Any]) -> bool:
    """Tell whether an object holds measurements: it is no value with its unit, and no place."""
    if any(held in value for held in VALUE_NAMES) or understood(name).key == PLACE:
        return False
    for one in value.values():
        spend()
        if read_amount(one) is not None:
            return True
    return False


def _in_clear_units(named: dict[str, Any], mapped: set[str]) -> dict[str, Any]:
    """Return members with the unit in which their numbers can be only: a pressure of 101300 is in Pa, a battery of 3.6 in volts."""
    doubtful = [name for name in named if name not in mapped and _is_doubtful(name)]
    if not doubtful:
        return named
    clear = dict(named)
    for name in doubtful:
        if (amount := read_amount(named[name])) is None:
            continue
        key = key_of(name)
        if _is_voltage(name, amount):
            in_mv = amount.unit is None and amount.value >= LEAST_MV
            clear.setdefault("voltage", {"value": amount.value, "unit": "mV"} if in_mv else clear[name])
            del clear[name]
        elif amount.unit is None and key == "voltage" and amount.value >= LEAST_MV:
            clear[name] = {"value": amount.value, "unit": "mV"}
        elif amount.unit is None and key == "pressure" and IN_PA[0] <= amount.value <= IN_PA[1]:
            clear[name] = {"value": amount.value, "unit": "Pa"}
    return clear


def _is_doubtful(name: str) -> bool:
    return key_of(name) in DOUBTFUL or understood(name).words in BATTERIES


def _is_voltage(name: str, amount: Amount) -> bool:
    """Tell whether what is said of a battery is its voltage."""
    if understood(name).words not in BATTERIES:
        return False
    if amount.unit is not None:
        return unit_of(amount.unit) in VOLTS
    low = 0 < amount.value < MOST_V and not amount.value.is_integer()
    return key_of(name) == "battery" and (low or amount.value >= LEAST_MV)


def _with_the_right_temperature(named: dict[str, Any], mapped: set[str], short: set[str]) -> dict[str, Any]:
    """Return members of which `temperature` is that of the air: not that of a probe, and also where it is called shortly beside a humidity."""
    words = {understood(name).words for name in named}
    if "humidity" in words:
        called = [name for name in named if name not in mapped and _is_temperature(understood(name), short)]
        if called and "temperature" not in words and len({understood(name).words for name in called}) == 1:
            meant = _with_unit(named[called[0]], understood(called[0]).unit)
            return {"temperature": meant} | {name: value for name, value in named.items() if name != called[0]}
    elif not OF_A_PROBE.isdisjoint(words) and OTHER_TEMPERATURES.isdisjoint(words):
        return {PROBE if key_of(name) == "temperature" else name: value for name, value in named.items()}
    return named


def _is_temperature(meaning: Meaning, short: set[str]) -> bool:
    return meaning.words in short and (meaning.unit is None or fits("temperature", meaning.unit))


def _with_unit(value: Any, unit: str | None) -> Any:
    return value if unit is None or isinstance(value, dict) else {"value": value, "unit": unit}


def _without_channels(members: dict[str, Any], mapped: set[str]) -> dict[str, Any]:
    """Return members with what is said once under the name of our quantity; of several channels nobody knows which is in the air."""
    found, rest, in_units = dict[str, dict[str, Any]](), dict[str, Any](), set[str]()
    for name, value in members.items():
        words, meaning, unit = understood(name)
        may_mean = meaning is not None or name == LISTED or name in ABOVE_CHANNELS
        # One measurement in two units, temperature_c and temperature_f; or the third of several, temperature_c beside temperature_b.
        again = unit is not None and (words in in_units or name[:-1] + chr(ord(name[-1]) - 1) in members)
        if unit is not None:
            in_units.add(words)
        meant = [] if name in mapped or again or not may_mean else list(_meant(name, value))
        for key, said, one in meant:
            channels = found.setdefault(key, {})
            channels[f"{said}_{len(channels) + 1}" if said in channels else said] = one
        if not meant:
            rest[name] = value
    known = {key_of(name) for name in rest} if found else set()
    for key, channels in found.items():
        (first, *others) = channels.values()
        if others or key in known:
            rest |= channels
        elif key != PLACE:
            rest[key] = first
        elif isinstance(first, dict):
            rest |= {name: first[name] for name in ("latitude", "longitude", "altitude") if name in first}
    return rest


def _meant(name: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield key, name and value of the quantities that a member means, whether channels stand behind its name, below it, or not."""
    if name == LISTED and isinstance(value, list):
        yield from _listed(value)
    elif name in ABOVE_CHANNELS and isinstance(value, dict):
        for channel, one in value.items():
            spend()
            yield ABOVE_CHANNELS[name], f"{name}_{channel}", one
    elif (key := understood(name).key) is not None:
        yield key, name, _with_unit(value, understood(name).unit)


def _listed(messages: list[Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield key, name and value of the measurements in a list, or in the lists of one."""
    for message in messages:
        spend()
        if isinstance(message, list):
            yield from _listed([inner for inner in message if isinstance(inner, dict)])
        elif isinstance(message, dict) and NUMBER in message and VALUE in message:
            said = str(message[NUMBER])
            key, unit = OF_NUMBER.get(said, (f"measurement_{said}", None))
            value = message[VALUE]
            yield key, f"measurement_{said}", value if unit is None else {"value": value, "unit": unit}
        elif isinstance(message, dict) and "battery" in message:
            yield "battery", "battery", message["battery"]
