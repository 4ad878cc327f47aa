"""The file of the embedded store: opened, made, and brought up to date."""

from pathlib import Path
from typing import Final

import duckdb

from jeonju.airquality.pollutants import KEYS
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.reading import LONGEST_WORD
from jeonju.contract.records import SCHEMA_VERSION
from jeonju.storage.duckdb import rollup as rollup
from jeonju.storage.duckdb.bounds import bound_texts

# Of this the pages of the file that were last written or read fill what is free.
MEMORY_LIMIT: Final = "128MB"
# With more, a query takes the cores that readings need to come in: 99 of 100 were stored within 264 ms with two, 200 ms with one.
THREADS: Final = 1
# The log is moved into the file when it has grown to this, some 95 000 readings: so much is read again after a kill. Writes wait as long as it
# takes, 0.7 µs a reading; a part of a table below three quarters of 122 880 rows would be written once more to put it together with others.
CHECKPOINT_BYTES: Final = 28 * 1024 * 1024
# Parts of a table that became small or half empty are put together this often: it holds up the writes for about 0.3 s each.
TIDY_EVERY_S: Final = 600.0
# The first version that has roll-ups.
_ROLLED_UP_SINCE: Final = 2
# The first version whose ledger is appended to; before, each entry replaced the one before it.
_LEDGER_APPENDED_SINCE: Final = 4
# The first version whose texts are bounded, and that registers a device only when its message is taken.
_BOUNDED_SINCE: Final = 5
_SETTINGS: Final = {
    "memory_limit": MEMORY_LIMIT,
    "threads": THREADS,
    # The store does it earlier by itself, beside its writes.
    "checkpoint_threshold": f"{8 * CHECKPOINT_BYTES}B",
}

_TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS meta (schema_version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS readings (
    site VARCHAR NOT NULL, device VARCHAR NOT NULL, time TIMESTAMPTZ NOT NULL, received_at TIMESTAMPTZ NOT NULL,
    boot VARCHAR, seq BIGINT, lat DOUBLE, lon DOUBLE, {", ".join(f'"{key}" DOUBLE' for key in KEYS)}, quality VARCHAR, extra VARCHAR);
CREATE TABLE IF NOT EXISTS devices (
    site VARCHAR, device VARCHAR, zone VARCHAR, kind VARCHAR, origin VARCHAR, state VARCHAR, state_at TIMESTAMPTZ,
    PRIMARY KEY (site, device));
CREATE TABLE IF NOT EXISTS ledger_entries (
    site VARCHAR, device VARCHAR, boot VARCHAR, last_seq BIGINT, received BIGINT, repeated BIGINT, missing BIGINT, late BIGINT,
    rejected BIGINT, gaps VARCHAR DEFAULT '');
CREATE TABLE IF NOT EXISTS dead_letters (received_at TIMESTAMPTZ, topic VARCHAR, payload BLOB, reason VARCHAR);
CREATE TABLE IF NOT EXISTS alerts (
    id VARCHAR PRIMARY KEY, site VARCHAR, kind VARCHAR, severity VARCHAR, device VARCHAR, zone VARCHAR, started_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ, ended_at TIMESTAMPTZ, value DOUBLE, "limit" DOUBLE, quantity VARCHAR, summary_ko VARCHAR, summary_en VARCHAR,
    details VARCHAR);
CREATE TABLE IF NOT EXISTS incidents (
    id VARCHAR PRIMARY KEY, site VARCHAR, state VARCHAR, kind VARCHAR, severity VARCHAR, zone VARCHAR, opened_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ, closed_at TIMESTAMPTZ, lat DOUBLE, lon DOUBLE, radius_m DOUBLE, rate_g_s DOUBLE, confidence DOUBLE,
    summary_ko VARCHAR, summary_en VARCHAR, details VARCHAR);
CREATE TABLE IF NOT EXISTS journal (
    id VARCHAR PRIMARY KEY, site VARCHAR, done_at TIMESTAMPTZ, who VARCHAR, action VARCHAR, subject VARCHAR, details VARCHAR);
{rollup.TABLES}
"""
_CUT_WORDS: Final = f"""
UPDATE devices SET kind = left(kind, {LONGEST_WORD}), origin = left(origin, {LONGEST_WORD}), state = left(state, {LONGEST_WORD})
WHERE greatest(length(kind), length(origin), length(state)) > {LONGEST_WORD};
UPDATE ledger_entries SET boot = left(boot, {LONGEST_WORD}) WHERE length(boot) > {LONGEST_WORD};
"""
# See `jeonju.contract.records.is_mere_name`.
_DROP_MERE_NAMES: Final = """
DELETE FROM devices WHERE zone = '' AND kind = '' AND origin = 'real' AND state = 'online'
AND (site, device) NOT IN (SELECT (site, device) FROM ledger_entries WHERE received > 0)
AND (site, device) NOT IN (SELECT DISTINCT (site, device) FROM readings)
"""


class StoreInUseError(UserError):
    """Another process has the file."""


def connect(path: Path | str) -> duckdb.DuckDBPyConnection:
    """Open a file, or `:memory:`.

    Raises UserError for what is no store or is in use.
    """
    try:
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(path), config=_SETTINGS)
        connection.execute("SET TimeZone = 'UTC'")
    except (duckdb.Error, OSError) as error:
        text = first_line(error)
        if "lock" in text.lower():
            raise StoreInUseError(
                f"{path} is in use by another process; stop it, or choose another --store ({text})"
            ) from error
        raise UserError(f"{path} cannot be opened as a store: {text}") from error
    return connection


def migrate(connection: duckdb.DuckDBPyConnection, path: Path | str) -> None:
    """Bring an older file up to date.

    Raises UserError for a newer one.
    """
    version = _version(connection)
    if version is not None and version > SCHEMA_VERSION:
        connection.close()
        raise UserError(
            f"{path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION}); "
            "upgrade this program, or choose another --store"
        )
    try:
        if version is not None and version < _BOUNDED_SINCE:
            # Before the rest: where memory does not do, a transaction would be at its end.
            bound_texts(connection)
        # In one transaction, so that a file is of one version or the other.
        connection.execute("BEGIN")
        connection.execute(_TABLES)
        _add_columns(connection, "readings", dict.fromkeys(KEYS, "DOUBLE"))
        for table in rollup.ROLL_UPS:
            _add_columns(connection, table, rollup.COLUMN_TYPES)
        if version is not None and version < _ROLLED_UP_SINCE:
            connection.execute(rollup.MARK_ALL)
        if version is not None and version < _LEDGER_APPENDED_SINCE:
            connection.execute("INSERT INTO ledger_entries BY NAME FROM ledger")
            connection.execute("DROP TABLE ledger")
        if version is not None and version < _BOUNDED_SINCE:
            connection.execute(_CUT_WORDS)
            connection.execute(_DROP_MERE_NAMES)
        connection.execute("DELETE FROM meta")
        connection.execute("INSERT INTO meta VALUES (?)", [SCHEMA_VERSION])
        connection.execute("COMMIT")
    except duckdb.Error as error:
        raise UserError(f"{path} cannot be prepared: {first_line(error)}") from error


def checkpoint(connection: duckdb.DuckDBPyConnection, *, tidy: bool) -> None:
    """Move the log into the file. Empty parts of tables are dropped; small and half empty ones are put together if `tidy`."""
    connection.execute("RESET max_vacuum_tasks" if tidy else "SET max_vacuum_tasks = 0")
    try:
        connection.execute("CHECKPOINT")
    finally:
        connection.execute("RESET max_vacuum_tasks")  # for the checkpoint at the end


def copy_to(connection: duckdb.DuckDBPyConnection, path: Path) -> Path:
    """Write a copy of all that a connection sees now into a new file, and return it; others go on writing meanwhile."""
    try:
        with connection.cursor() as cursor:
            own = cursor.execute("SELECT current_database()").fetchall()[0][0]
            # One transaction, so that the copy is of one instant.
            quoted = str(path).replace("'", "''")
            cursor.execute(f"ATTACH '{quoted}' AS backup")
            try:
                cursor.execute(f'COPY FROM DATABASE "{own}" TO backup')
                # Out of its log: the copy is one file.
                cursor.execute("CHECKPOINT backup")
            finally:
                cursor.execute("DETACH backup")
    except duckdb.Error as error:
        raise UnavailableError(f"the copy {path} could not be written: {first_line(error)}") from error
    return path


def first_line(error: Exception) -> str:
    """Return what an error says, on one line."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _add_columns(connection: duckdb.DuckDBPyConnection, table: str, types: dict[str, str]) -> None:
    present = {row[0] for row in connection.execute(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()}
    for name, kind in types.items():
        if name not in present:
            connection.execute(f'ALTER TABLE {table} ADD COLUMN "{name}" {kind}')


def _version(connection: duckdb.DuckDBPyConnection) -> int | None:
    tables = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    row = connection.execute("SELECT max(schema_version) FROM meta").fetchone() if "meta" in tables else None
    return row[0] if row else None
