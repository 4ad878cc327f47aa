"""Readings that a store has given away: Parquet files by site and day, in a folder or on S3, for us and for whatever else reads Parquet.

`site=SITE/day=YYYY-MM-DD/readings.parquet` is how Hive, and after it DuckDB, Polars, Dask and Spark, name parts of a table; days are in UTC. A file
takes the place of the one before it as a whole, so whoever reads meanwhile has the one or the other.
"""

import errno
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.dataset as pds
import pyarrow.fs as pfs
import pyarrow.parquet as pq

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.columns import READINGS

DAY: Final = timedelta(days=1)
_FILE: Final = "readings.parquet"
_DAY_FILE: Final = re.compile(rf"(?:^|/)site=([^/]+)/day=(\d{{4}}-\d\d-\d\d)/{re.escape(_FILE)}$")
_S3: Final = "s3://"
_FORMAT: Final = "1"
# A place that is away must not hold up maintenance and its end for long; it is tried again in a minute.
_CONNECT_S: Final = 5.0
_REQUEST_S: Final = 20.0
_ATTEMPTS: Final = 2
_PART_BYTES: Final = 8 * 1024 * 1024
_ABOUT: Final = {
    "device": "name of the device",
    "time": "when it was measured",
    "received_at": "when it arrived",
    "boot": "start of the device after which it was sent",
    "seq": "number of the message since that start",
    "lat": "latitude, WGS 84",
    "lon": "longitude, WGS 84",
    "quality": "null where every value is ok; else a JSON object, quantity to [flag, reason], of those that are not",
    "extra": "JSON object of what the message held besides",
}
_UNITS: Final = {"lat": "°", "lon": "°"} | {key: quantity.unit for key, quantity in QUANTITY.items()}


def _field(field: pa.Field) -> pa.Field:
    about = {"description": _ABOUT.get(field.name) or QUANTITY[field.name].label_en}
    if field.name in _UNITS:
        about["unit"] = _UNITS[field.name]
    kind = pa.string() if pa.types.is_dictionary(field.type) else field.type
    return pa.field(field.name, kind, field.nullable, about)


# The site is in the folder's name alone, as with every table in such parts.
SCHEMA: Final = pa.schema(
    [_field(field) for field in READINGS if field.name != "site"],
    metadata={
        "format": _FORMAT,
        # Once more for readers that know no metadata of columns.
        "units": json.dumps(
            {name: unit for name, unit in _UNITS.items() if name in READINGS.names}, ensure_ascii=False
        ),
        "quality": _ABOUT["quality"],
    },
)
_WITH_SITE: Final = pa.schema([pa.field("site", pa.string()), *SCHEMA])


