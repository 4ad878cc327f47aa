"""The forecast of a city from the hourly means that its store holds."""

from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Final

import numpy as np
import pyarrow as pa
from msgspec import Struct

from jeonju.airquality.index import GRADES, STEP, UPPER
from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.arrays import Floats
from jeonju.contract.forecast import CityForecast, ForecastHour, ModelOfQuantity, QuantityForecast
from jeonju.contract.weather_ahead import WeatherAhead
from jeonju.forecast.learning import learn
from jeonju.forecast.panel import HORIZONS_H, HOUR_S, Bools, Cases, Inputs, Panel, grid_s, on_grid, wind_parts
from jeonju.forecast.persistence import learn_persistence
from jeonju.forecast.spread import level, probability_above

QUANTITIES: Final = ("pm25", "pm10", "o3", "no2")
WEATHER: Final = ("temperature", "humidity", "pressure")
WIND: Final = ("wind_direction", "wind_speed")
READ: Final = (*QUANTITIES, *WEATHER, *WIND)
# Trees and lines need two months of hours, in which weather came and went; persistence needs half a day.
LEARNT_FROM_H: Final = 60 * 24
LEARNT_WITH_MEASURED: Final = (
    "learnt from measured weather and given the official forecast of it: errors of that one are not in the intervals"
)
LEAST_H: Final = 12
# A station that was not heard for so long has no present to begin with.
SILENT_AFTER_H: Final = 6
# Persistence has seen no months to choose a level by: it warns of what is more probable than not.
EVEN_CHANCE: Final = 0.5
LONE_SHARE: Final = 0.375  # of the limit of a bad hour: 30 µg/m³ of PM10


class Request(Struct, frozen=True, kw_only=True):
    """For which stations, until which hour: `last_s` is the begin of the last full one. `upwind` are devices far outside the city.

    `ahead` is an official forecast of the weather, where there is one.
    """

    stations: list[str]
    upwind: list[str]
    timezone: str
    last_s: float
    made_at: datetime
    ahead: WeatherAhead | None = None


class _Hours:
    """Hourly means by device and quantity, on one grid."""

    def __init__(self, request: Request, table: pa.Table) -> None:
        self._times = table["time"].cast(pa.int64()).to_numpy() / 1e6
        first = float(self._times.min()) if len(self._times) else request.last_s
        self.grid = grid_s(first, request.last_s)
        self._device = np.asarray(table["device"].cast(pa.string()).to_pylist(), dtype=object)
        self._table = table

    def of(self, devices: list[str], quantity: str) -> Floats:
        """Return (devices, hours), NaN where there is none."""
        values = self._table[quantity].to_numpy(zero_copy_only=False).astype(np.float64)
        rows = [on_grid(self.grid, self._times[at], values[at]) for at in (self._device == name for name in devices)]
        return np.stack(rows) if rows else np.empty((0, len(self.grid)))


def forecast_of(request: Request, table: pa.Table) -> CityForecast:
    """Return the forecast from rows (device, time, quantities) of hourly means."""
    hours = _Hours(request, table)
    weather, ahead = _weather(request, hours), _ahead(request, hours)
    models: dict[str, ModelOfQuantity] = {}
    stations: dict[str, dict[str, QuantityForecast]] = {name: {} for name in request.stations}
    network = {quantity: _mean(hours.of(request.stations, quantity)) for quantity in QUANTITIES}
    for quantity in QUANTITIES:
        upwind = {
            name: values for name, values in _upwind(request, hours, quantity).items() if np.isfinite(values).any()
        }
        panel = Panel(
            time_s=hours.grid,
            own=hours.of(request.stations, quantity),
            timezone=request.timezone,
            lone_above=LONE_SHARE * UPPER[quantity][1],
            weather=weather,
            beside={name: values for name, values in network.items() if np.isfinite(values).any()},
            upwind=upwind,
            ahead=ahead,
        )
        models[quantity], found = _of_quantity(panel, quantity)
        for name, forecast in zip(request.stations, found, strict=True):
            stations[name][quantity] = forecast
    last = datetime.fromtimestamp(request.last_s, UTC)
    return CityForecast(made_at=request.made_at, last_hour=last, models=models, stations=stations)


