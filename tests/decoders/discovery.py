"""What the tests of Home Assistant's discovery share: configs, and a decoder that remembers them."""

import json
from typing import Any

from jeonju.contract.gateways import Gateway
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.ha_discovery.decoder import HomeAssistant
from jeonju.decoders.message import Message
from jeonju.ingest.routing import read
from tests.decoders.reading import NOW, values

GATEWAY = Gateway(topic="#", format="ha_discovery")


DEVICE = {"identifiers": ["a1b2"], "name": "Porch"}


CONFIG = "homeassistant/sensor/porch/pm25/config"


PM25 = {
    "device": DEVICE,
    "device_class": "pm25",
    "state_topic": "home/porch",
    "unit_of_measurement": "µg/m³",
    "value_template": "{{ value_json.dust }}",
    "unique_id": "porch-pm25",
}


class Home:
    """A decoder that is given one message after the other."""

    def __init__(self, **site: Any) -> None:
        self.decode = HomeAssistant()
        self.gateway = Gateway.model_validate({"topic": "#", "format": "ha_discovery", **site})

    def hear(self, topic: str, content: Any, *, retained: bool = False) -> Decoding:
        payload = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        return read(Message(topic, payload, NOW, retained), self.gateway, self.decode)

    def states(self, topic: str, content: Any, *, retained: bool = False) -> dict[str, str | None]:
        return {update.device: update.state for update in self.hear(topic, content, retained=retained).updates}


def value_of(**config: Any) -> dict[str, dict[str, float | None]]:
    """Return what one value means by a config."""
    home, payload = Home(), config.pop("payload")
    home.hear(CONFIG, PM25 | config)
    return values(home.hear("home/porch", payload))
