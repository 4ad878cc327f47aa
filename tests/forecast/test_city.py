"""The forecast of a city: with much, little and no history, and in a process of its own over the api."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.client import ApiError
from jeonju.contract.columns import readings_table
from jeonju.contract.kept_file import keep
from jeonju.contract.records import ForecastRecord
from jeonju.contract.site import Site
from jeonju.contract.weather_ahead import HourAhead, WeatherAhead, file_of
from jeonju.forecast import city, learning, regressors
from jeonju.forecast.city import LEARNT_FROM_H, READ, Request, forecast_of
from jeonju.forecast.service import ForecastService
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.clients import local_client, served
from tests.forecast.panels import T0_S, air
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, 12, 20, tzinfo=UTC)


def table(hours: int, devices: tuple[str, ...] = ("a",), quantities: tuple[str, ...] = ("pm10",)) -> pa.Table:
    rows = [
        {
            "device": device,
            "time": datetime.fromtimestamp(T0_S + 3600 * hour, UTC),
            **dict.fromkeys(READ),
            **{quantity: float(value) for quantity in quantities},
        }
        for device in devices
        for hour, value in enumerate(air(hours)[0])
    ]
    fields = [("device", pa.string()), ("time", pa.timestamp("us", tz="UTC")), *((key, pa.float64()) for key in READ)]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


def request(hours: int, stations: tuple[str, ...] = ("a",), upwind: tuple[str, ...] = ()) -> Request:
    last_s = T0_S + 3600 * (hours - 1)
    return Request(stations=list(stations), upwind=list(upwind), timezone="Asia/Seoul", last_s=last_s, made_at=NOW)


def test_without_history_it_says_so() -> None:
    for hours in (1, 11):
        found = forecast_of(request(hours), table(hours))
        assert found.models["pm10"].model == "none"
        assert found.models["pm10"].reason == f"{hours} hours of pm10 are stored; a forecast needs 12"
        assert found.stations["a"]["pm10"].hours == []
    nothing = forecast_of(request(1), table(0))
    assert {model.history_hours for model in nothing.models.values()} == {0}


def test_with_little_history_it_is_persistence_and_says_so() -> None:
    found = forecast_of(request(48, ("a", "gone")), table(48))
    model = found.models["pm10"]
    assert (model.model, model.history_hours, model.inputs) == ("persistence", 48, ["own"])
    assert "48 hours of pm10 are stored" in (model.reason or "")
    hours = found.stations["a"]["pm10"].hours
    assert [hour.hours_ahead for hour in hours] == list(range(1, 25))
    assert hours[0].at == datetime.fromtimestamp(T0_S + 48 * 3600, UTC)
    for hour in hours:
        assert hour.low <= hour.median <= hour.high
        assert sum(hour.classes.values()) == pytest.approx(1.0, abs=0.01)
    assert found.stations["gone"]["pm10"].reason == "no value within the last 6 hours"
    assert found.stations["a"]["o3"].hours == []


def test_with_two_months_it_learns_also_from_what_stands_upwind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MOST_CASES", 1500)
    monkeypatch.setattr(regressors, "TREES", 30)
    found = forecast_of(request(LEARNT_FROM_H, ("a",), ("west",)), table(LEARNT_FROM_H, ("a", "west")))
    assert found.models["pm10"].model == "learnt"
    assert found.models["pm10"].inputs == ["own", "other quantities", "upwind"]
    assert len(found.stations["a"]["pm10"].hours) == 24
    near, far = (found.stations["a"]["pm10"].hours[at] for at in (0, 23))
    assert near.high / near.low < far.high / far.low


def official(hours: int, ahead_h: int) -> tuple[pa.Table, WeatherAhead]:
    """Return measured hours of the official weather, and its forecast of the hours after them."""
    last_s = T0_S + 3600 * hours
    rows = [
        dict.fromkeys(READ)
        | {"device": "kma-62-89", "time": datetime.fromtimestamp(T0_S + 3600 * hour, UTC)}
        | {"temperature": float(hour % 24), "wind_speed": 2.0, "wind_direction": 270.0}
        for hour in range(hours)
    ]
    coming = [
        HourAhead(
            at=datetime.fromtimestamp(last_s + 3600 * hour, UTC), temperature=5.0, wind_speed=2.0, wind_direction=90.0
        )
        for hour in range(ahead_h)
    ]
    ahead = WeatherAhead(source="KMA", device="kma-62-89", issued_at=NOW, hours=coming)
    return pa.Table.from_pylist(rows, schema=table(1).schema), ahead


@pytest.mark.parametrize(("hours", "ahead_h"), [(LEARNT_FROM_H, 24), (LEARNT_FROM_H, 23), (LEARNT_FROM_H - 1, 24)])
def test_forecast_weather_is_used_where_it_was_measured_long_enough_and_covers_the_day(
    hours: int, ahead_h: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "MOST_CASES", 1500)
    monkeypatch.setattr(regressors, "TREES", 30)
    rows, ahead = official(hours, ahead_h)
    asked = msgspec.structs.replace(request(hours), ahead=ahead)
    is_used = (hours, ahead_h) == (LEARNT_FROM_H, 24)
    series = city._ahead(asked, city._Hours(asked, pa.concat_tables([table(hours), rows])))
    assert sorted(series) == (["temperature", "wind_east", "wind_north", "wind_speed"] if is_used else [])
    if is_used:
        assert [float(series["temperature"][at]) for at in (-26, -25, -24, -1)] == [22.0, 23.0, 5.0, 5.0]
        assert [round(float(series["wind_east"][at]), 6) for at in (-25, -24)] == [2.0, -2.0]
        found = forecast_of(asked, pa.concat_tables([table(hours), rows])).models["pm10"]
        assert (found.model, "forecast weather" in found.inputs) == ("learnt", True)
        assert "learnt from measured weather" in (found.reason or "")


def test_an_old_or_broken_weather_forecast_is_left_out(
    jeonju: Site, store: DuckDBStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = file_of(tmp_path, "jeonju")
    service = ForecastService(jeonju, store, lambda: NOW, weather_ahead=file)
    assert service._ahead() is None
    _, ahead = official(24, 24)
    keep(ahead, file)
    assert service._ahead() == ahead
    keep(msgspec.structs.replace(ahead, issued_at=NOW - timedelta(hours=13)), file)
    assert service._ahead() is None
    assert not caplog.text
    file.write_text("{")
    assert service._ahead() is None
    assert "the forecast goes without the official weather" in caplog.text


def filled(jeonju: Site, store: DuckDBStore) -> FastAPI:
    """Return an api over 30 hours of two stations and of two devices upwind."""
    rng = np.random.default_rng(1)
    rows = [
        {
            "site": "jeonju",
            "device": station.name,
            "time": NOW - timedelta(minutes=20 + 30 * step),
            "received_at": NOW,
            "pm25": float(rng.uniform(20, 40)),
        }
        for station in jeonju.stations[:2]
        for step in range(60)
    ]
    upwind = [rows[0] | {"device": "upwind-coast"}, rows[0] | {"device": "far", "lat": 37.5, "lon": 127.0}]
    store.write(Commit(readings=readings_table([*rows, *upwind])))
    return api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)


@pytest.fixture
def client(jeonju: Site, store: DuckDBStore) -> Iterator[TestClient]:
    with local_client(filled(jeonju, store)) as started:
        yield started


def test_devices_upwind_are_known_by_name_or_by_place(client: TestClient, jeonju: Site, store: DuckDBStore) -> None:
    assert sorted(ForecastService(jeonju, store, lambda: NOW)._upwind()) == ["far", "upwind-coast"]


def test_command_waits_for_the_forecast_of_a_running_city_and_shows_it(jeonju: Site, store: DuckDBStore) -> None:
    with served(filled(jeonju, store)) as wire:
        url = f"http://127.0.0.1:{wire.port}"
        asks = ["forecast", "--from", url, "--quantity", "pm25", "--hours", "2"]
        one, two, silent = (jeonju.stations[at].name for at in (0, 1, 5))
        asks += [part for name in (one, two, silent) for part in ("--station", name)]
        shown = CliRunner().invoke(app, asks, catch_exceptions=False).stdout
        assert "model persistence" in shown
        assert shown.count("2026-03-04T12:00:00Z") == 2
        assert "no value within the last 6 hours" in shown
        found = json.loads(CliRunner().invoke(app, [*asks, "--json"], catch_exceptions=False).stdout)
        assert sorted(found["stations"]) == sorted((one, two, silent))
        with pytest.raises(ApiError, match="there is no station 'nowhere'"):
            CliRunner().invoke(app, ["forecast", "--from", url, "--station", "nowhere"], catch_exceptions=False)


def test_api_answers_at_once_and_with_the_forecast_when_it_is_made(
    client: TestClient, jeonju: Site, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[ForecastRecord] = []
    monkeypatch.setattr(store, "write_statistics", shown.extend)
    first = client.get("/api/v1/forecast")
    assert (first.status_code, first.json()["is_forecast"], first.json()["models"]) == (202, True, {})
    assert "being made" in first.json()["reason"]
    wait_until(lambda: client.get("/api/v1/forecast").status_code == 200, within_s=60)
    one = jeonju.stations[0].name
    found = client.get("/api/v1/forecast", params={"station": one, "quantity": "pm25", "hours": 3}).json()
    assert (found["is_current"], found["last_hour"]) == (True, "2026-03-04T11:00:00Z")
    assert found["models"]["pm25"]["model"] == "persistence"
    assert list(found["stations"]) == [one]
    assert [hour["at"] for hour in found["stations"][one]["pm25"]["hours"]] == [
        f"2026-03-04T{hour}:00:00Z" for hour in (12, 13, 14)
    ]
    # The dashboards are handed the same.
    wait_until(lambda: bool(shown), within_s=10)
    records = [record for record in shown if (record.device, record.quantity) == (one, "pm25")]
    assert [record.hours_ahead for record in records] == [*range(1, 25)]
    assert [record.mean for record in records[:3]] == [hour["mean"] for hour in found["stations"][one]["pm25"]["hours"]]
    assert {record.learnt for record in records} == {0}
    silent = client.get("/api/v1/forecast", params={"station": jeonju.stations[5].name}).json()
    assert silent["stations"][jeonju.stations[5].name]["pm25"]["reason"] == "no value within the last 6 hours"
    assert found["models"]["pm25"]["unit"] == "µg/m³"


def test_the_city_never_imports_what_learning_needs() -> None:
    program = "import sys, jeonju.stack.city; print(sorted({'sklearn', 'scipy.sparse', 'joblib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({"station": "nowhere"}, 404, "there is no station 'nowhere'"),
        ({"quantity": "co"}, 422, "'co' is not forecast; there are: pm25, pm10, o3, no2"),
        ({"hours": 25}, 422, "hours"),
    ],
)
def test_what_cannot_be_forecast_is_said(client: TestClient, query: dict[str, str], status: int, said: str) -> None:
    answer = client.get("/api/v1/forecast", params=query)
    assert answer.status_code == status
    assert said in answer.json()["detail"]
