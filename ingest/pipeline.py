"""From raw messages to one commit: route, decode, admit, batch, dead letters. Pure; the committer around it talks to broker and store."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from jeonju.common.errors import RejectedError
from jeonju.contract import topics
from jeonju.contract.records import DeadLetter
from jeonju.contract.site import Site
from jeonju.decoders.decoded import AnsweredRejectionError, Decoding
from jeonju.decoders.message import Message
from jeonju.ingest import devices
from jeonju.ingest.batch import Batch
from jeonju.ingest.devices import DeviceRegistry
from jeonju.ingest.ledger import Ledger
from jeonju.ingest.quality.checks import Checks
from jeonju.ingest.routing import Router
from jeonju.storage.port import Commit

# Of a dead letter's payload at most this much is kept; the reason says how long it was.
KEPT_PAYLOAD_BYTES: Final = 64 * 1024
LONGEST_TEXT: Final = 1000


@dataclass
class Pipeline:
    """Remembers devices, their ledger and their last values between commits."""

    site: Site
    ledger: Ledger = field(default_factory=Ledger)
    devices: DeviceRegistry = field(init=False)
    router: Router = field(init=False)
    _checks: Checks = field(init=False)
    _answers: list[tuple[str, bytes]] = field(default_factory=list)
    # Messages that say nothing that is stored, by format and why.
    nothing: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Prepare the registry and the routes of the site."""
        self.devices = DeviceRegistry(self.site)
        self.router = Router(self.site.gateways)
        self._checks = Checks(self.devices.zone_of_station)

    def answers(self) -> list[tuple[str, bytes]]:
        """Return, once, the messages that the gateways of the last commit asked for: topic and payload."""
        answers, self._answers = self._answers, []
        return answers

    def commit(self, messages: list[Message]) -> Commit:
        """Return what these messages put into the store; no message is ever lost here."""
        batch = Batch()
        dead: list[DeadLetter] = []
        for message in messages:
            try:
                route = self.router.route(message.topic)
                decoding = route.decode(message)
                if decoding.answers:
                    self._answers += decoding.answers
                self._add(decoding, message, batch)
                if decoding.rejected:
                    dead += [self._dead_letter(message, part.reason, part.payload) for part in decoding.rejected]
                elif decoding.is_empty:
                    self.nothing[route.gateway.format, decoding.nothing] += 1
            except RejectedError as error:
                if isinstance(error, AnsweredRejectionError):
                    self._answers += error.answers
                dead.append(self._dead_letter(message, str(error)))
        return Commit(
            readings=batch.table(self._checks, self.ledger),
            devices=self.devices.changes(),
            dead_letters=dead,
            ledger=self.ledger.changes(),
        )

    def refuse(self, message: Message, reason: str) -> Commit:
        """Return what to put into the store for a message that cannot be processed at all."""
        return Commit(dead_letters=[self._dead_letter(message, reason)], ledger=self.ledger.changes())

    def _add(self, decoding: Decoding, message: Message, batch: Batch) -> None:
        site = decoding.site or self.site.name
        names = {reading.device for reading in decoding.readings}
        if decoding.updates:
            # A device that is adopted must be known.
            names.update(update.device for update in decoding.updates if update.zone is None)
        self.devices.admit(site, names, message.received_at)
        for update in decoding.updates:
            self.devices.update(site, update, message.received_at)
        if decoding.readings:
            batch.add(site, message.received_at, decoding.readings, decoding.extra, decoding.flags)

    def _may_be_counted(self, *place: str) -> bool:
        """Tell whether what a name that has no device yet gets wrong is counted: a real name, and not too many of them."""
        return len(self.ledger) < devices.MOST_DEVICES and all(topics.NAME.fullmatch(name) for name in place)

    def _dead_letter(self, message: Message, reason: str, part: bytes | None = None) -> DeadLetter:
        """Return what is kept of a message, or of a part of one, that cannot be read."""
        payload = message.payload if part is None else part
        place = topics.site_and_device(message.topic)
        if place is not None and (place in self.devices or self._may_be_counted(*place)):
            self.ledger.reject(*place)
        if len(payload) > KEPT_PAYLOAD_BYTES:
            reason = f"{reason} (first {KEPT_PAYLOAD_BYTES} of {len(payload)} bytes kept)"
        return DeadLetter(
            message.received_at,
            message.topic[:LONGEST_TEXT],
            payload[:KEPT_PAYLOAD_BYTES],
            reason[:LONGEST_TEXT],
        )
