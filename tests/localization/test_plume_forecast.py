"""Who stands downwind within the next hour."""

from dataclasses import replace

import numpy as np
import pytest

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.dispersion.wind_grid import WindGrid
from jeonju.contract.site import Site
from jeonju.localization.plume_forecast import sample_places, zones_downwind

WEST = Meteorology(
    wind_speed_m_s=3.0, wind_from_deg=270.0, stability=Stability.D, mixing_height_m=800.0, temperature_k=288.0
)
LEAST = 4.0
AMOUNT = 3e7  # 30 g/s of particles, in µg/s


def middle(site: Site, zone: str) -> np.ndarray:
    outline = np.array(next(area.outline for area in site.zones if area.name == zone))
    x, y = site.map.to_xy(outline[:, 0], outline[:, 1])
    return np.array([[x.mean(), y.mean()]])


def test_zone_downwind_is_named_with_its_time_of_travel_and_the_one_upwind_is_not(jeonju: Site) -> None:
    place = middle(jeonju, "manseong") - np.array([[2500.0, 0.0]])
    found = {reached.zone: reached for reached in zones_downwind(jeonju, place, np.ones(1), AMOUNT, WEST, least=LEAST)}
    assert found["manseong"].probability == 1.0
    # 2.5 km less half of the zone at 3 m/s in 10 m; near the ground it is slower.
    assert 5 < found["manseong"].minutes < 40
    behind = place + np.array([[5000.0, 0.0]])
    assert "manseong" not in {
        reached.zone for reached in zones_downwind(jeonju, behind, np.ones(1), AMOUNT, WEST, least=LEAST)
    }


def test_plume_is_carried_by_the_wind_over_the_site_where_it_is_known(jeonju: Site) -> None:
    """The common wind is from the west, but there it blows to the north."""
    place = middle(jeonju, "manseong") - np.array([[0.0, 1500.0]])
    north = WindGrid(-9000.0, -9000.0, 18_000.0, np.zeros((1, 2, 2)), np.full((1, 2, 2), 3.0))
    reached = [
        {one.zone for one in zones_downwind(jeonju, place, np.ones(1), AMOUNT, WEST, winds=winds, least=LEAST)}
        for winds in (None, north)
    ]
    assert "manseong" not in reached[0]
    assert "manseong" in reached[1]


def test_twice_the_rate_adds_twice_as_much(jeonju: Site) -> None:
    place = middle(jeonju, "palbok")
    one, two = (
        zones_downwind(jeonju, place, np.ones(1), factor * AMOUNT, WEST, least=LEAST)[0].peak for factor in (1, 2)
    )
    assert two == pytest.approx(2 * one, rel=1e-3)


def test_probability_is_the_share_of_the_places_from_which_it_is_reached(jeonju: Site) -> None:
    places = np.vstack([middle(jeonju, "palbok"), middle(jeonju, "palbok") + np.array([[30_000.0, 0.0]])])
    found = {
        reached.zone: reached
        for reached in zones_downwind(jeonju, places, np.array([3.0, 1.0]), AMOUNT, WEST, least=LEAST)
    }
    assert found["palbok"].probability == 0.75


def test_no_release_or_no_place_reaches_no_zone(jeonju: Site) -> None:
    place = middle(jeonju, "palbok")
    assert zones_downwind(jeonju, place, np.ones(1), 0.0, WEST, least=LEAST) == ()
    assert zones_downwind(jeonju, np.empty((0, 2)), np.empty(0), AMOUNT, WEST, least=LEAST) == ()


def test_faster_wind_comes_sooner(jeonju: Site) -> None:
    place = middle(jeonju, "manseong") - np.array([[2500.0, 0.0]])
    slow, fast = (
        {
            reached.zone: reached.minutes
            for reached in zones_downwind(jeonju, place, np.ones(1), AMOUNT, air, least=LEAST)
        }["manseong"]
        for air in (WEST, replace(WEST, wind_speed_m_s=6.0))
    )
    assert fast < slow


def test_places_stand_for_the_map_and_lie_apart() -> None:
    axis = np.arange(0.0, 1000.0, 50.0)
    probability = np.zeros((20, 20))
    probability[2, 3], probability[2, 4], probability[15, 15] = 0.5, 0.2, 0.3
    places, weights = sample_places(axis, axis, probability, 8)
    assert places.tolist() == [[100.0, 150.0], [750.0, 750.0]]
    assert weights.tolist() == pytest.approx([0.7, 0.3])
