"""The environment of a device besides pollutants: temperature, humidity, pressure, wind, noise and warm surfaces."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.simulator.weather import WeatherSeries

# Roofs and asphalt in the sun are warmer than the air by up to this.
SUN_WARMED_C: Final = 18.0
# Street noise by hour [dB(A)]: typical levels near city roads by night and by day.
_NIGHT_DB, _DAY_DB = 48.0, 63.0


def ambient(truth: Floats, times_s: Floats, air: WeatherSeries, site: Site) -> None:
    """Fill the columns of the true air (T, D, len(KEYS)) that are the same everywhere in the city."""
    shift = datetime.fromtimestamp(times_s[0], ZoneInfo(site.timezone)).utcoffset() or timedelta()
    hour = (times_s + shift.total_seconds()) % 86_400 / 3600
    busy = np.clip(np.interp(hour, [0, 5, 8, 20, 23, 24], [0.2, 0.0, 1.0, 0.9, 0.3, 0.2]), 0, 1)
    sun_warmed = SUN_WARMED_C * np.maximum(np.sin(np.radians(air.solar_elevation_deg)), 0) * (1 - air.cloud_fraction)
    columns = {
        "temperature": air.temperature_c,
        "humidity": air.humidity_percent,
        "pressure": air.pressure_hpa,
        "wind_speed": air.wind_speed_m_s,
        "wind_direction": air.wind_from_deg,
        "noise": _NIGHT_DB + (_DAY_DB - _NIGHT_DB) * busy,
        "thermal_max": air.temperature_c + sun_warmed,
    }
    for key, column in columns.items():
        truth[:, :, KEYS.index(key)] = column[:, None]
