"""A vendor's own JSON: nothing is known but what the site file's mapping says. See README.md beside this file."""

from airquality.gateways import Gateway
from ingest.decoded import Decoding
from ingest.decoders.fields import Gathered, Message, at_pointer, instant, named_device, text_or_pointer


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what the mapping points at; raises RejectedError for what is no JSON or names no device."""
    content = message.json()
    device = named_device(gateway, content)
    gathered = Gathered()
    at = instant(text_or_pointer(gateway.time, content), gateway.timezone)
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()
