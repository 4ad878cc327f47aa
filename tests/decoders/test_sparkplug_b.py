"""Sparkplug B beyond the recorded messages: sessions as other edge nodes keep them."""

import gzip
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.contract.quality import Flag
from jeonju.decoders.decoded import AnsweredRejectionError, Decoding, DeviceUpdate
from jeonju.decoders.message import LARGEST_PAYLOAD_BYTES, Message
from jeonju.decoders.sparkplug_b import births, compression, decoder
from jeonju.decoders.sparkplug_b.decoder import SparkplugB
from jeonju.decoders.sparkplug_b.parsing import MOST_METRICS
from jeonju.decoders.sparkplug_b.payload import Payload
from tests.decoders.reading import NOW, times, values

AT_MS = 1772439330000
INT32, INT8, FLOAT, STRING, DATASET, TEMPLATE, FLOAT_ARRAY = 3, 1, 9, 12, 16, 19, 30


class Session:
    """Speaks to one decoder, as one edge node or another host."""

    def __init__(self, **site: Any) -> None:
        self.gateway = Gateway.model_validate({"topic": "#", "format": "sparkplug_b", **site})
        self.decode = SparkplugB()
        self.seq = 0

    def send(self, kind: str, *metrics: dict[str, Any], device: str = "", **payload: Any) -> Decoding:
        if kind == "NBIRTH":
            self.seq = 0
        message = Payload(**{"timestamp": AT_MS, "seq": self.seq, **payload})
        self.seq = (self.seq + 1) % 256
        for metric in metrics:
            message.metrics.add(**metric)
        return self.send_bytes(kind, message.SerializeToString(), device=device)

    def send_bytes(self, kind: str, payload: bytes, *, device: str = "") -> Decoding:
        topic = f"spBv1.0/air/{kind}/gw" + (f"/{device}" if device else "")
        return self.decode(Message(topic, payload, NOW), self.gateway)


def instance(name: str, *members: dict[str, Any], of: str = "station", **more: Any) -> dict[str, Any]:
    template = {"template_ref": of, "metrics": list(members)}
    return {"name": name, "datatype": TEMPLATE, "template_value": template, **more}


def definition(name: str, *members: dict[str, Any]) -> dict[str, Any]:
    template = {"is_definition": True, "metrics": list(members)}
    return {"name": name, "datatype": TEMPLATE, "template_value": template}


def properties(**held: str | int) -> dict[str, Any]:
    values = [
        {"string_value": member} if isinstance(member, str) else {"int_value": member} for member in held.values()
    ]
    return {"properties": {"keys": [name.replace("_", " ") for name in held], "values": values}}


def envelope(body: bytes, algorithm: str | None = "GZIP", **more: Any) -> bytes:
    payload = Payload(uuid=compression.UUID, body=body, **more)
    if algorithm is not None:
        payload.metrics.add(name="algorithm", datatype=STRING, string_value=algorithm)
    return bytes(payload.SerializeToString())


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


BD_SEQ = {"name": "bdSeq", "datatype": 8, "long_value": 7}
MINUS_47 = 2**32 - 47


@pytest.mark.parametrize(
    ("born", "sent"),
    [
        ({"name": "rssi"}, {"name": "rssi"}),
        ({"name": "rssi", "alias": 0}, {"alias": 0}),
        ({"name": "rssi", "alias": 0}, {"name": "rssi", "alias": 0}),
        ({"name": "rssi", "alias": 0}, {"name": "", "alias": 0}),
    ],
)
def test_datatype_of_the_birth_counts_however_a_metric_is_called_later(
    born: dict[str, Any], sent: dict[str, Any]
) -> None:
    session = Session()
    session.send("NBIRTH", BD_SEQ, {**born, "datatype": INT32, "int_value": 2**32 - 46})
    assert values(session.send("NDATA", {**sent, "int_value": MINUS_47})) == {"air/gw": {"rssi": -47.0}}


@pytest.mark.parametrize("wire", [0xF6, 2**32 - 10])
def test_short_signed_integers_of_either_width(wire: int) -> None:
    decoding = Session().send("NBIRTH", {"name": "Temperature", "datatype": INT8, "int_value": wire})
    assert values(decoding) == {"air/gw": {"temperature": -10.0}}


