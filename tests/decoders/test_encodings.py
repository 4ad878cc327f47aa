"""Texts that are not in UTF-8, messages of several JSON documents, and messages that are a lone value."""

from datetime import UTC, datetime
from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.decoders import decoder
from jeonju.decoders.decoded import MOST_PARTS, Decoding
from jeonju.decoders.message import Message, as_utf8
from jeonju.ingest.routing import read as routed
from tests.decoders.reading import times, values

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)
YARD = '{"name": "팔복 마당", "t": 3.5}'
NAMED: dict[str, Any] = {"device": "/name", "mapping": [{"pointer": "/t", "key": "temperature"}]}
LONE: dict[str, Any] = {"device": "roof", "mapping": [{"pointer": "", "key": "temperature"}]}


def through(payload: bytes, wire_format: str = "json", topic: str = "x", **site: Any) -> Decoding:
    """Read a message as ingest does, before any decoder sees it."""
    gateway = Gateway.model_validate({"topic": "#", "format": wire_format, **site})
    return routed(Message(topic, payload, NOW), gateway, decoder(gateway.format))


@pytest.mark.parametrize(
    "payload",
    [
        YARD.encode("euc_kr"),
        YARD.encode("utf-16-le"),
        YARD.encode("utf-16-be"),
        b"\xff\xfe" + YARD.encode("utf-16-le"),
        b"\xfe\xff" + YARD.encode("utf-16-be"),
        b"\xef\xbb\xbf" + YARD.encode() + b"\0",
    ],
)
def test_text_is_read_in_the_encodings_of_old_windows_and_of_dot_net(payload: bytes) -> None:
    assert values(through(payload, **NAMED)) == {"팔복 마당": {"temperature": 3.5}}


def test_western_text_is_not_taken_for_korean() -> None:
    assert as_utf8("23.5 °C, 8 µg/m³".encode("latin_1")).decode() == "23.5 °C, 8 µg/m³"
    mapping = [{"pointer": "/t", "key": "temperature"}, {"pointer": "/p", "key": "pm25"}]
    found = through('{"t": "3.5 °C", "p": "8 µg/m³"}'.encode("latin_1"), device="a", mapping=mapping)
    assert values(found) == {"a": {"temperature": 3.5, "pm25": 8.0}}


@pytest.mark.parametrize("payload", [b"5\0", b"5\0\0", b"\0", b"\0\0", b"", b"{}", "팔복".encode(), b"\x01"])
def test_text_without_a_sign_of_another_encoding_stays(payload: bytes) -> None:
    assert as_utf8(payload).rstrip(b"\0") == payload.rstrip(b"\0")


def test_bytes_of_binary_formats_are_left_alone() -> None:
    with pytest.raises(RejectedError, match="CBOR"):
        through(b"\xff\xfe" + "[]".encode("utf-16-le"), "senml")


def test_documents_on_lines_are_messages_of_their_own() -> None:
    lines = b'{"name": "a", "t": 1, "at": "2026-03-02T08:15:00Z"}\n\n{"name": "b", "t": "2 F", "at": 1772439310}\r\n'
    found = through(lines, time="/at", **NAMED)
    assert values(found) == {"a": {"temperature": 1.0}, "b": {"temperature": pytest.approx(-50 / 3)}}
    assert times(found) == ["2026-03-02T08:15:00.000+00:00", "2026-03-02T08:15:10.000+00:00"]


def test_line_that_cannot_be_read_is_a_part_that_is_rejected() -> None:
    found = through(b'{"name": "a", "t": 1}\n{"t": 2}\n{"name": "c", "t": "x"}\n{"na', **NAMED)
    assert [reading.device for reading in found.readings] == ["a", "c"]
    assert list(found.flags) == [1]
    assert [part.payload for part in found.rejected] == [b'{"t": 2}', b'{"na']
    assert found.rejected[0].reason.startswith("line 2 names no device")


def test_lines_of_which_none_can_be_read_are_one_dead_letter() -> None:
    with pytest.raises(RejectedError, match=r"line 1 names no device.*other 1 lines"):
        through(b'{"t": 1}\n{"t": 2}', **NAMED)
    broken = b'{"name": "a", "t": 1}\n' + b"{\n" * (MOST_PARTS + 50)
    assert len(through(broken, **NAMED).rejected) == MOST_PARTS


@pytest.mark.parametrize("payload", [b'{"name": "a",\n "t": 1', b"a,b\n1,2", b'{"name": "a", "t": 1} {"name": "b"}'])
def test_what_is_no_document_a_line_is_no_json(payload: bytes) -> None:
    with pytest.raises(RejectedError, match="is not JSON"):
        through(payload, **NAMED)


def test_lines_of_a_format_keep_what_it_knows() -> None:
    lines = b'{"temperature": 1}\n{"temperature": 2, "last_seen": "2026-03-02T08:15:00Z"}'
    found = through(lines, "zigbee2mqtt", "zigbee2mqtt/a")
    assert [(item.device, item.values) for item in found.readings] == [
        ("a", {"temperature": 1.0}),
        ("a", {"temperature": 2.0}),
    ]


@pytest.mark.parametrize(
    ("text", "value"), [("+3.5", 3.5), ("3,5", 3.5), (" 03.5 °C\r\n", 3.5), ("38.3 °F", 3.5), ("-1", -1.0)]
)
def test_lone_value_may_be_any_text_that_is_a_number(text: str, value: float) -> None:
    assert values(through(text.encode(), **LONE)) == {"roof": {"temperature": pytest.approx(value)}}


def test_lone_text_that_is_no_number_is_a_dead_letter_unless_it_says_that_there_is_no_state() -> None:
    assert through(b"unavailable", **LONE).is_empty
    for text in (b"ON", b"nan", b"err", b"1,016"):
        with pytest.raises(RejectedError, match="is not JSON"):
            through(text, **LONE)
    with pytest.raises(RejectedError, match="is not JSON"):
        through(b"3,5", **NAMED)
