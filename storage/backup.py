"""A store as one file, and a file as a store again."""

import gzip
import logging
import os
import shutil
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import duckdb

from jeonju.common.errors import UserError
from jeonju.common.secret_file import OWNER_ONLY
from jeonju.storage.duckdb.file import READ_ONLY, checkpoint, connect
from jeonju.storage.influx import backup as influx_backup
from jeonju.storage.influx.server import connect as connect_influx
from jeonju.storage.open import open_store

log = logging.getLogger(__name__)

DUCKDB_FILE: Final = "store.duckdb"
INFLUX_FILE: Final = "store.influx.gz"
DUMP_BEGINS: Final = b"# policy"


def back_up(url: str, folder: Path) -> Path:
    """Write all of a store that nobody else has open (a server's may be in use) into a new file in `folder`, and return it.

    Raises UserError for a store that is not there, StoreInUseError for one that another process has.
    """
    path = _path_of(url)
    if path is None:
        with closing(open_store(url)) as store:
            return store.back_up(folder)
    if not path.exists():
        raise UserError(f"there is no store {path}; name it with --store")
    # As it is, byte for byte: bringing it up to date is for whoever opens it as a store. The connection keeps others away meanwhile.
    with closing(connect(path)) as connection:
        checkpoint(connection, tidy=False)
        shutil.copyfile(path, folder / DUCKDB_FILE)
    return folder / DUCKDB_FILE


def archived_days(file: Path) -> dict[str, dict[str, Any]]:
    """Return, for each site, of which days the readings are in an archive, and so not in this file of a backup."""
    if file.name != DUCKDB_FILE:
        return {}
    with closing(duckdb.connect(str(file), read_only=True, config=READ_ONLY)) as connection:
        if ("archived_days",) not in connection.execute("SHOW TABLES").fetchall():
            return {}
        rows = connection.execute(
            "SELECT site, count(*), min(day), max(day) FROM archived_days GROUP BY site ORDER BY site"
        ).fetchall()
    return {site: {"days": days, "first": str(first), "last": str(last)} for site, days, first, last in rows}


def check_target(url: str, file: str) -> None:
    """Raise UserError where a file cannot become this store: it holds something, or is of another kind."""
    path = _path_of(url)
    if (file == DUCKDB_FILE) != (path is not None):
        raise UserError(
            f"the backup holds {file}, which cannot become the store {url.partition('?')[0]!r}; name another --store"
        )
    if path is not None and (path.exists() or path.with_name(f"{path.name}.wal").exists()):
        raise UserError(
            f"there is a store {path} already, and it is not overwritten; move it away, or name another --store"
        )
    if path is None:
        with closing(connect_influx(url, None)) as server:
            if not influx_backup.is_empty(server):
                raise UserError(
                    "the database or bucket holds data already, and is not overwritten; name another --store"
                )


def check_file(file: Path) -> None:
    """Raise UserError for the file of a backup that is no store."""
    try:
        if file.name == INFLUX_FILE:
            with gzip.open(file, "rb") as dump:
                is_store = dump.readline(len(DUMP_BEGINS)) == DUMP_BEGINS
        else:
            with closing(duckdb.connect(str(file), read_only=True, config=READ_ONLY)) as connection:
                is_store = ("meta",) in connection.execute("SHOW TABLES").fetchall()
    except (duckdb.Error, OSError, EOFError, zlib.error):
        is_store = False
    if not is_store:
        raise UserError(f"{file.name} in the backup is no store of ours, or is damaged; nothing was changed")


def restore(url: str, file: Path) -> None:
    """Make a store of a file that `back_up` wrote; `check_target` comes first."""
    path = _path_of(url)
    if path is None:
        with closing(connect_influx(url, None)) as server:
            if dropped := influx_backup.load(server, file):
                log.warning("the InfluxDB dropped %d points older than it keeps", dropped)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all, and for its owner only.
    new = path.with_name(f".{path.name}.new")
    try:
        new.unlink(missing_ok=True)
        with (
            file.open("rb") as source,
            os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as copy,
        ):
            shutil.copyfileobj(source, copy)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _path_of(url: str) -> Path | None:
    """Return the file of a store, None for a server."""
    kind, separator, rest = url.partition("://")
    if not separator:
        return Path(url)
    return Path(rest) if kind == "duckdb" else None
