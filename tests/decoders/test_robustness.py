"""Whatever a broker delivers, a decoder answers with readings or with one clear reason; never with anything else."""

import json
import math
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, get_args

import cbor2
import msgspec
import pytest
from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Format, Gateway
from jeonju.decoders import decoder
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.ha_discovery.decoder import HomeAssistant
from jeonju.decoders.message import Message
from tests.conftest import SHARED_DATA

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)
FORMATS = get_args(Format)
TOPICS = {
    "airkorea": "airkorea/jeonbuk",
    "chirpstack": "application/1/device/a/event/up",
    "fiware_ul": "/ul/key/a/attrs",
    "ha_discovery": "homeassistant/device/a/config",
    "json": "vendor/1",
    "line_protocol": "telegraf/air",
    "ngsi_ld": "ngsi-ld/x",
    "onem2m": "/oneM2M/req/a/b/json",
    "senml": "senml/1",
    "sensor_community": "airrohr/1",
    "sensorthings": "v1.1/Datastreams(1)/Observations",
    "sparkplug_b": "spBv1.0/air/NBIRTH/gw",
    "tasmota": "tele/a/SENSOR",
    "thingsboard": "v1/gateway/telemetry",
    "tts": "v3/a/devices/b/up",
    "vda5050": "vda5050/v3/KIT/1/state",
    "zigbee2mqtt": "zigbee2mqtt/a",
}
MAPPING = [
    {"pointer": "/a/b", "key": "pm25"},
    {"pointer": "/values/0", "key": "temperature", "unit": "°F"},
    {"pointer": "/pm25", "key": "pm25"},
]
VECTORS = SHARED_DATA.parent / "vectors"
RECORDED = sorted(path for path in VECTORS.glob("*/*/0*") if path.is_file()) if VECTORS.exists() else []


def gateway(wire_format: str) -> Gateway:
    return Gateway.model_validate(
        {
            "topic": "#",
            "format": wire_format,
            "device": "fixed",
            "time": "/time",
            "timezone": "Asia/Seoul",
            "mapping": MAPPING,
        }
    )


def decoded(wire_format: Format, payload: bytes, topic: str | None = None) -> Decoding | None:
    """Return what is read, None for a rejection, which must have a reason of one line."""
    reason = ""
    try:
        decoding = decoder(wire_format)(Message(topic or TOPICS[wire_format], payload, NOW), gateway(wire_format))
    except RejectedError as error:
        reason, decoding = str(error), None
    if decoding is None:
        assert 0 < len(reason) < 1000
        return None
    for item in decoding.readings:
        assert item.device
        assert all(value is not None and math.isfinite(value) for value in item.values.values())
        assert item.time is None or item.time.tzinfo is not None
        msgspec.json.encode(item)
    return decoding


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
NAMES = (
    "pm25",
    "temperature",
    "time",
    "ts",
    "values",
    "deviceInfo",
    "object",
    "rxInfo",
    "uplink_message",
    "end_device_ids",
    "bn",
    "bt",
    "n",
    "u",
    "v",
    "m2m:sgn",
    "nev",
    "rep",
    "m2m:cin",
    "con",
    "sur",
    "pc",
    "response",
    "body",
    "items",
    "dataTime",
    "pm10Value",
    "sensordatavalues",
    "value_type",
    "StatusSNS",
    "Time",
    "velocity",
    "powerSupply",
    "connectionState",
    "last_seen",
    "location",
    "Timestamp",
    "ct",
    "m2m:rqp",
    "to",
    "item",
    "list",
    "result",
    "Datastream",
    "Datastreams",
    "Observations",
    "ObservedProperty",
    "phenomenonTime",
    "cmps",
    "avty",
    "device",
    "stat_t",
    "id",
    "type",
    "data",
    "observedAt",
    "unitCode",
    "value",
    "relativeHumidity",
    "metadata",
)
familiar = st.recursive(
    anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=25,
)


@pytest.mark.parametrize("wire_format", FORMATS)
@settings(max_examples=150, deadline=None)
@given(payload=st.binary(max_size=300))
@example(payload=b"")
@example(payload=b"\xff\xfe{}")
@example(payload=b'{"a": NaN}')
@example(payload=b'{"a": 1, "a": 2}')
@example(payload=b"\x9f" * 2000)
def test_any_bytes(wire_format: Format, payload: bytes) -> None:
    decoded(wire_format, payload)


# One test for all formats: to think of a document takes longer than to decode it.
@settings(max_examples=500, deadline=None)
@given(content=familiar)
def test_any_json_with_familiar_names(content: Any) -> None:
    payload = json.dumps(content).encode()
    for wire_format in FORMATS:
        note(wire_format)
        decoded(wire_format, payload)
    decoded("senml", cbor2.dumps(content if isinstance(content, list) else [content]))