def test_numbers_as_text_nulls_booleans_and_nan() -> None:
    session = Session(mapping=[{"pointer": "/Power/Battery", "key": "voltage"}])
    decoding = session.send(
        "NBIRTH",
        {"name": "PM2.5", "datatype": STRING, "string_value": "12.5"},
        {"name": "Power/Battery", "datatype": STRING, "string_value": "3.3 V"},
        {"name": "humidity", "datatype": FLOAT, "is_null": True},
        {"name": "pressure", "datatype": FLOAT, "float_value": float("nan")},
        {"name": "co2", "datatype": 11, "boolean_value": True},
        {"name": "model", "datatype": STRING, "string_value": "7"},
    )
    assert values(decoding) == {"air/gw": {"pm25": 12.5, "voltage": 3.3}}


def test_time_of_the_metric_then_of_the_payload_then_of_arrival() -> None:
    metric = {"name": "pm10", "double_value": 1.0}
    session = Session()
    assert times(session.send("NBIRTH", {**metric, "timestamp": AT_MS + 1})) == ["2026-03-02T08:15:30.001+00:00"]
    assert times(session.send("NDATA", {**metric, "timestamp": 0})) == ["2026-03-02T08:15:30.000+00:00"]
    assert times(session.send("NDATA", metric, timestamp=0)) == [None]


def test_alias_of_another_device_or_of_an_earlier_birth_is_nobodys() -> None:
    session = Session()
    session.send("NBIRTH", BD_SEQ, {"name": "pm1", "alias": 1, "double_value": 1.0})
    session.send("DBIRTH", {"name": "pm10", "alias": 2, "double_value": 1.0}, device="a")
    session.send("DBIRTH", {"name": "co2", "alias": 2, "double_value": 400.0}, device="b")
    sent = session.send("DDATA", {"alias": 2, "double_value": 410.0}, device="b")
    assert values(sent) == {"air/gw/b": {"co2": 410.0}}
    with pytest.raises(RejectedError, match="alias 1"):
        session.send("DDATA", {"alias": 1, "double_value": 2.0}, device="a")
    session.send("NBIRTH", BD_SEQ)
    with pytest.raises(RejectedError, match="born again"):
        session.send("DDATA", {"alias": 2, "double_value": 2.0}, device="b")


def test_message_after_a_birth_with_no_known_alias_at_all_is_rejected() -> None:
    session = Session()
    session.send("NBIRTH", {"name": "pm1", "alias": 1, "double_value": 1.0})
    unknown = [{"alias": alias, "double_value": 2.0} for alias in (8, 9)]
    with pytest.raises(RejectedError, match="alias 9"):
        session.send("NDATA", *unknown)
    sent = session.send("NDATA", *unknown, {"alias": 1, "double_value": 3.0})
    assert values(sent) == {"air/gw": {"pm1": 3.0}}


def test_device_that_died_speaks_by_alias_in_vain_until_it_is_born_again() -> None:
    session, metric = Session(), {"alias": 1, "double_value": 2.0}
    session.send("NBIRTH", BD_SEQ)
    session.send("DBIRTH", {"name": "pm10", **metric}, device="a")
    assert session.send("DDEATH", device="a").updates == [DeviceUpdate("air/gw/a", "offline")]
    with pytest.raises(RejectedError):
        session.send("DDATA", metric, device="a")
    assert session.send("DBIRTH", {"name": "pm10", **metric}, device="a").updates == [
        DeviceUpdate("air/gw/a", "online")
    ]
    assert values(session.send("DDATA", metric, device="a")) == {"air/gw/a": {"pm10": 2.0}}
    assert session.send("NDEATH", {**BD_SEQ, "long_value": 6}).updates == ()
    assert session.send("NDEATH", BD_SEQ).updates == [
        DeviceUpdate("air/gw", "offline"),
        DeviceUpdate("air/gw/a", "offline"),
    ]


