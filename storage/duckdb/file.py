"""The file of the embedded store: open, checkpoint and copy it."""

from pathlib import Path
from typing import Final

import duckdb

from jeonju.common.errors import UnavailableError, UserError

# Of this the pages of the file that were last written or read fill what is free.
MEMORY_LIMIT: Final = "128MB"
# With more, a query takes the cores that readings need to come in: 99 of 100 were stored within 264 ms with two, 200 ms with one.
THREADS: Final = 1
# The log is moved into the file when it has grown to this, some 95 000 readings: so much is read again after a kill. Writes wait as long as it
# takes, 0.7 µs a reading; a part of a table below three quarters of 122 880 rows would be written once more to put it together with others.
CHECKPOINT_BYTES: Final = 28 * 1024 * 1024
# Parts of a table that became small or half empty are put together this often: it holds up the writes for about 0.3 s each.
TIDY_EVERY_S: Final = 600.0
_SETTINGS: Final = {
    "memory_limit": MEMORY_LIMIT,
    "threads": THREADS,
    # The store does it earlier by itself, beside its writes.
    "checkpoint_threshold": f"{8 * CHECKPOINT_BYTES}B",
}


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
