import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.common.errors import RejectedError
from jeonju.decoders.message import LARGEST_PAYLOAD_BYTES
from jeonju.decoders.native.decoder import decode_readings as decode


def test_object_is_one_reading_and_array_is_many() -> None:
    one = {"device": "a", "time": "2026-03-02T08:15:30Z", "values": {"pm25": 1}}
    assert decode(json.dumps(one).encode()).readings[0].time == datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)
    assert [part.values for part in decode(json.dumps([one, one]).encode()).readings] == [{"pm25": 1.0}] * 2


def test_unknown_members_and_unfit_values_are_kept_beside_the_reading() -> None:
    decoding = decode(
        b'{"device": "a", "vendor": {"x": 1}, "time": "yesterday", "values": {"pm25": 3, "co": "high", "no2": null}}'
    )
    (reading,) = decoding.readings
    assert reading.values == {"pm25": 3.0, "no2": None}
    assert reading.time is None
    assert decoding.extra == {0: {"vendor": {"x": 1}, "time": "yesterday", "values": {"co": "high"}}}


def test_time_without_a_zone_is_no_time() -> None:
    decoding = decode(b'{"device": "a", "time": "2026-03-02T08:15:30"}')
    assert decoding.readings[0].time is None
    assert decoding.extra == {0: {"time": "2026-03-02T08:15:30"}}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "is not JSON"),
        (b'{"device": "a", "values": {"pm25": 1}', "is not JSON"),
        (b'{"device": "a", "values": {"pm25": NaN}}', "is not JSON"),
        (b'{"device": "\xff"}', "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"3", "must be a JSON object, not int"),
        (b'["a"]', "must be a JSON object, not str"),
        (b'{"values": {}}', "missing required field `device`"),
        (b'{"device": 7}', "is no reading"),
        (b'{"device": "a", "values": [1]}', "`values` must be a JSON object"),
        (b'{"device": "a", "v": 2}', "is of version 2"),
        (b'{"device": "a", "x": "' + b"y" * LARGEST_PAYLOAD_BYTES + b'"}', "is larger than"),
    ],
)
def test_what_is_no_reading_is_rejected_with_the_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        decode(payload)


@pytest.mark.parametrize("position", [[1, 2, 3], "here", {"lat": 1}, ["1", 2], [None, 2], True])
def test_a_position_that_is_none_takes_no_values_with_it(position: object) -> None:
    decoding = decode(json.dumps({"device": "a", "position": position, "values": {"pm25": 1}}).encode())
    assert (decoding.readings[0].position, decoding.readings[0].values) == (None, {"pm25": 1.0})
    assert decoding.extra == {0: {"position": position}}
    assert decoding.flags[0]["position"].reasons[0].code == "impossible-position"


MEMBERS = ["device", "v", "time", "values", "status", "position", "seq", "boot", "x"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    max_leaves=20,
)


@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200))
def test_any_payload_is_decoded_or_rejected(payload: bytes) -> None:
    try:
        decoding = decode(payload)
    except RejectedError:
        return
    for reading in decoding.readings:
        assert isinstance(reading.device, str)
        assert all(value is None or isinstance(value, float) for value in reading.values.values())


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3) | st.none(),
        max_size=6,
    )
)
def test_no_value_of_a_message_is_dropped_in_silence(values: dict[str, object]) -> None:
    decoding = decode(json.dumps({"device": "a", "values": values}).encode())
    kept = {**decoding.readings[0].values, **decoding.extra.get(0, {}).get("values", {})}
    assert kept == values
