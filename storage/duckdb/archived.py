"""Which days of readings are in the archive, how they are read with those in the file, and how they get there.

A reading is in the file or in the archive. During a move, and where readings of an archived day come late, it can be in both: what is in the file is
the newer one, so its values go over those in the archive, null never over a value.
"""

import glob
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import duckdb
import pyarrow as pa

from jeonju.contract.columns import READINGS
from jeonju.storage.archive import DAY, Archive, Day
from jeonju.storage.port import Series

TABLE: Final = "CREATE TABLE IF NOT EXISTS archived_days (site VARCHAR NOT NULL, day DATE NOT NULL);"
# A group of rows in the files of the archive is an hour of a site, ordered by device: of a device or an instant little else is read.
HOUR: Final = timedelta(hours=1)
Hour = tuple[datetime, datetime]  # begin, end
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S: Final = int(DAY.total_seconds())
_KEY: Final = ("site", "device", "time")
_NAMES: Final = ", ".join(f'"{name}"' for name in READINGS.names)
_NEWER: Final = ", ".join(f'coalesce(stored."{name}", archived."{name}") AS "{name}"' for name in READINGS.names)
_ON: Final = " AND ".join(f"stored.{name} = archived.{name}" for name in _KEY)
_RELATION: Final = "archived_readings"


def archived_days(connection: duckdb.DuckDBPyConnection) -> frozenset[Day]:
    """Return the days that are in the archive."""
    return frozenset(Day(*row) for row in connection.execute("SELECT site, day FROM archived_days").fetchall())


def note(connection: duckdb.DuckDBPyConnection, days: Iterable[Day], *, gone: Iterable[Day] = ()) -> None:
    """Note days that are in the archive, and that others are not any more; a day that is noted already stays so."""
    rows = [list(day) for day in days]
    for row in [*rows, *map(list, gone)]:
        connection.execute("DELETE FROM archived_days WHERE site = ? AND day = ?", row)
    if rows:
        connection.executemany("INSERT INTO archived_days VALUES (?, ?)", rows)


def old_days(connection: duckdb.DuckDBPyConnection, before: datetime, most: int) -> list[Day]:
    """Return the earliest days that ended, and have readings that arrived, before an instant."""
    rows = connection.execute(
        "SELECT DISTINCT site, epoch_us(time_bucket(INTERVAL 86400 SECONDS, time)) AS start FROM readings "
        "WHERE time < $midnight AND received_at < $before ORDER BY start, site LIMIT $most",
        {"midnight": before.replace(hour=0, minute=0, second=0, microsecond=0), "before": before, "most": most},
    ).fetchall()
    return [Day(site, (_EPOCH + timedelta(microseconds=start)).date()) for site, start in rows]


def copy(connection: duckdb.DuckDBPyConnection, archive: Archive, day: Day, before: datetime) -> list[Hour]:
    """Write the readings of a day that arrived before an instant into the archive, with those of that day that are there.

    Return the hours that have any. `connection` is in a transaction: all of them are of one instant.
    """
    stored = f"site = {_text(day.site)} AND {_within(day.start, day.end)} AND received_at < {_instant(before)}"
    rows = connection.execute(
        "SELECT DISTINCT epoch_us(time_bucket(INTERVAL 3600 SECONDS, time)) AS start "
        f"FROM readings WHERE {stored} ORDER BY start"
    ).fetchall()
    starts = [_EPOCH + timedelta(microseconds=row[0]) for row in rows]
    hours = [(start, start + HOUR) for start in starts]
    archive.write(day, _hourly(connection, archive, day, before, hours))
    return hours


