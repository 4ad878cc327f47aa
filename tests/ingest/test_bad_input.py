"""Bad input is bounded, counted and said, and what is good beside it is stored."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import paho.mqtt.matcher
import pytest

from jeonju.broker import filters
from jeonju.common.errors import UserError
from jeonju.contract.gateways import Gateway
from jeonju.contract.records import LONGEST_LETTER_BYTES
from jeonju.contract.site import BUILT_IN_SITES, MOST_GATEWAYS, Site, load_site
from jeonju.decoders import fields
from jeonju.decoders.decoded import MOST_PARTS
from jeonju.decoders.message import LARGEST_PAYLOAD_BYTES, Message
from jeonju.detection.engine import AlertEngine
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.routing import LONGEST_REMEMBERED, Router
from jeonju.ingest.subscriptions import MOST_GROUPS, Owners, Subscriptions
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Series

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)


def test_more_gateways_than_can_be_subscribed_are_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "many.toml"
    entries = (f'\n[[gateways]]\ntopic = "site/{n}/x"\nformat = "tasmota"\n' for n in range(10_000))
    file.write_text((BUILT_IN_SITES / "jeonju.toml").read_text(encoding="utf-8") + "".join(entries), encoding="utf-8")
    with pytest.raises(UserError) as refused:
        load_site(file)
    assert f"entries, more than {MOST_GATEWAYS}: one with wildcards" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_ten_thousand_filters_are_grouped_without_comparing_each_with_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in nodes that are looked at, which does not depend on the machine."""
    looked_at = 0
    following = filters._Node.following

    def counted(*arguments: object, **options: object) -> object:
        nonlocal looked_at
        looked_at += 1
        return following(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(filters._Node, "following", counted)
    wanted = [f"site/{n}/x" for n in range(10_000)]
    assert Subscriptions.of(wanted).now.groups == [wanted]
    assert looked_at < 40 * len(wanted)


def test_filters_that_overlap_in_many_layers_are_refused_in_one_line() -> None:
    wanted = [f"a{n}/+" if n % 2 else f"+/b{n}" for n in range(4 * MOST_GROUPS)]
    with pytest.raises(UserError, match="overlap in 80 layers") as refused:
        Subscriptions.of(wanted)
    assert "wildcards" in str(refused.value)


def test_a_topic_is_not_compared_with_each_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"site/{n}/#" for n in range(2000)]
    router = Router([Gateway(topic=name, format="tasmota") for name in ["site/+/x", *names, "site/+/x"]])
    owners = Owners([names, ["site/+/x"]])
    made = 0
    anew = paho.mqtt.matcher.MQTTMatcher.__init__

    def counted(self: object) -> None:
        nonlocal made
        made += 1
        anew(self)  # type: ignore[arg-type, no-untyped-call]

    monkeypatch.setattr(paho.mqtt.matcher.MQTTMatcher, "__init__", counted)
    assert router.route("site/7/x").gateway.topic == "site/+/x"
    assert router.route("site/7/y").gateway.topic == "site/7/#"
    assert router.route("hall/7/y").gateway.topic == "air/v1/#"
    assert [owners.group_of(topic) for topic in ("site/7/x", "site/x/x", "x")] == [0, 1, None]
    owners.refuse(frozenset(["site/7/#"]))
    assert owners.group_of("site/7/x") == 1
    assert made == 1


def test_long_topics_that_a_sender_makes_up_are_not_remembered() -> None:
    router, owners = Router([Gateway(topic="a/#", format="tasmota")]), Owners([["a/#"]])
    long = "a/" + "x" * LONGEST_REMEMBERED
    assert router.route(long).gateway.topic == "a/#"
    assert owners.group_of(long) == 0
    assert not router._of_topic
    assert not owners._of_topic


