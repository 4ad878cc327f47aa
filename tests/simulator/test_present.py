"""A world that goes on from what was measured: it begins there, and whatever the climate would have made fades in afterwards."""

import numpy as np
import pytest
import simpy

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.events import ClosedRoad
from jeonju.contract.site import Road, Site
from jeonju.simulator.background import Background
from jeonju.simulator.emissions import Emissions
from jeonju.simulator.present import SPIN_UP_S, Present, RobotNow, WindChange
from jeonju.simulator.robots import PatrolRobot
from jeonju.simulator.weather import Weather
from jeonju.simulator.wind_field import WindField

AT_S = 1_772_600_400.0
BEGIN_S = AT_S - SPIN_UP_S


def weather(site: Site, seed: int, present: Present) -> Weather:
    return Weather(site, start_s=BEGIN_S, rng=np.random.default_rng(seed), present=present)


def test_weather_goes_on_from_what_was_measured(jeonju: Site) -> None:
    present = Present(at_s=AT_S, temperature_c=31.0, humidity_percent=88.0, wind_m_s=(-4.0, 3.0))
    last = np.arange(AT_S - 540.0, AT_S + 1.0, 60.0)
    airs = [weather(jeonju, seed, present).sample(last) for seed in range(10)]
    # A measured value is the mean of the last minutes; gusts stay.
    assert np.allclose([air.temperature_c.mean() for air in airs], 31.0, atol=0.1)
    assert np.median([air.wind_speed_m_s.mean() for air in airs]) == pytest.approx(5.0, abs=0.5)
    assert np.median([air.wind_from_deg.mean() for air in airs]) == pytest.approx(127.0, abs=8.0)


def test_another_wind_blows_from_its_instant_on(jeonju: Site) -> None:
    present = Present(
        at_s=AT_S, wind_m_s=(3.0, 0.0), winds=(WindChange(at_s=AT_S + 1800.0, speed_m_s=6.0, from_deg=0.0),)
    )
    hour = weather(jeonju, 1, present).sample(np.arange(AT_S, AT_S + 3600.0, 60.0))
    assert np.median(hour.wind_from_deg[:25]) == pytest.approx(270.0, abs=40.0)
    turned = np.mod(hour.wind_from_deg[31:] + 180.0, 360.0)
    assert np.median(turned) == pytest.approx(180.0, abs=15.0)
    assert np.median(hour.wind_speed_m_s[31:]) == pytest.approx(6.0, abs=2.0)


def test_wind_field_is_the_measured_one_up_to_the_present(jeonju: Site) -> None:
    shape = jeonju.speed_ratios.ratio.shape
    past = np.tile(np.array([2.0, -1.0])[:, None, None], (60, 1, *shape))
    present = Present(at_s=AT_S, wind_m_s=(2.0, -1.0), past_winds_m_s=past)
    air = weather(jeonju, 3, present)
    field = WindField(jeonju, air, start_s=BEGIN_S, seed=3, present=present)
    before = field.grid(np.array([AT_S - 600.0, AT_S - 60.0]))
    assert before is not None
    assert np.allclose(before.east_m_s, 2.0)
    assert np.allclose(before.north_m_s, -1.0)
    soon = field.grid(np.array([AT_S + 120.0]))
    assert soon is not None
    # Gusts of the first minutes are all that departs from it.
    assert np.hypot(soon.east_m_s.mean() - 2.0, soon.north_m_s.mean() + 1.0) < 1.5


def test_background_begins_at_the_measured_level_and_drifts_to_neither_side(jeonju: Site) -> None:
    present = Present(at_s=AT_S, levels={"pm25": 120.0, "no2": 0.05, "co2": 500.0})
    place = np.zeros((2, 1, 2))
    ratios = []
    for seed in range(40):
        background = Background(
            jeonju,
            start_s=BEGIN_S,
            rng=np.random.default_rng(seed),
            weather=weather(jeonju, seed, present),
            present=present,
        )
        levels = background.sample(np.array([AT_S - 300.0, AT_S + 1800.0]), place)[:, 0]
        ratios.append(levels[:, KEYS.index("pm25")] / 120.0)
        assert levels[0, KEYS.index("co2")] == 500.0
    now, later = np.median(ratios, axis=0)
    assert now == pytest.approx(1.0, abs=0.05)
    assert later == pytest.approx(1.0, abs=0.12)


def test_robot_stands_where_it_was_seen_and_patrols_on_from_the_present(jeonju: Site) -> None:
    env = simpy.Environment(initial_time=BEGIN_S)
    robot = PatrolRobot(jeonju.robots[0], jeonju, env, np.random.default_rng(1))
    lat, lon = jeonju.robots[0].loop[1]
    robot.put(jeonju, RobotNow(lat=lat, lon=lon, battery_percent=55.0), AT_S)
    robot.start()
    env.run(until=AT_S + 600.0)
    x, y, battery, speed, *_ = robot.track(np.array([AT_S - 1.0]))[0]
    assert np.allclose((x, y), jeonju.map.to_xy(lat, lon), atol=0.1)
    assert speed == 0.0
    assert 40.0 < battery < 55.0
    assert np.hypot(*(robot.track(np.array([AT_S + 600.0]))[0, :2] - (x, y))) > 5.0


def test_closed_road_has_no_traffic_and_the_other_one_has_it_instead(jeonju: Site) -> None:
    emissions = Emissions(jeonju)
    road, other = (
        source for source in jeonju.sources if isinstance(source, Road) and source.name in ("palbok-ro", "girin-daero")
    )
    names = (road.name, other.name) if road.name == "palbok-ro" else (other.name, road.name)
    air = weather(jeonju, 1, Present(at_s=AT_S)).at(AT_S)
    of = {source.name: source for source in emissions.sources}
    before = {name: of[name].amount_per_s(AT_S, air) for name in names}
    emissions.close_road(ClosedRoad(kind="closed-road", road=names[0], diverted_to=(names[1],), duration=600), AT_S)
    assert of[names[0]].amount_per_s(AT_S + 1, air) == 0.0
    # 15 000 vehicles a day come to 42 000.
    assert of[names[1]].amount_per_s(AT_S + 1, air) == pytest.approx(before[names[1]] * (1 + 15 / 42), rel=0.1)
    assert of[names[0]].amount_per_s(AT_S + 600, air) == pytest.approx(before[names[0]], rel=0.01)
