"""How much of what is no quantity of ours is kept beside a reading: what one sender makes up must not fill the store of all."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from jeonju.contract.quality import Flag

# Of one reading, whatever it came in.
MOST_NAMES: Final = 64
LONGEST_NAME: Final = 64
# Of one member with its name, and of all of them, as JSON.
MOST_MEMBER_BYTES: Final = 1024
MOST_BYTES: Final = 4 * 1024
# Under this key `quality` says how many members were dropped.
DROPPED: Final = "extra"
# Members that hold members: each of those counts by itself.
GROUPS: Final = ("values", "status")
_BRACKETS: Final = 2


def dropped_flag(count: int) -> Flag:
    """Return the flag that says how many members of a reading were too many, too long or too large to be kept."""
    return Flag.of("suspect", "members-dropped", count=count)


def bounded(content: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return what is kept of the extra content of a reading, in its order, and how many members are not."""
    kept: dict[str, Any] = {}
    names, room = 0, MOST_BYTES
    for group, name, value in _members(content):
        if names == MOST_NAMES:
            break
        # In this order, so that nothing is put into JSON only to be dropped for its name.
        if len(name) <= LONGEST_NAME:
            size = _size(name, value)
            if size is not None and size <= min(room, MOST_MEMBER_BYTES):
                (kept if group is None else kept.setdefault(group, {}))[name] = value
                names, room = names + 1, room - size
    return kept, _count(content) - names


def _size(name: str, value: Any) -> int | None:
    """Return the bytes of a member as JSON with its comma; None where it is nested so deeply that it cannot be written."""
    try:
        return len(msgspec.json.encode({name: value})) - _BRACKETS + 1
    except RecursionError:
        return None


def _count(content: Mapping[str, Any]) -> int:
    return sum(len(value) if name in GROUPS and isinstance(value, dict) else 1 for name, value in content.items())


def _members(content: Mapping[str, Any]) -> Iterator[tuple[str | None, str, Any]]:
    for name, value in content.items():
        if name in GROUPS and isinstance(value, dict):
            yield from ((name, inner, member) for inner, member in value.items())
        else:
            yield None, name, value
