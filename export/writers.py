"""One writer for each format. Each takes tables of one schema, a piece at a time, and its file is whole once it is closed."""

import json
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final, Literal, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from jeonju.common.errors import UserError
from jeonju.contract.columns import INSTANT
from jeonju.export.rows import CODES, About, unit_of

Kind = Literal["csv", "parquet", "netcdf"]
MEDIA_TYPES: Final = MappingProxyType(
    {
        "csv": "text/csv; charset=utf-8",
        "parquet": "application/vnd.apache.parquet",
        "netcdf": "application/x-netcdf",
    }
)
SUFFIXES: Final = MappingProxyType({"csv": "csv", "parquet": "parquet", "netcdf": "nc"})
# Of Parquet: what is said of each group, about 20 kB, stays in memory until the file ends, and the rows of one are in memory at once, about 30 MB.
ROWS_OF_A_GROUP: Final = 100_000
MOST_GROUPS: Final = 2000
MOST_PARQUET_ROWS: Final = ROWS_OF_A_GROUP * MOST_GROUPS
LESS_PARQUET: Final = (
    f"more than the {MOST_PARQUET_ROWS:,} rows of a Parquet file: take a shorter time, or CSV, which has no bound"
)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# What Excel, LibreOffice and others take for the beginning of a formula, also behind spaces, or in full width.
_FORMULA: Final = r"^\s*[=+\-@\t\r\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"


class Writer(Protocol):
    """Writes one file."""

    def write(self, table: pa.Table) -> None:
        """Add rows, in the schema of those before."""

    def close(self) -> None:
        """Write what makes the file whole; without rows it has columns only."""


class CsvWriter:
    """CSV for spreadsheets: units in the header, instants as ISO 8601 in UTC, nothing that a spreadsheet would run. Flags in words only."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, _about: About) -> None:
        self._names = [name for name in schema.names if name != CODES]
        file.write(_BYTE_ORDER_MARK)
        header = _for_csv(schema.empty_table().select(self._names)).schema
        self._writer = pyarrow.csv.CSVWriter(
            file, header, write_options=pyarrow.csv.WriteOptions(quoting_style="needed")
        )

    def write(self, table: pa.Table) -> None:
        """Add rows."""
        self._writer.write_table(_for_csv(table.select(self._names)))

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class ParquetWriter:
    """Parquet with units and what the file is in its metadata."""

    def __init__(self, file: BinaryIO, schema: pa.Schema, about: About) -> None:
        units = {name: unit for name in schema.names if (unit := unit_of(name))}
        fields = [
            field.with_metadata({"unit": units[field.name]}) if field.name in units else field for field in schema
        ]
        metadata = {**about.metadata(), "units": json.dumps(units, ensure_ascii=False)}
        self._schema = pa.schema(fields, metadata=metadata)
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema, compression="zstd")

        self._waiting, self._rows, self._groups = list[pa.Table](), 0, 0

    def write(self, table: pa.Table) -> None:
        """Add rows. Raises UserError for more than a file may have."""
        self._waiting.append(table.cast(self._schema))
        self._rows += table.num_rows
        if self._rows >= ROWS_OF_A_GROUP:
            self._write_group()

    def close(self) -> None:
        """Write what is left, and the footer."""
        with self._writer:
            if self._rows:
                self._write_group()

    def _write_group(self) -> None:
        if self._groups == MOST_GROUPS:
            raise UserError(LESS_PARQUET)
        self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=self._rows)
        self._groups += 1
        self._waiting.clear()
        self._rows = 0


def writer_to(path: Path, kind: Kind, schema: pa.Schema, about: About) -> Writer:
    """Begin a file. Raises OSError where it cannot be written, ModuleNotFoundError where h5netcdf is not installed."""
    if kind == "netcdf":
        from jeonju.export.netcdf import NetcdfWriter

        return NetcdfWriter(path, schema, about)
    file = path.open("wb")
    try:
        return _Closing(stream_writer(kind)(file, schema, about), file)
    except BaseException:
        file.close()
        raise


def stream_writer(kind: Kind) -> Callable[[BinaryIO, pa.Schema, About], Writer]:
    """Return what makes a writer of a format that can be sent while it is written."""
    return CsvWriter if kind == "csv" else ParquetWriter


class _Closing:
    """Closes the file with its writer."""

    def __init__(self, writer: Writer, file: BinaryIO) -> None:
        self._file, self._writer = file, writer
        self.write = writer.write

    def close(self) -> None:
        with self._file:
            self._writer.close()


def _for_csv(table: pa.Table) -> pa.Table:
    columns = [_text_of(table[name]) for name in table.column_names]
    return pa.table(
        columns, names=[f"{name} [{unit}]" if (unit := unit_of(name)) else name for name in table.column_names]
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
