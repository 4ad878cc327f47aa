"""Write readings and truth as Parquet files, which get their names only once they are complete."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jeonju.airquality.pollutants import KEYS
from jeonju.common.errors import UserError
from jeonju.simulator.block import Block

INSTANT: Final = pa.timestamp("us", tz="UTC")
LABEL: Final = pa.dictionary(pa.int32(), pa.string())
ROWS_PER_GROUP: Final = 150_000
LABELS: Final = ("site", "device", "boot")
SOUGHT: Final = ("site", "device", "time")


class ParquetSink:
    """`readings.parquet` has the columns of the store, `truth.parquet` the true air at the same devices; both under `directory`.

    `on_readings` is called with every batch of readings as it is written.
    """

    def __init__(
        self, directory: Path, *, site: str, on_readings: Callable[[pa.RecordBatch], None] | None = None
    ) -> None:
        self._site = site
        self._on_readings = on_readings
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to {directory}: {error.strerror}; choose another --out") from error
        # Values that an instrument rounds repeat themselves; those of the truth do not, and are smallest with like bytes side by side.
        self._files = {
            "readings": _File(directory / "readings.parquet", repeats=True),
            "truth": _File(directory / "truth.parquet", repeats=False),
        }

    def send(self, block: Block) -> None:
        """Append one block to both files."""
        readings = readings_batch(block, self._site)
        self._files["readings"].append(readings)
        if self._on_readings is not None:
            self._on_readings(readings)
        self._files["truth"].append(self._truth(block))

    def close(self) -> None:
        """Flush both files and give them their names."""
        for file in self._files.values():
            file.finish()

    def abandon(self) -> None:
        """Delete what was written so far."""
        for file in self._files.values():
            file.abandon()

    def _truth(self, block: Block) -> pa.RecordBatch:
        steps, devices = block.true_lat.shape
        values = block.truth.reshape(-1, len(KEYS)).T.astype(np.float32, order="C")
        return pa.RecordBatch.from_pydict(
            {
                **_labels(block, self._site, np.tile(np.arange(devices), steps)),
                "time": _instants(np.repeat(block.true_times_s, devices)),
                "lat": block.true_lat.ravel(),
                "lon": block.true_lon.ravel(),
                **{key: _numbers(column) for key, column in zip(KEYS, values, strict=True)},
            }
        )


def readings_batch(block: Block, site: str) -> pa.RecordBatch:
    """Return the readings of a block with the columns of the store, in the order in which they are sent."""
    rows = block.readings
    boots, boot = np.unique(rows.boot, return_inverse=True)
    # Column by column: a column of rows is no array of its own.
    values = np.ascontiguousarray(rows.values.T)
    return pa.RecordBatch.from_pydict(
        {
            **_labels(block, site, rows.device),
            "time": _instants(rows.times_s),
            "boot": pa.array(boots).cast(pa.string()).take(pa.array(boot)),
            "seq": rows.seq,
            "lat": rows.lat,
            "lon": rows.lon,
            **{key: _numbers(column) for key, column in zip(KEYS, values, strict=True)},
        }
    )


def _numbers(column: Any) -> pa.Array:
    """Return a column with null for NaN. Most have a value in every row, and go as they are, or in none."""
    unknown = np.isnan(column)
    if not unknown.any():
        return pa.array(column)
    return pa.nulls(len(column), pa.from_numpy_dtype(column.dtype)) if unknown.all() else pa.array(column, mask=unknown)


def _labels(block: Block, site: str, device: Any) -> dict[str, pa.DictionaryArray]:
    sites = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(device), dtype=np.int32)), [site])
    return {
        "site": sites,
        "device": pa.DictionaryArray.from_arrays(pa.array(device, pa.int32()), list(block.devices)),
    }


def _instants(times_s: Any) -> pa.Array:
    """Return timestamps to the millisecond, as devices send them."""
    return pa.array(np.round(times_s * 1000).astype(np.int64) * 1000).cast(INSTANT)


class _File:
    """One Parquet file under a temporary name until it is finished."""

    def __init__(self, path: Path, *, repeats: bool) -> None:
        self._path = path
        self._partial = path.with_suffix(".partial")
        self._repeats = repeats
        self._file: pa.OSFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []

    def append(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        if sum(waiting.num_rows for waiting in self._waiting) >= ROWS_PER_GROUP:
            self._flush()

    def finish(self) -> None:
        self._flush()
        try:
            if self._writer is not None and self._file is not None:
                self._writer.close()
                self._file.close()
                self._partial.replace(self._path)
        except OSError as error:
            raise self._cannot_write(error) from error

    def abandon(self) -> None:
        if self._writer is not None:
            # On a full disk it cannot be finished; it is not kept anyway.
            with suppress(OSError):
                self._writer.close()
        if self._file is not None:
            self._file.close()
        self._partial.unlink(missing_ok=True)

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.Table.from_batches(self._waiting)
        try:
            if self._writer is None:
                self._writer = self._begun(table.schema)
            self._writer.write_table(table)
        except OSError as error:
            raise self._cannot_write(error) from error
        self._waiting = []

    def _begun(self, schema: pa.Schema) -> pq.ParquetWriter:
        labels = [name for name in LABELS if name in schema.names]
        numbers = [name for name in schema.names if pa.types.is_floating(schema.field(name).type)]
        encodings = {} if self._repeats else dict.fromkeys(numbers, "BYTE_STREAM_SPLIT")
        # A writer that cannot finish does not close a file that it opened by itself.
        self._file = pa.OSFile(str(self._partial), "wb")
        return pq.ParquetWriter(
            self._file,
            schema,
            use_dictionary=True if self._repeats else labels,
            column_encoding=encodings or None,
            # Readers look for a device or a span of time; the least and the largest of each quantity would take a tenth of the work.
            write_statistics=[name for name in SOUGHT if name in schema.names],
        )

    def _cannot_write(self, error: OSError) -> UserError:
        return UserError(
            f"cannot write {self._path}: {os.strerror(error.errno) if error.errno else error}; free some space or choose another --out"
        )
