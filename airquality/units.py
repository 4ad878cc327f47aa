"""Conversions between the units of this field."""

from airquality.pollutants import QUANTITY

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
