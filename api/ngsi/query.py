"""The query language of NGSI-LD, `q=pm25>50;areaServed=="Palbok-dong"` (ETSI GS CIM 009, clause 4.9): text in, a condition out.

Patterns (`~=`) are those of RE2, whose time grows with the length of the text alone.
"""

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from jeonju.api.ngsi.entities import Attribute, Entity
from jeonju.api.ngsi.models import short_term
from jeonju.api.ngsi.problems import NgsiError, bad

LONGEST_CHARACTERS: Final = 4000
LONGEST_PATTERN: Final = 200
MOST_TERMS: Final = 50
DEEPEST: Final = 10
Condition = Callable[[Entity], bool]
_TOKEN: Final = re.compile(
    r"""\s*(?:
    (?P<mark>[;|()])
    |(?P<operator>!~=|~=|==|!=|>=|<=|>|<)
    |(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<bare>[^\s;|()"!~=<>,]+)
    |(?P<comma>,)
    )""",
    re.VERBOSE,
)
_NAME: Final = re.compile(r"([A-Za-z@][\w:/#.\-]*)(\[[\w.\-]{1,100}\])?")
_NUMBER: Final = re.compile(r"-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?")
_COMPARED: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class _Token(NamedTuple):
    kind: str
    text: str


class _Range(NamedTuple):
    least: Any
    most: Any


def parse_query(text: str) -> Condition:
    """Return the condition that a query is. Raises NgsiError for one that cannot be read or is too much."""
    if len(text) > LONGEST_CHARACTERS:
        raise NgsiError(
            "TooComplexQuery", f"q: is longer than {LONGEST_CHARACTERS} characters; ask in several requests"
        )
    parser = _Parser(_tokens(text))
    condition = parser.disjunction()
    parser.end()
    return condition


def matches_pattern(pattern: str) -> Callable[[str], bool]:
    """Return what says whether a text holds a pattern. Raises NgsiError for what is no pattern of RE2."""
    if len(pattern) > LONGEST_PATTERN:
        raise bad(f"a pattern has at most {LONGEST_PATTERN} characters")

    def matches(text: str) -> bool:
        return bool(pc.match_substring_regex(pa.array([text]), pattern)[0].as_py())

    try:
        matches("")
    except pa.ArrowInvalid as error:
        raise bad(f"{pattern[:60]!r} is no pattern: {str(error).splitlines()[0][:100]}") from error
    return matches


def _tokens(text: str) -> list[_Token]:
    tokens, at, text = list[_Token](), 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise bad(f"q: cannot be read from {text[at : at + 30]!r} on")
        kind = str(found.lastgroup)
        tokens.append(_Token(kind, found[kind]))
        at = found.end()
    return tokens


