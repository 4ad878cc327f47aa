"""The plume as a field of probability: where the wind goes, wider with time, and as sure as what it is made of."""

import numpy as np
import pytest

from jeonju.contract.columns import readings_table
from jeonju.contract.site import Site
from jeonju.localization.minutes import Minutes, minute_means
from jeonju.localization.plume_ensemble import Released, released_from
from jeonju.localization.plume_field import AHEAD_MIN, PlumeField, levels_of, plume_field

START_S = 1_772_600_000.0 // 60 * 60
MINUTES = 60
PLACE = np.array([[-3000.0, 0.0]])
RATE = (200.0, 300.0, 450.0)


def blowing(site: Site, from_deg: float = 270.0, speed: float = 3.0) -> Minutes:
    """An hour of one wind at every station that measures it."""
    about = {"site": site.name, "pm25": 10.0, "wind_speed": speed, "wind_direction": from_deg}
    rows = [
        about | {"device": station.name, "time": int((START_S + 60 * minute) * 1e6), "received_at": int(START_S * 1e6)}
        for station in site.wind_stations
        for minute in range(MINUTES)
    ]
    return minute_means(site, readings_table(rows), "pm25", start_s=START_S, until_s=START_S + 60 * MINUTES)


def field(site: Site, released: Released, minutes: Minutes | None = None) -> PlumeField:
    found = plume_field(site, released, minutes or blowing(site), levels_of("pm25"))
    assert found is not None
    return found


def at(found: PlumeField, x_m: float, y_m: float) -> np.ndarray:
    """Probability (levels, times) at the node nearest to a place."""
    return found.probability[:, :, np.abs(found.y_m - y_m).argmin(), np.abs(found.x_m - x_m).argmin()]


@pytest.fixture(scope="module")
def one(jeonju: Site) -> PlumeField:
    """The plume of a source that was noticed 5 minutes ago."""
    return field(jeonju, Released(PLACE, np.ones(1), RATE, "pm25", 10.0))


def test_plume_is_downwind_and_gets_farther(one: PlumeField) -> None:
    told = 0
    assert at(one, -2500, 0)[told, 0] > 0.8
    assert at(one, -3500, 0)[told].max() < 0.05
    # It has been under way for 10 minutes; 5 km at some 4 m/s above the ground take 20.
    assert at(one, 2000, 0)[told, 0] < 0.02
    assert at(one, 2000, 0)[told, AHEAD_MIN.index(20)] > 0.7
    assert at(one, 1000, 3000)[told].max() < 0.3


def test_the_later_the_less_sure(one: PlumeField) -> None:
    now, later = (one.probability[0, AHEAD_MIN.index(minute)] for minute in (0, 60))
    assert (later > 0.02).sum() > 3 * (now > 0.02).sum()
    assert at(one, 1000, 0)[0, -1] < at(one, 1000, 0)[0, AHEAD_MIN.index(20)] - 0.2


def test_higher_level_is_less_probable_everywhere(one: PlumeField) -> None:
    assert one.levels == (4.0, 35.0)
    assert (one.probability[1] <= one.probability[0] + 1e-9).all()
    assert (one.probability >= 0).all()
    assert one.probability.max() <= 1


def test_places_count_by_their_weight(jeonju: Site) -> None:
    places = np.vstack([PLACE, PLACE + np.array([[0.0, 2500.0]])])
    found = field(jeonju, Released(places, np.array([3.0, 1.0]), RATE, "pm25", 10.0))
    one_place, other = (at(found, -2500, y_m)[0, 0] for y_m in (0.0, 2500.0))
    assert one_place == pytest.approx(0.75, abs=0.1)
    assert other == pytest.approx(0.25, abs=0.1)


def test_unknown_wind_or_place_gives_none_and_only_fires_rise(jeonju: Site, one: PlumeField) -> None:
    silent = blowing(jeonju, speed=float("nan"))
    released = Released(PLACE, np.ones(1), RATE, "pm25", 10.0)
    assert plume_field(jeonju, released, silent, levels_of("pm25")) is None
    nowhere = released._replace(places_m=np.empty((0, 2)), weights=np.empty(0))
    assert plume_field(jeonju, nowhere, blowing(jeonju), levels_of("pm25")) is None
    low, middle, high = one.rises
    assert 100 < low.final_m < middle.final_m < high.final_m < 2000
    assert field(jeonju, released._replace(quantity="h2s")).rises == ()


def test_cells_of_a_source_are_drawn_together_into_few_places(jeonju: Site) -> None:
    lat, lon = jeonju.origin
    cells = [(lat + 0.0005 * (number % 9), lon + 0.0005 * (number // 9), 0.9 / 81) for number in range(81)]
    released = released_from(jeonju, cells, RATE, "pm25", 6.0)
    assert 1 < len(released.places_m) <= 8
    assert released.weights.sum() == pytest.approx(0.9, abs=0.2)
    assert released.since_min == 11.0
    assert levels_of("h2s") == (0.002, 0.02)
