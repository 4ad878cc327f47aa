"""Line protocol beyond the recorded messages."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.common.errors import RejectedError
from tests.ingest.decoders.reading import read, times, values


def test_escapes_quotes_integers_booleans_comments_and_line_ends() -> None:
    text = (
        "# weather, as \\ Telegraf writes it\r\n"
        'air\\,out,host=gw\\ 1,note=a\\=b temperature=21.5,humidity=71i,pm10=9u,ok=true,text="a \\"b\\", c=1 d" 1772439330000000000\r\n'
        "\r\n"
        'air,host=gw\\ 2  temperature="20.5",co2=-1.5e+2   1772439330000000000\n'
    )
    assert values(read("line_protocol", text)) == {
        "gw 1": {"temperature": 21.5, "humidity": 71.0, "pm10": 9.0},
        "gw 2": {"temperature": 20.5, "co2": -150.0},
    }


@pytest.mark.parametrize("time", ["1772439330", "1772439330123", "1772439330123456", "1772439330123456789"])
def test_precision_of_times_is_told_by_their_size(time: str) -> None:
    (at,) = times(read("line_protocol", f"air,host=a pm25=1 {time}"))
    assert at is not None
    assert at.startswith("2026-03-02T08:15:30.")


@given(text=st.lists(st.sampled_from([*'air,=\\" \n#t1i9', "e9", "-"]), max_size=40).map("".join))
def test_any_text_is_read_or_rejected(text: str) -> None:
    with suppress(RejectedError):
        read("line_protocol", text, device="a", mapping=[{"pointer": "/a", "key": "pm25"}])


def test_no_time_is_that_of_arrival() -> None:
    assert times(read("line_protocol", "air,host=a pm25=1")) == [None]


def test_line_without_a_device_is_rejected_only_where_it_says_something() -> None:
    text = "internal,version=1 gathered=7i\nair,station=a pm25=3"
    assert values(read("line_protocol", text, device_tag="station")) == {"a": {"pm25": 3.0}}
    with pytest.raises(RejectedError, match="line 2 has no tag station"):
        read("line_protocol", "air,station=a pm25=3\nair pm25=4", device_tag="station")


def test_device_may_be_a_pointer_at_a_tag_or_a_field() -> None:
    text = 'air,room=a id="x7",pm25=3'
    assert values(read("line_protocol", text, device="/room")) == {"a": {"pm25": 3.0}}
    assert values(read("line_protocol", text, device="/id")) == {"x7": {"pm25": 3.0}}


def test_mapped_field_with_a_unit_in_its_text_and_a_slash_in_its_name() -> None:
    mapping = [{"pointer": "/battery", "key": "voltage"}, {"pointer": "/air/pm", "key": "pm25"}]
    text = 'air,host=a battery="3.3 V",air/pm=4'
    found = values(read("line_protocol", text, mapping=mapping))["a"]
    assert (found["voltage"], found["pm25"], found.get("battery")) == (3.3, 4.0, None)


@pytest.mark.parametrize("number", ["9" * 400 + "i", "9" * 5000 + "u", "1e999"])
def test_number_beyond_all_bounds_is_none(number: str) -> None:
    assert values(read("line_protocol", f"air,host=a pm25={number},pm10=1 {'9' * 400}")) == {"a": {"pm10": 1.0}}
