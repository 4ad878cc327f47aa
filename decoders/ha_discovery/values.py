"""Values of templates, and what may be done with them.

What a template gives for a missing value (`| float(0)`, `| default(0)`) is no measurement: it counts as missing.
"""

import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Final, NamedTuple

from jeonju.decoders.message import parse_json
from jeonju.decoders.numbers import is_absent, number

# Texts that are cut or split; a replacement never makes one longer.
LONGEST_CUT: Final = 10_000
MOST_DIGITS: Final = 15
_FORMAT: Final = re.compile(r"%[-+0 ]?\d{0,2}(?:\.(\d{1,2}))?([fd])")


class TemplateError(Exception):
    """A template that is not understood, or that cannot be applied to a payload."""


class Undefined:
    """What is missing, and all that is made of it."""


MISSING: Final = Undefined()


@dataclass
class Scope:
    """A payload as templates see it, and the variables that they set. `value_json` is read only where it is used."""

    value: str
    variables: dict[str, Any] = field(default_factory=dict)
    _content: Any = MISSING

    def value_json(self) -> Any:
        """Return the payload's JSON; raises RejectedError where it is none."""
        if self._content is MISSING:
            self._content = parse_json(self.value.encode("utf-8", "replace"))
        return self._content


Evaluate = Callable[[Scope], Any]


class Node(NamedTuple):
    """An expression. `steps` are the members of `value_json` that it leads to."""

    of: Evaluate
    constant: bool = False
    steps: tuple[str, ...] | None = None


def constant(value: Any) -> Node:
    """Return a node that is always the same."""
    return Node(lambda _: value, constant=True)


def is_true(value: Any) -> bool:
    """Tell whether a condition holds; what is missing is false."""
    return value is not MISSING and bool(value)


def rendered(parts: Sequence[Node]) -> Evaluate:
    """Return what a template has rendered: one value as it is, several as a text; None for nothing, MISSING where one is missing."""

    def render(scope: Scope) -> Any:
        values = [value for part in parts if (value := part.of(scope)) is not None]
        if len(values) < 2:
            return values[0] if values else None
        return MISSING if any(value is MISSING for value in values) else "".join(map(str, values))

    return render


def chosen(test: Node, then: Node, otherwise: Node) -> Evaluate:
    """Return a choice. Beside what is read from the payload a fixed value only fills a gap."""
    fills = otherwise.constant and not then.constant
    return lambda scope: then.of(scope) if is_true(test.of(scope)) else MISSING if fills else otherwise.of(scope)


def either(left: Node, right: Node) -> Evaluate:
    """Return the first that is true, else the last."""

    def choose(scope: Scope) -> Any:
        first = left.of(scope)
        if is_true(first):
            return first
        return MISSING if right.constant and (first is MISSING or first is None) else right.of(scope)

    return choose


def both(left: Node, right: Node) -> Evaluate:
    """Return the first that is not true, else the last."""
    return lambda scope: right.of(scope) if is_true(first := left.of(scope)) else first


def combined(of: Callable[[float, float], float], left: Node, right: Node) -> Evaluate:
    """Return what arithmetic makes of two."""
    return lambda scope: calculated(of, left.of(scope), right.of(scope))


def tested(test: Callable[[Any], bool], node: Node, *, negated: bool) -> Evaluate:
    """Return whether a test holds, or does not."""
    return lambda scope: test(node.of(scope)) is not negated


def member(node: Node, key: Node) -> Evaluate:
    """Return a member of what a node gives."""
    return lambda scope: at_member(node.of(scope), key.of(scope))


def at_member(held: Any, key: Any) -> Any:
    """Return a member of an object or list; MISSING where there is none."""
    if isinstance(held, dict):
        return held.get(key, MISSING) if isinstance(key, str) else MISSING
    if isinstance(held, list) and isinstance(key, int | float) and -len(held) <= key < len(held):
        return held[int(key)]
    return MISSING


