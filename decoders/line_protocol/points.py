"""The syntax of line protocol: bytes to points, one broken line at a time. What it takes beyond the reference is in README.md."""

import codecs
import math
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from jeonju.common.errors import RejectedError
from jeonju.decoders.budget import spend

Value = float | int | bool | str

# Bytes that are not UTF-8 come as lone surrogates, so that a broken line can be handed back byte by byte.
_RAW_BYTES: Final = r"\udc80-\udcff"
_NOT_UTF8: Final = re.compile(f"[{_RAW_BYTES}]")
_CONTROL: Final = rf"\x00-\x1f\x7f{_RAW_BYTES}"
# A backslash escapes only what would end the name; before anything else it stands for itself.
_KEY: Final = rf"((?:[^\\,= {_CONTROL}]++|\\[,= ]?+)++)"
_MEASUREMENT: Final = re.compile(rf"((?:[^\\, {_CONTROL}]++|\\[, ]?+)++)")
_TAG: Final = re.compile(f",{_KEY}={_KEY}")
_FIELD_NAME: Final = re.compile(f"{_KEY}=")
_STRING: Final = re.compile(rf'"((?:[^"\\{_RAW_BYTES}]++|\\[^{_RAW_BYTES}])*+)"', re.DOTALL)
_BARE: Final = re.compile(r"[^, \r\n]++")
_BLANKS: Final = re.compile(" ++")
_TIME: Final = re.compile(" ++(-?[0-9]++)")
_END: Final = re.compile(r" *+\r?(?:\n|\Z)")

_ESCAPED: Final = re.compile(r"\\([,= ])")
_ESCAPED_IN_MEASUREMENT: Final = re.compile(r"\\([, ])")
_ESCAPED_IN_STRING: Final = re.compile(r'\\(["\\nrt])')
_MEANT: Final = {"n": "\n", "r": "\r", "t": "\t"}

