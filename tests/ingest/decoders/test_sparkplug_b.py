"""Sparkplug B beyond the recorded messages: sessions as other edge nodes keep them."""

from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.ingest.decoded import Decoding, DeviceUpdate
from jeonju.ingest.decoders.sparkplug_b.decoder import SparkplugB
from jeonju.ingest.decoders.sparkplug_b.payload import Payload
from jeonju.ingest.message import Message
from tests.ingest.decoders.reading import NOW, times, values

AT_MS = 1772439330000
INT32, INT8, FLOAT, STRING = 3, 1, 9, 12


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
        topic = f"spBv1.0/air/{kind}/gw" + (f"/{device}" if device else "")
        return self.decode(Message(topic, message.SerializeToString(), NOW), self.gateway)


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


@pytest.mark.parametrize("topic", ["STATE/scada", "spBv1.0/STATE/scada"])
def test_state_of_a_host_is_no_reject(topic: str) -> None:
    session = Session()
    assert session.decode(Message(topic, b"OFFLINE", NOW), session.gateway) == Decoding()