def pipeline_of(site: Site, wire_format: str, **settings: Any) -> Pipeline:
    described = {"topic": "#", "format": wire_format, **settings}
    gateways = [] if wire_format == "native" else [Gateway.model_validate(described)]
    return Pipeline(site.model_copy(update={"gateways": gateways}))


TELEMETRY = "v1/gateway/telemetry"
GOOD = {"n": "d:co2", "v": 1}


@pytest.mark.parametrize(
    ("wire_format", "topic", "payload"),
    [
        ("senml", "x", b'[{"n":"d:co2","v":1},' + b"1," * 5000 + b"1]"),
        ("native", "air/v1/jeonju/d/readings", b'[{"device":"d","values":{"co2":1}},' + b"1," * 5000 + b"1]"),
        ("thingsboard", TELEMETRY, b'{"d":[{"co2":1},' + b"1," * 5000 + b"1]}"),
        ("line_protocol", "x", b"m,device=d co2=1\n" + b"x\n" * 5001),
    ],
)
def test_thousands_of_broken_parts_are_few_dead_letters_that_say_how_many(
    jeonju: Site, wire_format: str, topic: str, payload: bytes
) -> None:
    commit = pipeline_of(jeonju, wire_format).commit([Message(topic, payload, NOW)])
    assert commit.readings["co2"].to_pylist() == [1.0]
    assert len(commit.dead_letters) == MOST_PARTS
    assert commit.dead_letters[-1].reason.endswith(f"; so are {5001 - MOST_PARTS} more after it")
    assert commit.dead_letters[-1].payload.count(b"\n") == 5001 - MOST_PARTS


def test_rejected_parts_that_repeat_a_long_base_are_bounded_in_bytes(jeonju: Site) -> None:
    long = b"x" * (LARGEST_PAYLOAD_BYTES // 2)
    pack = b'[{"n":"d:co2","v":1},{"bn":"","bx":"' + long + b'"},' + b",".join([b'{"v":1}'] * 1000) + b"]"
    commit = pipeline_of(jeonju, "senml").commit([Message("x", pack, NOW)])
    assert commit.readings.num_rows == 1
    assert sum(len(letter.payload) for letter in commit.dead_letters) < 4 * LONGEST_LETTER_BYTES
    assert "; so are 997 more after it" in commit.dead_letters[-1].reason


LONG = "x" * 100_000


@pytest.mark.parametrize(
    ("wire_format", "topic", "payload", "settings"),
    [
        ("senml", "x", [{"bn": LONG}, *({"n": f"/{n}/co2", "v": 1} for n in range(100))], {}),
        ("senml", "x", [{"bn": LONG + ":"}, *({"n": "co2", "v": 1} for n in range(100))], {}),
        ("thingsboard", TELEMETRY, {LONG: [{"co2": 1}] * 100}, {}),
        (
            "thingsboard",
            TELEMETRY,
            {"id": LONG, **{f"d{n}": {"co2": 1} for n in range(100)}},
            {"device": "{/id}-{device}"},
        ),
        ("tasmota", "tele/a/SENSOR", {LONG: {f"{n}": {"Temperature": 1} for n in range(100)}}, {}),
    ],
)
def test_a_name_that_is_too_long_is_not_repeated_for_each_value(
    jeonju: Site, wire_format: str, topic: str, payload: Any, settings: dict[str, str]
) -> None:
    commit = pipeline_of(jeonju, wire_format, **settings).commit([Message(topic, json.dumps(payload).encode(), NOW)])
    assert not commit.readings.num_rows
    assert {letter.reason.split(" characters, more than 1000")[0] for letter in commit.dead_letters} <= {
        f"has a name of {len(LONG) + more} characters"[: -len(" characters")] for more in (0, 1, len("-{device}"))
    }


def test_long_names_of_senders_are_not_kept_in_caches(jeonju: Site) -> None:
    fields._key_of.cache_clear()
    members = {f"{LONG}{n}": n for n in range(20)}
    pipeline_of(jeonju, "zigbee2mqtt").commit([Message("zigbee2mqtt/a", json.dumps(members).encode(), NOW)])
    assert fields._key_of.cache_info().currsize == 0
    assert fields.key_of("PM2.5") == "pm25"


def shared(levels: int) -> bytes:
    """A few bytes for 2 to the power of `levels` members."""
    parts = [b"\xd8\x1c\x81\x00", *(b"\xd8\x1c\x82" + 2 * (b"\xd8\x1d" + cbor2.dumps(n)) for n in range(levels))]
    return b"\x98" + bytes([levels + 2]) + cbor2.dumps(GOOD) + b"".join(parts)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (shared(60), "shared values"),
        (b"\x82" + cbor2.dumps(GOOD) + b"\xd8\x1c\x81\xd8\x1d\x00", "shared values"),
        (cbor2.dumps([GOOD, GOOD | {"t": 2**100_000}]), "a number of 100001 bits"),
    ],
)
def test_cbor_that_is_larger_than_its_bytes_is_one_dead_letter(jeonju: Site, payload: bytes, reason: str) -> None:
    commit = pipeline_of(jeonju, "senml").commit([Message("x", payload, NOW)])
    (letter,) = commit.dead_letters
    assert reason in letter.reason


