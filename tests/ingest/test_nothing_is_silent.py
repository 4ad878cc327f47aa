"""Every message that arrives is a reading, a state, a dead letter, or counted by its kind."""

import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.contract.gateways import Format, Gateway
from jeonju.contract.site import load_site
from jeonju.decoders.message import Message
from jeonju.ingest.pipeline import Pipeline

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)
SITE = load_site("jeonju")
TOPICS: dict[str, list[str]] = {
    "chirpstack": [
        "application/1/device/a840419edb62011c/event/up",
        "application/1/device/a840419edb62011c/event/join",
    ],
    "native": ["air/v1/jeonju/d/readings", "air/v1/jeonju/d/status", "air/v1/jeonju/d/adopt", "no/such/topic"],
    "onem2m": ["/oneM2M/req/id-in/CAE1/json"],
    "sparkplug_b": [
        "spBv1.0/g/NBIRTH/n",
        "spBv1.0/g/NDATA/n",
        "spBv1.0/g/DDATA/n/d",
        "spBv1.0/g/NDEATH/n",
        "spBv1.0/STATE/h",
    ],
    "tasmota": ["tele/a/SENSOR", "tele/a/STATE", "tele/a/LWT", "cmnd/a/POWER", "tele/tasmota_ble/b", "x"],
    "thingsboard": [
        "v1/gateway/telemetry",
        "v1/devices/me/telemetry",
        "v1/gateway/connect",
        "v1/devices/me/attributes",
    ],
    "tts": ["v3/a@ttn/devices/d/up", "v3/a@ttn/devices/d/join"],
    "vda5050": ["vda5050/v2/m/s/state", "vda5050/v2/m/s/connection", "vda5050/v2/m/s/order"],
    "zigbee2mqtt": ["zigbee2mqtt/a", "zigbee2mqtt/a/availability", "zigbee2mqtt/bridge/state", "zigbee2mqtt/a/set"],
}
NAMES = (
    "pm25",
    "PM10",
    "temperature",
    "Temperature",
    "latitude",
    "longitude",
    "satellites",
    "voltage",
    "power",
    "device",
    "v",
    "values",
    "time",
    "ts",
    "n",
    "u",
    "bn",
    "bt",
    "t",
    "object",
    "devEui",
    "deviceInfo",
    "rxInfo",
    "uplink_message",
    "decoded_payload",
    "end_device_ids",
    "dev_eui",
    "m2m:sgn",
    "m2m:agn",
    "nev",
    "rep",
    "m2m:cin",
    "con",
    "sur",
    "pc",
    "op",
    "rqi",
    "SDS0X1",
    "Time",
    "mac",
    "position",
    "status",
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["23,5", "59.9 °F", "1,016", "d", "2026-03-02T08:15:30Z", "yesterday", "urn:dev:x:temperature"])
)
CONTENT = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
PAYLOADS = (
    st.binary(max_size=80)
    | CONTENT.map(lambda content: json.dumps(content).encode())
    | st.sampled_from([b"", b"Online", b"{}", b"x,device=a pm25=1"])
)


@pytest.mark.parametrize("wire_format", [*get_args(Format), "native"])
@settings(max_examples=60)
@given(data=st.data())
def test_every_message_adds_up(wire_format: Any, data: st.DataObject) -> None:
    gateways = [] if wire_format == "native" else [Gateway.model_validate({"topic": "#", "format": wire_format})]
    pipeline = Pipeline(SITE.model_copy(update={"gateways": gateways}))
    for retained in (False, True):
        topic = data.draw(st.sampled_from(TOPICS.get(wire_format, ["some/topic"])))
        message = Message(topic, data.draw(PAYLOADS), NOW, retained)
        commit = pipeline.commit([message])
        counted = pipeline.nothing.total()
        pipeline.nothing.clear()
        assert commit.readings.num_rows + len(commit.dead_letters) + len(commit.devices) + counted >= 1
        assert counted <= 1
        if counted:
            assert not commit.readings.num_rows
            assert not commit.dead_letters


