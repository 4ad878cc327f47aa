"""Units of this field: how people and devices write them, and conversions to the one unit in which a quantity is stored."""

import math
import re
import unicodedata
from functools import lru_cache
from typing import Final

from jeonju.airquality.pollutants import QUANTITY

# Molar volume of an ideal gas at 25 °C and 1 atm [L mol⁻¹], the reference state of Korea's and the US EPA's gas limits.
MOLAR_VOLUME_25C_L_MOL = 24.465
MOLAR_VOLUME_20C_L_MOL = 24.055


def ppm_per_mg_m3(gas: str) -> float:
    """Return the mixing ratio [ppm] that 1 mg m⁻³ of a gas makes at 25 °C and 1 atm.

    Raises ValueError for a quantity that is no gas.
    """
    molar_mass = QUANTITY[gas].molar_mass_g_mol
    if molar_mass is None:
        raise ValueError(f"{gas} has no molar mass, so it has no mixing ratio")
    return MOLAR_VOLUME_25C_L_MOL / molar_mass


def ppm_per_ug_m3_20c(gas: str) -> float:
    """Return the mixing ratio [ppm] that 1 µg m⁻³ of a gas makes at 20 °C and 1 atm, as the law of the EU counts.

    Raises ValueError for a quantity that is no gas.
    """
    return ppm_per_mg_m3(gas) / 1000 * MOLAR_VOLUME_20C_L_MOL / MOLAR_VOLUME_25C_L_MOL


# Units of amounts, as scale and offset to the unit in which a quantity is stored: value · scale + offset.
_LINEAR: Final[dict[tuple[str, str], tuple[float, float]]] = {
    ("°C", "°F"): (5 / 9, -160 / 9),
    ("°C", "K"): (1.0, -273.15),
    ("hPa", "Pa"): (0.01, 0.0),
    ("hPa", "kPa"): (10.0, 0.0),
    ("hPa", "bar"): (1000.0, 0.0),
    ("hPa", "mmHg"): (1.33322387415, 0.0),
    ("hPa", "inHg"): (33.863886666667, 0.0),
    ("hPa", "psi"): (68.947572932, 0.0),
    ("%", "1"): (100.0, 0.0),
    ("ppm", "ppb"): (1e-3, 0.0),
    ("ppm", "%"): (1e4, 0.0),
    ("ppm", "1"): (1e6, 0.0),
    ("ppb", "ppm"): (1e3, 0.0),
    ("ppb", "1"): (1e9, 0.0),
    ("V", "mV"): (1e-3, 0.0),
    ("µg/m³", "ng/m³"): (1e-3, 0.0),
    ("µg/m³", "mg/m³"): (1e3, 0.0),
    ("µg/m³", "g/m³"): (1e6, 0.0),
    ("µg/m³", "kg/m³"): (1e9, 0.0),
    ("m/s", "km/h"): (1 / 3.6, 0.0),
    ("m/s", "mph"): (0.44704, 0.0),
    ("m/s", "kn"): (1852 / 3600, 0.0),
    ("°", "rad"): (180 / math.pi, 0.0),
    ("m", "ft"): (0.3048, 0.0),
    ("m", "km"): (1000.0, 0.0),
    # Levels are often sent with the bare unit of a ratio.
    ("dBm", "dB"): (1.0, 0.0),
    ("dB(A)", "dB"): (1.0, 0.0),
}
# Gases that are given as mass pass through their molar mass.
_MG_M3: Final = {"kg/m³": 1e6, "g/m³": 1e3, "mg/m³": 1.0, "µg/m³": 1e-3, "ng/m³": 1e-6}
# How units are written, folded: compatibility forms (㎍, ³) decomposed, lower case, without spaces, dots, carets and low lines. Celcius is a
# common slip.
_SPELLINGS: Final = {
    "°C": "°c c oc degc degsc celsius degcelsius degreec degreesc degreecelsius degreescelsius cel celcius degcelcius degreecelcius degreescelcius",
    "°F": "°f f of degf degsf fahrenheit degfahrenheit degreef degreesf degreefahrenheit degreesfahrenheit",
    "K": "k °k degk kelvin",
    "%": "% pct percent percentage %rh rh rh% %el /100 %vol vol% %v/v",
    "1": "1 / ratio index idx",
    "hPa": "hpa mbar mb millibar millibars hectopascal hectopascals",
    "Pa": "pa pascal pascals",
    "kPa": "kpa kilopascal kilopascals",
    "bar": "bar",
    "mmHg": "mmhg torr",
    "inHg": 'inhg "hg inchhg',
    "psi": "psi",
    "ppm": "ppm ppmv partpermillion partspermillion",
    "ppb": "ppb ppbv partperbillion partsperbillion",
    "kg/m³": "kg/m3 kgm-3",
    "g/m³": "g/m3 gm-3",
    "mg/m³": "mg/m3 mgm-3 mg/cbm milligrampercubicmeter milligramspercubicmeter",
    "µg/m³": "ug/m3 ug ugm-3 ugm3 mcg/m3 ug/cbm microgrampercubicmeter microgramspercubicmeter",
    "ng/m³": "ng/m3 ngm-3",
    "m/s": "m/s mps ms-1 m/sec meter/second meterpersecond meterspersecond",
    "km/h": "km/h kmh kmh-1 kph kmph km/hr kilometerperhour kilometersperhour",
    "mph": "mph mi/h mile/h miles/h mileperhour milesperhour",
    "kn": "kn kt kts knot knots",
    "V": "v volt volts",
    "mV": "mv millivolt millivolts",
    "dBm": "dbm",
    "dB": "db decibel decibels",
    "dB(A)": "db(a) dba decibel(a)",
    "°": "° deg degree degrees",
    "rad": "rad radian radians",
    "m": "m meter meters",
    "km": "km",
    "ft": "ft foot feet",
}
_UNIT_OF_SPELLING: Final = {spelling: unit for unit, all_of_it in _SPELLINGS.items() for spelling in all_of_it.split()}
# The dots are those of multiplication: µg⋅m⁻³.
_IGNORED: Final = re.compile(r"[\s.^_·⋅∙•*]+")
_LONGEST_UNIT: Final = 32


