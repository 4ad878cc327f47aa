"""The api as its users meet it: over HTTP, with a real store, and end to end with a real broker."""

import asyncio
import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from prometheus_client.parser import text_string_to_metric_families

from jeonju.airquality.pollutants import QUANTITIES
from jeonju.api import http
from jeonju.api.stream import MOST_WAITING, Stream
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract import topics
from jeonju.contract.columns import readings_table
from jeonju.contract.gateways import Gateway
from jeonju.contract.reading import Reading, encode
from jeonju.contract.records import AlertRecord, DeadLetter, DeviceRecord, LedgerEntry
from jeonju.contract.site import Site
from jeonju.ingest.service import Ingest
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Retention
from tests.clients import local_client
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def client(jeonju: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An api without a broker over a store with two hours of two stations."""
    store = DuckDBStore(tmp_path_factory.mktemp("api") / "air.duckdb")
    rows = [
        {
            "site": "jeonju",
            "device": device,
            "time": NOW - timedelta(seconds=10 * step),
            "received_at": NOW,
            "seq": 720 - step,
            "boot": "1",
            "pm25": 20.0 + step / 100,
            "pm10": 30.0,
            "no2": 0.012,
            "o3": 0.03,
            "quality": '{"pm10":["suspect","stuck"]}' if step in (0, 5) else None,
        }
        for step in range(720)
        for device in ("palbok-01", "palbok-02")
    ]
    store.write(
        Commit(
            readings=readings_table(rows),
            devices=[DeviceRecord("jeonju", "palbok-01", "palbok", "station", "simulated", "online", NOW)],
            ledger=[LedgerEntry("jeonju", "palbok-01", "1", 720, 720, 1, 2, 3, 4)],
            dead_letters=[DeadLetter(NOW, "air/x", b"\xff{", "is not JSON")],
        )
    )
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
        yield started
    store.close()


def get(client: TestClient, path: str, **query: Any) -> Any:
    answer = client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_no_route_is_built_anew_at_a_first_request(client: TestClient) -> None:
    built = {id(route) for router in http.routers() for route in router.routes}
    assert built
    assert built <= {id(route) for route in client.app.routes}  # type: ignore[attr-defined]


def test_site_quantities_and_limits_are_listed(client: TestClient) -> None:
    assert len(get(client, "site")["stations"]) == 20
    assert [row["key"] for row in get(client, "quantities")] == [quantity.key for quantity in QUANTITIES]
    assert get(client, "limits")["advisories"]["pm10"][0]["issue_at"] == 150


def test_latest_has_values_and_place_of_every_device(client: TestClient) -> None:
    first, second = get(client, "latest")
    assert (first["device"], first["time"], first["values"]["pm25"]) == ("palbok-01", "2026-03-04T12:00:00Z", 20.0)
    assert first["quality"] == {"pm10": ["suspect", "stuck"]}
    assert second["device"] == "palbok-02"
    assert get(client, "latest", site="elsewhere") == []


def test_raw_series_has_every_reading_and_the_quality_of_doubtful_ones(client: TestClient) -> None:
    start = (NOW - timedelta(minutes=1)).isoformat()
    columns = get(client, "series", device="palbok-01", quantity=["pm25", "pm10"], every="raw", start=start)["devices"][
        "palbok-01"
    ]
    assert columns["pm25"] == [20.06, 20.05, 20.04, 20.03, 20.02, 20.01, 20.0]
    assert columns["quality"][2:6] == [None] * 4
    assert columns["quality"][1] == columns["quality"][6] == {"pm10": ["suspect", "stuck"]}
    assert columns["quality_ko"][1] == {"pm10": ["suspect", "stuck"]}
    assert "no2" not in columns


def test_mean_series_averages_over_the_interval(client: TestClient) -> None:
    answer = get(client, "series", device="palbok-01", quantity="pm25", every="600")
    assert answer["every_s"] == 600
    assert answer["devices"]["palbok-01"]["quality"][-1] == {"pm10": ["suspect", "stuck"]}
    assert answer["devices"]["palbok-01"]["pm25"][1] == pytest.approx(
        sum(20 + step / 100 for step in range(601, 661)) / 60
    )


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"every": "0"}, "every: "),
        ({"every": "raw", "start": "2026-03-03T12:00:00"}, "start: needs a time zone"),
        ({"end": "0001-01-01T00:00:00Z"}, "end: must lie within the years 1971 to 2199"),
        ({"start": "9999-12-31T23:59:59-12:00"}, "start: must lie within the years"),
        ({"start": "2026-03-05T12:00:00Z", "end": "2026-03-04T12:00:00Z"}, "start must be before end"),
        ({"start": "2020-01-01T00:00:00Z"}, "at most 400 days"),
        ({"device": ["palbok-1", "palbok-01"]}, "device: palbok-1 is not known; see /api/v1/devices"),
        ({"quantity": "smell"}, "smell is not known; see /api/v1/quantities"),
        ({"start": "yesterday"}, "start: "),
    ],
)
def test_wrong_question_is_answered_in_one_line(client: TestClient, query: dict[str, Any], message: str) -> None:
    answer = client.get("/api/v1/series", params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert message in answer.json()["detail"]


def test_geojson_has_places_of_stations_that_send_none(client: TestClient, jeonju: Site) -> None:
    collection = get(client, "geojson")
    station = jeonju.stations[0]
    assert collection["features"][0]["geometry"]["coordinates"] == [station.lon, station.lat]
    assert collection["features"][0]["properties"]["origin"] == "simulated"


def test_devices_ledger_dead_letters_and_health(client: TestClient) -> None:
    assert get(client, "devices")[0]["label_en"] == "South of Chucheon bridge"
    assert get(client, "ledger")[0]["missing"] == 2
    assert get(client, "dead-letters")[0]["payload"] == "\ufffd{"
    health = get(client, "health")
    assert health["broker"] == "away"
    assert health["ledger"]["rejected"] == 4


def test_wrong_adoption_is_answered_in_one_line(client: TestClient) -> None:
    nowhere = client.post("/api/v1/devices/palbok-01/adopt", json={"zone": "atlantis"})
    assert nowhere.status_code == 422
    assert "'atlantis' is no zone; there are: palbok" in nowhere.json()["detail"]
    assert client.post("/api/v1/devices/ghost/adopt", json={"zone": "palbok"}).status_code == 404
    assert client.post("/api/v1/devices/palbok-01/adopt", json={"zone": "palbok"}).status_code == 503


def test_unknown_device_is_listed_and_adopted(jeonju: Site, tmp_path: Path) -> None:
    """Over a real broker: a gateway's device speaks, is listed with what it sent, is adopted, and is unknown no more."""
    site = jeonju.model_copy(update={"gateways": [Gateway(topic="tele/#", format="tasmota")]})
    store = DuckDBStore(tmp_path / "air.duckdb")
    with EmbeddedBroker(tmp_path, port=0) as broker, Ingest(site, store, broker.url) as ingest:
        sender = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="balcony")
        sender.connect("127.0.0.1", broker.port)
        sender.loop_start()
        sender.publish("tele/balcony/SENSOR", b'{"PMS5003": {"PM2.5": 4.2}}', qos=1)
        wait_until(lambda: ingest.stats().readings == 1)
        with local_client(api_app(site, store, broker.url)) as client:
            (unknown,) = get(client, "devices/unknown")
            assert unknown["device"] == "balcony"
            assert unknown["last"]["values"] == {"pm25": 4.2}
            assert tomllib.loads(unknown["site_entry"])["stations"][0]["quantities"] == ["pm25"]
            wait_until(lambda: client.get("/readyz").status_code == 200)
            assert client.post("/api/v1/devices/balcony/adopt", json={"zone": "palbok"}).status_code == 202
            wait_until(lambda: get(client, "devices/unknown") == [])
            (known,) = get(client, "devices")
            assert (known["zone"], known["kind"]) == ("palbok", "station")
        sender.disconnect()
        sender.loop_stop()
    store.close()


