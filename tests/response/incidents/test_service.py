"""The incidents over a real store: traces, keeps, goes on after a restart, and takes what people do."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.columns import READINGS
from jeonju.contract.records import AlertRecord, IncidentRecord
from jeonju.contract.site import Site
from jeonju.response.fleet.control import FleetControl
from jeonju.response.fleet.orders import Message
from jeonju.response.incidents.service import IncidentService
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.localization.plume import NOTICED_S, UNTIL_S, readings, upwind_of
from tests.response.fleet.maps import source_map, state_of
from tests.waiting import wait_until

NOTICED, UNTIL = datetime.fromtimestamp(NOTICED_S, UTC), datetime.fromtimestamp(UNTIL_S, UTC)
ALERT = AlertRecord(
    "jeonju-smoke-palbok-03",
    "jeonju",
    "smoke",
    "critical",
    "palbok-03",
    "palbok",
    NOTICED,
    NOTICED,
    None,
    90.0,
    None,
    "pm25",
    "연기",
    "smoke",
    '{"class": "fire"}',
)


@pytest.fixture(scope="module")
def burning(jeonju: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBStore]:
    """A store with a plume from 300 m upwind of palbok-03."""
    table = readings(jeonju, upwind_of(jeonju, "palbok-03", 300.0))
    columns = {name: table[name] for name in table.column_names} | {
        "site": pa.array(["jeonju"] * table.num_rows),
        "received_at": table["time"],
    }
    whole = pa.table(
        {
            f.name: columns[f.name].cast(f.type) if f.name in columns else pa.nulls(table.num_rows, f.type)
            for f in READINGS
        },
        schema=READINGS,
    )
    store = DuckDBStore(tmp_path_factory.mktemp("incidents") / "air.duckdb")
    store.write(Commit(readings=whole))
    yield store
    store.close()


def incident_service(site: Site, store: DuckDBStore, published: list[IncidentRecord]) -> IncidentService:
    fleet = FleetControl(site, store, lambda: UNTIL, lambda _message: None, automatic=False)
    return IncidentService(site, store, lambda: UNTIL, published.append, fleet)


def test_source_is_traced_stored_and_published_and_a_restart_goes_on(jeonju: Site, burning: DuckDBStore) -> None:
    published: list[IncidentRecord] = []
    incidents = incident_service(jeonju, burning, published)
    incidents.start()
    station = next(station for station in jeonju.stations if station.name == "palbok-03")
    burning.write_alerts([ALERT])
    incidents.handle([ALERT], {"palbok-03": (station.lat, station.lon)}, UNTIL)
    wait_until(lambda: any(incident.lat is not None for incident in published), what="the map")
    incidents.stop()
    (stored,) = burning.incidents("jeonju")
    assert stored == published[-1]
    assert stored.lat is not None
    assert stored.lon is not None
    x, y = jeonju.map.to_xy(stored.lat, stored.lon)
    true = upwind_of(jeonju, "palbok-03", 300.0)
    assert np.hypot(x - true[0], y - true[1]) < 200
    source = json.loads(stored.details)["source"]
    assert sum(share for *_, share in source["cells"]) >= 0.89 * (1 - source["elsewhere"])
    assert json.loads(stored.details)["downwind"][0]["zone"] == "palbok"
    (estimate,) = json.loads(stored.details)["course"]
    assert (estimate["lat"], estimate["radius_90_m"]) == (stored.lat, stored.radius_90_m)

    again = incident_service(jeonju, burning, published)
    again.restore()
    assert again.act(stored.id, "acknowledge", "kim", "소방서에 알림").state == "acknowledged"
    found = again.find(stored.id)
    assert found is not None
    assert found.source is not None
    assert found.source.lat == stored.lat
    assert stored.radius_90_m == found.source.radius_90_m > found.source.radius_m == stored.radius_m
    with pytest.raises(UserError, match="needs one that is open"):
        again.act(stored.id, "acknowledge", "lee")
    assigned = again.act(stored.id, "assign", "kim", assignee="lee")
    assert (assigned.state, json.loads(assigned.details)["assignee"]) == ("acknowledged", "lee")
    # The clock stands still here, so they have no order.
    entries = burning.journal("jeonju", subject=stored.id)
    assert {(entry.who, entry.action) for entry in entries} == {("kim", "acknowledge"), ("kim", "assign")}


def test_what_is_over_is_closed_by_the_system_and_written_down(jeonju: Site, store: DuckDBStore) -> None:
    incidents = incident_service(jeonju, store, [])
    ended = ALERT._replace(ended_at=NOTICED + timedelta(minutes=5), updated_at=NOTICED + timedelta(minutes=5))
    incidents.handle([ALERT], {}, NOTICED)
    incidents.handle([ended], {}, NOTICED + timedelta(minutes=5))
    incidents.handle([], {}, NOTICED + timedelta(hours=3))
    (closed,) = store.incidents("jeonju", active=False)
    assert closed.closed_at == NOTICED + timedelta(hours=3)
    assert [(entry.who, entry.action) for entry in store.journal("jeonju")] == [("system", "close")]


def test_what_could_not_be_written_down_was_not_done(jeonju: Site, tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "gone.duckdb")
    incidents = incident_service(jeonju, store, [])
    incidents.handle([ALERT], {}, NOTICED)
    (incident,) = store.incidents("jeonju")
    store.close()
    with pytest.raises(UnavailableError):
        incidents.act(incident.id, "close", "kim")
    found = incidents.find(incident.id)
    assert found is not None
    assert found.state == "open"


@pytest.mark.parametrize("who", ["kim", "system"])
def test_robot_is_called_off_an_incident_that_is_closed(jeonju: Site, store: DuckDBStore, who: str) -> None:
    sent: list[Message] = []
    fleet = FleetControl(jeonju, store, lambda: UNTIL, sent.extend, automatic=True)
    incidents = IncidentService(jeonju, store, lambda: UNTIL, lambda _record: None, fleet)
    fleet.restore()
    incidents.handle([ALERT], {}, NOTICED)
    (incident,) = store.incidents("jeonju")
    fire_m = (1250.0, 1120.0)
    fleet.handle_message(*state_of(jeonju, "robot-1", (fire_m[0] + 300.0, fire_m[1]), UNTIL))
    fleet.handle_map(incident.id, source_map(jeonju, fire_m, 80.0))
    incidents.handle([], {}, NOTICED)
    (incident,) = store.incidents("jeonju")
    assert json.loads(incident.details)["visits"][0]["ended_at"] is None
    if who == "system":
        incidents.handle([ALERT._replace(ended_at=NOTICED, updated_at=NOTICED)], {}, NOTICED)
        incidents.handle([], {}, NOTICED + timedelta(hours=3))
    else:
        incidents.act(incident.id, "close", who)
    assert [message.is_order for message in sent] == [True, False]
    (closed,) = store.incidents("jeonju", active=False)
    assert json.loads(closed.details)["visits"][0]["outcome"] == "incident closed"
