"""One folder for each wire format; `decoder` finds the one that a site file names."""

from collections.abc import Callable

from jeonju.contract.gateways import Format, Gateway
from jeonju.ingest.decoded import Decoding
from jeonju.ingest.decoders import (
    airkorea,
    chirpstack,
    json,
    line_protocol,
    onem2m,
    senml,
    sensor_community,
    tasmota,
    thingsboard,
    tts,
    vda5050,
    zigbee2mqtt,
)
from jeonju.ingest.decoders.fields import Message
from jeonju.ingest.decoders.sparkplug_b import SparkplugB

Decoder = Callable[[Message, Gateway], Decoding]

_STATELESS: dict[str, Decoder] = {
    "airkorea": airkorea.decode,
    "chirpstack": chirpstack.decode,
    "json": json.decode,
    "line_protocol": line_protocol.decode,
    "onem2m": onem2m.decode,
    "senml": senml.decode,
    "sensor_community": sensor_community.decode,
    "tasmota": tasmota.decode,
    "thingsboard": thingsboard.decode,
    "tts": tts.decode,
    "vda5050": vda5050.decode,
    "zigbee2mqtt": zigbee2mqtt.decode,
}


def decoder(wire_format: Format) -> Decoder:
    """Return a decoder of a format; those that remember something begin anew."""
    return SparkplugB() if wire_format == "sparkplug_b" else _STATELESS[wire_format]
