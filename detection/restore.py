"""Restore the alert engine as it would be if it had never stopped, from what the store holds."""

from collections.abc import Iterable
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


def not_after(latest: pa.Table, now: datetime) -> pa.Table:
    """Return rows (READINGS) that claim no later time than `now`: a clock that was ahead must not make all others look silent."""
    for name in ("time", "received_at"):
        at, column = latest.schema.get_field_index(name), latest[name]
        bound = pa.scalar(now, column.type)
        latest = latest.set_column(at, latest.schema.field(name), pc.if_else(pc.greater(column, bound), bound, column))
    return latest


def engine_from_store(
    site: Site, store: Store, rules: Rules, known_sources: Iterable[KnownSource], now: datetime
) -> tuple[AlertEngine, pa.Table]:
    """Return an engine that knows the past, and the readings of the last minutes, which it is still to be given.

    Raises UnavailableError while the store is away.
    """
    latest = not_after(store.latest(site.name), now)
    newest = latest["time"].to_pylist()
    firing = store.alerts(site.name, active=True)
    # A device that was silent while all others were heard up to now is not waited for: otherwise nothing would be judged meanwhile.
    is_behind = not newest or now - max(newest) > PRESENT
    engine = AlertEngine(site, store.devices(site.name), rules, known_sources, is_behind=is_behind)
    if not newest:
        engine.restore(firing, latest, HISTORY_EVERY_S, latest)
        return engine, READINGS.empty_table()
    # A clock that is ahead must not move the past out of sight.
    until = min(max(newest), now + timedelta(minutes=1))
    split = datetime.fromtimestamp((until - RELEARNT).timestamp() // HISTORY_EVERY_S * HISTORY_EVERY_S, UTC)
    history = store.readings(Series(site=site.name, start=until - REMEMBERED, end=split, every_s=HISTORY_EVERY_S))
    engine.restore(firing, history, HISTORY_EVERY_S, latest)
    return engine, store.readings(Series(site=site.name, start=split, end=until + timedelta(seconds=1)))
