"""The file of the embedded store: open, checkpoint and copy it."""

import logging
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, cast

import duckdb

from jeonju.common.errors import UnavailableError, UserError
from jeonju.common.secret_file import OWNER_ONLY

log = logging.getLogger(__name__)

# Of this the pages of the file that were last written or read fill what is free.
MEMORY_LIMIT: Final = "128MB"
# With more, a query takes the cores that readings need to come in: 99 of 100 were stored within 264 ms with two, 200 ms with one.
THREADS: Final = 1
# The log is moved into the file when it has grown to this, some 95 000 readings: so much is read again after a kill. Writes wait as long as it
# takes, 0.7 µs a reading; a part of a table below three quarters of 122 880 rows would be written once more to put it together with others.
CHECKPOINT_BYTES: Final = 28 * 1024 * 1024
# Parts of a table that became small or half empty are put together this often: it holds up the writes for about 0.3 s each.
TIDY_EVERY_S: Final = 600.0
# A part of a roll-up has up to 122 880 rows of 120 columns, and what is left over of each is held until all are written: after 139 days, 60 parts
# at once took more than the store may have, which DuckDB does not survive. So it may take this much meanwhile, for so many parts.
TIDY_MEMORY_LIMIT: Final = "256MB"
PARTS_AT_ONCE: Final = 10
_NO_EXTENSIONS: Final = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
READ_ONLY: Final = {"memory_limit": MEMORY_LIMIT, "threads": THREADS, **_NO_EXTENSIONS}
_SETTINGS: Final = {
    "memory_limit": MEMORY_LIMIT,
    "threads": THREADS,
    "max_vacuum_tasks": 0,
    # What its allocator keeps of freed memory goes back by and by; no command took longer for it.
    "allocator_background_threads": True,
    "allocator_flush_threshold": "16MB",
    # The store does it earlier by itself, beside its writes.
    "checkpoint_threshold": f"{8 * CHECKPOINT_BYTES}B",
    # A file of something else, such as SQLite, is none of ours; DuckDB would look for what reads it on the internet.
    **_NO_EXTENSIONS,
}
_OTHERS: Final = 0o077
_MARK: Final = b"DUCK"
_MARK_AT: Final = 8
# A log begins with an entry that says its version: type 100 (which entry), type 98 (version). DuckDB takes one that begins otherwise for empty.
_LOG_BEGINS: Final = b"\x64\x00\x62"
_LOG_HEADER_ENDS: Final = b"\xff\xff"
_LONGEST_LOG_HEADER: Final = 256
_ENTRY: Final = struct.Struct("<QQ")  # length and checksum
ADVICE: Final = "restore a backup (`jeonju restore`), or name another --store"


class StoreInUseError(UserError):
    """Another process has the file."""


class _Closed:
    """In the place of a connection; whatever it is asked, it says that it is closed, as one of DuckDB's does."""

    def close(self) -> None:
        """Do nothing more."""

    def __getattr__(self, _name: str) -> NoReturn:
        raise duckdb.ConnectionException("the store is closed")


def closed() -> duckdb.DuckDBPyConnection:
    """Return a connection that is closed, and nothing of DuckDB's."""
    return cast("duckdb.DuckDBPyConnection", _Closed())


def connect(path: Path | str) -> duckdb.DuckDBPyConnection:
    """Open a file, or `:memory:`.

    Raises UserError for what is no store or is in use.
    """
    try:
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            _check(Path(path))
        connection = duckdb.connect(str(path), config=_SETTINGS)
        connection.execute("SET TimeZone = 'UTC'")
    except (duckdb.Error, OSError) as error:
        text = first_line(error)
        if "could not set lock" in text.lower():
            raise StoreInUseError(
                f"{path} is in use by another process; stop it, or choose another --store ({text})"
            ) from error
        advice = "free some space" if "no space left" in text.lower() else f"where it is damaged, {ADVICE}"
        raise UserError(f"{path} cannot be opened as a store: {text}; {advice}") from error
    return connection


def damaged(path: Path | str, error: Exception) -> UserError:
    """Return the error of a file that was opened and cannot be read."""
    return UserError(f"{path} is damaged: {first_line(error)}; {ADVICE}")


def _check(path: Path) -> None:
    """Raise UserError for what is no file of DuckDB, and for a log that it would throw away; say how much of a log is not whole."""
    log_file = path.with_name(f"{path.name}.wal")
    for own in (path, log_file):
        if own.is_file() and own.stat().st_mode & _OTHERS and os.access(own, os.W_OK):
            # The files of earlier versions.
            with suppress(OSError):
                own.chmod(OWNER_ONLY)
    if path.is_file():
        with path.open("rb") as file:
            if file.read(_MARK_AT + len(_MARK))[_MARK_AT:] != _MARK:
                raise UserError(f"{path} is no DuckDB file, or its beginning is lost; {ADVICE}")
    if not log_file.is_file() or (size := log_file.stat().st_size) == 0:
        return
    with log_file.open("rb") as file:
        header = file.read(_LONGEST_LOG_HEADER)
        if size > len(_LOG_BEGINS) and not header.startswith(_LOG_BEGINS):
            raise UserError(f"{log_file} is damaged, and what it holds would be lost; {ADVICE}")
        whole = _whole_bytes(file, header, size)
    if whole < size:
        log.warning(
            "the last %d of %d bytes of %s are not whole, as after a kill: what was not acknowledged comes again; "
            "where nothing was killed, the disk lost data",
            size - whole,
            size,
            log_file,
        )


def _whole_bytes(file: BinaryIO, header: bytes, size: int) -> int:
    """Return how many bytes of a log are whole entries."""
    at = header.find(_LOG_HEADER_ENDS)
    at = size if at < 0 else at + len(_LOG_HEADER_ENDS)
    while at + _ENTRY.size <= size:
        file.seek(at)
        length, _ = _ENTRY.unpack(file.read(_ENTRY.size))
        if at + _ENTRY.size + length > size:
            break
        at += _ENTRY.size + length
    return at


def checkpoint(connection: duckdb.DuckDBPyConnection, *, tidy: bool) -> None:
    """Move the log into the file. Empty parts of tables are dropped; small and half empty ones are put together if `tidy`."""
    if not tidy:
        connection.execute("CHECKPOINT")
        return
    connection.execute(f"SET memory_limit = '{TIDY_MEMORY_LIMIT}'; SET max_vacuum_tasks = {PARTS_AT_ONCE}")
    try:
        connection.execute("CHECKPOINT")
    finally:
        # A store that is dead is opened anew, with its settings.
        with suppress(duckdb.Error):
            connection.execute(f"SET max_vacuum_tasks = 0; SET memory_limit = '{MEMORY_LIMIT}'")


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
