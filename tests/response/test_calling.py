"""Escalation, quiet hours, limits and tests of a channel, through the outbox and a real store; the api's routes of them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.site import Site
from jeonju.response.notify.notification import MOST_IN_ONE, Notification
from jeonju.response.notify.outbox import Outbox
from jeonju.response.triage import AlertService
from jeonju.rules.rules import load_rules
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import local_client
from tests.response.notifying import NOW, SECRET, Clock, alert, control_room

RULES = """
[[channels]]
type = "apprise"
name = "kim"
urls = ["env:A"]
group_wait = "0s"
repeat = "0s"
[[channels]]
type = "apprise"
name = "chief"
urls = ["env:A"]
tells_end = false
group_wait = "0s"
repeat = "0s"
[[channels]]
type = "apprise"
name = "desk"
urls = ["env:A"]
group_wait = "0s"
most_per_hour = 4
severity = "info"
quiet = { from = "22:00", to = "07:00" }
[[people]]
name = "kim"
channels = ["kim"]
[[people]]
name = "boss"
channels = ["chief"]
[[on_call]]
role = "duty"
people = ["kim"]
[[on_call]]
role = "chief"
people = ["boss"]
[[escalations]]
steps = [{ role = "duty" }, { role = "chief", after = "10m" }]
"""
Sent = Callable[[str], list[list[str]]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(jeonju: Site, store: DuckDBStore, clock: Clock, tmp_path: Path) -> AlertService:
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    return AlertService(jeonju, store, load_rules(path), clock)


@pytest.fixture
def sent(jeonju: Site, store: DuckDBStore, service: AlertService, clock: Clock) -> Sent:
    """Return what sends what is due to a channel now, as after a restart, and returns it."""

    def of(name: str) -> list[list[str]]:
        found: list[Notification] = []

        def send(notification: Notification, _now: datetime) -> str:
            found.append(notification)
            return "taken"

        channel = next(channel for channel in service.rules.channels if channel.name == name)
        Outbox(jeonju, store, service, channel, send, clock).send_due()
        return [[one.kind, *(f"{due.alert_id} {due.state}" for due in one.due)] for one in found]

    for name in ("kim", "chief", "desk"):
        of(name)
    return of


def raise_alerts(store: DuckDBStore, service: AlertService, *alerts: object) -> None:
    store.write_alerts(alerts)  # type: ignore[arg-type]
    service.handle(alerts)  # type: ignore[arg-type]


def test_next_role_is_told_when_nobody_acknowledges(
    store: DuckDBStore, service: AlertService, clock: Clock, sent: Sent
) -> None:
    raise_alerts(store, service, alert("one"), alert("two", kind="dust", device="palbok-01"))
    assert sent("kim") == [["smoke", "one raised-critical"], ["dust", "two raised-critical"]]
    assert sent("chief") == []
    clock.at += timedelta(minutes=9)
    service.act(alert("two"), "acknowledge", "kim")
    assert sent("chief") == []
    clock.at += timedelta(minutes=2)
    assert sent("chief") == [["smoke", "one raised-critical"]]
    ended = [
        alert(name, ended_at=clock(), kind=kind, device=device)
        for name, kind, device in (("one", "smoke", "palbok-03"), ("two", "dust", "palbok-01"))
    ]
    raise_alerts(store, service, *ended)
    assert sent("chief") == []
    assert sent("kim") == [["smoke", "one ended"], ["dust", "two ended"]]


def test_time_runs_from_the_end_of_a_silence_and_what_is_over_calls_nobody(
    store: DuckDBStore, service: AlertService, clock: Clock, sent: Sent
) -> None:
    service.silences.add("kim", clock() + timedelta(hours=1), "exercise", {"kind": "smoke", "zone": "*", "device": "*"})
    raise_alerts(
        store,
        service,
        alert("one"),
        alert("short", kind="dust", device="palbok-01", ended_at=NOW + timedelta(minutes=5)),
    )
    clock.at += timedelta(minutes=61)
    assert sent("chief") == []
    assert ["smoke", "one raised-critical"] in sent("kim")
    clock.at += timedelta(minutes=10)
    assert sent("chief") == [["smoke", "one raised-critical"]]


def test_quiet_hours_hold_back_all_but_what_is_severe_and_a_summary_follows(
    store: DuckDBStore, service: AlertService, clock: Clock, sent: Sent
) -> None:
    """NOW is 21:00 in Seoul."""
    raise_alerts(store, service, alert("evening", kind="dust", severity="warning", device="palbok-01"))
    assert sent("desk") == [["dust", "evening raised-warning"]]
    clock.at = NOW + timedelta(hours=3)
    night = [
        alert("fire", started_at=clock.at),
        alert(
            "short",
            kind="odour",
            severity="warning",
            device="palbok-02",
            started_at=clock.at,
            ended_at=clock.at + timedelta(minutes=20),
        ),
        alert("long", kind="cai", severity="warning", device="manseong-01", zone="manseong", started_at=clock.at),
        alert("evening", kind="dust", severity="warning", device="palbok-01", ended_at=clock.at),
    ]
    raise_alerts(store, service, *night)
    assert sent("desk") == [["smoke", "fire raised-critical"]]
    clock.at += timedelta(hours=1)
    raise_alerts(store, service, alert("fire", started_at=NOW + timedelta(hours=3), ended_at=clock.at))
    assert sent("desk") == [["smoke", "fire ended"]]
    clock.at = NOW + timedelta(hours=10, minutes=1)
    assert sent("desk") == [["summary", "evening ended", "short raised-warning", "short ended", "long raised-warning"]]
    assert sent("desk") == []


def test_limit_leaves_room_for_what_is_critical_and_loses_nothing(
    store: DuckDBStore, service: AlertService, clock: Clock, sent: Sent
) -> None:
    kinds = ("dust", "odour", "release", "cai")
    calm = [
        alert(kind, kind=kind, severity="warning", device=f"palbok-0{number}") for number, kind in enumerate(kinds, 4)
    ]
    raise_alerts(store, service, *calm)
    assert len(sent("desk")) == 3
    raise_alerts(store, service, alert("fire"))
    assert sent("desk") == [["smoke", "fire raised-critical"]]
    raise_alerts(store, service, alert("second", device="manseong-01", zone="manseong"))
    assert sent("desk") == []
    # An hour later there is room again, but it is night.
    clock.at += timedelta(minutes=61)
    assert sent("desk") == [["smoke", "second raised-critical"]]
    clock.at += timedelta(hours=9)
    assert ["cai", "cai raised-warning"] in sent("desk")


def test_many_alerts_go_out_in_bounded_notifications(store: DuckDBStore, service: AlertService, sent: Sent) -> None:
    raise_alerts(store, service, *(alert(f"a{number}") for number in range(MOST_IN_ONE + 1)))
    assert [len(states) - 1 for states in sent("desk")] == [MOST_IN_ONE, 1]


def test_api_tests_a_channel_and_says_what_was_answered(
    jeonju: Site, store: DuckDBStore, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOM", SECRET)
    with control_room() as room:
        path = tmp_path / "rules.toml"
        path.write_text(f"[[channels]]\ntype = 'webhook'\nname = 'room'\nurl = '{room.url}'\nsecret = 'env:ROOM'\n")
        app = api_app(jeonju, store, "mqtt://127.0.0.1:1", now=clock, rules=load_rules(path))
        with local_client(app) as client:
            said = client.post("/api/v1/channels/room/test", headers={"X-Operator": "kim"}).json()
            assert said["answer"].endswith("answered 200")
            assert room.received[0]["kind"] == "test"
            room.status = 503
            refused = client.post("/api/v1/channels/room/test")
            assert (refused.status_code, "answered 503" in refused.json()["detail"]) == (502, True)
            assert client.post("/api/v1/channels/pigeon/test").status_code == 404
            assert client.get("/api/v1/channels").json()["channels"][0]["name"] == "room"
            tests = [
                entry["who"]
                for entry in client.get("/api/v1/journal?subject=channel:room").json()
                if entry["action"] == "channel-tested"
            ]
            assert tests == ["kim", "local"]
            advice = client.get("/api/v1/advice").json()["advice"]
            assert [one["key"] for one in advice] == ["good", "moderate", "bad", "very-bad", "smoke-here"]
            assert all(
                one[f"{who}_{language}"]
                for one in advice
                for who in ("everybody", "sensitive")
                for language in ("ko", "en")
            )


def test_tests_are_limited_too(jeonju: Site, store: DuckDBStore, service: AlertService, clock: Clock) -> None:
    def away(_notification: Notification, _now: datetime) -> str:
        raise UnavailableError("away")

    desk = next(channel for channel in service.rules.channels if channel.name == "desk")
    outbox = Outbox(jeonju, store, service, desk, away, clock)
    for _ in range(3):
        with pytest.raises(UnavailableError, match="away"):
            outbox.test("kim")
    with pytest.raises(UserError, match="within an hour"):
        outbox.test("kim")
