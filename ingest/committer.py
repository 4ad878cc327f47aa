"""Commits messages to the store, and only then acknowledges them."""

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential

from jeonju.common.errors import UnavailableError
from jeonju.contract import correction
from jeonju.contract.records import DeadLetter, DeviceRecord, LedgerEntry, is_mere_name
from jeonju.contract.site import Site
from jeonju.decoders.budget import REPLAY
from jeonju.decoders.message import Message
from jeonju.ingest.inbox import LARGEST_COMMIT_BYTES, Arrived
from jeonju.ingest.last_messages import LastMessage
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.replaying import mark, with_marks
from jeonju.ingest.stats import Stats
from jeonju.storage.port import Commit, LetterChoice, Store

log = logging.getLogger(__name__)

LONGEST_PAUSE_S: Final = 10.0
REPLAYED_AT_ONCE: Final = 250
# As much as one commit of new messages: those that arrive wait meanwhile.
REPLAYED_BYTES: Final = LARGEST_COMMIT_BYTES


@dataclass(frozen=True)
class Outputs:
    """Where a committer hands on what it has done: acknowledgements, answers to gateways (topic, payload), and committed readings."""

    acknowledge: Callable[[Iterable[Arrived]], None]
    answer: Callable[[str, bytes], object]
    feed: Callable[[pa.Table], None]