def test_a_cbor_record_that_json_cannot_hold_is_a_dead_letter_of_its_own(jeonju: Site) -> None:
    commit = pipeline_of(jeonju, "senml").commit([Message("x", cbor2.dumps([GOOD, 2**70, [{(1, 2): 3}]]), NOW)])
    assert commit.readings["co2"].to_pylist() == [1.0]
    assert [letter.payload for letter in commit.dead_letters] == [str(2**70).encode(), b'[{"(1, 2)":3}]']


@pytest.mark.parametrize("depth", [10, 300, 500, 900])
@pytest.mark.parametrize(
    ("wire_format", "topic", "around"),
    [
        ("chirpstack", "application/1/device/d/event/up", b'{"object":{"co2":%s,"pm25":1}}'),
        ("chirpstack", "application/1/device/d/event/up", b'{"object":{"pm25":1},"time":%s}'),
        ("native", "air/v1/jeonju/d/readings", b'{"device":"d","values":{"pm25":1},"x":%s}'),
        ("tasmota", "tele/a/SENSOR", b'{"PMS5003":{"PM2.5":1},"TempUnit":%s,"PressureUnit":%s}'),
        ("senml", "x", b'[{"n":"d:pm25","v":1},{"n":"d:co2","vs":%s},%s]'),
    ],
)
def test_what_is_nested_deeply_makes_nothing_fail(
    jeonju: Site, wire_format: str, topic: str, around: bytes, depth: int
) -> None:
    for inner in (b"[" * depth + b"]" * depth, b'{"value":' * depth + b"1" + b"}" * depth):
        payload = around.replace(b"%s", inner)
        commit = pipeline_of(jeonju, wire_format).commit([Message(topic, payload, NOW)])
        assert commit.readings.num_rows or commit.dead_letters


def test_a_list_of_official_values_without_stations_is_counted(jeonju: Site) -> None:
    pipeline = pipeline_of(jeonju, "airkorea")
    for payload in (b"[]", b'{"response": {"body": {"items": []}}}', b"7"):
        commit = pipeline.commit([Message("airkorea/x", payload, NOW)])
        assert not commit.readings.num_rows
        assert not commit.dead_letters
    assert pipeline.nothing == {("airkorea", "no-quantity"): 3}
    (letter,) = pipeline.commit([Message("airkorea/x", b"[1, null]", NOW)]).dead_letters
    assert "a station must be an object, not int" in letter.reason


def history(site: Site, values: Callable[[int], float], times: list[datetime]) -> bytes:
    entries = [{"ts": int(at.timestamp() * 1000), "values": {"pm25": values(n)}} for n, at in enumerate(times)]
    return json.dumps({site.stations[0].name: entries}).encode()


