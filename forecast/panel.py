"""Hourly means of stations, and what a forecast may know at the hour in which it is made: the inputs of all models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from jeonju.common.arrays import Floats

Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

HOUR_S: Final = 3600
HORIZONS_H: Final = tuple(range(1, 25))
# An hour this many times as high as both its neighbours, and more by this share of the limit of a bad hour, is no air but the instrument.
LONE_TIMES: Final = 3.0
LAGS_H: Final = (0, 1, 2, 3, 5, 8, 11, 17, 23)
MEANS_H: Final = (3, 6, 12, 24, 48, 96)
UPWIND_LAGS_H: Final = (0, 3, 6, 12, 24)
# A mean of hours is known where a third of them is.
LEAST_SHARE: Final = 1 / 3
DAYS_A_YEAR: Final = 365.2425


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One quantity at stations, on one grid of full hours, with what else is known of these hours; NaN where there is no value.

    `own` (stations, hours) in stored units; `weather`, `beside` (other quantities) and `upwind` (hours) are the same for all stations; `ahead`
    (hours) is the weather that was forecast for an hour, known a day before. `lone_above` is from how much on an hour can be too high to be air
    (stored units).
    """

    time_s: Floats
    own: Floats
    timezone: str
    lone_above: float
    weather: Mapping[str, Floats] = field(default_factory=dict)
    beside: Mapping[str, Floats] = field(default_factory=dict)
    upwind: Mapping[str, Floats] = field(default_factory=dict)
    ahead: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def inputs(self) -> list[str]:
        """What a forecast is made from."""
        named = {
            "weather": self.weather,
            "other quantities": self.beside,
            "upwind": self.upwind,
            "forecast weather": self.ahead,
        }
        return ["own", *(name for name, series in named.items() if series)]


class Cases(NamedTuple):
    """Forecasts to be made: the number of the station, of the last hour that is known, and how many hours ahead."""

    station: Integers
    origin: Integers
    ahead_h: Integers

    def where(self, chosen: Bools | Integers) -> "Cases":
        """Return some of them."""
        return Cases(self.station[chosen], self.origin[chosen], self.ahead_h[chosen])


def all_cases(panel: Panel, horizons_h: tuple[int, ...] = HORIZONS_H) -> Cases:
    """Return every forecast whose station had a value in its last hour."""
    station, origin = np.nonzero(np.isfinite(panel.own))
    number = len(station)
    return Cases(np.tile(station, len(horizons_h)), np.tile(origin, len(horizons_h)), np.repeat(horizons_h, number))


def happened(panel: Panel, cases: Cases) -> Floats:
    """Return what was measured in the hours that are forecast, NaN where nothing was, or where they have not come yet."""
    return _at(panel.own, cases.station, cases.origin + cases.ahead_h)


def lone(panel: Panel) -> Bools:
    """Return which hours (stations, hours) stand so far above both neighbours that they are the instrument's."""
    is_lone = np.zeros(panel.own.shape, bool)
    neighbours = np.fmax(panel.own[:, :-2], panel.own[:, 2:])
    with np.errstate(invalid="ignore"):
        is_lone[:, 1:-1] = panel.own[:, 1:-1] > LONE_TIMES * neighbours + panel.lone_above
    return is_lone