@settings(max_examples=300, deadline=None)
@given(
    pack=st.lists(
        st.dictionaries(
            st.integers(-8, 10) | st.none() | st.binary(max_size=4) | st.floats() | st.text(max_size=4),
            anything | st.decimals() | st.integers(-(10**5000), 10**5000),
            max_size=6,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_pack_of_cbor(pack: list[dict[Any, Any]]) -> None:
    decoded("senml", cbor2.dumps(pack))


@pytest.mark.parametrize("label", [-3, 0, 2, 6, "x"])
def test_integers_that_nothing_can_write_are_no_values(label: int | str) -> None:
    big = 10**5000
    for held in (big, -big, [big], {"a": big}, {big: 1}):
        pack = [{-2: "d/", 0: "pm25", 1: "ug/m3", 2: 3.0, label: held}, {0: "humidity", 2: 41.0}]
        decoding = decoded("senml", cbor2.dumps(pack))
        assert decoding is None or msgspec.json.encode(decoding.extra)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: "/".join(path.parts[-3:]))
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_recorded_messages_with_bytes_changed(path: Any, data: st.DataObject) -> None:
    wire_format, payload = path.parts[-3], bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        if payload:
            payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    decoded(wire_format, bytes(payload[: data.draw(st.integers(0, len(payload)))]))


@pytest.mark.parametrize("wire_format", FORMATS)
def test_huge_deep_and_foreign_payloads_are_rejected(wire_format: Format) -> None:
    for payload in (b"[" * 100_000, b'{"a":' * 50_000, b'"' + b"x" * 10_000_000 + b'"', b"\x00" * 6_000_000):
        assert decoded(wire_format, payload) is None


@pytest.mark.parametrize("wire_format", FORMATS)
@settings(max_examples=50, deadline=None)
@given(topic=st.text(max_size=60))
def test_any_topic(wire_format: Format, topic: str) -> None:
    decoded(wire_format, b"{}", topic or "x")


@settings(max_examples=200, deadline=None)
@given(
    messages=st.lists(
        st.tuples(
            st.sampled_from(["NBIRTH", "NDATA", "DBIRTH", "DDATA", "NDEATH", "DDEATH", "NCMD"]),
            st.sampled_from(["", "/d1"]),
            st.binary(max_size=60),
        ),
        max_size=8,
    )
)
def test_any_session_of_sparkplug(messages: list[tuple[str, str, bytes]]) -> None:
    decode, of = decoder("sparkplug_b"), gateway("sparkplug_b")
    for kind, device, payload in messages:
        with suppress(RejectedError):
            decode(Message(f"spBv1.0/air/{kind}/gw{device}", payload, NOW), of)


CONFIG_MEMBERS = {
    "device": anything,
    "dev_cla": st.sampled_from(["pm25", "temperature", "power"]) | anything,
    "unit_of_meas": st.sampled_from(["µg/m³", "°F"]) | anything,
    "stat_t": st.sampled_from(["s/1", "s/2", "+/2", "~"]) | anything,
    "avty": st.lists(st.fixed_dictionaries({"t": st.sampled_from(["s/1", "s/3"])}) | anything, max_size=3) | anything,
    "avty_t": st.sampled_from(["s/1", "s/3", "s/#"]) | anything,
    "val_tpl": st.sampled_from(["{{ value_json.a }}", "{{ value | float }}", "{% if value %}1"]) | anything,
    "~": anything,
    "p": st.sampled_from(["sensor", "light"]),
}
config = st.fixed_dictionaries({}, optional=CONFIG_MEMBERS)


@settings(max_examples=300, deadline=None)
@given(
    messages=st.lists(
        st.tuples(st.sampled_from(["sensor/a", "sensor/n/b", "device/c"]), config | st.none(), st.booleans())
        | st.tuples(st.sampled_from(["s/1", "s/2", "s/3"]), anything, st.booleans()),
        max_size=10,
    )
)
def test_any_session_of_home_assistant_leaves_nothing_behind(messages: list[tuple[str, Any, bool]]) -> None:
    decode, of = HomeAssistant(), gateway("ha_discovery")
    for name, content, retained in messages:
        is_config = not name.startswith("s/")
        body = {"cmps": {"x": content, "y": content}} if name.startswith("device") and content else content
        payload = b"" if is_config and content is None else json.dumps(body).encode()
        with suppress(RejectedError):
            decode(Message(f"homeassistant/{name}/config" if is_config else name, payload, NOW, retained), of)
    for name in ("sensor/a", "sensor/n/b", "device/c"):
        decode(Message(f"homeassistant/{name}/config", b"", NOW), of)
    left = (decode._of_config, decode._by_topic, decode._by_availability, decode._rivals, decode._count, decode._wild)
    assert not any(left)


def test_device_without_a_name_is_rejected() -> None:
    assert decoded("thingsboard", b'{"": {"pm25": 1}}') is None


def test_sparkplug_name_that_is_no_text_is_rejected() -> None:
    assert decoded("sparkplug_b", bytes.fromhex("12040a02ff20")) is None


def test_unknown_numbers_are_kept_but_not_without_bound() -> None:
    many = {f"x{number}": number for number in range(500)} | {"pm25": 3.0}
    decoding = decoded("zigbee2mqtt", json.dumps(many).encode())
    assert decoding is not None
    values = decoding.readings[0].values
    assert values["pm25"] == 3.0
    assert 60 < len(values) < 70