def cut(held: Any, begin: Any, end: Any) -> Any:
    """Return a part of a text or list; MISSING of anything else."""
    places = [None if place is None else int(place) for place in (begin, end)]
    return held[slice(*places)] if isinstance(held, str | list) else MISSING


def compared(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    """Compare two values; a comparison with what is missing holds only where it asks for a difference."""
    if left is MISSING or right is MISSING:
        return compare is operator.ne
    return bool(compare(left, right))


def calculated(of: Callable[[float, float], float], left: Any, right: Any) -> Any:
    """Return a number made of two, MISSING where one is missing; raises TemplateError for what is no number."""
    numbers = []
    for value in (left, right):
        if value is MISSING or is_absent(value):
            return MISSING
        amount = number(value)
        if amount is None:
            raise TemplateError(f"{str(value)[:40]!r} is no number")
        numbers.append(amount)
    result = of(*numbers)
    if not math.isfinite(result):
        raise TemplateError("it gives no finite number")
    return result


def _contains(left: Any, right: Any) -> bool:
    return left in right if isinstance(right, list | str | dict) else False


def joined(left: Node, right: Node) -> Evaluate:
    """Return two values as one text, MISSING where one is missing."""

    def join(scope: Scope) -> Any:
        both_of_it = left.of(scope), right.of(scope)
        return MISSING if MISSING in both_of_it else "".join(map(_text, both_of_it))

    return join


COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": _contains,
    "not in": lambda left, right: not _contains(left, right),
}
ARITHMETIC: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
TESTS: Final[dict[str, Callable[[Any], bool]]] = {
    "defined": lambda value: value is not MISSING,
    "undefined": lambda value: value is MISSING,
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "mapping": lambda value: isinstance(value, dict),
}


def _instead(others: Sequence[Node], at: int, scope: Scope) -> Any:
    """Return a default that is made of the payload; a fixed one fills a gap and is no measurement."""
    return MISSING if len(others) <= at or others[at].constant else others[at].of(scope)


def _to_number(value: Any, others: Sequence[Node], scope: Scope, make: Callable[[float], float]) -> Any:
    if isinstance(value, bool):
        return make(value)
    if (amount := number(value)) is not None:
        return make(amount)
    # A text that is no number stays as it is: whoever reads the value sees it.
    return _instead(others, 0, scope) if value is MISSING or is_absent(value) else value


def _rounded(value: Any, others: Sequence[Node], scope: Scope) -> Any:
    digits = number(others[0].of(scope)) if others else 0.0
    how = others[1].of(scope) if len(others) > 1 else "common"
    if digits is None or abs(digits) > MOST_DIGITS or how not in ("common", "floor", "ceil"):
        raise TemplateError("it rounds to no number of digits")
    step = 10.0 ** int(digits)
    turn: Callable[[float], float] = {"floor": math.floor, "ceil": math.ceil}.get(how, round)
    return calculated(lambda one, _: round(one, int(digits)) if how == "common" else turn(one * step) / step, value, 0)


def _default(value: Any, others: Sequence[Node], scope: Scope) -> Any:
    also_false = len(others) > 1 and is_true(others[1].of(scope))
    return _instead(others, 0, scope) if value is MISSING or (also_false and not value) else value


def _text(value: Any) -> str:
    text = str(value)
    if len(text) > LONGEST_CUT:
        raise TemplateError(f"a text is longer than {LONGEST_CUT} characters")
    return text


def _replaced(value: Any, others: Sequence[Node], scope: Scope) -> Any:
    if value is MISSING:
        return MISSING
    old, new = (str(other.of(scope)) for other in others)
    if not old or len(new) > len(old):
        raise TemplateError("it replaces a text by a longer one")
    return _text(value).replace(old, new)


def _split(value: Any, others: Sequence[Node], scope: Scope) -> Any:
    return MISSING if value is MISSING else list(_text(value).split(str(others[0].of(scope)) if others else None))


