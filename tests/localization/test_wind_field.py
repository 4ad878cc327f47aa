"""The wind over the site, drawn together from stations: better than one wind, honest about its error, and robust against what instruments do."""

from dataclasses import replace

import numpy as np
import pytest

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.airquality.dispersion.wind_grid import WindGrid
from jeonju.contract.land_use import bilinear
from jeonju.contract.site import Site
from jeonju.localization.footprints import GridSources
from jeonju.localization.wind_field import at_places, winds_over

MINUTES = 90
WIND = np.array([2.0, 0.5])


def measured(site: Site, departures: dict[str, tuple[float, float]], noise: float = 0.05) -> np.ndarray:
    """Minute means (minutes, devices, 2) of the stations that measure the wind, which differ from `WIND` by so much."""
    rng = np.random.default_rng(4)
    winds = np.full((MINUTES, len(site.devices), 2), np.nan)
    for number, device in enumerate(site.devices):
        if device.name in {station.name for station in site.wind_stations}:
            winds[:, number] = (
                WIND + np.array(departures.get(device.name, (0.0, 0.0))) + noise * rng.standard_normal((MINUTES, 2))
            )
    return winds


def places(site: Site) -> np.ndarray:
    return np.full((MINUTES, len(site.devices), 2), np.nan)


def spot(site: Site, name: str) -> np.ndarray:
    station = next(station for station in site.stations if station.name == name)
    return np.array([float(value) for value in site.map.to_xy(station.lat, station.lon)])


def number(site: Site, name: str) -> int:
    return [device.name for device in site.devices].index(name)


def test_departure_of_a_station_is_found_around_it_and_not_far_away(jeonju: Site) -> None:
    found = winds_over(jeonju, measured(jeonju, {"innovation-04": (0.0, 1.0)}), places(jeonju))
    near, far = (
        at_places(found, *spot(jeonju, name)[:, None])[:, 1, 0].mean() for name in ("innovation-04", "palbok-05")
    )
    assert 1.1 < near < 1.6
    assert 0.3 < far < 0.7
    assert not found.left_out


def test_error_is_small_at_a_station_and_larger_away_from_all(jeonju: Site) -> None:
    found = winds_over(jeonju, measured(jeonju, {}), places(jeonju))
    near, far = (
        float(bilinear(found.grid, found.error_m_s, *place[:, None])[0])
        for place in (spot(jeonju, "palbok-05"), np.array([-8000.0, 3000.0]))
    )
    assert 0 < near < 0.6 * far


def test_wind_over_open_land_is_faster_than_at_the_stations_in_town(jeonju: Site) -> None:
    found = winds_over(jeonju, measured(jeonju, {}), places(jeonju))
    town, fields = (
        at_places(found, np.array([x]), np.array([y]))[:, 0, 0].mean()
        for x, y in ((-1800.0, -1400.0), (-5000.0, 3000.0))
    )
    assert fields / town == pytest.approx(1.23, abs=0.03)


def test_vane_that_is_stuck_is_left_out(jeonju: Site) -> None:
    winds = measured(jeonju, {})
    stuck = number(jeonju, "palbok-01")
    winds[:, stuck] = np.hypot(*winds[:, stuck].T)[:, None] * [[0.0, 1.0]]
    found = winds_over(jeonju, winds, places(jeonju))
    assert found.left_out == ("palbok-01",)
    assert np.allclose(found.mean_m_s.mean(axis=0), WIND, atol=0.1)


def test_steady_wind_at_all_stations_is_believed(jeonju: Site) -> None:
    found = winds_over(jeonju, measured(jeonju, {}, noise=0.0), places(jeonju))
    assert not found.left_out
    assert np.allclose(found.mean_m_s, WIND, atol=0.03)


def test_vane_that_points_backwards_is_left_out(jeonju: Site) -> None:
    found = winds_over(jeonju, measured(jeonju, {"manseong-02": (-4.0, -1.0)}), places(jeonju))
    assert found.left_out == ("manseong-02",)


def test_station_counts_where_it_says_it_is(jeonju: Site) -> None:
    """A mast that was moved to the north of Palbok says nothing of where the site file has it."""
    moved = places(jeonju)
    moved[:, number(jeonju, "innovation-04")] = 500.0, 3300.0
    winds = measured(jeonju, {"innovation-04": (0.0, 1.0)})
    found = winds_over(jeonju, winds, moved)
    here = at_places(found, np.array([500.0]), np.array([3300.0]))[:, 1, 0].mean()
    there = at_places(found, *spot(jeonju, "innovation-04")[:, None])[:, 1, 0].mean()
    assert here > there + 0.4


