"""What the tests of variants of formats share: a smallest message, and what is known of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.gateways import Format, Gateway
from jeonju.decoders import decoder
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.message import Message

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)


UP = "application/1/device/A840419EDB62011C/event/up"


EUI = "a840419edb62011c"


OF_SITE = "2026-03-02T08:15:30Z"


OTHER = "2026-03-02T08:15:29Z"


Found = dict[str, dict[str, float]]


def decode(wire_format: Format, topic: str, content: Any, **gateway: Any) -> Decoding:
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    site = Gateway.model_validate({"topic": "#", "format": wire_format, **gateway})
    return decoder(wire_format)(Message(topic, payload, NOW), site)


def known(decoding: Decoding) -> Found:
    found: Found = {}
    for item in decoding.readings:
        values = {key: value for key, value in item.values.items() if key in QUANTITY and value is not None}
        if item.position is not None:
            values |= dict(zip(("latitude", "longitude"), item.position, strict=True))
        if values:
            found.setdefault(item.device, {}).update(values)
    return found


def to(pointer: str, key: str) -> dict[str, str]:
    return {"pointer": pointer, "key": key}


# What it shows, format, topic, content, what the site file says, and what is read.
Case = tuple[str, Format, str, Any, dict[str, Any], Found]


def check(case: Case) -> None:
    """Compare what is read of a message with what it says."""
    _, wire_format, topic, content, gateway, expected = case
    found = known(decode(wire_format, topic, content, **gateway))
    assert found == {device: pytest.approx(values) for device, values in expected.items()}