def unit_of(text: str) -> str | None:
    """Return the unit that a text such as `ug/m3`, `degC` or `㎍/㎥` means, as the tables write it; None for one that is not known."""
    # What senders make up must not fill the memory of the cache.
    return _unit_of(text) if len(text) <= _LONGEST_UNIT else None


@lru_cache(maxsize=1000)
def _unit_of(text: str) -> str | None:
    # The ring above stands for the degree sign on some keyboards, and would become a space; the Greek letter for the micro sign. A minus that is
    # raised becomes that of mathematics.
    folded = unicodedata.normalize("NFKC", text.replace("˚", "°")).lower().replace("μ", "u").replace("\u2212", "-")
    return _UNIT_OF_SPELLING.get(_IGNORED.sub("", folded).replace("metre", "meter"))


@lru_cache(maxsize=1000)
def conversion(quantity: str, unit: str) -> tuple[float, float]:
    """Return scale and offset that turn a value in `unit` into the unit in which a quantity is stored: value · scale + offset.

    Gases given as mass are taken at 25 °C and 1 atm. Raises ValueError for a unit that does not fit.
    """
    stored = QUANTITY[quantity].unit
    known = unit_of(unit)
    if known == stored:
        return 1.0, 0.0
    if known is not None:
        if (stored, known) in _LINEAR:
            return _LINEAR[stored, known]
        if stored == "ppm" and known in _MG_M3 and QUANTITY[quantity].molar_mass_g_mol is not None:
            return ppm_per_mg_m3(quantity) * _MG_M3[known], 0.0
    raise ValueError(f"is in {unit}, but {quantity} is in {stored}")


def parse_amount(text: str | float, quantity: str) -> float:
    """Return an amount such as `35`, `"35 µg/m³"` or `"200 ppb"` in the unit in which its quantity is stored.

    Raises ValueError for what is no number, or for a unit that does not fit.
    """
    stored = QUANTITY[quantity].unit
    number, _, unit = str(text).strip().partition(" ")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not math.isfinite(value):
        raise ValueError(f"is no number with a unit; write it like 35 or '35 {stored}'")
    scale, offset = conversion(quantity, unit.strip() or stored)
    return value * scale + offset
