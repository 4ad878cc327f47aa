"""What the names of an entity tell that its class does not: whether it is of the air, as it is now, and in the open."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from jeonju.airquality.pollutants import KEYS, QUANTITIES

# What is warm, moist or under pressure, or what it should be; where the name says that it is not the air as measured, it is none of ours.
_THINGS: Final = (
    "water|soil|ground|pool|spa|aquarium|surface|road|pipe|tank|fridge|freezer|oven",
    "chip|cpu|gpu|mcu|soc|core|processor|board|pcb|battery|internal|heat ?sink|inverter|motor|engine|oil|coolant|tyre|tire|switch",
    "system|boiler|flow|return|supply|brine|coil|burner|exhaust|flue|buffer|collector|compressor|evaporator|condenser|refrigerant",
    "suction|discharge|radiator|mixer|differential",
    "min|max|minimum|maximum|target|comfort|eco|manual|summer|design|heat|offset|calibration",
)
_OF_WHAT: Final = "|".join(_THINGS)
_STATE: Final = "(?:temp|temperature|hum|humidity|moisture|press|pressure)"
_NOT_OF_THE_AIR: Final = re.compile(
    rf"\b(?:{_OF_WHAT}) ?{_STATE}\b|\b{_STATE} (?:{_OF_WHAT})(?: \d+)?$"
    r"|\b(?:dew ?point|frost ?point|wet ?bulb|wind ?chill|heat ?index|simmer ?index|humidex|feels? ?like|apparent|perceived|vpd|vapou?r pressure)\b"
    r"|\b(?:set ?point|selected|desired|dhw)\b"
    # Not the first floor's: there the number goes before.
    rf"|^floor ?{_STATE}\b|\b{_STATE} floor$"
)
_OF_A_MEDIUM: Final = frozenset(("temperature", "humidity", "pressure"))
# What was measured in a day is not what is measured now, and neither is what will be.
_NOT_OF_NOW: Final = re.compile(
    r"\b(?:(?:8|12|24) ?h(?:ours?|rs?)?|daily|yesterday|tomorrow|nowcast|forecast|predicted|prediction)\b"
)
# What the wind was at most is not what it is.
_GUST: Final = re.compile(r"(?<!au)gust|\b(?:max|maximum)\b")
_OF_WIND: Final = frozenset(("wind_speed", "wind_direction"))
# Sizes of particles besides those that have classes of their own: PM4 is often given that of PM2.5.
_OTHER_SIZE: Final = re.compile(r"\bpm ?[045]\b")
_OF_DUST: Final = frozenset(("pm1", "pm25", "pm10"))
# Computed from other gases.
_EQUIVALENT: Final = re.compile(r"\be ?co2\b|\bco2 ?e(?:q\w*)?\b|\b(?:equivalent|estimated)\b")
# Classes of gases are given to indices, for want of others, and that of NO2 to the sum of the oxides.
_INDEX: Final = re.compile(r"\bindex\b")
_OF_GAS: Final = frozenset(quantity.key for quantity in QUANTITIES if quantity.molar_mass_g_mol is not None) | {"tvoc"}
_OXIDES: Final = re.compile(r"\bno ?x\b")
# The loudest and the quietest are not what is heard now, and a part of the spectrum is not all of it.
_PART_OF_NOISE: Final = re.compile(r"\bl?(?:max|maximum|(?<!\d )min|minimum|peak)\b|\b(?:profile|spectrum|band)\b")
_OUTDOORS: Final = re.compile(
    r"\b(?:outdoors?|outside|out ?(?:temp|hum)\w*)\b|\b(?:temp|temperature|hum|humidity) ?out$"
)
_INDOORS: Final = re.compile(
    r"\b(?:indoors?|inside|in ?(?:temp|hum)\w*)\b|\b(?:temp|temperature|hum|humidity|co2) ?in$"
)
# As the instrument gave it, or reduced to the level of the sea; of a station the barometer often is that, too.
_SECOND: Final = re.compile(r"\braw\b|\bsea ?level\b|\brelative pressure\b|\bbarom ?rel\b|\b(?:altimeter|barometer)$")
# Quantities of two words that are written as one: windspeed.
OF_ONE_WORD: Final = {key.replace("_", ""): key for key in KEYS if "_" in key}
_BETWEEN_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z0-9]+")


def told(texts: Iterable[str]) -> list[str]:
    """Return names in lower case and with spaces between their words, as they are compared."""
    return [_BETWEEN_WORDS.sub(" ", text).strip().lower() for text in texts]


def is_left_aside(key: str, names: Sequence[str]) -> bool:
    """Tell whether names say that a quantity is not that of the air, or not of now."""
    return (
        any(map(_NOT_OF_NOW.search, names))
        or (key in _OF_A_MEDIUM and any(map(_NOT_OF_THE_AIR.search, names)))
        or (key in _OF_WIND and any(map(_GUST.search, names)))
        or (key in _OF_DUST and any(map(_OTHER_SIZE.search, names)))
        or (key == "co2" and any(map(_EQUIVALENT.search, names)))
        or (key in _OF_GAS and is_index(names))
        or (key == "no2" and any(map(_OXIDES.search, names)))
        or (key == "noise" and any(map(_PART_OF_NOISE.search, names)))
    )


def is_index(names: Sequence[str]) -> bool:
    """Tell whether names say that a number is an index, and no amount."""
    return any(map(_INDEX.search, names))


def of_signal(names: Sequence[str]) -> str | None:
    """Return which quantity of the class of signals names mean: its strength, that above the noise, or none for the noise itself."""
    words = {word for name in names for word in name.split()}
    return "snr" if "snr" in words else None if "noise" in words else "rssi"


def distance(names: Sequence[str]) -> int:
    """Return how far a sensor is from the air outside, as its names tell; raw and reduced values come after."""
    inside = 0 if any(map(_OUTDOORS.search, names)) else 2 if any(map(_INDOORS.search, names)) else 1
    return inside + 3 * any(map(_SECOND.search, names))