@pytest.mark.parametrize(
    ("topic", "says"),
    [
        ("STATE/scada", "state"),
        ("spBv1.0/STATE/scada", "state"),
        ("spBv1.0/air/NCMD/gw", "command"),
        ("spBv1.0/air/DCMD/gw/a", "command"),
        ("spBv1.0/air/NRECORD/gw", "other-type"),
    ],
)
def test_messages_to_or_of_a_host_are_no_reject_and_are_counted(topic: str, says: str) -> None:
    session = Session()
    assert session.decode(Message(topic, b"OFFLINE", NOW), session.gateway) == Decoding(nothing=says)


@pytest.mark.parametrize(
    "topic",
    [
        "spBv1.0/air/DDATA/gw",
        "spBv1.0/air/DBIRTH/gw/",
        "spBv1.0/air/NBIRTH/gw/a",
        "spBv1.0//NDATA/gw",
        "spAv1.0/air/NDATA/gw",
    ],
)
def test_topic_that_names_no_device_or_one_too_many_is_rejected(topic: str) -> None:
    session = Session()
    with pytest.raises(RejectedError, match="topic"):
        session.decode(Message(topic, b"", NOW), session.gateway)


def test_deaths_that_end_no_session_are_counted_as_such() -> None:
    session = Session()
    assert session.send("NDEATH", BD_SEQ).nothing == "death-of-unknown-session"
    session.send("NBIRTH", BD_SEQ)
    assert session.send("NDEATH", {**BD_SEQ, "long_value": 6}).nothing == "death-of-older-session"


def test_death_may_call_the_number_of_its_session_by_the_alias_of_the_birth() -> None:
    session, by_alias = Session(), {"alias": 4, "datatype": 8, "long_value": BD_SEQ["long_value"]}
    session.send("NBIRTH", {**BD_SEQ, "alias": 4})
    assert session.send("NDEATH", {**by_alias, "long_value": 6}).nothing == "death-of-older-session"
    assert session.send("NDEATH", {**by_alias, "alias": 5}).nothing == "death-of-older-session"
    assert session.send("NDEATH", by_alias).updates == [DeviceUpdate("air/gw", "offline")]


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


@pytest.mark.parametrize("name", ["engUnit", "Engineering_Units", "engineeringUnits", "unit", "Units"])
def test_unit_of_the_birth_holds_until_the_next(name: str) -> None:
    session, metric = Session(), {"name": "temperature", "alias": 1, "double_value": 51.8}
    born = session.send("NBIRTH", {**metric, **properties(**{name: "°F"})})
    assert values(born)["air/gw"]["temperature"] == pytest.approx(11.0)
    for called in ({"alias": 1}, {"name": "temperature"}):
        assert values(session.send("NDATA", {**called, "double_value": 50.0}))["air/gw"] == {
            "temperature": pytest.approx(10.0)
        }
    # Properties are sent again where they change.
    changed = {"alias": 1, "double_value": 283.15, **properties(**{name: "K"})}
    for sent in (changed, {"alias": 1, "double_value": 283.15}):
        assert values(session.send("NDATA", sent))["air/gw"] == {"temperature": pytest.approx(10.0)}
    assert values(session.send("NBIRTH", metric)) == {"air/gw": {"temperature": 51.8}}


def test_unit_that_does_not_fit_gives_no_value_and_a_flag() -> None:
    session = Session(
        mapping=[{"pointer": "/T", "key": "temperature"}, {"pointer": "/P", "key": "pressure", "scale": 0.1}]
    )
    decoding = session.send(
        "NBIRTH",
        {"name": "pm25", "double_value": 3.0, **properties(engUnit="AQI")},
        {"name": "T", "double_value": 50.0, **properties(engUnit="degF")},
        {"name": "P", "double_value": 10130.0, **properties(engUnit="counts")},
        {"name": "co2", "string_value": "0.1 %", **properties(engUnit="ppm")},
        {"name": "humidity", "double_value": 40.0, **properties(engUnit="")},
    )
    assert values(decoding)["air/gw"] == {
        "temperature": pytest.approx(10.0),
        "pressure": 1013.0,
        "co2": pytest.approx(1000.0),
        "humidity": 40.0,
    }
    assert decoding.flags[0]["pm25"] == Flag.of("bad", "unit-does-not-fit", unit="AQI")
    assert decoding.extra[0] == {"pm25": {"value": 3.0, "unit": "AQI"}}


