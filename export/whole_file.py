"""A file that appears when it is whole: until then it has another name, and what is interrupted leaves nothing."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from jeonju.common.errors import UserError
from jeonju.export.pieces import Piece
from jeonju.export.rows import About
from jeonju.export.writers import Kind, writer_to


class Written(NamedTuple):
    """How many rows are in a file, and the instants of the first and the last."""

    rows: int
    first: datetime | None
    last: datetime | None


def write_whole(
    path: Path,
    kind: Kind,
    schema: pa.Schema,
    about: About,
    pieces: Iterator[Piece],
    on_reached: Callable[[datetime], None] = lambda _at: None,
) -> Written:
    """Write pieces, whose rows have the schema, into a file. After an error nothing is left. Raises UserError where it cannot be written."""
    part = path.with_name(f".{path.name}.part")
    try:
        written = _write(part, kind, schema, about, pieces, on_reached)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; make room, or name another file") from error
    finally:
        part.unlink(missing_ok=True)
    return written


def _write(
    part: Path,
    kind: Kind,
    schema: pa.Schema,
    about: About,
    pieces: Iterator[Piece],
    on_reached: Callable[[datetime], None],
) -> Written:
    rows, first, last = 0, None, None
    writer = writer_to(part, kind, schema, about)
    try:
        for piece in pieces:
            if piece.rows is not None and piece.rows.num_rows:
                writer.write(piece.rows)
                rows += piece.rows.num_rows
                first = piece.rows["time"][0].as_py() if first is None else first
                last = piece.rows["time"][-1].as_py()
            on_reached(piece.reached)
    finally:
        writer.close()
    return Written(rows, first, last)
