"""Sees to it that a channel is told everything at least once.

What is due follows from the alerts and from what the journal says was told, so nothing is lost when the process dies: what was not written down
as told is told again. Each channel has a thread of its own, and one that is down holds nobody else up.
"""

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential
from tenacity.nap import sleep_using_event
from tenacity.stop import stop_when_event_set

from jeonju.common.errors import UnavailableError
from jeonju.contract.records import JournalEntry
from jeonju.response.notify.notification import Due, Notification, due_state, grouped
from jeonju.response.triage import AlertDesk
from jeonju.rules.channels import Channel
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

OPENED: Final = "channel-opened"
NOTIFIED: Final = "notified"
# Repeats fall due and silences end without an alert that changes.
LOOK_EVERY_S: Final = 15.0
# A channel that is down is tried again after 1, 2, 4 … seconds, at last every 5 minutes.
LONGEST_WAIT_S: Final = 300.0


@dataclass
class Counters:
    """How a channel is doing, for the health page."""

    sent: int = 0
    failed: int = 0
    waiting: int = 0
    last_sent_at: datetime | None = None
    trouble: str | None = None


class Outbox:
    """Tells one channel what is due; `send` raises UnavailableError when the channel is down."""

    def __init__(
        self,
        site: str,
        store: Store,
        desk: AlertDesk,
        channel: Channel,
        send: Callable[[Notification, datetime], None],
        now: Callable[[], datetime],
    ) -> None:
        self._site, self._store, self._desk, self._channel, self._send, self._now = (
            site,
            store,
            desk,
            channel,
            send,
            now,
        )
        self.counters = Counters()
        self._subject = f"channel:{channel.name}"
        self._opened_at: datetime | None = None
        self._told: dict[str, dict[str, datetime]] = {}  # alert → states
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
        """Finish what is being sent and leave; the rest is told after the next start."""
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
                log.exception("channel %s could not be told", self.name)
                self.counters.trouble = str(error)

    def send_due(self) -> None:
        """Tell everything that is due now. Raises UnavailableError when some of it could not be told; the rest was."""
        failure: UnavailableError | None = None
        failed: set[str] = set()
        self._write()
        # An alert that began and ended in between has two states to tell, one after the other.
        while todo := [one for one in self._due() if one.id not in failed]:
            for notification in todo:
                try:
                    self._send(notification, self._now())
                except UnavailableError as error:
                    failure = error
                    failed.add(notification.id)
                else:
                    self._note_told(notification)
            self._write()
        self.counters.waiting = len(failed)
        if failure is not None:
            raise failure
        self.counters.trouble = None

    def _due(self) -> list[Notification]:
        self._open()
        now, due = self._now(), list[Due]()
        alerts = self._desk.recent()
        for alert in alerts:
            if alert.ended_at is not None and self._opened_at is not None and alert.ended_at < self._opened_at:
                continue  # over before this channel was there
            state = due_state(
                self._channel,
                alert,
                self._desk.handling(alert.id),
                self._told.get(alert.id, {}),
                now=now,
                is_held_back=self._desk.held_back_by(alert, now) is not None,
            )
            if state is not None:
                due.append(Due(alert.id, state, self._desk.told(alert)))
        titles = {alert.kind: self._desk.rules.title(alert.kind) for alert in alerts}
        found = grouped(self.name, self._site, due, titles)
        self.counters.waiting = len(found)
        return found

    def _open(self) -> None:
        """Read what was told already; on the very first start say that the channel is there."""
        if self._opened_at is not None:
            return
        entries = self._store.journal(self._site, subject=self._subject)
        if not entries:
            entries = [self._entry(f"{self._site}-{self._subject}", OPENED, {})]
            self._store.write_journal(entries)
        for entry in entries:
            for alert_id, state in json.loads(entry.details).get("told", []):
                self._told.setdefault(alert_id, {})[state] = entry.done_at
        self._opened_at = entries[0].done_at

    def _note_told(self, notification: Notification) -> None:
        told = [[one.alert_id, one.state] for one in notification.due]
        entry = self._entry(notification.id, NOTIFIED, {"told": told})
        for alert_id, state in told:
            self._told.setdefault(alert_id, {})[state] = entry.done_at
        self._unwritten.append(entry)
        self.counters.sent += 1
        self.counters.last_sent_at = entry.done_at

    def _write(self) -> None:
        """Write down what was told; while the store is away it is remembered, so that nothing is told twice because of it."""
        if self._unwritten:
            self._store.write_journal(self._unwritten)
            self._unwritten.clear()
        recent = {alert.id for alert in self._desk.recent()}
        self._told = {alert_id: states for alert_id, states in self._told.items() if alert_id in recent}

    def _note_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        self.counters.failed += 1
        if self.counters.trouble is None:
            log.warning("channel %s is down: %s", self.name, error)
        self.counters.trouble = str(error)

    def _entry(self, entry_id: str, action: str, details: dict[str, Any]) -> JournalEntry:
        return JournalEntry(entry_id, self._site, self._now(), "system", action, self._subject, json.dumps(details))
