"""oneM2M beyond the recorded messages: other platforms, paths and contents."""

import json
from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from jeonju.decoders.decoded import AnsweredRejectionError
from tests.decoders.reading import read, times, values

TOPIC = "/oneM2M/req/Mobius2/SAE/json"


def notified(
    con: Any, sur: str | None = "Mobius/air/palbok-7/report/sub", ct: str = "20260302T081530"
) -> dict[str, Any]:
    notice = {"nev": {"rep": {"m2m:cin": {"ct": ct, "con": con}}, "net": 3}, "sur": sur}
    return {"m2m:sgn": {name: value for name, value in notice.items() if value is not None}}


@pytest.mark.parametrize(
    ("sur", "device"),
    [
        ("Mobius/air/palbok-7/report/sub", "palbok-7"),
        ("/Mobius/air/palbok-7/report/sub", "palbok-7"),
        ("/~/in-cse/air/palbok-7/report/sub", "palbok-7"),
        ("//city.example/in-cse/air/palbok-7/report/sub", "palbok-7"),
        ("TinyIoT/palbok-7/data/sub", "palbok-7"),
        ("TinyIoT/palbok-7/sub", "palbok-7"),
        ("/id-in/cse-in/air/palbok-7/report/sub", "palbok-7"),
        ("/~/Mobius2/Mobius/palbok-7/report/sub", "palbok-7"),
        ("/in-cse/in-name/palbok-7/sub", "palbok-7"),
    ],
)
def test_device_is_read_from_the_path(sur: str, device: str) -> None:
    assert values(read("onem2m", notified({"PM2.5": "12"}, sur), TOPIC)) == {device: {"pm25": 12.0}}


def test_prefixed_members_of_om2m_and_representations_in_a_string() -> None:
    instance = {"m2m:cin": {"ct": "20260302T081530,532674", "con": '{"temperature": 28.375}'}}
    prefixed = {"m2m:sgn": {"m2m:nev": {"m2m:rep": instance, "m2m:rss": 1}, "m2m:sur": "/in-cse/sub-7"}}
    in_string = {"m2m:sgn": {"nev": {"rep": json.dumps(instance)}, "sur": "CSE/pond/cnt/sub"}}
    for content in (prefixed, in_string):
        decoding = read("onem2m", content, TOPIC, device="pond")
        assert values(decoding) == {"pond": {"temperature": 28.375}}
        assert times(decoding) == ["2026-03-02T08:15:30.532+00:00"]


@pytest.mark.parametrize("prefix", ["", "m2m:"])
def test_request_primitive_with_its_content_as_an_object_or_in_a_string(prefix: str) -> None:
    content: Any
    for content in ({"m2m:cin": {"con": {"co2": 600}}}, '{"m2m:cin": {"con": "{\\"co2\\": 600}"}}'):
        request = {f"{prefix}op": 1, f"{prefix}to": "/in-cse/room-101/data", f"{prefix}pc": content}
        assert values(read("onem2m", {"m2m:rqp": request}, TOPIC)) == {"room-101": {"co2": 600.0}}
        assert values(read("onem2m", request, TOPIC)) == {"room-101": {"co2": 600.0}}


def test_bare_instance_tells_its_device_where_its_parent_is_a_path() -> None:
    bare = {"m2m:cin": {"pi": "/Mobius/air/palbok-7/report", "con": {"pm25": 12}}}
    assert values(read("onem2m", bare, TOPIC)) == {"palbok-7": {"pm25": 12.0}}
    bare["m2m:cin"]["pi"] = "cnt-0018b3b4"
    with pytest.raises(RejectedError, match="device"):
        read("onem2m", bare, TOPIC)


def test_content_that_was_put_into_a_string_twice() -> None:
    assert values(read("onem2m", notified(json.dumps(json.dumps({"pm25": 12}))), TOPIC)) == {"palbok-7": {"pm25": 12.0}}
    assert values(read("onem2m", notified('"12"', "Mobius/palbok-7/pm25/sub"), TOPIC)) == {"palbok-7": {"pm25": 12.0}}


def test_what_says_nothing_is_no_reject_even_without_a_device() -> None:
    for content in (
        notified("ON", sur=None),
        notified({"ActualFilling": 13}, sur=None),
        {"m2m:sgn": {"vrq": True, "sur": "Mobius/a/b/sub", "cr": "SAE"}},
        {"m2m:sgn": {"sud": True, "sur": "Mobius/a/b/sub"}},
        {"m2m:sgn": {"nev": {"rep": {"m2m:cnt": {"rn": "data"}}}, "sur": "Mobius/a/b/sub"}},
        {"m2m:rsp": {"rsc": 2001, "rqi": "1", "pc": ""}},
        {"op": 2, "to": "Mobius/a/b/la", "rqi": "1", "pc": None},
    ):
        assert not read("onem2m", content, TOPIC).readings
    with pytest.raises(RejectedError, match="names no device"):
        read("onem2m", notified({"pm25": 13}, sur=None), TOPIC)
    with pytest.raises(RejectedError, match="number without a name"):
        read("onem2m", notified(13, sur=None), TOPIC)


def test_number_is_named_by_its_container() -> None:
    assert values(read("onem2m", notified("27.5", "Mobius/room/temperature/sub"), TOPIC)) == {
        "room": {"temperature": 27.5}
    }
    assert read("onem2m", notified("27.5", "Mobius/room/data/sub"), TOPIC).readings == []


