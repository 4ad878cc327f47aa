"""`jeonju evaluate network`: own stations beside the nearest official one, hour by hour, and beside robots that pass, minute by minute.

Which gain and offset would bring them together is a proposal, nothing that is applied: a person decides whether they measure the same air, and
agrees (`jeonju correction accept`).
"""

import csv
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.contract.correction import SUBJECT, Correction, corrections_of
from jeonju.contract.site import Robot, Site, Station
from jeonju.evaluation.tables import read_table
from jeonju.storage.port import Series, Store

QUANTITIES: Final = ("pm25", "pm10", "o3", "no2", "co", "so2")
COLUMNS: Final = ("province", "station", "lat", "lon")
# Farther away other air is measured.
FARTHEST_M: Final = 10_000.0
# A fit needs so many hours on so many days, and both must go up and down together.
LEAST_HOURS: Final = 14 * 24
LEAST_DAYS: Final = 14
LEAST_CORRELATION: Final = 0.7
# Days are drawn with replacement so often; hours of one day are alike.
DRAWS: Final = 400
SEED: Final = 1
LONGEST: Final = timedelta(days=400)
# Robots are compared in the minutes in which their mean place is so near, of these days; so many minutes are needed.
NEAR_M: Final = 50.0
PASSING: Final = timedelta(days=60)
LEAST_MINUTES: Final = 60
# Devices that are read together; of each there are at most 9600 hours.
AT_ONCE: Final = 50


class Official(NamedTuple):
    """An official station: what it is called in the store, and where it stands."""

    device: str
    lat: float
    lon: float


def evaluate_network(
    site: Site, store: Store, stations: Path, until: datetime, on_progress: Callable[[float], None] = lambda _: None
) -> dict[str, Any]:
    """Return, for each own station and quantity, how it compares with the nearest official station of the store, and the gain and offset proposed.

    The same for robots that passed. The reference is taken to be (own - offset) / gain, of what was measured, also where a correction is applied
    already; hours before that was agreed to are left out. Raises UserError where no official station is known by name and place.
    """
    officials = official_stations(site, stations)
    agreed = _Agreed.of(site, store, until)
    devices = [*(one.name for one in site.stations), *(one.device for one in officials)]
    hours: dict[str, pa.Table] = {}
    for first in range(0, len(devices), AT_ONCE):
        hours |= _means(site, store, tuple(devices[first : first + AT_ONCE]), until - LONGEST, until, 3600)
        on_progress(min((first + AT_ONCE) / len(devices), 1.0))
    heard = [one for one in officials if len(hours[one.device])]
    if not heard:
        names = ", ".join(sorted(one.device for one in officials)) or "none"
        raise UserError(f"the store has no hours of an official station ({names}); bring them with `jeonju airkorea`")
    rows = []
    for station in site.stations:
        official, distance_m = _nearest(site, station.lat, station.lon, heard)
        for quantity in QUANTITIES:
            since = agreed.since(station.name, quantity)
            pairs = _pairs(hours[station.name], hours[official.device], quantity, since)
            about = {"device": station.name, "quantity": quantity, "official": official.device, "robot": None}
            found = {"distance_m": round(distance_m), **compared(*pairs, quantity, distance_m)}
            rows.append(agreed.with_applied(about | found))
    rows += _beside_robots(site, store, until, agreed)
    rows = [row for row in rows if row["hours"] or row.get("minutes")]
    return {
        "rows": rows,
        "proposed": sum(row["proposed"] is not None for row in rows),
        "applied": sum(row["applied"] is not None for row in rows),
    }


class _Agreed(NamedTuple):
    """What people have agreed to, by device and quantity: when that last changed, and what is applied now."""

    changed_at: dict[tuple[str, str], datetime]
    applied: dict[tuple[str, str], Correction]

    @classmethod
    def of(cls, site: Site, store: Store, until: datetime) -> "_Agreed":
        changed_at: dict[tuple[str, str], datetime] = {}
        applied: dict[tuple[str, str], Correction] = {}
        for one in corrections_of(store.journal(site.name, subject=SUBJECT)).values():
            place = (one.device, one.quantity)
            changed_at[place] = max(one.until_at or one.from_at, changed_at.get(place, one.from_at))
            if one.until_at is None or one.until_at > until:
                applied[place] = one
        return cls(changed_at, applied)

    def since(self, device: str, quantity: str) -> datetime:
        """Return from when on all that is stored is corrected in the same way."""
        return self.changed_at.get((device, quantity), datetime(1970, 1, 1, tzinfo=UTC))

    def with_applied(self, row: dict[str, Any]) -> dict[str, Any]:
        """Add what is applied to a row; what is proposed becomes that of what was measured, with the words that agree to it."""
        one = self.applied.get((row["device"], row["quantity"]))
        row["applied"] = None if one is None else {"gain": one.gain, "offset": one.offset}
        row["accept"] = None
        if (proposed := row["proposed"]) is None:
            return row
        if one is not None:
            proposed["offset"] = one.gain * proposed["offset"] + one.offset
            proposed["gain"] = one.gain * proposed["gain"]
        gain, offset = (float(f"{proposed[name]:.6g}") for name in ("gain", "offset"))
        row["proposed"] = {"gain": gain, "offset": offset}
        reason = f"{row['days']} days beside {row['official'] or row['robot']}, {row['distance_m']} m apart"
        words = [row["device"], row["quantity"], f"--gain={gain:g}", f"--offset={offset:g}", "--reason", reason]
        row["accept"] = shlex.join(["jeonju", "correction", "accept", *words])
        return row


