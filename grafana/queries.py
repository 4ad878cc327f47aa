"""Queries that several dashboards ask: the newest reading, the wind, completeness, days above limits, the hours of a week."""

import re
from typing import Final

from jeonju.airquality.index import POLLUTANTS
from jeonju.airquality.standards import LEAST_SHARE, Standard
from jeonju.contract import topics
from jeonju.contract.official import official_stations
from jeonju.grafana import city
from jeonju.grafana.influxql import (
    BY_DEVICE,
    DAY_MS,
    FROM,
    HOUR_MS,
    IN_RANGE,
    OF_SITE,
    ROLLED_UP,
    TIERS,
    TO,
    lately,
    plausible_hours,
    select,
    tiered,
)
from jeonju.storage.influx.names import AIR_1H, AIR_1M, DEVICE_TAG, SITE

RADIANS: Final = "0.017453292519943295"
MINUTE_MS: Final = 60_000
WEEK_H: Final = 168
# 1970 began on a Thursday, 72 hours after a Monday.
THURSDAY_H: Final = 72
# How many days a pattern of the week is made of.
PATTERN_DAYS: Final = 28
OF_TRUTH: Final = f"\"{SITE}\" = '{topics.TRUTH.format(site='${site}')}'"
UP_TO_END: Final = f"time <= {TO}ms"
# Means of minutes are there so long after their minute at the latest.
ROLLED_UP_AFTER_MS: Final = 120_000
# What devices of official networks are called by custom, beside those that the site file names.
BY_CUSTOM: Final = ("airkorea-", "kma-", "upwind-")


def of_official() -> str:
    """Return the condition that a device is of an official network: its values come once an hour, minutes after the hour that they are of."""
    named = [re.escape(device) for device in official_stations(city.site()) if not device.startswith(BY_CUSTOM)]
    return f'"{DEVICE_TAG}" =~ /^({"|".join([*(f"{begin}.*" for begin in BY_CUSTOM), *named])})\\z/'


def of_own() -> str:
    """Return the condition that a device is one of the city's own, which are heard all the time. It can stand in an alert rule."""
    return of_official().replace("=~", "!~", 1)


def age_of(newest_us: str) -> str:
    """Return how old [s] is what has its instant [µs] in a column."""
    return _not_negative(f'({TO} - last("{newest_us}") / 1000) / 1000')


def _not_negative(number: str) -> str:
    """Return a number, or 0 where it is below: the clock of a fast simulation is ahead of ours. InfluxQL has no greater of two."""
    return f"({number} + abs({number})) / 2"


def age_s(*where: str) -> str:
    """Return the query for the age of the newest reading [s], counted from when it was received."""
    newest = select('last("received_at") AS "at"', where=(OF_SITE, *where, UP_TO_END), by=(BY_DEVICE,))
    age = _not_negative(f'({TO} - max("at") / 1000) / 1000')
    return f'SELECT {age} AS "age" FROM ({newest})'


def ages(*where: str) -> str:
    """Return the query for the age of the newest reading [s], by device."""
    return select(f'{age_of("received_at")} AS "age"', where=(OF_SITE, *where, UP_TO_END), by=(BY_DEVICE,))


def local_days() -> str:
    """Return the grouping by days of the city; `tz()` does not reach the query within a query."""
    return f"time(1d, {-city.utc_offset_h()}h)"


def wind_from(where: tuple[str, ...], by: tuple[str, ...], fill: str) -> list[str]:
    """Return the queries for where the wind comes from [degrees, 0 to 360], as a mean of directions weighted alike."""
    found = []
    for tier in TIERS:
        parts = (
            'mean("wind_direction_sin") AS "east", mean("wind_direction_cos") AS "north"'
            if tier.is_rolled_up
            else 'mean("east") AS "east", mean("north") AS "north"'
        )
        of = tier.measurement
        if not tier.is_rolled_up:
            each = f'sin("wind_direction" * {RADIANS}) AS "east", cos("wind_direction" * {RADIANS}) AS "north"'
            of = f"({select(each, where=(*where, tier.where, IN_RANGE))})"
        means = select(
            parts, of, where=((IN_RANGE,) if of.startswith("(") else (*where, tier.where, IN_RANGE)), by=by, fill=fill
        )
        found.append(f'SELECT (atan2("east", "north") / {RADIANS} + 360) % 360 FROM ({means})')
    return found


def completeness(*where: str) -> list[str]:
    """Return the queries for the share of minutes (beyond four days: hours) of the time shown that have readings, 0 to 1, by device.

    Minutes that may not be counted yet are left out. Devices of official networks have one of an hour: ask `of_own`.
    """
    # Of two whole numbers the server makes a whole number within a query of a query: a share would be 0 or 1.
    each = {AIR_1M: f"{MINUTE_MS}.0", AIR_1H: f"{HOUR_MS}.0"}
    late = {AIR_1M: ROLLED_UP_AFTER_MS, AIR_1H: 0}
    return list(
        tiered(
            lambda tier: (
                f'count("reading_count") * {each[tier.measurement]} / ({TO} - {FROM} - {late[tier.measurement]}) AS "share"'
            ),
            where=(*where, lambda tier: f"time < {TO}ms - {late[tier.measurement]}ms"),
            by=(BY_DEVICE,),
            tiers=ROLLED_UP,
        )
    )


