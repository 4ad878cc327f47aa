"""Conversions between the units of this field."""

from math import isfinite
from typing import Final

from jeonju.airquality.pollutants import QUANTITY

# Molar volume of an ideal gas at 25 °C and 1 atm [L mol⁻¹], the reference state of Korea's and the US EPA's gas limits.
MOLAR_VOLUME_25C_L_MOL = 24.465


def ppm_per_mg_m3(gas: str) -> float:
    """Return the mixing ratio [ppm] that 1 mg m⁻³ of a gas makes at 25 °C and 1 atm.

    Raises ValueError for a quantity that is no gas.
    """
    molar_mass = QUANTITY[gas].molar_mass_g_mol
    if molar_mass is None:
        raise ValueError(f"{gas} has no molar mass, so it has no mixing ratio")
    return MOLAR_VOLUME_25C_L_MOL / molar_mass


# Units of amounts, as scale and offset to the unit in which a quantity is stored: value · scale + offset.
_LINEAR: Final[dict[tuple[str, str], tuple[float, float]]] = {
    ("°C", "°F"): (5 / 9, -160 / 9),
    ("°C", "K"): (1.0, -273.15),
    ("hPa", "Pa"): (0.01, 0.0),
    ("hPa", "kPa"): (10.0, 0.0),
    ("hPa", "mmHg"): (1.33322387415, 0.0),
    ("hPa", "inHg"): (33.863886666667, 0.0),
    ("%", "1"): (100.0, 0.0),
    ("ppm", "ppb"): (1e-3, 0.0),
    ("ppb", "ppm"): (1e3, 0.0),
    ("V", "mV"): (1e-3, 0.0),
    ("µg/m³", "mg/m³"): (1e3, 0.0),
    ("m/s", "km/h"): (1 / 3.6, 0.0),
    ("m/s", "kn"): (1852 / 3600, 0.0),
}
# Gases that are given as mass pass through their molar mass.
_MG_M3: Final = {"mg/m³": 1.0, "µg/m³": 1e-3}
# What a keyboard offers for the units of the tables; of the two micro signs, the tables have U+00B5.
_SPELLINGS: Final = {
    "ug/m3": "µg/m³",
    "µg/m3": "µg/m³",
    "μg/m³": "µg/m³",
    "μg/m3": "µg/m³",
    "ug/m³": "µg/m³",
    "mg/m3": "mg/m³",
    "C": "°C",
}


def conversion(quantity: str, unit: str) -> tuple[float, float]:
    """Return scale and offset that turn a value in `unit` into the unit in which a quantity is stored: value · scale + offset.

    Gases given as mass are taken at 25 °C and 1 atm. Raises ValueError for a unit that does not fit.
    """
    stored = QUANTITY[quantity].unit
    unit = _SPELLINGS.get(unit, unit)
    if unit == stored:
        return 1.0, 0.0
    if (stored, unit) in _LINEAR:
        return _LINEAR[stored, unit]
    if stored == "ppm" and unit in _MG_M3 and QUANTITY[quantity].molar_mass_g_mol is not None:
        return ppm_per_mg_m3(quantity) * _MG_M3[unit], 0.0
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
    if not isfinite(value):
        raise ValueError(f"is no number with a unit; write it like 35 or '35 {stored}'")
    scale, offset = conversion(quantity, unit.strip() or stored)
    return value * scale + offset