@pytest.mark.parametrize(
    ("timestamp", "timezone", "at"),
    [
        ("20260302T081530", None, "2026-03-02T08:15:30.000+00:00"),
        ("20260302T171530", "Asia/Seoul", "2026-03-02T08:15:30.000+00:00"),
        ("20260302171530", "Asia/Seoul", "2026-03-02T08:15:30.000+00:00"),
        ("2026-03-02T17:15:30+09:00", None, "2026-03-02T08:15:30.000+00:00"),
        (1772439330123, None, "2026-03-02T08:15:30.123+00:00"),
        ("yesterday", None, "2026-03-02T08:15:00.000+00:00"),
        (None, "Asia/Seoul", "2026-03-02T08:15:00.000+00:00"),
        ("0001-01-01T00:00:00+09:00", None, "2026-03-02T08:15:00.000+00:00"),
    ],
)
def test_time_of_the_content_before_that_of_the_instance(timestamp: Any, timezone: str | None, at: str) -> None:
    content = notified({"Timestamp": timestamp, "pm25": 1}, ct="20260302T081500")
    assert times(read("onem2m", content, TOPIC, timezone=timezone)) == [at]


@pytest.mark.parametrize("wrapper", [None, "m2m:rqp"])
@pytest.mark.parametrize(("request_topic", "response_topic"), [("req", "resp"), ("reg_req", "reg_resp")])
def test_notifications_and_verifications_are_answered(
    wrapper: str | None, request_topic: str, response_topic: str
) -> None:
    verification = {"m2m:sgn": {"vrq": True, "sur": "/id-in/sub1"}}
    for content in (verification, notified({"pm25": 12})):
        request = {"op": 5, "fr": "/id-in", "rqi": "42", "rvi": "4", "pc": content}
        decoding = read(
            "onem2m", request if wrapper is None else {wrapper: request}, f"/oneM2M/{request_topic}/id-in/C/json"
        )
        ((topic, payload),) = decoding.answers
        answer = json.loads(payload)
        assert topic == f"/oneM2M/{response_topic}/id-in/C/json"
        assert (answer if wrapper is None else answer["m2m:rsp"]) == {"rsc": 2000, "rqi": "42", "rvi": "4"}


def test_a_notification_that_cannot_be_read_is_answered_all_the_same() -> None:
    broken = {"m2m:sgn": {"nev": {"rep": {"m2m:cin": {"con": "!!", "cnf": "text/plain:1"}}}, "sur": "cse-in/a/b/sub"}}
    with pytest.raises(AnsweredRejectionError, match="Base64") as caught:
        read("onem2m", {"op": 5, "rqi": 9, "pc": broken}, TOPIC)
    assert len(caught.value.answers) == 1


def test_a_request_to_create_is_for_the_server_to_answer() -> None:
    request = {"op": 1, "rqi": "1", "to": "cse/a/b", "pc": {"m2m:cin": {"con": {"pm25": 1}}}}
    assert not read("onem2m", request, TOPIC).answers


def test_instances_of_a_container_are_read_one_by_one_and_the_broken_one_is_a_dead_letter() -> None:
    def instance(content: Any) -> dict[str, Any]:
        return {"ct": "20260302T081530", "con": content}

    mapping = [{"pointer": "/m2m:cnt/m2m:cin/*/con/t", "key": "temperature"}]
    listed = [instance({"t": 21}), {"ct": "20260302T081600"}, instance({"t": 22, "pm25": 5})]
    decoding = read("onem2m", {"m2m:cnt": {"rn": "roof", "m2m:cin": listed}}, TOPIC, mapping=mapping)
    assert values(decoding) == {"roof": {"temperature": 22.0, "pm25": 5.0}}
    ((reason, payload),) = decoding.rejected
    assert "object with con" in reason
    assert json.loads(payload) == {"m2m:cnt": {"rn": "roof", "m2m:cin": [listed[1]]}}
    # A notification on the same topic has no list: the pointer leads nowhere.
    assert values(read("onem2m", notified({"t": 1, "pm25": 2}), TOPIC, mapping=mapping)).popitem()[1] == {"pm25": 2.0}


def test_flex_container_is_read_like_an_instance() -> None:
    flex = {"ty": 28, "st": 3, "ct": "20260302T080000", "lt": "20260302T081530", "curT0": 4.5, "humidity": 61}
    notice = {"m2m:sgn": {"nev": {"rep": {"cod:tempe": flex}}, "sur": "/id-in/cse-in/air/yard/tempe/sub"}}
    mapping = [{"pointer": "/m2m:sgn/nev/rep/cod:tempe/curT0", "key": "temperature"}]
    decoding = read("onem2m", notice, TOPIC, mapping=mapping)
    assert values(decoding) == {"yard": {"temperature": 4.5, "humidity": 61.0}}
    assert times(decoding) == ["2026-03-02T08:15:30.000+00:00"]


def test_mapped_member_of_a_flex_container_is_not_read_by_name() -> None:
    notice = {"m2m:sgn": {"nev": {"rep": {"cod:bat": {"battery": 3.3}}}, "sur": "/id-in/cse-in/air/yard/bat/sub"}}
    mapping = [{"pointer": "/m2m:sgn/nev/rep/cod:bat/battery", "key": "voltage"}]
    assert values(read("onem2m", notice, TOPIC, mapping=mapping)) == {"yard": {"voltage": 3.3}}


@pytest.mark.parametrize("rep", [{"m2m:cnt": {"rn": "a", "cs": 7}}, {"m2m:ae": {"pm25": 4}}, {"a": {"pm25": 4}}])
def test_other_resources_hold_no_values(rep: Any) -> None:
    assert not read("onem2m", {"m2m:sgn": {"nev": {"rep": rep}, "sur": "Mobius/a/b/c/sub"}}, TOPIC).readings
