"""A vendor's own JSON: nothing is known but what the site file's mapping says. See README.md beside this file."""

from functools import partial

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import at_pointer, named_device
from jeonju.decoders.gathered import Gathered, says_nothing
from jeonju.decoders.lists import put_lists
from jeonju.decoders.message import Message
from jeonju.decoders.times import site_time


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what the mapping points at; raises RejectedError for what is no JSON, values without a device, and where nothing is mapped."""
    content = message.json()
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
