"""Evaluates expressions on entities. A path through a collection has several values: a condition holds where it holds for one of them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice, product
from typing import Any, Final

from jeonju.api.sensorthings.expression import COMPARISONS, Call, ExpressionError, Literal, Node, Path
from jeonju.api.sensorthings.functions import apply, compare

# Of one condition on one entity.
MOST_VALUES: Final = 2000

# Gives all values that a path has on an entity.
Resolve = Callable[[Any, tuple[str, ...]], list[Any]]


class Evaluation:
    """Evaluates on entities whose paths `resolve` follows; `now` is the same for a whole request."""

    def __init__(self, resolve: Resolve, now: datetime) -> None:
        self._resolve, self._now = resolve, now

    def holds(self, node: Node, entity: Any) -> bool:
        """Return whether a condition holds; one that is null does not. Raises ExpressionError where it would take too much."""
        return any(value is True for value in self.values(node, entity))

    def values(self, node: Node, entity: Any) -> list[Any]:
        """Return the values of an expression: one, unless a path leads through a collection."""
        if isinstance(node, Literal):
            return [node.value]
        if isinstance(node, Path):
            return self._resolve(entity, node.segments)
        return self._called(node, entity)

    def constant(self, node: Node) -> Any:
        """Return the value of an expression without paths."""
        return self.values(node, None)[0]

    def _called(self, call: Call, entity: Any) -> list[Any]:
        if call.name in ("and", "or"):
            held = (self.holds(operand, entity) for operand in call.operands)
            return [all(held) if call.name == "and" else any(held)]
        if call.name == "not":
            # Of null it is null, which holds as little.
            values = [value for value in self.values(call.operands[0], entity) if isinstance(value, bool)]
            return [not any(values)] if values else [None]
        if call.name == "now":
            return [self._now]
        operands = [self.values(operand, entity) for operand in call.operands]
        if call.name in COMPARISONS:
            return [compare(call.name, left, right) for left, right in _bounded(operands)]
        return [apply(call.name, list(values)) for values in _bounded(operands)]


def _bounded(operands: list[list[Any]]) -> Iterator[tuple[Any, ...]]:
    if all(len(values) == 1 for values in operands):
        yield tuple(values[0] for values in operands)
        return
    for number, values in enumerate(islice(product(*operands), MOST_VALUES + 1)):
        if number == MOST_VALUES:
            raise ExpressionError(
                f"compares more than {MOST_VALUES} values of one entity; filter the entities they belong to"
            )
        yield values