class Inputs:
    """The numbers that a model is given for a case; what is not known is NaN."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._clean = np.where(lone(panel), np.nan, panel.own)
        self._base = np.stack([*self._of_station(), *self._shared()], axis=-1).astype(np.float32)
        self._hour, self._season = _calendar(panel)

    @property
    def ahead_column(self) -> int:
        """The number of the input that says how many hours ahead a case is."""
        return self._base.shape[-1] + 1

    def of(self, cases: Cases) -> NDArray[np.float32]:
        """Return the inputs (cases, inputs) of these cases."""
        station, origin, ahead_h = cases
        target = origin + ahead_h
        day_before = _at(self._clean, station, target - 24)
        angle = self._hour[origin] + 2 * np.pi * ahead_h / 24
        year = self._season[origin] + 2 * np.pi * ahead_h / 24 / DAYS_A_YEAR
        when = [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle), np.sin(year), np.cos(year)]
        forecast = [part for series in self._panel.ahead.values() for part in _along(series, origin, target)]
        return np.column_stack([self._base[station, origin], day_before, ahead_h, *when, *forecast]).astype(np.float32)

    def _of_station(self) -> list[Floats]:
        panel, clean = self._panel, self._clean
        # Whether the newest hour is a lone one shows only in the next: it is cut by the hours before.
        before = np.fmax(_lagged(clean, 1), _lagged(clean, 2))
        newest = np.fmin(panel.own, np.where(np.isnan(before), np.inf, LONE_TIMES * before + panel.lone_above))
        past = _lagged(clean, 1)
        return [
            newest,
            *(_lagged(clean, lag) for lag in LAGS_H[1:]),
            *(_mean(past, hours) for hours in MEANS_H),
            _extreme(past, 24, np.fmax),
            _extreme(past, 24, np.fmin),
        ]

    def _shared(self) -> list[Floats]:
        parts: list[Floats] = []
        for series in (*self._panel.weather.values(), *self._panel.beside.values()):
            row = series[None]
            parts += [row, row - _lagged(row, 6), row - _lagged(row, 24), _mean(row, 24)]
        for series in self._panel.upwind.values():
            row = series[None]
            parts += [*(_lagged(row, lag) for lag in UPWIND_LAGS_H), _mean(row, 12), _mean(row, 48)]
        return [np.broadcast_to(part, self._panel.own.shape) for part in parts]


def grid_s(first_s: float, last_s: float) -> Floats:
    """Return the full hours from one instant to another, both among them."""
    return np.arange(first_s // HOUR_S * HOUR_S, last_s + 1, HOUR_S, dtype=np.float64)


def on_grid(grid: Floats, time_s: Floats, values: Floats) -> Floats:
    """Return the values on the hours of a grid; hours beyond it are left out."""
    out = np.full(len(grid), np.nan)
    at = np.round((np.asarray(time_s) - grid[0]) / HOUR_S).astype(np.int64)
    inside = (at >= 0) & (at < len(grid))
    out[at[inside]] = np.asarray(values)[inside]
    return out


def wind_parts(from_deg: Floats, speed_m_s: Floats) -> dict[str, Floats]:
    """Return the wind to the east and to the north, and its speed [m/s]; a calm has no direction and needs none."""
    angle = np.radians(np.where(speed_m_s == 0, 0.0, from_deg))
    return {
        "wind_east": -speed_m_s * np.sin(angle),
        "wind_north": -speed_m_s * np.cos(angle),
        "wind_speed": speed_m_s,
    }


def _calendar(panel: Panel) -> tuple[Floats, Floats]:
    """Return hour of the day and day of the year as angles, by the clock of the city."""
    zone = ZoneInfo(panel.timezone)
    # Daylight saving would need each instant; the offset of the middle is within an hour of all.
    middle_s = float(panel.time_s[len(panel.time_s) // 2])
    offset = datetime.fromtimestamp(middle_s, zone).utcoffset()
    local_h = panel.time_s / HOUR_S + (offset.total_seconds() / HOUR_S if offset else 0.0)
    return 2 * np.pi * (local_h % 24) / 24, 2 * np.pi * (local_h / 24 % DAYS_A_YEAR) / DAYS_A_YEAR


def _at(table: Floats, station: Integers, hour: Integers) -> Floats:
    inside = (hour >= 0) & (hour < table.shape[1])
    return np.where(inside, table[station, np.clip(hour, 0, table.shape[1] - 1)], np.nan)


def _along(series: Floats, origin: Integers, target: Integers) -> list[Floats]:
    """Return what is forecast for the hour, and the mean on the way there."""
    known = np.isfinite(series)
    sums, counts = (np.concatenate([[0.0], np.cumsum(part)]) for part in (np.where(known, series, 0.0), known))
    end = np.clip(target + 1, 0, len(series))
    number = counts[end] - counts[np.minimum(origin + 1, end)]
    total = sums[end] - sums[np.minimum(origin + 1, end)]
    none = np.zeros_like(origin)
    return [_at(series[None], none, target), np.where(number > 0, total / np.maximum(number, 1), np.nan)]


def _lagged(table: Floats, hours: int) -> Floats:
    """Return what was measured that many hours before."""
    out = np.full(table.shape, np.nan)
    out[:, hours:] = table[:, : table.shape[1] - hours]
    return out


def _mean(table: Floats, hours: int) -> Floats:
    """Return the mean of that many hours, the last one included."""
    known = np.isfinite(table)
    sums, counts = (np.cumsum(part, axis=1, dtype=np.float64) for part in (np.where(known, table, 0.0), known))
    for part in (sums, counts):
        part[:, hours:] -= part[:, :-hours].copy()
    return np.where(counts >= LEAST_SHARE * hours, sums / np.maximum(counts, 1), np.nan)


def _extreme(table: Floats, hours: int, which: np.ufunc) -> Floats:
    padded = np.concatenate([np.full((len(table), hours - 1), np.nan), table], axis=1)
    return np.asarray(which.reduce(sliding_window_view(padded, hours, axis=1), axis=-1))