class _Parser:
    """Recursive descent: `|` binds less than `;`."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._at, self._depth, self._terms = tokens, 0, 0, 0

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise bad(f"q: has {self._tokens[self._at].text[:40]!r} where it should end")

    def disjunction(self) -> Condition:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NgsiError("TooComplexQuery", f"q: is nested deeper than {DEEPEST} levels")
        parts = [self._conjunction()]
        while self._takes("|"):
            parts.append(self._conjunction())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else lambda entity: any(part(entity) for part in parts)

    def _conjunction(self) -> Condition:
        parts = [self._term()]
        while self._takes(";"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else lambda entity: all(part(entity) for part in parts)

    def _term(self) -> Condition:
        if self._takes("("):
            condition = self.disjunction()
            if not self._takes(")"):
                raise bad("q: lacks ')'")
            return condition
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise NgsiError("TooComplexQuery", f"q: has more than {MOST_TERMS} conditions; ask in several requests")
        path = _path(self._take("bare", "the name of an attribute"))
        if self._at < len(self._tokens) and self._tokens[self._at].kind == "operator":
            self._at += 1
            return self._compared(path, self._tokens[self._at - 1].text)
        return lambda entity: value_at(entity, path) is not None

    def _compared(self, path: tuple[str, ...], name: str) -> Condition:
        if name in ("~=", "!~="):
            matches, is_wanted = matches_pattern(self._pattern()), name == "~="
            return lambda entity: isinstance(found := value_at(entity, path), str) and matches(found) is is_wanted
        wanted = [self._value()]
        while self._at < len(self._tokens) and self._tokens[self._at].kind == "comma":
            self._at += 1
            wanted.append(self._value())
        if len(wanted) > MOST_TERMS:
            raise NgsiError("TooComplexQuery", f"q: lists more than {MOST_TERMS} values")
        if name in _COMPARED and name != "==" and (len(wanted) > 1 or isinstance(wanted[0], _Range)):
            raise bad(f"q: {name} takes one value")
        if name == "!=":
            return lambda entity: (found := value_at(entity, path)) is not None and not _is_any(found, wanted)
        if name == "==":
            return lambda entity: _is_any(value_at(entity, path), wanted)
        return lambda entity: _holds(name, value_at(entity, path), wanted[0])

    def _pattern(self) -> str:
        token = self._next("a pattern")
        return _unquoted(token.text) if token.kind == "text" else token.text

    def _value(self) -> Any:
        token = self._next("a value")
        if token.kind == "text":
            return _unquoted(token.text)
        least, is_range, most = token.text.partition("..")
        return _Range(_constant(least), _constant(most)) if is_range else _constant(token.text)

    def _takes(self, mark: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == _Token("mark", mark):
            self._at += 1
            return True
        return False

    def _take(self, kind: str, what: str) -> str:
        token = self._next(what)
        if token.kind != kind:
            raise bad(f"q: has {token.text[:40]!r} where {what} should be")
        return token.text

    def _next(self, what: str) -> _Token:
        if self._at >= len(self._tokens):
            raise bad(f"q: ends where {what} should be")
        self._at += 1
        token = self._tokens[self._at - 1]
        if token.kind in ("mark", "operator", "comma"):
            raise bad(f"q: has {token.text!r} where {what} should be")
        return token


def value_at(entity: Entity, path: tuple[str, ...]) -> Any:
    """Return the value of an attribute, of something that is said of it, or a member of a compound value; None where there is none."""
    first, *rest = path
    if first in ("id", "@id"):
        return entity.id
    attribute = entity.attributes.get(first)
    if attribute is None:
        return None
    value: Any = attribute.value
    for name in rest:
        if name.startswith("["):
            for member in name[1:-1].split("."):
                value = value.get(member) if isinstance(value, Mapping) else None
        else:
            value = _said_of(attribute, name)
    return value


def _said_of(attribute: Attribute, name: str) -> Any:
    if name == "observedAt":
        return None if attribute.observed_at is None else attribute.observed_at.isoformat()
    said = attribute.more.get(name)
    return said.get("value") if isinstance(said, Mapping) else said


def _path(text: str) -> tuple[str, ...]:
    found = _NAME.fullmatch(text)
    if found is None:
        raise bad(f"q: {text[:60]!r} is no name of an attribute")
    name, member = found[1], found[2]
    parts = [short_term(name)] if name.startswith(("http:", "https:", "urn:")) else name.split(".")
    if len(parts) > 2:
        raise bad(f"q: {text[:60]!r} is too long a path; one like pm25.quality or data[quantity] is known")
    return (*parts, member) if member else tuple(parts)


def _constant(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    return float(text) if _NUMBER.fullmatch(text) else text


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def _is_any(found: Any, wanted: list[Any]) -> bool:
    for value in wanted:
        if isinstance(value, _Range):
            if _holds(">=", found, value.least) and _holds("<=", found, value.most):
                return True
        elif _holds("==", found, value):
            return True
    return False


def _holds(name: str, found: Any, wanted: Any) -> bool:
    """Return whether a comparison holds; values of two kinds are never alike."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return name == "==" and found is wanted
    if isinstance(found, (int, float)) and isinstance(wanted, float):
        return bool(_COMPARED[name](found, wanted))
    if not (isinstance(found, str) and isinstance(wanted, str)):
        return False
    instants = _instant(found), _instant(wanted)
    if instants[0] is not None and instants[1] is not None:
        return bool(_COMPARED[name](*instants))
    return bool(_COMPARED[name](found, wanted))


def _instant(text: str) -> datetime | None:
    if not re.match(r"\d{4}-\d\d-\d\dT", text):
        return None
    try:
        read = datetime.fromisoformat(text.replace(" ", "+"))
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
