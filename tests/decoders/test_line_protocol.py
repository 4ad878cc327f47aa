"""Line protocol beyond the recorded messages."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.common.errors import RejectedError
from jeonju.decoders.line_protocol.points import Broken, Point, line_bytes, read_lines
from tests.decoders.reading import read, times, values


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
def test_precision_of_times_follows_from_their_size(time: str) -> None:
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
    decoding = read("line_protocol", "air,station=a pm25=3\nair pm25=4", device_tag="station")
    assert values(decoding) == {"a": {"pm25": 3.0}}
    assert [part.payload for part in decoding.rejected] == [b"air pm25=4"]
    assert decoding.rejected[0].reason.startswith("line 2 has no tag station")


def test_device_may_be_a_pointer_at_a_tag_or_a_field() -> None:
    text = 'air,room=a id="x7",pm25=3'
    assert values(read("line_protocol", text, device="/room")) == {"a": {"pm25": 3.0}}
    assert values(read("line_protocol", text, device="/id")) == {"x7": {"pm25": 3.0}}


def test_mapped_field_with_a_unit_in_its_text_and_a_slash_in_its_name() -> None:
    mapping = [{"pointer": "/battery", "key": "voltage"}, {"pointer": "/air/pm", "key": "pm25"}]
    text = 'air,host=a battery="3.3 V",air/pm=4'
    found = values(read("line_protocol", text, mapping=mapping))["a"]
    assert (found["voltage"], found["pm25"], found.get("battery")) == (3.3, 4.0, None)


@pytest.mark.parametrize("number", ["9" * 400 + "i", "9" * 5000 + "u", "1e999", "-1u", "9223372036854775808i"])
def test_number_beyond_64_bits_breaks_its_line(number: str) -> None:
    decoding = read("line_protocol", f"air,host=a pm25={number},pm10=1\nair,host=b pm10=2")
    assert values(decoding) == {"b": {"pm10": 2.0}}
    assert len(decoding.rejected) == 1


@pytest.mark.parametrize("value", ["nan", "NaN", "-nan", "inf", "+Inf"])
def test_what_is_written_instead_of_a_number_is_no_value_and_breaks_nothing(value: str) -> None:
    decoding = read("line_protocol", f"air,host=a pm25={value},pm10=1")
    assert (values(decoding), decoding.rejected) == ({"a": {"pm10": 1.0}}, ())


def points(text: str | bytes) -> list[Point | Broken]:
    return [point for _, _, point in read_lines(text.encode() if isinstance(text, str) else text)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # A backslash escapes what would end a name, and stands for itself before anything else.
        (r"m\,1\ a=b,t\=\,\ =v\=\,\  f\=\,\ =1", Point("m,1 a=b", {"t=, ": "v=, "}, {"f=, ": 1.0}, None)),
        (r"a\=b,t=1 f=1", Point(r"a\=b", {"t": "1"}, {"f": 1.0}, None)),
        (r"m\x,t=C:\\d,u=\" f\\x=1", Point(r"m\x", {"t": r"C:\\d", "u": r"\""}, {r"f\\x": 1.0}, None)),
        (r"m,t=a\\\,b f=1", Point("m", {"t": r"a\\,b"}, {"f": 1.0}, None)),
        # In a string: the quote, the backslash and n, r, t.
        (r'm f="a\"b\\c\nd\re\tf\,g\xh"', Point("m", {}, {"f": 'a"b\\c\nd\re\tf\\,g\\xh'}, None)),
        (r'm f="C:\\",g=1', Point("m", {}, {"f": "C:\\", "g": 1.0}, None)),
        ('m f="",g="a, b=c d" 7', Point("m", {}, {"f": "", "g": "a, b=c d"}, 7)),
        ('m f="a\nb\x01\tc",g=2 5', Point("m", {}, {"f": "a\nb\x01\tc", "g": 2.0}, 5)),
        # Quotes mean nothing in measurements, tags and names of fields.
        (
            '"m",size="2,"u"=" f=1,"g=2,h"=3',
            Point('"m"', {"size": '"2', '"u"': '"'}, {"f": 1.0, '"g': 2.0, 'h"': 3.0}, None),
        ),
        # Numbers and truth values.
        (
            "m a=-.5,b=1.,c=1.e2,d=1E-2,e=007,f=-0",
            Point("m", {}, {"a": -0.5, "b": 1.0, "c": 100.0, "d": 0.01, "e": 7.0, "f": -0.0}, None),
        ),
        ("m a=9223372036854775807i,b=-9223372036854775808i", Point("m", {}, {"a": 2**63 - 1, "b": -(2**63)}, None)),
        ("m a=18446744073709551615u,b=-0i,c=1e-999", Point("m", {}, {"a": 2**64 - 1, "b": 0, "c": 0.0}, None)),
        ("m a=t,b=T,c=true,d=True,e=TRUE", Point("m", {}, dict.fromkeys("abcde", True), None)),
        ("m a=f,b=F,c=false,d=False,e=FALSE", Point("m", {}, dict.fromkeys("abcde", False), None)),
        ("m a=1,a=2", Point("m", {}, {"a": 2.0}, None)),
        # Blanks, ends of lines, times.
        ("   m,t=1   f=1   -5   \r\n", Point("m", {"t": "1"}, {"f": 1.0}, -5)),
        ("m f=1 9223372036854775807", Point("m", {}, {"f": 1.0}, 2**63 - 1)),
        ("m f=1 -9223372036854775808\r", Point("m", {}, {"f": 1.0}, -(2**63))),
        ("측정,곳=전주\u3000역 온도=1", Point("측정", {"곳": "전주\u3000역"}, {"온도": 1.0}, None)),
    ],
)
def test_line_is_read_as_the_reference_reads_it(line: str, expected: Point) -> None:
    # As text, so that 1, 1.0 and true are not the same.
    assert repr(points(line)) == repr([expected])


@pytest.mark.parametrize(
    "line",
    [
        *("m", "m,t=1", "m ", "m,t=1 ", ",t=1 f=1", "=1", "m f", "m f=", "m f=1,", "m f=1, g=2", "m f=1,,g=2", "m =1"),
        *("m, f=1", "m,t f=1", "m,t= f=1", "m,=1 f=1", "m,t=1=2 f=1", "m,t=1,t=2 f=1", "m,t=1,,u=2 f=1"),
        *("m f=1 1.5", "m f=1 12x", "m f=1 -", "m f=1 --1", "m f=1 1 2", "m f=1 9223372036854775808", "m f=1 1_0"),
        *(
            "m f=1 -9223372036854775809",
            "m f=1x",
            "m f=.",
            "m f=-",
            "m f=1e",
            "m f=e1",
            "m f=1.5i",
            "m f=1ii",
            "m f=--1",
        ),
        *("m f=1_000", "m f=0x10", "m f=-1u", "m f=18446744073709551616u", "m f=1e309", "m f=tRUE", "m f=yes", "m f=∞"),
        *("m f=١", "m f=1\u00a0", 'm f="a', 'm f="a"b', 'm f="a\\"', "m f='a'", 'm f=1"a"', "m f=1\\", "m f=1\r1"),
        *(
            "m\tf=1",
            "m f=1\t",
            "m\x00,t=1 f=1",
            "m,t=\x7f f=1",
            "m,t=a\x0bb f=1",
            "m f\x01=1",
            "m,t=a\\\tb f=1",
            r"m,t=a\,u=b f=1",
        ),
    ],
)
def test_line_that_the_reference_refuses_is_broken(line: str) -> None:
    (point,) = points(line)
    assert isinstance(point, Broken)


@pytest.mark.parametrize("text", ["", "\n\r\n  \n", "# a\tcomment \\\n  #another\r\n", "\ufeff", "\0\0"])
def test_nothing_comments_byte_order_mark_and_filling_are_no_lines(text: str) -> None:
    assert points(text) == []


plain = st.lists(st.sampled_from([*"am,= 01i.-#", "t=1", " f=1", "e9", "전주", "999999999999", "u"]), max_size=14)


@given(parts=plain)
def test_plain_lines_are_read_as_token_by_token(parts: list[str]) -> None:
    # Two blanks are enough for a line not to be taken as plain.
    line = "m" + "".join(parts)
    once, twice = points(line), points(line.replace(" ", "  "))
    assert [point for point in once if isinstance(point, Point)] == [item for item in twice if isinstance(item, Point)]


def test_broken_and_cut_off_lines_are_rejected_alone_and_byte_by_byte() -> None:
    payload = (
        b"\xef\xbb\xbfair,host=a pm25=1\r\n"
        b"# comment\n"
        b"air,host=b pm25=\xe2\x88\x9e\r\n"
        b'air,host=c note="no end,pm25=3\n'
        b"air,host=\xff pm25=4\n"
        b"air,host=\\  pm25=5\n"
        b"air,host=d pm25=6\n"
        b'air,host=e note="a\nb",pm25=7\n'
        b"pm25=8\n"
        b"air,host=f pm25=9 17724\n"
        b"air,host=\xec\xa0"
    )
    decoding = read("line_protocol", payload)
    assert values(decoding) == {"a": {"pm25": 1.0}, "d": {"pm25": 6.0}, "e": {"pm25": 7.0}, "f": {"pm25": 9.0}}
    assert [(part.reason.split(" has ")[0], part.payload) for part in decoding.rejected] == [
        ("line 3", b"air,host=b pm25=\xe2\x88\x9e"),
        ("line 4", b'air,host=c note="no end,pm25=3'),
        ("line 5 is not UTF-8", b"air,host=\xff pm25=4"),
        ("line 6", b"air,host=\\  pm25=5"),
        ("line 10 is no line protocol (measurement,tags fields time): it ends", b"pm25=8"),
        ("line 12 is not UTF-8", b"air,host=\xec\xa0"),
    ]


def test_message_without_any_good_line_is_rejected() -> None:
    with pytest.raises(RejectedError, match=r"line 2 .*; so are the other 2 lines$"):
        read("line_protocol", "# a\nair\nair,host=a\nair,host=a pm25")


def test_rejected_parts_are_bounded_and_hold_every_broken_line() -> None:
    lines = [f"broken {number}".encode() for number in range(1000)]
    decoding = read("line_protocol", b"\n".join([b"air,host=a pm25=1", *lines]))
    assert len(decoding.rejected) == 100
    assert b"\n".join(part.payload for part in decoding.rejected) == b"\n".join(lines)
    assert decoding.rejected[-1].reason.endswith("; so are 900 more after it")


@given(lines=st.lists(st.binary(max_size=20), max_size=5))
def test_broken_lines_come_back_as_they_were(lines: list[bytes]) -> None:
    payload = b"\n".join([*lines, b"x"])
    for _, line, point in read_lines(payload):
        assert isinstance(point, Point) or line_bytes(line) in payload


@pytest.mark.parametrize(
    ("line", "mapping", "expected"),
    [
        ("temperature,host=a value=21.5", [], {"temperature": 21.5}),
        ("PM2.5,host=a value=12i", [], {"pm25": 12.0}),
        ('humidity,host=a value=40,unit="%",low=f', [], {"humidity": 40.0}),
        ("weather,host=a value=3", [], {"weather": 3.0}),
        ("weather,host=a value=3,other=4", [], {"value": 3.0, "other": 4.0}),
        ("co2,host=a value=400,co2=500", [], {"value": 400.0, "co2": 500.0}),
        # A mapping is what the site file says: of /value, or of the measurement.
        ("reading,host=a value=7", [("/value", "pm25")], {"pm25": 7.0}),
        ("battery,host=a value=3.3", [("/value", "voltage")], {"voltage": 3.3}),
        ("weather,host=a value=3,other=4", [("/weather", "pm10")], {"pm10": 3.0, "other": 4.0}),
        ("humidity,host=a value=40", [("/temp", "temperature")], {"humidity": 40.0}),
        ("temp,host=a value=9", [("/temp", "temperature"), ("/value", "pm25")], {"temperature": 9.0}),
    ],
)
def test_measurement_names_its_value(line: str, mapping: Any, expected: dict[str, float]) -> None:
    entries = [{"pointer": pointer, "key": key} for pointer, key in mapping]
    assert values(read("line_protocol", line, mapping=entries)) == {"a": expected}


def test_device_may_be_a_whole_number() -> None:
    assert values(read("line_protocol", "air id=7i,pm25=1", device="/id"))["7"]["pm25"] == 1.0


@pytest.mark.parametrize("tag", ["unit", "units", "uom"])
def test_tag_gives_the_unit_of_a_value(tag: str) -> None:
    lines = (
        f"temperature,device=a,{tag}=°F value=41\nno2,device=a,{tag}=ppb value=20\npm25,device=a,{tag}=grains value=9"
    )
    assert values(read("line_protocol", lines)) == {
        "a": {"temperature": pytest.approx(5.0), "no2": pytest.approx(0.02), "pm25": 9.0}
    }
    # Of a point with fields of their own names nobody knows whose unit it is.
    assert values(read("line_protocol", f"air,device=a,{tag}=ppb no2=0.02,co=1")) == {"a": {"no2": 0.02, "co": 1.0}}


def test_forecasts_are_counted_and_no_readings() -> None:
    ahead = "weather,device=a,forecast=3h temperature=3.5"
    assert read("line_protocol", ahead).nothing == "forecast"
    found = read("line_protocol", f"{ahead}\nweather,device=a,forecast=* temperature=2.5")
    assert values(found) == {"a": {"temperature": 2.5}}
