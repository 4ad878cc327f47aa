"""What alerts can be raised on: the quantities of a window, and how long a window is."""

from typing import Final

WINDOW_S: Final = 10.0
QUANTITIES: Final = (
    "pm25",
    "pm10",
    "co",
    "no2",
    "o3",
    "so2",
    "tvoc",
    "h2s",
    "nh3",
    "humidity",
    "temperature",
    "thermal_max",
    "voc_index",
    "lat",
    "lon",
    "wind_east_m_s",
    "wind_north_m_s",
)
