"""One folder for each wire format; `decoder` finds the one that a site file names."""

from collections.abc import Callable
from typing import Final, Literal

from jeonju.contract.gateways import Format, Gateway
from jeonju.decoders.airkorea import decoder as airkorea
from jeonju.decoders.chirpstack import decoder as chirpstack
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fiware_ul import decoder as fiware_ul
from jeonju.decoders.ha_discovery.decoder import HomeAssistant
from jeonju.decoders.json import decoder as json
from jeonju.decoders.line_protocol import decoder as line_protocol
from jeonju.decoders.message import Message
from jeonju.decoders.native import decoder as native
from jeonju.decoders.ngsi_ld import decoder as ngsi_ld
from jeonju.decoders.onem2m import decoder as onem2m
from jeonju.decoders.senml import decoder as senml
from jeonju.decoders.sensor_community import decoder as sensor_community
from jeonju.decoders.sensorthings import decoder as sensorthings
from jeonju.decoders.sparkplug_b.decoder import SparkplugB
from jeonju.decoders.tasmota import decoder as tasmota
from jeonju.decoders.thingsboard import decoder as thingsboard
from jeonju.decoders.tts import decoder as tts
from jeonju.decoders.vda5050 import decoder as vda5050
from jeonju.decoders.zigbee2mqtt import decoder as zigbee2mqtt

Decoder = Callable[[Message, Gateway], Decoding]

_STATELESS: Final[dict[str, Decoder]] = {
    "airkorea": airkorea.decode,
    "chirpstack": chirpstack.decode,
    "fiware_ul": fiware_ul.decode,
    "json": json.decode,
    "line_protocol": line_protocol.decode,
    "native": native.decode,
    "ngsi_ld": ngsi_ld.decode,
    "onem2m": onem2m.decode,
    "senml": senml.decode,
    "sensor_community": sensor_community.decode,
    "sensorthings": sensorthings.decode,
    "tasmota": tasmota.decode,
    "thingsboard": thingsboard.decode,
    "tts": tts.decode,
    "vda5050": vda5050.decode,
    "zigbee2mqtt": zigbee2mqtt.decode,
}
_REMEMBERING: Final[dict[str, Callable[[], Decoder]]] = {"ha_discovery": HomeAssistant, "sparkplug_b": SparkplugB}
# An empty message says something there: that a config is gone.
TAKES_EMPTY: Final = frozenset({"ha_discovery"})


def decoder(wire_format: Format | Literal["native"]) -> Decoder:
    """Return a decoder of a format; those that remember something begin anew."""
    remembering = _REMEMBERING.get(wire_format)
    return _STATELESS[wire_format] if remembering is None else remembering()
