"""How the Climate and Forecast conventions call our quantities: standard names (table of version 92) and units that UDUNITS reads.

Where the table has no name for what is measured, the quantity has a `long_name` only.
"""

from types import MappingProxyType
from typing import Final, NamedTuple

PPM: Final = "1e-6"
PPB: Final = "1e-9"


class CfName(NamedTuple):
    """The units of a quantity, in the sense of UDUNITS, and its standard name."""

    units: str
    standard_name: str | None = None


def _particles(size: str) -> CfName:
    return CfName("ug m-3", f"mass_concentration_of_{size}_ambient_aerosol_particles_in_air")


def _gas(name: str) -> CfName:
    return CfName(PPM, f"mole_fraction_of_{name}_in_air")


CF_NAMES: Final = MappingProxyType(
    {
        "pm1": _particles("pm1"),
        "pm25": _particles("pm2p5"),
        "pm10": _particles("pm10"),
        "so2": _gas("sulfur_dioxide"),
        "no2": _gas("nitrogen_dioxide"),
        "o3": _gas("ozone"),
        "co": _gas("carbon_monoxide"),
        "nh3": _gas("ammonia"),
        "h2s": _gas("hydrogen_sulfide"),
        "co2": _gas("carbon_dioxide"),
        "ch4": _gas("methane"),
        "tvoc": CfName(PPB),
        "voc_index": CfName("1"),
        "temperature": CfName("degree_Celsius", "air_temperature"),
        "humidity": CfName("percent", "relative_humidity"),
        "pressure": CfName("hPa", "air_pressure"),
        "wind_speed": CfName("m s-1", "wind_speed"),
        "wind_direction": CfName("degree", "wind_from_direction"),
        # Level of the sound pressure, weighted by A, which has no standard name; UDUNITS has no decibels, but bels of any reference.
        "noise": CfName("0.1 lg(re 4e-10 Pa2)"),
        "thermal_max": CfName("degree_Celsius"),
        "battery": CfName("percent"),
        "voltage": CfName("V"),
        "speed": CfName("m s-1", "platform_speed_wrt_ground"),
        "heading": CfName("degree", "platform_orientation"),
        "robot_activity": CfName("1"),
        "altitude": CfName("m", "altitude"),
        "rssi": CfName("0.1 lg(re 1 mW)"),
        "snr": CfName("0.1 lg(re 1)"),
    }
)
