"""Sends a channel everything at least once.

What is due follows from the alerts and from what the journal says was sent, so nothing is lost when the process dies: what was not written down
as sent is sent again. Each channel has a thread of its own, and one that is down does not hold up the others.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from jeonju.common.errors import RejectedError, UnavailableError, UserError
from jeonju.contract.journal import JournalAction
from jeonju.contract.records import AlertRecord, JournalEntry
from jeonju.contract.site import Site
from jeonju.response.journal import SYSTEM, Journal, details_of
from jeonju.response.notify.notification import (
    Due,
    Notification,
    Sent,
    due_state,
    grouped,
    happened_at,
    loudest_of,
    summaries,
    trial,
)
from jeonju.response.notify.taken import Send
from jeonju.response.triage import AlertService
from jeonju.rules.channel_base import RANK, Channel
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

OPENED: Final = "channel-opened"
NOTIFIED: Final = "notified"
REFUSED: Final = "notification-refused"
TESTED: Final = "channel-tested"
HOUR: Final = timedelta(hours=1)
# Repeats fall due and silences end without an alert that changes.
LOOK_EVERY_S: Final = 15.0
# A channel that is down is tried again after 1, 2, 4 … seconds, at last every 5 minutes.
LONGEST_WAIT_S: Final = 300.0
# Of what a receiver asks for.
LONGEST_RETRY_AFTER_S: Final = 900.0


_GROWING: Final = wait_exponential(max=LONGEST_WAIT_S)


class SentDetails(msgspec.Struct):
    """The details of an entry about a channel: which states of which alerts were sent; none when the channel was opened."""

    # Alert and state. The name in stored journals is kept.
    states: list[tuple[str, str]] = msgspec.field(default_factory=list, name="told")


@dataclass
class Counters:
    """How a channel is doing, for the health page.

    `failed` counts tries that failed, `partial` those that reached some of its receivers; `refused` are notifications that no receiver will ever
    take; `quiet` are alerts that quiet hours hold back now.
    """

    sent: int = 0
    failed: int = 0
    partial: int = 0
    refused: int = 0
    waiting: int = 0
    quiet: int = 0
    last_sent_at: datetime | None = None
    trouble: str | None = None


class Outbox:
    """Sends one channel what is due; `send` raises UnavailableError when the channel is down."""

    def __init__(
        self,
        site: Site,
        store: Store,
        alerts: AlertService,
        channel: Channel,
        send: Send,
        now: Callable[[], datetime],
    ) -> None:
        self._site, self._zone = site.name, ZoneInfo(site.timezone)
        self._alerts, self.channel, self._send, self._now = alerts, channel, send, now
        self._calling = alerts.rules.calling
        self._journal = Journal(site.name, store, now)
        self._recently = deque[datetime](maxlen=channel.most_per_hour)
        self.counters = Counters()
        self._subject = f"channel:{channel.name}"
        self._is_personal = bool(self._calling.owners(channel.name))
        self._has_quiet = bool(self._calling.quiet_of(channel))
        self._opened_at: datetime | None = None
        self._sent: dict[str, dict[str, datetime]] = {}  # alert → state → when
        self._unwritten: list[JournalEntry] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"notify-{channel.name}", daemon=True)

    @property
    def name(self) -> str:
        """The channel's name."""
        return self.channel.name

    def start(self) -> None:
        """Begin with what was left over."""
        self.wake()
        self._thread.start()

    def wake(self) -> None:
        """Say that something may be due."""
        self._wake.set()

    def stop(self) -> None:
        """Finish what is being sent and leave; the rest is sent after the next start."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def state(self) -> dict[str, Any]:
        """Return the counters."""
        return asdict(self.counters)

    def _run(self) -> None:
        retrying = Retrying(
            retry=retry_if_exception_type(UnavailableError),
            wait=_wait_s,
            stop=stop_when_event_set(self._stopping),
            sleep=sleep_using_event(self._stopping),
            before_sleep=self._note_failure,
            retry_error_callback=lambda _state: None,
        )
        while not self._stopping.is_set():
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()
            try:
                # What belongs together comes within seconds.
                if (self._due() or self._unwritten) and not self._stopping.wait(self.channel.group_wait):
                    retrying(self.send_due)
            except UnavailableError as error:
                self.counters.trouble = str(error)
            except Exception as error:
                # The one supervisor of this channel: a fault in one notification must not end all others.
                log.exception("nothing could be sent to channel %s", self.name)
                self.counters.trouble = str(error)

    def send_due(self) -> None:
        """Send everything that is due now. Raises UnavailableError when some of it could not be sent; the rest was.

        Beyond `most_per_hour` it waits for the hour to go by: three quarters of it are for everything, the rest for what is critical.
        """
        failure: UnavailableError | None = None
        left: set[str] = set()
        limited = 0
        self._write()
        # An alert that began and ended in between has two states to send, one after the other.
        while todo := [notification for notification in self._due() if notification.id not in left]:
            for notification in todo:
                if not self._is_within_limit(notification.severity):
                    left.add(notification.id)
                    limited += 1
                    continue
                try:
                    self._send(notification, self._now())
                except UnavailableError as error:
                    failure = error
                    left.add(notification.id)
                except RejectedError as error:
                    self.counters.refused += 1
                    log.warning("channel %s does not take a notification, and never will: %s", self.name, error)
                    self._note(notification, REFUSED)
                else:
                    self.counters.sent += 1
                    self.counters.last_sent_at = self._note(notification, NOTIFIED)
            self._write()
        self.counters.waiting = len(left)
        if failure is not None:
            raise failure
        most = self.channel.most_per_hour
        self.counters.trouble = f"{limited} wait: most_per_hour is {most}" if limited else None

    def test(self, who: str) -> str:
        """Send a test, whatever the hour, and return what was answered.

        Raises UserError beyond `most_per_hour`, UnavailableError or RejectedError with the answer where it was not taken.
        """
        if not self._is_within_limit("info"):
            raise UserError(
                f"{self.name} had {self.channel.most_per_hour} notifications within an hour, which is its limit"
            )
        now = self._now()
        self._recently.append(now)
        try:
            return self._send(trial(self.name, self._site, now), now)
        finally:
            self._journal.write(self._journal.entry(TESTED, self._subject, who))

    def _is_within_limit(self, severity: str) -> bool:
        used = sum(at > self._now() - HOUR for at in tuple(self._recently))
        most = self.channel.most_per_hour
        return used < (most if severity == "critical" else max(most * 3 // 4, 1))

    def _due(self) -> list[Notification]:
        self._open()
        now = self._now()
        due, held = list[Due](), list[Due]()
        self.counters.quiet = 0
        alerts = self._alerts.recent()
        for alert in alerts:
            if alert.ended_at is not None and self._opened_at is not None and alert.ended_at < self._opened_at:
                continue  # over before this channel was there
            self._add_due(alert, now, due, held)
        titles = {alert.kind: self._alerts.rules.title(alert.kind) for alert in alerts}
        notifications = grouped(self.name, self._site, due, titles) + summaries(self.name, self._site, held)
        self.counters.waiting = len(notifications)
        return notifications

    def _add_due(self, alert: AlertRecord, now: datetime, due: list[Due], held: list[Due]) -> None:
        """Add what is due of an alert: to `held` what quiet hours have held back until now."""
        local, sent = now.astimezone(self._zone), self._sent.get(alert.id, {})
        handling = self._alerts.handling(alert.id)
        called_at = self._called_at(alert, now, local)
        state = due_state(
            self.channel,
            alert,
            handling,
            sent,
            now=now,
            is_held_back=self._alerts.held_back_by(alert, now) is not None,
            is_called=called_at is not None and (handling.state == "open" or bool(sent) or not self._is_personal),
        )
        if state is None:
            return
        severity = max((alert.severity, *_severities(sent)), key=RANK.__getitem__)
        if self._calling.holds_back(self.channel, severity, local):
            self.counters.quiet += 1
            return
        found = Due(alert.id, state, self._alerts.to_json(alert))
        since = happened_at(alert, handling, state, called_at or alert.started_at, now)
        if not self._calling.holds_back(self.channel, severity, since.astimezone(self._zone)):
            due.append(found)
            return
        held.append(found)
        if state.startswith("raised") and alert.ended_at is not None and self.channel.tells_end:
            held.append(Due(alert.id, "ended", found.alert))

    def _called_at(self, alert: AlertRecord, now: datetime, local: datetime) -> datetime | None:
        """Return when it was this channel's turn to learn of an alert; None while it is not."""
        if not self._is_personal and not self._has_quiet:
            return alert.started_at
        wait_s = self._calling.waits_s(self.name, alert.kind, alert.zone, alert.severity, local)
        if wait_s is None:
            return None
        called_at = self._alerts.free_since(alert, now) + timedelta(seconds=wait_s)
        return called_at if called_at <= (alert.ended_at or now) or wait_s == 0 else None

    def _open(self) -> None:
        """Read what was sent already; on the very first start write down that the channel is there."""
        if self._opened_at is not None:
            return
        entries = self._journal.read(self._subject)
        if not entries:
            entries = [self._entry(f"{self._site}-{self._subject}", OPENED)]
            self._journal.write(*entries)
        for entry in entries:
            if entry.action != OPENED:
                self._recently.append(entry.done_at)
            for alert_id, state in details_of(entry, SentDetails).states:
                self._sent.setdefault(alert_id, {})[state] = entry.done_at
        self._opened_at = entries[0].done_at

    def _note(self, notification: Notification, action: JournalAction) -> datetime:
        """Remember that the states of a notification are done with, and return when."""
        states = [(due.alert_id, due.state) for due in notification.due]
        entry = self._entry(notification.id, action, SentDetails(states))
        for alert_id, state in states:
            self._sent.setdefault(alert_id, {})[state] = entry.done_at
        self._unwritten.append(entry)
        self._recently.append(entry.done_at)
        return entry.done_at

    def _write(self) -> None:
        """Write down what was sent; while the store is away it is remembered, so that nothing is sent twice because of it."""
        if self._unwritten:
            self._journal.write(*self._unwritten)
            self._unwritten.clear()
        recent = {alert.id for alert in self._alerts.recent()}
        self._sent = {alert_id: states for alert_id, states in self._sent.items() if alert_id in recent}

    def _note_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        self.counters.failed += 1
        self.counters.partial += getattr(error, "is_partial", False)
        if self.counters.trouble is None:
            log.warning("channel %s is down: %s", self.name, error)
        self.counters.trouble = str(error)

    def _entry(self, entry_id: str, action: JournalAction, details: SentDetails | None = None) -> JournalEntry:
        return self._journal.entry(action, self._subject, SYSTEM, details, entry_id=entry_id)


def _severities(sent: Sent) -> tuple[str, ...]:
    """Return the worst severity that was sent."""
    loudest = loudest_of(sent)
    return tuple(severity for severity, rank in RANK.items() if rank == loudest)


def _wait_s(state: RetryCallState) -> float:
    """Return the wait before the next try [s]: ever longer, and not sooner than a receiver asks for."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked_s = min(getattr(error, "after_s", 0.0), LONGEST_RETRY_AFTER_S)
    return max(float(_GROWING(state)), asked_s)
