"""Sends a channel everything at least once.

What is due follows from the alerts and from what the journal says was sent, so nothing is lost when the process dies: what was not written down
as sent is sent again. Each channel has a thread of its own, and one that is down does not hold up the others.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from jeonju.common.errors import UnavailableError
from jeonju.contract.records import JournalEntry
from jeonju.response.journal import SYSTEM, Journal, details_of
from jeonju.response.notify.notification import Due, Notification, due_state, grouped
from jeonju.response.triage import AlertService
from jeonju.rules.channels import Channel
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

OPENED: Final = "channel-opened"
NOTIFIED: Final = "notified"
# Repeats fall due and silences end without an alert that changes.
LOOK_EVERY_S: Final = 15.0
# A channel that is down is tried again after 1, 2, 4 … seconds, at last every 5 minutes.
LONGEST_WAIT_S: Final = 300.0


class SentDetails(msgspec.Struct):
    """The details of an entry about a channel: which states of which alerts were sent; none when the channel was opened."""

    # Alert and state. The name in stored journals is kept.
    states: list[tuple[str, str]] = msgspec.field(default_factory=list, name="told")


@dataclass
class Counters:
    """How a channel is doing, for the health page."""

    sent: int = 0
    failed: int = 0
    waiting: int = 0
    last_sent_at: datetime | None = None
    trouble: str | None = None


class Outbox:
    """Sends one channel what is due; `send` raises UnavailableError when the channel is down."""

    def __init__(
        self,
        site: str,
        store: Store,
        alerts: AlertService,
        channel: Channel,
        send: Callable[[Notification, datetime], None],
        now: Callable[[], datetime],
    ) -> None:
        self._site, self._alerts, self._channel, self._send, self._now = site, alerts, channel, send, now
        self._journal = Journal(site, store, now)
        self.counters = Counters()
        self._subject = f"channel:{channel.name}"
        self._opened_at: datetime | None = None
        self._sent: dict[str, dict[str, datetime]] = {}  # alert → state → when
        self._unwritten: list[JournalEntry] = []
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"notify-{channel.name}", daemon=True)

    @property
    def name(self) -> str:
        """The channel's name."""
        return self._channel.name

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
            wait=wait_exponential(max=LONGEST_WAIT_S),
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
                if (self._due() or self._unwritten) and not self._stopping.wait(self._channel.group_wait):
                    retrying(self.send_due)
            except UnavailableError as error:
                self.counters.trouble = str(error)
            except Exception as error:
                # The one supervisor of this channel: a fault in one notification must not end all others.
                log.exception("nothing could be sent to channel %s", self.name)
                self.counters.trouble = str(error)

    def send_due(self) -> None:
        """Send everything that is due now. Raises UnavailableError when some of it could not be sent; the rest was."""
        failure: UnavailableError | None = None
        failed: set[str] = set()
        self._write()
        # An alert that began and ended in between has two states to send, one after the other.
        while todo := [notification for notification in self._due() if notification.id not in failed]:
            for notification in todo:
                try:
                    self._send(notification, self._now())
                except UnavailableError as error:
                    failure = error
                    failed.add(notification.id)
                else:
                    self._note_sent(notification)
            self._write()
        self.counters.waiting = len(failed)
        if failure is not None:
            raise failure
        self.counters.trouble = None

    def _due(self) -> list[Notification]:
        self._open()
        now, due = self._now(), list[Due]()
        alerts = self._alerts.recent()
        for alert in alerts:
            if alert.ended_at is not None and self._opened_at is not None and alert.ended_at < self._opened_at:
                continue  # over before this channel was there
            state = due_state(
                self._channel,
                alert,
                self._alerts.handling(alert.id),
                self._sent.get(alert.id, {}),
                now=now,
                is_held_back=self._alerts.held_back_by(alert, now) is not None,
            )
            if state is not None:
                due.append(Due(alert.id, state, self._alerts.to_json(alert)))
        titles = {alert.kind: self._alerts.rules.title(alert.kind) for alert in alerts}
        notifications = grouped(self.name, self._site, due, titles)
        self.counters.waiting = len(notifications)
        return notifications

    def _open(self) -> None:
        """Read what was sent already; on the very first start write down that the channel is there."""
        if self._opened_at is not None:
            return
        entries = self._journal.read(self._subject)
        if not entries:
            entries = [self._entry(f"{self._site}-{self._subject}", OPENED)]
            self._journal.write(*entries)
        for entry in entries:
            for alert_id, state in details_of(entry, SentDetails).states:
                self._sent.setdefault(alert_id, {})[state] = entry.done_at
        self._opened_at = entries[0].done_at

    def _note_sent(self, notification: Notification) -> None:
        states = [(due.alert_id, due.state) for due in notification.due]
        entry = self._entry(notification.id, NOTIFIED, SentDetails(states))
        for alert_id, state in states:
            self._sent.setdefault(alert_id, {})[state] = entry.done_at
        self._unwritten.append(entry)
        self.counters.sent += 1
        self.counters.last_sent_at = entry.done_at

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
        if self.counters.trouble is None:
            log.warning("channel %s is down: %s", self.name, error)
        self.counters.trouble = str(error)

    def _entry(self, entry_id: str, action: str, details: SentDetails | None = None) -> JournalEntry:
        return self._journal.entry(action, self._subject, SYSTEM, details, entry_id=entry_id)
