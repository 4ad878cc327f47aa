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


# What one of a unit is in another in which a quantity may be stored. Gases given as mass pass through their molar mass.
_FACTORS: Final = {("ppb", "ppm"): 1e-3, ("ppm", "ppb"): 1e3, ("mg/m³", "µg/m³"): 1e3}
_MG_M3: Final = {"mg/m³": 1.0, "µg/m³": 1e-3}
# What a keyboard offers for the units of the tables.
_SPELLINGS: Final = {"ug/m3": "µg/m³", "µg/m3": "µg/m³", "μg/m³": "µg/m³", "mg/m3": "mg/m³", "C": "°C"}


def parse_amount(text: str | float, quantity: str) -> float:
    """Return an amount such as `35`, `"35 µg/m³"` or `"200 ppb"` in the unit in which its quantity is stored.

    Gases given as mass are taken at 25 °C and 1 atm. Raises ValueError for what is no number, or for a unit that does not fit.
    """
    stored = QUANTITY[quantity].unit
    number, _, unit = str(text).strip().partition(" ")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ValueError(f"is no number with a unit; write it like 35 or '35 {stored}'")
    unit = _SPELLINGS.get(unit.strip(), unit.strip()) or stored
    if unit == stored:
        return value
    if (unit, stored) in _FACTORS:
        return value * _FACTORS[unit, stored]
    if stored == "ppm" and unit in _MG_M3 and QUANTITY[quantity].molar_mass_g_mol is not None:
        return value * _MG_M3[unit] * ppm_per_mg_m3(quantity)
    raise ValueError(f"is in {unit}, but {quantity} is in {stored}")
