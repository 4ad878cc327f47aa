"""One page of a set: filtered, counted, sorted, skipped and cut, in this order (OGC 18-088, request-data/order), within bounds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

from fastapi import HTTPException

from jeonju.api.sensorthings.evaluation import Evaluation
from jeonju.api.sensorthings.expression import ExpressionError, Node
from jeonju.api.sensorthings.graph import Graph, Several
from jeonju.api.sensorthings.kinds import Entity
from jeonju.api.sensorthings.options import Options, Order, is_by_time
from jeonju.api.sensorthings.pushdown import Plan, plan
from jeonju.api.sensorthings.timed import TimedSet, instant_of
from jeonju.api.windows import LESS, Reader, TooMuchError

# Of one request: entities made of readings that a condition looks at, or that are sorted.
MOST_JUDGED: Final = 20_000


@dataclass(frozen=True)
class Page:
    """Entities of a page, how many there are of all pages where that was asked for, and the options of the next page where there is one."""

    entities: list[Entity]
    count: int | None = None
    following: dict[str, str] | None = None


class Pages:
    """Makes the pages of one request."""

    def __init__(self, graph: Graph, reader: Reader, evaluation: Evaluation) -> None:
        self._graph, self._reader, self._evaluation = graph, reader, evaluation
        self._judged = 0

    def page(self, several: Several, options: Options) -> Page:
        """Return the page that the options ask for. Raises HTTPException 400 where it would take too much."""
        try:
            if isinstance(several, TimedSet):
                return self._timed(plan(several, options.filter, self._graph.city, self._evaluation), options)
            return self._listed(several, options)
        except ExpressionError as error:
            raise HTTPException(400, f"$filter: {error}") from error

    def _listed(self, every: list[Entity], options: Options) -> Page:
        found = [one for one in every if options.filter is None or self._evaluation.holds(options.filter, one)]
        ordered = self._sorted(found, options.orderby)
        end = options.skip + options.top
        following = self._skipped(options) if len(found) > end else None
        return Page(ordered[options.skip : end], len(found) if options.count else None, following)

    def _timed(self, wanted: Plan, options: Options) -> Page:
        count = self._count(wanted) if options.count else None
        newest_first = is_by_time(options.orderby)
        if newest_first is None:
            return self._sorted_page(wanted, options, count)
        skip, at_us, seen = options.skip, None, 0
        if options.skiptoken is not None:
            skip, (at_us, seen) = 0, map(int, options.skiptoken.split("."))
            wanted = _from(wanted, at_us, newest_first=newest_first)
        found, is_whole = self._gathered(wanted, at_us, seen, skip + options.top + 1, newest_first=newest_first)
        shown = found[skip : skip + options.top]
        if not is_whole and not shown and options.top:
            raise HTTPException(400, f"nothing was found as far as one request may look, and there is more; {LESS}")
        if not shown or (is_whole and len(found) <= skip + options.top):
            return Page(shown, count)
        return Page(shown, count, self._after(options, shown, at_us, seen))

    def _gathered(
        self, wanted: Plan, at_us: int | None, seen: int, most: int, *, newest_first: bool
    ) -> tuple[list[Entity], bool]:
        """Return the first entities behind those that were seen of an instant, and whether none is missing because of a bound."""
        found = list[Entity]()
        try:
            for entity in self._kept(wanted, newest_first=newest_first):
                if seen and instant_of(entity) == at_us:
                    seen -= 1
                    continue
                found.append(entity)
                if len(found) >= most:
                    break
        except TooMuchError:
            return found, False
        return found, True

    def _kept(self, wanted: Plan, *, newest_first: bool) -> Iterator[Entity]:
        """Yield the entities that keep all conditions. Raises TooMuchError."""
        for entity in wanted.wanted.entities(self._reader, newest_first=newest_first):
            if wanted.rest:
                self._judge()
            if all(self._evaluation.holds(node, entity) for node in wanted.rest):
                yield entity

    def _judge(self) -> None:
        self._judged += 1
        if self._judged > MOST_JUDGED:
            raise TooMuchError

    def _count(self, wanted: Plan) -> int:
        try:
            if wanted.rest:
                return sum(1 for _ in self._kept(wanted, newest_first=True))
            return wanted.wanted.count(self._reader)
        except TooMuchError as error:
            raise HTTPException(400, f"$count: there are too many to be counted; {LESS}") from error

    def _sorted_page(self, wanted: Plan, options: Options, count: int | None) -> Page:
        try:
            found = list(islice(self._kept(wanted, newest_first=True), MOST_JUDGED + 1))
        except TooMuchError:
            found = [None] * (MOST_JUDGED + 1)  # type: ignore[list-item]
        if len(found) > MOST_JUDGED:
            raise HTTPException(
                400, f"$orderby: more than {MOST_JUDGED} cannot be sorted but by phenomenonTime; {LESS}"
            )
        ordered = self._sorted(found, options.orderby)
        end = options.skip + options.top
        return Page(ordered[options.skip : end], count, self._skipped(options) if len(found) > end else None)

    def _sorted(self, entities: list[Entity], orders: Iterable[Order]) -> list[Entity]:
        for order in reversed(tuple(orders)):
            entities = sorted(entities, key=lambda one: self._key(order.by, one), reverse=order.is_descending)
        return entities

    def _key(self, node: Node, entity: Entity) -> tuple[int, Any]:
        """Return what an entity is sorted by: nothing comes before everything."""
        value = self._evaluation.values(node, entity)[0]
        if isinstance(value, bool):
            return 1, value
        if isinstance(value, float):
            return (2, value) if value == value else (0, 0)
        if isinstance(value, str):
            return 3, value
        if isinstance(value, (datetime, date)):
            return 4, value.isoformat()
        return 0, 0

    def _skipped(self, options: Options) -> dict[str, str]:
        return options.given | {"$skip": str(options.skip + options.top)}

    def _after(self, options: Options, shown: list[Entity], at_us: int | None, seen: int) -> dict[str, str]:
        last_us = instant_of(shown[-1])
        of_instant = sum(1 for entity in shown if instant_of(entity) == last_us)
        before = seen if at_us == last_us else 0
        given = {name: value for name, value in options.given.items() if name != "$skip"}
        return given | {"$skiptoken": f"{last_us}.{of_instant + before}"}


def _from(wanted: Plan, at_us: int, *, newest_first: bool) -> Plan:
    """Return what is wanted from an instant on."""
    inside = wanted.wanted
    if newest_first:
        return replace(wanted, wanted=replace(inside, end_us=min(inside.end_us, at_us + 1)))
    return replace(wanted, wanted=replace(inside, start_us=max(inside.start_us, at_us)))
