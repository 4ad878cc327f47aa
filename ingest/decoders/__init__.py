"""One folder for each wire format; `decoder` finds the one that a site file names."""

from collections.abc import Callable

from airquality.gateways import Format, Gateway
from ingest.decoded import Decoding
from ingest.decoders import (
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
from ingest.decoders.fields import Message
from ingest.decoders.sparkplug_b import SparkplugB

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
