"""Find the line of a TOML file that a setting stands on, so that an error can name it."""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from jeonju.common.errors import UserError
from jeonju.common.text_file import read_text

_TABLE = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")

_SECRET = re.compile(r"secret|password|token|key$")

Model = TypeVar("Model", bound=BaseModel)

_WORDS = {"missing": "is missing", "extra_forbidden": "is not a known setting"}


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the 1-based line where the setting at `path` is, or the nearest table or key around it that can be found."""
    lines = _index(text)
    for length in range(len(path), 0, -1):
        if tuple(path[:length]) in lines:
            return lines[tuple(path[:length])]
    return 1


def _index(text: str) -> dict[tuple[str | int, ...], int]:
    """Map the path of every table and key to its line; inline tables and arrays count as the key they belong to."""
    lines: dict[tuple[str | int, ...], int] = {}
    counts: Counter[tuple[str | int, ...]] = Counter()
    table: tuple[str | int, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            table = _resolve(_split(header[2]), counts)
            if header[1] == "[[":
                counts[table] += 1
                table = (*table, counts[table] - 1)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_split(key[1])), number)
    return lines


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in re.findall(r"""\s*("[^"]*"|'[^']*'|[^.]+)""", dotted)]


def _resolve(parts: list[str], counts: Counter[tuple[str | int, ...]]) -> tuple[str | int, ...]:
    """Add the index of the latest element for every array of tables on the way (`[[zone]]` … `[zone.box]`)."""
    path: tuple[str | int, ...] = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if position < len(parts) - 1 and counts[path]:
            path = (*path, counts[path] - 1)
    return path


def load_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a pydantic model; every fault is named with file and line.

    Raises UserError for a file that cannot be read, is no TOML or does not fit the model.
    """
    text = read_text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: is not valid TOML: {error}") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UserError("\n".join(_explain(path, text, data, dict(fault)) for fault in error.errors())) from error


def _explain(path: Path, text: str, data: Any, fault: dict[str, Any]) -> str:
    where = _in_file(data, fault["loc"], is_absent=fault["type"] == "missing")
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".")
    message = _WORDS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
    # A secret that was written where only its place belongs must not be shown around.
    shown = isinstance(fault["input"], str | int | float) and not _SECRET.search(name)
    given = f" (got {fault['input']!r})" if shown else ""
    return f"{path}:{line_of(text, where)}: {name or 'file'} {message}{given}"


def _in_file(data: Any, where: Sequence[str | int], *, is_absent: bool) -> tuple[str | int, ...]:
    """Leave out what pydantic adds to a path for a union, such as the kind of an event, and keep what stands in the file."""
    path: list[str | int] = []
    for position, part in enumerate(where):
        here = (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        )
        if here:
            data = data[part]
        elif isinstance(data, dict) and (position < len(where) - 1 or not is_absent):
            continue
        path.append(part)
    return tuple(path)
