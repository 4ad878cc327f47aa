"""From raw messages to one commit: decode, check, count. Pure; the service around it talks to broker and store."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from airquality import topics
from airquality.errors import RejectedError
from airquality.reading import Adoption, DeviceStatus
from airquality.site import Site
from ingest.batch import Batch
from ingest.decoded import Decoded
from ingest.decoders import fields, native
from ingest.ledger import Ledger
from ingest.quality.checks import Checks
from ingest.quality.flags import has_time
from ingest.routing import Route, Router, device_name
from storage.port import Commit
from storage.schema import DeadLetter, DeviceRecord

# Of a dead letter's payload at most this much is kept; the reason says how long it was.
KEPT_PAYLOAD_BYTES: Final = 64 * 1024
# A sender that makes up names must not fill the memory.
MOST_DEVICES: Final = 50_000


class Message(NamedTuple):
    """One message as it came from the broker."""

    topic: str
    payload: bytes
    received_at: datetime


@dataclass
class Pipeline:
    """Remembers devices and their ledger between commits."""

    site: Site
    ledger: Ledger = field(default_factory=Ledger)
    router: Router = field(init=False)
    checks: Checks = field(init=False)
    _devices: dict[tuple[str, str], DeviceRecord] = field(default_factory=dict)
    _changed: set[tuple[str, str]] = field(default_factory=set)
    _answers: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make ready for the gateways of the site."""
        self.router = Router(self.site.gateways)
        self.checks = Checks(self._zone_of_station)

    def answers(self) -> list[tuple[str, bytes]]:
        """Return, once, the messages that the gateways of the last commit asked for: topic and payload."""
        answers, self._answers = self._answers, []
        return answers

    def resume(self, devices: list[DeviceRecord]) -> None:
        """Take over what an earlier run knew of devices."""
        self._devices.update({(record.site, record.device): record for record in devices})

    def commit(self, messages: list[Message]) -> Commit:
        """Return what these messages put into the store; no message is ever lost here."""
        batch = Batch()
        dead: list[DeadLetter] = []
        for message in messages:
            try:
                self._take(message, batch)
            except RejectedError as error:
                self._answers += getattr(error, "answers", [])
                dead.append(self._dead_letter(message, str(error)))
        devices = [self._devices[key] for key in sorted(self._changed)]
        self._changed.clear()
        return Commit(
            readings=batch.table(self.checks), devices=devices, dead_letters=dead, ledger=self.ledger.changes()
        )

    def _take(self, message: Message, batch: Batch) -> None:
        if (route := self.router.route(message.topic)) is not None:
            self._take_from_gateway(route, message, batch)
            return
        place = topics.site_and_device(message.topic)
        if place is None or not all(topics.NAME.fullmatch(name) for name in place):
            raise RejectedError("the topic is not air/v1/{site}/{device}/readings with plain names")
        if message.topic.endswith("/status"):
            self._take_status(*place, message)
            return
        if message.topic.endswith("/adopt"):
            self._adopt(*place, message)
            return
        decoded = native.decode(message.payload)
        for one in decoded:
            self._check_device(*place, one, alone=len(decoded) == 1)
        for one in decoded:
            self._know(place[0], one.reading.device, message.received_at)
            repeated = self.ledger.count(place[0], one.reading.device, one.reading.boot, one.reading.seq)
            # With the time of its second arrival a repeat would become a second row; with a time of its own it is merged.
            if not repeated or has_time(one.reading.time, message.received_at):
                batch.add(place[0], one, message.received_at)

    def _take_from_gateway(self, route: Route, message: Message, batch: Batch) -> None:
        decoding = route.decode(fields.Message(*message), route.gateway)
        self._answers += decoding.answers
        site = self.site.name
        for decoded in decoding.readings:
            name = device_name(decoded.reading.device, route.gateway)
            self._know(site, name, message.received_at)
            self.ledger.count(site, name, None, None)
            batch.add(
                site,
                decoded._replace(reading=msgspec.structs.replace(decoded.reading, device=name)),
                message.received_at,
            )
        for identity, state in decoding.states:
            known = self._know(site, device_name(identity, route.gateway), message.received_at)
            self._set(known._replace(state=state, state_at=message.received_at))

    def _zone_of_station(self, site: str, device: str) -> str:
        record = self._devices.get((site, device))
        return record.zone if record is not None and record.kind != "robot" else ""

    def _check_device(self, site: str, of_topic: str, decoded: Decoded, *, alone: bool) -> None:
        name = decoded.reading.device
        if name == of_topic:
            return
        if alone:
            raise RejectedError(f"says it is {name[:80]!r} on the topic of {of_topic!r}")
        if (site, name) not in self._devices and not topics.NAME.fullmatch(name):
            raise RejectedError(f"{name[:80]!r} is no device name: 1 to 64 letters, digits, '-' or '_'")

    def _take_status(self, site: str, device: str, message: Message) -> None:
        if device == topics.SIMULATOR or not message.payload:
            return
        try:
            status = msgspec.json.decode(message.payload, type=DeviceStatus)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RejectedError(f"is no status: {error}") from error
        known = self._know(site, device, message.received_at)
        self._set(
            known._replace(
                kind=status.kind or known.kind, origin=status.origin, state=status.state, state_at=message.received_at
            )
        )

    def _adopt(self, site: str, device: str, message: Message) -> None:
        try:
            adoption = msgspec.json.decode(message.payload, type=Adoption)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RejectedError(f"is no adoption: {error}") from error
        known = self._devices.get((site, device))
        if known is None:
            raise RejectedError(f"adopts {device!r}, which has never spoken")
        self._set(known._replace(zone=adoption.zone, kind=adoption.kind))

    def _know(self, site: str, device: str, now: datetime) -> DeviceRecord:
        known = self._devices.get((site, device))
        if known is not None:
            return known
        if len(self._devices) >= MOST_DEVICES:
            raise RejectedError(f"more than {MOST_DEVICES} devices; this name is new")
        of_site = (
            next((one for one in self.site.devices if one.name == device), None) if site == self.site.name else None
        )
        kind = "" if of_site is None else ("robot" if of_site in self.site.robots else "station")
        return self._set(DeviceRecord(site, device, of_site.zone if of_site else "", kind, "real", "online", now))

    def _set(self, record: DeviceRecord) -> DeviceRecord:
        self._devices[record.site, record.device] = record
        self._changed.add((record.site, record.device))
        return record

    def _dead_letter(self, message: Message, reason: str) -> DeadLetter:
        place = topics.site_and_device(message.topic)
        if place is not None and (place in self._devices or len(self.ledger) < MOST_DEVICES):
            self.ledger.reject(*place)
        if len(message.payload) > KEPT_PAYLOAD_BYTES:
            reason = f"{reason} (first {KEPT_PAYLOAD_BYTES} of {len(message.payload)} bytes kept)"
        return DeadLetter(
            message.received_at, message.topic[:1000], message.payload[:KEPT_PAYLOAD_BYTES], reason[:1000]
        )
