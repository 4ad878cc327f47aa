"""A message may speak for the device of its topic only: rights to publish are given by topic."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.contract.gateways import Gateway
from jeonju.contract.site import Site, load_site
from jeonju.decoders.message import Message
from jeonju.ingest.diagnosis import Doctor
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.service import Ingest
from jeonju.storage.duckdb.store import DuckDBStore
from tests.broker.guarded import Ears, security_with, url_of
from tests.conftest import need_broker
from tests.waiting import wait_until

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SITE = load_site("jeonju")
DEVICES = ["sensor-a", "sensor-b", "palbok-03"]
GATEWAYS = [
    Gateway(topic="vda5050/#", format="vda5050"),
    Gateway(topic="application/#", format="chirpstack"),
    Gateway(topic="v3/#", format="tts"),
]


def pipeline(gateways: list[Gateway] | None = None) -> Pipeline:
    return Pipeline(SITE.model_copy(update={"gateways": gateways or []}))


def native(topic: str, *devices: str, alone: bool = False) -> Message:
    parts = [{"device": device, "seq": n, "values": {"pm25": 666.0}} for n, device in enumerate(devices)]
    return Message(f"air/v1/jeonju/{topic}/readings", json.dumps(parts[0] if alone else parts).encode(), NOW)


@given(
    st.lists(
        st.builds(
            lambda topic, devices, alone: native(topic, *devices, alone=alone),
            st.sampled_from(DEVICES),
            st.lists(st.sampled_from([*DEVICES, "", "a b", "SENSOR-A"]), min_size=1, max_size=4),
            st.booleans(),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_row_and_no_device_comes_of_another_topic(messages: list[Message]) -> None:
    for message in messages:
        ours, of_topic = pipeline(), message.topic.split("/")[3]
        taken = ours.commit([message])
        assert set(taken.readings["device"].to_pylist()) <= {of_topic}
        assert {record.device for record in taken.devices} <= {of_topic}
        assert bool(taken.dead_letters) == (taken.readings.num_rows == 0)
    together = pipeline().commit(messages)
    own = [
        item
        for item in messages
        if all(f'"device": "{item.topic.split("/")[3]}"' in part for part in item.payload.decode().split("}, {"))
    ]
    assert together.readings.num_rows == sum(item.payload.count(b'"device"') for item in own)
    assert len(together.dead_letters) == len(messages) - len(own)


def test_refused_array_is_counted_and_leaves_the_numbers_of_others_alone() -> None:
    ours = pipeline()
    taken = ours.commit([native("sensor-a", "sensor-a", "sensor-b"), native("sensor-b", "sensor-b", alone=True)])
    assert taken.readings["device"].to_pylist() == ["sensor-b"]
    assert "says it is 'sensor-b' on the topic of 'sensor-a'" in taken.dead_letters[0].reason
    entries = {entry.device: entry for entry in taken.ledger}
    assert (entries["sensor-a"].rejected, entries["sensor-a"].received) == (1, 0)
    assert (entries["sensor-b"].received, entries["sensor-b"].repeated) == (1, 0)
    assert [record.device for record in taken.devices] == ["sensor-b"]


def test_doctor_says_why_it_is_refused() -> None:
    message = native("sensor-a", "sensor-a", "sensor-b")
    assert "on the topic of 'sensor-a'" in str(Doctor(SITE).look_at(message).why_not)


ROBOT: dict[str, Any] = {"powerSupply": {"stateOfCharge": 5.0}, "connectionState": "OFFLINE"}


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        *(
            (f"vda5050/v3/KIT/0001/{kind}", ROBOT | {"manufacturer": "KIT", "serialNumber": "0002"})
            for kind in ("state", "connection", "factsheet")
        ),
        ("vda5050/v3/KIT/0001/state", ROBOT | {"manufacturer": "kit"}),
        ("application/1/device/aa01/event/up", {"deviceInfo": {"devEui": "AA02"}, "object": {"temperature": 60}}),
        (
            "v3/app/devices/roof/up",
            {"end_device_ids": {"device_id": "cellar"}, "uplink_message": {"decoded_payload": {"temperature": 60}}},
        ),
    ],
)
def test_gateway_message_that_names_another_device_than_its_topic_is_refused(topic: str, body: dict[str, Any]) -> None:
    taken = pipeline(GATEWAYS).commit([Message(topic, json.dumps(body).encode(), NOW)])
    assert (taken.readings.num_rows, taken.devices) == (0, [])
    assert "says it is" in taken.dead_letters[0].reason


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_account_cannot_write_as_another_over_a_broker(tmp_path: Path, jeonju: Site, kind: Kind) -> None:
    need_broker(kind)
    security, secrets = security_with(tmp_path / "security", jeonju, "sensor-a", "sensor-b")
    store = DuckDBStore(tmp_path / "air.duckdb")
    with EmbeddedBroker(tmp_path, kind=kind, port=0, security=security) as broker:
        ca, password = security.broker / "ca.pem", (security.clients / "ingest.password").read_text().strip()
        own = f"mqtts://ingest:{password}@127.0.0.1:{broker.port}?ca={ca}"
        with (
            Ingest(jeonju, store, own) as ingest,
            Ears(url_of(broker, security, secrets["sensor-a"]), "a") as item,
            Ears(url_of(broker, security, secrets["sensor-b"]), "b") as other,
        ):
            wrong = native("sensor-a", "sensor-a", "sensor-b", "palbok-03")
            item.say(wrong.topic, wrong.payload.decode())
            wait_until(lambda: ingest.stats().rejected == 1)
            right = native("sensor-b", "sensor-b", alone=True)
            other.say(right.topic, right.payload.decode())
            wait_until(lambda: ingest.stats().readings == 1)
    assert store.latest("jeonju")["device"].to_pylist() == ["sensor-b"]
    assert [record.device for record in store.devices("jeonju")] == ["sensor-b"]
    store.close()
