"""From the bytes of a message to its payload, within bounds."""

from typing import Final

from google.protobuf.message import DecodeError

from jeonju.common.errors import RejectedError
from jeonju.decoders.message import refuse_too_large
from jeonju.decoders.sparkplug_b import compression
from jeonju.decoders.sparkplug_b.payload import Payload

# Metrics of one message, members of templates included.
MOST_METRICS: Final = 100_000


def parse(data: bytes) -> Payload:
    """Return the payload of a message, unpacked where it came compressed; raises RejectedError for what cannot be read."""
    refuse_too_large(data)
    payload = _of_bytes(data)
    return _unpacked(payload) if payload.HasField("body") or payload.HasField("uuid") else payload


def _unpacked(envelope: Payload) -> Payload:
    if not _is_compressed(envelope):
        if envelope.body:
            raise RejectedError(f"has a body in a form of its own, {envelope.uuid[:80]!r}")
        return envelope
    # Without one the library Tahu means DEFLATE. What the bytes are is seen by themselves.
    algorithm = next((metric.string_value for metric in envelope.metrics if metric.name == "algorithm"), "")
    payload = _of_bytes(compression.unpack(envelope.body, algorithm))
    if _is_compressed(payload):
        raise RejectedError("is compressed more than once")
    for name in ("timestamp", "seq"):
        if not payload.HasField(name) and envelope.HasField(name):
            setattr(payload, name, getattr(envelope, name))
    return payload


def _is_compressed(payload: Payload) -> bool:
    return bool(payload.uuid == compression.UUID)


def _of_bytes(data: bytes) -> Payload:
    try:
        payload = Payload.FromString(data)
    except DecodeError as error:
        raise RejectedError("is no Sparkplug B payload: wrong protobuf") from error
    if len(payload.metrics) > MOST_METRICS:
        raise RejectedError(f"has {len(payload.metrics)} metrics, more than {MOST_METRICS}")
    # What is not UTF-8 comes as bytes.
    if not all(isinstance(metric.name, str) for metric in payload.metrics):
        raise RejectedError("has a metric whose name is not UTF-8")
    return payload
