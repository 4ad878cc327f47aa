"""Which zones the plume reaches within the next hour, and when."""

import numpy as np
import pytest

from jeonju.contract.columns import READINGS
from jeonju.contract.site import Site
from jeonju.localization.arrivals import Downwind, zones_downwind
from jeonju.localization.minutes import minute_means
from jeonju.localization.plume_ensemble import Released, sample_places
from tests.localization.test_plume_field import MINUTES, START_S, blowing

LEAST = 4.0
RATE = (200.0, 300.0, 450.0)


def middle(site: Site, zone: str) -> np.ndarray:
    outline = np.array(next(area.outline for area in site.zones if area.name == zone))
    x, y = site.map.to_xy(outline[:, 0], outline[:, 1])
    return np.array([[x.mean(), y.mean()]])


def west_of(site: Site, zone: str, distance_m: float) -> Released:
    """What has just begun so far west of the middle of a zone."""
    return Released(middle(site, zone) - np.array([[distance_m, 0.0]]), np.ones(1), RATE, "pm25", 1.0)


def found(site: Site, released: Released, speed: float = 3.0) -> dict[str, Downwind]:
    return {one.zone: one for one in zones_downwind(site, released, blowing(site, speed=speed), LEAST)}


def test_zone_downwind_is_named_with_an_interval_of_arrival_and_the_one_upwind_is_not(jeonju: Site) -> None:
    reached = found(jeonju, west_of(jeonju, "manseong", 2500.0))["manseong"]
    assert reached.probability > 0.8
    # 2.5 km less half of the zone, at 3 m/s and more above the ground.
    assert reached.minutes_10 is not None
    assert reached.minutes_90 is not None
    assert 1 < reached.minutes_10 < reached.minutes < reached.minutes_90 < 15
    behind = found(jeonju, west_of(jeonju, "manseong", -2500.0))
    assert "manseong" not in behind or behind["manseong"].probability < 0.2


def test_faster_wind_comes_sooner_and_a_plume_under_way_is_there_already(jeonju: Site) -> None:
    begun = west_of(jeonju, "manseong", 2500.0)
    slow, fast = (found(jeonju, begun, speed)["manseong"].minutes for speed in (3.0, 6.0))
    assert fast < slow
    under_way = found(jeonju, begun._replace(since_min=40.0))["manseong"]
    assert (under_way.minutes_10, under_way.minutes) == (0.0, 0.0)


def test_twice_the_rate_adds_twice_as_much_and_comes_sooner_and_more_surely(jeonju: Site) -> None:
    begun = west_of(jeonju, "manseong", 2500.0)
    weak, strong = (
        found(jeonju, begun._replace(rate_g_s=(rate, 2 * rate, 4 * rate)))["palbok"] for rate in (20.0, 40.0)
    )
    assert strong.peak == pytest.approx(2 * weak.peak, rel=1e-3)
    assert strong.probability > weak.probability + 0.1
    assert strong.minutes < weak.minutes


def test_places_count_by_their_weight(jeonju: Site) -> None:
    one = middle(jeonju, "palbok")
    places = np.vstack([one, one + np.array([[30_000.0, 0.0]])])
    alone, both = (
        found(jeonju, Released(where, weights, RATE, "pm25", 1.0))["palbok"].probability
        for where, weights in ((one, np.ones(1)), (places, np.array([3.0, 1.0])))
    )
    assert both == pytest.approx(0.75 * alone, abs=0.02)


def test_nothing_is_named_without_a_release_a_place_or_the_wind(jeonju: Site) -> None:
    begun = west_of(jeonju, "palbok", 0.0)
    assert found(jeonju, begun._replace(rate_g_s=(0.0, 0.0, 0.0))) == {}
    assert found(jeonju, begun._replace(places_m=np.empty((0, 2)), weights=np.empty(0))) == {}
    silent = minute_means(jeonju, READINGS.empty_table(), "pm25", start_s=START_S, until_s=START_S + 60 * MINUTES)
    assert zones_downwind(jeonju, begun, silent, LEAST) == ()


def test_places_stand_for_the_map_and_lie_apart() -> None:
    axis = np.arange(0.0, 1000.0, 50.0)
    probability = np.zeros((20, 20))
    probability[2, 3], probability[2, 4], probability[15, 15] = 0.5, 0.2, 0.3
    places, weights = sample_places(axis, axis, probability, 8)
    assert places.tolist() == [[100.0, 150.0], [750.0, 750.0]]
    assert weights.tolist() == pytest.approx([0.7, 0.3])
