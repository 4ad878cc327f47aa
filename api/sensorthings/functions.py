"""The operators and functions of `$filter` and `$orderby`, over plain values. What is not there, or does not fit, is None, never an error.

Operators and functions: OGC 18-088, tables 22 and 23. Positions in texts count from 0, as the note of OData has it.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Final

import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

_NUMBER: Final = re.compile(r"-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?")
_MATRIX: Final = re.compile(r"[TF*012]{9}")


def compare(name: str, left: Any, right: Any) -> bool | None:
    """Return whether a comparison holds, None where the two cannot be compared."""
    if left is None or right is None:
        is_same = left is None and right is None
        return {"eq": is_same, "ne": not is_same}.get(name)
    pair = _alike(left, right)
    if pair is None:
        return None
    return bool(_COMPARED[name](*pair))


def _alike(left: Any, right: Any) -> tuple[Any, Any] | None:
    """Return both as values of one type: a quoted number is a number beside one, a date its midnight beside an instant."""
    if type(left) is type(right):
        return None if isinstance(left, (dict, list, BaseGeometry)) else (left, right)
    for here, there, is_turned in ((left, right, False), (right, left, True)):
        other = _as_type_of(here, there)
        if other is not None:
            return (other, here) if is_turned else (here, other)
    return None


def _as_type_of(model: Any, value: Any) -> Any:
    if isinstance(model, bool):
        return None
    if isinstance(model, (int, float)):
        return _number(value)
    if isinstance(model, datetime):
        return _instant(value)
    if isinstance(model, date):
        return value if isinstance(value, date) and not isinstance(value, datetime) else None
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _instant(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        except (ValueError, OverflowError):
            return None
    return None


_COMPARED: Final[Mapping[str, Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        "eq": operator.eq,
        "ne": operator.ne,
        "gt": operator.gt,
        "ge": operator.ge,
        "lt": operator.lt,
        "le": operator.le,
    }
)


def apply(name: str, values: list[Any]) -> Any:
    """Return what an arithmetic operator or a function makes of its operands, None where they do not fit."""
    try:
        return _FUNCTIONS[name](*values)
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError, shapely.errors.ShapelyError):
        return None


def _arithmetic(calculate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def calculated(left: Any, right: Any) -> Any:
        if isinstance(left, (datetime, timedelta)) or isinstance(right, (datetime, timedelta)):
            return calculate(left, right)
        first, second = _number(left), _number(right)
        return None if first is None or second is None else calculate(first, second)

    return calculated


def _text(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that takes texts refuse everything else; numbers among them stay numbers."""

    def of_texts(*values: Any) -> Any:
        return function(*values) if isinstance(values[0], str) else None

    return of_texts


def _substring(text: str, start: float, length: float | None = None) -> str:
    begin = max(int(start), 0)
    return text[begin:] if length is None else text[begin : begin + max(int(length), 0)]


def _part(name: str) -> Callable[[Any], float]:
    return lambda value: float(getattr(value if isinstance(value, time) else _instant(value), name))


def _rounded(round_: Callable[[float], float]) -> Callable[[Any], float | None]:
    def rounded(value: Any) -> float | None:
        number = _number(value)
        return number if number is None or not math.isfinite(number) else float(round_(number))

    return rounded


def _geometry(value: Any) -> BaseGeometry:
    if isinstance(value, BaseGeometry):
        return value
    if not isinstance(value, Mapping):
        raise TypeError("no geometry")
    return shape(value)


def _spatial(relation: Callable[..., Any]) -> Callable[[Any, Any], bool]:
    return lambda left, right: bool(relation(_geometry(left), _geometry(right)))


def _relate(left: Any, right: Any, matrix: str) -> bool | None:
    if not _MATRIX.fullmatch(matrix):
        return None
    return bool(shapely.relate_pattern(_geometry(left), _geometry(right), matrix))


_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "add": _arithmetic(operator.add),
        "sub": _arithmetic(operator.sub),
        "mul": _arithmetic(operator.mul),
        "div": _arithmetic(operator.truediv),
        "mod": _arithmetic(math.fmod),
        "substringof": _text(lambda part, text: part in text),
        "contains": _text(lambda text, part: part in text),
        "endswith": _text(str.endswith),
        "startswith": _text(str.startswith),
        "length": _text(lambda text: float(len(text))),
        "indexof": _text(lambda text, part: float(text.find(part))),
        "substring": _text(_substring),
        "tolower": _text(str.lower),
        "toupper": _text(str.upper),
        "trim": _text(str.strip),
        "concat": _text(lambda left, right: left + right),
        **{name: _part(name) for name in ("year", "month", "day", "hour", "minute", "second")},
        "fractionalseconds": lambda value: _part("microsecond")(value) / 1e6,
        "date": lambda value: _instant(value).date(),  # type: ignore[union-attr]
        "time": lambda value: _instant(value).time(),  # type: ignore[union-attr]
        # All instants are kept in UTC.
        "totaloffsetminutes": lambda value: 0.0 if _instant(value) is not None else None,
        "mindatetime": lambda: datetime.min.replace(tzinfo=UTC),
        "maxdatetime": lambda: datetime.max.replace(tzinfo=UTC),
        # Halves go away from zero (OData 4.0, 5.1.1.4.6).
        "round": _rounded(lambda number: math.copysign(math.floor(abs(number) + 0.5), number)),
        "floor": _rounded(math.floor),
        "ceiling": _rounded(math.ceil),
        # In degrees, the unit of the reference system (OData 4.0, 5.1.1.4.11), as FROST answers.
        "geo.distance": lambda left, right: float(shapely.distance(_geometry(left), _geometry(right))),
        "geo.length": lambda line: float(shapely.length(_geometry(line))),
        "geo.intersects": _spatial(shapely.intersects),
        **{
            f"st_{name}": _spatial(getattr(shapely, name))
            for name in ("equals", "disjoint", "touches", "within", "overlaps", "crosses", "intersects", "contains")
        },
        "st_relate": _relate,
    }
)
