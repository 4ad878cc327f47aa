"""Where robots are sent: to informative places, inside the city's zones, out of heat and the hottest plume."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.contract.site import Site
from jeonju.localization.camera_evidence import Observations
from jeonju.localization.source_map import SourceMap
from jeonju.response.fleet.planning import plan_stops
from jeonju.response.fleet.search_map import STAND_OFF_M, SearchMap, is_in_a_zone
from tests.response.fleet.maps import source_map


@pytest.fixture(scope="module")
def palbok(jeonju: Site) -> tuple[float, float]:
    x, y = jeonju.map.to_xy(35.8552, 127.0940)
    return float(x), float(y)


def test_stops_lie_in_a_zone_out_of_danger_and_near_enough_to_measure(
    jeonju: Site, palbok: tuple[float, float]
) -> None:
    found = source_map(jeonju, palbok, 60.0)
    search = SearchMap(jeonju, found)
    stops = plan_stops(jeonju, found, (palbok[0] - 400, palbok[1]), most=3)
    assert 2 <= len({stop[:2] for stop in stops}) == len(stops) <= 3
    for stop in stops:
        assert is_in_a_zone(jeonju, np.array([stop.x_m]), np.array([stop.y_m])).all()
        assert not search.is_dangerous(stop.x_m, stop.y_m)
    assert np.hypot(stops[0].x_m - palbok[0], stops[0].y_m - palbok[1]) < 200


def test_known_fire_is_kept_away_from_and_its_hottest_plume_too(jeonju: Site, palbok: tuple[float, float]) -> None:
    search = SearchMap(jeonju, source_map(jeonju, palbok, 12.0, close=True, rate_g_s=100.0))
    x, y = palbok
    assert search.is_dangerous(x + STAND_OFF_M - 5, y)
    assert search.is_dangerous(x + 80, y)  # down the west wind
    assert not search.is_dangerous(x - 80, y)
    assert not search.is_dangerous(x, y + 100)
    assert not search.is_dangerous(x + 10_000, y)
    weak = SearchMap(jeonju, source_map(jeonju, palbok, 12.0, close=True, rate_g_s=0.1))
    assert not weak.is_dangerous(x + 80, y)


def test_way_does_not_lead_through_danger_but_out_of_it(jeonju: Site, palbok: tuple[float, float]) -> None:
    found = source_map(jeonju, palbok, 10.0, close=True)
    search = SearchMap(jeonju, found)
    west, east = (int(np.abs(found.x_m - palbok[0] - off).argmin()) for off in (-150, 200))
    middle = int(np.abs(found.y_m - palbok[1]).argmin())
    cells = np.array([[west, middle], [east, middle]])
    assert search.is_clear((palbok[0] - 280, palbok[1]), cells).tolist() == [True, False]
    assert search.is_clear(palbok, cells).tolist() == [True, True]


def test_what_is_known_needs_no_stop_and_nothing_is_planned_outside_of_the_zones(
    jeonju: Site, palbok: tuple[float, float]
) -> None:
    assert plan_stops(jeonju, source_map(jeonju, palbok, 0.5, close=True), palbok, most=2) == []
    assert plan_stops(jeonju, source_map(jeonju, (palbok[0], palbok[1] + 9000), 60.0), palbok, most=2) == []


def test_without_wind_the_camera_alone_is_planned_with(jeonju: Site, palbok: tuple[float, float]) -> None:
    assert plan_stops(jeonju, source_map(jeonju, palbok, 60.0, air=None), palbok, most=1)


def test_a_seen_fire_moves_the_next_stop_towards_it(jeonju: Site, palbok: tuple[float, float]) -> None:
    wide = source_map(jeonju, palbok, 150.0, close=True)
    x, y = palbok[0] + 100, palbok[1] + 50
    observations = Observations(np.array([x]), np.array([y]), np.array([True]))
    seen = wide.probability * np.exp(3 * observations.log_ratio(wide.x_m, wide.y_m))
    narrowed = SourceMap("pm25", wide.x_m, wide.y_m, seen / seen.sum(), 0.0, wide.rate_g_s, wide.air)
    (stop,) = plan_stops(jeonju, narrowed, palbok, most=1)
    assert np.hypot(stop.x_m - x, stop.y_m - y) < 120


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([True, False]))
def test_any_map_is_planned_with_without_nan(jeonju: Site, seed: int, close: bool) -> None:
    rng = np.random.default_rng(seed)
    like = source_map(jeonju, (1000.0, 1000.0), 50.0, close=close, air=None)
    share = rng.random(like.probability.shape) ** rng.integers(1, 60)
    found = SourceMap("co", like.x_m, like.y_m, share / share.sum(), 0.0, (0.01, 1.0, 1000.0), None)
    for stop in plan_stops(jeonju, found, (900.0, 900.0), most=2):
        assert np.isfinite(stop).all()


def test_observations_are_strongest_where_hot_and_cold_ones_agree() -> None:
    x = y = np.arange(-200.0, 201.0, 10.0)
    hot = np.array([[0, 0], [40, 0]])
    cold = np.array([[-60, 0], [-60, 30], [0, -60], [40, -60]])
    places = np.concatenate([hot, cold]).astype(float)
    ratio = Observations(places[:, 0], places[:, 1], np.array([True] * 2 + [False] * 4)).log_ratio(x, y)
    a, b = np.unravel_index(int(ratio.argmax()), ratio.shape)
    assert abs(x[a] - 20) <= 30
    assert 0 <= y[b] <= 40
    assert ratio[0, 0] == pytest.approx(2 * np.log(0.002 / 0.002) / 3, abs=1e-6)
