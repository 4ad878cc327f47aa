"""Which device a message is of where the site file makes it up: of levels of the topic, members of the payload, and what the format itself says."""

import re
from typing import Any, Final

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import OWN_IDENTITY, Gateway
from jeonju.decoders import Decoder
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import at_pointer, refuse_long
from jeonju.decoders.message import Message

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


def identified(message: Message, gateway: Gateway, template: str, decode: Decoder) -> Decoding:
    """Return what a message says, of the device that the template makes. Raises RejectedError where the message lacks a part of it."""
    made = _filled(template, message)
    refuse_long(made)
    # Formats that give no identity take the one that is made.
    fixed = None if OWN_IDENTITY in made else made
    decoding = decode(message, gateway.model_copy(update={"device": fixed}))

    def name(own: str) -> str:
        return made.replace(OWN_IDENTITY, own)

    return msgspec.structs.replace(
        decoding,
        readings=[msgspec.structs.replace(reading, device=name(reading.device)) for reading in decoding.readings],
        updates=[update._replace(device=name(update.device)) for update in decoding.updates],
    )


def _filled(template: str, message: Message) -> str:
    """Return the template with levels (`{2}`, from the end `{-1}`) and members (`{/pointer}`) filled in; `{device}` is left."""
    content: Any = message.json() if "{/" in template else None

    def part(found: re.Match[str]) -> str:
        wanted = found[1]
        if found[0] == OWN_IDENTITY:
            return OWN_IDENTITY
        held = at_pointer(content, wanted) if wanted.startswith("/") else _level(message, int(wanted))
        if isinstance(held, bool) or not isinstance(held, str | int) or not str(held).strip():
            raise RejectedError(f"names no device: the site file takes it from {found[0]}, where there is none")
        return str(held)

    return _PLACEHOLDER.sub(part, template)


def _level(message: Message, number: int) -> str | None:
    levels = message.levels
    at = number - 1 if number > 0 else len(levels) + number
    return levels[at] if 0 <= at < len(levels) else None
