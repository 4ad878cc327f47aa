"""Recorded readings as people keep them: CSV with one row for each device and instant, or native messages line by line."""

import csv
import math
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from jeonju.airquality.pollutants import KEYS
from jeonju.common.errors import UserError
from jeonju.common.text_file import lines_of
from jeonju.contract.reading import Reading

Recorded = tuple[str, Reading]


def from_csv(path: Path) -> Iterator[Recorded]:
    """Return the rows of a file with the columns `time`, `device`, perhaps `site`, `lat`, `lon`, and quantities; an empty field was not measured.

    Raises UserError, naming the line, for what is no time or no number.
    """
    with closing(lines_of(path)) as file:
        rows = csv.DictReader(file)
        names = set(rows.fieldnames or ())
        if missing := {"time", "device"} - names:
            raise UserError(f"{path} has no column {', '.join(sorted(missing))}")
        if not names & set(KEYS):
            raise UserError(f"{path} has no column that is a quantity; see docs/glossary.md")
        for row in rows:
            try:
                place = (float(row["lat"]), float(row["lon"])) if row.get("lat") and row.get("lon") else None
                values: dict[str, float | None] = {key: _number(row[key]) for key in KEYS if row.get(key)}
                reading = Reading(device=row["device"], time=_instant(row["time"]), position=place, values=values)
            except (TypeError, ValueError) as error:
                raise UserError(f"{path}:{rows.line_num}: {error}") from error
            yield row.get("site") or path.stem, reading


def from_json_lines(path: Path) -> Iterator[Recorded]:
    """Return the readings of a file with one native message, single or batch, in each line; the file's name is the site.

    Raises UserError, naming the line, for what is no reading with a time.
    """
    with closing(lines_of(path)) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                found = msgspec.json.decode(line, type=Reading | list[Reading])
                readings = [_timed(reading) for reading in (found if isinstance(found, list) else [found])]
            except (msgspec.DecodeError, ValueError) as error:
                raise UserError(f"{path}:{number}: {error}") from error
            yield from ((path.stem, reading) for reading in readings)


def _timed(reading: Reading) -> Reading:
    if reading.time is None:
        raise ValueError("a reading has no time")
    return msgspec.structs.replace(reading, time=_instant(reading.time.isoformat()))


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} needs a time zone, for example 2026-03-02T08:00:00Z")
    return at.astimezone(UTC)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number that can be measured")
    return value
