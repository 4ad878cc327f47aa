"""From raw messages to one commit: route, decode, admit, batch, dead letters. Pure; the committer around it talks to broker and store."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from jeonju.common.errors import RejectedError
from jeonju.contract import topics
from jeonju.contract.records import LARGEST_LETTER_BYTES, LONGEST_LETTER_TEXT, DeadLetter
from jeonju.contract.site import Site
from jeonju.decoders.budget import LIVE, Budget, Limits, OverBudgetError, within
from jeonju.decoders.decoded import AnsweredRejectionError, Decoding
from jeonju.decoders.message import Message
from jeonju.ingest import devices
from jeonju.ingest.allowance import HourlyAllowance
from jeonju.ingest.batch import Batch
from jeonju.ingest.correcting import Corrections
from jeonju.ingest.devices import DeviceRegistry
from jeonju.ingest.last_messages import LastMessages
from jeonju.ingest.ledger import Ledger
from jeonju.ingest.quality.checks import Checks
from jeonju.ingest.routing import Router
from jeonju.storage.port import Commit

# A message that takes too long here may be right: all of it is kept, so that it can be replayed, as long as they are no more than this an hour.
KEPT_WHOLE_BYTES_AN_HOUR: Final = 32 * 1024 * 1024


@dataclass
class Pipeline:
    """Remembers devices, their ledger and their last values between commits."""

    site: Site
    # Of the time that one message may take (decoders/budget.py).
    clock: Callable[[], float] = time.thread_time
    ledger: Ledger = field(default_factory=Ledger)
    last: LastMessages = field(default_factory=LastMessages)
    devices: DeviceRegistry = field(init=False)
    router: Router = field(init=False)
    corrections: Corrections = field(init=False)
    _checks: Checks = field(init=False)
    _answers: list[tuple[str, bytes]] = field(default_factory=list)
    # Messages that say nothing that is stored, by format and why.
    nothing: Counter[tuple[str, str]] = field(default_factory=Counter)
    # Messages that took too long or held too much.
    over_budget: int = 0
    _whole: HourlyAllowance = field(default_factory=lambda: HourlyAllowance(KEPT_WHOLE_BYTES_AN_HOUR))

    def __post_init__(self) -> None:
        """Prepare the registry and the routes of the site."""
        self.devices = DeviceRegistry(self.site)
        self.router = Router(self.site.gateways)
        self.corrections = Corrections(self.site.name)
        self._checks = Checks(self.devices.zone_of_station)

    def answers(self) -> list[tuple[str, bytes]]:
        """Return, once, the messages that the gateways of the last commit asked for: topic and payload."""
        answers, self._answers = self._answers, []
        return answers

    def commit(self, messages: list[Message], limits: Limits = LIVE) -> Commit:
        """Return what these messages put into the store; no message is ever lost here. Each of them has the limits for itself."""
        batch = Batch()
        dead: list[DeadLetter] = []
        with within(Budget(limits, self.clock)) as budget:
            for message in messages:
                budget.begin()
                dead += self._take(message, batch, budget)
        return Commit(
            readings=batch.table(self._checks, self.ledger, self.corrections),
            devices=self.devices.changes(),
            dead_letters=dead,
            ledger=self.ledger.changes(),
        )

    def refuse(self, message: Message, reason: str) -> Commit:
        """Return what to put into the store for a message that cannot be processed at all."""
        return Commit(dead_letters=[self._dead_letter(message, reason, LIVE.kept_bytes)], ledger=self.ledger.changes())

    def _take(self, message: Message, batch: Batch, budget: Budget) -> list[DeadLetter]:
        """Add what a message says to the batch; return it, or the parts of it, that cannot be taken."""
        try:
            route = self.router.route(message.topic)
            decoding = route.decode(message)
            if decoding.answers:
                self._answers += decoding.answers
            budget.admit(decoding.readings)
            self._add(decoding, message, batch)
        except OverBudgetError as error:
            self._answers += error.answers
            self.over_budget += 1
            return [self._dead_letter(message, str(error), self._most_kept(message, budget))]
        except RejectedError as error:
            if isinstance(error, AnsweredRejectionError):
                self._answers += error.answers
            return [self._dead_letter(message, str(error), budget.limits.kept_bytes)]
        if decoding.rejected:
            most = budget.limits.kept_bytes
            return [self._dead_letter(message, part.reason, most, part.payload) for part in decoding.rejected]
        if decoding.is_empty:
            self.nothing[route.gateway.format, decoding.nothing] += 1
        return []

    def _add(self, decoding: Decoding, message: Message, batch: Batch) -> None:
        site = decoding.site or self.site.name
        names = {reading.device for reading in decoding.readings}
        if decoding.updates:
            # A device that is adopted must be known.
            names.update(update.device for update in decoding.updates if update.zone is None)
        self.devices.admit(site, names, message.received_at)
        for update in decoding.updates:
            self.devices.update(site, update, message.received_at)
        if site == self.site.name:
            self.last.note(names, message)
        if decoding.readings:
            batch.add(site, message.received_at, decoding.readings, decoding.extra, decoding.flags)

    def _may_be_counted(self, *place: str) -> bool:
        """Tell whether what a name that has no device yet gets wrong is counted: a real name, and not too many of them."""
        return len(self.ledger) < devices.MOST_DEVICES and all(topics.NAME.fullmatch(name) for name in place)

    def _most_kept(self, message: Message, budget: Budget) -> int:
        """Return how many bytes are kept of a message that may be right: all, as long as there are not too many such."""
        size = len(message.payload)
        is_long = size > budget.limits.kept_bytes
        return (
            LARGEST_LETTER_BYTES
            if is_long and self._whole.take(size, message.received_at)
            else budget.limits.kept_bytes
        )

    def _dead_letter(self, message: Message, reason: str, most: int, part: bytes | None = None) -> DeadLetter:
        """Return what is kept of a message, or of a part of one, that cannot be taken: at most so many bytes, and the reason says how many it had."""
        payload = message.payload if part is None else part
        place = topics.site_and_device(message.topic)
        if place is not None and (place in self.devices or self._may_be_counted(*place)):
            self.ledger.reject(*place)
        if len(payload) > most:
            reason = f"{reason} (first {most} of {len(payload)} bytes kept)"
        return DeadLetter(
            message.received_at,
            message.topic[:LONGEST_LETTER_TEXT],
            payload[:most],
            reason[:LONGEST_LETTER_TEXT],
        )
