"""Gateways from the site file to the store: examples, names, units, a real broker, and the doctor."""

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.gateways import Gateway, conversion
from jeonju.contract.site import Site, load_site
from jeonju.decoders.message import Message
from jeonju.decoders.sparkplug_b.payload import Payload
from jeonju.ingest.diagnosis import Doctor
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.routing import Router, device_name
from jeonju.ingest.service import Ingest
from jeonju.messages.quality import quality_in_words
from jeonju.storage.duckdb.store import DuckDBStore
from tests.waiting import wait_until

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)
EXAMPLES = sorted((Path(__file__).parents[2] / "examples/gateways").glob("*.toml"))


def with_gateways(site: Site, *gateways: dict[str, Any]) -> Site:
    return site.model_copy(update={"gateways": [Gateway.model_validate(one) for one in gateways]})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_worked_example_is_read_as_it_says(jeonju: Site, path: Path) -> None:
    pipeline = Pipeline(with_gateways(jeonju, *tomllib.loads(path.read_text())["gateways"]))
    messages: list[Message] = []
    checked = 0
    for kind, text in re.findall(r"^# (example|reads)\s+(.*)$", path.read_text(), re.MULTILINE):
        said = json.loads(text)
        if kind == "example":
            messages.append(Message(said["topic"], json.dumps(said["payload"]).encode(), NOW))
            continue
        commit = pipeline.commit(messages)
        assert not commit.dead_letters
        (row,) = commit.readings.to_pylist()
        assert row["device"] == said["device"]
        assert row["time"] == datetime.fromisoformat(said.get("time", NOW.isoformat()))
        assert {key: row[key] for key in said["values"]} == pytest.approx(said["values"], rel=1e-5)
        assert [row["lat"], row["lon"]] == said.get("position", [None, None])
        messages, checked = [], checked + 1
    assert checked
    assert not messages


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_worked_example_fits_into_a_site_file(path: Path, tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    built_in = Path(__file__).parents[2] / "contract/sites/jeonju.toml"
    text = built_in.read_text(encoding="utf-8") + "\n" + path.read_text(encoding="utf-8")
    site.write_text(text, encoding="utf-8")
    assert len(load_site(site).gateways) == len(tomllib.loads(text)["gateways"]) >= 2


def test_there_are_worked_examples() -> None:
    names = {path.stem for path in EXAMPLES}
    assert {"airgradient", "esphome", "milesight-am319", "shelly-gen1", "shelly-gen2"} <= names


@pytest.mark.parametrize(
    ("key", "unit", "value", "stored"),
    [
        ("temperature", "°F", 212.0, 100.0),
        ("temperature", "K", 273.15, 0.0),
        ("pressure", "Pa", 101_325.0, 1013.25),
        ("pressure", "inHg", 29.92, 1013.21),
        ("no2", "ppb", 21.0, 0.021),
        ("o3", "µg/m³", 100.0, 0.05097),
        ("co", "mg/m³", 1.0, 0.87344),
        ("pm25", "ug/m3", 12.0, 12.0),
        ("humidity", "1", 0.5, 50.0),
        ("voltage", "mV", 2985.0, 2.985),
        ("wind_speed", "km/h", 36.0, 10.0),
        ("tvoc", "ppm", 0.2, 200.0),
    ],
)
def test_units_are_turned_into_ours(key: str, unit: str, value: float, stored: float) -> None:
    scale, offset = conversion(key, unit)
    assert value * scale + offset == pytest.approx(stored, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "carrier-pigeon"}, "Input should be 'airkorea'"),
        ({"topic": "a/b#"}, "is no topic filter"),
        ({"topic": "air/v1/+/+/readings"}, "the platform's own"),
        ({"timezone": "Korea/Jeonju"}, "is no time zone"),
        ({"mapping": [{"pointer": "/a", "key": "smell"}]}, "'smell' is no quantity"),
        ({"mapping": [{"pointer": "/a", "key": "pm25", "unit": "°C"}]}, "is in °C, but pm25 is in µg/m³"),
        ({"mapping": [{"pointer": "a", "key": "pm25"}]}, "'a' is no JSON pointer; write it like /object/a"),
        ({"names": {"x": "a b"}}, "'a b' is no device name"),
    ],
)
def test_gateway_that_cannot_work_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        Gateway.model_validate({"topic": "a/#", "format": "json", "device": "x", **change})


