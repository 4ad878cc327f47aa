"""Which messages of gateways come on which topics, and what their devices are called here."""

import hashlib
import re
from typing import Final, NamedTuple

from paho.mqtt.client import topic_matches_sub

from jeonju.contract.gateways import Gateway
from jeonju.contract.topics import NAME
from jeonju.ingest.decoders import Decoder, decoder

_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_STEM: Final = 50
# Filters are compared once for each topic; a sender that makes topics up must not fill the memory.
MOST_REMEMBERED: Final = 50_000


class Route(NamedTuple):
    """A gateway of the site file, and the decoder of its format."""

    gateway: Gateway
    decode: Decoder


class Router:
    """Finds the route of a topic: the first gateway of the site file whose filter it matches."""

    def __init__(self, gateways: list[Gateway]) -> None:
        self._routes = [Route(gateway, decoder(gateway.format)) for gateway in gateways]
        self._of_topic: dict[str, Route | None] = {}

    def route(self, topic: str) -> Route | None:
        """Return where a topic belongs, None where nobody said."""
        if topic not in self._of_topic:
            if len(self._of_topic) >= MOST_REMEMBERED:
                self._of_topic.clear()
            fitting = (route for route in self._routes if topic_matches_sub(route.gateway.topic, topic))
            self._of_topic[topic] = next(fitting, None)
        return self._of_topic[topic]


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