def test_a_retained_message_without_a_time_of_its_own_is_no_new_measurement() -> None:
    gateway = Gateway.model_validate({"topic": "tele/#", "format": "tasmota"})
    pipeline = Pipeline(SITE.model_copy(update={"gateways": [gateway]}))
    undated, dated = b'{"BME280": {"Temperature": 3}}', b'{"Epoch": 1772439330, "BME280": {"Temperature": 4}}'
    messages = [
        Message("tele/a/SENSOR", payload, NOW, retained) for payload in (undated, dated) for retained in (True, False)
    ]
    rows = pipeline.commit(messages).readings
    assert rows["temperature"].to_pylist() == [3.0, 4.0, 4.0]
    assert pipeline.nothing == {("tasmota", "retained"): 1}


def test_one_bad_reading_of_an_array_is_a_dead_letter_of_its_own() -> None:
    payload = b'[{"device": "d", "seq": 1, "values": {"pm25": 1}}, {"device": 7}, {"device": "d", "seq": 2, "values": {"pm25": 2}}]'
    commit = Pipeline(SITE).commit([Message("air/v1/jeonju/d/readings", payload, NOW)])
    assert commit.readings["pm25"].to_pylist() == [1.0, 2.0]
    (letter,) = commit.dead_letters
    assert letter.payload == b'{"device":7}'


def test_identity_is_made_of_topic_and_payload_in_every_format() -> None:
    for wire_format, topic, payload, device, expected in (
        ("json", "site/7/x", b'{"id": 3, "t": 1}', "{2}-{/id}", "7-3"),
        ("zigbee2mqtt", "zigbee2mqtt/home/a", b'{"temperature": 1}', "{2}-{device}", "home-home-a"),
        ("thingsboard", "v1/gateway/telemetry", b'{"r": [{"values": {"temperature": 1}}]}', "hall_{device}", "hall_r"),
        ("tasmota", "tele/yard/a/SENSOR", b'{"BME280": {"Temperature": 1}}', "{-2}", "a"),
    ):
        described = {
            "topic": "#",
            "format": wire_format,
            "device": device,
            "mapping": [{"pointer": "/t", "key": "temperature"}],
        }
        pipeline = Pipeline(SITE.model_copy(update={"gateways": [Gateway.model_validate(described)]}))
        commit = pipeline.commit([Message(topic, payload, NOW), Message("x", payload, NOW)])
        (name,) = {record.device for record in commit.devices}
        assert name.startswith(expected)


@pytest.mark.parametrize(
    ("wire_format", "topic", "payload"),
    [
        (
            "sensor_community",
            "s",
            b'{"esp8266id": "1", "sensordatavalues": [{"value_type": "SDS_P2", "value": "12,5"}, null]}',
        ),
        ("airkorea", "a", b'[{"stationName": "n", "pm25Value": "12,5", "dataTime": "2026-03-02 17:00"}, null]'),
        ("thingsboard", "v1/gateway/telemetry", b'{"a": [{"ts": 1772439330000, "values": {"pm25": "12,5"}}, 7]}'),
        ("line_protocol", "l", b"air,host=a pm25=12.5\nair,host=b pm25="),
    ],
)
def test_one_bad_part_leaves_the_others(wire_format: str, topic: str, payload: bytes) -> None:
    gateway = Gateway.model_validate({"topic": "#", "format": wire_format})
    commit = Pipeline(SITE.model_copy(update={"gateways": [gateway]})).commit([Message(topic, payload, NOW)])
    assert commit.readings["pm25"].to_pylist() == [12.5]
    assert len(commit.dead_letters) == 1


def test_text_of_a_state_may_end_as_strings_of_c_do() -> None:
    for wire_format, topic, payload in (
        ("zigbee2mqtt", "zigbee2mqtt/a/availability", b"online\0"),
        ("tasmota", "tele/a/LWT", b"\xef\xbb\xbfOnline"),
    ):
        gateway = Gateway.model_validate({"topic": "#", "format": wire_format})
        (record,) = (
            Pipeline(SITE.model_copy(update={"gateways": [gateway]})).commit([Message(topic, payload, NOW)]).devices
        )
        assert record.state == "online"