def official_stations(site: Site, file: Path) -> list[Official]:
    """Return the stations of a list (`jeonju airkorea --stations`) under the names that the site's gateways give them.

    Raises UserError for a file that cannot be read or has no places.
    """
    names = {
        name: device
        for gateway in site.gateways
        if gateway.format == "airkorea"
        for name, device in gateway.names.items()
    }
    found = []
    for row in read_table(file.parent, file.name, COLUMNS):
        name = f"{row.text('province')}/{row.text('station')}"
        found.append(Official(names.get(name, name), row.number("lat"), row.number("lon")))
    return found


def compared(
    own: Floats,
    reference: Floats,
    day: NDArray[np.int64],
    quantity: str,
    distance_m: float,
    *,
    least: int = LEAST_HOURS,
    every: str = "hours",
) -> dict[str, Any]:
    """Return the figures of what both have, hours or minutes: mean difference, correlation, gain and offset with 90 % intervals, what is proposed.

    The line is that of the geometric mean regression, as both sides err and differ: gain = s_own / s_reference (Ricker 1973, J. Fish. Res. Board
    Can. 30, 409); it is too high where the own instrument is much the noisier one. Intervals come from days drawn anew (bootstrap of blocks;
    Künsch 1989).
    """
    days = len(np.unique(day))
    about: dict[str, Any] = {"hours": 0, every: len(own), "days": days, "proposed": None}
    if len(own) < least or days < LEAST_DAYS:
        return {**about, "why_not": f"{len(own)} {every} on {days} days; {least} on {LEAST_DAYS} are needed"}
    digits = QUANTITY[quantity].decimals + 1
    correlation = float(np.corrcoef(own, reference)[0, 1]) if own.std() > 0 and reference.std() > 0 else 0.0
    gain, offset = line(own, reference)
    drawn = _drawn(own, reference, day)
    (gain_low, gain_high), (offset_low, offset_high) = (np.quantile(values, [0.05, 0.95]) for values in drawn.T)
    found = {
        "correlation": round(correlation, 3),
        "mean_difference": round(float((own - reference).mean()), digits),
        "gain": round(gain, 3),
        "gain_90": [round(float(gain_low), 3), round(float(gain_high), 3)],
        "offset": round(offset, digits),
        "offset_90": [round(float(offset_low), digits), round(float(offset_high), digits)],
    }
    why_not = None
    if distance_m > FARTHEST_M:
        why_not = f"{distance_m / 1000:.1f} km apart; farther than {FARTHEST_M / 1000:g} km other air is measured"
    elif correlation < LEAST_CORRELATION:
        why_not = f"a correlation of {correlation:.2f} is below {LEAST_CORRELATION}: they do not measure the same air"
    elif gain_low <= 1 <= gain_high and offset_low <= 0 <= offset_high:
        why_not = "gain 1 and offset 0 lie within the intervals: nothing to correct"
    proposed = None if why_not else {"gain": found["gain"], "offset": found["offset"]}
    return {**about, **found, "proposed": proposed, "why_not": why_not}


def line(own: Floats, reference: Floats) -> tuple[float, float]:
    """Return gain and offset of own = gain · reference + offset."""
    gain = float(own.std() / reference.std()) if reference.std() > 0 else 1.0
    return gain, float(own.mean() - gain * reference.mean())


def as_csv(result: dict[str, Any], file: Path) -> None:
    """Write the rows for a spreadsheet."""
    with file.open("w", encoding="utf-8", newline="") as out:
        names = list(dict.fromkeys(name for row in result["rows"] for name in row))
        writer = csv.DictWriter(out, names)
        writer.writeheader()
        writer.writerows(result["rows"])


