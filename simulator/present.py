"""The present of a living city as it was measured: a world that is given it goes on from there, not from the climate.

What was measured holds at the instant; how far it was off from what the season alone would make fades afterwards, as such departures do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from jeonju.common.arrays import Floats

HOUR_S: Final = 3600.0
# How long the large weather keeps to what it is (relaxation of the synoptic processes of `weather`).
WEATHER_LASTS_S: Final = 16 * HOUR_S
# Levels of the background vary with the days (about 70 h) and within them (about 5 h): a day is between the two.
LEVELS_LAST_S: Final = 24 * HOUR_S
# What is measured "now" are means over so long, for gusts pass.
NOW_S: Final = 600.0
# A world begins so long before the instant, for plumes to be where they are by then; at most the hour of a chunk of the weather.
SPIN_UP_S: Final = 1800.0


@dataclass(frozen=True, kw_only=True)
class WindChange:
    """Another wind over the whole city from an instant (POSIX time) on, with its usual gusts."""

    at_s: float
    speed_m_s: float
    from_deg: float


@dataclass(frozen=True, kw_only=True)
class RobotNow:
    """Where a robot is, and how it is doing."""

    lat: float
    lon: float
    battery_percent: float = 70.0
    is_charging: bool = False


@dataclass(frozen=True, kw_only=True)
class Present:
    """What was measured up to `at_s` (POSIX time); what is absent follows the season.

    `wind_m_s` is the mean motion of the air of the last minutes (east, north), `past_winds_m_s` (minutes, 2, ny, nx) that of each minute up to `at_s`
    on the nodes of the site's speed ratios. `levels` are those of the background by quantity, in stored units.
    """

    at_s: float
    temperature_c: float | None = None
    humidity_percent: float | None = None
    pressure_hpa: float | None = None
    wind_m_s: tuple[float, float] | None = None
    past_winds_m_s: Floats | None = None
    winds: tuple[WindChange, ...] = ()
    levels: Mapping[str, float] = field(default_factory=dict)
    robots: Mapping[str, RobotNow] = field(default_factory=dict)

    @property
    def another_wind_at_s(self) -> float:
        """The instant from which on the wind is no longer that of the present."""
        return min((wind.at_s for wind in self.winds), default=np.inf)


def fading(times_s: Floats, at_s: float, lasts_s: float) -> Floats:
    """Return how much of a departure at `at_s` is left at other instants: all of it before."""
    return np.asarray(np.exp(-np.maximum(times_s - at_s, 0.0) / lasts_s))


class GoesOn:
    """Shifts columns of a series, made chunk by chunk, so that they are as measured up to an instant, and less and less so afterwards.

    `measured` gives the means of `NOW_S` before the instant by column; that time lies within the first chunk.
    """

    def __init__(self, at_s: float, measured: Mapping[int, float], lasts_s: float) -> None:
        self._at_s, self._measured, self._lasts_s = at_s, measured, lasts_s
        self._off: dict[int, float] | None = None

    def apply(self, times_s: Floats, columns: Floats) -> None:
        """Shift the columns (times, columns) in place."""
        if self._off is None:
            before = (times_s > self._at_s - NOW_S) & (times_s <= self._at_s)
            self._off = {k: value - float(columns[before, k].mean()) for k, value in self._measured.items()}
        left = fading(times_s, self._at_s, self._lasts_s)
        for k, off in self._off.items():
            columns[:, k] += off * left