def test_names_are_fit_and_never_shared() -> None:
    gateway = Gateway(topic="#", format="json", names={"a/b": "mine"})
    assert device_name("a/b", gateway) == "mine"
    assert device_name("plain-1", gateway) == "plain-1"
    changed = [
        device_name(identity, gateway) for identity in ("c/d", "c d", "c-d", "서울/정릉로", "서울/도산대로", "x" * 300)
    ]
    assert changed[2] == "c-d"
    assert len(set(changed)) == len(changed)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name) for name in changed)


def test_every_topic_has_one_route_the_first_gateway_whose_filter_fits_or_the_native_one() -> None:
    router = Router([Gateway(topic="a/+/x", format="json"), Gateway(topic="a/#", format="tasmota")])
    topics = ("a/b/x", "a/b/y", "air/v1/jeonju/a/readings", "b")
    assert [router.route(topic).gateway.format for topic in topics] == ["json", "tasmota", "native", "native"]


def test_message_on_a_topic_that_nobody_named_is_a_dead_letter_with_the_reason(jeonju: Site) -> None:
    (letter,) = Pipeline(jeonju).commit([Message("b", b"{}", NOW)]).dead_letters
    assert letter.reason == "the topic is not air/v1/{site}/{device}/readings with plain names"


def test_flag_of_the_sender_stands_beside_the_value(jeonju: Site) -> None:
    site = with_gateways(jeonju, {"topic": "airkorea/+", "format": "airkorea"})
    item = {
        "sidoName": "전북",
        "stationName": "팔복동",
        "dataTime": "2026-03-02 17:00",
        "pm10Value": "41",
        "pm10Flag": "점검및교정",
        "o3Value": "0.03",
    }
    answer = json.dumps({"response": {"header": {"resultCode": "00"}, "body": {"items": [item]}}}).encode()
    (row,) = Pipeline(site).commit([Message("airkorea/jeonbuk", answer, NOW)]).readings.to_pylist()
    assert (row["pm10"], row["o3"]) == (41.0, 0.03)
    assert quality_in_words(row["quality"]) == {"pm10": ["bad", "AirKorea: 점검및교정"]}


def test_states_of_gateways_become_states_of_devices(jeonju: Site) -> None:
    site = with_gateways(jeonju, {"topic": "tele/#", "format": "tasmota"})
    commit = Pipeline(site).commit([Message("tele/balcony/LWT", b"Offline", NOW)])
    assert [(record.device, record.state) for record in commit.devices] == [("balcony", "offline")]


def birth() -> bytes:
    payload = Payload(timestamp=int(NOW.timestamp() * 1000), seq=0)
    for name, alias, value in (("Temperature", 7, 21.5),):
        payload.metrics.add(name=name, alias=alias, datatype=10, double_value=value)
    return bytes(payload.SerializeToString())


def data(seq: int, value: float, seconds: int) -> bytes:
    payload = Payload(timestamp=int((NOW.timestamp() + seconds) * 1000), seq=seq)
    payload.metrics.add(alias=7, double_value=value)
    return bytes(payload.SerializeToString())


