"""Sparkplug B beyond the recorded messages: sessions as other edge nodes keep them."""

import struct
from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from jeonju.contract.quality import Flag
from jeonju.decoders.decoded import AnsweredRejectionError, Decoding, DeviceUpdate
from jeonju.decoders.message import Message
from jeonju.decoders.sparkplug_b.decoder import SparkplugB
from jeonju.decoders.sparkplug_b.payload import Payload
from tests.decoders.reading import NOW, times, values
from tests.decoders.sparkplug import (
    AT_MS,
    BD_SEQ,
    DATASET,
    FLOAT,
    FLOAT_ARRAY,
    INT8,
    INT32,
    PM25,
    STRING,
    Session,
    properties,
)

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
