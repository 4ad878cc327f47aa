"""Restore the alert engine as it would be if it had never stopped, from what the store holds."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from jeonju.contract.columns import READINGS
from jeonju.contract.known_source import KnownSource
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from jeonju.rules.rules import Rules
from jeonju.storage.port import Series, Store

# Hourly means are rebuilt from the last day, the smoke detector's levels also from the last minutes.
REMEMBERED: Final = timedelta(hours=25)
RELEARNT: Final = timedelta(minutes=40)
HISTORY_EVERY_S: Final = 600
# Where the newest reading is older than this, readings of the past may still be on their way.
PRESENT: Final = timedelta(minutes=5)
# Of readings at a time: a large site has millions in the last minutes, 100 MB of them are held.
PAGE: Final = 200_000


def not_after(latest: pa.Table, now: datetime) -> pa.Table:
    """Return rows (READINGS) that claim no later time than `now`: a clock that was ahead must not make all others look silent."""
    for name in ("time", "received_at"):
        at, column = latest.schema.get_field_index(name), latest[name]
        bound = pa.scalar(now, column.type)
        latest = latest.set_column(at, latest.schema.field(name), pc.if_else(pc.greater(column, bound), bound, column))
    return latest


def engine_from_store(
    site: Site,
    store: Store,
    rules: Rules,
    known_sources: Iterable[KnownSource],
    now: datetime,
    *,
    every_s: int | None = None,
) -> tuple[AlertEngine, Iterator[pa.Table]]:
    """Return an engine that knows the past, and the readings of the last minutes, which it is still to be given, page by page.

    With `every_s` these are means over so long: enough for indexes. Raises UnavailableError while the store is away, the pages too.
    """
    latest = not_after(store.latest(site.name), now)
    newest = latest["time"].to_pylist()
    firing = store.alerts(site.name, active=True)
    # A device that was silent while all others were heard up to now is not waited for: otherwise nothing would be judged meanwhile.
    is_behind = not newest or now - max(newest) > PRESENT
    engine = AlertEngine(site, store.devices(site.name), rules, known_sources, is_behind=is_behind)
    if not newest:
        engine.restore(firing, latest, HISTORY_EVERY_S, latest)
        return engine, iter((READINGS.empty_table(),))
    # A clock that is ahead must not move the past out of sight.
    until = min(max(newest), now + timedelta(minutes=1))
    split = datetime.fromtimestamp((until - RELEARNT).timestamp() // HISTORY_EVERY_S * HISTORY_EVERY_S, UTC)
    history = store.readings(Series(site=site.name, start=until - REMEMBERED, end=split, every_s=HISTORY_EVERY_S))
    engine.restore(firing, history, HISTORY_EVERY_S, latest)
    recent = Series(site=site.name, start=split, end=until + timedelta(seconds=1), every_s=every_s, limit=PAGE)
    return engine, pages(store, recent)


def pages(store: Store, series: Series) -> Iterator[pa.Table]:
    """Yield a series in pieces of `limit` rows, the earliest first; rows of the instant at which a piece ends come again with the next."""
    while True:
        table = store.readings(series)
        yield table
        if table.num_rows < series.limit:
            return
        last = table["time"][-1].as_py()
        series = replace(series, start=max(last, series.start + timedelta(microseconds=1)))