def test_station_that_falls_silent_does_not_shift_the_wind_at_the_others(jeonju: Site) -> None:
    winds = measured(jeonju, {"innovation-04": (0.0, 1.0)})
    winds[45:, number(jeonju, "innovation-04")] = np.nan
    north = at_places(winds_over(jeonju, winds, places(jeonju)), *spot(jeonju, "palbok-05")[:, None])[:, 1, 0]
    assert abs(north[46:50].mean() - north[40:44].mean()) < 0.1


@pytest.mark.parametrize("heard", [0, 1])
def test_one_station_is_the_wind_of_all_and_none_is_no_wind(jeonju: Site, heard: int) -> None:
    winds = measured(jeonju, {})
    silent = [number(jeonju, station.name) for station in jeonju.wind_stations][heard:]
    winds[:, silent] = np.nan
    found = winds_over(jeonju, winds, places(jeonju))
    assert np.isfinite(found.field_m_s).all() == bool(heard)
    assert np.isfinite(found.mean_m_s).all() == bool(heard)


def test_what_a_driving_robot_feels_is_no_wind(jeonju: Site) -> None:
    winds = measured(jeonju, {})
    winds[:, len(jeonju.stations) :] = -9.0
    assert np.allclose(winds_over(jeonju, winds, places(jeonju)).mean_m_s.mean(axis=0), WIND, atol=0.1)


AIR = Meteorology(
    wind_speed_m_s=2.0, wind_from_deg=270.0, stability=Stability.D, mixing_height_m=800.0, temperature_k=288.0
)


def curved(ticks: int) -> WindGrid:
    """A wind from the west that turns northward and slows to the east."""
    x = np.arange(-3000.0, 3001.0, 500.0)
    north = np.broadcast_to(np.clip((x + 1000) / 1500, 0, 1.2), (ticks, len(x), len(x)))
    return WindGrid(-3000.0, -3000.0, 500.0, 2.0 - 0.5 * north, north)


def test_looking_back_finds_what_puffs_carried_by_the_field_bring() -> None:
    """From a place 1.8 km away round a bend, the dilution of the grid is that of a run from that cell, and one wind does not find it."""
    x, y = np.arange(-1200.0, -999.0, 50.0), np.arange(-1700.0, 101.0, 50.0)
    options = {"surroundings": "urban", "averaging_time_s": 180.0, "max_age_s": 2400.0}
    receptor = np.array([[[400.0, 0.0, 2.0]]])
    grid, one = (GridSources(x, y, height_m=2.0, **options) for _ in range(2))  # type: ignore[arg-type]
    for _ in range(20):
        field = grid.respond(10.0, [AIR] * 12, receptor, winds=curved(12)).reshape(len(x), len(y))
        common = one.respond(10.0, [AIR] * 12, receptor).reshape(len(x), len(y))
    b = int(field[2].argmax())
    puffs = Puffs(n_sources=1, box_m=(-9000, -9000, 9000, 9000), **options)  # type: ignore[arg-type]
    ticks = 19 * 12 + 6
    for tick in range(ticks):
        puffs.release(0, x_m=x[2], y_m=y[b], z_m=2.0, mass=10.0, sigma_y_m=50 / np.sqrt(12), sigma_z_m=1.0, tick=tick)
    puffs.march(10.0, [AIR] * ticks, winds=curved(ticks))
    true = puffs.concentration(receptor[0])[0, 0, 0]
    assert field[2, b] == pytest.approx(true, rel=0.25)
    assert common[2, b] < 0.2 * true


def test_error_of_the_wind_widens_where_a_plume_may_have_come_from() -> None:
    x, y = np.arange(-1200.0, -999.0, 50.0), np.arange(-1000.0, 1001.0, 50.0)
    still = replace(AIR, wind_from_deg=270.0)
    wind = WindGrid(-3000.0, -3000.0, 500.0, np.full((12, 13, 13), 2.0), np.zeros((12, 13, 13)))
    rows = []
    for error in (0.0, 0.4):
        grid = GridSources(x, y, height_m=2.0, surroundings="urban", averaging_time_s=180.0, max_age_s=2400.0)
        for _ in range(10):
            row = grid.respond(
                10.0, [still] * 12, np.array([[[0.0, 0.0, 2.0]]]), winds=wind, error_m_s=np.full((13, 13), error)
            )
        rows.append(row.reshape(len(x), len(y))[2])
    assert rows[1].max() < rows[0].max()
    assert (rows[1] > 0.1 * rows[1].max()).sum() > 1.3 * (rows[0] > 0.1 * rows[0].max()).sum()
