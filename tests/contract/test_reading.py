from datetime import UTC, datetime

import msgspec
import pytest

from jeonju.contract.reading import DeviceStatus, Reading, encode, encode_status, from_posix_s

MESSAGE = b"""{"v": 1, "device": "palbok-03", "seq": 18233, "time": "2026-03-02T08:15:30.000Z", "position": [35.8546, 127.0976],
 "values": {"pm25": 23.4, "no2": 0.021}, "status": {"battery": 82.0}}"""


def test_message_of_the_contract_is_read() -> None:
    reading = msgspec.json.decode(MESSAGE, type=Reading)
    assert reading.time == datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)
    assert reading.values == {"pm25": 23.4, "no2": 0.021}
    assert msgspec.json.decode(encode(reading), type=Reading) == reading


def test_batch_is_an_array_and_absent_fields_are_left_out() -> None:
    assert encode([Reading(device="a", values={"co": 0.4})]) == b'[{"device":"a","values":{"co":0.4}}]'


def test_unknown_field_is_not_passed_over_in_silence() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `vendor`"):
        msgspec.json.decode(b'{"device": "a", "vendor": "x"}', type=Reading)


def test_status_says_what_kind_of_device_it_is() -> None:
    status = DeviceStatus(state="online", kind="station", origin="simulated")
    assert encode_status(status) == b'{"state":"online","kind":"station","origin":"simulated"}'


def test_posix_seconds_become_utc_milliseconds() -> None:
    assert from_posix_s(1_772_439_330.1234567) == datetime(2026, 3, 2, 8, 15, 30, 123000, tzinfo=UTC)
