"""Notifications through real servers: everything arrives, once for each state, whichever part is down or dies in between."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope
from standardwebhooks import Webhook as StandardWebhook
from standardwebhooks import WebhookVerificationError

from jeonju.common.clock import utc_now
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.site import Site
from jeonju.messages import legal
from jeonju.response.notify.mail import open_mail
from jeonju.response.notify.notification import Notification
from jeonju.response.notify.outbox import Outbox
from jeonju.response.notify.webhook import open_webhook, signed
from jeonju.response.triage import AlertService
from jeonju.rules.channel_base import Channel, read_secret
from jeonju.rules.channels import Email, Webhook
from jeonju.rules.rules import Rules, load_rules, shipped_rules
from jeonju.storage.duckdb.store import DuckDBStore
from tests.processes import started
from tests.response.notifying import NOW, SECRET, Clock, alert, control_room
from tests.waiting import wait_until

ROOM = Channel(name="room", group_wait=0.0)


class Recorder:
    """A channel that records its notifications."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.is_down = False

    def __call__(self, notification: Notification, _now: datetime) -> str:
        if self.is_down:
            raise UnavailableError("the receiver is away")
        self.notifications.append(notification)
        return "taken"

    def take(self) -> list[list[str]]:
        """Return the states of each notification since the last call."""
        found = [[f"{due.alert_id} {due.state}" for due in notification.due] for notification in self.notifications]
        self.notifications.clear()
        return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(jeonju: Site, store: DuckDBStore, clock: Clock) -> AlertService:
    return AlertService(jeonju, store, shipped_rules(), clock)


Open = Callable[..., tuple[Outbox, Recorder]]


@pytest.fixture
def opened(jeonju: Site, store: DuckDBStore, service: AlertService, clock: Clock) -> Open:
    """Return what opens an outbox, as each start of the process does."""

    def make(channel: Channel = ROOM) -> tuple[Outbox, Recorder]:
        recorder = Recorder()
        outbox = Outbox(jeonju, store, service, channel, recorder, clock)
        outbox.send_due()
        return outbox, recorder

    return make


def raise_alerts(store: DuckDBStore, service: AlertService, *alerts: Any) -> None:
    store.write_alerts(alerts)
    service.handle(alerts)


def test_every_state_is_sent_once_and_a_restart_sends_nothing_again(
    store: DuckDBStore, service: AlertService, opened: Open
) -> None:
    outbox, recorder = opened()
    for severity in ("warning", "warning", "critical", "warning"):
        raise_alerts(store, service, alert("one", severity=severity))
        outbox.send_due()
    assert recorder.take() == [["one raised-warning"], ["one raised-critical"]]
    again, recorder = opened()
    assert recorder.take() == []
    raise_alerts(store, service, alert("one", ended_at=NOW + timedelta(minutes=5)))
    again.send_due()
    again.send_due()
    assert recorder.take() == [["one ended"]]


def test_same_kind_and_zone_go_out_as_one_and_others_apart(
    store: DuckDBStore, service: AlertService, opened: Open
) -> None:
    outbox, recorder = opened()
    raise_alerts(
        store,
        service,
        alert("a"),
        alert("b", device="palbok-01"),
        alert("c", device="manseong-01", zone="manseong"),
        alert("d", kind="pm10-advisory", severity="warning", device=None),
    )
    outbox.send_due()
    assert sorted(recorder.take()) == [
        ["a raised-critical", "b raised-critical"],
        ["c raised-critical"],
        ["d raised-warning"],
    ]


def test_alert_that_began_and_ended_while_the_channel_was_down_is_sent_in_order(
    store: DuckDBStore, service: AlertService, opened: Open
) -> None:
    outbox, recorder = opened()
    recorder.is_down = True
    raise_alerts(store, service, alert("one"))
    with pytest.raises(UnavailableError):
        outbox.send_due()
    raise_alerts(store, service, alert("one", ended_at=NOW + timedelta(seconds=1)))
    recorder.is_down = False
    outbox.send_due()
    assert recorder.take() == [["one raised-critical"], ["one ended"]]
    assert outbox.counters.trouble is None


