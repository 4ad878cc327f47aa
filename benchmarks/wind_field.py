"""How well the wind is known between the stations: interpolated, as the plain mean of the stations, and as that of the nearest one.

The winds are those of a simulated city in stretches of 90 minutes all over a year, with the noise of instruments, as minute means. Each station is
left out in turn ("station"); and the true field is compared at the nodes of the map within 2.5 km of the stations' middle ("map"). RMSE of a vector
component [m/s]; of the direction [degrees], where the true wind is 0.5 m/s or more.
"""

from typing import Any, Final

import numpy as np

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.land_use import bilinear
from jeonju.contract.site import Site, load_site
from jeonju.localization.wind_field import at_places, winds_over
from jeonju.simulator.weather import Weather
from jeonju.simulator.wind_field import WindField

STRETCHES: Final = 60
FIRST_SEED: Final = 300
STRETCH_MIN: Final = 90
YEAR_S: Final = 1_767_225_600.0
DAYS: Final = 365.0
WITHIN_M: Final = 2500.0
LEAST_M_S: Final = 0.5
# Minute means of 60 readings.
SPEED_NOISE: Final = 0.22 / np.sqrt(60)
DIRECTION_NOISE_DEG: Final = 7.0 / np.sqrt(60)
_SPEED, _FROM = KEYS.index("wind_speed"), KEYS.index("wind_direction")


def _true_winds(site: Site, seed: int, places_m: Floats) -> Floats:
    """Return the wind (minutes, 2, places) of one stretch at a random time of the year."""
    rng = np.random.default_rng([seed, 5])
    start_s = YEAR_S + rng.uniform(0, DAYS) * 86_400.0
    weather = Weather(site, start_s=start_s, rng=rng)
    field = WindField(site, weather, start_s=start_s, seed=seed)
    times_s = np.asarray(start_s + 60.0 * np.arange(1, STRETCH_MIN + 1), dtype=np.float64)
    truth = np.zeros((len(times_s), len(places_m), len(KEYS)))
    field.measure(truth, times_s, np.broadcast_to(places_m, (len(times_s), *places_m.shape)))
    return _vectors(truth[..., _SPEED], truth[..., _FROM])


def _vectors(speed: Floats, from_deg: Floats) -> Floats:
    angle = np.radians(from_deg)
    return np.stack([-speed * np.sin(angle), -speed * np.cos(angle)], axis=1)


def _measured(true: Floats, rng: np.random.Generator) -> Floats:
    """Return winds (minutes, stations, 2) as instruments report them."""
    speed = np.hypot(true[:, 0], true[:, 1])
    from_deg = np.degrees(np.arctan2(-true[:, 0], -true[:, 1]))
    speed = speed * (1 + SPEED_NOISE * rng.standard_normal(speed.shape))
    return _vectors(speed, from_deg + DIRECTION_NOISE_DEG * rng.standard_normal(speed.shape)).swapaxes(1, 2)


def _errors(site: Site, seed: int, stations: list[int], stations_m: Floats, nodes_m: Floats) -> dict[str, list[Floats]]:
    """Return pairs of estimate and truth (minutes, 2, places) for each way and each kind of place."""
    true = _true_winds(site, seed, np.concatenate([stations_m, nodes_m]))
    measured = _measured(true[..., : len(stations)], np.random.default_rng([seed, 6]))
    winds = np.full((STRETCH_MIN, len(site.devices), 2), np.nan)
    winds[:, stations] = measured
    places = np.full((STRETCH_MIN, len(site.devices), 2), np.nan)
    at_nodes = true[..., len(stations) :]
    nearest = np.hypot(*(nodes_m[:, None] - stations_m[None]).transpose(2, 0, 1)).argmin(axis=1)
    found = winds_over(site, winds, places)
    out = {
        "map, interpolated": [at_places(found, *nodes_m.T), at_nodes],
        "map, mean": [np.broadcast_to(measured.mean(axis=1)[..., None], at_nodes.shape), at_nodes],
        "map, nearest": [measured[:, nearest].swapaxes(1, 2), at_nodes],
        # What the interpolation says of its own error, as if it were one.
        "map, error as stated": [at_nodes + bilinear(found.grid, found.error_m_s, *nodes_m.T), at_nodes],
    }
    for key in ("interpolated", "mean", "nearest"):
        out[f"station, {key}"] = [np.empty((STRETCH_MIN, 2, 0)), np.empty((STRETCH_MIN, 2, 0))]
    for row, number in enumerate(stations):
        others = [other for other in range(len(stations)) if other != row]
        without = winds.copy()
        without[:, number] = np.nan
        near = others[int(np.hypot(*(stations_m[others] - stations_m[row]).T).argmin())]
        for key, guess in (
            ("interpolated", at_places(winds_over(site, without, places), *stations_m[[row]].T)),
            ("mean", measured[:, others].mean(axis=1)[..., None]),
            ("nearest", measured[:, near][..., None]),
        ):
            pair = out[f"station, {key}"]
            pair[0], pair[1] = np.dstack([pair[0], guess]), np.dstack([pair[1], true[..., [row]]])
    return out


def run(stretches: int = STRETCHES) -> dict[str, Any]:
    """Return the errors of each way."""
    site = load_site("jeonju")
    stations = [site.devices.index(station) for station in site.wind_stations]
    lat, lon = (np.array([getattr(station, key) for station in site.wind_stations]) for key in ("lat", "lon"))
    stations_m = np.column_stack(site.map.to_xy(lat, lon))
    x, y = np.meshgrid(site.speed_ratios.x_m, site.speed_ratios.y_m)
    nodes_m = np.column_stack([x.ravel(), y.ravel()])
    nodes_m = nodes_m[np.hypot(*(nodes_m - stations_m.mean(axis=0)).T) < WITHIN_M]
    every = [_errors(site, FIRST_SEED + number, stations, stations_m, nodes_m) for number in range(stretches)]
    return {key: _summary([pairs[key] for pairs in every]) for key in every[0]}


def _summary(pairs: list[list[Floats]]) -> dict[str, float]:
    off = np.concatenate([(guess - true).ravel() for guess, true in pairs])
    turned = []
    for guess, true in pairs:
        counted = np.hypot(true[:, 0], true[:, 1]) >= LEAST_M_S
        angle = np.arctan2(guess[:, 0], guess[:, 1]) - np.arctan2(true[:, 0], true[:, 1])
        turned.append(np.degrees(np.angle(np.exp(1j * angle)))[counted])
    every = np.concatenate(turned)
    return {
        "rmse_m_s": round(float(np.sqrt(np.mean(off**2))), 3),
        "rmse_deg": round(float(np.sqrt(np.mean(every**2))), 1) if len(every) else 0.0,
    }
