"""How a message is understood, or why not, and what a site file would have to say: for people who point a gateway at the broker."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, get_args

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import RejectedError
from jeonju.contract import topics
from jeonju.contract.gateways import Format, Gateway
from jeonju.contract.quality import Flag
from jeonju.contract.reading import Reading
from jeonju.contract.site import Site
from jeonju.ingest.decoded import Decoding
from jeonju.ingest.decoders import decoder
from jeonju.ingest.decoders.fields import key_of
from jeonju.ingest.decoders.native import decoder as native
from jeonju.ingest.decoders.numbers import read_amount
from jeonju.ingest.message import Message, parse_json
from jeonju.ingest.routing import Router
from jeonju.messages.quality import flag_in_words

# A suggestion only: how each format's topics usually look. The site file decides, never this table.
USUAL_TOPICS: Final[dict[str, tuple[str, str]]] = {
    "chirpstack": ("application/", "application/+/device/+/event/+"),
    "tts": ("v3/", "v3/+/devices/+/up"),
    "sparkplug_b": ("spBv1.0/", "spBv1.0/#"),
    "zigbee2mqtt": ("zigbee2mqtt/", "zigbee2mqtt/#"),
    "tasmota": ("tele/", "tele/#"),
    "thingsboard": ("v1/", "v1/+/+"),
    "onem2m": ("/oneM2M/", "/oneM2M/req/+/+/json"),
    "vda5050": ("vda5050/", "vda5050/#"),
    "line_protocol": ("telegraf", "telegraf/#"),
    "airkorea": ("airkorea/", "airkorea/+"),
    "senml": ("senml", "senml/#"),
    "sensor_community": ("", "+/+"),
}
MOST_POINTERS: Final = 20


@dataclass
class Diagnosis:
    """What became of one message."""

    topic: str
    understood_as: str | None = None
    readings: list[dict[str, Any]] = field(default_factory=list)
    states: list[tuple[str, str]] = field(default_factory=list)
    # Why parts of it become dead letters of their own.
    rejected: list[str] = field(default_factory=list)
    why_not: str | None = None
    suggestion: str | None = None


class Doctor:
    """Looks at messages as ingest would, without storing anything."""

    def __init__(self, site: Site) -> None:
        self._router = Router(site.gateways)
        self._trials = {wire_format: decoder(wire_format) for wire_format in get_args(Format)}

    def look_at(self, topic: str, payload: bytes, received_at: datetime) -> Diagnosis:
        """Return how a message is understood by the site file; where it is not, why, and a line that may help."""
        found, message = Diagnosis(topic), Message(topic, payload, received_at)
        route = self._router.route(topic)
        is_native = route.gateway is native.GATEWAY
        if is_native and not topic.startswith(f"{topics.ROOT}/"):
            found.why_not = "no gateway of the site file has this topic"
            found.suggestion = self._suggest(message)
            return found
        found.understood_as = "native" if is_native else f"{route.gateway.format} ({route.gateway.topic})"
        if is_native and topic.rpartition("/")[2] not in native.KINDS:
            return found
        try:
            _fill(found, route.decode(message))
        except RejectedError as error:
            found.why_not = str(error)
            found.suggestion = self._suggest(message) if route.gateway.format == "json" else None
        return found

    def _suggest(self, message: Message) -> str | None:
        """Return a ready entry for the site file: the usual format of the topic if it reads anything, else one that does, else a mapping."""
        usual = [name for name, (start, _) in USUAL_TOPICS.items() if start and message.topic.startswith(start)]
        for wire_format in [*usual, *(name for name in USUAL_TOPICS if name not in usual)]:
            gateway = Gateway.model_validate({"topic": "#", "format": wire_format, "device": "DEVICE"})
            try:
                decoding = self._trials[gateway.format](message, gateway)
            except RejectedError:
                continue
            known = any(key in QUANTITY and key != "rssi" for reading in decoding.readings for key in reading.values)
            if known or (wire_format in usual and (decoding.readings or decoding.updates)):
                pattern = USUAL_TOPICS[wire_format][1] if wire_format in usual else message.topic
                needs_name = any(reading.device == "DEVICE" for reading in decoding.readings)
                return _entry(pattern, wire_format, ['device = "NAME"'] if needs_name else [])
        return self._mapping(message)

    @staticmethod
    def _mapping(message: Message) -> str | None:
        try:
            content = parse_json(message.payload)
        except RejectedError:
            return None
        lines = [
            f'  {{pointer = "{pointer}", key = "{key_of(pointer.rpartition("/")[2]) or "QUANTITY"}"}},'
            for pointer, value in _leaves(content)
            if read_amount(value) is not None
        ]
        return (
            _entry(message.topic, "json", ['device = "NAME or /pointer"', "mapping = [", *lines[:MOST_POINTERS], "]"])
            if lines
            else None
        )


def _entry(topic: str, wire_format: str, more: list[str]) -> str:
    return "\n".join(["[[gateways]]", f'topic = "{topic}"', f'format = "{wire_format}"', *more])


def _leaves(content: Any, pointer: str = "") -> list[tuple[str, Any]]:
    if isinstance(content, dict):
        parts = [(str(name).replace("~", "~0").replace("/", "~1"), value) for name, value in content.items()]
    elif isinstance(content, list):
        parts = [(str(number), value) for number, value in enumerate(content[:MOST_POINTERS])]
    else:
        return [(pointer, content)]
    return [leaf for name, value in parts for leaf in _leaves(value, f"{pointer}/{name}")]


def _fill(found: Diagnosis, decoding: Decoding) -> None:
    found.readings = [
        _shown(reading, decoding.flags.get(at, {}), decoding.extra.get(at, {}))
        for at, reading in enumerate(decoding.readings)
    ]
    found.rejected = [part.reason for part in decoding.rejected]
    found.states = [(update.device, update.state) for update in decoding.updates if update.state is not None]
    if decoding.is_empty:
        found.why_not = f"nothing of ours is in it ({decoding.nothing})"


def _shown(reading: Reading, flags: Mapping[str, Flag], extra: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: value for key, value in reading.values.items() if key in QUANTITY}
    unknown = {key: value for key, value in reading.values.items() if key not in QUANTITY}
    time = reading.time.isoformat() if reading.time else None
    shown: dict[str, Any] = {"device": reading.device, "time": time, "values": known}
    if unknown:
        shown["unknown"] = unknown
    if extra:
        shown["extra"] = dict(extra)
    if flags:
        shown["quality"] = {key: flag_in_words(key, flag) for key, flag in flags.items()}
    return shown
