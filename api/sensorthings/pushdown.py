"""Takes out of a filter what the store can do: which Datastreams, which span of time, which results. The rest is asked of each entity."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from jeonju.api.devices import EPOCH
from jeonju.api.sensorthings.city import City
from jeonju.api.sensorthings.evaluation import Evaluation
from jeonju.api.sensorthings.expression import COMPARISONS, Call, Node, Path, conjuncts, paths_of
from jeonju.api.sensorthings.kinds import HISTORICAL, link_of
from jeonju.api.sensorthings.timed import TimedSet, read_moving_id, read_observation_id

_IDS: Final = frozenset({"id", "@iot.id"})
_TIMES: Final = frozenset({"phenomenonTime", "resultTime", "time"})
_TURNED: Final = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
# A device is a Datastream's Thing.
_OWNER: Final = "Thing"


@dataclass(frozen=True)
class Plan:
    """What is read, and the conditions that each entity must keep besides."""

    wanted: TimedSet
    rest: tuple[Node, ...]


def plan(wanted: TimedSet, condition: Node | None, city: City, evaluation: Evaluation) -> Plan:
    """Return how a filter on a set is carried out."""
    rest = list[Node]()
    for part in conjuncts(condition) if condition is not None else ():
        narrowed = _narrowed(wanted, part, city, evaluation)
        if narrowed is None:
            rest.append(part)
        else:
            wanted = narrowed
    return Plan(wanted, tuple(rest))


def _narrowed(wanted: TimedSet, part: Node, city: City, evaluation: Evaluation) -> TimedSet | None:
    """Return the set that a condition leaves, None where it must be asked of each entity."""
    paths = list(paths_of(part))
    if not paths:
        return wanted if evaluation.holds(part, None) else _nothing(wanted)
    owner = _OWNER if wanted.kind is HISTORICAL else "Datastream"
    if all(len(path.segments) > 1 and link_of(wanted.kind, path.segments[0]) == owner for path in paths):
        return _of_owners(wanted, _without_first(part), city, evaluation)
    if (compared := _comparison(part, evaluation)) is None:
        return None
    name, segments, value = compared
    if len(segments) == 1 and segments[0] in _TIMES:
        return _within(wanted, name, value)
    if segments == ("result",) and isinstance(value, float):
        return replace(wanted, bounds=(*wanted.bounds, (name, value)))
    return _of_id(wanted, segments, value) if name == "eq" and isinstance(value, str) else None


def _of_owners(wanted: TimedSet, part: Node, city: City, evaluation: Evaluation) -> TimedSet:
    if wanted.kind is HISTORICAL:
        return replace(wanted, devices=tuple(one for one in wanted.devices if evaluation.holds(part, city.thing(one))))
    return replace(wanted, streams=tuple(one for one in wanted.streams if evaluation.holds(part, city.datastream(one))))


def _comparison(part: Node, evaluation: Evaluation) -> tuple[str, tuple[str, ...], Any] | None:
    """Return operator, path and constant of a comparison of these two, None for all else."""
    if not isinstance(part, Call) or part.name not in COMPARISONS:
        return None
    left, right = part.operands
    if isinstance(left, Path) and not any(paths_of(right)):
        return part.name, left.segments, evaluation.constant(right)
    if isinstance(right, Path) and not any(paths_of(left)):
        return _TURNED.get(part.name, part.name), right.segments, evaluation.constant(left)
    return None


def _within(wanted: TimedSet, name: str, value: Any) -> TimedSet | None:
    """Return the set within a bound of time; of a filter that is not one span None."""
    if isinstance(value, datetime):
        at = value
    elif isinstance(value, date):
        at = datetime.combine(value, datetime.min.time(), EPOCH.tzinfo)
    else:
        return None if value is not None else _nothing(wanted)
    at_us = (at - EPOCH) // timedelta(microseconds=1)
    # To the first instant that is in, and the first one that is out again.
    bounds = {"ge": (at_us, None), "gt": (at_us + 1, None), "lt": (None, at_us), "le": (None, at_us + 1)}
    start_us, end_us = (at_us, at_us + 1) if name == "eq" else bounds.get(name, (None, None))
    if start_us is None and end_us is None:
        return None
    return replace(
        wanted,
        start_us=max(wanted.start_us, wanted.start_us if start_us is None else start_us),
        end_us=min(wanted.end_us, wanted.end_us if end_us is None else end_us),
    )


def _of_id(wanted: TimedSet, segments: tuple[str, ...], value: str) -> TimedSet | None:
    """Return the set of one id, or of one place where something was measured."""
    is_own = len(segments) == 1 and segments[0] in _IDS
    is_of_place = (
        len(segments) == 2 and link_of(wanted.kind, segments[0]) == "FeatureOfInterest" and segments[1] in _IDS
    )
    if wanted.kind is HISTORICAL:
        found = read_moving_id(value) if is_own else None
        return _at(wanted, found[0], found[1]) if found else None
    if is_own and (found := read_observation_id(value)):
        stream, at_us = found
        return _instant(replace(wanted, streams=tuple(one for one in wanted.streams if one.id == stream)), at_us)
    if is_of_place and (found := read_moving_id(value)):
        return _at(wanted, found[0], found[1])
    if is_of_place and not any(one.device.is_moving for one in wanted.streams if one.device.name == value):
        return replace(wanted, streams=tuple(one for one in wanted.streams if one.device.name == value))
    return None


def _at(wanted: TimedSet, device: str, at_us: int) -> TimedSet:
    return _instant(
        replace(
            wanted,
            streams=tuple(one for one in wanted.streams if one.device.name == device),
            devices=tuple(one for one in wanted.devices if one.name == device),
        ),
        at_us,
    )


def _instant(wanted: TimedSet, at_us: int) -> TimedSet:
    return replace(wanted, start_us=max(wanted.start_us, at_us), end_us=min(wanted.end_us, at_us + 1))


def _nothing(wanted: TimedSet) -> TimedSet:
    return replace(wanted, streams=(), devices=())


def _without_first(node: Node) -> Node:
    """Return a condition on an entity as one on what its first link leads to."""
    if isinstance(node, Path):
        return Path(node.segments[1:])
    if isinstance(node, Call):
        return Call(node.name, tuple(_without_first(operand) for operand in node.operands))
    return node
