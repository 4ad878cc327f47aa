"""From raw messages to one commit: decode, check, count. Pure; the service around it talks to broker and store."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract import topics
from jeonju.contract.reading import Adoption, DeviceStatus
from jeonju.contract.records import DeadLetter, DeviceRecord
from jeonju.contract.site import Site
from jeonju.ingest.batch import Batch
from jeonju.ingest.decoders import fields, native
from jeonju.ingest.ledger import Ledger
from jeonju.ingest.quality.checks import Checks
from jeonju.ingest.routing import Route, Router, device_name
from jeonju.storage.port import Commit

# Of a dead letter's payload at most this much is kept; the reason says how long it was.
KEPT_PAYLOAD_BYTES: Final = 64 * 1024
# A sender that makes up names must not fill the memory. Devices of the site file are let in all the same.
MOST_DEVICES: Final = 50_000
# Nor may one message of a gateway: no gateway has so many devices that nobody has heard of.
MOST_NEW_IN_A_MESSAGE: Final = 1000


class Message(NamedTuple):
    """One message as it came from the broker."""

    topic: str
    payload: bytes
    received_at: datetime


@lru_cache(maxsize=MOST_DEVICES)
def _native(topic: str) -> tuple[str, str, str]:
    """Return site, device and kind of a native topic; raises RejectedError for any other."""
    place = topics.site_and_device(topic)
    if place is None or not all(topics.NAME.fullmatch(name) for name in place):
        raise RejectedError("the topic is not air/v1/{site}/{device}/readings with plain names")
    return *place, topic.rpartition("/")[2]


@dataclass
class Pipeline:
    """Remembers devices and their ledger between commits."""

    site: Site
    ledger: Ledger = field(default_factory=Ledger)
    router: Router = field(init=False)
    checks: Checks = field(init=False)
    _of_site: frozenset[tuple[str, str]] = field(init=False)
    _devices: dict[tuple[str, str], DeviceRecord] = field(default_factory=dict)
    _changed: set[tuple[str, str]] = field(default_factory=set)
    _answers: list[tuple[str, bytes]] = field(default_factory=list)
    # Messages that were rejected because there is no room for their devices.
    turned_away: int = 0

    def __post_init__(self) -> None:
        """Make ready for the site and its gateways."""
        self._of_site = frozenset((self.site.name, device.name) for device in self.site.devices)
        self.router = Router(self.site.gateways)
        self.checks = Checks(self._zone_of_station)

    def answers(self) -> list[tuple[str, bytes]]:
        """Return, once, the messages that the gateways of the last commit asked for: topic and payload."""
        answers, self._answers = self._answers, []
        return answers

    @property
    def devices(self) -> int:
        """How many devices are known."""
        return len(self._devices)

    def resume(self, devices: Iterable[DeviceRecord]) -> None:
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
        readings = batch.table(self.checks, self.ledger)
        devices = [self._devices[key] for key in sorted(self._changed)]
        self._changed.clear()
        return Commit(readings=readings, devices=devices, dead_letters=dead, ledger=self.ledger.changes())

    def refuse(self, message: Message, reason: str) -> Commit:
        """Return what to put into the store for a message that cannot be taken at all."""
        return Commit(dead_letters=[self._dead_letter(message, reason)], ledger=self.ledger.changes())

    def _take(self, message: Message, batch: Batch) -> None:
        if (route := self.router.route(message.topic)) is not None:
            self._take_from_gateway(route, message, batch)
            return
        site, device, kind = _native(message.topic)
        if kind == "status":
            self._take_status(site, device, message)
        elif kind == "adopt":
            self._adopt(site, device, message)
        else:
            readings, extra = native.decode(message.payload)
            native.refuse_others(site, device, readings)
            self._let_in(site, {one.device for one in readings}, message.received_at)
            batch.add(site, message.received_at, readings, extra)

    def _take_from_gateway(self, route: Route, message: Message, batch: Batch) -> None:
        decoding = route.decode(fields.Message(*message), route.gateway)
        self._answers += decoding.answers
        site = self.site.name
        names = [device_name(one.reading.device, route.gateway) for one in decoding.readings]
        states = [(device_name(identity, route.gateway), state) for identity, state in decoding.states]
        self._let_in(site, {*names, *(name for name, _ in states)}, message.received_at)
        batch.add(
            site,
            message.received_at,
            [
                msgspec.structs.replace(one.reading, device=name)
                for one, name in zip(decoding.readings, names, strict=True)
            ],
            flags={position: one.flags for position, one in enumerate(decoding.readings) if one.flags},
        )
        for name, state in states:
            known = self._devices[site, name]
            self._set(known._replace(state=state, state_at=message.received_at))

    def _zone_of_station(self, site: str, device: str) -> str:
        record = self._devices.get((site, device))
        return record.zone if record is not None and record.kind != "robot" else ""

    def _let_in(self, site: str, names: set[str], now: datetime) -> None:
        """Make room for the devices of a message that is right in everything else: for all of them or, turning it away, for none."""
        new = [name for name in names if (site, name) not in self._devices]
        if not new:
            return
        made_up = sum((site, name) not in self._of_site for name in new)
        if made_up > MOST_NEW_IN_A_MESSAGE:
            self.turned_away += 1
            raise RejectedError(
                f"names {made_up} devices that are new, more than {MOST_NEW_IN_A_MESSAGE} in one message"
            )
        if made_up and len(self._devices) + made_up > MOST_DEVICES:
            self.turned_away += 1
            raise RejectedError(f"more than {MOST_DEVICES} devices; {min(new)!r} is new")
        for name in new:
            self._register(site, name, now)

    def _take_status(self, site: str, device: str, message: Message) -> None:
        if device == topics.SIMULATOR or not message.payload:
            return
        try:
            status = msgspec.json.decode(message.payload, type=DeviceStatus)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RejectedError(f"is no status: {error}") from error
        self._let_in(site, {device}, message.received_at)
        known = self._devices[site, device]
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

    def _register(self, site: str, device: str, now: datetime) -> None:
        of_site = (
            next((one for one in self.site.devices if one.name == device), None)
            if (site, device) in self._of_site
            else None
        )
        kind = "" if of_site is None else ("robot" if of_site in self.site.robots else "station")
        self._set(DeviceRecord(site, device, of_site.zone if of_site else "", kind, "real", "online", now))

    def _set(self, record: DeviceRecord) -> None:
        self._devices[record.site, record.device] = record
        self._changed.add((record.site, record.device))

    def _may_be_counted(self, *place: str) -> bool:
        """Tell whether what a name that has no device yet gets wrong is counted: a real name, and not too many of them."""
        return len(self.ledger) < MOST_DEVICES and all(topics.NAME.fullmatch(name) for name in place)

    def _dead_letter(self, message: Message, reason: str) -> DeadLetter:
        place = topics.site_and_device(message.topic)
        if place is not None and (place in self._devices or self._may_be_counted(*place)):
            self.ledger.reject(*place)
        if len(message.payload) > KEPT_PAYLOAD_BYTES:
            reason = f"{reason} (first {KEPT_PAYLOAD_BYTES} of {len(message.payload)} bytes kept)"
        return DeadLetter(
            message.received_at, message.topic[:1000], message.payload[:KEPT_PAYLOAD_BYTES], reason[:1000]
        )
