"""Which topics MQTT filters stand for: whether one covers another, whether two have a topic in common, and how to subscribe each topic once.

`+` stands for one level, a last `#` for any number of levels, also none. Neither stands for a first level that begins with `$`.
"""

from collections.abc import Iterable, Iterator, Sequence


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


class FilterTree:
    """Filters by their levels, so that only those are compared which may have a topic in common."""

    def __init__(self, filters: Iterable[str] = ()) -> None:
        self._root = _Node(is_root=True)
        for topic_filter in filters:
            self.add(topic_filter)

    def add(self, topic_filter: str, group: int = 0) -> None:
        """Take a filter in; of several that match the same topics the last group counts."""
        node = self._root
        for level in _levels(topic_filter):
            node = node.below.setdefault(level, _Node())
        node.filter, node.group = topic_filter, max(group, node.group)

    def remove(self, topic_filter: str) -> None:
        """Take a filter out again."""
        node = self._root
        for level in _levels(topic_filter):
            node = node.below[level]
        node.filter = None

    def covers(self, narrow: str) -> bool:
        """Return whether one of the filters covers a topic or a filter."""
        return next(self._matching(narrow, wider=True, narrower=False), None) is not None

    def overlaps(self, other: str) -> bool:
        """Return whether one of the filters has a topic in common with another one."""
        return next(self._matching(other, wider=True, narrower=True), None) is not None

    def covered(self, wide: str) -> list[str]:
        """Return the filters that a filter covers."""
        return [node.filter for node in self._matching(wide, wider=False, narrower=True) if node.filter is not None]

    def last_group(self, other: str) -> int:
        """Return the last group that has a filter which overlaps another one, -1 where there is none."""
        return max((node.group for node in self._matching(other, wider=True, narrower=True)), default=-1)

    def _matching(self, other: str, *, wider: bool, narrower: bool) -> Iterator["_Node"]:
        """Yield where the filters end that are the same as another one, level by level; with wildcards where it has none, or the reverse."""
        levels = _levels(other)
        waiting = [(self._root, 0)]
        while waiting:
            node, depth = waiting.pop()
            level = levels[depth] if depth < len(levels) else None
            if level == "#" and narrower:
                yield from node.all()
                continue
            if level is None and node.filter is not None:
                yield node
            # `a/#` is also `a` itself.
            if (rest := node.below.get("#")) is not None and rest.filter is not None and (wider or level == "#"):
                yield rest
            if level is not None and level != "#":
                waiting += ((below, depth + 1) for below in node.following(level, wider=wider, narrower=narrower))


class _Node:
    """A level of a `FilterTree`: what follows it, and the filter that ends here."""

    __slots__ = ("below", "filter", "group", "is_root")

    def __init__(self, *, is_root: bool = False) -> None:
        self.below: dict[str, _Node] = {}
        self.filter: str | None = None
        self.group = 0
        self.is_root = is_root

    def following(self, level: str, *, wider: bool, narrower: bool) -> Iterator["_Node"]:
        """Yield what follows here for a level that is no `#`."""
        if level == "+" and narrower:
            yield from (
                node for name, node in self.below.items() if name != "#" and not (self.is_root and name.startswith("$"))
            )
            return
        if (same := self.below.get(level)) is not None:
            yield same
        wild = self.below.get("+") if wider and level != "+" else None
        if wild is not None and not (self.is_root and level.startswith("$")):
            yield wild

    def all(self) -> Iterator["_Node"]:
        """Yield every end of a filter from here on."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if node.filter is not None:
                yield node
            waiting += node.below.values()


def without_covered(filters: Iterable[str]) -> list[str]:
    """Return the filters that no other one covers; of several that match the same topics the first."""
    kept: dict[str, None] = {}
    tree = FilterTree()
    for wanted in filters:
        if tree.covers(wanted):
            continue
        for topic_filter in tree.covered(wanted):
            tree.remove(topic_filter)
            del kept[topic_filter]
        tree.add(wanted)
        kept[wanted] = None
    return list(kept)


def apart(filters: Iterable[str], groups: Iterable[Sequence[str]] = ()) -> list[list[str]]:
    """Return the filters in groups such that no two of one group overlap, and of two that do the earlier one is in the earlier group.

    `groups` is how some of them are grouped already; these stay, and count as the earlier ones.
    """
    found = [list(group) for group in groups]
    tree, known = FilterTree(), set[str]()
    for at, group in enumerate(found):
        for topic_filter in group:
            tree.add(topic_filter, at)
            known.add(topic_filter)
    for wanted in filters:
        if wanted in known:
            continue
        place = tree.last_group(wanted) + 1
        if place == len(found):
            found.append([])
        found[place].append(wanted)
        tree.add(wanted, place)
        known.add(wanted)
    return found


def _levels(topic: str) -> list[str]:
    # Every topic has a level, so `#` is the same as `+/#`; with that, a first level needs no rule of its own.
    return ["+", "#"] if topic == "#" else topic.split("/")
