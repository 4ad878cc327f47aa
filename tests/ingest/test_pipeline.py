import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jeonju.contract import topics
from jeonju.contract.records import LONGEST_LETTER_BYTES
from jeonju.contract.site import load_site
from jeonju.decoders.message import Message
from jeonju.ingest.pipeline import Pipeline
from jeonju.messages.quality import quality_in_words
from jeonju.storage.port import Commit

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SITE = load_site("jeonju")


def message(body: Any, device: str = "palbok-03", kind: str = "readings") -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(f"air/v1/jeonju/{device}/{kind}", payload, NOW)


def commit(*messages: Message) -> Commit:
    return Pipeline(SITE).commit(list(messages))


def row(body: dict[str, Any]) -> dict[str, Any]:
    result = commit(message({"device": "palbok-03", **body})).readings.to_pylist()
    assert len(result) == 1
    first: dict[str, Any] = result[0]
    return first


def test_values_and_status_become_columns() -> None:
    one = row(
        {
            "seq": 3,
            "time": "2026-03-02T07:59:59.123Z",
            "position": [35.85, 127.1],
            "values": {"pm25": 1.5},
            "status": {"battery": 82},
        }
    )
    assert (one["pm25"], one["battery"], one["seq"], one["lat"], one["lon"]) == (1.5, 82.0, 3, 35.85, 127.1)
    assert one["time"] == datetime(2026, 3, 2, 7, 59, 59, 123000, tzinfo=UTC)
    assert one["quality"] is None
    assert one["extra"] is None


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "soon"])
def test_impossible_time_is_replaced_by_arrival_and_flagged(time: str) -> None:
    one = row({"time": time, "values": {"pm25": 1}})
    assert one["time"] == NOW
    assert json.loads(one["quality"])["time"][0] == "suspect"
    assert "time" in json.loads(one["extra"])


def test_missing_time_is_that_of_arrival_without_a_flag() -> None:
    one = row({"values": {"pm25": 1}})
    assert (one["time"], one["quality"]) == (NOW, None)


def test_value_outside_the_plausible_range_is_kept_and_flagged() -> None:
    one = row({"values": {"pm25": -5, "humidity": 101, "co": 0.4}})
    assert one["pm25"] == -5
    assert quality_in_words(one["quality"]) == {
        "pm25": ["bad", "outside the plausible range"],
        "humidity": ["bad", "outside the plausible range"],
    }


@pytest.mark.parametrize("number", [1.7976931348623157e308, -3.4028234663852886e38, 3.4028235e38])
def test_number_that_no_mean_can_hold_is_kept_and_flagged(number: float) -> None:
    one = row({"values": {"pm25": number, "co": 1}})
    assert one["pm25"] == number
    assert quality_in_words(one["quality"]) == {
        "pm25": ["bad", "outside the plausible range; 3.4e+38 or more, left out of means"]
    }


def test_unknown_quantity_is_kept_and_flagged() -> None:
    one = row({"values": {"pm25": 1, "radon": 12.5}})
    assert json.loads(one["extra"]) == {"values": {"radon": 12.5}}
    assert json.loads(one["quality"])["radon"][0] == "suspect"


@pytest.mark.parametrize(
    ("topic", "body", "reason"),
    [
        ("air/v1/jeonju/palbok-03/readings", b"{", "is not JSON"),
        (
            "air/v1/jeonju/palbok-03/readings",
            {"device": "palbok-04"},
            "says it is 'palbok-04' on the topic of 'palbok-03'",
        ),
        (
            "air/v1/jeonju/palbok-03/readings",
            [{"device": "palbok-03"}, {"device": "a b"}],
            "says it is 'a b' on the topic of 'palbok-03'",
        ),
        ("air/v1/jeonju-truth/simulator/readings", [{"device": "a"}, {"device": "a b"}], "'a b' is no device name"),
        ("air/v1/jeonju/bad name/readings", {"device": "bad name"}, "with plain names"),
        ("something/else", {"device": "x"}, "the topic is not"),
        ("air/v1/jeonju/palbok-03/status", b"offline", "is no status"),
    ],
)
def test_what_cannot_be_taken_is_a_dead_letter_with_topic_payload_and_reason(
    topic: str, body: Any, reason: str
) -> None:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    result = commit(Message(topic, payload, NOW), message({"device": "palbok-03", "values": {"pm25": 1}}))
    (letter,) = result.dead_letters
    assert (letter.topic, letter.payload, letter.received_at) == (topic, payload, NOW)
    assert reason in letter.reason
    assert result.readings.num_rows == 1


def test_huge_payload_is_kept_in_part_and_says_so() -> None:
    (letter,) = commit(message(b"x" * 10_000_000)).dead_letters
    assert len(letter.payload) == LONGEST_LETTER_BYTES
    assert "first 65536 of 10000000 bytes kept" in letter.reason


def test_devices_are_known_by_site_and_by_their_status() -> None:
    status = message({"state": "online", "kind": "station", "origin": "simulated"}, kind="status")
    result = commit(message({"device": "palbok-03"}), status, message({"device": "new"}, "new"))
    found = {record.device: record for record in result.devices}
    assert (found["palbok-03"].zone, found["palbok-03"].kind, found["palbok-03"].origin) == (
        "palbok",
        "station",
        "simulated",
    )
    assert (found["new"].zone, found["new"].origin) == ("", "real")


