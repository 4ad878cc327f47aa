"""Which decoder reads the messages of a topic, and what the devices of gateways are called here."""

import hashlib
import re
from functools import partial
from typing import Final, NamedTuple

import msgspec
from paho.mqtt.matcher import MQTTMatcher

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.contract.topics import NAME
from jeonju.decoders import TAKES_EMPTY, Decoder, decoder
from jeonju.decoders.by_line import decode_lines, documents
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.message import Message, NotJsonError, as_utf8, bare_text
from jeonju.decoders.native import decoder as native
from jeonju.ingest.identity import identified

_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_STEM: Final = 50
# Formats whose payloads may be bytes: there a NUL at the end, or what looks like a byte order mark, belongs to the message.
BINARY: Final = ("senml", "sparkplug_b")
# Formats of text of which a message is one: lines of JSON documents are none of theirs.
_OTHER_TEXTS: Final = ("fiware_ul", "ha_discovery", "line_protocol")
# Filters are compared once for each topic; a sender that makes topics up must not fill the memory.
MOST_REMEMBERED: Final = 50_000
LONGEST_REMEMBERED: Final = 500


class Route(NamedTuple):
    """A gateway of the site file, or the platform's own topics, and the decoder of the format."""

    gateway: Gateway
    decoder: Decoder

    def decode(self, message: Message) -> Decoding:
        """Return what a message says, with the names that devices have here; raises RejectedError for what cannot be read."""
        decoding = read(message, self.gateway, self.decoder)
        return decoding if decoding.site is not None else _named(decoding, self.gateway)


class Router:
    """Finds the one route of a topic: the first gateway of the site file whose filter it matches, else that of native topics.

    Gateways of one format share what its decoder remembers: a config may come on the topics of one and its states on those of another.
    """

    def __init__(self, gateways: list[Gateway]) -> None:
        decoders = {gateway.format: decoder(gateway.format) for gateway in gateways}
        self._routes = [Route(gateway, decoders[gateway.format]) for gateway in gateways]
        self._native = Route(native.GATEWAY, decoder("native"))
        self._matcher = MQTTMatcher()  # type: ignore[no-untyped-call]
        # The first entry of several with the same filter counts.
        for number, gateway in reversed(list(enumerate(gateways))):
            self._matcher[gateway.topic] = number
        self._of_topic: dict[str, Route] = {}

    def route(self, topic: str) -> Route:
        """Return where a topic belongs; the native decoder rejects topics that nobody named."""
        route = self._of_topic.get(topic)
        if route is None:
            if len(self._of_topic) >= MOST_REMEMBERED:
                self._of_topic.clear()
            first = min(self._matcher.iter_match(topic), default=None)  # type: ignore[no-untyped-call]
            route = self._native if first is None else self._routes[first]
            if len(topic) <= LONGEST_REMEMBERED:
                self._of_topic[topic] = route
        return route


def read(message: Message, gateway: Gateway, decode: Decoder) -> Decoding:
    """Return what a message says under the names of its gateway; raises RejectedError for what cannot be read."""
    if gateway.format not in BINARY and (text := bare_text(as_utf8(message.payload))) is not message.payload:
        message = message._replace(payload=text)
    if not message.payload:
        # So a retained message is cleared (MQTT 3.1.1, section 3.3.1.3).
        return decode(message, gateway) if gateway.format in TAKES_EMPTY else Decoding(nothing="empty")
    one = partial(_read_one, gateway=gateway, decode=decode)
    try:
        decoding = one(message)
    except NotJsonError:
        lines = [] if gateway.format in (*BINARY, *_OTHER_TEXTS) else documents(message.payload)
        if not lines:
            raise
        decoding = decode_lines(message, lines, one)
    return _new_ones(decoding) if message.retained else decoding


def _read_one(message: Message, gateway: Gateway, decode: Decoder) -> Decoding:
    template = gateway.device_template
    try:
        return decode(message, gateway) if template is None else identified(message, gateway, template, decode)
    except RecursionError as error:
        raise RejectedError("is nested too deeply") from error


def _new_ones(decoding: Decoding) -> Decoding:
    """Return a retained message without the readings that have no time of their own: when they were measured nobody knows, and now it was not."""
    timed = [at for at, reading in enumerate(decoding.readings) if reading.time is not None]
    if len(timed) == len(decoding.readings):
        return decoding
    return msgspec.structs.replace(
        decoding,
        readings=[decoding.readings[at] for at in timed],
        flags={new: decoding.flags[old] for new, old in enumerate(timed) if old in decoding.flags},
        extra={new: decoding.extra[old] for new, old in enumerate(timed) if old in decoding.extra},
        nothing="retained",
    )


def _named(decoding: Decoding, gateway: Gateway) -> Decoding:
    """Return what a gateway says with our names in place of its own."""
    readings = [
        msgspec.structs.replace(reading, device=device_name(reading.device, gateway)) for reading in decoding.readings
    ]
    updates = [update._replace(device=device_name(update.device, gateway)) for update in decoding.updates]
    return msgspec.structs.replace(decoding, readings=readings, updates=updates)


def device_name(identity: str, gateway: Gateway) -> str:
    """Return what a gateway's device is called here: the name the site file gives it, or its own made fit for topics and tags.

    A name that had to be changed gets six digits of its own, so that no two devices become one.
    """
    if (given := gateway.names.get(identity)) is not None:
        return given
    if NAME.fullmatch(identity):
        return identity
    stem = _UNFIT.sub("-", identity).strip("-_")[:_LONGEST_STEM] or "device"
    return f"{stem}-{hashlib.blake2b(identity.encode(), digest_size=3).hexdigest()}"
