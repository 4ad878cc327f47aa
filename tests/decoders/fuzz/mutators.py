"""Changes of a message: in its structure where it can be read, else in its bytes."""

import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any, Final

import cbor2
from google.protobuf.message import DecodeError

from jeonju.decoders.sparkplug_b.payload import Payload
from tests.decoders.fuzz.cases import Case
from tests.decoders.fuzz.generators import NAMES, NUMBERS, TEXTS, TIMES, UNITS

Random = random.Random
_TOKENS: Final = re.compile(rb"[ ,=|#\n\"\\:{}\[\]]|[^ ,=|#\n\"\\:{}\[\]]+")
_VALUES: Final[tuple[Any, ...]] = (
    *NUMBERS,
    *TIMES,
    *TEXTS,
    *UNITS,
    None,
    True,
    [],
    {},
    [[]],
    {"value": 1, "unit": "x"},
)
LARGEST_BYTES: Final = 20_000


def mutated(case: Case, others: list[Case], dice: Random) -> Case:
    """Return a case with one to four changes; `others` give parts of theirs."""
    messages = list(case.messages)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(messages))
        topic, payload = messages[at]
        way = dice.random()
        if way < 0.05 and len(messages) < 6:
            messages.insert(at, dice.choice(dice.choice(others).messages))
        elif way < 0.08 and len(messages) > 1:
            del messages[at]
        elif way < 0.12:
            messages[at] = _other_topic(topic, dice), payload
        else:
            messages[at] = topic, _other_payload(case.wire_format, payload, others, dice)[:LARGEST_BYTES]
    return Case(case.wire_format, tuple(messages))


def _other_topic(topic: str, dice: Random) -> str:
    levels = topic.split("/")
    at = dice.randrange(len(levels))
    levels[at] = dice.choice((levels[dice.randrange(len(levels))], "", "a", "state", "DATA", "값", "gateway"))
    return "/".join(levels) or "x"


def _other_payload(wire_format: str, payload: bytes, others: list[Case], dice: Random) -> bytes:
    if dice.random() < 0.75:
        for change in (_protobuf, _tree) if wire_format == "sparkplug_b" else (_tree, _tokens):
            if (changed := change(payload, dice)) is not None:
                return changed
    return _bytes(payload, dice.choice(dice.choice(others).messages)[1], dice)


def _bytes(payload: bytes, other: bytes, dice: Random) -> bytes:
    data = bytearray(payload)
    at = dice.randint(0, len(data))
    end = min(len(data), at + dice.randint(1, 16))
    way = dice.randrange(6)
    if way == 0 and data:
        data[at % len(data)] ^= 1 << dice.randrange(8)
    elif way == 1:
        data[at:end] = dice.randbytes(dice.randint(0, 4))
    elif way == 2:
        del data[at:end]
    elif way == 3:
        data[at:at] = data[at:end] * dice.randint(1, 4)
    elif way == 4:
        data[at:at] = other[dice.randint(0, len(other)) :][:64]
    else:
        data[at:end] = dice.choice((b"\x00", b"\xff" * 8, b"\x80\x01", b"9" * 30, b"[" * 20, b"\xd8\x1d\x00", b"e999"))
    return bytes(data)


def _tokens(payload: bytes, dice: Random) -> bytes | None:
    tokens = _TOKENS.findall(payload)
    if not tokens:
        return None
    at = dice.randrange(len(tokens))
    way = dice.randrange(4)
    if way == 0:
        del tokens[at]
    elif way == 1:
        tokens.insert(at, tokens[dice.randrange(len(tokens))])
    elif way == 2:
        tokens[at] = str(dice.choice((*NUMBERS, *TIMES, *NAMES, *TEXTS))).encode()
    else:
        tokens[at], tokens[-1] = tokens[-1], tokens[at]
    return b"".join(tokens)


def _tree(payload: bytes, dice: Random) -> bytes | None:
    """Change a document of JSON, else of CBOR."""
    try:
        return json.dumps(_changed(json.loads(payload), dice)).encode()
    except (ValueError, RecursionError):
        pass
    try:
        return cbor2.dumps(_changed(cbor2.loads(payload), dice))
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError):
        return None


def _changed(content: Any, dice: Random, depth: int = 0) -> Any:
    content = copy.copy(content)
    if isinstance(content, dict | list) and content and depth < 12 and dice.random() < 0.85:
        key = dice.choice(list(content) if isinstance(content, dict) else range(len(content)))
        if dice.random() < 0.7:
            content[key] = _changed(content[key], dice, depth + 1)
        elif dice.random() < 0.4:
            del content[key]
        elif isinstance(content, list):
            content.insert(key, content[dice.randrange(len(content))])
        else:
            content[dice.choice((*NAMES, "value", "type", "time", "ts"))] = content[key]
        return content
    return dice.choice((*_VALUES, [content], {"value": content}, [content] * 3))


def _protobuf(payload: bytes, dice: Random) -> bytes | None:
    try:
        message = Payload.FromString(payload)
    except DecodeError:
        return None
    _change_fields(message, dice)
    data: bytes = message.SerializeToString()
    return data


def _change_fields(message: Any, dice: Random) -> None:
    """Change one field of a message, or of one that lies in it."""
    field = dice.choice(message.DESCRIPTOR.fields)
    held = getattr(message, field.name)
    is_many = hasattr(held, "extend")
    if field.message_type is not None:
        if is_many and dice.random() < 0.3:
            if held and dice.random() < 0.5:
                held.add().CopyFrom(dice.choice(held))
            elif held:
                del held[dice.randrange(len(held))]
            else:
                held.add()
        elif not is_many or held:
            _change_fields(dice.choice(held) if is_many else held, dice)
        return
    if not is_many and dice.random() < 0.2:
        message.ClearField(field.name)
        return
    makers: dict[Any, Callable[[], Any]] = {
        field.CPPTYPE_UINT32: lambda: dice.choice((0, 1, 9, 17, 22, 2**31, 2**32 - 1)),
        field.CPPTYPE_UINT64: lambda: dice.choice((0, 1, 2**63, 2**64 - 1, int(dice.choice(TIMES)) % 2**64)),
        field.CPPTYPE_FLOAT: lambda: dice.choice((0.0, -1.5, float("nan"), float("inf"), 3e38)),
        field.CPPTYPE_DOUBLE: lambda: float(dice.choice((*NUMBERS, float("nan"), float("-inf")))),
        field.CPPTYPE_BOOL: lambda: dice.random() < 0.5,
        field.CPPTYPE_STRING: lambda: (
            dice.choice((*NAMES, *TEXTS)) if field.type == field.TYPE_STRING else dice.randbytes(dice.randint(0, 40))
        ),
    }
    value = makers[field.cpp_type]()
    if is_many:
        held.append(value)
    else:
        setattr(message, field.name, value)
