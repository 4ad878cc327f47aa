"""The committed feed: READINGS as a stream of Arrow, each message with a number, so that who follows sees where one is missing."""

from collections import OrderedDict
from typing import Final, NamedTuple

import pyarrow as pa

_KEY: Final = b"number"
# Of so many ingests it is remembered which message came last.
MOST_RUNS: Final = 64


class Number(NamedTuple):
    """Which message of a site it is, counted from 1 since one ingest began (`run`)."""

    run: str
    place: int


def numbered(table: pa.Table, number: Number) -> pa.Table:
    """Return readings with the number of their message."""
    return table.replace_schema_metadata({_KEY: f"{number.run}:{number.place}".encode()})


class Gaps:
    """Finds out where messages of one site are missing: a number left out, or another ingest, whose predecessor may have said more."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, int] = OrderedDict()

    def forget(self) -> None:
        """Begin anew, as when everything was read from the store."""
        self._last.clear()

    def follows(self, table: pa.Table) -> bool:
        """Return whether nothing is missing before this message; earlier versions number none."""
        said = (table.schema.metadata or {}).get(_KEY)
        if said is None:
            return True
        run, _, place = said.decode(errors="replace").rpartition(":")
        number = int(place) if place.isascii() and place.isdigit() else 0
        before = self._last.pop(run, None)
        is_next = number == before + 1 if before is not None else not self._last
        self._last[run] = number
        if len(self._last) > MOST_RUNS:
            self._last.popitem(last=False)
        return is_next
