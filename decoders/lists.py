"""Messages that hold many readings: pointers of the site file with a step `*`, which stands for every element of a list."""

from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Final

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway, ListOf
from jeonju.decoders.budget import spend
from jeonju.decoders.fields import at_pointer, inner_document, named_device
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.numbers import is_absent
from jeonju.decoders.times import site_time

# More than gateways send together.
MOST_ELEMENTS: Final = 10_000
# What stands once for all elements goes into the dead letter of each that cannot be read, unless it is longer than this.
_LONGEST_SHARED: Final = 256
# An element, after the message and the elements of outer lists that it is part of.
Place = tuple[Any, ...]


def put_lists(gathered: Gathered, content: Any, gateway: Gateway) -> None:
    """Add what the mapping points at, element by element; elements that cannot be read are rejected, and the others stored.

    Raises RejectedError where no list is in between: it is the message then that cannot be read.
    """
    for read in gateway.lists:
        if read.path:
            _put_list(gathered, content, gateway, read)
        else:
            _put(gathered, (content,), gateway, read)


def _put_list(gathered: Gathered, content: Any, gateway: Gateway, read: ListOf) -> None:
    """Add all elements of an outermost list, each with the lists that are inside it."""
    outer, *inner = _ways(read.path)
    elements = _elements(content, outer)
    left = MOST_ELEMENTS
    for number, element in enumerate(elements):
        spend()
        places = list(islice(_places((content, element), inner), MOST_ELEMENTS + 1))
        if len(places) > left:
            reason = f"holds more than {MOST_ELEMENTS} elements at {read.path}: send fewer together"
            if len(places) > MOST_ELEMENTS:
                # It would not fit into a message of its own either.
                gathered.reject(reason, partial(_message_of, [element], outer, content, gateway))
                continue
            gathered.reject(reason, partial(_message_of, elements[number:], outer, content, gateway))
            return
        left -= len(places)
        wrong = ""
        for place in places:
            try:
                _put(gathered, place, gateway, read)
            except RejectedError as error:
                wrong = wrong or f"element {number} of {outer or 'the message'} {error}"
        if wrong:
            gathered.reject(wrong, partial(_message_of, [element], outer, content, gateway))


@lru_cache(maxsize=2000)
def _ways(path: str) -> tuple[str, ...]:
    """Return the pointers from the message to the outermost list, from its elements to the next one, and so on."""
    ways = [""]
    for step in path.split("/")[1:-1]:
        if step == "*":
            ways.append("")
        else:
            ways[-1] += "/" + step
    return tuple(ways)


def _elements(content: Any, pointer: str) -> list[Any]:
    held = inner_document(at_pointer(content, pointer))
    return held if isinstance(held, list) else []


def _places(place: Place, inner: list[str]) -> Iterator[Place]:
    """Return where the innermost elements are."""
    if not inner:
        yield place
        return
    for element in _elements(place[-1], inner[0]):
        yield from _places((*place, element), inner[1:])


def _put(gathered: Gathered, place: Place, gateway: Gateway, read: ListOf) -> None:
    """Add one element. One that holds nothing mapped is no reject, even if it names no device."""
    spend(len(read.entries))
    held = [at_place(place, entry.pointer) for entry in read.entries]
    if all(map(is_absent, held[: read.own])):
        return
    device, at = named_device(gateway, place, at_place), site_time(gateway, place, at_place)
    for entry, raw in zip(read.entries, held, strict=True):
        gathered.put_entry(device, at, entry, raw)


def at_place(place: Place, pointer: str) -> Any:
    """Return what a pointer leads to, each `*` of which stands for an element of the place; None for lists beyond it."""
    depth, rest = _split(pointer)
    return at_pointer(place[depth], rest) if depth < len(place) else None


@lru_cache(maxsize=2000)
def _split(pointer: str) -> tuple[int, str]:
    """Return how many steps `*` a pointer has, and what of it is behind the last."""
    steps = pointer.split("/")
    depth = steps.count("*")
    last = len(steps) - 1 - steps[::-1].index("*") if depth else 0
    return depth, "".join("/" + step for step in steps[last + 1 :])


def _message_of(elements: list[Any], outer: str, content: Any, gateway: Gateway) -> bytes:
    """Return a message that holds only these elements of a list, and what is beside the list and counts for each."""
    # Members stand for positions in lists of lists, too: pointers lead to both.
    steps = [step.replace("~1", "/").replace("~0", "~") for step in outer.split("/")[1:]]
    alone: Any = elements
    for step in reversed(steps):
        alone = {step: alone}
    if isinstance(alone, dict):
        for pointer in (gateway.device, gateway.time, *(entry.pointer for entry in gateway.mapping)):
            if pointer is not None and pointer.startswith("/") and not _split(pointer)[0]:
                _put_shared(alone, pointer, at_pointer(content, pointer))
    return msgspec.json.encode(alone)


def _put_shared(alone: dict[str, Any], pointer: str, value: Any) -> None:
    if not isinstance(value, str | int | float) or (isinstance(value, str) and len(value) > _LONGEST_SHARED):
        return
    *steps, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    parent: Any = alone
    for step in steps:
        parent = parent.setdefault(step, {}) if isinstance(parent, dict) else None
    if isinstance(parent, dict):
        parent.setdefault(last, value)
