"""One message takes a second of ingest at most, whatever its format and shape: then it is a dead letter, and the others are stored."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, get_args

import cbor2
import pytest

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Format, Gateway
from jeonju.contract.records import LARGEST_LETTER_BYTES, LONGEST_LETTER_BYTES
from jeonju.contract.site import Site
from jeonju.decoders.budget import LIVE, REPLAY, STEPS_BETWEEN_LOOKS, Budget, OverBudgetError, spend, within
from jeonju.decoders.message import Message
from jeonju.decoders.sparkplug_b.payload import Payload
from jeonju.ingest import pipeline as pipeline_module
from jeonju.ingest.pipeline import Pipeline

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)
T0_MS = 1_772_439_331_000
TOPICS = {
    "airkorea": "airkorea/jeonbuk",
    "chirpstack": "application/1/device/a/event/up",
    "fiware_ul": "ul/key/a/attrs",
    "ha_discovery": "homeassistant/device/a/config",
    "json": "vendor",
    "line_protocol": "lines",
    "native": "air/v1/jeonju/a/readings",
    "ngsi_ld": "ngsi",
    "onem2m": "oneM2M/req/a/b/json",
    "senml": "senml",
    "sensor_community": "airrohr",
    "sensorthings": "sensorthings",
    "sparkplug_b": "spBv1.0/group/NBIRTH/a",
    "tasmota": "tele/a/SENSOR",
    "thingsboard": "v1/gateway/telemetry",
    "tts": "v3/app/devices/a/up",
    "vda5050": "vda5050/v3/KIT/1/state",
    "zigbee2mqtt": "zigbee2mqtt/a",
}
JSON_LIST = Gateway.model_validate(
    {
        "topic": "vendor",
        "format": "json",
        "device": "/*/d",
        "time": "/*/t",
        "mapping": [{"pointer": "/*/x", "key": "pm25"}],
    }
)
GATEWAYS = [
    JSON_LIST if name == "json" else Gateway(topic=TOPICS[name].partition("/")[0] + "/#", format=name)
    for name in get_args(Format)
]
# Such a message is a right one: a history of so many records.
HISTORY = 10_000


def members(count: int, value: Any = 1) -> dict[str, Any]:
    return {f"made-up-{n}": value for n in range(count)}


def birth(count: int, **metric: Any) -> bytes:
    payload = Payload(seq=0)
    for n in range(count):
        payload.metrics.add(name=f"m{n}", alias=n, datatype=10, double_value=n, **metric)
    return payload.SerializeToString()


def sparkplug_history(count: int) -> bytes:
    payload = Payload(seq=0)
    for n in range(count):
        payload.metrics.add(name="pm25", datatype=10, double_value=n, timestamp=T0_MS + 1000 * n)
    return payload.SerializeToString()


def sparkplug_properties(count: int) -> bytes:
    payload = Payload(seq=0)
    for n in range(count):
        metric = payload.metrics.add(name=f"m{n}", datatype=10, double_value=n)
        for _ in range(100):
            metric.properties.keys.append("a")
            metric.properties.values.add().int_value = 1
    return payload.SerializeToString()


def home_assistant(count: int) -> bytes:
    part = {"p": "sensor", "stat_t": "ha/t", "dev_cla": "pm25", "val_tpl": "{{ value_json.a }}"}
    return encoded({"dev": {"ids": "a"}, "cmps": members(count, part)})


def encoded(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def record(n: int) -> dict[str, Any]:
    return {"ts": T0_MS + 1000 * n, "values": {"pm25": 1.5}}


ANSWERED = {"op": 5, "rqi": "r1", "pc": {"m2m:agn": {"m2m:sgn": [1] * 2000}}}
# Format, what makes it long, and the message with so many of them. At least one for every loop that a sender can make long.
SHAPES: list[tuple[str, str, Callable[[int], bytes]]] = [
    ("airkorea", "stations", lambda n: encoded([{"stationName": f"a{i}", "pm10Value": 1} for i in range(n)])),
    ("airkorea", "empty items", lambda n: encoded([{}] * n)),
    ("airkorea", "broken items", lambda n: encoded([1] * n)),
    ("chirpstack", "members", lambda n: encoded({"object": members(n)})),
    ("chirpstack", "texts", lambda n: encoded({"object": members(n, "text")})),
    ("fiware_ul", "groups", lambda n: b"#".join(b"%d|pm25|1" % (T0_MS + 1000 * i) for i in range(n))),
    ("fiware_ul", "measures", lambda n: b"|".join(b"k%d|1" % i for i in range(n))),
    ("fiware_ul", "broken groups", lambda n: b"#" * n),
    ("ha_discovery", "components", home_assistant),
    ("json", "elements", lambda n: encoded([{"d": "a", "t": T0_MS + 1000 * i, "x": 1} for i in range(n)])),
    ("json", "empty elements", lambda n: encoded([{}] * n)),
    ("line_protocol", "points", lambda n: b"\n".join(b"m,device=a pm25=1 %d" % (T0_MS + 1000 * i) for i in range(n))),
    ("line_protocol", "devices", lambda n: b"\n".join(b"m,device=a%d pm25=1" % i for i in range(n))),
    ("line_protocol", "fields", lambda n: b"m,device=a " + b",".join(b"f%d=1" % i for i in range(n))),
    ("line_protocol", "fields with quotes", lambda n: b"m,device=a " + b",".join(b'f%d=""' % i for i in range(n))),
    ("line_protocol", "tags with escapes", lambda n: b"m" + b"".join(b",t%d=\\," % i for i in range(n)) + b" a=1"),
    ("line_protocol", "broken lines", lambda n: b"x\n" * n),
    ("line_protocol", "lines of no device", lambda n: b"m a=1\n" * n),
    ("line_protocol", "comments", lambda n: b"#\n" * n),
    ("native", "parts with unknown members", lambda n: encoded([{"device": "a", "seq": i, "x": 1} for i in range(n)])),
    ("native", "broken parts", lambda n: encoded([1] * n)),
    ("ngsi_ld", "entities", lambda n: encoded([{"id": f"a{i}", "type": "A", "pm25": 1} for i in range(n)])),
    ("ngsi_ld", "attributes", lambda n: encoded({"id": "a", "type": "A", **members(n)})),
    ("ngsi_ld", "values", lambda n: encoded({"id": "a", "pm25": [{"value": 1, "observedAt": "x"}] * n})),
    ("ngsi_ld", "what is no entity", lambda n: encoded([1] * n)),
    ("onem2m", "instances", lambda n: encoded({"m2m:cnt": {"rn": "a", "m2m:cin": [{"con": {"pm25": 1}}] * n}})),
    ("onem2m", "broken instances", lambda n: encoded({"m2m:cnt": {"rn": "a", "m2m:cin": [1] * n}})),
    ("onem2m", "notifications", lambda n: encoded({"m2m:agn": {"m2m:sgn": [{"nev": {}, "sur": "/c/a/b"}] * n}})),
    ("onem2m", "members", lambda n: encoded({"m2m:cin": {"pi": "/c/a/b/c", "con": members(n)}})),
    ("senml", "records", lambda n: encoded([{"bn": "a:"}, *({"n": "pm25", "v": 1, "t": T0_MS + i} for i in range(n))])),
    ("senml", "empty records", lambda n: encoded([{}] * n)),
    ("senml", "broken records", lambda n: encoded([1] * n)),
    ("senml", "separators", lambda n: encoded([{"n": ":" * 200, "v": 1}] * n)),
    ("senml", "records in CBOR", lambda n: cbor2.dumps([{-2: "a:"}, *({0: "pm25", 2: 1, 6: i} for i in range(n))])),
    ("senml", "integers in CBOR", lambda n: b"\x9f" + b"\x01" * n + b"\xff"),
    (
        "sensor_community",
        "values",
        lambda n: encoded(
            {"esp32id": 1, "sensordatavalues": [{"value_type": f"k{i}", "value": "1"} for i in range(n)]}
        ),
    ),
    (
        "sensor_community",
        "broken values",
        lambda n: encoded({"esp32id": 1, "sensordatavalues": [{"value_type": "P1", "value": "1"}, *[1] * n]}),
    ),
    (
        "sensorthings",
        "observations",
        lambda n: encoded({"name": "pm25", "Thing": {"name": "a"}, "Observations": [{"result": 1}] * n}),
    ),
    ("sensorthings", "entities", lambda n: encoded([{}] * n)),
    (
        "sensorthings",
        "results of many properties",
        lambda n: encoded(
            {
                "ObservedProperties": [{"name": "x"}] * 100,
                "Thing": {"name": "a"},
                "Observations": [{"result": [1] * 100}] * (n // 100),
            }
        ),
    ),
    ("sparkplug_b", "metrics", birth),
    ("sparkplug_b", "history", sparkplug_history),
    ("sparkplug_b", "properties", lambda n: sparkplug_properties(n // 100)),
    ("tasmota", "sensors", lambda n: encoded(members(n, {"Temperature": 1}))),
    ("tasmota", "empty groups", lambda n: encoded({"a": members(n, {})})),
    ("thingsboard", "entries", lambda n: encoded({"a": [record(i) for i in range(n)]})),
    ("thingsboard", "devices", lambda n: encoded(members(n, {"pm25": 1}))),
    ("thingsboard", "broken entries", lambda n: encoded({"a": [1] * n})),
    ("tts", "members", lambda n: encoded({"uplink_message": {"decoded_payload": members(n)}})),
    ("zigbee2mqtt", "members", lambda n: encoded(members(n))),
    ("zigbee2mqtt", "texts", lambda n: encoded(members(n, "text"))),
]


def message(wire_format: str, payload: bytes) -> Message:
    return Message(TOPICS[wire_format], payload, NOW)


def good(name: str = "b") -> Message:
    return Message(f"air/v1/jeonju/{name}/readings", encoded({"device": name, "values": {"pm25": 3.0}}), NOW)


@pytest.fixture
def site(jeonju: Site) -> Site:
    return jeonju.model_copy(update={"gateways": GATEWAYS})


class Clock:
    """Time that passes at each look, so that what is measured is how often somebody looks."""

    def __init__(self, step_s: float) -> None:
        self.looks = 0
        self._step_s = step_s

    def __call__(self) -> float:
        self.looks += 1
        return self.looks * self._step_s


@pytest.mark.parametrize(
    ("wire_format", "what", "make"), SHAPES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_whatever_makes_a_message_long_looks_at_the_clock(
    site: Site, wire_format: str, what: str, make: Callable[[int], bytes]
) -> None:
    """Its number of steps grows with it, so it ends where the time is used up; what is before and behind it in the commit is stored."""
    # Twenty looks are allowed for: a message of 5000 has fifty.
    clock = Clock(LIVE.cpu_s / 20)
    pipeline = Pipeline(site, clock=clock)
    long = message(wire_format, make(5000))
    commit = pipeline.commit([good("b"), long, good("c")])
    assert [letter.reason for letter in commit.dead_letters] == ["took longer than 1 s: send smaller messages"]
    assert sorted(commit.readings["device"].to_pylist()) == ["b", "c"]
    assert pipeline.over_budget == 1
    assert clock.looks < 40


_OF_HISTORY = (
    "elements",
    "entries",
    "groups",
    "history",
    "instances",
    "points",
    "records",
    "parts with unknown members",
)
HISTORIES = [(wire_format, make) for wire_format, what, make in SHAPES if what in _OF_HISTORY]


@pytest.mark.parametrize(("wire_format", "make"), HISTORIES, ids=lambda value: value if isinstance(value, str) else "")
def test_history_of_ten_thousand_records_is_taken(
    site: Site, wire_format: str, make: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: so many steps, of some microseconds each."""
    begun = list[Budget]()
    monkeypatch.setattr(Budget, "begin", lambda self: begun.append(self))
    commit = Pipeline(site, clock=lambda: 0.0).commit([message(wire_format, make(HISTORY))])
    assert commit.dead_letters == []
    assert commit.readings.num_rows >= (HISTORY if wire_format != "onem2m" else 1)
    assert begun[0].steps <= 15 * HISTORY


