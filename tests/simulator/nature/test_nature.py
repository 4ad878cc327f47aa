"""A world of particles: the same seed is the same city, at any pace, in any weather, on any site."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import simpy

from jeonju.airquality.pollutants import KEYS
from jeonju.common.errors import UserError
from jeonju.contract.events import EVENT
from jeonju.contract.site import Site
from jeonju.simulator.block import Block
from jeonju.simulator.cadence import Cadence
from jeonju.simulator.nature import _kernels as kernels
from jeonju.simulator.sinks.memory import MemorySink
from jeonju.simulator.weather import WeatherOverrides
from jeonju.simulator.world import World

NOON_S = datetime(2026, 3, 4, 3, 0, tzinfo=UTC).timestamp()
MIDNIGHT_S = datetime(2026, 3, 4, 15, 0, tzinfo=UTC).timestamp()
FIRE = {"kind": "fire", "lat": 35.8541, "lon": 127.0899, "peak_heat_mw": 0, "smoulder": "1h", "smoulder_kg_s": 0.01}


def simulate(
    site: Site,
    seconds: float,
    *events: dict[str, Any],
    start_s: float = NOON_S,
    seed: int = 1,
    cadence: Cadence | None = None,
    **weather: Any,
) -> tuple[World, np.ndarray]:
    env, sink, chosen = simpy.Environment(initial_time=start_s), MemorySink(), cadence or Cadence()
    world = World(
        site,
        env,
        sink,
        seed=seed,
        weather=WeatherOverrides(**weather),
        cadence=lambda _now: chosen,
        nature="particles",
    )
    for event in events:
        world.add(EVENT.validate_python(event))
    env.run(until=start_s + seconds + 1e-6)
    return world, truth(sink.blocks)


def truth(blocks: list[Block]) -> np.ndarray:
    return np.concatenate([block.truth for block in blocks])


@pytest.fixture
def small(jeonju: Site) -> Site:
    """The city with four stations and three sources of three kinds: what is tested does not need all."""
    keep = {"srf-boiler", "paint-shops", "palbok-ro"}
    sources = [source for source in jeonju.sources if source.name in keep]
    return jeonju.model_copy(update={"stations": jeonju.stations[:4], "robots": [], "sources": sources})


def test_same_seed_is_the_same_at_any_length_of_blocks_and_another_seed_another(small: Site) -> None:
    _, long = simulate(small, 120, FIRE, wind_from_deg=270)
    _, short = simulate(small, 120, FIRE, wind_from_deg=270, cadence=Cadence(block_s=10.0))
    _, other = simulate(small, 120, FIRE, wind_from_deg=270, seed=2)
    assert np.allclose(long, short, rtol=1e-12, atol=0, equal_nan=True)
    assert not np.allclose(long, other, rtol=1e-3, equal_nan=True)


@pytest.mark.parametrize("tick_s", [1.0, 5.0, 10.0])
def test_smoke_reaches_the_station_downwind_at_every_tick(small: Site, tick_s: float) -> None:
    world, found = simulate(
        small, 240, FIRE, cadence=Cadence(tick_s=tick_s), wind_from_deg=270, wind_speed_m_s=3.0, meander="none"
    )
    pm25 = found[:, :, KEYS.index("pm25")]
    assert "palbok-04" in world.exposure.events[0].reached_s
    assert np.isfinite(pm25).all()


def test_mass_in_the_air_is_what_was_released(small: Site) -> None:
    world, _ = simulate(
        small, 300, FIRE, wind_from_deg=270, wind_speed_m_s=2.0, meander="none", rain_mm_h=0.0, stability="D"
    )
    assert world.particles is not None
    table = world.particles.particles.table
    number = world.exposure.events[0].sources[1]
    # 10 g/s for five minutes; flare-ups and lulls move the mean of such a time by a quarter.
    assert table[kernels.MASS, table[kernels.SOURCE] == number].sum() == pytest.approx(3.0, rel=0.6)


@pytest.mark.parametrize(
    ("start_s", "weather"),
    [
        (MIDNIGHT_S, {"wind_speed_m_s": 0.0, "cloud_fraction": 0.0}),
        (MIDNIGHT_S, {"wind_speed_m_s": 0.3, "stability": "F", "mixing_height_m": 30.0}),
        (NOON_S, {"wind_speed_m_s": 0.0, "stability": "A", "mixing_height_m": 4000.0}),
        (NOON_S, {"wind_speed_m_s": 40.0, "rain_mm_h": 100.0}),
    ],
)
def test_no_weather_gives_a_value_that_is_none(small: Site, start_s: float, weather: dict[str, Any]) -> None:
    _, found = simulate(small, 240, {**FIRE, "peak_heat_mw": 20}, start_s=start_s, **weather)
    for key in ("pm25", "pm10", "co", "no2", "tvoc", "wind_speed", "wind_direction"):
        column = found[:, :, KEYS.index(key)]
        assert np.isfinite(column).all(), key
        assert (column >= 0).all(), key


def test_each_device_has_its_own_wind(small: Site) -> None:
    _, found = simulate(small, 60, start_s=MIDNIGHT_S, wind_speed_m_s=1.0, cloud_fraction=0.0)
    speed, from_deg = (found[-1, :, KEYS.index(key)] for key in ("wind_speed", "wind_direction"))
    assert len(set(np.round(speed, 3))) == 4
    assert len(set(np.round(from_deg))) > 1


def test_a_site_with_robots_alone_or_without_sources_runs(jeonju: Site) -> None:
    world, found = simulate(jeonju.model_copy(update={"stations": [], "sources": []}), 60, FIRE)
    assert found.shape[1] == len(jeonju.robots)
    assert world.particles is not None
    assert len(world.particles.particles) > 0


def test_a_site_without_devices_is_refused_in_one_line(small: Site) -> None:
    with pytest.raises(UserError, match="has no stations and no robots"):
        simulate(small.model_copy(update={"stations": []}), 60)