class Day(NamedTuple):
    """A day of a site, in UTC."""

    site: str
    day: date

    @property
    def start(self) -> datetime:
        """The first instant of the day."""
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant of the next day."""
        return self.start + DAY


class Archive:
    """A folder, or `s3://BUCKET/PREFIX`. Credentials, region and AWS_ENDPOINT_URL for S3 come from the environment, as for every tool of AWS.

    Nothing is asked of the place before the first call. Every method raises UnavailableError where it cannot be reached, or refuses.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._is_remote = url.startswith(_S3)
        if self._is_remote:
            self._root = url.removeprefix(_S3).rstrip("/")
            if not self._root or self._root.startswith("/"):
                raise UserError(f"--archive {url!r} names no bucket; give s3://BUCKET/PREFIX")
            self._files: pfs.FileSystem = _s3()
        elif "://" in url:
            raise UserError(f"--archive {url!r} is neither a folder nor s3://BUCKET/PREFIX")
        else:
            self._root = str(Path(url).absolute())
            self._files = pfs.LocalFileSystem()

    def days(self) -> Mapping[Day, int]:
        """Return the days that are there, with their sizes [bytes]."""
        with self._translated("list"):
            found = self._files.get_file_info(pfs.FileSelector(self._root, recursive=True, allow_not_found=True))
        return {
            Day(unquote(match[1]), date.fromisoformat(match[2])): info.size
            for info in found
            if (match := _DAY_FILE.search(info.path))
        }

    def holds(self, day: Day) -> bool:
        """Return whether there is a file of a day."""
        with self._translated("list"):
            return bool(self._files.get_file_info(self._path(day)).type == pfs.FileType.File)

    def write(self, day: Day, tables: Iterable[pa.Table]) -> int:
        """Write the readings of a day, a group of rows for each table, in the place of those that are there; return how many rows.

        The file is there as a whole when this returns, and was read back before. A kill leaves what was there.
        """
        with self._translated("take"), self._staged(day) as new:
            rows = 0
            # A writer that cannot finish, on a full disk, does not close a file that it opened by itself.
            with pa.OSFile(str(new), "wb") as file, pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
                for table in tables:
                    writer.write_table(table.select(SCHEMA.names).cast(SCHEMA))
                    rows += table.num_rows
            self._publish(new, day, rows)
        return rows

    def file(self, day: Day) -> Path | None:
        """Return where the file of a day is; None where it is on S3."""
        return None if self._is_remote else Path(self._path(day))

    def dataset(self, days: Sequence[Day]) -> pds.Dataset:
        """Return the readings of days, to be scanned: the columns of READINGS, labels as plain texts, null for what a file does not have."""
        return pds.FileSystemDataset.from_paths(
            [self._path(day) for day in days],
            schema=_WITH_SITE,
            format=pds.ParquetFileFormat(),
            filesystem=self._files,
            partitions=[pds.field("site") == day.site for day in days],
        )

    def rows(self, days: Iterable[Day]) -> int:
        """Return how many readings some days have."""
        return int(self.dataset([*days]).count_rows())

    def unavailable(self, error: Exception, doing: str) -> UnavailableError:
        """Return in one line why the place does not do what was asked of it, and what helps."""
        return UnavailableError(f"the archive {self.url} {_reason(error, doing, is_remote=self._is_remote)}")

    def _path(self, day: Day) -> str:
        return f"{self._root}/site={quote(day.site, safe='')}/day={day.day.isoformat()}/{_FILE}"

    @contextmanager
    def _staged(self, day: Day) -> Iterator[Path]:
        """Give the path of a new file, beside its place where that is a folder: what goes to S3 is whole before.

        A kill leaves one such file for each site and day at most, and the next attempt writes over it. No reader takes names that begin with a dot.
        """
        if self._is_remote:
            with tempfile.TemporaryDirectory(prefix="jeonju-archive") as folder:
                yield Path(folder) / _FILE
            return
        new = Path(self._root) / ".moving" / f"{quote(day.site, safe='')}-{day.day.isoformat()}"
        new.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield new
        finally:
            new.unlink(missing_ok=True)

    def _publish(self, new: Path, day: Day, rows: int) -> None:
        place = self._path(day)
        if self._is_remote:
            # Not over what is there before it was read back; and a copy within the place is whole or not at all.
            waiting = f"{self._root}/.moving/{quote(day.site, safe='')}"
            with new.open("rb") as source, self._files.open_output_stream(waiting) as target:
                while part := source.read(_PART_BYTES):
                    target.write(part)
            self._check(waiting, rows)
            self._files.copy_file(waiting, place)
            return
        self._check(str(new), rows)
        _sync(new)
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        new.replace(place)
        # The names as well, down from the root: readings are forgotten by the store after this.
        for folder in (Path(place).parent, Path(place).parent.parent, Path(self._root)):
            _sync(folder)

    def _check(self, path: str, rows: int) -> None:
        with self._files.open_input_file(path) as file:
            if (found := pq.read_metadata(file).num_rows) != rows:
                raise OSError(f"{path} got {rows} readings and holds {found}")

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise self.unavailable(error, doing) from error


def _s3() -> pfs.FileSystem:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return pfs.S3FileSystem(
        # None would let the library ask the machine it runs on.
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        endpoint_override=endpoint or None,
        connect_timeout=_CONNECT_S,
        request_timeout=_REQUEST_S,
        retry_strategy=pfs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


# What S3 says, in any of its words, and what helps. The first that fits counts.
_REASONS: Final = {
    "NO_SUCH_BUCKET": "has no such bucket: make it, or name another --archive",
    "INVALID_ACCESS_KEY_ID": "does not know this key: check AWS_ACCESS_KEY_ID",
    "SIGNATURE_DOES_NOT_MATCH": "refuses this key: check AWS_SECRET_ACCESS_KEY",
    "ACCESS_DENIED": "refuses: check AWS_ACCESS_KEY_ID, and that it may list, read and write there",
    "NETWORK_CONNECTION": "cannot be reached: check AWS_ENDPOINT_URL and the network",
}
_NOT_THERE: Final = ("No such file", "Path does not exist", "No files found")


def _reason(error: Exception, doing: str, *, is_remote: bool) -> str:
    said = " ".join(str(error).split())
    if is_remote:
        for word, reason in _REASONS.items():
            if word in said:
                return reason
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOSPC or "No space left" in said:
        return "is full: free some space"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"may not be written by this user: {said}"
    if "magic bytes" in said or "deserialize" in said:
        return f"holds a damaged file: put a good one in its place, or remove it ({said})"
    if isinstance(error, FileNotFoundError) or any(words in said for words in _NOT_THERE):
        return f"lacks a file that was there: is its disk mounted? ({said})"
    return f"does not {doing} what it should: {said}"
