"""Which topics MQTT filters stand for: whether one covers another, whether two have a topic in common, and how to subscribe each topic once.

`+` stands for one level, a last `#` for any number of levels, also none. Neither stands for a first level that begins with `$`.
"""

from collections.abc import Iterable, Sequence
from itertools import zip_longest


def covers(wide: str, narrow: str) -> bool:
    """Return whether every topic of `narrow`, itself a topic or a filter, is one of `wide`."""
    levels, wanted = _levels(wide), _levels(narrow)
    if levels[0] == "+" and wanted[0].startswith("$"):
        return False
    for number, level in enumerate(levels):
        if level == "#":
            return True
        if number >= len(wanted) or wanted[number] == "#" or level not in ("+", wanted[number]):
            return False
    return len(levels) == len(wanted)


def overlap(one: str, other: str) -> bool:
    """Return whether there is a topic that both filters match."""
    for number, (a, b) in enumerate(zip_longest(_levels(one), _levels(other))):
        if "#" in (a, b):
            return True
        if a is None or b is None or (a != b and "+" not in (a, b)):
            return False
        if number == 0 and a != b and (a + b).replace("+", "").startswith("$"):
            return False
    return True


def without_covered(filters: Iterable[str]) -> list[str]:
    """Return the filters that no other one covers; of several that match the same topics the first."""
    kept: list[str] = []
    for wanted in filters:
        if not any(covers(one, wanted) for one in kept):
            kept = [one for one in kept if not covers(wanted, one)] + [wanted]
    return kept


def apart(filters: Iterable[str], groups: Iterable[Sequence[str]] = ()) -> list[list[str]]:
    """Return the filters in groups such that no two of one group overlap, and of two that do the earlier one is in the earlier group.

    `groups` is how some of them are grouped already; these stay, and count as the earlier ones.
    """
    found = [list(group) for group in groups]
    for wanted in filters:
        if any(wanted in group for group in found):
            continue
        touched = (at for at, group in enumerate(found) if any(overlap(one, wanted) for one in group))
        place = max(touched, default=-1) + 1
        if place == len(found):
            found.append([])
        found[place].append(wanted)
    return found


def _levels(topic: str) -> list[str]:
    # Every topic has a level, so `#` is the same as `+/#`; with that, a first level needs no rule of its own.
    return ["+", "#"] if topic == "#" else topic.split("/")
