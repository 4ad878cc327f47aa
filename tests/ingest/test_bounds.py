"""Senders that make things up must not fill the memory."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.contract.extras import MOST_BYTES, bounded
from jeonju.contract.gateways import Gateway
from jeonju.contract.site import Site
from jeonju.decoders.message import Message
from jeonju.decoders.sparkplug_b.payload import Payload
from jeonju.ingest import devices
from jeonju.ingest.pipeline import Pipeline
from jeonju.messages.quality import quality_in_words

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)


@pytest.mark.parametrize("native", [True, False])
def test_a_million_names_are_turned_away_once_there_are_too_many(
    jeonju: Site, native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the bound a hundred times smaller: what is known goes on, what is new goes to the dead letters with the reason."""
    monkeypatch.setattr(devices, "MOST_DEVICES", 500)
    pipeline = Pipeline(jeonju.model_copy(update={"gateways": [Gateway(topic="v1/gateway/#", format="thingsboard")]}))
    taken = rejected = 0
    for first in range(0, 10_000, 100):
        names = [f"made-up-{first + n}" for n in range(100)]
        if native:
            messages = [
                Message(
                    f"air/v1/jeonju/{name}/readings",
                    json.dumps({"device": name, "values": {"pm25": 1.0}}).encode(),
                    NOW,
                )
                for name in names
            ]
        else:
            messages = [
                Message("v1/gateway/telemetry", json.dumps({name: [{"values": {"pm25": 1.0}}]}).encode(), NOW)
                for name in names
            ]
        commit = pipeline.commit(messages)
        taken += commit.readings.num_rows
        rejected += len(commit.dead_letters)
    assert (taken, rejected) == (500, 9500)
    again = pipeline.commit(
        [Message("air/v1/jeonju/made-up-3/readings", b'{"device": "made-up-3", "values": {"pm25": 2.0}}', NOW)]
    )
    assert again.readings.num_rows == 1
    late = pipeline.commit([Message("air/v1/jeonju/new/readings", b'{"device": "new", "values": {"pm25": 2.0}}', NOW)])
    assert late.dead_letters[0].reason == "more than 500 devices; 'new' is new"
    assert len(pipeline.ledger) <= 501


def native(device: str, body: Any, kind: str = "readings") -> Message:
    return Message(f"air/v1/jeonju/{device}/{kind}", json.dumps(body).encode(), NOW)


def sparkplug_birth(values: dict[str, int]) -> Message:
    payload = Payload(seq=0)
    for name, value in values.items():
        metric = payload.metrics.add()
        metric.name, metric.datatype, metric.double_value = name, 10, value
    return Message("spBv1.0/group/NBIRTH/a", payload.SerializeToString(), NOW)


MADE_UP = {f"made-up-{n}": n for n in range(60_000)}


@pytest.mark.parametrize(
    "message",
    [
        native("a", {"device": "a", "values": MADE_UP}),
        native("a", {"device": "a", "status": MADE_UP}),
        native("a", {"device": "a", "values": dict.fromkeys(MADE_UP, "text")}),
        native("a", {"device": "a", **MADE_UP}),
        native("a", {"device": "a", "vendor": MADE_UP}),
        native("a", {"device": "a", "time": "x" * 600_000}),
        native("a", {"device": "a", "values": {"x" * 600_000: 1}}),
        native("a", [{"device": "a", "values": MADE_UP}]),
        Message("gateway/telemetry", json.dumps({"a": MADE_UP}).encode(), NOW),
        Message("lines", ("m,device=a " + ",".join(f"{name}=1" for name in MADE_UP)).encode(), NOW),
        Message("lines", "\n".join(f"m,device=a {name}=1" for name in MADE_UP).encode(), NOW),
        Message(
            "senml", json.dumps([{"bn": "a:"}, *({"n": name, "v": 1} for name in list(MADE_UP)[:9000])]).encode(), NOW
        ),
        Message("application/1/device/a/event/up", json.dumps({"object": MADE_UP}).encode(), NOW),
        Message(
            "v3/app/devices/a/up",
            json.dumps({"end_device_ids": {"device_id": "a"}, "uplink_message": {"decoded_payload": MADE_UP}}).encode(),
            NOW,
        ),
        Message("zigbee2mqtt/a", json.dumps(MADE_UP).encode(), NOW),
        Message("onem2m", json.dumps({"m2m:cin": {"con": {**MADE_UP, "pm25": 1}, "pi": "/cse/ae/a/c"}}).encode(), NOW),
        sparkplug_birth(MADE_UP),
    ],
    ids=lambda message: f"{message.topic[:20]}-{message.payload[:40]!r}",
)
def test_what_senders_make_up_is_kept_within_bounds_and_what_is_dropped_is_said(jeonju: Site, message: Message) -> None:
    gateways = [
        Gateway(topic="gateway/telemetry", format="thingsboard"),
        Gateway(topic="lines", format="line_protocol"),
        Gateway(topic="senml", format="senml"),
        Gateway(topic="application/#", format="chirpstack"),
        Gateway(topic="v3/#", format="tts"),
        Gateway(topic="zigbee2mqtt/#", format="zigbee2mqtt"),
        Gateway(topic="onem2m", format="onem2m"),
        Gateway(topic="spBv1.0/#", format="sparkplug_b"),
    ]
    # On a clock that stands, so that a slow machine takes it as well.
    commit = Pipeline(jeonju.model_copy(update={"gateways": gateways}), clock=lambda: 0.0).commit([message])
    assert commit.dead_letters == []
    (row,) = commit.readings.to_pylist()
    extra = json.loads(row["extra"] or "{}")
    assert len((row["extra"] or "").encode()) <= 5 * 1024
    assert len(row["quality"].encode()) <= 12 * 1024
    assert len(extra.get("values", {})) <= 64
    flag, reason = quality_in_words(row["quality"])["extra"]
    assert flag == "suspect"
    assert int(reason.split()[0]) + len(extra.get("values", extra)) in (1, 9000, 60_000)