class Committer:
    """Turns what arrived into commits. A store that is away is tried until it answers; a message that makes us fail becomes a dead letter.

    `keeps_ledger` is False for members of several, which see only a part of what each device sends. `may_replay` says of which topics dead letters
    are replayed here: those of other sites another ingest takes.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        stats: Stats,
        outputs: Outputs,
        *,
        now: Callable[[], datetime],
        stopping: threading.Event,
        keeps_ledger: bool,
        may_replay: Callable[[str], bool] = lambda _topic: True,
    ) -> None:
        self._site = site
        self._store = store
        self._stats = stats
        self._outputs = outputs
        self._now = now
        self._stopping = stopping
        self._keeps_ledger = keeps_ledger
        self._may_replay = may_replay
        self._pipeline = Pipeline(site)

    def restore(self) -> None:
        """Begin with what the store knows: at the start, and after a fault of ours that broke off in the middle of a commit."""
        self._pipeline = Pipeline(self._site)
        ledger = self._store.ledger(self._site.name)
        self._pipeline.ledger.restore(ledger)
        self._pipeline.devices.restore(self._heard_of(self._store.devices(self._site.name), ledger))
        self._read_corrections()

    def last_messages(self, device: str) -> list[LastMessage]:
        """Return the last messages of a device as they came; safe from any thread."""
        return self._pipeline.last.of(device)

    def commit(self, arrived: list[Arrived]) -> bool:
        """Commit, then acknowledge; False when the service stops before. The one message that makes us fail is found by halving."""
        messages = [each.message for each in arrived]
        try:
            commit = self._pipeline.commit(messages)
            written = self._write(commit)
        except Exception as error:
            log.exception("a fault in a commit of %d messages", len(messages))
            if not self._patiently(self.restore):
                return False
            if len(arrived) > 1:
                middle = len(arrived) // 2
                return self.commit(arrived[:middle]) and self.commit(arrived[middle:])
            commit = self._pipeline.refuse(messages[0], f"made ingest fail: {type(error).__name__}: {error}")
            written = self._write(commit)
        if written:
            self._outputs.acknowledge(arrived)
            self._hand_on(commit, len(arrived))
        return written

    def take_corrections(self) -> None:
        """Read which corrections people have agreed to; those that are known stay while the store is away."""
        with suppress(UnavailableError):
            self._read_corrections()

    def _read_corrections(self) -> None:
        entries = self._store.journal(self._site.name, subject=correction.SUBJECT)
        self._pipeline.corrections.put(correction.corrections_of(entries).values())

    def replay(self) -> bool:
        """Take the dead letters once more whose replay is asked for, in the order of arrival; False when the service stops before.

        Readings and marks are one commit, so each is taken once, and what was not taken is still asked for after a restart.
        """
        try:
            asked = self._asked()
        except UnavailableError:
            return True  # Asked again; a store that is away is said where a commit waits for it.
        return not asked or self._replay(asked)

    def _asked(self) -> list[DeadLetter]:
        """Return the letters that come next: together they are no larger than a commit, or there is one only."""
        letters: list[DeadLetter] = []
        size = 0
        for header in self._store.letters_in_order(LetterChoice(is_asked=True), limit=REPLAYED_AT_ONCE, payloads=False):
            letter = self._store.dead_letter(header.id) if self._may_replay(header.topic) else None
            if letter is None:
                continue
            size += len(letter.payload)
            if letters and size > REPLAYED_BYTES:
                break
            letters.append(letter)
        return letters

    def _replay(self, letters: list[DeadLetter]) -> bool:
        # With the time of arrival that they had: it is that of readings without their own.
        messages = [Message(letter.topic, letter.payload, letter.received_at) for letter in letters if letter.is_whole]
        try:
            commit = with_marks(self._pipeline.commit(messages, REPLAY), letters, self._now())
            written = self._write(commit)
        except Exception as error:
            log.exception("a fault in a replay of %d dead letters", len(letters))
            if not self._patiently(self.restore):
                return False
            if len(letters) > 1:
                middle = len(letters) // 2
                return self._replay(letters[:middle]) and self._replay(letters[middle:])
            reason = f"made ingest fail: {type(error).__name__}: {error}"
            commit = Commit(letter_marks=[mark(letters[0], reason=reason)])
            written = self._write(commit)
        if written:
            self._hand_on(commit, len(messages))
        return written

    def _hand_on(self, commit: Commit, messages: int) -> None:
        for topic, payload in self._pipeline.answers():
            self._outputs.answer(topic, payload)
        self._outputs.feed(commit.readings)
        self._count(commit, messages)

    def _heard_of(self, devices: list[DeviceRecord], ledger: list[LedgerEntry]) -> list[DeviceRecord]:
        """Leave out names that were made up in messages which were then rejected: such a device has no reading, and nothing else is known of it."""
        heard = {entry.device for entry in ledger if entry.received}
        doubtful = {record.device for record in devices if is_mere_name(record) and record.device not in heard}
        if doubtful:
            # Members of several keep no ledger.
            doubtful.difference_update(self._store.latest(self._site.name)["device"].unique().to_pylist())
        return [record for record in devices if record.device not in doubtful]

    def _write(self, commit: Commit) -> bool:
        """Write a commit, and account for what the store found too old before any of it is acknowledged."""
        refused: dict[tuple[str, str], int] = {}

        def write(part: Commit) -> None:
            refused.update(self._store.write(part if self._keeps_ledger else replace(part, ledger=())))

        written = self._patiently(write, commit)
        if not written or not refused:
            return written
        for (site, device), count in refused.items():
            self._pipeline.ledger.reject(site, device, count)
        self._stats.rejected += sum(refused.values())
        return self._patiently(write, Commit(ledger=self._pipeline.ledger.changes()))

    def _patiently(self, call: Callable[..., None], *arguments: Any) -> bool:
        """Call until the store answers; False when the service stops before."""
        retrying = Retrying(
            retry=retry_if_exception_type(UnavailableError),
            wait=wait_exponential(multiplier=0.2, max=LONGEST_PAUSE_S),
            sleep=self._pause,
            stop=lambda _state: self._stopping.is_set(),
            after=self._note_failure,
            reraise=True,
        )
        try:
            retrying(call, *arguments)
        except UnavailableError:
            log.warning("stopping before the store took the last messages; the broker keeps them for the next start")
            return False
        if not self._stats.store_available:
            log.info("the store is back")
            self._stats.store_available = True
            self._stats.trouble = None
        return True

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _note_failure(self, state: RetryCallState) -> None:
        if self._stats.store_available:
            self._stats.store_available = False
            self._stats.trouble = str(state.outcome.exception()) if state.outcome else None
            log.warning("%s; it is tried again, nothing is acknowledged meanwhile", self._stats.trouble)

    def _count(self, commit: Commit, messages: int) -> None:
        stats = self._stats
        stats.messages += messages
        stats.readings += commit.readings.num_rows
        stats.rejected += len(commit.dead_letters)
        stats.commits += 1
        stats.devices = len(self._pipeline.devices)
        stats.over_budget += self._pipeline.over_budget
        self._pipeline.over_budget = 0
        stats.nothing.update(self._pipeline.nothing)
        self._pipeline.nothing.clear()
        self._count_turned_away()
        stats.last_commit_at = now = self._now()
        if commit.readings.num_rows:
            # Devices may be ahead of our clock by a little, a simulated city by its speed: nothing is stored before it was measured.
            stats.lag_s = max((now - pc.max(commit.readings["time"]).as_py()).total_seconds(), 0.0)

    def _count_turned_away(self) -> None:
        devices = self._pipeline.devices
        turned_away, devices.turned_away = devices.turned_away, 0
        if turned_away and not self._stats.turned_away:
            log.warning(
                "there is no room for new devices of a message (%d are known): it is among the dead letters, with the reason; "
                "what follows is counted only (jeonju_ingest_messages_turned_away_total)",
                len(devices),
            )
        self._stats.turned_away += turned_away