def _drawn(own: Floats, reference: Floats, day: NDArray[np.int64]) -> Floats:
    """Return gain and offset of days that are drawn with replacement (draws, 2), from sums of each day."""
    _, number = np.unique(day, return_inverse=True)
    parts = np.stack([np.ones_like(own), own, reference, own**2, reference**2])
    sums = np.stack([np.bincount(number, part) for part in parts])
    days = sums.shape[1]
    weights = np.random.default_rng(SEED).multinomial(days, np.full(days, 1 / days), DRAWS)
    count, x, y, xx, yy = (weights @ sums.T).T
    spread = np.sqrt(np.maximum(xx / count - (x / count) ** 2, 0) / np.maximum(yy / count - (y / count) ** 2, 1e-300))
    return np.column_stack([spread, x / count - spread * y / count])


def _beside_robots(site: Site, store: Store, until: datetime, agreed: _Agreed) -> list[dict[str, Any]]:
    """Return how each station compares with each robot in the minutes in which that was near."""
    rows = []
    start = until - PASSING
    for robot in site.robots:
        minutes = _means(site, store, (robot.name,), start, until, 60)[robot.name]
        for station in site.stations:
            near, distance_m = _near(site, station, minutes)
            if not len(near):
                continue
            own = _means(site, store, (station.name,), start, until, 60)[station.name]
            rows += [
                agreed.with_applied(_beside_robot(station, robot, own, near, quantity, distance_m, agreed))
                for quantity in QUANTITIES
            ]
    return rows


def _beside_robot(
    station: Station, robot: Robot, own: pa.Table, near: pa.Table, quantity: str, distance_m: float, agreed: _Agreed
) -> dict[str, Any]:
    """Return one row. A robot is a reference only where a person has agreed to what it measures, be it by gain 1 and offset 0."""
    since = max(agreed.since(station.name, quantity), agreed.since(robot.name, quantity))
    pairs = _pairs(own, near, quantity, since)
    found = compared(*pairs, quantity, distance_m, least=LEAST_MINUTES, every="minutes")
    if found["proposed"] is not None and (robot.name, quantity) not in agreed.applied:
        found["proposed"] = None
        found["why_not"] = f"nobody has agreed to what {robot.name} measures: this says only how the two differ"
    about = {"device": station.name, "quantity": quantity, "official": None, "robot": robot.name}
    return {**about, "distance_m": round(distance_m), **found}


def _near(site: Site, station: Station, minutes: pa.Table) -> tuple[pa.Table, float]:
    """Return the minutes of a robot near a station, and how far apart they are in the mean [m]."""
    lat, lon = (minutes[axis].to_numpy(zero_copy_only=False).astype(np.float64) for axis in ("lat", "lon"))
    x_m, y_m = site.map.to_xy(lat, lon)
    own_x_m, own_y_m = site.map.to_xy(station.lat, station.lon)
    away_m = np.hypot(x_m - own_x_m, y_m - own_y_m)
    is_near = away_m <= NEAR_M
    return minutes.filter(pa.array(is_near)), float(away_m[is_near].mean()) if is_near.any() else 0.0


def _means(
    site: Site, store: Store, devices: tuple[str, ...], start: datetime, end: datetime, every_s: int
) -> dict[str, pa.Table]:
    """Return the hourly or minutely means of each device."""
    series = Series(site=site.name, start=start, end=end, devices=devices, every_s=every_s, quantities=QUANTITIES)
    rows = store.readings(series)
    names = rows["device"].cast(pa.string())
    return {device: rows.filter(pc.equal(names, device)) for device in devices}


def _pairs(
    own: pa.Table, reference: pa.Table, quantity: str, since: datetime
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return what both have of the same hours or minutes since an instant, and the day of each."""
    columns = []
    since_us = round(since.timestamp() * 1e6)
    for table in (own, reference):
        values = table[quantity].to_numpy(zero_copy_only=False).astype(np.float64)
        times = table["time"].cast(pa.int64()).to_numpy()
        is_taken = np.isfinite(values) & (times >= since_us)
        columns.append((times[is_taken], values[is_taken]))
    (own_at, own_values), (other_at, other_values) = columns
    both, left, right = np.intersect1d(own_at, other_at, return_indices=True)
    return own_values[left], other_values[right], both // 86_400_000_000


def _nearest(site: Site, lat: float, lon: float, officials: list[Official]) -> tuple[Official, float]:
    x_m, y_m = site.map.to_xy([one.lat for one in officials], [one.lon for one in officials])
    own_x_m, own_y_m = site.map.to_xy(lat, lon)
    away_m = np.hypot(x_m - own_x_m, y_m - own_y_m)
    at = int(np.argmin(away_m))
    return officials[at], float(away_m[at])
