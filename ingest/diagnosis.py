"""How a message is understood, or why not, and what a site file would have to say: for people who point a gateway at the broker."""

from dataclasses import dataclass, field
from typing import Any, Final, get_args

import msgspec

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import RejectedError
from jeonju.contract import topics
from jeonju.contract.gateways import Format, Gateway, list_path
from jeonju.contract.quality import decode_flags
from jeonju.contract.site import Site
from jeonju.decoders import decoder
from jeonju.decoders.by_line import documents
from jeonju.decoders.fields import key_of
from jeonju.decoders.ha_discovery.config import is_wild
from jeonju.decoders.ha_discovery.decoder import CONFIG, HomeAssistant
from jeonju.decoders.message import Message, as_utf8, parse_json
from jeonju.decoders.native import decoder as native
from jeonju.decoders.numbers import read_amount
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.routing import read
from jeonju.messages.quality import flag_in_words
from jeonju.storage.port import Commit

# A suggestion only: how each format's topics usually look. The site file decides, never this table.
USUAL_TOPICS: Final[dict[str, tuple[str, str]]] = {
    "ha_discovery": ("homeassistant/", "homeassistant/#"),
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
    "sensorthings": ("v1.", "v1.1/#"),
    "ngsi_ld": ("ngsi", "ngsi-ld/#"),
    "fiware_ul": ("/ul/", "/ul/+/+/attrs/#"),
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
    """Takes messages through the pipeline of ingest, without storing anything."""

    def __init__(self, site: Site) -> None:
        self._pipeline = Pipeline(site)
        self._router = self._pipeline.router
        self._trials = {wire_format: decoder(wire_format) for wire_format in get_args(Format)}

    def look_at(self, message: Message) -> Diagnosis:
        """Return what becomes of a message by the site file; where nothing does, why, and a line that may help."""
        found, route = Diagnosis(message.topic), self._router.route(message.topic)
        is_native = route.gateway is native.GATEWAY
        if is_native and not message.topic.startswith(f"{topics.ROOT}/"):
            found.why_not = "no gateway of the site file has this topic"
            found.suggestion = self._suggest(message)
            return found
        found.understood_as = "native" if is_native else f"{route.gateway.format} ({route.gateway.topic})"
        if is_native and message.topic.rpartition("/")[2] not in native.KINDS:
            return found
        commit = self._pipeline.commit([message])
        _fill(found, commit)
        for _, kind in self._pipeline.nothing:
            found.why_not = f"nothing of ours is in it ({kind})"
        if isinstance(route.decoder, HomeAssistant) and (route.gateway.format, CONFIG) in self._pipeline.nothing:
            found.suggestion = self._missing(route.decoder.topics(message.topic))
        elif found.why_not and route.gateway.format == "json":
            found.suggestion = self._suggest(message)
        self._pipeline.nothing.clear()
        return found

    def _missing(self, state_topics: list[str]) -> str | None:
        """Return an entry for the topic of a config's values where no gateway has it: without it they never arrive."""
        missing = [topic for topic in state_topics if self._router.route(topic).gateway is native.GATEWAY]
        if not missing:
            return None
        first = missing[0].partition("/")[0]
        return _entry(missing[0] if is_wild(first) else f"{first}/#", "ha_discovery", [])

    def _suggest(self, message: Message) -> str | None:
        """Return a ready entry for the site file: the usual format of the topic if it reads anything, else one that does, else a mapping."""
        usual = [name for name, (start, _) in USUAL_TOPICS.items() if start and message.topic.startswith(start)]
        for wire_format in [*usual, *(name for name in USUAL_TOPICS if name not in usual)]:
            gateway = Gateway.model_validate({"topic": "#", "format": wire_format, "device": "DEVICE"})
            try:
                decoding = read(message._replace(retained=False), gateway, self._trials[gateway.format])
            except RejectedError:
                continue
            known = any(key in QUANTITY and key != "rssi" for reading in decoding.readings for key in reading.values)
            understood = decoding.readings or decoding.updates or decoding.nothing == CONFIG
            if known or (wire_format in usual and understood):
                pattern = USUAL_TOPICS[wire_format][1] if wire_format in usual else message.topic
                needs_name = any(reading.device == "DEVICE" for reading in decoding.readings)
                return _entry(pattern, wire_format, ['device = "NAME"'] if needs_name else [])
        return self._mapping(message)

    @staticmethod
    def _mapping(message: Message) -> str | None:
        payload = as_utf8(message.payload)
        # Documents on lines of their own are alike, as a rule.
        first, *_ = documents(payload) or [payload]
        try:
            content = parse_json(first)
        except RejectedError:
            return None
        # Elements of a list share their pointers.
        pointers = list(dict.fromkeys(at for at, value in _leaves(content) if read_amount(value) is not None))
        lines = [
            f'  {{pointer = "{pointer}", key = "{key_of(pointer.rpartition("/")[2]) or "QUANTITY"}"}},'
            for pointer in pointers[:MOST_POINTERS]
        ]
        inside = next((path for path in map(list_path, pointers) if path), "")
        device = f'device = "NAME or {inside}/pointer"'
        return _entry(message.topic, "json", [device, "mapping = [", *lines, "]"]) if lines else None


def _entry(topic: str, wire_format: str, more: list[str]) -> str:
    return "\n".join(["[[gateways]]", f'topic = "{topic}"', f'format = "{wire_format}"', *more])


def _leaves(content: Any, pointer: str = "") -> list[tuple[str, Any]]:
    if isinstance(content, dict):
        parts = [(str(name).replace("~", "~0").replace("/", "~1"), value) for name, value in content.items()]
    elif isinstance(content, list):
        # An element that is a value itself, such as {"type": "P1", "value": 7.5}, says that each is another quantity.
        like_rows = all(isinstance(value, dict) and read_amount(value) is None for value in content)
        parts = [("*" if like_rows else str(number), value) for number, value in enumerate(content[:MOST_POINTERS])]
    else:
        return [(pointer, content)]
    return [leaf for name, value in parts for leaf in _leaves(value, f"{pointer}/{name}")]


def _fill(found: Diagnosis, commit: Commit) -> None:
    found.readings = [_shown(row) for row in commit.readings.to_pylist()]
    heard = {reading["device"] for reading in found.readings}
    found.states = [(record.device, record.state) for record in commit.devices if record.device not in heard]
    reasons = [letter.reason for letter in commit.dead_letters]
    if found.readings or found.states:
        found.rejected = reasons
    elif reasons:
        found.why_not = reasons[0]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    extra = msgspec.json.decode(row["extra"] or "{}")
    unknown = {key: value for key, value in extra.pop("values", {}).items() if isinstance(value, float)}
    time = row["time"].isoformat() if row["time"] != row["received_at"] else None
    values = {key: row[key] for key in QUANTITY if row[key] is not None}
    shown: dict[str, Any] = {"device": row["device"], "time": time, "values": values}
    if row["lat"] is not None:
        shown["position"] = (row["lat"], row["lon"])
    if unknown:
        shown["unknown"] = unknown
    if extra:
        shown["extra"] = extra
    if flags := {key: flag for key, flag in decode_flags(row["quality"] or "{}").items() if key not in unknown}:
        shown["quality"] = {key: flag_in_words(key, flag) for key, flag in flags.items()}
    return shown
