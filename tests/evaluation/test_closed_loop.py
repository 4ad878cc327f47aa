"""The loop closes by itself: an alert, a map, an order, a robot that looks, a better map, and home."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import simpy

from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.evaluation.closed_loop import ClosedLoop
from jeonju.evaluation.offline import OfflineRun
from jeonju.simulator.scenario import load_scenario
from jeonju.simulator.sinks.memory import MemorySink
from jeonju.simulator.sinks.parquet import readings_batch
from jeonju.simulator.world import World

START = datetime(2026, 3, 4, tzinfo=UTC)


def test_robot_finds_the_fire_and_the_map_is_at_most_half_as_far_off(tmp_path: Path) -> None:
    scenario = load_scenario("smouldering-heap").model_copy(update={"duration": 1.6 * 3600})
    result = OfflineRun(scenario, tmp_path, dispatch=True).run()
    (visit,) = result["visits"]
    assert visit["event"] == 0
    assert visit["outcome"] == "located"
    assert visit["error_after_m"] <= 0.5 * min(visit["error_before_m"], visit["error_without_visit_m"])
    assert visit["error_after_m"] <= 45


def test_alerts_are_grouped_into_incidents_as_they_are_live(jeonju: Site) -> None:
    env, memory = simpy.Environment(START.timestamp()), MemorySink()
    World(jeonju, env, memory, seed=1)
    env.run(until=START.timestamp() + 60 + 1e-6)
    (block,) = memory.blocks
    loop = ClosedLoop(jeonju, memory)
    loop.handle(readings_batch(block, "jeonju"), [])
    assert loop.incidents == {}
    # Two neighbours, and a station on the other side of the city.
    alerts = [smoke("palbok-03", 30), smoke("innovation-02", 40), smoke("palbok-04", 50)]
    loop.handle(readings_batch(block, "jeonju"), alerts)
    devices = [sorted(alert.device or "" for alert in incident.alerts.values()) for incident in loop.incidents.values()]
    assert devices == [["palbok-03", "palbok-04"], ["innovation-02"]]
    assert [incident.opened_at for incident in loop.incidents.values()] == [alert.started_at for alert in alerts[:2]]


def smoke(device: str, second: int) -> AlertRecord:
    at = START + timedelta(seconds=second)
    return AlertRecord(
        id=f"jeonju-smoke-{device}",
        site="jeonju",
        kind="smoke",
        severity="warning",
        device=device,
        zone=device.split("-")[0],
        started_at=at,
        updated_at=at,
        ended_at=None,
        value=80.0,
        limit=None,
        quantity="pm25",
        summary_ko="",
        summary_en="",
        details="{}",
    )