def test_hourly_means_are_returned_when_the_readings_are_gone(jeonju: Site, tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb", Retention(60.0, 60.0, None))
    rows = [
        {
            "site": "jeonju",
            "device": "palbok-01",
            "time": NOW - timedelta(days=300, minutes=n),
            "received_at": NOW - timedelta(days=1),
            "pm25": float(n),
        }
        for n in range(1, 121)
    ]
    # By a clock that is far ahead of all readings nothing is forgotten.
    rows.append({"site": "jeonju", "device": "palbok-02", "time": NOW, "received_at": NOW, "pm25": 1.0})
    store.write(Commit(readings=readings_table(rows)))
    for _ in store.maintenance(NOW):
        pass
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as client:
        asked = {"device": "palbok-01", "start": (NOW - timedelta(days=365)).isoformat()}
        hours = get(client, "series", every="3600", **asked)["devices"]["palbok-01"]
        assert hours["pm25"] == [90.5, 30.5]
        assert get(client, "series", every="raw", **asked)["devices"] == {}
    store.close()


def test_readiness_means_it(client: TestClient) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503


def test_incident_is_listed_shown_handled_and_reported(client: TestClient, jeonju: Site) -> None:
    air = client.app.state.air  # type: ignore[attr-defined]
    alert = AlertRecord(
        "one",
        "jeonju",
        "smoke",
        "critical",
        "palbok-01",
        "palbok",
        NOW,
        NOW,
        None,
        90.0,
        None,
        "pm25",
        "연기 <b>",
        "smoke <b>",
        '{"class": "fire"}',
    )
    air.store.write_alerts([alert])
    air.response.orders.incidents.handle([alert], {"palbok-01": (jeonju.stations[0].lat, jeonju.stations[0].lon)}, NOW)
    (incident,) = get(client, "incidents")
    path = f"/api/v1/incidents/{incident['id']}"
    assert (incident["kind"], incident["state"], incident["confidence"]) == ("fire", "open", 1.0)
    wait_until(lambda: client.get(f"{path}/map").status_code == 200, what="the map")
    assert client.get(f"{path}/map").json()["features"][0]["geometry"]["type"] == "Polygon"
    done = client.post(path, json={"action": "confirm", "note": "연기 봄"})
    assert done.json()["state"] == "confirmed"
    assert client.post(path, json={"action": "acknowledge"}).status_code == 409
    assert client.post(path, json={"action": "dance"}).status_code == 422
    assert client.get("/api/v1/incidents/nothing").status_code == 404
    whole = client.get(path).json()
    assert [alert["id"] for alert in whole["alerts"]] == ["one"]
    assert [(entry["who"], entry["action"], entry["details"]) for entry in whole["journal"]] == [
        ("local", "confirm", {"note": "연기 봄"})
    ]
    for language, word in (("ko", "추정 발생지"), ("en", "Probable source")):
        page = client.get(f"{path}/report.html", params={"language": language}).text
        assert word in page
        assert "<b>" not in page
        assert "연기 봄" in page
    pdf = client.get(f"{path}/report.pdf")
    assert pdf.content.startswith(b"%PDF")
    assert pdf.content.count(b"/Type /Page\n") + pdf.content.count(b"/Type /Page/") <= 1


def test_figures_for_prometheus_can_be_read(client: TestClient) -> None:
    client.get("/api/v1/site")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    seen = {
        sample.name: sample.value for family in text_string_to_metric_families(answer.text) for sample in family.samples
    }
    assert seen["jeonju_api_broker_connected"] == 0.0
    assert seen["jeonju_api_request_duration_seconds_count"] >= 1


def test_event_without_a_broker_is_refused_for_now(client: TestClient) -> None:
    answer = client.post("/api/v1/simulation/events", json={"kind": "fire", "lat": 35.85, "lon": 127.09})
    assert answer.status_code == 503
    assert answer.json()["detail"] == "the broker is away; try again later"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"kind": "meteor"}, "meteor"),
        ({"kind": "fire", "lat": 35.85}, "lon: Field required"),
        ({"kind": "fire", "lat": 37.5, "lon": 127.0}, "more than 15 km from the middle of Jeonju"),
        ({"kind": "fire", "lat": 35.85, "lon": 127.09, "fuel": "lava"}, "fuel: is no known fuel"),
        ({"kind": "dispatch", "device": "robot-9", "lat": 35.85, "lon": 127.09}, "names 'robot-9'"),
        ({}, "kind"),
    ],
)
def test_event_that_cannot_be_is_refused_with_the_reason(
    client: TestClient, event: dict[str, Any], message: str
) -> None:
    answer = client.post("/api/v1/simulation/events", json=event)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]