@pytest.mark.parametrize(
    ("quality", "severity", "says"),
    [
        (192, None, ""),
        (216, None, ""),
        ("Good", None, ""),
        (0, "bad", "Quality bad (0)"),
        (500, "suspect", "Quality stale (500)"),
        (64, "suspect", "Quality uncertain (64)"),
        (256, "suspect", "Quality uncertain (256)"),
        (515, "bad", "Quality bad (515)"),
        (0x80000203, "bad", f"Quality bad ({0x80000203})"),
        (0x40000100, "suspect", f"Quality uncertain ({0x40000100})"),
        ("Bad_NotConnected", "bad", "Quality bad"),
        ("500", "suspect", "Quality stale"),
        ("?", None, ""),
    ],
)
def test_quality_is_a_flag(quality: int | str, severity: str | None, says: str) -> None:
    expected = {"pm25": Flag.of(severity, "sender", sender="Sparkplug", says=says)} if severity else {}
    for name, site in (("pm25", {}), ("p", {"mapping": [{"pointer": "/p", "key": "pm25"}]})):
        session = Session(**site)
        decoding = session.send("NBIRTH", {"name": name, "double_value": 3.0, **properties(Quality=quality)})
        assert values(decoding) == {"air/gw": {"pm25": 3.0}}
        assert decoding.flags.get(0, {}) == expected
        # The next value is good unless it says so again.
        assert not session.send("NDATA", {"name": name, "double_value": 3.0}).flags


def test_position_of_bad_quality_or_without_a_fix_is_none() -> None:
    latitude, longitude = {"name": "latitude", "double_value": 35.8}, {"name": "longitude", "double_value": 127.1}
    good = Session().send("NBIRTH", latitude, longitude, {"name": "satellites", "int_value": 7})
    assert good.readings[0].position == (35.8, 127.1)
    for more in ({"name": "satellites", "int_value": 0}, {"name": "fix", "boolean_value": False}):
        decoding = Session().send("NBIRTH", latitude, longitude, more)
        assert decoding.readings[0].position is None
        assert "position" in decoding.flags[0]
    decoding = Session().send("NBIRTH", latitude, {**longitude, **properties(Quality=0)})
    assert decoding.readings[0].position is None


PM25, WARM = {"name": "pm25", "double_value": 18.0}, {"name": "temperature", "double_value": 7.5}


@pytest.mark.parametrize("aliased", [False, True])
def test_members_of_a_lone_instance_are_metrics_of_the_device(aliased: bool) -> None:
    session = Session()
    names: list[dict[str, Any]] = [{"alias": 1}, {"alias": 2}, {"alias": 3}] if aliased else [{}, {}, {}]
    born = session.send(
        "NBIRTH",
        BD_SEQ,
        definition("station", PM25, WARM),
        instance(
            "air-1", {**WARM, **names[1]}, {"name": "rssi", "datatype": INT8, "int_value": 0xF6, **names[2]}, **names[0]
        ),
    )
    assert values(born) == {"air/gw": {"temperature": 7.5, "rssi": -10.0}}
    assert born.updates == [DeviceUpdate("air/gw", "online")]
    called = [{"alias": 1}, {"alias": 3}] if aliased else [{"name": "air-1"}, {"name": "rssi"}]
    sent = session.send("NDATA", {"template_value": {"metrics": [{**called[1], "int_value": 0xF7}]}, **called[0]})
    assert values(sent) == {"air/gw": {"rssi": -9.0}}


def test_instances_that_give_the_same_quantity_are_devices_of_their_own() -> None:
    session = Session()
    fan = {"name": "fan", "double_value": 9.0}
    two = [instance("air-1", PM25, fan, alias=1), instance("air-2", {**PM25, "double_value": 20.0}, alias=2)]
    born = session.send("NBIRTH", BD_SEQ, *two, WARM)
    assert values(born) == {
        "air/gw": {"temperature": 7.5},
        "air/gw/air-1": {"pm25": 18.0, "fan": 9.0},
        "air/gw/air-2": {"pm25": 20.0},
    }
    names = ["air/gw", "air/gw/air-1", "air/gw/air-2"]
    assert born.updates == [DeviceUpdate(name, "online") for name in names]
    # One alone in a message keeps its name.
    sent = session.send("NDATA", {"alias": 2, "template_value": {"metrics": [{**PM25, "double_value": 21.0}]}})
    assert values(sent) == {"air/gw/air-2": {"pm25": 21.0}}
    assert session.send("NDEATH", BD_SEQ).updates == [DeviceUpdate(name, "offline") for name in names]


