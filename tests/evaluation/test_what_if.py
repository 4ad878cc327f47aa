"""What if over HTTP: a real api, a real store with two hours of a small city, and the real process in which forks run."""

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import simpy
from fastapi.testclient import TestClient

from jeonju.api.access.keys import KeyFile, Role
from jeonju.common.errors import UnavailableError
from jeonju.contract.records import IncidentRecord
from jeonju.contract.site import Site
from jeonju.contract.what_if import WhatIf
from jeonju.evaluation.finished_run import as_readings
from jeonju.evaluation.what_if.gathered import gather
from jeonju.evaluation.what_if.present import NO_WIND
from jeonju.evaluation.what_if.worker_process import WorkerProcess
from jeonju.rules.rules import shipped_rules
from jeonju.simulator.block import Block
from jeonju.simulator.cadence import Cadence
from jeonju.simulator.sinks.parquet import readings_batch
from jeonju.simulator.weather import WeatherOverrides
from jeonju.simulator.world import World
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Retention
from tests.clients import local_client, served
from tests.jeonju.cli.command import jeonju
from tests.waiting import wait_until

BEGIN = datetime(2026, 3, 4, 0, 0, tzinfo=UTC)
AT, END = BEGIN + timedelta(hours=1.5), BEGIN + timedelta(hours=2.5)
WEST = WeatherOverrides(wind_speed_m_s=2.5, wind_from_deg=270.0, meander="none", stability="D", mixing_height_m=800)


class IntoStore:
    """Writes what is measured into a store, without what `without` names."""

    def __init__(self, store: DuckDBStore, site: str, without: tuple[str, ...] = ()) -> None:
        self._store, self._site, self._without = store, site, without

    def send(self, block: Block) -> None:
        said = pa.Table.from_batches([readings_batch(block, self._site)]).drop_columns(list(self._without))
        self._store.write(Commit(readings=as_readings(said)))

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def small(jeonju: Site) -> Site:
    stations = [station for station in jeonju.stations if station.zone == "palbok"][:5]
    return jeonju.with_devices(stations, jeonju.robots[:1])


def measured(site: Site, folder: Path, without: tuple[str, ...] = (), hours: float = 2.5) -> DuckDBStore:
    store = DuckDBStore(folder / "air.duckdb", Retention(None, None, None))
    env = simpy.Environment(initial_time=BEGIN.timestamp())
    cadence = Cadence(interval_s=10, tick_s=10, block_s=600)
    World(site, env, IntoStore(store, site.name, without), seed=6, weather=WEST, cadence=lambda _now_s: cadence)
    env.run(until=BEGIN.timestamp() + 3600 * hours + 1e-6)
    return store