def test_alert_that_ended_before_the_channel_existed_is_not_sent(
    store: DuckDBStore, service: AlertService, opened: Open
) -> None:
    store.write_alerts(
        [
            alert("old", started_at=NOW - timedelta(hours=3), ended_at=NOW - timedelta(hours=2)),
            alert("lasts", started_at=NOW - timedelta(hours=3)),
        ]
    )
    assert opened()[1].take() == [["lasts raised-critical"]]


def test_least_severity_and_kinds_choose(store: DuckDBStore, service: AlertService, opened: Open) -> None:
    raise_alerts(
        store,
        service,
        alert("a", severity="info"),
        alert("b", kind="dust", severity="warning", device="palbok-01"),
        alert("c"),
    )
    assert opened()[1].take() == [["c raised-critical"], ["b raised-warning"]]
    assert opened(Channel(name="fires", kinds=("smo*",), severity="info"))[1].take() == [
        ["a raised-info", "c raised-critical"]
    ]


def test_repeats_stop_when_somebody_acknowledges(
    store: DuckDBStore, service: AlertService, opened: Open, clock: Clock
) -> None:
    raise_alerts(store, service, alert("one"))
    outbox, recorder = opened()
    for _ in range(2):
        clock.at += timedelta(hours=4)
        outbox.send_due()
        outbox.send_due()
    assert recorder.take() == [["one raised-critical"], ["one repeated-1"], ["one repeated-2"]]
    service.act(alert("one"), "acknowledge", "kim")
    clock.at += timedelta(hours=9)
    outbox.send_due()
    assert recorder.take() == []
    service.act(alert("one"), "close", "kim", verdict="false-alarm")
    outbox.send_due()
    assert recorder.take() == [["one closed-false-alarm"]]
    raise_alerts(store, service, alert("one", ended_at=clock()))
    outbox.send_due()
    assert recorder.take() == []


def test_silence_holds_back_until_it_is_over(
    store: DuckDBStore, service: AlertService, opened: Open, clock: Clock
) -> None:
    service.silences.add("kim", NOW + timedelta(hours=1), "exercise", {"kind": "smoke", "zone": "pal*", "device": "*"})
    raise_alerts(store, service, alert("in"), alert("out", device="manseong-01", zone="manseong"))
    outbox, recorder = opened()
    assert recorder.take() == [["out raised-critical"]]
    clock.at += timedelta(hours=1)
    outbox.send_due()
    assert recorder.take() == [["in raised-critical"]]


def test_inhibited_alert_is_sent_when_the_inhibiting_alert_ends(
    store: DuckDBStore, service: AlertService, opened: Open
) -> None:
    raise_alerts(
        store,
        service,
        alert("smoke"),
        alert("cai", kind="cai", severity="warning"),
        alert("far", kind="cai", severity="warning", device="palbok-01"),
        alert("gone", kind="cai", severity="warning", ended_at=NOW + timedelta(seconds=1)),
    )
    outbox, recorder = opened()
    assert recorder.take() == [["smoke raised-critical"], ["far raised-warning"]]
    raise_alerts(store, service, alert("smoke", ended_at=NOW + timedelta(seconds=2)))
    outbox.send_due()
    assert recorder.take() == [["smoke ended"], ["cai raised-warning"]]


def test_one_notification_that_is_refused_does_not_hold_up_the_others(
    jeonju: Site, store: DuckDBStore, service: AlertService, clock: Clock
) -> None:
    heard: list[str] = []

    def send(notification: Notification, _now: datetime) -> str:
        if notification.kind == "smoke":
            raise UnavailableError("no")
        heard.append(notification.kind)
        return "taken"

    outbox = Outbox(jeonju, store, service, ROOM, send, clock)
    raise_alerts(store, service, alert("a"), alert("b", kind="dust", severity="warning", device="palbok-01"))
    with pytest.raises(UnavailableError):
        outbox.send_due()
    assert (heard, outbox.counters.waiting, outbox.counters.sent) == (["dust"], 1, 1)