def test_page_and_its_parts_are_served_without_foreign_hosts(client: TestClient) -> None:
    page = client.get("/").text
    script = client.get("/static/page.js").text
    assert re.findall(r"<script[^>]*>[^<]*", page) == ['<script type="module" crossorigin src="/static/page.js">']
    assert client.get("/static/style.css").status_code == 200
    assert "://" not in (page + script).replace("http://www.w3.org", "")
    # Of what a sender wrote, nothing becomes markup.
    ours = [path for path in (ROOT / "web/src").rglob("*.ts*") if "innerHTML" in path.read_text()]
    assert ours == []


def test_every_route_is_documented_with_an_example(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method, route in methods.items():
            assert route.get("description"), path
            if path == "/api/v1/export":
                assert "example" in route["responses"]["200"]["content"]["text/csv"]
            elif (
                method == "get"
                and path not in ("/api/v1/stream", "/metrics", "/public")
                and "/report." not in path
                and not path.endswith(".xml")
            ):
                assert "example" in route["responses"]["200"]["content"]["application/json"], path


TEXT = st.text(max_size=12) | st.sampled_from(
    [
        "raw",
        "auto",
        "60",
        "2026-03-04T00:00:00Z",
        "0001-01-01T00:00:00+20:00",
        "9999-12-31T23:59:59-12:00",
        "-1",
        "1e9",
        "pm25",
        "palbok-01",
    ]
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    path=st.sampled_from(["series", "alerts", "latest", "dead-letters", "ledger", "devices"]),
    query=st.dictionaries(
        st.sampled_from(["start", "end", "every", "device", "quantity", "site", "state", "since", "limit", "kind"]),
        TEXT,
        max_size=5,
    ),
)
def test_any_question_gets_an_answer_or_a_reason(client: TestClient, path: str, query: dict[str, str]) -> None:
    answer = client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code in (200, 422)
    json.loads(answer.content)


def test_reading_and_alert_travel_from_mqtt_to_api_and_back_to_mqtt(
    broker: EmbeddedBroker, jeonju: Site, tmp_path: Path
) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    retained: dict[str, bytes] = {}
    begin = datetime.now(UTC) - timedelta(hours=1)
    stations = [station.name for station in jeonju.stations[:6]]
    with Ingest(jeonju, store, broker.url) as ingest, local_client(api_app(jeonju, store, broker.url)) as client:
        wait_until(lambda: client.get("/readyz").status_code == 200, what="readiness")
        device = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="device")
        device.on_message = lambda _c, _d, message: retained.__setitem__(message.topic, bytes(message.payload))
        device.connect("127.0.0.1", broker.port)
        device.loop_start()
        device.subscribe(topics.alert("jeonju", "+"), 1)
        for minute in range(60):
            for station in stations:
                smoke = {"pm25": 95.0, "pm10": 120.0, "co": 0.8} if station == "palbok-03" and minute >= 30 else {}
                values = {"pm25": 20.0, "pm10": 30.0, "co": 0.4, "tvoc": 50.0} | smoke
                batch = [
                    Reading(
                        device=station,
                        seq=6 * minute + step,
                        boot="1",
                        time=begin + timedelta(seconds=60 * minute + 10 * step),
                        values=dict(values),
                    )
                    for step in range(6)
                ]
                device.publish(topics.readings("jeonju", station), encode(batch), qos=1)
        wait_until(lambda: ingest.stats().readings == 60 * 6 * 6)
        wait_until(lambda: any(alert["kind"] == "smoke" for alert in get(client, "alerts")), what="the smoke alert")
        (alert,) = [alert for alert in get(client, "alerts") if alert["kind"] == "smoke"]
        assert alert["device"] == "palbok-03"
        wait_until(lambda: topics.alert("jeonju", alert["id"]) in retained, what="the retained alert")
        assert json.loads(retained[topics.alert("jeonju", alert["id"])])["details"]["class"] == "fire"
        assert {row["device"]: row["values"]["pm25"] for row in get(client, "latest")}["palbok-03"] == 95.0
        device.disconnect()
        device.loop_stop()
    # A restart finds the same alert in the store and does not raise it again.
    with local_client(api_app(jeonju, store, broker.url)) as client:
        wait_until(lambda: client.get("/readyz").status_code == 200, what="readiness")
        wait_until(lambda: get(client, "health")["active_alerts"] >= 1, what="the alert after the restart")
        assert [alert["id"] for alert in get(client, "alerts", state="all") if alert["kind"] == "smoke"] == [
            alert["id"]
        ]
    store.close()