def test_edge_node_is_asked_for_its_birth_over_a_real_broker_and_then_read(jeonju: Site, tmp_path: Path) -> None:
    """Data by alias after a restart goes to the dead letters; the rebirth that ingest asks for makes the next data readable."""
    site = with_gateways(jeonju, {"topic": "spBv1.0/#", "format": "sparkplug_b", "names": {"air/gw": "gateway-1"}})
    store = DuckDBStore(tmp_path / "air.duckdb")
    with EmbeddedBroker(tmp_path, port=0) as broker, Ingest(site, store, broker.url) as ingest:
        node = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="edge-node")
        asked: list[bytes] = []

        def on_command(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            asked.append(bytes(message.payload))
            client.publish("spBv1.0/air/NBIRTH/gw", birth(), qos=1)
            client.publish("spBv1.0/air/NDATA/gw", data(1, 22.5, 5), qos=1)

        node.on_message = on_command
        node.on_connect = lambda client, *_: client.subscribe("spBv1.0/air/NCMD/gw", 1)
        subscribed: list[bool] = []
        node.on_subscribe = lambda *_: subscribed.append(True)
        node.connect("127.0.0.1", broker.port)
        node.loop_start()
        wait_until(lambda: bool(subscribed))
        node.publish("spBv1.0/air/NDATA/gw", data(9, 99.0, 0), qos=1)
        wait_until(lambda: ingest.stats().readings == 2)
        node.disconnect()
        node.loop_stop()
    assert len(asked) == 1
    (metric,) = Payload.FromString(asked[0]).metrics
    assert (metric.name, metric.boolean_value) == ("Node Control/Rebirth", True)
    assert "which no birth has named" in store.dead_letters()[0].reason
    latest = store.latest("jeonju").to_pylist()[0]
    assert (latest["device"], latest["temperature"]) == ("gateway-1", 22.5)
    store.close()


@pytest.mark.parametrize(
    ("content", "pointers"),
    [
        ([{"id": "a", "air": {"pm": 1, "rh": 2}}, {"id": "b", "air": {"pm": 3}}], ["/*/air/pm", "/*/air/rh"]),
        ({"s": [{"pm": 1, "l": [{"x": 2}]}, {"pm": 3}], "n": [4, 5]}, ["/s/*/pm", "/s/*/l/*/x", "/n/0", "/n/1"]),
        ({"s": [{"type": "P1", "value": 1}, {"type": "P2", "value": 2}]}, ["/s/0/value", "/s/1/value"]),
    ],
)
def test_doctor_suggests_one_pointer_for_all_elements_of_a_list(
    jeonju: Site, content: Any, pointers: list[str]
) -> None:
    found = Doctor(jeonju).look_at(Message("maker/x", json.dumps(content).encode(), NOW))
    assert found.suggestion is not None
    assert re.findall(r'pointer = "([^"]+)"', found.suggestion) == pointers
    filled = found.suggestion.replace("QUANTITY", "pm25")
    (gateway,) = (Gateway.model_validate(one) for one in tomllib.loads(filled)["gateways"])
    assert gateway.format == "json"


def test_doctor_suggests_for_lines_of_documents_in_utf_16(jeonju: Site) -> None:
    lines = '{"id": "a", "t": 1}\n{"id": "b", "t": 2}\n'.encode("utf-16")
    found = Doctor(jeonju).look_at(Message("maker/x", lines, NOW))
    assert re.findall(r'pointer = "([^"]+)"', found.suggestion or "") == ["/t"]
    zigbee = "\n".join(['{"temperature": 1, "last_seen": "2026-03-02T08:15:00Z"}'] * 2).encode("utf-16")
    found = Doctor(jeonju).look_at(Message("zigbee2mqtt/a", zigbee, NOW))
    assert 'format = "zigbee2mqtt"' in (found.suggestion or "")


def test_doctor_shows_what_is_understood_and_suggests_what_is_not(jeonju: Site) -> None:
    doctor = Doctor(with_gateways(jeonju, {"topic": "zigbee2mqtt/#", "format": "zigbee2mqtt"}))
    known = doctor.look_at(Message("zigbee2mqtt/balcony", b'{"temperature": 21.5, "linkquality": 9}', NOW))
    assert known.understood_as == "zigbee2mqtt (zigbee2mqtt/#)"
    assert known.readings[0]["values"] == {"temperature": 21.5}
    assert known.readings[0]["unknown"] == {"linkquality": 9}
    tasmota = doctor.look_at(
        Message("tele/balcony/SENSOR", b'{"Time": "2026-03-02T17:15:30", "BME280": {"Temperature": 20.7}}', NOW)
    )
    assert tasmota.why_not == "no gateway of the site file has this topic"
    assert tasmota.suggestion is not None
    assert Gateway.model_validate(tomllib.loads(tasmota.suggestion)["gateways"][0]).format == "tasmota"
    vendor = doctor.look_at(Message("vendor/1", b'{"id": "x", "sensors": {"pm25": 12, "dust/x": 3}}', NOW))
    assert vendor.suggestion is not None
    assert '{pointer = "/sensors/pm25", key = "pm25"}' in vendor.suggestion
    assert '{pointer = "/sensors/dust~1x", key = "QUANTITY"}' in vendor.suggestion
    broken = doctor.look_at(Message("zigbee2mqtt/balcony", b"{", NOW))
    assert broken.why_not is not None
    assert broken.why_not.startswith("is not JSON")
    native = doctor.look_at(Message("air/v1/jeonju/a/readings", b'{"device": "a", "values": {"pm25": 1.5}}', NOW))
    assert (native.understood_as, native.readings[0]["values"]) == ("native", {"pm25": 1.5})
    doubtful = doctor.look_at(
        Message("zigbee2mqtt/balcony", b'{"temperature": "1,016", "pm25": 6553.5, "pm10": 3}', NOW)
    )
    assert doubtful.readings[0]["extra"] == {"temperature": "1,016"}
    assert set(doubtful.readings[0]["quality"]) == {"temperature", "pm25"}
    silent = doctor.look_at(Message("zigbee2mqtt/balcony/set", b"{}", NOW))
    assert silent.why_not == "nothing of ours is in it (command-or-bridge)"
