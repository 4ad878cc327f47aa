"""The score of a city that runs: what happened, what was found of it, and how far off its map is."""

from datetime import UTC, datetime, timedelta

from jeonju.contract.events import Fault
from jeonju.contract.site import Site
from jeonju.evaluation.running_score import RunningScore
from jeonju.simulator.exposure import Happening
from jeonju.storage.duckdb.store import DuckDBStore
from tests.api.test_moment import incident
from tests.evaluation.test_score import PLACE, START_S, event
from tests.response.notifying import alert

BEGAN = datetime.fromtimestamp(START_S, UTC)


def test_each_event_says_what_was_found_of_it_so_far(jeonju: Site, store: DuckDBStore) -> None:
    fire = event(reached={"palbok-03": 30.0})
    fault = Fault(kind="fault", device="palbok-01", fault="silent")
    happened = [Happening(fire.event, START_S, fire), Happening(fault, START_S + 60)]
    running = RunningScore(jeonju, store, lambda: happened, BEGAN)
    before = running()
    assert [one["kind"] for one in before["happened"]] == ["fire", "fault"]
    assert before["happened"][0]["result"]["detected"] is False
    assert before["happened"][0]["reached"] == {"palbok-03": BEGAN + timedelta(seconds=30)}
    assert before["happened"][1]["result"] is None
    assert before["score"] == {"detected": 0, "reached": 1, "cannot_be_seen": 0, "false_alarms": 0, "released": 1}

    # One alert that the fire raised, one without a cause, and one from before there was a simulated city.
    store.write_alerts(
        [
            alert("one", started_at=BEGAN + timedelta(minutes=4)),
            alert("two", device="innovation-01", zone="innovation", started_at=BEGAN + timedelta(minutes=5)),
            alert("old", started_at=BEGAN - timedelta(minutes=5), ended_at=BEGAN + timedelta(minutes=1)),
        ]
    )
    store.write_incidents([incident("found", BEGAN + timedelta(minutes=4), None)])
    after = running()
    result = after["happened"][0]["result"]
    assert (result["detected"], result["delay_s"], result["class_right"]) == (True, 240.0, True)
    x, y = jeonju.map.to_xy(PLACE["lat"], PLACE["lon"])
    x_found, y_found = jeonju.map.to_xy(35.85, 127.09)
    assert (result["incident"], result["location_error_m"]) == (
        "found",
        round(float(((x - x_found) ** 2 + (y - y_found) ** 2) ** 0.5)),
    )
    assert (after["score"]["detected"], after["score"]["false_alarms"]) == (1, 1)