def _hourly(
    connection: duckdb.DuckDBPyConnection, archive: Archive, day: Day, before: datetime, hours: list[Hour]
) -> Iterator[pa.Table]:
    is_there = archive.holds(day)
    if is_there:
        archived = _archived(connection, archive, [day])
        hours = [(day.start + n * HOUR, day.start + (n + 1) * HOUR) for n in range(DAY // HOUR)]
    for start, end in hours:
        stored = f"site = {_text(day.site)} AND {_within(start, end)} AND received_at < {_instant(before)}"
        beginning = _both(stored, archived, _within(start, end), is_any_stored=True) if is_there else ""
        condition = "true" if is_there else stored
        query = f"{beginning} SELECT {_NAMES} FROM readings WHERE {condition} ORDER BY device, time"
        try:
            table = connection.sql(query).to_arrow_table()
        except duckdb.InvalidInputException as error:
            # The archive's, as it comes through DuckDB.
            raise archive.unavailable(error, "give back") from error
        if table.num_rows:
            yield table


def forget(connection: duckdb.DuckDBPyConnection, day: Day, hour: Hour, before: datetime) -> None:
    """Remove what `copy` wrote of an hour."""
    connection.execute(
        "DELETE FROM readings WHERE site = ? AND time >= ? AND time < ? AND received_at < ?",
        [day.site, *hour, before],
    )


def parts(series: Series, days: Sequence[Day]) -> Iterator[tuple[Series, tuple[Day, ...]]]:
    """Divide a series, in the order of time, into what is read with the archive, a day at a time, and what is not; `days` are in order.

    Intervals that go over midnight cannot be divided: then it is one part.
    """
    if not days or (series.every_s is not None and _DAY_S % series.every_s):
        yield series, tuple(days)
        return
    at = series.start
    for day in days:
        begin, end = max(day.start, series.start), min(day.end, series.end)
        if at < begin:
            yield replace(series, start=at, end=begin), ()
        yield replace(series, start=begin, end=end), (day,)
        at = end
    if at < series.end:
        yield replace(series, start=at), ()


def read_with(connection: duckdb.DuckDBPyConnection, archive: Archive, days: Sequence[Day], series: Series) -> str:
    """Let a connection read the archive; return the beginning of a query in which `readings` are those of a series, of archive and file."""
    within = _within(series.start, series.end)
    if series.devices:
        within += f" AND device IN ({', '.join(map(_text, series.devices))})"
    stored = f"site = {_text(series.site)} AND {within}"
    is_any = bool(connection.execute(f"SELECT 1 FROM readings WHERE {stored} LIMIT 1").fetchall())
    return _both(stored, _archived(connection, archive, days), within, is_any_stored=is_any)


def _archived(connection: duckdb.DuckDBPyConnection, archive: Archive, days: Sequence[Day]) -> str:
    """Let a connection read days of the archive; return what to select from.

    DuckDB reads files of a folder in half the time that Arrow takes; to read S3 it would load an extension from the internet.
    """
    files = [archive.file(day) for day in days]
    if None in files:
        connection.register(_RELATION, archive.dataset(days))
        return _RELATION
    read = (
        f"SELECT {_text(day.site)} AS site, * FROM read_parquet({_text(glob.escape(str(file)))}, hive_partitioning = false)"
        for day, file in zip(days, files, strict=True)
    )
    # Null for what a file does not have.
    return f"(SELECT * FROM main.readings WHERE false UNION ALL BY NAME {' UNION ALL BY NAME '.join(read)})"


def _both(stored: str, archived: str, within: str, *, is_any_stored: bool) -> str:
    """Return the beginning of a query in which `readings` are those of the archive and of the file that fit conditions."""
    of_archive = f"SELECT {_NAMES} FROM {archived} WHERE {within}"
    if not is_any_stored:
        return f"WITH readings AS NOT MATERIALIZED ({of_archive})"
    of_file = f"SELECT {_NAMES} FROM main.readings WHERE {stored}"
    joined = f"SELECT {_NEWER} FROM ({of_file}) AS stored FULL JOIN ({of_archive}) AS archived ON {_ON}"
    return f"WITH readings AS NOT MATERIALIZED ({joined})"


def _within(start: datetime, end: datetime) -> str:
    return f"time >= {_instant(start)} AND time < {_instant(end)}"


def _instant(at: datetime) -> str:
    return f"TIMESTAMPTZ '{at.isoformat()}'"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