def test_store_that_goes_away_after_sending_causes_no_second_notification(
    store: DuckDBStore, service: AlertService, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox, recorder = opened()
    raise_alerts(store, service, alert("one"))
    write = store.write_journal

    def away(*_: Any) -> None:
        raise UnavailableError("the store is away")

    monkeypatch.setattr(store, "write_journal", away)
    with pytest.raises(UnavailableError):
        outbox.send_due()
    monkeypatch.setattr(store, "write_journal", write)
    outbox.send_due()
    assert recorder.take() == [["one raised-critical"]]
    assert opened()[1].take() == []


def webhook_rules(folder: Path, url: str, *more: str) -> Rules:
    (folder / "secret").write_text(SECRET + "\n")
    text = "\n".join(
        [
            "[[channels]]",
            "type = 'webhook'",
            "name = 'room'",
            f"url = '{url}'",
            f"secret = 'file:{folder / 'secret'}'",
            "group_wait = '0s'",
            *more,
        ]
    )
    (folder / "rules.toml").write_text(text)
    return load_rules(folder / "rules.toml")


def test_webhook_that_is_down_is_tried_again_and_does_not_hold_up_other_channels(
    jeonju: Site, store: DuckDBStore, service: AlertService, clock: Clock, tmp_path: Path
) -> None:
    recorder = Recorder()
    with control_room() as room:
        (settings,) = webhook_rules(tmp_path, room.url).channels
        assert isinstance(settings, Webhook)
        outboxes = [
            Outbox(jeonju, store, service, settings, open_webhook(settings), clock),
            Outbox(jeonju, store, service, Channel(name="other", group_wait=0.0), recorder, clock),
        ]
        room.status = 503
        raise_alerts(store, service, alert("one"))
        for outbox in outboxes:
            outbox.start()
        wait_until(lambda: "answered 503" in str(outboxes[0].counters.trouble), what="a failure")
        wait_until(lambda: recorder.notifications, what="the other channel")
        room.status = 200
        wait_until(lambda: outboxes[0].counters.trouble is None, what="the second try")
        assert outboxes[0].counters.sent == 1
        assert set(room.events) == {"one/raised-critical"}
        assert len({body["id"] for body in room.received}) == 1
        for outbox in outboxes:
            outbox.stop()


@pytest.mark.parametrize("secret", ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "고양이 cat"])
def test_receivers_verify_a_webhook_with_the_standards_library(secret: str) -> None:
    headers, body = signed(secret, "n1", utc_now(), b'{"id": "n1"}'), b'{"id": "n1"}'
    receiver = StandardWebhook(secret if secret.startswith("whsec_") else secret.encode())
    assert receiver.verify(body, headers) == {"id": "n1"}
    with pytest.raises(WebhookVerificationError):
        receiver.verify(b'{"id": "n2"}', headers)


def test_stop_does_not_wait_for_a_channel_that_is_down(
    jeonju: Site, store: DuckDBStore, service: AlertService, clock: Clock, tmp_path: Path
) -> None:
    (settings,) = webhook_rules(tmp_path, "http://127.0.0.1:1/").channels
    assert isinstance(settings, Webhook)
    raise_alerts(store, service, alert("one"))
    outbox = Outbox(jeonju, store, service, settings, open_webhook(settings), clock)
    outbox.start()
    wait_until(lambda: outbox.counters.failed, what="a failure")
    outbox.stop()
    assert (outbox.counters.sent, outbox.counters.waiting) == (0, 1)


