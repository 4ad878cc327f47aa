"""What ingest's rules really say is understood as the fault it is."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.contract.quality import Flag, Flags, Reason, decode_flags, encode_flags, read_flags, worse
from jeonju.contract.reading import Reading, encode
from jeonju.contract.site import Site
from jeonju.decoders.message import Message
from jeonju.ingest.pipeline import Pipeline
from jeonju.messages.quality import quality_in_words

T0 = datetime(2026, 3, 4, tzinfo=UTC)


def faults(site: Site, readings: list[tuple[Reading, datetime]]) -> dict[str, set[str]]:
    """Return per fault the quantities that are flagged for it, after these readings went through ingest."""
    pipeline, found = Pipeline(site), dict[str, set[str]]()
    for start in range(0, len(readings), 100):
        messages = [
            Message(f"air/v1/jeonju/{reading.device}/readings", encode(reading), at)
            for reading, at in readings[start : start + 100]
        ]
        for text in pipeline.commit(messages).readings["quality"].to_pylist():
            for fault, reasons in (read_flags(text).faults if text else {}).items():
                found.setdefault(fault, set()).update(reasons)
    return found


def course(device: str, minutes: int, **wrong: float) -> list[tuple[Reading, datetime]]:
    """A reading every minute that moves in every digit, but for what is wrong."""
    made = []
    for minute in range(minutes):
        at = T0 + timedelta(minutes=minute)
        values = {
            "pm25": 20 + 0.1 * (minute % 7),
            "o3": 0.03 + 0.0001 * (minute % 5),
            "temperature": 10 + 0.1 * (minute % 3),
        } | wrong
        made.append((Reading(device=device, seq=minute, boot="1", time=at, values=dict(values)), at))
    return made


@pytest.mark.parametrize(
    ("wrong", "expected"), [({"pm25": 33.3}, {"stuck": {"pm25"}}), ({"o3": 9.0}, {"out-of-range": {"o3"}}), ({}, {})]
)
def test_stuck_and_out_of_range(jeonju: Site, wrong: dict[str, float], expected: dict[str, set[str]]) -> None:
    assert faults(jeonju, course("palbok-01", 60, **wrong)) == expected


def test_apart_from_its_neighbours(jeonju: Site) -> None:
    readings = [reading for number in range(1, 7) for reading in course(f"palbok-0{number}", 80)]
    for reading, _ in readings:
        if reading.device == "palbok-03":
            reading.values["temperature"] = (reading.values["temperature"] or 0) + 15
    assert faults(jeonju, sorted(readings, key=lambda sent: sent[1])) == {"drifting": {"temperature"}}


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=400)])
def test_wrong_clock(jeonju: Site, ahead: timedelta) -> None:
    readings = [(msgspec.structs.replace(reading, time=at + ahead), at) for reading, at in course("palbok-01", 5)]
    assert faults(jeonju, readings) == {"clock-skew": {"time"}}


def test_bad_quantities_are_those_flagged_bad() -> None:
    flags = read_flags(
        '{"pm25":["bad","outside the plausible range"],"o3":["suspect","jumped from 0.1 to 0.2 ppm within 1 s"]}'
    )
    assert (flags.bad, flags.faults) == (frozenset({"pm25"}), {"out-of-range": {"pm25": Reason("out-of-range")}})


@pytest.mark.parametrize("code", ["impossible-position", "no-fix"])
def test_flags_of_the_position_are_no_fault_of_an_instrument(code: str) -> None:
    flags = {
        "position": Flag.of("suspect", code),
        "pm25": Flag.of("suspect", "pm-order", smaller="pm25", larger="pm10"),
    }
    assert read_flags(encode_flags(flags)) == Flags({}, frozenset())


FLAGS = {
    "pm25": Flag(
        "suspect", (Reason.of("humid", percent=81, factor=1.9), Reason.of("step", before=1.5, after=80.0, within_s=1))
    ),
    "time": Flag.of("suspect", "clock-ahead", by_s=7200),
    "radon": Flag.of("bad", "not-a-number"),
}


def test_flags_come_back_from_their_text_as_they_were() -> None:
    assert decode_flags(encode_flags(FLAGS)) == FLAGS
    assert read_flags(encode_flags(FLAGS)).faults == {"clock-skew": {"time": Reason.of("clock-ahead", by_s=7200)}}


def test_severity_stands_right_behind_the_key_where_dashboards_look_for_it() -> None:
    """Grafana's InfluxQL counts `"quality" =~ /"pm25":\\["suspect"/`."""
    text = encode_flags(FLAGS)
    assert '"pm25":["suspect"' in text
    assert '"radon":["bad"' in text


def test_graver_flag_stays_and_equal_ones_are_joined_once() -> None:
    low, high = Flag.of("suspect", "stuck", for_s=1800), Flag.of("bad", "out-of-range")
    assert worse(low, high) == worse(high, low) == high
    both = worse(low, Flag.of("suspect", "step", before=1, after=2, within_s=1))
    assert [reason.code for reason in both.reasons] == ["stuck", "step"]
    assert worse(both, low) == both


@pytest.mark.parametrize(
    ("words", "fault"), [("stuck: for days", "stuck"), ("x neighbours: y", "drifting"), ("clock of wax", "clock-skew")]
)
def test_fault_in_words_that_are_not_known_is_still_seen(words: str, fault: str) -> None:
    key = "time" if fault == "clock-skew" else "pm25"
    (found,) = read_flags(msgspec.json.encode({key: ("suspect", words)}).decode()).faults.items()
    assert found[0] == fault
    assert found[1][key].parameters == (("text", words),)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    read_flags(text)
    quality_in_words(text)