def test_hostile_message_takes_a_second_of_real_time(site: Site) -> None:
    """The worst that was found, 4 MB of broken lines: they took 28 s of the processor. With five times the time that it may take."""
    begin_s = time.thread_time()
    commit = Pipeline(site).commit([message("line_protocol", b"x\n" * 2_000_000), good()])
    assert time.thread_time() - begin_s < 5 * LIVE.cpu_s
    assert [letter.reason for letter in commit.dead_letters] == ["took longer than 1 s: send smaller messages"]
    assert commit.readings.num_rows == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([{"device": "a"}] * 21, "holds 21 readings, more than 20: send smaller messages"),
        ([{"device": "a", "values": members(101, 1.0)}] * 2, "holds 202 values, more than 200: send smaller messages"),
        ({"device": "a", "status": members(201, 1.0)}, "holds 201 values, more than 200: send smaller messages"),
    ],
)
def test_more_readings_or_values_than_a_message_may_hold(jeonju: Site, content: Any, reason: str) -> None:
    """With bounds a thousand times smaller."""
    pipeline = Pipeline(jeonju)
    payload = encoded(content)
    limits = LIVE._replace(readings=20, values=200, kept_bytes=100)
    commit = pipeline.commit([message("native", payload)], limits)
    assert [letter.reason for letter in commit.dead_letters] == [reason]
    assert (commit.readings.num_rows, commit.devices) == (0, [])
    # All of it was kept: a replay has larger limits.
    (letter,) = commit.dead_letters
    assert letter.payload == payload
    assert letter.is_whole
    again = pipeline.commit([Message(letter.topic, letter.payload, letter.received_at)], REPLAY)
    assert again.dead_letters == []
    assert again.readings.num_rows > 0