def _got(value: Any, others: Sequence[Node], scope: Scope) -> Any:
    if not others:
        raise TemplateError("`get` needs a name")
    found = at_member(value, others[0].of(scope))
    return _instead(others, 1, scope) if found is MISSING else found


def _times(of: str) -> Callable[[Any, Sequence[Node], Scope], Any]:
    def apply(value: Any, others: Sequence[Node], scope: Scope) -> Any:
        if not others:
            raise TemplateError("a number is missing")
        return calculated(ARITHMETIC[of], value, others[0].of(scope))

    return apply


def _changed(change: Callable[[str], str]) -> Callable[[Any, Sequence[Node], Scope], Any]:
    return lambda value, _others, _scope: MISSING if value is MISSING else change(_text(value))


def _iif(value: Any, others: Sequence[Node], scope: Scope) -> Any:
    """Return one of two values, as `x if test else y` does."""
    if not others:
        raise TemplateError("`iif` needs values")
    return chosen(constant(value), others[0], others[1] if len(others) > 1 else constant(None))(scope)


def formatted(value: Any, others: Sequence[Node], scope: Scope) -> Any:
    """Return the number that a text such as `%.1f` is filled with, rounded as it says; raises TemplateError for any other text."""
    found = _FORMAT.fullmatch(value) if isinstance(value, str) else None
    if found is None or len(others) != 1:
        raise TemplateError(f"the format {str(value)[:40]!r} is not understood")
    digits = 0 if found[2] == "d" else 6 if found[1] is None else int(found[1])
    turn = math.trunc if found[2] == "d" else lambda one: round(one, digits)
    return calculated(lambda one, _: turn(one), others[0].of(scope), 0)


def _extreme(choose: Callable[[Sequence[float]], float]) -> Callable[[Any, Sequence[Node], Scope], Any]:
    """Return what gives the least, greatest or sum of several numbers, or of a list of them; MISSING where one is missing."""

    def apply(value: Any, others: Sequence[Node], scope: Scope) -> Any:
        listed = value if isinstance(value, list) else [value, *(other.of(scope) for other in others)]
        numbers = [calculated(ARITHMETIC["+"], item, 0) for item in listed]
        return MISSING if MISSING in numbers or not numbers else choose(numbers)

    return apply


def _content(value: Any, _others: Sequence[Node], _scope: Scope) -> Any:
    return parse_json(value.encode("utf-8", "replace")) if isinstance(value, str) else value


# Filters, functions, and methods, which begin with a dot.
FUNCTIONS: Final[dict[str, Callable[[Any, Sequence[Node], Scope], Any]]] = {
    "float": lambda value, others, scope: _to_number(value, others, scope, float),
    "int": lambda value, others, scope: _to_number(value, others, scope, math.trunc),
    "round": _rounded,
    "is_number": lambda value, _others, _scope: value is not MISSING and number(value) is not None,
    "length": lambda value, _others, _scope: len(value) if isinstance(value, str | list) else MISSING,
    "abs": lambda value, _others, _scope: calculated(lambda one, _: abs(one), value, 0),
    "default": _default,
    "d": _default,
    "multiply": _times("*"),
    "add": _times("+"),
    "is_defined": lambda value, _others, _scope: value,
    "from_json": _content,
    "replace": _replaced,
    ".replace": _replaced,
    ".split": _split,
    ".get": _got,
    "string": _changed(str),
    "trim": _changed(str.strip),
    ".strip": _changed(str.strip),
    "lower": _changed(str.lower),
    ".lower": _changed(str.lower),
    "upper": _changed(str.upper),
    ".upper": _changed(str.upper),
    "iif": _iif,
    "format": formatted,
    "min": _extreme(min),
    "max": _extreme(max),
    "sum": _extreme(math.fsum),
    "average": _extreme(fmean),
    "first": lambda value, _others, _scope: at_member(value, 0),
    "last": lambda value, _others, _scope: at_member(value, -1),
}