def _of_quantity(panel: Panel, quantity: str) -> tuple[ModelOfQuantity, list[QuantityForecast]]:
    known, bad_above = int(np.isfinite(panel.own).any(axis=0).sum()), UPPER[quantity][1]
    if known < LEAST_H:
        why = f"{known} hours of {quantity} are stored; a forecast needs {LEAST_H}"
        model = ModelOfQuantity(model="none", history_hours=known, reason=why)
        return model, [QuantityForecast(reason=why) for _ in panel.own]
    last = panel.own.shape[1] - 1
    number = np.arange(len(panel.own))
    cases = Cases(
        np.repeat(number, len(HORIZONS_H)),
        np.full(number.size * len(HORIZONS_H), last),
        np.tile(HORIZONS_H, number.size),
    )
    can_learn = find_spec("sklearn") is not None
    if known >= LEARNT_FROM_H and can_learn:
        learnt = learn(panel, bad_above)
        mean = learnt.regressor.predict(Inputs(panel).of(cases))
        points = learnt.spread.points(mean, cases.ahead_h)
        warn_at = {ahead_h: learnt.warnings.level(ahead_h, last + 1) for ahead_h in HORIZONS_H}
        said = LEARNT_WITH_MEASURED if panel.ahead else None
        model = ModelOfQuantity(model="learnt", history_hours=known, inputs=panel.inputs, reason=said)
    else:
        little = learn_persistence(panel, bad_above)
        mean = little.mean(panel, cases)
        points, warn_at = little.spread.points(mean, cases.ahead_h), {}
        why = (
            f"{known} hours of {quantity} are stored; from {LEARNT_FROM_H} on a better model is learnt"
            if can_learn
            else "scikit-learn is not installed; install jeonju-air[forecast]"
        )
        model = ModelOfQuantity(model="persistence", history_hours=known, inputs=["own"], reason=why)
    chance = probability_above(points, bad_above)
    warns = np.asarray(chance >= np.array([warn_at.get(int(ahead_h), EVEN_CHANCE) for ahead_h in cases.ahead_h]))
    rows = _rows(panel, quantity, mean, points, warns)
    heard = [bool(np.isfinite(row).any()) for row in panel.own[:, -SILENT_AFTER_H:]]
    silent = QuantityForecast(reason=f"no value within the last {SILENT_AFTER_H} hours")
    per = len(HORIZONS_H)
    return model, [
        QuantityForecast(hours=rows[at * per : (at + 1) * per]) if heard[at] else silent for at in range(len(heard))
    ]


def _rows(panel: Panel, quantity: str, mean: Floats, points: Floats, warns: Bools) -> list[ForecastHour]:
    digits = QUANTITY[quantity].decimals
    values = {"mean": mean, "median": level(points, 0.5), "low": level(points, 0.05), "high": level(points, 0.95)}
    # An hourly mean is rounded before it is put into a class.
    above = [probability_above(points, upper + STEP[quantity] / 2) for upper in UPPER[quantity][:3]]
    classes = -np.diff(np.array([np.ones(len(mean)), *above, np.zeros(len(mean))]), axis=0)
    last_s, per = float(panel.time_s[-1]), len(HORIZONS_H)
    return [
        ForecastHour(
            at=datetime.fromtimestamp(last_s + HORIZONS_H[row % per] * HOUR_S, UTC),
            hours_ahead=HORIZONS_H[row % per],
            **{name: round(float(value[row]), digits) for name, value in values.items()},
            classes={grade.key: round(float(classes[at, row]), 3) + 0.0 for at, grade in enumerate(GRADES)},
            warns=bool(warns[row]),
        )
        for row in range(len(mean))
    ]


def _weather(request: Request, hours: _Hours) -> dict[str, Floats]:
    """Return the mean weather of the stations, as far as they measure it."""
    weather = {name: _mean(hours.of(request.stations, name)) for name in WEATHER}
    direction, speed = (hours.of(request.stations, name) for name in WIND)
    parts = wind_parts(direction, speed)
    weather |= {name: _mean(values) for name, values in parts.items()}
    return {name: values for name, values in weather.items() if np.isfinite(values).any()}


def _ahead(request: Request, hours: _Hours) -> dict[str, Floats]:
    """Return the weather of each hour, measured by the official source up to the last hour and forecast by it for the 24 after that.

    Both are of the same source, so that what is learnt from one holds for the other. Nothing where its measured hours are fewer than learning needs,
    or one of the 24 hours is missing.
    """
    given = request.ahead
    if given is None:
        return {}
    first_s, count = hours.grid[-1] + HOUR_S, len(HORIZONS_H)
    coming = grid_s(first_s, first_s + (count - 1) * HOUR_S)
    times = np.array([hour.at.timestamp() for hour in given.hours])
    names = ("temperature", "humidity", *WIND)
    forecast = {
        name: on_grid(coming, times, np.array([getattr(hour, name) for hour in given.hours], dtype=np.float64))
        for name in names
    }
    series = {name: np.concatenate([_mean(hours.of([given.device], name)), forecast[name]]) for name in names}
    direction, speed = (series.pop(name) for name in WIND)
    series |= wind_parts(direction, speed)
    return {
        name: values
        for name, values in series.items()
        if np.isfinite(values[:-count]).sum() >= LEARNT_FROM_H and np.isfinite(values[-count:]).all()
    }


def _upwind(request: Request, hours: _Hours, quantity: str) -> dict[str, Floats]:
    """Return the mean of all devices far outside of the city, such as official stations of provinces in the west."""
    wanted = dict.fromkeys((quantity, "pm10"))
    return {f"upwind {name}": _mean(hours.of(request.upwind, name)) for name in wanted}


def _mean(values: Floats) -> Floats:
    """Return the mean over devices of each hour, NaN where none has a value."""
    known = np.isfinite(values)
    number = known.sum(axis=0)
    return np.where(number > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)
