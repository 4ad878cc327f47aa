"""Lists and series as files for spreadsheets and data frames: CSV, or Parquet with what its columns mean.

A file is written before the answer begins, so that what is too much is refused in a line, and a slow client holds no rows in memory.
"""

import json
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args, get_type_hints

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from fastapi import HTTPException, Query
from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from jeonju.airquality.pollutants import QUANTITY
from jeonju.api.http.state import State
from jeonju.api.http.turns import Turns
from jeonju.contract.columns import INSTANT
from jeonju.messages import legal
from jeonju.messages.quality import quality_in_words

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
_MEDIA_TYPES: Final = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
MOST_ROWS: Final = 1_000_000
LESS: Final = "ask for a shorter time, fewer devices, or a larger `every`"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# What Excel, LibreOffice and others take for the beginning of a formula, also behind spaces, or in full width.
_FORMULA: Final = r"^\s*[=+\-@\t\r\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
_ARROW_TYPES: Final = {str: pa.string(), float: pa.float64(), int: pa.int64(), datetime: INSTANT}
_UNITS: Final = {"lat": "°", "lon": "°", "lag_s": "s", "radius_m": "m", "radius_90_m": "m", "rate_g_s": "g/s"} | {
    key: quantity.unit for key, quantity in QUANTITY.items()
}


def records_table(kind: type[NamedTuple], records: Iterable[Any]) -> pa.Table:
    """Return records of the store as a table with a column for each of their fields."""
    fields = [pa.field(name, _arrow_type(hint)) for name, hint in get_type_hints(kind).items()]
    return pa.Table.from_pylist([record._asdict() for record in records], schema=pa.schema(fields))


def readings_table(rows: pa.Table, keys: Iterable[str]) -> pa.Table:
    """Return rows (READINGS) as people want them: time, device, place, the quantities, and the flags of values that are not ok, in words."""
    plain = rows.select(["time", "device", "lat", "lon", *keys, "quality"])
    plain = plain.set_column(1, "device", plain["device"].cast(pa.string()))
    known = {text: _in_words(text) for text in plain["quality"].unique().to_pylist() if text is not None}
    flags = pa.array([None if text is None else known[text] for text in plain["quality"].to_pylist()], pa.string())
    return plain.set_column(plain.num_columns - 1, "flags", flags)


def file_of(air: State, name: str, tables: Iterable[pa.Table], kind: Format) -> FileResponse:
    """Return rows as a file, which is removed when it was sent. The tables, at least one, have one schema.

    Raises HTTPException 422 for more than a million rows, 429 where too many files are being sent.
    """
    air.turns.files.enter()
    folder = tempfile.TemporaryDirectory(prefix="jeonju-export")
    try:
        path = Path(folder.name) / f"{air.site.name}-{name}-{air.now():%Y%m%dT%H%M%SZ}.{kind}"
        write = {"csv": _write_csv, "parquet": _write_parquet}[kind]
        write(path, _bounded(tables), _about(air, name))
        return _File(path, folder, air, _MEDIA_TYPES[kind])
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


def _about(air: State, name: str) -> dict[str, str]:
    korean, english = legal.note(station.certificate for station in air.site.stations)
    return {
        "site": air.site.name,
        "rows": name,
        "made_at": air.now().isoformat(),
        "note_ko": korean,
        "note_en": english,
    }


def _write_csv(path: Path, tables: Iterator[pa.Table], _about: Mapping[str, str]) -> None:
    first = _for_csv(next(tables))
    with path.open("wb") as file:
        file.write(_BYTE_ORDER_MARK)
        with pyarrow.csv.CSVWriter(
            file, first.schema, write_options=pyarrow.csv.WriteOptions(quoting_style="needed")
        ) as writer:
            writer.write_table(first)
            for table in tables:
                writer.write_table(_for_csv(table))


def _for_csv(table: pa.Table) -> pa.Table:
    columns = [_text_of(table[name]) for name in table.column_names]
    return pa.table(
        columns, names=[f"{name} [{unit}]" if (unit := _unit(name)) else name for name in table.column_names]
    )


def _text_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with instants as ISO 8601 and no text that a spreadsheet would run."""
    if column.type == INSTANT:
        text = pc.strftime(column, format="%Y-%m-%dT%H:%M:%S")
        return pc.binary_join_element_wise(pc.replace_substring_regex(text, r"\.0+$", ""), "Z", "")
    if column.type == pa.string():
        is_formula = pc.match_substring_regex(column, _FORMULA)
        return pc.if_else(is_formula, pc.binary_join_element_wise("'", column, ""), column)
    return column


def _write_parquet(path: Path, tables: Iterator[pa.Table], about: Mapping[str, str]) -> None:
    first = next(tables)
    fields = [field.with_metadata({"unit": unit}) if (unit := _unit(field.name)) else field for field in first.schema]
    units = {field.name: _unit(field.name) for field in first.schema if _unit(field.name)}
    schema = pa.schema(fields, metadata={**about, "units": json.dumps(units, ensure_ascii=False)})
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in chain((first,), tables):
            writer.write_table(table.cast(schema))


def _unit(name: str) -> str | None:
    unit = _UNITS.get(name)
    return None if unit == "1" else unit


def _in_words(quality: str) -> str:
    return "; ".join(f"{key}: {', '.join(words)}" for key, words in quality_in_words(quality).items())


def _arrow_type(hint: Any) -> pa.DataType:
    kinds = [kind for kind in get_args(hint) if kind is not type(None)] if isinstance(hint, UnionType) else [hint]
    return _ARROW_TYPES[kinds[0]]