def test_message_that_took_too_long_on_a_slow_machine_is_taken_when_it_is_replayed(site: Site) -> None:
    clock = Clock(LIVE.cpu_s / 20)
    pipeline = Pipeline(site, clock=clock)
    payload = encoded({"a": [record(n) for n in range(5000)]})
    assert len(payload) > LONGEST_LETTER_BYTES
    (letter,) = pipeline.commit([message("thingsboard", payload)]).dead_letters
    assert letter.is_whole
    assert letter.payload == payload
    assert (
        pipeline.commit([Message(letter.topic, letter.payload, letter.received_at)], REPLAY).readings.num_rows == 5000
    )


def test_what_is_kept_whole_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "KEPT_WHOLE_BYTES_AN_HOUR", 500_000)
    pipeline = Pipeline(site, clock=Clock(LIVE.cpu_s / 20))
    payload = encoded({"a": [record(n) for n in range(5000)]})
    letters = [pipeline.commit([message("thingsboard", payload)]).dead_letters[0] for _ in range(4)]
    assert [letter.is_whole for letter in letters] == [True, True, False, False]
    assert letters[-1].reason.endswith(f"(first {LONGEST_LETTER_BYTES} of {len(payload)} bytes kept)")


def test_letter_that_is_refused_again_stays_whole(site: Site) -> None:
    """With what was kept of it, not with the beginning of that."""
    payload = b"{" * (LONGEST_LETTER_BYTES + 1)
    (letter,) = Pipeline(site).commit([message("thingsboard", payload)], REPLAY).dead_letters
    assert (letter.payload, letter.is_whole) == (payload, True)
    assert REPLAY.kept_bytes == LARGEST_LETTER_BYTES


