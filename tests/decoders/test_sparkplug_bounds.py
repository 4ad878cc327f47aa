"""Sparkplug B: what is held of births is bounded, and given back."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.common.errors import RejectedError
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.message import Message
from jeonju.decoders.sparkplug_b import births, decoder
from jeonju.decoders.sparkplug_b.parsing import MOST_METRICS
from jeonju.decoders.sparkplug_b.payload import Payload
from tests.decoders.reading import NOW
from tests.decoders.sparkplug import BD_SEQ, Session, definition, instance, properties


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
