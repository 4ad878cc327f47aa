"""CSV files of measurements, read with errors that name file, line and column."""

import csv
from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from pathlib import Path

from jeonju.common.errors import UserError
from jeonju.common.text_file import lines_of


class Row:
    """One line of a table; its errors name file, line and column."""

    def __init__(self, values: Mapping[str, str], where: str) -> None:
        self._values = values
        self.where = where

    def has(self, column: str) -> bool:
        """Return whether the table has a column."""
        return column in self._values

    def text(self, column: str) -> str:
        """Return what stands in a column."""
        return (self._values[column] or "").strip()

    def number(self, column: str) -> float:
        """Return the number in a column."""
        value = self.optional(column)
        if value is None:
            raise UserError(f"{self.where}: {column} is empty; it needs a number")
        return value

    def optional(self, column: str) -> float | None:
        """Return the number in a column, or None where it is empty."""
        text = self.text(column)
        try:
            value = float(text) if text else None
        except ValueError as error:
            raise UserError(f"{self.where}: {column} is {text!r}, which is no number") from error
        return None if value is None or value != value else value

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, as the heading has them."""
        return tuple(name for name in self._values if name)

    def instant(self, column: str, *, zone: tzinfo | None = None) -> float:
        """Return the instant in a column as POSIX seconds; one without a time zone is of `zone`, and refused without that."""
        try:
            at = datetime.fromisoformat(self.text(column))
        except ValueError as error:
            raise UserError(
                f"{self.where}: {column} is {self.text(column)!r}, which is no time such as 2022-05-09T00:00:00Z"
            ) from error
        if at.tzinfo is None and zone is not None:
            at = at.replace(tzinfo=zone)
        if at.tzinfo is None:
            raise UserError(f"{self.where}: {column} has no time zone; write for example {self.text(column)}Z")
        return at.timestamp()


def read_table(folder: Path, name: str, columns: Iterable[str], *, may_be_empty: bool = False) -> list[Row]:
    """Return the lines of a CSV file that has at least these columns.

    Raises UserError for a file or column that is missing, and for a table without lines unless it `may_be_empty`.
    """
    path = folder / name
    try:
        reader = csv.DictReader(lines_of(path))
        lines = [Row(values, f"{path}:{number}") for number, values in enumerate(reader, start=2)]
    except csv.Error as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if missing := [column for column in columns if column not in (reader.fieldnames or ())]:
        raise UserError(f"{path} has no column {', '.join(missing)}")
    if not lines and not may_be_empty:
        raise UserError(f"{path} has no lines below its heading")
    return lines
