"""What names of measurements mean that makers of LoRaWAN devices give in their codecs, and units behind them."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from jeonju.airquality.pollutants import KEYS, QUANTITY
from jeonju.airquality.units import unit_of
from jeonju.contract.extras import LONGEST_NAME
from jeonju.contract.gateways import conversion
from jeonju.decoders.fields import key_of

# Names that mean one quantity only, in lower case and without underscores.
OTHER_NAMES: Final = {
    "airtemperature": "temperature",
    "ambienttemperature": "temperature",
    "airhumidity": "humidity",
    "relativehumidity": "humidity",
    "atmosphericpressure": "pressure",
    "barometricpressure": "pressure",
    "airpressure": "pressure",
    "batteryvoltage": "voltage",
    "volt": "voltage",
    "hum": "humidity",
    "humi": "humidity",
    "rh": "humidity",
    "rhum": "humidity",
    "totalvoc": "tvoc",
    "vbat": "voltage",
    "vbatt": "voltage",
    "batvoltage": "voltage",
    "battvoltage": "voltage",
} | {key.replace("_", ""): key for key in KEYS if "_" in key}
BATTERIES: Final = frozenset(("bat", "batt", "battery"))
VOLTS: Final = frozenset(("V", "mV"))
# A unit behind a name: temperature_c, windSpeedKmh, NO2ppm.
_UNIT: Final = r"([A-Za-z][A-Za-z0-9]*)"
_UNIT_BEHIND: Final = (
    re.compile(rf"(.+)_{_UNIT}"),
    re.compile(rf"([^_]+)(?:(?<=[a-z0-9])(?=[A-Z])|(?=pp[mb]$)){_UNIT}"),
)
# PM1_0 is no PM_10: the sizes that stand apart are known by their own spelling.
_SIZE: Final = re.compile(r"pm_(10|25|10\.0|2[._]5|1[._]0)", re.IGNORECASE)
_CONCENTRATION: Final = re.compile("(.+?)_(?:mass_)?concentration")
# Cayenne's low power payload, which servers decode themselves: names with a channel behind them (The Things Stack), or above channels (ChirpStack).
PLACE: Final = "gps"
BEFORE_CHANNEL: Final = {
    "temperature": "temperature",
    "humidity": "humidity",
    "relative_humidity": "humidity",
    "barometer": "pressure",
    "barometric_pressure": "pressure",
    "gps": PLACE,
}
_WITH_CHANNEL: Final = re.compile("([a-z_]+)_[0-9]{1,3}")


class Meaning(NamedTuple):
    """What a name means: its words without a unit, in lower case and without underscores; a quantity if it is clear; the unit behind it."""

    words: str
    key: str | None
    unit: str | None = None


def fits(key: str, unit: str) -> bool:
    """Tell whether a quantity can be in a unit."""
    try:
        conversion(key, unit)
    except ValueError:
        return False
    return True


def understood(name: str) -> Meaning:
    """Return what a name means."""
    # What senders make up must not fill the memory of the cache.
    return _known(name) if len(name) <= LONGEST_NAME else Meaning(name, None)


@lru_cache(maxsize=10_000)
def _known(name: str) -> Meaning:
    for pattern in _UNIT_BEHIND:
        # An index is no amount, whatever its unit: voc_index.
        if (behind := pattern.fullmatch(name)) and unit_of(behind[2]) not in (None, "1"):
            return _in_unit(behind[1], behind[2])
    plain = name.replace("_", "").lower()
    if size := _SIZE.fullmatch(name):
        return Meaning(plain, key_of(f"pm{size[1]}"))
    if measured := _CONCENTRATION.fullmatch(name):
        return Meaning(plain, key_of(measured[1]))
    match = _WITH_CHANNEL.fullmatch(name)
    return Meaning(plain, BEFORE_CHANNEL.get(match[1]) if match else OTHER_NAMES.get(plain))


def _in_unit(head: str, unit: str) -> Meaning:
    words, key, other = _known(head)
    key = "voltage" if words in BATTERIES and unit_of(unit) in VOLTS else key or key_of(head)
    return Meaning(words, key if other is None and key in QUANTITY and fits(key, unit) else None, unit)
