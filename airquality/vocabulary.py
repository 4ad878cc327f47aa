"""What others call our quantities and units: UCUM, UN/CEFACT and CF standard names."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from jeonju.airquality.pollutants import QUANTITY


class UnitCodes(NamedTuple):
    """One unit: its name, its code in UCUM (ucum.org, case sensitive) and in UN/CEFACT Recommendation 20, None where that has none."""

    name: str
    ucum: str
    cefact: str | None


# By the unit in which a quantity is stored. A text in braces is an annotation, which UCUM allows where it has no code of its own.
UNIT_CODES: Final[Mapping[str, UnitCodes]] = MappingProxyType(
    {
        "µg/m³": UnitCodes("microgram per cubic metre", "ug/m3", "GQ"),
        "ppm": UnitCodes("parts per million", "[ppm]", "59"),
        "ppb": UnitCodes("parts per billion", "[ppb]", "61"),
        "1": UnitCodes("one", "1", "C62"),
        "°C": UnitCodes("degree Celsius", "Cel", "CEL"),
        "%": UnitCodes("percent", "%", "P1"),
        "hPa": UnitCodes("hectopascal", "hPa", "A97"),
        "m/s": UnitCodes("metre per second", "m/s", "MTS"),
        "°": UnitCodes("degree", "deg", "DD"),
        "m": UnitCodes("metre", "m", "MTR"),
        "V": UnitCodes("volt", "V", "VLT"),
        "dB": UnitCodes("decibel", "dB", "2N"),
        "dB(A)": UnitCodes("A-weighted decibel", "dB[SPL]{A}", "2N"),
        "dBm": UnitCodes("decibel relative to one milliwatt", "dB{mW}", None),
    }
)

# Standard names of the CF conventions (cfconventions.org), for quantities that have one.
CF_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pm1": "mass_concentration_of_pm1_ambient_aerosol_particles_in_air",
        "pm25": "mass_concentration_of_pm2p5_ambient_aerosol_particles_in_air",
        "pm10": "mass_concentration_of_pm10_ambient_aerosol_particles_in_air",
        "so2": "mole_fraction_of_sulfur_dioxide_in_air",
        "no2": "mole_fraction_of_nitrogen_dioxide_in_air",
        "o3": "mole_fraction_of_ozone_in_air",
        "co": "mole_fraction_of_carbon_monoxide_in_air",
        "nh3": "mole_fraction_of_ammonia_in_air",
        "co2": "mole_fraction_of_carbon_dioxide_in_air",
        "ch4": "mole_fraction_of_methane_in_air",
        "temperature": "air_temperature",
        "humidity": "relative_humidity",
        "pressure": "air_pressure",
        "wind_speed": "wind_speed",
        "wind_direction": "wind_from_direction",
    }
)
# The vocabulary server that gives each standard name an address of its own.
CF_ADDRESS: Final = "http://vocab.nerc.ac.uk/standard_name/"


def codes_of(key: str) -> UnitCodes:
    """Return the codes of the unit in which a quantity is stored."""
    return UNIT_CODES[QUANTITY[key].unit]


def definition_of(key: str) -> str:
    """Return a URI that says what a quantity is: that of its CF standard name, else a name of our own."""
    return f"{CF_ADDRESS}{CF_NAMES[key]}/" if key in CF_NAMES else f"urn:jeonju-air:quantity:{key}"
