"""The whole world: the same seed is the same city, and what happens in it shows where it should."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import simpy

from jeonju.airquality.pollutants import KEYS
from jeonju.common.errors import UserError
from jeonju.contract.events import EVENT
from jeonju.contract.site import Site
from jeonju.simulator.block import Block
from jeonju.simulator.cadence import Cadence
from jeonju.simulator.paced import PacedEnvironment
from jeonju.simulator.sinks.memory import MemorySink
from jeonju.simulator.sinks.parquet import ParquetSink
from jeonju.simulator.weather import WeatherOverrides
from jeonju.simulator.world import World

START_S = datetime(2026, 3, 4, 0, 0, tzinfo=UTC).timestamp()


def simulate(
    site: Site,
    seconds: float,
    *events: dict[str, Any],
    seed: int = 1,
    cadence: Cadence | None = None,
    sink: Any = None,
    **weather: Any,
) -> tuple[World, list[Block]]:
    env = simpy.Environment(initial_time=START_S)
    memory = MemorySink()
    chosen = cadence or Cadence()
    world = World(
        site, env, sink or memory, seed=seed, weather=WeatherOverrides(**weather), cadence=lambda _now: chosen
    )
    for event in events:
        world.add(EVENT.validate_python(event))
    env.run(until=START_S + seconds + 1e-6)
    return world, memory.blocks


def values(blocks: list[Block], device: str, key: str) -> np.ndarray:
    number = blocks[0].devices.index(device)
    return np.concatenate([block.readings.values[block.readings.device == number, KEYS.index(key)] for block in blocks])


def seqs(blocks: list[Block], device: str) -> list[int]:
    number = blocks[0].devices.index(device)
    return [int(seq) for block in blocks for seq in block.readings.seq[block.readings.device == number]]


def test_same_seed_writes_the_same_bytes_and_another_seed_others(jeonju: Site, tmp_path: Path) -> None:
    digests = []
    for number, seed in enumerate((5, 5, 6)):
        sink = ParquetSink(tmp_path / str(number), site="jeonju")
        simulate(jeonju, 300, {"kind": "fire", "lat": 35.8552, "lon": 127.0925}, seed=seed, sink=sink)
        sink.close()
        digests.append(
            [
                hashlib.sha256((tmp_path / str(number) / name).read_bytes()).hexdigest()
                for name in ("readings.parquet", "truth.parquet")
            ]
        )
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


def test_a_site_without_wind_sensors_has_wind_and_reports_none(jeonju: Site) -> None:
    """Plumes go with the wind that there is; no reading of it is made up, and nothing else is lost."""
    stations = [
        station.model_copy(update={"quantities": [key for key in station.quantities if not key.startswith("wind")]})
        for station in jeonju.stations
    ]
    _, blocks = simulate(jeonju.model_copy(update={"stations": stations}), 120)
    station = stations[0].name
    for key in ("wind_speed", "wind_direction"):
        assert np.isnan(values(blocks, station, key)).all()
        assert np.isfinite(blocks[0].truth[:, 0, KEYS.index(key)]).all()
    assert np.isfinite(values(blocks, station, "pm25")).any()


def test_result_does_not_depend_on_the_length_of_blocks(jeonju: Site) -> None:
    event = {"kind": "fire", "lat": 35.8552, "lon": 127.0925, "after": "1m", "smoulder": "1m", "growth": "fast"}
    cut = [simulate(jeonju, 600, event, cadence=Cadence(block_s=block_s))[1] for block_s in (600.0, 60.0, 10.0)]
    for name in ("times_s", "seq", "lat", "lon", "values"):
        whole, *others = (np.concatenate([getattr(block.readings, name) for block in blocks]) for blocks in cut)
        assert all(np.array_equal(whole, other, equal_nan=True) for other in others), name


def test_every_device_sends_every_second_what_it_has_instruments_for(jeonju: Site) -> None:
    _, blocks = simulate(jeonju, 120)
    for device in jeonju.devices:
        assert seqs(blocks, device.name) == list(range(120))
        for key in KEYS:
            measured = np.isfinite(values(blocks, device.name, key))
            expected = key in device.quantities or (
                device in jeonju.robots and key in ("battery", "speed", "heading", "robot_activity")
            )
            assert measured.all() == expected
            assert measured.any() == expected


def test_smoke_is_measured_downwind_and_not_upwind(jeonju: Site) -> None:
    station = next(station for station in jeonju.stations if station.name == "palbok-03")
    fire = {
        "kind": "fire",
        "lat": station.lat,
        "lon": station.lon - 0.0033,
        "fuel": "mixed-waste",
        "peak_heat_mw": 0,
        "smoulder": "30m",
        "smoulder_kg_s": 0.02,
    }
    world, blocks = simulate(jeonju, 1800, fire, wind_speed_m_s=2.0, wind_from_deg=270.0, meander="none")
    west = next(station.name for station in jeonju.stations if station.name == "palbok-05")
    downwind = values(blocks, "palbok-03", "pm25")
    assert downwind[1200:].mean() > downwind[:60].mean() + 30
    assert values(blocks, west, "pm25")[1200:].mean() < values(blocks, west, "pm25")[:60].mean() + 10
    (exposure,) = world.exposure.events
    assert "palbok-03" in exposure.reached_s
    assert west not in exposure.reached_s


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ({"fault": "silent", "duration": "60s"}, lambda seq, pm, _t: (len(seq), seq[58:60]) == (180, [58, 119])),
        (
            {"fault": "stuck", "quantity": "pm25", "duration": "100s"},
            lambda _s, pm, _t: len(set(pm[59:159])) == 1 and len(set(pm[165:])) > 5,
        ),
        (
            {"fault": "spike", "quantity": "pm25", "size": 400, "duration": "3s"},
            lambda _s, pm, _t: (pm > 300).sum() == 3,
        ),
        ({"fault": "drift", "quantity": "pm25", "size": 86_400}, lambda _s, pm, _t: pm[-1] > 150),
        ({"fault": "clock-skew", "size": -900, "duration": "60s"}, lambda _s, _pm, t: (np.diff(t) < -800).sum() == 1),
        ({"fault": "repeated", "duration": "30s"}, lambda seq, _pm, _t: len(seq) - len(set(seq)) == 30),
        (
            {"fault": "reordered", "duration": "60s"},
            lambda seq, _pm, _t: seq != sorted(seq) and sorted(seq) == list(range(240)),
        ),
        (
            {"fault": "reboot", "duration": "20s"},
            lambda seq, _pm, _t: seq.count(0) == 1 and seq.count(30) == 2 and len(seq) == 220,
        ),
    ],
    ids=lambda value: value["fault"] if isinstance(value, dict) else "",
)
def test_fault_shows_in_what_is_sent(jeonju: Site, fault: dict[str, Any], check: Callable[..., bool]) -> None:
    _, blocks = simulate(jeonju, 240, {"kind": "fault", "after": "60s", "device": "palbok-02", **fault})
    number = blocks[0].devices.index("palbok-02")
    times = np.concatenate([block.readings.times_s[block.readings.device == number] for block in blocks])
    assert check(seqs(blocks, "palbok-02"), values(blocks, "palbok-02", "pm25"), times)
    assert seqs(blocks, "palbok-03") == list(range(240))


def test_robot_with_a_lost_link_sends_afterwards_what_it_kept(jeonju: Site) -> None:
    _, blocks = simulate(jeonju, 300, {"kind": "lost-link", "after": "30s", "device": "robot-2", "duration": "100s"})
    number = blocks[0].devices.index("robot-2")
    per_block = [int((block.readings.device == number).sum()) for block in blocks]
    assert per_block == [29, 0, 151, 60, 60]
    assert sorted(seqs(blocks, "robot-2")) == list(range(300))
    assert ["robot-2" in block.offline for block in blocks] == [True, True, False, False, False]


def test_robots_patrol_at_walking_pace_on_their_loop(jeonju: Site) -> None:
    _, blocks = simulate(jeonju, 1200)
    speed = values(blocks, "robot-3", "speed")
    moving = speed[speed > 0]
    assert len(moving) > 600
    assert moving.min() >= 0.79
    assert moving.max() <= 1.21


def test_dispatched_robot_goes_there_stays_and_returns(jeonju: Site) -> None:
    robot = jeonju.robots[0]
    target = (robot.loop[0][0] + 0.003, robot.loop[0][1] + 0.003)
    _, blocks = simulate(
        jeonju,
        1500,
        {"kind": "dispatch", "after": "1m", "device": "robot-1", "lat": target[0], "lon": target[1], "stay": "3m"},
    )
    x, y = jeonju.map.to_xy(
        np.concatenate([b.true_lat[:, 20] for b in blocks]), np.concatenate([b.true_lon[:, 20] for b in blocks])
    )
    goal = jeonju.map.to_xy(*target)
    distance = np.hypot(x - goal[0], y - goal[1])
    there = np.flatnonzero(distance < 2)
    assert 175 <= len(there) <= 190
    assert distance[-1] > 20


def test_broken_robot_stands_still_and_goes_on_measuring(jeonju: Site) -> None:
    _, blocks = simulate(jeonju, 600, {"kind": "breakdown", "after": "1m", "device": "robot-2", "duration": "5m"})
    assert np.all(values(blocks, "robot-2", "speed")[62:358] == 0)
    assert len(seqs(blocks, "robot-2")) == 600
    assert values(blocks, "robot-2", "speed")[365:].max() > 0


def test_robot_charges_at_its_dock_when_the_battery_is_low(jeonju: Site) -> None:
    _, blocks = simulate(jeonju, 8 * 3600, cadence=Cadence(interval_s=10, tick_s=60, block_s=600))
    batteries = np.stack([values(blocks, robot.name, "battery") for robot in jeonju.robots])
    assert batteries.min() > 10
    assert (np.diff(batteries, axis=1) > 0).any(axis=1).sum() >= 3


def test_thermal_camera_sees_a_flame_nearby_and_not_far_away(jeonju: Site) -> None:
    near = jeonju.robots[2].loop[0]
    fire = {
        "kind": "fire",
        "lat": near[0],
        "lon": near[1],
        "peak_heat_mw": 2,
        "smoulder": "0s",
        "growth": "ultra-fast",
        "plateau": "20m",
    }
    _, blocks = simulate(jeonju, 1200, fire)
    assert values(blocks, "robot-3", "thermal_max").max() > 150
    assert values(blocks, "robot-6", "thermal_max").max() < 60


def test_unwritable_folder_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*; choose another --out"):
        ParquetSink(tmp_path / "file" / "x", site="jeonju")


def test_full_disk_leaves_nothing_half_written(jeonju: Site) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        sink = ParquetSink(Path(folder), site="jeonju")
        Path(folder, "readings.partial").symlink_to(full)
        simulate(jeonju, 60, sink=sink)
        with pytest.raises(UserError, match="free some space"):
            sink.close()
        sink.abandon()
        assert not list(Path(folder).glob("readings.*"))


def test_parquet_holds_readings_and_truth_of_the_same_instants(jeonju: Site, tmp_path: Path) -> None:
    sink = ParquetSink(tmp_path, site="jeonju")
    simulate(jeonju, 120, sink=sink)
    sink.close()
    readings, truth = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("readings", "truth"))
    assert readings.num_rows == truth.num_rows == 120 * 26
    assert readings["time"].to_pylist() == truth["time"].to_pylist()
    assert not list(tmp_path.glob("*.partial"))


def test_cadence_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be cut into steps"):
        Cadence(interval_s=7.0, block_s=60.0)


def test_paced_environment_makes_up_for_the_past_and_then_waits_for_the_clock() -> None:
    now = [datetime.fromtimestamp(1000.0, UTC)]
    env = PacedEnvironment(900.0, lambda: now[0])
    ticks: list[float] = []

    def ticking() -> Any:
        while True:
            yield env.timeout(10)
            ticks.append(env.now)
            if env.now >= 1020:
                env.stop()
            now[0] = max(now[0], datetime.fromtimestamp(min(env.now, 1000.0), UTC))

    class Advancing:
        """Waiting lets the clock advance instead of taking time."""

        def __init__(self) -> None:
            self.waits: list[float] = []
            self.stopped = False

        def wait(self, seconds: float) -> bool:
            self.waits.append(seconds)
            now[0] = datetime.fromtimestamp(now[0].timestamp() + seconds, UTC)
            return False

        def is_set(self) -> bool:
            return self.stopped

        def set(self) -> None:
            self.stopped = True

    env._stopped = waiting = Advancing()  # type: ignore[assignment]
    env.process(ticking())
    env.run_paced()
    assert ticks == [910.0, 920.0, 930.0, 940.0, 950.0, 960.0, 970.0, 980.0, 990.0, 1000.0, 1010.0, 1020.0]
    assert waiting.waits == [10.0, 10.0]
    assert env.caught_up.is_set()