def test_instance_that_is_a_device_no_longer_goes_offline() -> None:
    session = Session()
    session.send("NBIRTH", BD_SEQ, instance("air-1", PM25), instance("air-2", PM25))
    updates = session.send("NBIRTH", BD_SEQ, instance("air-1", PM25)).updates
    assert dict(update[:2] for update in updates) == {
        "air/gw": "online",
        "air/gw/air-1": "offline",
        "air/gw/air-2": "offline",
    }


def test_many_unread_instances_make_one_dead_letter() -> None:
    decoding = Session().send("NDATA", *(instance(f"air-{number}", PM25) for number in range(500)))
    assert len(decoding.rejected) == 1


def test_instance_in_an_instance_and_a_mapping_by_path_or_by_name() -> None:
    mapping = [{"pointer": "/air-1/opc/dust", "key": "pm10"}, {"pointer": "/T1", "key": "temperature", "unit": "°F"}]
    inner = instance("opc", {"name": "dust", "double_value": 30.0}, {"name": "pm25", "double_value": 18.0})
    decoding = Session(mapping=mapping).send("NBIRTH", instance("air-1", inner, {"name": "T1", "double_value": 50.0}))
    assert values(decoding) == {"air/gw": {"pm10": 30.0, "pm25": 18.0, "temperature": pytest.approx(10.0)}}


def test_instance_takes_datatype_and_unit_of_its_definition() -> None:
    session = Session()
    members = [{"name": "temperature", "datatype": INT8, "int_value": 0, **properties(engUnit="°F")}]
    session.send("NBIRTH", definition("_types_/station", *members))
    born = session.send("DBIRTH", instance("a", {"name": "temperature", "int_value": 0xFF}), device="d")
    assert values(born)["air/gw/d"]["temperature"] == pytest.approx(-18.3333333)


def test_quality_of_an_instance_is_that_of_its_members() -> None:
    decoding = Session().send("NBIRTH", instance("a", PM25, **properties(Quality=500)))
    assert decoding.flags[0]["pm25"].severity == "suspect"


def test_instance_that_no_birth_has_named_is_a_dead_letter_beside_what_is_read() -> None:
    session = Session()
    for birth in (False, True):
        if birth:
            session.send("NBIRTH", instance("air-2", PM25))
        decoding = session.send("NDATA", WARM, instance("air-1", PM25), timestamp=AT_MS)
        assert values(decoding) == {"air/gw": {"temperature": 7.5}}
        assert [part.reason for part in decoding.rejected] == [
            "holds template instances that no birth has named: 1, the first is 'air-1'"
        ]
    fresh = Session()
    fresh.send("NBIRTH", instance("air-2", PM25))
    assert fresh.send("NDATA", instance("air-1", PM25)).answers


def nested(depth: int) -> dict[str, Any]:
    held = PM25
    for _ in range(depth):
        held = instance("a", held)
    return held


def test_templates_deep_in_one_another_are_read_to_a_bound_and_said() -> None:
    assert values(Session().send("NBIRTH", nested(births.DEEPEST))) == {"air/gw": {"pm25": 18.0}}
    decoding = Session().send("NBIRTH", nested(births.DEEPEST + 1), WARM)
    assert values(decoding) == {"air/gw": {"temperature": 7.5}}
    assert [part.reason for part in decoding.rejected] == [
        f"holds templates more than {births.DEEPEST} deep in one another: 1"
    ]
    deepest = nested(30)
    assert Session().send("NBIRTH", deepest).rejected
    assert not Session().send("NBIRTH", definition("a", deepest)).readings


