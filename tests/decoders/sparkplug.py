"""What the tests of Sparkplug B share: a session with the decoder, and payloads."""

import zlib
from typing import Any

from jeonju.contract.gateways import Gateway
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.message import Message
from jeonju.decoders.sparkplug_b import compression
from jeonju.decoders.sparkplug_b.decoder import SparkplugB
from jeonju.decoders.sparkplug_b.payload import Payload
from tests.decoders.reading import NOW

AT_MS = 1772439330000


INT32, INT8, FLOAT, STRING, DATASET, TEMPLATE, FLOAT_ARRAY = 3, 1, 9, 12, 16, 19, 30


class Session:
    """Speaks to one decoder, as one edge node or another host."""

    def __init__(self, **site: Any) -> None:
        self.gateway = Gateway.model_validate({"topic": "#", "format": "sparkplug_b", **site})
        self.decode = SparkplugB()
        self.seq = 0

    def send(self, kind: str, *metrics: dict[str, Any], device: str = "", **payload: Any) -> Decoding:
        if kind == "NBIRTH":
            self.seq = 0
        message = Payload(**{"timestamp": AT_MS, "seq": self.seq, **payload})
        self.seq = (self.seq + 1) % 256
        for metric in metrics:
            message.metrics.add(**metric)
        return self.send_bytes(kind, message.SerializeToString(), device=device)

    def send_bytes(self, kind: str, payload: bytes, *, device: str = "") -> Decoding:
        topic = f"spBv1.0/air/{kind}/gw" + (f"/{device}" if device else "")
        return self.decode(Message(topic, payload, NOW), self.gateway)


def instance(name: str, *members: dict[str, Any], of: str = "station", **more: Any) -> dict[str, Any]:
    template = {"template_ref": of, "metrics": list(members)}
    return {"name": name, "datatype": TEMPLATE, "template_value": template, **more}


def definition(name: str, *members: dict[str, Any]) -> dict[str, Any]:
    template = {"is_definition": True, "metrics": list(members)}
    return {"name": name, "datatype": TEMPLATE, "template_value": template}


def properties(**held: str | int) -> dict[str, Any]:
    values = [
        {"string_value": member} if isinstance(member, str) else {"int_value": member} for member in held.values()
    ]
    return {"properties": {"keys": [name.replace("_", " ") for name in held], "values": values}}


def envelope(body: bytes, algorithm: str | None = "GZIP", **more: Any) -> bytes:
    payload = Payload(uuid=compression.UUID, body=body, **more)
    if algorithm is not None:
        payload.metrics.add(name="algorithm", datatype=STRING, string_value=algorithm)
    return bytes(payload.SerializeToString())


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


BD_SEQ = {"name": "bdSeq", "datatype": 8, "long_value": 7}


PM25, WARM = {"name": "pm25", "double_value": 18.0}, {"name": "temperature", "double_value": 7.5}