class Mailbox:
    """Takes mail, or refuses it."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.answer = "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802  (aiosmtpd's name)
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(envelope.content)
        return self.answer


class MailServer(Controller):
    """A real mail server on whatever port is free."""

    server: Any

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()
    controller = MailServer(box, hostname="127.0.0.1", port=0)
    controller.start()
    yield box, controller.port
    controller.stop()


def test_mail_is_sent_in_the_language_asked_for_and_tried_again(
    jeonju: Site, store: DuckDBStore, service: AlertService, clock: Clock, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    settings = Email(
        type="email",
        name="duty",
        host="127.0.0.1",
        port=port,
        security="none",
        sender="air@jeonju.test",
        to=("a@b.test", "c@d.test"),
        group_wait=0.0,
    )
    outbox = Outbox(jeonju, store, service, settings, open_mail(settings, jeonju, legal.note(["none"])), clock)
    raise_alerts(store, service, alert("one"), alert("two", device="palbok-01"))
    box.answer = "451 try later"
    with pytest.raises(UnavailableError, match="does not take mail"):
        outbox.send_due()
    box.answer = "250 OK"
    outbox.send_due()
    (raw,) = box.mails
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["Subject"] == "[위험] 연기·화재 의심 (발생) palbok"
    assert mail["To"] == "a@b.test, c@d.test"
    text = mail.get_content()
    assert text.count("발생: 연기 <&> (runbook: smoke)") == 2
    assert "참고용" in text


def test_secret_that_is_missing_is_said_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JEONJU_TEST_SECRET", "x")
    assert read_secret("env:JEONJU_TEST_SECRET") == "x"
    for place, message in [
        ("env:JEONJU_NO_SECRET", "is empty; set JEONJU_NO_SECRET"),
        (f"file:{tmp_path}/none", "cannot be read"),
    ]:
        with pytest.raises(UserError, match=message):
            read_secret(place)


@contextmanager
def serve(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """An api in a process of its own, which does not outlive the test."""
    command = [
        sys.executable,
        "-m",
        "jeonju",
        "api",
        "--store",
        str(folder / "air.duckdb"),
        "--rules",
        str(folder / "rules.toml"),
        "--broker",
        "mqtt://127.0.0.1:1",
        "--port",
        "0",
    ]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_process_killed_while_sending_sends_again_after_the_restart_and_only_once(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    store.write_alerts([alert("one", started_at=utc_now())])
    store.close()
    with control_room() as room:
        webhook_rules(tmp_path, room.url)
        room.answers.clear()
        with serve(tmp_path) as dying:
            wait_until(lambda: room.received, what="the first try")
            os.kill(dying.pid, signal.SIGKILL)
        room.answers.set()
        with serve(tmp_path) as living:
            wait_until(lambda: len(room.received) == 2, what="the try after the restart")
            url = url_of(living)
            wait_until(lambda: len(journal_of(url)) == 2, what="the journal")
            living.send_signal(signal.SIGTERM)
            assert living.wait(60) == 0
        assert room.received[0]["id"] == room.received[1]["id"]
        # A third start has nothing to send.
        with serve(tmp_path) as idle:
            assert len(journal_of(url_of(idle))) == 2
            idle.send_signal(signal.SIGTERM)
            assert idle.wait(60) == 0
        assert room.events == ["one/raised-critical"] * 2


def url_of(process: subprocess.Popen[str]) -> str:
    """Return where a process serves, once it does."""
    assert process.stdout is not None
    url = process.stdout.readline().strip()

    def answers() -> bool:
        try:
            return httpx2.get(f"{url}/healthz").status_code == 200
        except httpx2.TransportError:
            return False

    wait_until(answers, what="the api")
    return url


def journal_of(url: str) -> list[dict[str, Any]]:
    """Return what the journal of a running api says of the channel; nothing while a notification is waiting."""
    health = httpx2.get(f"{url}/api/v1/health").json()["notifications"]["room"]
    assert health["failed"] == 0
    entries: list[dict[str, Any]] = httpx2.get(f"{url}/api/v1/journal", params={"subject": "channel:room"}).json()
    return entries if health["waiting"] == 0 else []