def whole_intervals() -> tuple[str, str]:
    """Return the conditions that an interval lies within the time shown as a whole, and that its minutes are counted by now."""
    last, each = f"({TO} - {ROLLED_UP_AFTER_MS})", "$__interval_ms"
    begin, end = f"{FROM} - {FROM} % {each} + {each}", f"{last} - {last} % {each}"
    # A time without a unit is of nanoseconds.
    return f"time >= ({begin}) * 1000000", f"time < ({end}) * 1000000"


def judged() -> list[Standard]:
    """Return the standards that are judged by hours, eight hours and days."""
    return [standard for standard in city.scheme().standards if standard.hours <= 24]


def exceedances(standard: Standard, name: str, *where: str) -> str:
    """Return the query for how often a standard was exceeded in the time shown, by device.

    Days are those of the city and count with three quarters of their hours; means of eight hours are moving ones.
    """
    asked = (*where, IN_RANGE, plausible_hours(standard.quantity))
    value = f'"{standard.quantity}"'
    if standard.hours == 8:
        hourly = select(f'mean({value}) AS "v"', AIR_1H, where=asked, by=("time(1h)", BY_DEVICE), fill="none")
        inner = select('moving_average("v", 8) AS "v"', f"({hourly})", where=(), by=(BY_DEVICE,))
        is_whole: tuple[str, ...] = ()
    else:
        every = "time(1h)" if standard.hours == 1 else local_days()
        inner = select(
            f'mean({value}) AS "v", count({value}) AS "n"', AIR_1H, where=asked, by=(every, BY_DEVICE), fill="none"
        )
        is_whole = (f'"n" >= {LEAST_SHARE * standard.hours:g}',)
    # 1 above the limit, otherwise 0, so that a device that never exceeded it has its row and the standard its column.
    above = select(
        f'ceil(("v" - {standard.limit:g}) / 1000000000) AS "above"',
        f"({inner})",
        where=(*is_whole, IN_RANGE),
        by=(BY_DEVICE,),
    )
    return select(f'sum("above") AS "{name}"', f"({above})", where=(IN_RANGE,), by=(BY_DEVICE,))


def hours_of_week(quantity: str, *where: str) -> str:
    """Return the query for the course of the last 28 days with the day of the week (0: Monday) and the hour of the day of each value.

    InfluxQL has no calendar: the hours are counted from the first on, which stands at a known instant. Sums and their differences carry the
    value along, since a count cannot be asked for beside it.
    """
    start = f"({TO} - {PATTERN_DAYS * DAY_MS})"
    span = (f"time >= {TO}ms - {PATTERN_DAYS}d", f"time <= {TO}ms")
    means = select(f'mean({quantity}) AS "v"', AIR_1H, where=(*where, *span), by=("time(1h)",), fill="-1000")
    ones = f'SELECT "v", "v" * 0 + 1 AS "one" FROM ({means})'
    sums = f'SELECT cumulative_sum("v") AS "s", cumulative_sum("one") AS "i" FROM ({ones})'
    numbered = f'SELECT difference("s") AS "v", moving_average("i", 2) + 0.5 AS "i" FROM ({sums})'
    first_h = f"({start} - {start} % {HOUR_MS}) / {HOUR_MS} + {city.utc_offset_h() + THURSDAY_H}"
    hours = f'SELECT "v", ("i" - 1 + {first_h}) % {WEEK_H} AS "w" FROM ({numbered})'
    return f'SELECT floor("w" / 24) AS "weekday", "w" % 24 AS "hour", "v" FROM ({hours}) WHERE "v" > -500'


def newest(quantities: tuple[str, ...], *where: str, span: str = "5m") -> str:
    """Return the query for the newest values of some quantities, by device."""
    asked = ", ".join(f'last("{key}") AS "{key}"' for key in quantities)
    return select(asked, where=(OF_SITE, *where, lately(span)), by=(BY_DEVICE,))


def flagged(quantity: str) -> str:
    """Return the condition that a value is marked as bad, suspect or estimated."""
    return f'"quality" =~ /"{quantity}":\\["(bad|suspect|estimated)"/'


def flag_shares(quantity: str, *where: str, by: tuple[str, ...]) -> list[str]:
    """Return the queries for how many readings (beyond three hours: minutes) have a marked value."""
    field = f'"{quantity}"'
    return list(tiered(f"count({field})", where=(*where, flagged(quantity)), by=by, fill="0"))


def pollutants_of(keys: tuple[str, ...] = POLLUTANTS) -> tuple[str, ...]:
    """Return the pollutants of the index, dust first."""
    return tuple(sorted(keys, key=lambda key: ("pm25", "pm10", "o3", "no2", "co", "so2").index(key)))
