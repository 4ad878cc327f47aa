"""The expressions of `$filter` and `$orderby`: text in, tree out. Nothing is evaluated here.

Written here and not taken from a library: those for OData know neither the functions of this standard (`st_within`, `substringof`) nor `@iot.id`,
and have no bound on what they take.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry

LONGEST_CHARACTERS: Final = 8000
MOST_CLAUSES: Final = 50
MOST_SUMS: Final = 50
MOST_PARTS: Final = 500
DEEPEST: Final = 30
MOST_SEGMENTS: Final = 8
COMPARISONS: Final = frozenset({"eq", "ne", "gt", "ge", "lt", "le"})
_SUMS: Final = frozenset({"add", "sub"})
_PRODUCTS: Final = frozenset({"mul", "div", "mod"})
# How many arguments each function takes, at least and at most.
FUNCTIONS: Final = {
    **dict.fromkeys(("substringof", "endswith", "startswith", "indexof", "concat", "contains"), (2, 2)),
    **dict.fromkeys(("length", "tolower", "toupper", "trim"), (1, 1)),
    "substring": (2, 3),
    **dict.fromkeys(("year", "month", "day", "hour", "minute", "second", "fractionalseconds"), (1, 1)),
    **dict.fromkeys(("date", "time", "totaloffsetminutes"), (1, 1)),
    **dict.fromkeys(("now", "mindatetime", "maxdatetime"), (0, 0)),
    **dict.fromkeys(("round", "floor", "ceiling"), (1, 1)),
    **dict.fromkeys(("geo.distance", "geo.intersects"), (2, 2)),
    "geo.length": (1, 1),
    **dict.fromkeys(
        ("st_equals", "st_disjoint", "st_touches", "st_within", "st_overlaps", "st_crosses", "st_intersects"), (2, 2)
    ),
    "st_contains": (2, 2),
    "st_relate": (3, 3),
}
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_TOKEN: Final = re.compile(
    r"""\s*(?:
    (?P<typed>(?:geography|geometry|duration)'(?:[^']|'')*')
    |(?P<string>'(?:[^']|'')*')
    |(?P<instant>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+\-\ ]\d\d:?\d\d)?)?)(?![\w.:])
    |(?P<clock>\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(?![\w.:])
    |(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
    |(?P<name>@?[^\W\d][\w.]*(?:/@?[^\W\d][\w.\-]*)*)
    |(?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_DURATION: Final = re.compile(r"(-?)P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,6})?)S)?)?")


class ExpressionError(ValueError):
    """The text is no expression, or one that is too much; the message says in one line why."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: number (always a float), text, boolean, null, instant, date, time of day, duration or geometry."""

    value: Any


@dataclass(frozen=True, slots=True)
class Path:
    """A property of the entity, or of one that it is linked to."""

    segments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function with its operands."""

    name: str
    operands: "tuple[Node, ...]"


Node = Literal | Path | Call


class _Token(NamedTuple):
    kind: str
    text: str


def parse(text: str) -> Node:
    """Return the tree of an expression. Raises ExpressionError."""
    parser = _Parser(_tokens(text))
    node = parser.disjunction()
    parser.end()
    return node


def paths_of(node: Node) -> Iterator[Path]:
    """Yield every path of a tree."""
    if isinstance(node, Path):
        yield node
    elif isinstance(node, Call):
        for operand in node.operands:
            yield from paths_of(operand)


def conjuncts(node: Node) -> list[Node]:
    """Return the conditions that must all hold."""
    if isinstance(node, Call) and node.name == "and":
        return [part for operand in node.operands for part in conjuncts(operand)]
    return [node]


def read_instant(text: str) -> datetime | date:
    """Return an instant in UTC, or a date. Raises ValueError for one that is not in the calendar."""
    if "T" not in text:
        return date.fromisoformat(text)
    # A plus that was not encoded in an address arrives as a space.
    head, _, fraction = text.replace(" ", "+").partition(".")
    digits = re.match(r"\d*", fraction)
    if digits and digits[0]:
        head = f"{head}.{digits[0][:6].ljust(6, '0')}{fraction[digits.end() :]}"
    instant = datetime.fromisoformat(head)
    try:
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


def _tokens(text: str) -> list[_Token]:
    if len(text) > LONGEST_CHARACTERS:
        raise ExpressionError(f"is longer than {LONGEST_CHARACTERS} characters; ask in several requests")
    tokens, at = list[_Token](), 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(f"cannot be read from {text[at : at + 30].strip()!r} on")
        kind = str(found.lastgroup)
        tokens.append(_Token(kind, found[kind]))
        at = found.end()
        if len(tokens) > MOST_PARTS:
            raise ExpressionError(f"has more than {MOST_PARTS} parts; ask in several requests")
    return tokens


class _Parser:
    """Recursive descent, from the weakest operator to the strongest."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._at = tokens, 0
        self._depth = self._clauses = self._calculations = 0

    def end(self) -> None:
        """Raise ExpressionError where something follows."""
        if self._at < len(self._tokens):
            raise ExpressionError(f"has {self._tokens[self._at].text[:40]!r} where it should end")

    def disjunction(self) -> Node:
        """Read operands joined with `or`."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError(f"is nested deeper than {DEEPEST} levels")
        operands = [self._conjunction()]
        while self._takes("or"):
            operands.append(self._conjunction())
        self._depth -= 1
        return operands[0] if len(operands) == 1 else Call("or", tuple(operands))

    def _conjunction(self) -> Node:
        operands = [self._negation()]
        while self._takes("and"):
            operands.append(self._negation())
        return operands[0] if len(operands) == 1 else Call("and", tuple(operands))

    def _negation(self) -> Node:
        is_negated = False
        while self._takes("not"):
            is_negated = not is_negated
        node = self._comparison()
        return Call("not", (node,)) if is_negated else node

    def _comparison(self) -> Node:
        node = self._sum()
        if (name := self._next_in(COMPARISONS)) is None:
            return node
        self._clauses += 1
        if self._clauses > MOST_CLAUSES:
            raise ExpressionError(f"has more than {MOST_CLAUSES} comparisons; ask in several requests")
        return Call(name, (node, self._sum()))

    def _sum(self) -> Node:
        node = self._product()
        while (name := self._next_in(_SUMS)) is not None:
            node = self._calculation(name, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._operand()
        while (name := self._next_in(_PRODUCTS)) is not None:
            node = self._calculation(name, node, self._operand())
        return node

    def _calculation(self, name: str, left: Node, right: Node) -> Node:
        self._calculations += 1
        if self._calculations > MOST_SUMS:
            raise ExpressionError(f"has more than {MOST_SUMS} calculations")
        return Call(name, (left, right))

    def _operand(self) -> Node:
        token = self._take()
        if token.text == "(" and token.kind == "mark":
            node = self.disjunction()
            self._expect(")")
            return node
        if token.kind == "name":
            return self._named(token.text)
        if token.kind == "mark":
            raise ExpressionError(f"has {token.text!r} where a value should be")
        return Literal(_constant(token))

    def _named(self, name: str) -> Node:
        if self._takes("("):
            return self._call(name.lower() if name.lower() in FUNCTIONS else name)
        if name in _CONSTANTS:
            return Literal(_CONSTANTS[name])
        segments = tuple(name.split("/"))
        if len(segments) > MOST_SEGMENTS:
            raise ExpressionError(f"has a path of more than {MOST_SEGMENTS} parts: {name[:60]!r}")
        return Path(segments)

    def _call(self, name: str) -> Node:
        if name not in FUNCTIONS:
            raise ExpressionError(
                f"names a function that is not known: {name[:40]!r}; known are {', '.join(FUNCTIONS)}"
            )
        operands = list[Node]()
        if not self._takes(")"):
            operands.append(self.disjunction())
            while self._takes(","):
                operands.append(self.disjunction())
            self._expect(")")
        least, most = FUNCTIONS[name]
        if not least <= len(operands) <= most:
            wanted = str(least) if least == most else f"{least} or {most}"
            raise ExpressionError(f"gives {name} {len(operands)} arguments; it takes {wanted}")
        return Call(name, tuple(operands))

    def _next_in(self, names: frozenset[str]) -> str | None:
        if self._at < len(self._tokens) and (token := self._tokens[self._at]).kind == "name" and token.text in names:
            self._at += 1
            return token.text
        return None

    def _takes(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] in (_Token("name", text), _Token("mark", text)):
            self._at += 1
            return True
        return False

    def _take(self) -> _Token:
        if self._at >= len(self._tokens):
            raise ExpressionError("ends where a value should be")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, mark: str) -> None:
        if not self._takes(mark):
            raise ExpressionError(f"lacks {mark!r}")


def _constant(token: _Token) -> Any:
    try:
        match token.kind:
            case "string":
                return _unquoted(token.text)
            case "number":
                return float(token.text)
            case "instant":
                return read_instant(token.text)
            case "clock":
                return time.fromisoformat(token.text)
        kind, _, quoted = token.text.partition("'")
        return _duration(quoted[:-1]) if kind == "duration" else _geometry(_unquoted(f"'{quoted}"))
    except ValueError as error:
        raise ExpressionError(f"has a value that cannot be read, {token.text[:60]!r}: {error}") from error


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None or text.endswith(("P", "T")):
        raise ValueError("a duration is written like P1DT2H30M")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups()[1:])
    length = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -length if found[1] else length


def _geometry(text: str) -> BaseGeometry:
    # PostGIS writes the reference system before it; ours is always WGS84.
    _, _, wkt = text.rpartition(";")
    try:
        return shapely.from_wkt(wkt)
    except shapely.errors.ShapelyError as error:
        raise ValueError("it is no well-known text") from error