@given(
    st.lists(
        st.tuples(st.sampled_from(["readings", "status", "x"]), st.binary(max_size=60) | st.just(b'{"device":"d"}')),
        max_size=8,
    )
)
@example([("readings", b"\x00")])
def test_every_message_is_a_row_a_status_a_dead_letter_or_counted(parts: list[tuple[str, bytes]]) -> None:
    pipeline = Pipeline(SITE)
    messages = [message(payload, "d", kind) for kind, payload in parts]
    result = pipeline.commit(messages)
    counted = pipeline.nothing.total()
    statuses = sum(kind == "status" for kind, _ in parts)
    assert result.readings.num_rows + len(result.dead_letters) + counted + statuses >= len(messages)


def test_absent_site_devices_do_not_appear() -> None:
    assert commit().readings.num_rows == 0
    assert commit().devices == []


def test_clock_two_hours_ahead_is_kept_as_it_is() -> None:
    ahead = (NOW + timedelta(hours=2)).isoformat()
    assert row({"time": ahead, "values": {"co": 1}})["time"] == NOW + timedelta(hours=2)
    assert topics.NAME.fullmatch("palbok-03")


@pytest.mark.parametrize("seq", [2**53, 2**63, 10**30, -(10**30)])
def test_number_that_no_store_holds_goes_to_the_dead_letters_and_stops_nothing(seq: int) -> None:
    taken = commit(message({"device": "palbok-03", "seq": seq}), message({"device": "palbok-03", "seq": 1}))
    assert taken.readings["seq"].to_pylist() == [1]
    (letter,) = taken.dead_letters
    assert "is no reading" in letter.reason


@pytest.mark.parametrize("kind", ["readings", "status", "adopt"])
def test_very_deep_nesting_goes_to_the_dead_letters_on_every_topic(kind: str) -> None:
    assert len(commit(message(b'{"a":' * 50_000, kind=kind)).dead_letters) == 1


def test_numbered_readings_without_a_usable_time_stay_apart_however_close_their_messages_arrive() -> None:
    arrivals_us = (0, 0, 1, 1, 2, 9)
    messages = [
        Message(
            "air/v1/jeonju/a/readings",
            json.dumps({"device": "a", "seq": seq}).encode(),
            NOW + timedelta(microseconds=us),
        )
        for seq, us in enumerate(arrivals_us)
    ]
    rows = commit(*messages).readings
    assert [(time - NOW).microseconds for time in rows["time"].to_pylist()] == [0, 1, 2, 3, 4, 9]
    assert rows["seq"].to_pylist() == list(range(6))


def test_numbered_readings_of_one_message_without_a_usable_time_stay_apart() -> None:
    buffered = [{"device": "palbok-03", "seq": seq, "time": f"1970-01-01T00:00:0{seq}Z"} for seq in (1, 2, 2, 3)]
    times = commit(message(buffered)).readings["time"].to_pylist()
    assert times == [NOW + timedelta(microseconds=offset) for offset in (0, 1, 1, 2)]


def test_unnumbered_readings_of_one_message_share_its_time_of_arrival() -> None:
    parts = [{"device": "palbok-03", "values": {key: 1}} for key in ("pm10", "pm25")]
    assert commit(message(parts)).readings["time"].to_pylist() == [NOW, NOW]


@pytest.mark.parametrize(
    ("boot", "time", "rows"),
    [
        ("1", None, 1),  # the time of the second arrival would make it a second row
        ("1", "1970-01-01T00:00:00Z", 1),
        ("1", "2026-03-02T07:59:59Z", 2),  # the store makes one of them
        (None, None, 2),  # without a boot it may be a device that has begun to count again
    ],
)
def test_repeat_without_a_usable_time_is_stored_once(boot: str | None, time: str | None, rows: int) -> None:
    body = {"device": "palbok-03", "seq": 7, "boot": boot, "time": time, "values": {"pm25": 1}}
    pipeline = Pipeline(SITE)
    first = pipeline.commit([message(body)])
    again = pipeline.commit([message(body)._replace(received_at=NOW + timedelta(seconds=30))])
    assert first.readings.num_rows + again.readings.num_rows == rows
    assert again.ledger[0].repeated == 1


def test_last_messages_of_each_device_are_kept_as_they_came_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = Pipeline(SITE)
    pipeline.commit([message({"device": "palbok-03", "seq": number, "values": {"pm25": 1.0}}) for number in range(20)])
    kept = pipeline.last.of("palbok-03")
    assert [json.loads(one.payload)["seq"] for one in kept] == list(range(19, 11, -1))
    assert kept[0].topic == "air/v1/jeonju/palbok-03/readings"
    assert pipeline.last.of("palbok-04") == []
    long = message({"device": "palbok-04", "values": {"pm25": 1.0}, "x": "y" * 5000}, device="palbok-04")
    pipeline.commit([long])
    (cut,) = pipeline.last.of("palbok-04")
    assert (cut.payload, cut.payload_bytes) == (long.payload[:2048], len(long.payload))
    # What cannot be taken is a dead letter, and none of these.
    pipeline.commit([message(b"{", device="palbok-05")])
    assert pipeline.last.of("palbok-05") == []
    # Of too many devices, those that spoke last are kept.
    monkeypatch.setattr("jeonju.ingest.last_messages.MOST_DEVICES", 2)
    pipeline.commit(
        [message({"device": name, "values": {"pm25": 1.0}}, device=name) for name in ("palbok-03", "palbok-06")]
    )
    assert [bool(pipeline.last.of(name)) for name in ("palbok-03", "palbok-04", "palbok-06")] == [True, False, True]
