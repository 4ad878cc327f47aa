"""The feed of committed readings: hints for everyone that there is something new in the store (topic `air/v1/{site}/committed`, Arrow IPC)."""

from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from jeonju.contract import topics

ROWS_PER_MESSAGE: Final = 2000


def publish_committed(publish: Callable[[str, bytes], object], table: pa.Table) -> None:
    """Publish what has just been committed, by site."""
    for site in table["site"].unique().to_pylist():
        rows = table.filter(pc.equal(table["site"], site))
        for start in range(0, rows.num_rows, ROWS_PER_MESSAGE):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, rows.schema) as writer:
                writer.write_table(rows.slice(start, ROWS_PER_MESSAGE))
            publish(topics.committed(site), sink.getvalue().to_pybytes())
