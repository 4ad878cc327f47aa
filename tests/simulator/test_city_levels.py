"""What the invented sources of Jeonju add to the air must fit what is measured in the city."""

from datetime import UTC, datetime

import numpy as np
import pytest
import simpy

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.site import Site
from jeonju.simulator.sinks.memory import MemorySink
from jeonju.simulator.world import Cadence, World

START_S = datetime(2026, 3, 3, 15, 0, tzinfo=UTC).timestamp()  # midnight of a Wednesday in Jeonju


@pytest.fixture(scope="module")
def added(jeonju: Site) -> dict[str, dict[str, float]]:
    """Mean over three days of other seeds of what local sources add at each station, in stored units."""
    totals = []
    for seed in (1, 2, 3):
        env = simpy.Environment(START_S)
        sink = MemorySink()
        world = World(jeonju, env, sink, seed=seed, cadence=lambda _now: Cadence(interval_s=60, tick_s=30, block_s=600))
        env.run(until=START_S + 86_400 + 1e-6)
        times = np.concatenate([block.true_times_s for block in sink.blocks])
        # The same background again, without the sources.
        rngs = np.random.default_rng(seed).spawn(3 + 2 * len(jeonju.devices))
        alone = type(world.background)(
            jeonju, start_s=START_S, rng=rngs[1], weather=type(world.weather)(jeonju, start_s=START_S, rng=rngs[0])
        )
        background = []
        for block in sink.blocks:
            xy = np.stack(jeonju.map.to_xy(block.true_lat, block.true_lon), axis=-1)
            background.append(alone.sample(block.true_times_s, xy))
        totals.append(
            (np.concatenate([block.truth for block in sink.blocks]) - np.concatenate(background)).mean(axis=0)
        )
        assert len(times) == 1440
    mean = np.mean(totals, axis=0)
    return {station.name: dict(zip(KEYS, mean[number], strict=True)) for number, station in enumerate(jeonju.stations)}


def over(added: dict[str, dict[str, float]], zone: str, key: str) -> float:
    return float(np.mean([values[key] for name, values in added.items() if name.startswith(zone)]))


def test_traffic_and_stacks_add_a_few_ppb_of_no2(added: dict[str, dict[str, float]]) -> None:
    # Jeonju's stations show 11 to 15 ppb in the background and 18 to 25 at the roadside.
    assert 0.0005 < over(added, "palbok", "no2") < 0.010
    assert max(values["no2"] for values in added.values()) < 0.020


def test_local_sources_add_some_micrograms_and_more_in_the_complex(added: dict[str, dict[str, float]]) -> None:
    assert 0.2 < over(added, "palbok", "pm25") < 8.0
    assert over(added, "palbok", "pm10") > over(added, "innovation", "pm10")
    assert max(values["pm10"] for values in added.values()) < 60.0


def test_carbon_monoxide_and_sulphur_dioxide_stay_within_the_city_range(added: dict[str, dict[str, float]]) -> None:
    assert over(added, "palbok", "co") < 0.15
    assert over(added, "palbok", "so2") < 0.004


def test_odours_are_below_the_limits_on_ordinary_days(added: dict[str, dict[str, float]]) -> None:
    assert over(added, "innovation", "nh3") < 0.5
    assert over(added, "innovation", "h2s") < 0.02
