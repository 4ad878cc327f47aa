"""What the tests of single decoders share: one message in, and what was read out of it."""

import json
from datetime import UTC, datetime
from typing import Any

from jeonju.contract.gateways import Format, Gateway
from jeonju.decoders import decoder
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.message import Message

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)


def read(wire_format: Format, content: Any, topic: str = "x", **site: Any) -> Decoding:
    """Decode one message; bytes and text as they are, anything else as JSON. `site` is what a site file says of the gateway."""
    payload = content.encode() if isinstance(content, str) else content
    payload = payload if isinstance(payload, bytes) else json.dumps(content).encode()
    gateway = Gateway.model_validate({"topic": "#", "format": wire_format, **site})
    return decoder(wire_format)(Message(topic, payload, NOW), gateway)


def values(decoding: Decoding) -> dict[str, dict[str, float | None]]:
    """Return device → key → value."""
    found: dict[str, dict[str, float | None]] = {}
    for item in decoding.readings:
        found.setdefault(item.device, {}).update(item.values)
    return found


def times(decoding: Decoding) -> list[str | None]:
    """Return the time of each reading, None for that of arrival."""
    return [None if item.time is None else item.time.isoformat(timespec="milliseconds") for item in decoding.readings]
