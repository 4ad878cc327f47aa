"""Lists and series as files for spreadsheets and data frames.

A file is written before the answer begins, so that what is too much is refused in a line, and a slow client holds no rows in memory. Spans of any
length are sent as they are read (`jeonju.api.sent_spans`).
"""

import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from itertools import chain
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_type_hints

import pyarrow as pa
from fastapi import HTTPException, Query
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from jeonju.api.http.state import State
from jeonju.api.http.turns import Turns
from jeonju.contract.columns import INSTANT
from jeonju.export.rows import About, Place
from jeonju.export.writers import MEDIA_TYPES, SUFFIXES, Kind, writer_to

Format = Literal["json", "csv", "parquet"]
AsFormat = Annotated[
    Format,
    Query(
        alias="format",
        description="`csv` or `parquet` for a file of all rows, without paging: CSV in UTF-8 with a byte order mark and units in its header, "
        "instants as ISO 8601 in UTC, texts that a spreadsheet would take for a formula after an apostrophe; Parquet with units in its metadata.",
    ),
]
# For a route's decorator: besides JSON.
FILES: Final[dict[str, Any]] = {"text/csv": {}, "application/vnd.apache.parquet": {}}
MOST_ROWS: Final = 1_000_000
LESS: Final = "ask for a shorter time, fewer devices, or a larger `every`"
_ARROW_TYPES: Final = {str: pa.string(), float: pa.float64(), int: pa.int64(), datetime: INSTANT}


def records_table(kind: type[NamedTuple], records: Iterable[Any]) -> pa.Table:
    """Return records of the store as a table with a column for each of their fields."""
    fields = [pa.field(name, _arrow_type(hint)) for name, hint in get_type_hints(kind).items()]
    return pa.Table.from_pylist([record._asdict() for record in records], schema=pa.schema(fields))


def file_name(air: State, name: str, kind: Kind) -> str:
    """Return what a file is called where it is saved."""
    return f"{air.site.name}-{name}-{air.now():%Y%m%dT%H%M%SZ}.{SUFFIXES[kind]}"


def file_of(
    air: State, name: str, tables: Iterable[pa.Table], kind: Kind, devices: Iterable[Place] = ()
) -> FileResponse:
    """Return rows as a file, which is removed when it was sent. The tables, at least one, have one schema.

    Raises HTTPException 422 for more than a million rows, 429 where too many files are being sent.
    """
    air.turns.files.enter()
    folder = tempfile.TemporaryDirectory(prefix="jeonju-export")
    try:
        path = Path(folder.name) / file_name(air, name, kind)
        rows = _bounded(tables)
        first = next(rows)
        with closing(writer_to(path, kind, first.schema, About.of(air.site, name, air.now(), devices))) as writer:
            for table in chain((first,), rows):
                writer.write(table)
        return _File(path, folder, air, MEDIA_TYPES[kind])
    except BaseException:
        folder.cleanup()
        air.turns.files.leave()
        raise


class _File(FileResponse):
    def __init__(self, path: Path, folder: tempfile.TemporaryDirectory[str], air: State, media_type: str) -> None:
        super().__init__(path, filename=path.name, media_type=media_type)
        # Also where it is never asked to send itself.
        self._finish = weakref.finalize(self, _finish, folder, air.turns.files)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._finish()


def _finish(folder: tempfile.TemporaryDirectory[str], turns: Turns) -> None:
    folder.cleanup()
    turns.leave()


def _bounded(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    count = 0
    for table in tables:
        count += table.num_rows
        if count > MOST_ROWS:
            raise HTTPException(422, f"more than {MOST_ROWS} rows; {LESS}")
        yield table


def _arrow_type(hint: Any) -> pa.DataType:
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if isinstance(hint, UnionType) else [hint]
    return _ARROW_TYPES[kinds[0]]
