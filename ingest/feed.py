"""The feed of committed readings: hints for everyone that there is something new in the store (topic `air/v1/{site}/committed`, Arrow IPC)."""

import secrets
from collections import Counter
from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from jeonju.contract import topics
from jeonju.contract.feed import Number, numbered

ROWS_PER_MESSAGE: Final = 2000
# Senders can make up sites; where these are counted anew, who follows reads the store once.
MOST_SITES: Final = 10_000


class Feed:
    """Publishes what has just been committed, by site, and numbers the messages of each."""

    def __init__(self, publish: Callable[[str, bytes], object]) -> None:
        self._publish = publish
        self._run = secrets.token_hex(4)
        self._counts: Counter[str] = Counter()

    def send(self, table: pa.Table) -> None:
        """Publish readings that the store has."""
        if len(self._counts) > MOST_SITES:
            self._counts.clear()
        for site in table["site"].unique().to_pylist():
            rows = table.filter(pc.equal(table["site"], site))
            for start in range(0, rows.num_rows, ROWS_PER_MESSAGE):
                self._counts[site] += 1
                part = numbered(rows.slice(start, ROWS_PER_MESSAGE), Number(self._run, self._counts[site]))
                sink = pa.BufferOutputStream()
                with pa.ipc.new_stream(sink, part.schema) as writer:
                    writer.write_table(part)
                self._publish(topics.committed(site), sink.getvalue().to_pybytes())
