"""Queries in InfluxQL, which InfluxDB 1.x and 2.x both answer: how they are put together and what Grafana is handed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from jeonju.airquality.pollutants import QUANTITY
from jeonju.storage.influx.influxql import source
from jeonju.storage.influx.names import AIR, AIR_1H, AIR_1M, DEVICE, DEVICE_TAG, SITE

# The one that `provisioning/` sets up.
DATA_SOURCE_UID: Final = "jeonju-influxdb"
# The data source is a variable, so that a dashboard can be taken to any Grafana.
DATA_SOURCE: Final = DataSourceRef(type_val="influxdb", uid="${datasource}")

# The time shown [ms]. Grafana 9 puts `now()` into $timeFilter, which every statement of a panel would read anew: rows that belong together
# would stand at different instants. These are the same in all.
FROM: Final = "${__from}"
TO: Final = "${__to}"
OF_SITE: Final = f"\"{SITE}\" = '${{site}}'"
OF_DEVICES: Final = f'"{DEVICE_TAG}" =~ /^${{device:regex}}$/'
IN_RANGE: Final = f"time >= {FROM}ms AND time <= {TO}ms"
BY_DEVICE: Final = f'"{DEVICE_TAG}"'
EVERY: Final = "time($__interval)"
# How long what was said last counts as how things are now.
NOW: Final = "5m"
HOUR_MS: Final = 3_600_000
KNOWN: Final = "known"
DAY_MS: Final = 24 * HOUR_MS
# So much is read as it was measured; beyond come means of minutes, and beyond that means of hours.
FINE_MS: Final = 3 * HOUR_MS
MINUTES_MS: Final = 4 * DAY_MS


def lately(span: str = NOW) -> str:
    """Return the condition that something is of the last `span` of the time shown, however long that is."""
    return f"time > {TO}ms - {span} AND time <= {TO}ms"


def touching(start: str, end: str) -> str:
    """Return the condition that what lasts from `start` to `end` [µs; 0: it still lasts] touches the time shown."""
    return f'time <= {TO}ms AND "{start}" <= {TO}000 AND ("{end}" = 0 OR "{end}" >= {FROM}000)'


def open_at_end(start: str, end: str) -> str:
    """Return the condition that something lasts at the end of the time shown, whenever it began."""
    return f'time <= {TO}ms AND "{start}" <= {TO}000 AND ("{end}" = 0 OR "{end}" > {TO}000)'


@dataclass(frozen=True, kw_only=True)
class InfluxQL(Builder[Dataquery], Dataquery):
    """One query; the toolkit brings builders for other data sources, but none for this.

    As a table all series come in one frame with their tags as columns, otherwise each is a frame of its own, named after `alias`.
    """

    query: str
    alias: str = ""
    table: bool = False
    ref_id: str = "A"

    def build(self) -> Dataquery:
        """Return itself: it is complete from the start."""
        return self

    def to_json(self) -> dict[str, Any]:
        """Return what Grafana keeps of a query in text form."""
        shown = {
            "refId": self.ref_id,
            "datasource": DATA_SOURCE,
            "query": self.query,
            "rawQuery": True,
            "resultFormat": "table" if self.table else "time_series",
        }
        return shown | ({"alias": self.alias} if self.alias else {})


def select(what: str, measurement: str = AIR, *, where: Sequence[str], by: Sequence[str] = (), fill: str = "") -> str:
    """Return a query; it is of a measurement, or of another query in brackets."""
    of = measurement if measurement.startswith("(") else source(measurement)
    return (
        f"SELECT {what} FROM {of}"
        + (f" WHERE {' AND '.join(where)}" if where else "")
        + (f" GROUP BY {', '.join(by)}" if by else "")
        + (f" fill({fill})" if fill else "")
    )


def known_devices(*where: str) -> str:
    """Return the query for the known devices, so that one of which nothing was heard has its row too."""
    return select(f'last("state") AS "{KNOWN}"', DEVICE, where=(OF_SITE, *where), by=(BY_DEVICE,))


class Tier(NamedTuple):
    """A measurement that holds readings or means of them, and for which lengths of the time shown it is asked."""

    measurement: str
    where: str

    @property
    def is_rolled_up(self) -> bool:
        """Whether it holds means, extremes and counts."""
        return self.measurement != AIR


# Each of these conditions is of numbers only, so that the server sees at once which two of the three have no answer, and does not look.
TIERS: Final = (
    Tier(AIR, f"{TO} - {FROM} <= {FINE_MS}"),
    Tier(AIR_1M, f"{TO} - {FROM} > {FINE_MS} AND {TO} - {FROM} <= {MINUTES_MS}"),
    Tier(AIR_1H, f"{TO} - {FROM} > {MINUTES_MS}"),
)
# Which of them are the hours.
HOURS: Final = 2
ROLLED_UP: Final = (
    Tier(AIR_1M, f"{TO} - {FROM} <= {MINUTES_MS}"),
    Tier(AIR_1H, f"{TO} - {FROM} > {MINUTES_MS}"),
)
What = Callable[[Tier], str]


def tiered(
    what: What | str,
    *,
    where: Sequence[What | str],
    by: Sequence[str] = (),
    fill: str = "",
    tiers: Sequence[Tier] = TIERS,
) -> Iterator[str]:
    """Yield the same query of readings, of minutes and of hours; one of them is answered."""
    for tier in tiers:
        asked, *conditions = (each if isinstance(each, str) else each(tier) for each in (what, *where))
        yield select(asked, tier.measurement, where=(*conditions, tier.where, IN_RANGE), by=by, fill=fill)


def highest(quantity: str) -> What:
    """Return how to ask for the highest value of a quantity."""
    return lambda tier: f'max("{quantity}_max")' if tier.is_rolled_up else f'max("{quantity}")'


def plausible(quantity: str) -> What:
    """Return the condition that a value can be one of the air: one of a fault that is a hundred times higher hides all others."""
    row = QUANTITY[quantity]
    low, high = f'"{quantity}" >= {row.minimum:g}', f"<= {row.maximum:g}"
    return lambda tier: f'{low} AND "{quantity}{"_max" if tier.is_rolled_up else ""}" {high}'


def plausible_hours(quantity: str) -> str:
    """Return the condition that an hour has no value that cannot be one of the air; its mean would be as wrong."""
    return plausible(quantity)(ROLLED_UP[-1])


def mean(quantity: str) -> What:
    """Return how to ask for the mean of a quantity."""
    return lambda _tier: f'mean("{quantity}")'


def course(
    what: What | str, *, where: Sequence[What | str] = (OF_SITE, OF_DEVICES), by: Sequence[str] = (EVERY, BY_DEVICE)
) -> Iterator[str]:
    """Yield the queries for a course, which says where nothing came: Grafana breaks lines at nothing else (`look.with_course`)."""
    return tiered(what, where=where, by=by, fill="null")