def test_notification_that_takes_too_long_is_answered_all_the_same(site: Site) -> None:
    """A server would give up the subscription."""
    pipeline = Pipeline(site, clock=Clock(LIVE.cpu_s / 4))
    commit = pipeline.commit([message("onem2m", encoded(ANSWERED))])
    assert commit.dead_letters[0].reason.startswith("took longer than 1 s")
    ((topic, answer),) = pipeline.answers()
    assert (topic, json.loads(answer)) == ("oneM2M/resp/a/b/json", {"rsc": 2000, "rqi": "r1"})


def test_each_message_has_the_time_for_itself(jeonju: Site) -> None:
    pipeline = Pipeline(jeonju, clock=Clock(LIVE.cpu_s / 20))
    parts = encoded([{"device": "a", "seq": n, "x": 1} for n in range(1000)])
    commit = pipeline.commit([message("native", parts)] * 10)
    assert (commit.readings.num_rows, commit.dead_letters) == (10_000, [])


def test_a_budget_ends_the_message_even_where_parts_are_set_aside_one_by_one() -> None:
    def read() -> None:
        spend()
        raise RejectedError("is wrong")

    def parts() -> Iterator[int]:
        for part in itertools.count():
            with suppress(RejectedError):
                read()
            yield part

    with within(Budget(clock=Clock(LIVE.cpu_s / 3))) as budget:
        budget.begin()
        with pytest.raises(OverBudgetError):
            list(parts())
        assert budget.steps < 10 * STEPS_BETWEEN_LOOKS
    spend(10**9)  # Nobody counts where there is no budget.