def test_bounds_of_one_birth() -> None:
    many = Payload(metrics=[{"name": f"{number:x}"} for number in range(MOST_METRICS + 1)]).SerializeToString()
    with pytest.raises(RejectedError, match=f"has {MOST_METRICS + 1} metrics, more than {MOST_METRICS}"):
        Session().send_bytes("NBIRTH", many)
    with pytest.raises(RejectedError, match=f"more than {MOST_METRICS} metrics and members"):
        Session().send("NBIRTH", instance("a", *({"alias": 1} for _ in range(MOST_METRICS))))
    session = Session()
    session.send("NBIRTH", instance("a"))
    with pytest.raises(RejectedError, match=f"more than {MOST_METRICS} members"):
        session.send("NDATA", instance("a", *({"alias": 1} for _ in range(MOST_METRICS + 1))))
    with pytest.raises(RejectedError, match=f"more than {births.MOST_INSTANCES} instances"):
        Session().send("NBIRTH", *(instance(f"{number}") for number in range(births.MOST_INSTANCES + 1)))
    half = "x" * (births.LONGEST_NAME // 2)
    for metric in (
        {"name": half * 2 + "x"},
        instance(half, {"name": half}),
        definition("a", instance(half, {"name": half})),
    ):
        with pytest.raises(RejectedError, match="longer than"):
            Session().send("NBIRTH", metric)
    # Names in an instance with a long name must not take many times the room that the message has.
    long = instance(half, *({"name": f"{number:x}"} for number in range(20_000)))
    with pytest.raises(RejectedError, match=f"more than {births.MOST_NAMES} names"):
        Session().send("NBIRTH", long)


def test_births_hold_no_more_than_a_bound_in_all_and_give_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "MOST_NAMES", 20)
    monkeypatch.setattr(decoder, "MOST_NAMES_IN_ALL", 30)
    session = Session()
    names = [{"name": f"n{number}"} for number in range(8)]
    births_of = [("NBIRTH", "gw"), ("DBIRTH", "gw/a"), ("NBIRTH", "other")]

    def send(kind: str, place: str, *metrics: dict[str, Any]) -> Decoding:
        payload = Payload(metrics=[BD_SEQ, *metrics]).SerializeToString()
        return session.decode(Message(f"spBv1.0/air/{kind}/{place}", payload, NOW), session.gateway)

    for _ in range(3):
        for kind, place in births_of:
            send(kind, place, *names)
        with pytest.raises(RejectedError, match="more than 20 names and aliases of one edge node"):
            send("DBIRTH", "gw/b", *names)
        with pytest.raises(RejectedError, match="more than 30 names and aliases of all edge nodes"):
            send("NBIRTH", "third", *names)
        send("DDEATH", "gw/a")
        send("DBIRTH", "gw/b", *names)
        send("NDEATH", "gw")
        send("NBIRTH", "third", *names)
        send("NDEATH", "third")
        send("NDEATH", "other")


def test_devices_without_metrics_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "MOST_NAMES", 5)
    session = Session()
    for number in range(5):
        session.send("DBIRTH", device=f"d{number}")
    with pytest.raises(RejectedError, match="more than 5 names"):
        session.send("DBIRTH", device="d5")


def test_command_for_a_rebirth_is_what_the_specification_asks_for() -> None:
    with pytest.raises(AnsweredRejectionError) as rejection:
        Session().send("NDATA", {"alias": 3, "double_value": 1.0})
    ((topic, payload),) = rejection.value.answers
    command = Payload.FromString(payload)
    now_ms = int(NOW.timestamp() * 1000)
    assert (topic, command.timestamp, command.HasField("seq")) == ("spBv1.0/air/NCMD/gw", now_ms, False)
    (metric,) = command.metrics
    assert (metric.name, metric.datatype, metric.boolean_value) == ("Node Control/Rebirth", 11, True)
    assert metric.timestamp == now_ms


def test_every_kind_of_message_counts_in_the_sequence() -> None:
    session = Session()
    session.send("NBIRTH", BD_SEQ)
    for kind in ("DBIRTH", "DDATA", "DDEATH"):
        assert not session.send(kind, device="a").answers
    assert not session.send("NDATA").answers
    for kind in ("DBIRTH", "DDEATH"):
        session.decode = SparkplugB()
        session.send("NBIRTH", BD_SEQ)
        session.seq += 1
        assert session.send(kind, device="a").answers
    assert Session().send("DBIRTH", device="a").answers