def test_a_history_that_is_sent_again_each_hour_is_stored_once(jeonju: Site, store: DuckDBStore) -> None:
    pipeline, engine = pipeline_of(jeonju, "thingsboard"), AlertEngine(jeonju, is_behind=False)
    device = jeonju.stations[0].name
    payload = history(jeonju, lambda n: 300.0 + n % 7, [NOW - timedelta(minutes=26 - n) for n in range(26)])
    alerts: set[str] = set()
    for hour in range(5):
        at = NOW + timedelta(hours=hour)
        commit = pipeline.commit([Message(TELEMETRY, payload, at)])
        assert not commit.dead_letters
        store.write(commit)
        for _ in store.maintenance(at):
            pass
        changed = {alert.id for alert in engine.update(commit.readings)} | {alert.id for alert in engine.finish()}
        assert hour == 0 or changed <= alerts
        alerts |= changed
    whole = Series(site="jeonju", start=NOW - timedelta(days=1), end=NOW + timedelta(days=1))
    assert store.readings(whole).num_rows == 26
    means = store.readings(Series(site="jeonju", start=whole.start, end=whole.end, every_s=3600))
    expected = [300.0 + n % 7 for n in range(26)]
    hours = [(NOW - timedelta(minutes=26 - n)).hour for n in range(26)]
    assert means["pm25"].to_pylist() == pytest.approx(
        [
            np.mean([value for value, of in zip(expected, hours, strict=True) if of == hour])
            for hour in sorted(set(hours))
        ]
    )
    (entry,) = [entry for entry in store.ledger("jeonju") if entry.device == device]
    assert (entry.received, entry.missing, entry.rejected) == (5 * 26, 0, 0)


def test_a_history_with_a_window_for_each_reading_is_late_as_a_whole(jeonju: Site) -> None:
    pipeline, engine = pipeline_of(jeonju, "thingsboard"), AlertEngine(jeonju, is_behind=False)
    for n in range(30):
        at = NOW - timedelta(minutes=30 - n)
        engine.update(pipeline.commit([Message(TELEMETRY, history(jeonju, float, [at]), at)]).readings)
    late = engine.late
    times = [NOW - timedelta(days=30) + timedelta(minutes=n) for n in range(5000)]
    assert not engine.update(
        pipeline.commit([Message(TELEMETRY, history(jeonju, lambda _: 900.0, times), NOW)]).readings
    )
    assert engine.late == late + len(times)


def test_a_clock_that_jumps_within_a_message_is_flagged_and_makes_no_alert(jeonju: Site) -> None:
    pipeline, engine = pipeline_of(jeonju, "thingsboard"), AlertEngine(jeonju, is_behind=False)
    day = timedelta(days=1)
    times = [
        (NOW, NOW + 3 * day, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), NOW + day / 2, NOW - day)[n % 5]
        + timedelta(seconds=n)
        for n in range(500)
    ]
    commit = pipeline.commit([Message(TELEMETRY, history(jeonju, lambda n: 10.0 + n % 5, times), NOW)])
    readings = commit.readings
    assert readings.num_rows == 500
    assert not commit.dead_letters
    assert [value % 5 for value in readings["pm25"].to_pylist()] == [n % 5 for n in range(500)]
    stored = readings["time"].to_pylist()
    assert max(stored) <= NOW + day
    assert min(stored) >= NOW - day
    impossible = [quality for n, quality in enumerate(readings["quality"].to_pylist()) if n % 5 in (1, 2)]
    assert all(quality is not None and '"time"' in quality for quality in impossible)
    ahead = [quality for n, quality in enumerate(readings["quality"].to_pylist()) if n % 5 == 3]
    assert all("clock-ahead" in quality for quality in ahead)
    alerts = [*engine.update(readings), *engine.finish()]
    assert not [alert for alert in alerts if alert.kind not in ("device-silent", "clock-skew")]
