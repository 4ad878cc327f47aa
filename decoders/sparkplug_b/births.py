"""What a birth says of its metrics. Later messages may leave out the name, the datatype, the unit or all of them."""

from collections.abc import Iterator
from collections.abc import Mapping as Members
from dataclasses import dataclass, field
from typing import Final

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Mapping
from jeonju.decoders.budget import spend
from jeonju.decoders.fields import key_of
from jeonju.decoders.sparkplug_b.parsing import MOST_METRICS
from jeonju.decoders.sparkplug_b.payload import Metric, Payload
from jeonju.decoders.sparkplug_b.properties import unit_of

# Names, aliases and instances that the births of an edge node may give in all; a sender that makes them up must not fill the memory.
MOST_NAMES: Final = 100_000
# Of a name with the instances that it lies in. Long ones count as several.
LONGEST_NAME: Final = 1000
_COUNTED_AS_ONE: Final = 100
# Instances of templates in one birth, and how deep they may lie in one another.
MOST_INSTANCES: Final = 1000
DEEPEST: Final = 8
TEMPLATE: Final = "template_value"
CONTROL: Final = ("bdSeq", "Node Control/", "Device Control/")


class Known:
    """One metric. `label` is its path, `name` the last part of it that may hold slashes itself, `group` the template instance that it is in."""

    __slots__ = ("control", "datatype", "group", "key", "label", "name", "unit")

    def __init__(self, name: str, group: str = "", datatype: int = 0, unit: str | None = None) -> None:
        self.name, self.group, self.datatype, self.unit = name, group, datatype, unit
        self.label = f"{group}/{name}" if group else name
        self.key = key_of(name)
        self.control = not group and name.startswith(CONTROL)


# Path of a member in a template → the definition's metric.
Definition = dict[str, Known]
Entries = Members[str, Mapping]


def entry_of(known: Known, entries: Entries) -> Mapping | None:
    """Return the entry of the site file that a metric belongs to: by its path, else by the name of a member."""
    return entries.get(known.label) or entries.get(known.name)


@dataclass
class Born:
    """The metrics of a birth. Aliases of members hold in their instance, others everywhere.

    `apart` says that two instances, or an instance and a bare metric, give the same quantity: then each instance is a device of its own.
    """

    by_alias: dict[int | tuple[str, int], Known] = field(default_factory=dict)
    by_label: dict[str, Known] = field(default_factory=dict)
    # Instance → the quantities that its own members give.
    groups: dict[str, set[str]] = field(default_factory=dict)
    apart: bool = False
    # How much of the memory for births this takes, as a count of names and aliases.
    size: int = 1

    def device(self, name: str, group: str) -> str:
        """Return the device that a group's values are of, where `name` is that of the topic."""
        return f"{name}/{group}" if group and self.apart else name

    def devices(self, name: str) -> list[str]:
        """Return the device of the topic, and those that its instances stand for."""
        return [name, *(f"{name}/{group}" for group, keys in self.groups.items() if group and keys and self.apart)]

    def find(self, metric: Metric, group: str) -> Known | None:
        """Return what a metric is by its name or alias; None where neither says it."""
        if name := metric.name:
            return self.by_label.get(f"{group}/{name}" if group else name) or Known(name, group)
        if not metric.HasField("alias"):
            return None
        known = self.by_alias.get((group, metric.alias) if group else metric.alias)
        if known is None and group:
            known = self.by_alias.get(metric.alias)
            return known if known is not None and known.group == group else None
        return known


class Learner:
    """Reads a birth. `definitions` are the templates that the edge node has defined; those of this birth are added."""

    def __init__(self, entries: Entries, definitions: dict[str, Definition]) -> None:
        self.born = Born()
        self.definitions = definitions
        self._entries = entries
        self._count = 0

    def learn(self, payload: Payload) -> Born:
        """Return what a birth says; raises RejectedError where that is more than is held."""
        for metric in payload.metrics:
            if metric.name and is_definition(metric):
                self._hold(Known(metric.name))
                self.definitions[metric.name] = {known.label: known for known in self._members(metric, "", 1)}
        for metric in payload.metrics:
            self._learn(metric, "", {}, "", 0)
        keys = [key for found in self.born.groups.values() for key in found]
        self.born.apart = len(keys) > len(set(keys))
        return self.born

    def _learn(self, metric: Metric, group: str, definition: Definition, path: str, depth: int) -> None:
        self._counted(metric)
        name = metric.name
        if not name or depth > DEEPEST or is_definition(metric):
            return
        path = f"{path}/{name}" if path else name
        of_type = definition.get(path)
        known = Known(name, group, metric.datatype, unit_of(metric))
        if of_type is not None:
            known.datatype, known.unit = known.datatype or of_type.datatype, known.unit or of_type.unit
        self._remember(metric, known)
        if metric.WhichOneof("value") != TEMPLATE:
            key = entry.key if (entry := entry_of(known, self._entries)) is not None else known.key
            if key is not None and not known.control:
                self.born.groups.setdefault(group, set()).add(key)
            return
        if len(self.born.groups) >= MOST_INSTANCES:
            raise RejectedError(f"has more than {MOST_INSTANCES} instances of templates")
        self.born.groups.setdefault(known.label, set())
        template = metric.template_value
        if (own := self._definition(template.template_ref)) is not None:
            definition, path = own, ""
        for member in template.metrics:
            self._learn(member, known.label, definition, path, depth + 1)

    def _remember(self, metric: Metric, known: Known) -> None:
        self._hold(known)
        self.born.by_label[known.label] = known
        if not metric.HasField("alias"):
            return
        self.born.size += 1
        if known.group:
            self.born.by_alias[known.group, metric.alias] = known
            self.born.by_alias.setdefault(metric.alias, known)
        else:
            self.born.by_alias[metric.alias] = known

    def _hold(self, known: Known) -> None:
        """Count a name; raises RejectedError where it is too long, or one too many."""
        if len(known.label) > LONGEST_NAME:
            raise RejectedError(f"has a metric whose name is longer than {LONGEST_NAME} characters")
        self.born.size += 1 + len(known.label) // _COUNTED_AS_ONE
        if self.born.size > MOST_NAMES:
            raise RejectedError(f"more than {MOST_NAMES} names and aliases of one edge node")

    def _definition(self, name: str) -> Definition | None:
        # Ignition keeps definitions in a folder that references leave out.
        return self.definitions.get(name) or self.definitions.get(f"_types_/{name}")

    def _members(self, metric: Metric, path: str, depth: int) -> Iterator[Known]:
        """Give the members of a definition, by their paths in it."""
        for member in metric.template_value.metrics:
            self._counted(member)
            if not member.name:
                continue
            known = Known(member.name, path, member.datatype, unit_of(member))
            self._hold(known)
            yield known
            if member.WhichOneof("value") == TEMPLATE and depth < DEEPEST:
                yield from self._members(member, known.label, depth + 1)

    def _counted(self, metric: Metric) -> None:
        spend()
        self._count += 1
        if self._count > MOST_METRICS:
            raise RejectedError(f"has more than {MOST_METRICS} metrics and members of templates")
        if not isinstance(metric.name, str):
            raise RejectedError("has a metric whose name is not UTF-8")


def is_definition(metric: Metric) -> bool:
    """Tell whether a metric defines a template: its members are no values."""
    return metric.WhichOneof("value") == TEMPLATE and bool(metric.template_value.is_definition)
