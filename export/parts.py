"""What an export has read, kept beside its file until that is whole: an attempt that was broken off, even killed, is gone on with.

A part holds all rows of one window of time. It has its name, which says from when until when [µs since 1970], once it is whole and on the disk; so
whatever a crash leaves, the parts with names are true, and their chain from the first instant on says how far the reading has come. The file itself
is written anew from the parts: of Parquet and HDF5 nothing that is half written can be gone on with.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from jeonju.common.errors import UserError
from jeonju.export.pieces import MOST_ROWS, Piece

ASKED: Final = "asked.json"
# So many rows at least are in a part, unless the span ends: about 2 MB.
ROWS_OF_A_PART: Final = 50_000
_BEGUN: Final = "begun"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class _Part(NamedTuple):
    start: datetime
    end: datetime
    path: Path


class Parts:
    """The parts of one file, in a folder beside it. `start` and `end` are those of the first attempt, whatever `7d` means now."""

    def __init__(self, folder: Path, start: datetime, end: datetime, *, rows_of_a_part: int = ROWS_OF_A_PART) -> None:
        self.folder, self.start, self.end = folder, start, end
        self._least = rows_of_a_part
        self._kept = self._whole_ones()

    @classmethod
    def beside(cls, file: Path, asked: Mapping[str, object], start: datetime, end: datetime) -> Self:
        """Return the parts of a file, whose folder is there; `asked` is what was wanted, in words that a second attempt repeats.

        Raises UserError where the parts are of something else, or cannot be read.
        """
        folder = folder_of(file)
        note = folder / ASKED
        known: Any = {"asked": dict(asked), "start": start.isoformat(), "end": end.isoformat()}
        try:
            if note.exists():
                known = json.loads(note.read_text(encoding="utf-8"))
                if known["asked"] != asked:
                    raise UserError(
                        f"{folder} has parts of an export with other options; give the same ones, or remove the folder"
                    )
            else:
                _write_text(note, json.dumps(known))
            return cls(folder, datetime.fromisoformat(known["start"]), datetime.fromisoformat(known["end"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{folder} is nothing to go on with ({error}); remove it, or leave out --resume") from error

    @property
    def reached(self) -> datetime:
        """Until when all has been read; the last part of a span that is wholly read is read again, as a source must be asked something."""
        return self._kept[-1].end if self._kept else self.start

    def all_of(self, schema: pa.Schema, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Yield the rows that are kept, then those of `pieces`, which begin where these end, and keep them too.

        Raises UserError where rows that are kept have other columns.
        """
        for part in self._kept:
            with _opened(part.path) as file:
                if not file.schema_arrow.equals(schema):
                    raise UserError(
                        f"the parts in {self.folder} have other columns than what is read now; remove the folder"
                    )
                for batch in file.iter_batches(MOST_ROWS):
                    yield Piece(pa.Table.from_batches([batch]), part.end)
        yield from self._keeping(schema, pieces)

    def remove(self) -> None:
        """Forget the parts: the file is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _keeping(self, schema: pa.Schema, pieces: Iterator[Piece]) -> Iterator[Piece]:
        begun, start = self.folder / _BEGUN, self.reached
        file, writer = _begin(begun, schema)
        rows = 0
        try:
            for piece in pieces:
                if piece.rows is not None:
                    writer.write_table(piece.rows)
                    rows += piece.rows.num_rows
                elif rows >= self._least:
                    # Here a window of time ends: no instant is divided.
                    writer.close()
                    file.close()
                    _name(begun, self.folder / _named(start, piece.reached))
                    start, rows = piece.reached, 0
                    file, writer = _begin(begun, schema)
                yield piece
        finally:
            # On a full disk it cannot be finished; it is not kept anyway.
            with suppress(OSError):
                writer.close()
            file.close()
            begun.unlink(missing_ok=True)

    def _whole_ones(self) -> list[_Part]:
        """Return the chain of parts from the first instant on."""
        found, at = [], self.start
        by_start = {part.start: part for path in self.folder.glob("*.parquet") if (part := _part(path)) is not None}
        while (part := by_start.get(at)) is not None and part.end < self.end:
            found.append(part)
            at = part.end
        return found


def folder_of(file: Path) -> Path:
    """Return the folder where the parts of a file are kept."""
    return file.with_name(f".{file.name}.parts")


def _begin(path: Path, schema: pa.Schema) -> tuple[pa.OSFile, pq.ParquetWriter]:
    """Begin a part; a writer that cannot finish does not close a file that it opened by itself."""
    file = pa.OSFile(str(path), "wb")
    return file, pq.ParquetWriter(file, schema, compression="zstd")


def _opened(part: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(part)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{part} cannot be read; remove it, and what it had is read again") from error


def _named(start: datetime, end: datetime) -> str:
    return f"{(start - _EPOCH) // _MICROSECOND}-{(end - _EPOCH) // _MICROSECOND}.parquet"


def _part(path: Path) -> _Part | None:
    try:
        start, end = (_EPOCH + int(text) * _MICROSECOND for text in path.stem.rsplit("-", 1))
    except (ValueError, OverflowError):
        return None
    return _Part(start, end, path) if start < end else None


def _name(begun: Path, named: Path) -> None:
    """Give a file its name once it is on the disk."""
    with begun.open("rb") as file:
        os.fsync(file.fileno())
    begun.replace(named)


def _write_text(path: Path, text: str) -> None:
    begun = path.with_name(_BEGUN)
    begun.write_text(text, encoding="utf-8")
    _name(begun, path)
