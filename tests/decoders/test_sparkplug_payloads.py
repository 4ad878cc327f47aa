"""Sparkplug B: payloads that are compressed, large or broken, and their times."""

import gzip
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from jeonju.decoders.decoded import Decoding, DeviceUpdate
from jeonju.decoders.message import LARGEST_PAYLOAD_BYTES
from jeonju.decoders.sparkplug_b import compression
from jeonju.decoders.sparkplug_b.payload import Payload
from tests.decoders.reading import times, values
from tests.decoders.sparkplug import (
    AT_MS,
    BD_SEQ,
    Session,
    bare_deflate,
    envelope,
    instance,
)


@pytest.mark.parametrize(
    ("pack", "algorithm"),
    [
        (gzip.compress, "GZIP"),
        (zlib.compress, "DEFLATE"),
        (bare_deflate, "deflate"),
        (zlib.compress, None),
        (gzip.compress, "DEFLATE"),
        (lambda data: gzip.compress(data[:9], mtime=0) + gzip.compress(data[9:]) + bytes(16), "GZIP"),
    ],
)
def test_compressed_session(pack: Callable[[bytes], bytes], algorithm: str | None) -> None:
    session = Session()

    def sent(kind: str, seq: int, *metrics: dict[str, Any]) -> Decoding:
        inner = Payload(metrics=metrics).SerializeToString()
        return session.send_bytes(kind, envelope(pack(inner), algorithm, timestamp=AT_MS, seq=seq))

    born = sent("NBIRTH", 0, BD_SEQ, {"name": "pm25", "alias": 1, "double_value": 12.5})
    assert (values(born), times(born)) == ({"air/gw": {"pm25": 12.5}}, ["2026-03-02T08:15:30.000+00:00"])
    assert values(sent("NDATA", 1, {"alias": 1, "double_value": 13.0})) == {"air/gw": {"pm25": 13.0}}
    # The sequence is that of the envelope where the payload in it has none.
    assert sent("NDATA", 3, {"alias": 1, "double_value": 13.0}).answers
    assert sent("NDEATH", 0, BD_SEQ).updates == [DeviceUpdate("air/gw", "offline")]


GOOD = Payload(timestamp=AT_MS, metrics=[{"name": "pm25", "double_value": 1.0}]).SerializeToString()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (
            envelope(gzip.compress(bytes(LARGEST_PAYLOAD_BYTES + 1), mtime=0)),
            f"more than {LARGEST_PAYLOAD_BYTES} bytes",
        ),
        (envelope(zlib.compress(bytes(LARGEST_PAYLOAD_BYTES + 1)), "DEFLATE"), f"more than {LARGEST_PAYLOAD_BYTES}"),
        (
            envelope(gzip.compress(bytes(LARGEST_PAYLOAD_BYTES // 2), mtime=0) * 3),
            f"more than {LARGEST_PAYLOAD_BYTES} bytes",
        ),
        (
            envelope(gzip.compress(b"", mtime=0) * (compression.MOST_MEMBERS + 1)),
            f"more than {compression.MOST_MEMBERS} parts",
        ),
        (envelope(gzip.compress(envelope(gzip.compress(GOOD, mtime=0)))), "more than once"),
        (envelope(gzip.compress(GOOD, mtime=0)[:-9]), "cut off"),
        (envelope(gzip.compress(GOOD, mtime=0)[:4]), "cut off"),
        (envelope(zlib.compress(GOOD)[:-5], "DEFLATE"), "cut off"),
        (envelope(gzip.compress(GOOD, mtime=0)[:-8] + b"12345678"), "damaged"),
        (envelope(b"nonsense", "GZIP"), "damaged"),
        (envelope(b"", "GZIP"), "empty"),
        (envelope(gzip.compress(GOOD, mtime=0) + b"more"), "4 bytes behind"),
        (envelope(gzip.compress(b"no protobuf", mtime=0)), "wrong protobuf"),
        (envelope(gzip.compress(GOOD, mtime=0), "ZSTD"), "'ZSTD'; GZIP and DEFLATE are read"),
        (Payload(uuid="com.example.own", body=b"x").SerializeToString(), "form of its own, 'com.example.own'"),
    ],
)
def test_what_cannot_be_unpacked_is_rejected_with_its_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        Session().send_bytes("NBIRTH", payload)


def test_unpacked_payload_of_the_largest_size_is_read() -> None:
    filled = GOOD + Payload(uuid="x" * (LARGEST_PAYLOAD_BYTES - len(GOOD) - 5)).SerializeToString()
    assert len(filled) == LARGEST_PAYLOAD_BYTES
    assert values(Session().send_bytes("NBIRTH", envelope(gzip.compress(filled, mtime=0)))) == {"air/gw": {"pm25": 1.0}}


@pytest.mark.parametrize("per_second", [1, 10**3, 10**6, 10**9])
def test_seconds_milli_micro_and_nanoseconds_of_payload_metric_and_template(per_second: int) -> None:
    since_1970 = AT_MS // 1000 * per_second
    metric = {"name": "pm10", "double_value": 1.0}
    at = ["2026-03-02T08:15:30.000+00:00"]
    assert times(Session().send("NBIRTH", metric, timestamp=since_1970)) == at
    assert times(Session().send("NBIRTH", {**metric, "timestamp": since_1970}, timestamp=0)) == at
    assert times(Session().send("NBIRTH", instance("a", metric, timestamp=since_1970), timestamp=0)) == at


@pytest.mark.parametrize("filler", [0, 2**64 - 1, 2**63])
def test_timestamp_that_is_zero_or_negative_is_none(filler: int) -> None:
    metric = {"name": "pm10", "double_value": 1.0, "timestamp": filler}
    assert times(Session().send("NBIRTH", metric)) == ["2026-03-02T08:15:30.000+00:00"]
    assert times(Session().send("NBIRTH", metric, timestamp=filler)) == [None]


def test_value_of_the_past_without_its_time_is_not_of_the_time_of_sending() -> None:
    metric = {"name": "pm10", "double_value": 1.0, "is_historical": True}
    decoding = Session().send("NBIRTH", metric)
    assert (times(decoding), decoding.extra[0]) == ([None], {"time": "is_historical, without a timestamp"})
    assert times(Session().send("NBIRTH", {**metric, "timestamp": AT_MS - 1000})) == ["2026-03-02T08:15:29.000+00:00"]
    of_instance = instance("a", metric, timestamp=AT_MS - 1000)
    assert times(Session().send("NBIRTH", of_instance)) == ["2026-03-02T08:15:29.000+00:00"]
