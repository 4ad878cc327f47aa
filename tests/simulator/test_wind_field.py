"""The simulated wind over the city: it differs from place to place, drains on clear calm nights, and is uniform where a scenario keeps it steady."""

from datetime import UTC, datetime

import numpy as np
import pytest

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.site import Site
from jeonju.simulator.weather import Weather, WeatherOverrides
from jeonju.simulator.wind_field import WindField

NIGHT_S = datetime(2026, 4, 10, 16, 0, tzinfo=UTC).timestamp()  # 01:00 in Jeonju
NOON_S = datetime(2026, 4, 11, 3, 0, tzinfo=UTC).timestamp()
SPEED, FROM = KEYS.index("wind_speed"), KEYS.index("wind_direction")
STATION_M = (-795.0, 33.0)
RIVER = (35.8600, 127.1075)


def field(site: Site, start_s: float = NIGHT_S, seed: int = 1, **weather: object) -> WindField:
    chosen = WeatherOverrides.model_validate(weather)
    air = Weather(site, start_s=start_s, rng=np.random.default_rng(seed), overrides=chosen)
    return WindField(site, air, start_s=start_s, seed=seed, overrides=chosen)


def winds(wind: WindField, times_s: np.ndarray, *places_m: tuple[float, float]) -> np.ndarray:
    """East and north (times, 2, places)."""
    truth = np.zeros((len(times_s), len(places_m), len(KEYS)))
    wind.measure(truth, times_s, np.broadcast_to(np.array(places_m), (len(times_s), len(places_m), 2)))
    angle = np.radians(truth[..., FROM])
    return np.stack([-truth[..., SPEED] * np.sin(angle), -truth[..., SPEED] * np.cos(angle)], axis=1)


def test_steady_wind_is_the_same_everywhere(jeonju: Site) -> None:
    steady = field(jeonju, wind_speed_m_s=3, wind_from_deg=270, meander="none")
    times = NIGHT_S + np.arange(60.0)
    truth = np.full((60, 2, len(KEYS)), 7.0)
    steady.measure(truth, times, np.zeros((60, 2, 2)))
    assert steady.grid(times) is None
    assert np.all(truth == 7.0)


def test_prescribed_wind_still_differs_from_place_to_place(jeonju: Site) -> None:
    times = NIGHT_S + 60.0 * np.arange(1, 121)
    apart = []
    for seed in range(12):
        both = winds(field(jeonju, seed=seed, wind_speed_m_s=3, wind_from_deg=270), times, STATION_M, (1000.0, -2900.0))
        apart.append(both[:, :, 0] - both[:, :, 1])
    # Two places 3.5 km apart have independent departures of 0.25 + 0.12·3 m/s each.
    assert np.std(apart) == pytest.approx(np.sqrt(2) * 0.61, rel=0.25)


def test_neighbours_have_nearly_the_same_wind_and_it_lasts(jeonju: Site) -> None:
    times = NIGHT_S + 60.0 * np.arange(1, 181)
    one = np.concatenate(
        [
            winds(
                field(jeonju, seed=seed, wind_speed_m_s=2, wind_from_deg=270),
                times,
                STATION_M,
                (-595.0, 33.0),
                (-795, 3033),
            )
            for seed in range(8)
        ]
    )
    near, far = (np.std(one[..., 0] - one[..., other]) for other in (1, 2))
    assert near < 0.25 * far


@pytest.mark.parametrize(
    ("start_s", "weather", "low", "high"),
    [
        (NIGHT_S, {"cloud_fraction": 0, "wind_speed_m_s": 0.3}, 0.5, 1.5),
        (NIGHT_S, {"cloud_fraction": 1, "wind_speed_m_s": 0.3}, -0.35, 0.35),
        (NIGHT_S, {"cloud_fraction": 0, "wind_speed_m_s": 5}, -0.8, 0.8),
        (NOON_S, {"cloud_fraction": 0, "wind_speed_m_s": 0.3}, -0.7, -0.1),
    ],
    ids=["clear-calm-night", "overcast-night", "windy-night", "calm-day"],
)
def test_cold_air_drains_along_the_river_on_clear_calm_nights(
    jeonju: Site, start_s: float, weather: dict[str, float], low: float, high: float
) -> None:
    """Down the Jeonjucheon is to the north there; the prescribed wind comes from the west."""
    x_m, y_m = (float(value) for value in jeonju.map.to_xy(*RIVER))
    times = start_s + 60.0 * np.arange(1, 61)
    north = [
        winds(field(jeonju, start_s, seed, wind_from_deg=270, **weather), times, (x_m, y_m))[:, 1, 0]
        for seed in range(12)
    ]
    assert low < np.mean(north) < high


def test_field_is_the_same_in_blocks_of_any_length(jeonju: Site) -> None:
    times = NIGHT_S + 10.0 * np.arange(1, 721)
    whole = winds(field(jeonju), times, STATION_M)
    parts = field(jeonju)
    cut = np.concatenate([winds(parts, times[i : i + 7], STATION_M) for i in range(0, len(times), 7)])
    assert np.allclose(whole, cut, atol=1e-12)


def test_robot_that_drives_past_a_station_feels_its_wind(jeonju: Site) -> None:
    times = np.asarray(NIGHT_S + 10.0 * np.arange(1, 61), dtype=np.float64)
    ways = np.broadcast_to(np.array(STATION_M, dtype=np.float64), (60, 2, 2)).copy()
    ways[:, 1, 0] += 20.0 * (np.arange(60) - 30)
    truth = np.zeros((60, 2, len(KEYS)))
    field(jeonju).measure(truth, times, ways)
    assert np.allclose(truth[30, 0], truth[30, 1])
    assert not np.allclose(truth[:30, 0], truth[:30, 1])


def test_puffs_are_carried_by_the_wind_that_stations_measure(jeonju: Site) -> None:
    wind, times = field(jeonju), np.asarray(NIGHT_S + 10.0 * np.arange(1, 61), dtype=np.float64)
    grid = wind.grid(times)
    assert grid is not None
    node = (grid.west_m + 5 * grid.cell_m, grid.south_m + 7 * grid.cell_m)
    at_node = winds(wind, times, node)[..., 0]
    assert np.allclose(at_node[:, 0], grid.east_m_s[:, 7, 5], atol=0.11)
    assert np.allclose(np.hypot(*at_node.T), np.maximum(np.hypot(grid.east_m_s, grid.north_m_s)[:, 7, 5], 0.1))