@pytest.mark.parametrize(
    ("metric", "kept"),
    [
        ({"datatype": DATASET, "dataset_value": b"\x08\x01"}, {"datatype": "DataSet", "bytes": 2, "hex": "0801"}),
        (
            {"datatype": FLOAT_ARRAY, "bytes_value": struct.pack("<f", 1.0)},
            {"datatype": "array", "bytes": 4, "hex": "0000803f"},
        ),
        ({"datatype": 18, "bytes_value": bytes(5000)}, {"datatype": "File", "bytes": 5000}),
        ({"datatype": 11, "boolean_value": True}, True),
        ({"datatype": STRING, "string_value": "out of order"}, "out of order"),
    ],
)
def test_what_is_no_number_is_kept_and_flagged_under_a_name_of_ours_only(metric: dict[str, Any], kept: Any) -> None:
    decoding = Session().send("NBIRTH", {"name": "co2", **metric}, {"name": "other", **metric}, PM25)
    assert values(decoding) == {"air/gw": {"pm25": 18.0}}
    assert decoding.extra[0] == {"co2": kept}
    assert decoding.flags[0]["co2"] == Flag.of("bad", "not-a-number")
    assert not Session().send("NDATA", {"name": "other", **metric}).readings


def test_metric_with_neither_name_nor_alias_is_rejected_alone_and_left_out_beside_others() -> None:
    session = Session()
    session.send("NBIRTH", PM25)
    with pytest.raises(RejectedError, match="metric without a name"):
        session.send("NDATA", {"double_value": 1.0})
    assert values(session.send("NDATA", {"double_value": 1.0}, PM25)) == {"air/gw": {"pm25": 18.0}}


@st.composite
def any_metric(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    held: dict[str, Any] = {}
    if draw(st.booleans()):
        held["name"] = draw(st.sampled_from(["pm25", "temperature", "latitude", "air-1", "air-2", "fan", "bdSeq", ""]))
    if draw(st.booleans()):
        held["alias"] = draw(st.integers(0, 3))
    if draw(st.booleans()):
        held |= {"timestamp": draw(st.integers(0, 2**64 - 1)), "is_historical": draw(st.booleans())}
    if draw(st.booleans()):
        held |= properties(
            engUnit=draw(st.sampled_from(["°F", "ppm", "", "?"])), Quality=draw(st.integers(0, 2**32 - 1))
        )
    kinds = {
        "int_value": st.integers(0, 2**32 - 1),
        "double_value": st.floats(),
        "string_value": st.text(max_size=5),
        "boolean_value": st.booleans(),
        "bytes_value": st.binary(max_size=5),
        "template_value": st.fixed_dictionaries(
            {"is_definition": st.booleans(), "metrics": st.lists(any_metric(depth + 1), max_size=3 - depth)},
            optional={"template_ref": st.sampled_from(["air-1", "air-2"])},
        ),
    }
    which = draw(st.sampled_from(sorted(kinds) if depth < 3 else sorted(set(kinds) - {"template_value"})))
    return {**held, "datatype": draw(st.integers(0, 35)), which: draw(kinds[which])}


@settings(max_examples=100, deadline=None)
@given(
    messages=st.lists(
        st.tuples(
            st.sampled_from(["NBIRTH", "NDATA", "DBIRTH", "DDATA", "NDEATH", "DDEATH"]),
            st.lists(any_metric(), max_size=4),
        ),
        max_size=6,
    )
)
def test_any_session_keeps_count_of_what_it_holds(messages: list[tuple[str, list[dict[str, Any]]]]) -> None:
    session = Session()
    for kind, metrics in messages:
        with suppress(RejectedError):
            session.send(kind, *metrics, device="a" if kind.startswith("D") else "")
        nodes = session.decode._nodes.values()
        assert [node.size for node in nodes] == [sum(born.size for born in node.devices.values()) for node in nodes]
        assert session.decode._held == sum(node.size for node in nodes)