def test_listener_hears_readings_and_alerts_and_a_slow_one_is_dropped() -> None:
    async def listen() -> tuple[list[bytes], int]:
        stream = Stream()
        stream.attach(asyncio.get_running_loop())
        quick, slow = (stream.events(stream.join(who, lambda: True)) for who in ("quick", "slow"))
        heard = [await anext(quick)]
        await anext(slow)
        for number in range(MOST_WAITING + 5):
            stream.send("alert", {"n": number})
            heard.append(await anext(quick))
        left = b"".join([part async for part in slow])
        assert left.count(b"event: ") <= MOST_WAITING
        stream.close()
        assert [message async for message in quick] == []
        return heard, stream.dropped

    heard, dropped = asyncio.run(listen())
    assert heard[1].endswith(b'event: alert\ndata: {"n":0}\n\n')
    assert dropped == 1


def test_unknown_devices_come_in_pages(jeonju: Site, tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    at = datetime(2026, 3, 2, tzinfo=UTC)
    names = [f"new-{number:03}" for number in range(250)]
    store.write(Commit(devices=[DeviceRecord("jeonju", name, "", "", "real", "online", at) for name in names]))
    client, found = local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1")), list[str]()
    while page := client.get("/api/v1/devices/unknown", params={"after": found[-1] if found else "", "limit": 120}):
        assert page.headers["X-Total-Count"] == "250"
        if not page.json():
            break
        found += [device["device"] for device in page.json()]
    assert found == names
    assert len(get(client, "devices/unknown")) == 100
    assert client.get("/api/v1/devices/unknown", params={"limit": 1001}).status_code == 422
    store.close()
