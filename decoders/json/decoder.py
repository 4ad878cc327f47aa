"""A vendor's own JSON: nothing is known but what the site file's mapping says. See README.md beside this file."""

from functools import partial
from typing import Any, Final

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import at_pointer, named_device
from jeonju.decoders.gathered import Gathered, says_nothing
from jeonju.decoders.lists import put_lists
from jeonju.decoders.message import Message, NotJsonError
from jeonju.decoders.numbers import read_amount
from jeonju.decoders.times import site_time

# What Home Assistant publishes where it has no state. `nan` is no JSON, and worth a look at the device.
NO_STATE: Final = ("unavailable", "unknown")


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what the mapping points at; raises RejectedError for what is no JSON, values without a device, and where nothing is mapped."""
    content = _content(message, gateway)
    if not gateway.mapping:
        raise RejectedError("the site file maps nothing of it: say what is to be read in the `mapping` of its gateway")
    gathered = Gathered()
    if gateway.lists:
        put_lists(gathered, content, gateway)
        return gathered.decoding()
    look_up = partial(at_pointer, content)
    try:
        device = named_device(gateway, content)
    except RejectedError:
        if says_nothing({}, gateway, look_up):
            return Decoding()
        raise
    at = site_time(gateway, content)
    gathered.put_mapped(device, at, gateway, look_up)
    return gathered.decoding()


def _content(message: Message, gateway: Gateway) -> Any:
    """Return the document, or the text of a message that is a lone value, such as `23,5 °C` or `unavailable`; the empty pointer stands for it."""
    try:
        return message.json()
    except NotJsonError:
        text = message.payload.decode("utf-8", "replace").strip()
        is_value = text in NO_STATE or read_amount(text) is not None
        if is_value and any(not entry.pointer for entry in gateway.mapping):
            return text
        raise
