"""Filler values: what instruments and their firmware send where they have no value, many of them inside the plausible range.

A filler is an integer with all bits set, the largest or smallest of its width, or such a decimal as -999; the scale of the field (1/10, 1/100, 1/200)
makes 6553.5, 327.67 or 163.835 of it. Zero is none of them: it is a value.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.quality import Flag
from jeonju.ingest.quality.flags import Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Filler:
    """Values that stand for no value in these quantities, in our units.

    `certain` ones are flagged as bad. The others may be measured, too, or are the end of an instrument's scale as well, which smoke can reach: those
    are suspect, so that they still raise an alert.
    """

    values: tuple[float, ...]
    keys: tuple[str, ...]
    source: str
    certain: bool = True


def _all_but(*keys: str) -> tuple[str, ...]:
    return tuple(key for key in KEYS if key not in keys)


_PARTICLES: Final = ("pm1", "pm25", "pm10")
_GASES: Final = ("so2", "no2", "o3", "co", "nh3", "h2s")
# Of two decimals, and never as far out as 327.67 or 655.35 by themselves.
_HUNDREDTHS: Final = (
    *_GASES,
    "temperature",
    "humidity",
    "pressure",
    "wind_speed",
    "noise",
    "battery",
    "voltage",
    "speed",
    "voc_index",
    "rssi",
    "snr",
)

# Sources are issues and pull requests on github.com where nothing else is said.
FILLERS: Final[tuple[Filler, ...]] = (
    Filler(
        values=(65535, 65534, 32767, -32768, 2147483647, -2147483648, 4294967295),
        keys=KEYS,
        source="whole registers, 16 and 32 bits: SEN66 (adafruit/Adafruit_Wippersnapper_Arduino#678), SEN5x (Sensirion/arduino-i2c-sen5x#7)",
    ),
    Filler(
        values=(6553.5, 6553.4, 3276.7, -3276.8),
        keys=_all_but("altitude"),
        source="16 bits in tenths: SEN54, SEN55 (Sensirion/arduino-i2c-sen5x#14 and #17, esphome/issues#6864 and #7017)",
    ),
    Filler(
        values=(655.35, 655.34, 327.67, -327.67, -327.68),
        keys=_HUNDREDTHS,
        source="16 bits in hundredths: Zigbee 0x8000 and 0xFFFF (Koenkk/zigbee2mqtt#25547), Dragino LHT65N without a probe"
        " (akenza-io/device-type-library#304), LTC2 (dragino/dragino-end-node-decoder#2)",
    ),
    Filler(
        values=(655.35, 655.34),
        keys=(*_PARTICLES, "co2", "thermal_max"),
        source="the same; smoke and flames can be measured so",
        certain=False,
    ),
    Filler(values=(327.67,), keys=("thermal_max",), source="the same; flames can be measured so", certain=False),
    Filler(
        values=(163.835, 163.84, 163.83, -163.84, 163.8375),
        keys=("temperature", "humidity"),
        source="16 bits in 1/200 (1/400): SEN5x, SEN6x (esphome/esphome#18781), RuuviTag data format 5 (ruuvitag-ble)",
    ),
    Filler(
        values=(65.535, 65.534, 32.767, -32.768),
        keys=_GASES,
        source="16 bits in ppb, which gateways make ppm of: the same registers",
    ),
    Filler(values=(65.535,), keys=("voltage", "wind_speed"), source="16 bits in mV and mm/s: the same registers"),
    Filler(
        values=(-999, -9999, -99999, -999.9, -999.99, -9999.9),
        keys=KEYS,
        source="networks and firmware: AirNow (openaq/openaq-fetch#873), DWD (earthobservations/wetterdienst#544), Tasmota (arendst/Tasmota#6825)",
    ),
    Filler(
        values=(-99, -99.9, -99.99),
        keys=_all_but("rssi", "altitude"),
        source="networks: IRCELINE (earthobservations/luftdatenpumpe#3), weecology/PortalData#193",
    ),
    Filler(
        values=(9999, 99999, 9999.9, 99999.9),
        keys=_all_but("altitude"),
        source="the counterpart of -9999 where there is no sign; some displays end there",
        certain=False,
    ),
    Filler(
        values=(-1, -1000.99, -1001),
        keys=(*_PARTICLES, "humidity", "co2", "tvoc", "voc_index"),
        source="AirGradient (Open-Air-Foundation/firmware-one-openair#190, airgradienthq/airgradient-map#103)",
    ),
    Filler(values=(-1000.99, -1001), keys=("temperature",), source="AirGradient (home-assistant/core#120586)"),
    Filler(
        values=(999, 999.9),
        keys=("pm1", "pm25", "pm10"),
        source="SDS011 whose fan stands still or whose inlet is blocked (opendata-stuttgart/sensors-software#442 and #899); it ends there, too",
        certain=False,
    ),
    Filler(values=(1999, 1999.9), keys=("pm10",), source="SDS011, the same", certain=False),
    Filler(
        values=(985, 995),
        keys=("pm25", "pm10"),
        source="Met One BAM-1020, operation manual: full scale of 1 mg/m³ less the offset, logged for every error; such smoke is possible",
        certain=False,
    ),
    Filler(
        values=(32768, 33024, 33280, 33536, 33792, 34048),
        keys=("co2",),
        source="0x8000 to 0x8500, faults of Orcon, Itho and Nuaire (ramses-rf/ramses_rf#1106)",
    ),
    Filler(
        values=(85, -127),
        keys=("temperature",),
        source="DS18B20 after power-on, and disconnected (letscontrolit/ESPEasy#1472, tschaban/AFE-Firmware#643)",
    ),
    Filler(
        values=(-45, 130),
        keys=("temperature",),
        source="SHT3x, registers of zeros and of ones (RobTillaart/SHT31#23)",
    ),
    Filler(
        values=(1037.55, 1037.53),
        keys=("temperature", "thermal_max"),
        source="MLX90614, 0xFFFF · 0.02 K (exxamalte/esphome-customisations#1)",
    ),
    Filler(
        values=(255,),
        keys=("humidity", "battery"),
        source="8 bits: HTU21D (jptrsn/ESP32-mqtt-room#37), LoRaWAN DevStatusAns",
    ),
)

# Devices send 32-bit numbers and convert them: two units in the last place of those.
ROUNDING: Final = 2.0**-22


@dataclass(frozen=True, slots=True)
class _Known:
    """The fillers of one quantity in ascending order; every value between `low` and `high` is none."""

    values: Floats
    between: Floats
    flags: tuple[Flag, ...]
    low: float
    high: float


def judge(key: str, values: Floats) -> Finding | None:
    """Flag the values that stand for no value; almost never is one near them."""
    known = _known(key)
    rows = np.flatnonzero((values >= known.high) | (values <= known.low))
    if not len(rows):
        return None
    nearest = np.searchsorted(known.between, values[rows])
    filler = known.values[nearest]
    equal = np.abs(values[rows] - filler) <= ROUNDING * np.abs(filler)
    return Finding(rows[equal], key, known.flags, nearest[equal]) if equal.any() else None


@cache
def _known(key: str) -> _Known:
    certain: dict[float, bool] = {}
    for row in FILLERS:
        if key in row.keys:
            certain |= {value: row.certain or certain.get(value, False) for value in row.values}
    values = sorted(certain)
    return _Known(
        np.array(values, dtype=np.float64),
        np.array([(low + high) / 2 for low, high in pairwise(values)]),
        tuple(Flag.of("bad" if certain[value] else "suspect", "filler", value=value) for value in values),
        max(value for value in values if value < 0) * (1 - ROUNDING),
        min(value for value in values if value > 0) * (1 - ROUNDING),
    )