@pytest.fixture(scope="module")
def store(small: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBStore]:
    opened = measured(small, tmp_path_factory.mktemp("city"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(small: Site, store: DuckDBStore) -> Iterator[TestClient]:
    """An api whose clock stands an hour after the instants that are asked for: what then happened is known."""
    with local_client(api_app(small, store, "mqtt://127.0.0.1:1", now=lambda: END)) as started:
        yield started


def fire_west_of(site: Site, metres: float, **more: Any) -> dict[str, Any]:
    station = site.stations[2]
    x, y = (float(value) for value in site.map.to_xy(station.lat, station.lon))
    lat, lon = (float(value) for value in site.map.to_latlon(x - metres, y))
    return {
        "kind": "fire",
        "lat": lat,
        "lon": lon,
        "fuel": "mixed-waste",
        "peak_heat_mw": 1,
        "smoulder": "10m",
        "smoulder_kg_s": 0.03,
    } | more


def ask(client: TestClient, *changes: dict[str, Any], **more: Any) -> Any:
    answer = client.post("/api/v1/what-if", json={"changes": changes, "at": AT.isoformat(), "hours": 0.5, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_fire_upwind_of_a_station_is_noticed_there_and_kept_beside_what_happened(
    small: Site, store: DuckDBStore, client: TestClient
) -> None:
    readings = store.latest(small.name)
    answer = ask(client, fire_west_of(small, 300), title="a fire west of the works")
    (noticed,), (downwind,) = answer["noticed"], answer["downwind"]
    station = small.stations[2].name
    assert station in noticed["reached"]
    assert 0 < noticed["after_s"] < 1800
    assert any(alert["kind"] == "smoke" and alert["change"] == 0 and alert["incident"] for alert in answer["alerts"])
    assert all(alert["summary_ko"] and alert["summary_en"] for alert in answer["alerts"])
    assert downwind["zones"][0]["zone"] == "palbok"
    assert downwind["zones"][0]["minutes_10"] <= downwind["zones"][0]["minutes"] <= downwind["zones"][0]["minutes_90"]
    assert downwind["plume"]["grid"]["rows"] > 1
    assert 200 < answer["present"]["wind_from_deg"] < 340
    levels = answer["levels"]["stations"][station]["pm25"]
    assert max(levels["then"]) > levels["now"] + 20
    assert answer["robots"][0]["minutes_away"]["0"] > 0
    # The living city knows nothing of it.
    assert store.latest(small.name).equals(readings)
    assert store.alerts(small.name) == []

    listed = client.get("/api/v1/what-if").json()
    assert listed["running"] == []
    assert (listed["kept"][0]["id"], listed["kept"][0]["title"]) == (answer["id"], "a fire west of the works")
    kept = client.get(f"/api/v1/what-if/{answer['id']}").json()
    assert {name: kept[name] for name in answer} == answer
    then = kept["then"]
    assert then["is_over"]
    assert len(then["levels"][station]["pm25"]) == 3
    # There was no fire in the city: its smoke is what the forecast is off by.
    assert then["errors"]["pm25"]["bias"] > 2
    assert [alert["raised_at"] for alert in then["alerts"]] == [None] * len(answer["alerts"])


def test_without_a_change_it_goes_on_as_it_is_and_no_alert_is_foreseen(small: Site, client: TestClient) -> None:
    answer = ask(client)
    assert [alert for alert in answer["alerts"] if alert["kind"] in ("smoke", "dust", "release")] == []
    errors = client.get(f"/api/v1/what-if/{answer['id']}").json()["then"]["errors"]
    assert set(errors) >= {"pm25", "pm10", "no2", "o3", "co"}
    assert errors["pm25"]["mean_error"] < 15


def test_same_seed_gives_the_same_answer_and_another_seed_another(small: Site, client: TestClient) -> None:
    fire = fire_west_of(small, 300)
    told = [ask(client, fire, seed=seed, hours=0.2) for seed in (3, 3, 4)]
    first, again, other = ({k: v for k, v in one.items() if k not in ("id", "cpu_s", "seed")} for one in told)
    assert first == again
    assert first["levels"] != other["levels"]


def test_another_wind_carries_the_smoke_elsewhere(small: Site, client: TestClient) -> None:
    east = {"kind": "wind", "speed_m_s": 3, "from_deg": 90}
    answer = ask(client, fire_west_of(small, 300, height_m=2), east)
    assert small.stations[2].name not in answer["noticed"][0]["reached"]


def test_new_station_measures_a_closed_road_is_empty_and_a_robot_begins_elsewhere(
    small: Site, client: TestClient
) -> None:
    station, robot = small.stations[0], small.robots[0].name
    at = {"lat": station.lat, "lon": station.lon}
    road = {"kind": "closed-road", "road": "palbok-ro", "duration": "1h", "diverted_to": ["girin-daero"]}
    answer = ask(client, {"kind": "station", "name": "asked-for", **at}, road, {"kind": "robot", "device": robot, **at})
    assert any(level is not None for level in answer["levels"]["stations"]["asked-for"]["pm25"]["then"])
    assert answer["robots"][0]["position"] == [round(station.lat, 6), round(station.lon, 6)]


def test_open_incident_goes_on_from_its_map_and_its_robot_on_its_way(
    small: Site, store: DuckDBStore, client: TestClient
) -> None:
    # After the instants of all other tests, which know nothing of it.
    opened = BEGIN + timedelta(hours=2)
    fire, station, robot = fire_west_of(small, 300), small.stations[2].name, small.robots[0].name
    place = {"lat": fire["lat"], "lon": fire["lon"]}
    source = {**place, "quantity": "pm25", "rate_g_s": [1.0, 2.0, 4.0], "traced_at": opened.isoformat(), "cells": []}
    visit = {"robot": robot, "places": [[fire["lat"], fire["lon"]]], "sent_at": opened.isoformat(), "ended_at": None}
    details = {"source": source, "devices": [station], "visits": [visit]}
    record = IncidentRecord(
        id="burning", site=small.name, state="open", kind="fire", severity="critical", zone="palbok",
        opened_at=opened, updated_at=opened, closed_at=None, **place, radius_m=100.0, rate_g_s=2.0, confidence=0.9,
        summary_ko="", summary_en="", details=json.dumps(details),
    )  # fmt: skip
    store.write_incidents([record])
    answer = ask(client, at=(opened + timedelta(minutes=10)).isoformat(), hours=0.3)
    assert [(one["incident"], one["rate_g_s"]) for one in answer["present"]["sources"]] == [("burning", 2.0)]
    levels = answer["levels"]["stations"][station]["pm25"]
    assert max(levels["then"]) > levels["now"] + 20
    assert answer["robots"][0]["on_mission_to"] == "burning"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"hours": -1}, "hours: Input should be greater than 0"),
        ({"hours": 25}, "hours: Input should be less than or equal to 24"),
        ({"seed": -1}, "seed"),
        ({"changes": [{"kind": "wind", "speed_m_s": 2, "from_deg": 90}] * 100}, "at most 20"),
        ({"changes": [{"kind": "flood"}]}, "changes.0"),
        ({"changes": [{"kind": "fire", "lat": 37.5, "lon": 127.0}]}, "more than 15 km"),
        ({"changes": [{"kind": "fire", "lat": 35.85, "lon": 127.1}] * 4}, "at most 3"),
        ({"changes": [{"kind": "closed-road", "road": "nowhere", "duration": "1h"}]}, "names 'nowhere'"),
        ({"changes": [{"kind": "robot", "device": "nobody", "lat": 35.85, "lon": 127.1}]}, "names 'nobody'"),
        ({"changes": [{"kind": "station", "name": "palbok-01", "lat": 35.85, "lon": 127.1}]}, "already"),
        ({"changes": [{"kind": "fire", "lat": 35.85, "lon": 127.1, "after": "3h"}]}, "begins after 3 h"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_line(client: TestClient, wrong: dict[str, Any], says: str) -> None:
    answer = client.post("/api/v1/what-if", json=wrong)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_instant_without_a_present_is_refused(client: TestClient) -> None:
    for at, says in (
        (END + timedelta(days=1), "lies in the future"),
        (BEGIN - timedelta(days=1), "nothing was measured"),
    ):
        answer = client.post("/api/v1/what-if", json={"at": at.isoformat()})
        assert (answer.status_code, says in answer.json()["detail"]) == (409, True)
    assert client.get("/api/v1/what-if/none").status_code == 404


def test_city_without_wind_says_so_until_the_wind_is_given(small: Site, tmp_path: Path) -> None:
    store = measured(small, tmp_path, without=("wind_speed", "wind_direction"), hours=1.5)
    with local_client(api_app(small, store, "mqtt://127.0.0.1:1", now=lambda: AT)) as client:
        fire = fire_west_of(small, 300)
        refused = client.post("/api/v1/what-if", json={"changes": [fire], "hours": 0.5})
        assert (refused.status_code, refused.json()["detail"]) == (409, NO_WIND)
        answer = ask(client, fire, {"kind": "wind", "speed_m_s": 2.5, "from_deg": 270})
        assert small.stations[2].name in answer["noticed"][0]["reached"]
        assert answer["present"]["wind_speed_m_s"] is None
        assert answer["downwind"][0]["zones"]
    store.close()


def test_ten_at_once_are_answered_or_told_to_come_back(client: TestClient) -> None:
    with ThreadPoolExecutor(10) as ten:
        answers = list(
            ten.map(lambda _n: client.post("/api/v1/what-if", json={"at": AT.isoformat(), "hours": 0.2}), range(10))
        )
    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}
    assert 1 <= statuses.count(200) <= 9


def test_command_asks_draws_and_shows_what_was_kept(small: Site, store: DuckDBStore, tmp_path: Path) -> None:
    fire = fire_west_of(small, 300)
    with served(api_app(small, store, "mqtt://127.0.0.1:1", now=lambda: END)) as wire:
        url = f"http://127.0.0.1:{wire.port}"
        given = ("--fire", f"{fire['lat']},{fire['lon']},1", "--closed-road", "palbok-ro", "--robot")
        place = f"{small.robots[0].name}={fire['lat']},{fire['lon']}"
        picture = tmp_path / "what-if.png"
        more = ("--at", AT.isoformat(), "--ahead", "15m", "--title", "drawn", "--picture", picture)
        asked = jeonju("what-if", *given, place, *more, "--from", url)
        assert asked.returncode == 0, asked.stderr
        assert "notices it after" in asked.stdout
        assert picture.read_bytes().startswith(b"\x89PNG")
        kept = json.loads(jeonju("what-if", "--list", "--from", url, "--json").stdout)
        (listed,) = [one for one in kept if one["title"] == "drawn"]
        assert [change["kind"] for change in listed["changes"]] == ["fire", "closed-road", "robot"]
        shown = jeonju("what-if", listed["id"], "--from", url)
        assert "if nothing changed" in shown.stdout
        for wrong, says in (
            (("--fire", "35.85"), "is not 2 or 3 numbers"),
            (("--ahead", "30h"), "less than or equal to 24"),
        ):
            refused = jeonju("what-if", *wrong, "--from", url)
            assert (refused.returncode, says in refused.stderr) == (2, True)


def test_viewer_reads_and_only_an_operator_asks(small: Site, store: DuckDBStore, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    viewer, operator = (keys.add(role.name.lower(), role, END) for role in (Role.VIEWER, Role.OPERATOR))
    app = api_app(small, store, "mqtt://127.0.0.1:1", now=lambda: END, keys=tmp_path / "keys.json")
    with local_client(app) as client:
        for key, status in ((viewer, 403), (operator, 422)):
            shown = {"Authorization": f"Bearer {key}"}
            assert client.post("/api/v1/what-if", json={"hours": -1}, headers=shown).status_code == status
            assert client.get("/api/v1/what-if", headers=shown).status_code == 200


def warmed(process: WorkerProcess) -> int:
    assert process.ask(None, within_s=120, on_progress=lambda _share: None) is None
    assert process.pid is not None
    return process.pid


def test_process_has_low_priority_and_a_killed_one_is_replaced() -> None:
    process = WorkerProcess()
    pid = warmed(process)
    assert os.getpriority(os.PRIO_PROCESS, pid) >= 10
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: process.pid is None, what="its end")
    assert warmed(process) != pid
    process.stop()
    assert process.pid is None


def test_process_ends_when_nobody_has_asked_for_a_while() -> None:
    process = WorkerProcess(idle_s=0.05)
    assert process.ask(None, within_s=120, on_progress=lambda _share: None) is None
    wait_until(lambda: process.pid is None, what="its end")


def test_fork_that_takes_too_long_is_ended_and_the_next_is_answered(small: Site, store: DuckDBStore) -> None:
    process = WorkerProcess()
    gathered = gather(small, store, WhatIf(at=AT, hours=24), shipped_rules(), END)
    with pytest.raises(UnavailableError, match="took longer"):
        process.ask(gathered, within_s=0.01, on_progress=lambda _share: None)
    assert process.pid is None
    shares = list[float]()
    shorter = gather(small, store, WhatIf(at=AT, hours=0.2), shipped_rules(), END)
    assert process.ask(shorter, within_s=120, on_progress=shares.append)["alerts_total"] == 0
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    process.stop()