@given(
    st.dictionaries(st.text(max_size=80), st.floats(allow_nan=False) | st.text(max_size=2000) | st.none(), max_size=90)
)
def test_nothing_unknown_is_dropped_without_being_counted(values: dict[str, Any]) -> None:
    kept, dropped = bounded({"values": values})
    assert len(kept.get("values", {})) + dropped == len(values)
    assert len(json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()) <= MOST_BYTES + 1024
    if len(values) <= 10 and all(len(name) <= 64 and len(str(value)) <= 100 for name, value in values.items()):
        assert dropped == 0


def test_long_words_are_refused(jeonju: Site) -> None:
    long = "x" * 1_000_000
    messages = [
        native("a", {"device": "a", "boot": long}),
        native("a", {"state": long}, "status"),
        native("a", {"state": "online", "kind": long}, "status"),
        native("a", {"state": "online", "origin": long}, "status"),
    ]
    commit = Pipeline(jeonju).commit(messages)
    assert (len(commit.dead_letters), commit.devices, commit.readings.num_rows) == (4, [], 0)


# More readings than a message may hold are refused before anybody looks at their devices.
@pytest.mark.parametrize(("count", "turned_away"), [(1001, 2), (60_000, 0)])
def test_rejected_message_registers_nothing(jeonju: Site, count: int, turned_away: int) -> None:
    names = [f"made-up-{n}" for n in range(count)]
    site = jeonju.model_copy(update={"gateways": [Gateway(topic="gateway/#", format="thingsboard")]})
    pipeline = Pipeline(site, clock=lambda: 0.0)
    parts = [{"device": name, "values": {"pm25": 1.0}} for name in names]
    for message in (
        native("a", parts),
        Message("air/v1/jeonju-truth/simulator/readings", json.dumps(parts).encode(), NOW),
        Message("gateway/telemetry", json.dumps({name: [{"values": {"pm25": 1.0}}] for name in names}).encode(), NOW),
    ):
        commit = pipeline.commit([message])
        assert (len(commit.dead_letters), commit.devices, commit.readings.num_rows) == (1, [], 0)
    assert (len(pipeline.devices), pipeline.devices.turned_away) == (0, turned_away)
    assert pipeline.commit([native("b", {"device": "b"})]).readings.num_rows == 1


def test_new_devices_are_admitted_at_a_rate_of_the_site_file(jeonju: Site) -> None:
    """Ten an hour: the eleventh is a dead letter with the reason, and gets in six minutes later. Who is known, or in the site file, always is."""
    pipeline = Pipeline(jeonju.model_copy(update={"new_devices_per_hour": 10}))

    def taken(name: str, minutes: float = 0) -> bool:
        message = native(name, {"device": name})._replace(received_at=NOW + timedelta(minutes=minutes))
        commit = pipeline.commit([message])
        if commit.dead_letters:
            assert commit.dead_letters[0].reason == (
                f"more than 10 new devices in an hour (new_devices_per_hour of the site file); '{name}' is new"
            )
        return bool(commit.readings.num_rows)

    assert [taken(f"made-up-{n}") for n in range(12)] == [True] * 10 + [False] * 2
    assert pipeline.devices.turned_away == 2
    assert taken("made-up-3")
    assert taken("palbok-03")
    # A clock that is set back gives no more of it.
    assert not taken("late", minutes=-600)
    assert not taken("late", minutes=5)
    assert taken("late", minutes=7)
    assert not taken("later", minutes=8)
    # What is not used for a day is not saved up.
    assert [taken(f"next-day-{n}", minutes=1440) for n in range(12)] == [True] * 10 + [False] * 2


def test_status_larger_than_a_message_is_refused(jeonju: Site) -> None:
    """A status of 7 MB was read; what it may hold is three words of 64 letters."""
    status = native("a", {"state": "online", "vendor": "x" * 7_000_000}, "status")
    commit = Pipeline(jeonju).commit([status])
    assert "larger than 4194304" in commit.dead_letters[0].reason
    assert (commit.devices, len(commit.dead_letters[0].payload)) == ([], 65536)


def test_device_of_the_site_file_is_let_in_when_there_is_no_room(jeonju: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "MOST_DEVICES", 1)
    commit = Pipeline(jeonju).commit([native(name, {"device": name}) for name in ("a", "b", "palbok-03")])
    assert commit.readings["device"].to_pylist() == ["a", "palbok-03"]
