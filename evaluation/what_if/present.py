"""The present of a city, estimated from what was gathered: wind and air, levels of the background, where robots are, what stands still."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.contract.site import Site, Station
from jeonju.contract.what_if import NewStation, RobotElsewhere, Wind
from jeonju.evaluation.what_if.gathered import HEARD_WITHIN, Gathered
from jeonju.localization.minutes import MINUTE_S, Minutes, minute_means
from jeonju.simulator.background_levels import CONSTANT, SPECIES
from jeonju.simulator.present import Present, RobotNow, WindChange
from jeonju.simulator.robots import CHARGING

# What is "now" is a mean over so long.
NOW: Final = timedelta(minutes=10)
WIND_MIN: Final = 10
# The wind of an hour ago is not that of the present.
WIND_WITHIN_MIN: Final = 30
# What is seen of a device's own motion and state, or has its own way into the fork.
NOT_AIR: Final = ("wind_speed", "wind_direction", "battery", "speed", "heading", "robot_activity", "thermal_max")
NO_WIND: Final = (
    "no station reported the wind within the last half hour, so nobody can say where anything goes; "
    'give the wind yourself: {"kind": "wind", "speed_m_s": …, "from_deg": …}'
)


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """The present of a site, which has the new stations.

    `means` (devices, KEYS) are those of the last minutes, NaN for what was not measured, `is_heard` and `is_new` (devices,) say who takes part.
    `minutes` are those of the last hour with the wind over the site.
    """

    site: Site
    present: Present
    minutes: Minutes
    means: Floats
    is_heard: NDArray[np.bool_]
    is_new: NDArray[np.bool_]
    has_wind: bool


def estimate(gathered: Gathered) -> Estimated:
    """Return the present. Raises UserError where no wind is known and none is given."""
    site, at_s = with_new_stations(gathered), gathered.at.timestamp()
    minutes = minute_means(site, gathered.recent, "pm25", start_s=at_s - 60 * MINUTE_S, until_s=at_s)
    winds = tuple(
        WindChange(at_s=at_s + change.after, speed_m_s=change.speed_m_s, from_deg=change.from_deg)
        for change in sorted(
            (one for one in gathered.wanted.changes if isinstance(one, Wind)), key=lambda one: one.after
        )
    )
    known = np.isfinite(minutes.wind_m_s[-WIND_WITHIN_MIN:, 0])
    if not known.any() and not any(wind.at_s <= at_s for wind in winds):
        raise UserError(NO_WIND)
    means, heard = _means(site, gathered)
    new = np.array([device.name not in {one.name for one in gathered.site.devices} for device in site.devices])
    stations = np.arange(len(site.devices)) < len(site.stations)
    upset = {name for source in gathered.sources for name in source.devices}
    calm = stations & heard & np.array([device.name not in upset for device in site.devices])
    of_city = np.array([_median(column[calm if calm.any() else stations]) for column in means.T])
    level = {key: float(of_city[KEYS.index(key)]) for key in (*SPECIES, *CONSTANT)}
    air = {key: _or_none(of_city[KEYS.index(key)]) for key in ("temperature", "humidity", "pressure")}
    east, north = _wind_now(minutes.wind_m_s) if known.any() else (None, None)
    present = Present(
        at_s=at_s,
        temperature_c=air["temperature"],
        humidity_percent=air["humidity"],
        pressure_hpa=air["pressure"],
        wind_m_s=None if east is None or north is None else (east, north),
        past_winds_m_s=_filled(minutes.winds.field_m_s) if known.any() else None,
        winds=winds,
        levels={key: value for key, value in level.items() if np.isfinite(value)},
        robots=_robots(site, gathered),
    )
    return Estimated(
        site=site,
        present=present,
        minutes=minutes,
        means=means,
        is_heard=heard | new,
        is_new=new,
        has_wind=bool(known.any()),
    )


def with_new_stations(gathered: Gathered) -> Site:
    """Return the site with the stations that are asked for, each in the zone it is nearest to."""
    asked = [change for change in gathered.wanted.changes if isinstance(change, NewStation)]
    if not asked:
        return gathered.site
    site = gathered.site
    usual = _usual_quantities(site)
    new = [
        Station(
            name=one.name,
            label_ko=one.title or one.name,
            label_en=one.title or one.name,
            zone=_nearest_zone(site, one.lat, one.lon),
            lat=one.lat,
            lon=one.lon,
            height_m=one.height_m,
            quantities=list(one.quantities or usual),
        )
        for one in asked
    ]
    return site.with_devices([*site.stations, *new], site.robots)


def _usual_quantities(site: Site) -> list[str]:
    """Return what at least half of the stations measure."""
    count = {key: sum(key in station.quantities for station in site.stations) for key in KEYS}
    usual = [key for key, number in count.items() if 2 * number >= max(len(site.stations), 1)]
    return usual or ["pm25", "pm10", "co", "no2", "temperature", "humidity"]


def _nearest_zone(site: Site, lat: float, lon: float) -> str:
    def far(outline: list[tuple[float, float]]) -> float:
        x, y = site.map.to_xy(*np.array(outline).T)
        x0, y0 = site.map.to_xy(lat, lon)
        return float(np.hypot(x - x0, y - y0).min())

    return min(site.zones, key=lambda zone: far(zone.outline)).name


def _means(site: Site, gathered: Gathered) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the means of the last minutes (devices, KEYS), or of the last quarter of an hour for what was not measured since, and who was heard."""
    names = pa.array([device.name for device in site.devices], pa.string())
    means = np.full((len(names), len(KEYS)), np.nan)
    for span in (HEARD_WITHIN, NOW):
        since = pa.scalar(gathered.at - span, gathered.recent["time"].type)
        rows = gathered.recent.filter(pc.greater_equal(gathered.recent["time"], since))
        device = pc.fill_null(pc.index_in(rows["device"].cast(pa.string()), value_set=names), -1).to_numpy()
        for k, key in enumerate(KEYS):
            value = rows[key].to_numpy()
            use = np.isfinite(value) & (device >= 0)
            count = np.bincount(device[use], minlength=len(names))
            total = np.bincount(device[use], weights=value[use], minlength=len(names))
            means[:, k] = np.where(count > 0, total / np.maximum(count, 1), means[:, k])
    return means, np.asarray(np.isfinite(means).any(axis=1))


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _wind_now(wind_m_s: Floats) -> tuple[float, float]:
    known = wind_m_s[-WIND_WITHIN_MIN:]
    east, north = known[np.isfinite(known[:, 0])][-WIND_MIN:].mean(axis=0)
    return float(east), float(north)


def _filled(field: Floats) -> Floats:
    """Return the wind of each minute (minutes, 2, ny, nx); that of the nearest minute where none is known."""
    known = np.flatnonzero(np.isfinite(field[:, 0, 0, 0]))
    nearest = np.abs(np.arange(len(field))[:, None] - known).argmin(axis=1)
    return np.asarray(field[known[nearest]])


def _robots(site: Site, gathered: Gathered) -> Mapping[str, RobotNow]:
    """Return where each robot was heard last, or where it is wanted."""
    rows = {row["device"]: row for row in gathered.latest.to_pylist()}
    out = {}
    for robot in site.robots:
        said = rows.get(robot.name)
        if said is not None and said["lat"] is not None and said["lon"] is not None:
            battery, activity = said.get("battery"), said.get("robot_activity")
            out[robot.name] = RobotNow(
                lat=said["lat"],
                lon=said["lon"],
                battery_percent=70.0 if battery is None else min(max(battery, 0.0), 100.0),
                is_charging=activity is not None and round(activity) == CHARGING,
            )
    for change in gathered.wanted.changes:
        if isinstance(change, RobotElsewhere):
            out[change.device] = RobotNow(lat=change.lat, lon=change.lon)
    return out
