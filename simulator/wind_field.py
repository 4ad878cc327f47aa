"""The wind over the city: that of the whole city, faster and slower over the land, with eddies of some kilometres, and cold air that drains at night.

Nothing of this is known to the source finder but what the land is. Where a scenario keeps the wind steady (`meander = "none"`) it is the same
everywhere.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.dispersion.wind_grid import WindGrid
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.land_use import SpeedRatios, along_line, bilinear, line_of, weights_at
from jeonju.contract.site import Site
from jeonju.simulator.ornstein_uhlenbeck import GRID_S, OrnsteinUhlenbeck, SampledSeries
from jeonju.simulator.present import WEATHER_LASTS_S, Present, fading
from jeonju.simulator.weather import LEAST_WIND_M_S, Weather, WeatherOverrides, WeatherSeries

# Departures of the wind from the mean over a city of some kilometres, per component: part of it in calm air, part in proportion to the wind.
# In a wind of 2 m/s that is 0.5 m/s, or 14 degrees. Assumed: no set of simultaneous winds of one city was at hand to measure it.
EDDY_CALM_M_S: Final = 0.25
EDDY_SHARE: Final = 0.12
# Their size (the correlation falls as exp(−½·(d/L)²)) and how long they last.
EDDY_LENGTH_M: Final = 2000.0
EDDY_LASTS_S: Final = 3600.0
# Patterns that carry less than this share of the strongest one's variance are left out.
LEAST_SHARE: Final = 0.01
# Cold air drains where it is clear and calm: at most this fast [m/s], in full from civil dusk on; a wind above of 2 m/s leaves a sixth of it (in a
# gully of CASES-99 such flows were deepest below that wind: Soler et al. 2002, Boundary-Layer Meteorol. 105, 253).
DRAINS_M_S: Final = 1.2
DUSK_DEG: Final = 6.0
ERODES_M_S: Final = 1.5
# By day a weak wind blows up the valley, strongest when the sun is high.
UP_VALLEY_M_S: Final = 0.4
HIGH_SUN_DEG: Final = 30.0
# Half the width of the shallow valley along the river.
VALLEY_M: Final = 1200.0
_SPEED, _FROM = KEYS.index("wind_speed"), KEYS.index("wind_direction")
# The field is made for so many minutes at once.
AHEAD_MIN: Final = 10
# What the wind is now is its mean over so many minutes, for gusts pass.
USUAL_MIN: Final = 10
# Numbers the generator, so that eddies have nothing to do with other randomness of the same seed.
_STREAM: Final = 37


class WindField:
    """The wind at every place and time over one site; two with the same seed and weather are the same.

    It is made for whole minutes, as the weather is, and linear in between. With a `present` it is as measured up to that, and goes on from there.
    """

    def __init__(
        self,
        site: Site,
        weather: Weather,
        *,
        start_s: float,
        seed: int,
        overrides: WeatherOverrides | None = None,
        present: Present | None = None,
    ) -> None:
        self._present = present
        self._off: tuple[Floats, Floats] | None = None
        self.is_uniform = overrides is not None and overrides.meander == "none"
        self._weather = weather
        self._grid = site.speed_ratios
        self._valley, self._down = _valley(site, self._grid)
        self._patterns = _patterns(self._grid)
        rng = np.random.default_rng([seed, _STREAM])
        self._eddies = OrnsteinUhlenbeck([EDDY_LASTS_S] * 2 * len(self._patterns), rng)
        self._series = SampledSeries(start_s)
        self._minutes: dict[int, Floats] = {}

    def grid(self, times_s: Floats) -> WindGrid | None:
        """Return the wind for each of ascending instants as puffs take it; None where it is the same everywhere."""
        if self.is_uniform:
            return None
        fields, low, share = self._around(times_s)
        ticks = np.arange(len(times_s))
        # One product of matrices instead of large copies for each tick.
        weights = np.zeros((len(times_s), len(fields)))
        weights[ticks, low], weights[ticks, low + 1] = 1 - share, share
        winds = (weights @ fields.reshape(len(fields), -1)).reshape(-1, *fields.shape[1:])
        return WindGrid(self._grid.west_m, self._grid.south_m, self._grid.cell_m, winds[:, 0], winds[:, 1])

    def measure(self, truth: Floats, times_s: Floats, xy_m: Floats) -> None:
        """Write the wind at each device (times, devices, 2) into the true air (times, devices, len(KEYS))."""
        if self.is_uniform:
            return
        fields, low, share = self._around(times_s)
        stays = (xy_m == xy_m[0]).all(axis=(0, 2))
        winds = np.empty((2, *xy_m.shape[:2]))
        each = bilinear(self._grid, fields, *xy_m[0, stays].T).swapaxes(0, 1)
        winds[:, :, stays] = (1 - share[:, None]) * each[:, low] + share[:, None] * each[:, low + 1]
        winds[:, :, ~stays] = self._along_ways(fields, low, share, xy_m[:, ~stays])
        east, north = winds
        truth[:, :, _SPEED] = np.maximum(np.hypot(east, north), LEAST_WIND_M_S)
        truth[:, :, _FROM] = np.mod(np.degrees(np.arctan2(-east, -north)), 360.0)

    def _along_ways(self, fields: Floats, low: NDArray[np.int64], share: Floats, xy_m: Floats) -> Floats:
        """Return the winds (2, times, devices) at devices that move."""
        corners, weights = weights_at(self._grid, xy_m[..., 0], xy_m[..., 1])
        flat = fields.swapaxes(0, 1).reshape(2, len(fields), -1)
        out = np.zeros((2, *xy_m.shape[:2]))
        for at, part in ((low, 1 - share), (low + 1, share)):
            for corner, weight in zip(corners, weights, strict=True):
                out += part[:, None] * weight * flat[:, at[:, None], corner]
        return out

    def _around(self, times_s: Floats) -> tuple[Floats, NDArray[np.int64], Floats]:
        """Return the winds (minutes, 2, ny, nx) of the minutes around instants, and of each instant the minute before and its share of the next."""
        place = times_s / GRID_S
        first, last = int(np.floor(place[0])), int(np.floor(place[-1])) + 1
        if not {first, last} <= self._minutes.keys():
            begin = max(self._minutes) + 1 if first in self._minutes else first
            made = self._going_on(GRID_S * np.arange(begin, last + AHEAD_MIN, dtype=np.float64))
            kept = {minute: wind for minute, wind in self._minutes.items() if minute >= first - AHEAD_MIN}
            self._minutes = kept | dict(enumerate(made, start=begin))
        low = np.floor(place).astype(np.int64) - first
        return np.stack([self._minutes[minute] for minute in range(first, last + 1)]), low, place - first - low

    def _going_on(self, times_s: Floats) -> Floats:
        """Return what is made, moved to what was measured: all of it up to the present, afterwards as long as departures last."""
        made, present = self._made(times_s), self._present
        if present is None or present.past_winds_m_s is None:
            return made
        past, at_s = present.past_winds_m_s, present.at_s
        if self._off is None:
            off = past[-USUAL_MIN:].mean(axis=0) - self._made(np.array([at_s]))[0]
            over_city = off.mean(axis=(1, 2), keepdims=True)
            self._off = over_city, off - over_city
        over_city, local = self._off
        lasting = fading(times_s, at_s, WEATHER_LASTS_S)[:, None, None, None]
        passing = fading(times_s, at_s, EDDY_LASTS_S)[:, None, None, None]
        is_present = (times_s < present.another_wind_at_s)[:, None, None, None]
        winds = made + np.where(is_present, lasting * over_city + passing * local, 0.0)
        known = times_s <= min(at_s, present.another_wind_at_s)
        minute = len(past) - 1 - np.round((at_s - times_s[known]) / GRID_S).astype(np.int64)
        winds[known] = past[np.clip(minute, 0, len(past) - 1)]
        return winds

    def _made(self, times_s: Floats) -> Floats:
        air = self._weather.sample(times_s)
        while self._series.end_s <= times_s[-1] + GRID_S:
            amplitudes = self._eddies.chunk().reshape(-1, 2, len(self._patterns))
            self._series.append((amplitudes @ self._patterns).reshape(len(amplitudes), -1))
        eddies = self._series.at(times_s).reshape(len(times_s), 2, *self._grid.ratio.shape)
        angle = np.radians(air.wind_from_deg)
        mean = np.column_stack([-air.wind_speed_m_s * np.sin(angle), -air.wind_speed_m_s * np.cos(angle)])
        strength = EDDY_CALM_M_S + EDDY_SHARE * air.wind_speed_m_s
        winds = mean[..., None, None] * self._grid.ratio + strength[:, None, None, None] * eddies
        wanted, share = (column[:, None, None] for column in _valley_wind(air))
        along = (winds * self._down).sum(axis=1)
        # What already blows that way needs no more of it.
        more = np.where(wanted >= 0, np.maximum(wanted - along, 0.0), np.minimum(wanted - along, 0.0))
        return np.asarray(winds + (share * self._valley * more)[:, None] * self._down)


def _valley_wind(air: WeatherSeries) -> tuple[Floats, Floats]:
    """Return how fast the air would flow down the valley [m/s] at each instant (below zero: up), and its share against the wind above."""
    night = np.clip(-air.solar_elevation_deg / DUSK_DEG, 0.0, 1.0)
    day = np.clip(air.solar_elevation_deg / HIGH_SUN_DEG, 0.0, 1.0)
    clear = 1.0 - air.cloud_fraction
    return clear * (DRAINS_M_S * night - UP_VALLEY_M_S * day), clear * np.exp(-((air.wind_speed_m_s / ERODES_M_S) ** 2))


def _valley(site: Site, grid: SpeedRatios) -> tuple[Floats, Floats]:
    """Return how much of a valley wind each node has (ny, nx), and the unit vector (2, ny, nx) down the valley."""
    x, y = np.meshgrid(grid.x_m, grid.y_m)
    nearest, down = np.full(x.shape, np.inf), np.zeros((*x.shape, 2))
    for river in (patch for patch in site.land if patch.drains):
        distance, towards = along_line(line_of(river, site.map), x, y)
        is_nearer = distance < nearest
        nearest = np.where(is_nearer, distance, nearest)
        down = np.where(is_nearer[..., None], towards, down)
    return np.exp(-((nearest / VALLEY_M) ** 2)), np.moveaxis(down, -1, 0)


def _patterns(grid: SpeedRatios) -> Floats:
    """Return patterns (patterns, nodes) of which sums with independent weights of variance 1 have the correlation of eddies, and variance 1."""
    (along_x, share_x), (along_y, share_y) = (_modes(axis) for axis in (grid.x_m, grid.y_m))
    share = share_y[:, None] * share_x
    kept = np.argwhere(share > LEAST_SHARE * share.max())
    patterns = np.array([np.outer(along_y[:, b], along_x[:, a]).ravel() * np.sqrt(share[b, a]) for b, a in kept])
    return np.asarray(patterns / np.sqrt((patterns**2).sum(axis=0)))


def _modes(axis_m: Floats) -> tuple[Floats, Floats]:
    """Return the eigenvectors (places, modes) of the correlation along one axis, and the variance of each."""
    share, modes = np.linalg.eigh(np.exp(-0.5 * ((axis_m[:, None] - axis_m) / EDDY_LENGTH_M) ** 2))
    return modes, np.maximum(share, 0.0)
