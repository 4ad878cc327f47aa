"""FIWARE UltraLight 2.0: groups, times, single attributes, and what is none."""

import pytest

from jeonju.common.errors import RejectedError
from tests.decoders.reading import read, times, values

TOPIC = "/ul/key/yard/attrs"
SHORT = [{"pointer": "/t", "key": "temperature", "unit": "°F"}, {"pointer": "/h", "key": "humidity"}]


@pytest.mark.parametrize("topic", [TOPIC, "/key/yard/attrs", "key/yard/attrs", "ul/key/yard/attrs"])
def test_device_stands_before_attrs(topic: str) -> None:
    assert values(read("fiware_ul", "pm25|12.5", topic)) == {"yard": {"pm25": 12.5}}


def test_short_names_need_a_mapping() -> None:
    assert values(read("fiware_ul", "t|50|h|40", TOPIC, mapping=SHORT)) == {
        "yard": {"temperature": pytest.approx(10), "humidity": 40}
    }
    assert read("fiware_ul", "t|50", TOPIC).is_empty


def test_single_attribute_is_named_by_its_topic() -> None:
    assert values(read("fiware_ul", "12.5", f"{TOPIC}/pm25")) == {"yard": {"pm25": 12.5}}
    assert values(read("fiware_ul", "50", f"{TOPIC}/t", mapping=SHORT)) == {"yard": {"temperature": pytest.approx(10)}}


def test_each_group_has_a_time_of_its_own() -> None:
    decoding = read("fiware_ul", "2026-03-02T08:00:00Z|pm25|1#2026-03-02T08:10:00.500Z|pm25|2#pm25|3", TOPIC)
    assert times(decoding) == ["2026-03-02T08:00:00.000+00:00", "2026-03-02T08:10:00.500+00:00", None]
    assert [item.values["pm25"] for item in decoding.readings] == [1, 2, 3]


def test_time_may_come_as_an_attribute() -> None:
    assert times(read("fiware_ul", "TimeInstant|2026-03-02T08:00:00Z|pm25|1", TOPIC)) == [
        "2026-03-02T08:00:00.000+00:00"
    ]


def test_time_without_a_zone_is_none_unless_the_site_file_says_it() -> None:
    assert times(read("fiware_ul", "2026-03-02T17:00:00|pm25|1", TOPIC)) == [None]
    decoding = read("fiware_ul", "2026-03-02T17:00:00|pm25|1", TOPIC, timezone="Asia/Seoul")
    assert times(decoding) == ["2026-03-02T08:00:00.000+00:00"]


def test_group_may_begin_with_its_separator_and_hold_spaces() -> None:
    assert values(read("fiware_ul", "|pm25| 12.5 |pm10|20\n", TOPIC)) == {"yard": {"pm25": 12.5, "pm10": 20}}


def test_value_may_be_empty_or_have_a_unit() -> None:
    assert values(read("fiware_ul", "pm25||temperature|50 °F", TOPIC)) == {"yard": {"temperature": pytest.approx(10)}}


@pytest.mark.parametrize(
    "payload", ["nothing", "a|b|c", "|", "#", "|1", "yard@ping|param=1|x", b"\xff|1", "2026-03-02T08:00:00Z"]
)
def test_what_is_no_ultralight_is_rejected(payload: str | bytes) -> None:
    with pytest.raises(RejectedError, match=r"is no UltraLight|is not UTF-8"):
        read("fiware_ul", payload, TOPIC)


def test_broken_group_is_a_dead_letter_of_its_own() -> None:
    decoding = read("fiware_ul", "pm25|1#broken#pm10|2", TOPIC)
    assert values(decoding) == {"yard": {"pm25": 1, "pm10": 2}}
    assert [part.payload for part in decoding.rejected] == [b"broken"]


@pytest.mark.parametrize("topic", ["/key/yard/cmd", "/ul/key/yard/cmdexe", "/key/yard/configuration/commands"])
def test_commands_say_nothing(topic: str) -> None:
    decoding = read("fiware_ul", "yard@ping|done", topic)
    assert decoding.is_empty
    assert decoding.nothing == "command"


@pytest.mark.parametrize("topic", ["attrs", "x", "a/b/c"])
def test_other_topics_are_rejected(topic: str) -> None:
    with pytest.raises(RejectedError, match="the topic is not"):
        read("fiware_ul", "pm25|1", topic)


@pytest.mark.parametrize("text", ["location|35.85,127.1", "GPS|35.85/127.1", "position| +35.85 ; 127.1 "])
def test_place_in_one_text_has_its_latitude_first(text: str) -> None:
    (reading,) = read("fiware_ul", f"pm25|9|{text}", TOPIC).readings
    assert (reading.values, reading.position) == ({"pm25": 9.0}, (35.85, 127.1))


def test_text_that_is_no_place_or_is_mapped_gives_none() -> None:
    for text in ("location|roof", "location|35.85", "location|35.85,127.1,9", "site|35.85,127.1", f"gps|{'9' * 500},1"):
        (reading,) = read("fiware_ul", f"pm25|9|{text}", TOPIC).readings
        assert reading.position is None
    mapping = [{"pointer": "/gps", "key": "latitude"}]
    assert read("fiware_ul", "gps|35.85,127.1", TOPIC, mapping=mapping).readings[0].position is None


def test_place_that_is_impossible_is_flagged() -> None:
    found = read("fiware_ul", "pm25|9|location|127.1,35.85", TOPIC)
    assert found.readings[0].position is None
    assert found.flags[0]["position"].severity == "suspect"
