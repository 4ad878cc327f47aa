"""All that a database holds as gzipped line protocol, every measurement of every policy, and back.

A line `# policy NAME` says where the lines after it belong, without a name to the default one. What holds a newline is written as a JSON string.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from jeonju.common.errors import UserError
from jeonju.storage.influx.influxql import quoted
from jeonju.storage.influx.line_protocol import from_tag, record_line
from jeonju.storage.influx.names import POLICIES
from jeonju.storage.influx.server import Server

_HEADER: Final = "# policy"
_ANY: Final = "/.*/"
_LEVEL: Final = 4


def dump(server: Server, path: Path) -> None:
    """Write everything into a file. What is written meanwhile may be in it or not."""
    with gzip.open(path, "wt", _LEVEL, encoding="utf-8", newline="\n") as file:
        for policy in (None, *POLICIES):
            file.write(f"{_HEADER} {policy or ''}\n")
            for measurement, types in _fields(server, policy).items():
                for line in _lines(server, policy, measurement, types):
                    file.write(f"{json.dumps(line) if chr(10) in line else line}\n")


def load(server: Server, path: Path) -> int:
    """Write everything of a file; return how many points the server dropped for being older than it keeps.

    Raises UserError for a file that is broken.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            sections = groupby(_by_policy(file), key=lambda pair: pair[0])
            return sum(len(server.write((line for _, line in lines), "ns", policy)) for policy, lines in sections)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UserError(f"{path.name} is no dump of an InfluxDB, or is broken: {error}") from error


def is_empty(server: Server) -> bool:
    """Return whether the database holds nothing at all."""
    return not any(_fields(server, policy) for policy in (None, *POLICIES))


def _source(policy: str | None, measurement: str) -> str:
    return measurement if policy is None else f"{quoted(policy)}.{measurement}"


def _fields(server: Server, policy: str | None) -> dict[str, dict[str, str]]:
    """Return the fields of each measurement, with their types.

    Unlike SHOW TAG VALUES, InfluxDB 2.x answers this of the policy that it names: it turns it into a SELECT (`rewriteShowFieldKeysStatement`).
    """
    parts = server.query(f"SHOW FIELD KEYS FROM {_source(policy, _ANY)}")
    return {part.name: {row[0]: row[1] for row in part.rows} for part in parts}


def _lines(server: Server, policy: str | None, measurement: str, types: dict[str, str]) -> Iterator[str]:
    columns = ", ".join(f"{quoted(field)}::{kind}" for field, kind in types.items())
    kinds = list(types.items())
    question = f"SELECT {columns} FROM {_source(policy, quoted(measurement))} GROUP BY *"
    for part in server.query(question, epoch="ns"):
        tags = {name: from_tag(value) for name, value in part.tags.items()}
        for time, *values in part.rows:
            fields = {
                name: _typed(kind, value)
                for (name, kind), value in zip(kinds, values, strict=True)
                if value is not None
            }
            if fields:
                yield record_line(measurement, tags, fields, time)


def _typed(kind: str, value: Any) -> Any:
    # JSON shows 23.0 as 23.
    return float(value) if kind == "float" else value


def _by_policy(lines: Iterator[str]) -> Iterator[tuple[str | None, str]]:
    policy: str | None = None
    for number, line in enumerate(lines):
        if line.startswith(_HEADER):
            policy = line.removeprefix(_HEADER).strip() or None
        elif number == 0:
            raise ValueError("it does not begin as one")
        else:
            yield policy, json.loads(line) if line.startswith('"') else line.rstrip("\n")
