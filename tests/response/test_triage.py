"""What people do about alerts, over HTTP and over a restart; CAP; and what the broker retains."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import paho.mqtt.client as mqtt
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract import topics
from jeonju.contract.known_source import KnownSource
from jeonju.contract.records import DeviceRecord
from jeonju.contract.site import Site
from jeonju.response.notify.cap import CAP, as_cap
from jeonju.rules.rules import shipped_rules
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.clients import local_client
from tests.response.cap_checks import check_cap
from tests.response.notifying import NOW, Clock, alert
from tests.waiting import wait_until


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(jeonju: Site, store: DuckDBStore, clock: Clock) -> Iterator[TestClient]:
    store.write_alerts(
        [
            alert("one"),
            alert("two", kind="cai", severity="warning"),
            alert("advice", kind="pm10-advisory", severity="warning", device=None),
            alert("old", started_at=NOW - timedelta(days=9), ended_at=NOW - timedelta(days=8)),
        ]
    )
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=clock)) as started:
        yield started


def get(client: TestClient, path: str, **query: Any) -> Any:
    answer = client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(client: TestClient, path: str, body: Any = None, who: str = "kim") -> Any:
    return client.post(f"/api/v1/{path}", json=body, headers={"X-Operator": quote(who)})


def test_alert_is_acknowledged_commented_and_closed_and_a_restart_remembers(
    client: TestClient, jeonju: Site, store: DuckDBStore, clock: Clock
) -> None:
    assert (
        post(client, "alerts/one/acknowledge", {"note": "119 불렀음"}, who="김 반장").json()["handling"]["state"]
        == "acknowledged"
    )
    assert post(client, "alerts/one/acknowledge").status_code == 409
    assert post(client, "alerts/one/comment", {"note": ""}).status_code == 422
    assert post(client, "alerts/one/comment", {"note": "it is a grill"}).status_code == 200
    assert post(client, "alerts/one/assign", {"assignee": " 이 주임 "}).json()["handling"]["assignee"] == "이 주임"
    assert "assignee" not in post(client, "alerts/one/assign", {"assignee": ""}).json()["handling"]
    assert post(client, "alerts/one/assign", {"assignee": "lee"}).status_code == 200
    assert post(client, "alerts/one/close", {"verdict": "maybe"}).status_code == 422
    assert post(client, "alerts/one/close", {"verdict": "false-alarm", "note": "grill"}, who="lee").status_code == 200
    refused = post(client, "alerts/one/close", {"verdict": "confirmed"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "the alert is closed as false-alarm by lee")
    assert post(client, "alerts/nothing/acknowledge").status_code == 404
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=clock)) as again:
        found = get(again, "alerts/one")
        assert found["handling"] | {"since": None} == {
            "state": "closed",
            "verdict": "false-alarm",
            "who": "lee",
            "since": None,
            "comments": 1,
            "assignee": "lee",
        }
        assert found["active"]
        assert [(e["who"], e["action"], e["details"]) for e in found["journal"]] == [
            ("김 반장", "acknowledge", {"note": "119 불렀음"}),
            ("kim", "comment", {"note": "it is a grill"}),
            ("kim", "assign", {"assignee": "이 주임"}),
            ("kim", "assign", {}),
            ("kim", "assign", {"assignee": "lee"}),
            ("lee", "close", {"note": "grill", "verdict": "false-alarm"}),
        ]
        assert len(get(again, "journal", subject="one")) == 6
        assert [entry["action"] for entry in get(again, "journal") if entry["action"] != "request"] == [
            "acknowledge",
            "comment",
            *3 * ["assign"],
            "close",
        ]


def test_alert_of_last_week_can_still_be_judged(client: TestClient) -> None:
    assert post(client, "alerts/old/close", {"verdict": "confirmed"}).status_code == 200
    assert get(client, "alerts/old")["handling"]["verdict"] == "confirmed"


def test_name_that_is_none_is_refused(client: TestClient) -> None:
    assert post(client, "alerts/one/acknowledge", who="a\nb").status_code == 422
    assert post(client, "alerts/one/acknowledge", who="k" * 101).status_code == 422


def test_inhibited_alert_says_by_what(client: TestClient) -> None:
    held_back = {alert["id"]: alert["held_back"] for alert in get(client, "alerts")}
    assert held_back == {"one": None, "two": {"inhibited_by": "one"}, "advice": None}


def test_silence_is_made_listed_ended_and_survives_a_restart(
    client: TestClient, jeonju: Site, store: DuckDBStore, clock: Clock
) -> None:
    made = post(client, "silences", {"kind": "smoke", "device": "palbok-*", "for": "2h", "reason": "fire exercise"})
    assert made.status_code == 201
    silence = made.json()
    assert (silence["who"], silence["zone"], silence["active"]) == ("kim", "*", True)
    assert get(client, "alerts/one")["held_back"] == {"silence": silence["id"]}
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=clock)) as again:
        assert [row["id"] for row in get(again, "silences")] == [silence["id"]]
        assert again.delete(f"/api/v1/silences/{silence['id']}").status_code == 204
        assert again.delete(f"/api/v1/silences/{silence['id']}").status_code == 404
        assert get(again, "silences") == []
        assert [row["id"] for row in get(again, "silences", state="all")] == [silence["id"]]
        assert get(again, "alerts/one")["held_back"] is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"for": "2h"}, "reason"),
        ({"reason": "because"}, "say either until when, or for how long"),
        ({"reason": "because", "for": "60d"}, "at most 30 days"),
        ({"reason": "because", "for": "soon"}, "is no duration"),
        ({"reason": "because", "until": "2026-03-04T12:30:00"}, "until: needs a time zone"),
        ({"reason": "because", "until": "0001-01-01T00:00:00+20:00"}, "until: must lie within the years 1971 to 2199"),
        ({"reason": "because", "until": "2026-03-04T11:30:00Z"}, "would be over already"),
        ({"reason": "because", "for": "2h", "knd": "x"}, "knd"),
    ],
)
def test_silence_that_cannot_be_is_refused_with_the_reason(
    client: TestClient, body: dict[str, str], message: str
) -> None:
    answer = post(client, "silences", body)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]


def test_nuisance_is_marked_listed_and_taken_away(
    client: TestClient, jeonju: Site, store: DuckDBStore, clock: Clock
) -> None:
    place = {
        "lat": 35.8546,
        "lon": 127.0976,
        "radius_m": 80,
        "weekdays": [4],
        "from_hour": 17,
        "to_hour": 2,
        "note": "꼬치 골목",
    }
    made = post(client, "nuisances", place).json()
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=clock)) as again:
        assert get(again, "nuisances") == [made]
        assert (made["of_class"], made["note"]) == ("fire", "꼬치 골목")
        assert again.delete(f"/api/v1/nuisances/{made['id']}").status_code == 204
        assert again.delete(f"/api/v1/nuisances/{made['id']}").status_code == 404
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=clock)) as again:
        assert get(again, "nuisances") == []
    assert post(client, "nuisances", place | {"lat": 37.5}).status_code == 422
    assert post(client, "nuisances", place | {"weekdays": [7]}).status_code == 422
    assert post(client, "nuisances", place | {"from_hour": 2}).status_code == 422


def test_hours_of_a_nuisance_go_over_midnight() -> None:
    friday = KnownSource(lat=35.8, lon=127.1, weekdays=(4,), from_hour=17, to_hour=2)
    noon = NOW.replace(day=6)  # a Friday
    assert [friday.applies(noon + timedelta(hours=h)) for h in (0, 4.9, 5, 11.9, 13.9, 14)] == [
        False,
        False,
        True,
        True,
        True,
        False,
    ]
    assert not friday.applies(noon - timedelta(hours=11))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    path=st.sampled_from(["alerts/one/comment", "alerts/one/close", "silences", "nuisances"]),
    body=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
        lambda inner: st.dictionaries(
            st.sampled_from(["note", "verdict", "reason", "for", "until", "kind", "lat", "lon", "weekdays"]),
            inner,
            max_size=5,
        ),
    ),
)
def test_any_body_gets_an_answer_or_a_reason(client: TestClient, path: str, body: Any) -> None:
    assert post(client, path, body).status_code in (200, 201, 409, 422)


def test_cap_message_of_every_shipped_rule_and_severity_is_as_the_standard_says(jeonju: Site) -> None:
    for kind, rule in shipped_rules().rules.items():
        for severity, ended_at, device, zone in [
            ("info", None, "palbok-03", "palbok"),
            ("critical", NOW, None, "palbok"),
            ("warning", NOW, None, None),
        ]:
            record = alert("a", kind=kind, severity=severity, device=device, zone=zone, ended_at=ended_at)
            message = ET.fromstring(as_cap(jeonju, shipped_rules(), record, {"palbok-01"}))
            assert message.tag == f"{{{CAP}}}alert"
            check_cap(message)
            found = {
                tag: message.findtext(f".//{{{CAP}}}{tag}") for tag in ("msgType", "category", "status", "headline")
            }
            assert found == {
                "msgType": "Cancel" if ended_at else "Alert",
                "category": rule.cap or "Other",
                "status": "Actual" if device else "Exercise",
                "headline": "연기 <&>",
            }


def test_feed_has_what_lasts_and_what_just_ended_and_not_what_is_held_back(
    client: TestClient, store: DuckDBStore, clock: Clock
) -> None:
    service = client.app.state.air.alerts  # type: ignore[attr-defined]
    store.write(Commit(devices=[DeviceRecord("jeonju", "palbok-03", "palbok", "station", "simulated", "online", NOW)]))
    ended = alert("ended", device="palbok-01", started_at=NOW - timedelta(hours=1), ended_at=NOW)
    service.handle([ended, alert("quiet", kind="silent", severity="info", device="palbok-02")])
    answer = client.get("/api/v1/alerts.cap.xml")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    messages = ET.fromstring(answer.content).findall(f".//{{{CAP}}}alert")
    for message in messages:
        check_cap(message)
    statuses = {message.findtext(f"{{{CAP}}}identifier"): message.findtext(f"{{{CAP}}}status") for message in messages}
    # The index is inhibited by the smoke, and a silent device is nothing for the public.
    assert statuses == {"one.critical": "Exercise", "advice.warning": "Exercise", "ended.ended": "Actual"}
    single = client.get("/api/v1/alerts/ended/cap.xml")
    assert single.headers["content-type"].startswith("application/cap+xml")
    assert "ended.critical" in (ET.fromstring(single.content).findtext(f"{{{CAP}}}references") or "")
    clock.at += timedelta(hours=2)
    assert b"ended.ended" not in client.get("/api/v1/alerts.cap.xml").content


def test_broker_retains_alerts_that_last_and_no_others(
    broker: EmbeddedBroker, jeonju: Site, store: DuckDBStore
) -> None:
    """After a restart too: what ended while the api was away is taken from the broker."""
    store.write_alerts([alert("one"), alert("two", ended_at=NOW)])
    retained: dict[str, bytes] = {}
    listener = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener")
    listener.on_message = lambda _c, _d, message: retained.__setitem__(
        message.topic.split("/")[-1], bytes(message.payload)
    )
    listener.connect("127.0.0.1", broker.port)
    listener.loop_start()
    listener.subscribe(topics.alert("jeonju", "+"), 1)
    listener.publish(topics.alert("jeonju", "two"), b'{"id": "two"}', qos=1, retain=True)
    wait_until(lambda: "two" in retained, what="the stale alert")
    with local_client(api_app(jeonju, store, broker.url)) as client:
        wait_until(lambda: retained.get("two") == b"", what="the end of the stale alert")
        wait_until(lambda: b'"held_back": null' in retained.get("one", b""), what="the lasting alert")
        post(client, "alerts/one/acknowledge")
        wait_until(lambda: b'"acknowledged"' in retained["one"], what="the acknowledgement")
    listener.disconnect()
    listener.loop_stop()
