"""What differs between runs: what is read from words, and what each run gets."""

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.airquality.geo import is_within
from jeonju.common.errors import UserError
from jeonju.contract.site import load_site
from jeonju.evaluation.sweep.variation import check, drawn, outline_of, parse
from jeonju.simulator.scenario import Scenario

SITE = load_site("jeonju")


def place(scenario: Scenario) -> tuple[Any, Any]:
    event: Any = scenario.events[0]
    return SITE.map.to_xy(event.lat, event.lon)


def test_runs_lie_within_what_was_asked_and_do_not_depend_on_their_number(scenario: Scenario) -> None:
    variations = parse(
        [
            "wind=1..6,wind.from=90..180",
            "hour=0..24",
            "fire.position=100..400,fire.peak_heat_mw=1..30:log,fire.fuel=wood|tyres",
        ]
    )
    check(scenario, SITE, variations)
    runs = [drawn(scenario, SITE, variations, 7, run) for run in range(200)]
    values = [of[0] for of in runs]
    assert {of["fire.fuel"] for of in values} == {"wood", "tyres"}
    for name, low, high in (("wind", 1, 6), ("wind.from", 90, 180), ("hour", 0, 24), ("fire.peak_heat_mw", 1, 30)):
        numbers = np.array([of[name] for of in values])
        assert low <= numbers.min() <= low + 0.1 * (high - low)
        assert high - 0.2 * (high - low) <= numbers.max() <= high
    # Half of the logarithm is the root of both ends.
    assert np.median([of["fire.peak_heat_mw"] for of in values]) == pytest.approx(30**0.5, rel=0.3)
    x_m, y_m = place(scenario)
    for of, own in runs:
        away_x_m, away_y_m = place(own)
        assert np.hypot(away_x_m - x_m, away_y_m - y_m) == pytest.approx(of["fire.position"], abs=0.2)
        assert own.weather.wind_speed_m_s == of["wind"]
    assert drawn(scenario, SITE, variations, 7, 150) == runs[150]
    assert len({own.seed for _, own in runs}) == len(runs)


def test_a_fire_anywhere_is_in_a_zone(scenario: Scenario) -> None:
    outlines = [outline_of(SITE, zone.outline) for zone in SITE.zones]
    variations = parse(["fire.position=city"])
    x_m, y_m = np.array([place(drawn(scenario, SITE, variations, 1, run)[1]) for run in range(60)]).T
    inside = np.array([is_within(outline[:, 0], outline[:, 1], x_m, y_m) for outline in outlines])
    assert inside.any(axis=0).all()
    assert inside.any(axis=1).all()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("wind", "has no value"),
        ("wind=", "has no value"),
        ("wind=6..1", "ends below its beginning; write wind=1..6"),
        ("wind=0..5:log", "no logarithm at 0"),
        ("wind=1..2,wind=3..4", "names wind twice"),
        ("wind=-3..4", "wind_speed_m_s"),
        ("wind=strong", "wind_speed_m_s"),
        ("snow=1..2", "nothing of that name"),
        ("fire=1..2", "nothing of that name"),
        ("leak.duration=1..2", "nothing of that name"),
        ("fire.colour=1..2", "colour"),
        ("fire.peak_heat_mw=1..900", "peak_heat_mw"),
        ("fire.fuel=wood|gold", "gold"),
        ("fire.position=town", "give metres, such as 0..500, or city"),
        ("hour=-1..3", "from 0 to 24"),
        ("rain=1..5,cloud=0..1", "does not rain"),
    ],
)
def test_what_cannot_be_varied_is_said(scenario: Scenario, word: str, message: str) -> None:
    with pytest.raises(UserError) as said:
        check(scenario, SITE, parse([word]))
    assert message in str(said.value)


@given(st.text(max_size=40))
def test_any_words_are_read_or_refused(text: str) -> None:
    with suppress(UserError):
        assert all(variation.ends() for variation in parse([text]))