_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?")
_INTEGER: Final = re.compile("([-+]?[0-9]++)([iu])")
_NO_NUMBER: Final = re.compile("[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
_BOOLEANS: Final = dict.fromkeys(("t", "T", "true", "True", "TRUE"), True) | dict.fromkeys(
    ("f", "F", "false", "False", "FALSE"), False
)
_RANGES: Final = {"i": (-(2**63), 2**63 - 1), "u": (0, 2**64 - 1)}

# Fields whose values are numbers so short that they are surely within the bounds of 64 bits.
_SHORT: Final = r"[^,=]++=-?(?:[0-9]{1,99}+(?:\.[0-9]{0,99}+)?(?:[eE][-+]?[0-9]{1,2})?|[0-8]?[0-9]{1,18}i)(?=,|\Z)"
_SHORT_FIELDS: Final = re.compile(f"{_SHORT}(?:,{_SHORT})*+")
_SHORT_TIME: Final = re.compile("-?[0-8]?[0-9]{1,18}")


class Point(NamedTuple):
    """One line. `time` is in the sender's unit."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Value]
    time: int | None


class Broken(NamedTuple):
    """A line that is none."""

    reason: str


def read_lines(payload: bytes) -> Iterator[tuple[int, str, Point | Broken]]:
    """Yield each line that is neither empty nor a comment: its number, its text (see `line_bytes`), and its point.

    A string in quotes may go on over ends of lines. Of a point that is broken its first line alone is; the next is read as one of its own.
    """
    text = payload.removeprefix(codecs.BOM_UTF8).rstrip(b"\0").decode(errors="surrogateescape")
    begin, number = 0, 1
    while begin < len(text):
        spend()
        end = text.find("\n", begin)
        after, end = (end + 1, end) if end >= 0 else (len(text), len(text))
        line = text[begin:end].removesuffix("\r")
        point: Point | Broken | None = _plain_point(line) if line else None
        if point is None and (start := line.lstrip(" ")) and not start.startswith("#"):
            try:
                point, after = _any_point(text, begin + len(line) - len(start))
            except RejectedError as error:
                point = Broken("is not UTF-8" if _NOT_UTF8.search(line) else str(error))
        if point is not None:
            yield number, line, point
        number += 1 if after == end + 1 else text.count("\n", begin, after)
        begin = after


def line_bytes(line: str) -> bytes:
    """Return a line as it came."""
    return line.encode(errors="surrogateescape")


def _plain_point(line: str) -> Point | None:
    """Return the point of a line without quotes, escapes and anything unusual, as most are; None where it must be read token by token."""
    if '"' in line or "\\" in line or not line.isprintable():
        return None
    head, _, rest = line.partition(" ")
    body, _, time = rest.partition(" ")
    if not _SHORT_FIELDS.fullmatch(body) or (time and not _SHORT_TIME.fullmatch(time)):
        return None
    measurement, *pairs = head.split(",")
    try:
        tags = dict([pair.split("=") for pair in pairs])
    except ValueError:
        return None
    if not measurement or measurement[0] == "#" or len(tags) != len(pairs) or "" in tags or "" in tags.values():
        return None
    fields: dict[str, Value] = {}
    for pair in body.split(","):
        name, _, text = pair.partition("=")
        fields[name] = int(text[:-1]) if text[-1] == "i" else float(text)
    return Point(measurement, tags, fields, int(time) if time else None)


def _any_point(text: str, at: int) -> tuple[Point, int]:
    """Return the point that begins here, and where the next line does; raises RejectedError saying what is wrong."""
    if (found := _MEASUREMENT.match(text, at)) is None:
        raise _wrong("has no measurement", text, at)
    measurement, at = _ESCAPED_IN_MEASUREMENT.sub(r"\1", found[1]), found.end()
    tags: dict[str, str] = {}
    while found := _TAG.match(text, at):
        spend()
        name = _unescaped(found[1])
        if name in tags:
            raise _wrong("has a tag twice", text, at + 1)
        tags[name], at = _unescaped(found[2]), found.end()
    if (found := _BLANKS.match(text, at)) is None:
        raise _wrong("is no line protocol (measurement,tags fields time)", text, at)
    fields, at = _fields(text, found.end())
    time = None
    if found := _TIME.match(text, at):
        time, at = _integer(found[1], *_RANGES["i"]), found.end()
        if time is None:
            raise _wrong("has a time beyond 64 bits", text, found.start(1))
    if (found := _END.match(text, at)) is None:
        raise _wrong("has something else than a time behind its fields", text, at)
    return Point(measurement, tags, fields, time), found.end()


def _fields(text: str, at: int) -> tuple[dict[str, Value], int]:
    """Return the fields, of which a later one of the same name stands, and where they end."""
    fields: dict[str, Value] = {}
    while True:
        spend()
        if (found := _FIELD_NAME.match(text, at)) is None:
            raise _wrong("has no name=value where a field should be", text, at)
        name, at = _unescaped(found[1]), found.end()
        if text[at : at + 1] == '"':
            if (found := _STRING.match(text, at)) is None:
                raise _wrong("has a text that is not UTF-8 or has no closing quote", text, at)
            fields[name] = _ESCAPED_IN_STRING.sub(lambda escaped: _MEANT.get(escaped[1], escaped[1]), found[1])
        elif (found := _BARE.match(text, at)) is None or (value := _bare_value(found[0])) is None:
            raise _wrong("has no value where one should be", text, at)
        else:
            fields[name] = value
        at = found.end()
        if text[at : at + 1] != ",":
            return fields, at
        at += 1


def _unescaped(name: str) -> str:
    return _ESCAPED.sub(r"\1", name) if "\\" in name else name


def _bare_value(text: str) -> float | bool | None:
    """Return a number or truth value, NaN for what senders write instead of a number; None for anything else."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if found := _INTEGER.fullmatch(text):
        return _integer(found[1], *_RANGES[found[2]])
    if _FLOAT.fullmatch(text):
        return value if math.isfinite(value := float(text)) else None
    return math.nan if _NO_NUMBER.fullmatch(text) else None


def _integer(digits: str, lowest: int, highest: int) -> int | None:
    """Return a number within bounds; None for another. Digits without end are not even counted."""
    return value if len(digits) < 99 and lowest <= (value := int(digits)) <= highest else None


def _wrong(what: str, text: str, at: int) -> RejectedError:
    rest = text[at : at + 40].partition("\n")[0]
    return RejectedError(f"{what}: {rest!r}" if rest else f"{what}: it ends")
