"""The tables of the embedded store, and how files of older versions are brought up to date."""

from pathlib import Path
from typing import Final

import duckdb

from jeonju.airquality.pollutants import KEYS
from jeonju.common.errors import UserError
from jeonju.contract.reading import LONGEST_WORD
from jeonju.storage.duckdb import archived as archived
from jeonju.storage.duckdb import rollup as rollup
from jeonju.storage.duckdb.bounds import bound_texts
from jeonju.storage.duckdb.file import first_line

# Raised when a table or column changes; older files are migrated and newer ones refused.
SCHEMA_VERSION: Final = 9
# The first version that has roll-ups.
_ROLLED_UP_SINCE: Final = 2
# The first version that has means over ten minutes.
_TENS_SINCE: Final = 9
# The first version whose ledger is appended to; before, each entry replaced the one before it.
_LEDGER_APPENDED_SINCE: Final = 4
# The first version whose texts are bounded, and that registers a device only when its message is taken.
_BOUNDED_SINCE: Final = 5

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
CREATE TABLE IF NOT EXISTS dead_letters (
    id VARCHAR, received_at TIMESTAMPTZ, topic VARCHAR, payload BLOB, reason VARCHAR, asked_at TIMESTAMPTZ, replayed_at TIMESTAMPTZ);
CREATE TABLE IF NOT EXISTS alerts (
    id VARCHAR PRIMARY KEY, site VARCHAR, kind VARCHAR, severity VARCHAR, device VARCHAR, zone VARCHAR, started_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ, ended_at TIMESTAMPTZ, value DOUBLE, "limit" DOUBLE, quantity VARCHAR, summary_ko VARCHAR, summary_en VARCHAR,
    details VARCHAR);
CREATE TABLE IF NOT EXISTS incidents (
    id VARCHAR PRIMARY KEY, site VARCHAR, state VARCHAR, kind VARCHAR, severity VARCHAR, zone VARCHAR, opened_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ, closed_at TIMESTAMPTZ, lat DOUBLE, lon DOUBLE, radius_m DOUBLE, rate_g_s DOUBLE, confidence DOUBLE,
    summary_ko VARCHAR, summary_en VARCHAR, details VARCHAR, radius_90_m DOUBLE);
CREATE TABLE IF NOT EXISTS journal (
    id VARCHAR PRIMARY KEY, site VARCHAR, done_at TIMESTAMPTZ, who VARCHAR, action VARCHAR, subject VARCHAR, details VARCHAR);
{rollup.TABLES}
{archived.TABLE}
"""
# Dead letters of schema 6 have an id in the order of arrival, and marks of their replay.
_LETTER_COLUMNS: Final = {"id": "VARCHAR", "asked_at": "TIMESTAMPTZ", "replayed_at": "TIMESTAMPTZ"}
_NAME_LETTERS: Final = """
UPDATE dead_letters SET id = named.id FROM (
    SELECT rowid AS row, format('{:016d}-{:05d}-0', epoch_us(received_at), row_number() OVER (ORDER BY rowid)) AS id
    FROM dead_letters) AS named
WHERE dead_letters.id IS NULL AND dead_letters.rowid = named.row
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


def migrate(connection: duckdb.DuckDBPyConnection, path: Path | str) -> None:
    """Bring an older file up to date.

    Raises UserError for a newer one.
    """
    version = _version(connection)
    if version is None and connection.execute("SHOW TABLES").fetchall():
        connection.close()
        raise UserError(f"{path} is a DuckDB file of something else, and stays as it is; name another --store")
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
        _add_columns(connection, "dead_letters", _LETTER_COLUMNS)
        connection.execute(_NAME_LETTERS)
        _add_columns(connection, "incidents", {"radius_90_m": "DOUBLE"})
        for table in rollup.ROLL_UPS:
            _add_columns(connection, table, rollup.COLUMN_TYPES)
        if version is not None and version < _ROLLED_UP_SINCE:
            connection.execute(rollup.MARK_ALL)
        if version is not None and version < _TENS_SINCE:
            rollup.make_tens(connection)
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


def _add_columns(connection: duckdb.DuckDBPyConnection, table: str, types: dict[str, str]) -> None:
    present = {row[0] for row in connection.execute(f"SELECT column_name FROM (DESCRIBE {table})").fetchall()}
    for name, kind in types.items():
        if name not in present:
            connection.execute(f'ALTER TABLE {table} ADD COLUMN "{name}" {kind}')


def _version(connection: duckdb.DuckDBPyConnection) -> int | None:
    tables = {row[0] for row in connection.execute("SHOW TABLES").fetchall()}
    row = connection.execute("SELECT max(schema_version) FROM meta").fetchone() if "meta" in tables else None
    return row[0] if row else None
