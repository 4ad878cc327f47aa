"""Where more stations, or the loop of one more robot, would shorten the time until a fire is noticed most.

Candidates on a grid over the zones measure in every run but are not listened to. Stations are chosen one after the other, each
the one that lowers the mean time until the event affects any device most; beside them the one loop that does so. That mean is
submodular, so the choice of stations is within 37 % of the best there is of that number (Nemhauser, Wolsey and Fisher 1978; for
sensors: Krause et al. 2008, J. Water Resour. Plann. Manage. 134, 516). What it is worth is then measured by runs of their own,
with the detection listening to the chosen.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from jeonju.airquality.geo import is_within
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.contract.site import Robot, Site, Station
from jeonju.evaluation.sweep.variation import outline_of

MOST_CANDIDATES: Final = 250
# A robot costs a run as much as some stations, and its loop covers the ground between them.
MOST_LOOPS: Final = 40
FINEST_M: Final = 100.0
# An event that affects nobody counts as noticed after this.
CAP_S: Final = 3600.0
PREFIX: Final = "candidate-"
LOOP_PREFIX: Final = "candidate-loop-"


class Choice(NamedTuple):
    """One chosen station, and the mean time until an event affects any device, with it and those before it [s]."""

    station: Station
    mean_s: float


class LoopChoice(NamedTuple):
    """The chosen loop, as a robot that drives it, and the mean time until an event affects any device with it alone [s]."""

    robot: Robot
    mean_s: float


def with_candidates(site: Site) -> tuple[Site, frozenset[str]]:
    """Return the site with candidates on as fine a grid as their bounds allow, and their names; loops where it has a robot that shows how they are.

    Raises UserError for a site without stations.
    """
    if not site.stations:
        raise UserError(
            f"--placement: the site {site.name!r} has no station whose instruments another could have; add one"
        )
    outlines = [(zone.name, outline_of(site, zone.outline)) for zone in site.zones]
    places = _grid(outlines, MOST_CANDIDATES)
    like = max(site.stations, key=lambda station: len(station.quantities))
    stations: list[Station] = []
    for number, (zone, x_m, y_m) in enumerate(places, start=1):
        lat, lon = site.map.to_latlon(x_m, y_m)
        name = f"{PREFIX}{number:03}"
        place = {
            "lat": round(float(lat), 6),
            "lon": round(float(lon), 6),
            "zone": zone,
            "name": name,
            "label_ko": "",
            "label_en": name,
        }
        stations.append(like.model_copy(update=place))
    robots = _loops(site, _grid(outlines, MOST_LOOPS)) if site.robots else []
    wide = site.model_copy(update={"stations": [*site.stations, *stations], "robots": [*site.robots, *robots]})
    return Site.model_validate(wide.model_dump()), frozenset(
        [*(station.name for station in stations), *(robot.name for robot in robots)]
    )


def _loops(site: Site, places: Sequence[tuple[str, float, float]]) -> list[Robot]:
    """Return robots as the first one of the site, with its loop about other places."""
    like = site.robots[0]
    corners = np.column_stack(site.map.to_xy(*np.array([like.dock, *like.loop]).T))
    corners -= corners[1:].mean(axis=0)
    robots = []
    for number, (zone, x_m, y_m) in enumerate(places, start=1):
        lat, lon = site.map.to_latlon(x_m + corners[:, 0], y_m + corners[:, 1])
        dock, *loop = [(round(float(a), 6), round(float(b), 6)) for a, b in zip(lat, lon, strict=True)]
        name = f"{LOOP_PREFIX}{number:02}"
        place = {
            "dock": dock,
            "loop": loop,
            "zone": zone,
            "name": name,
            "label_ko": "",
            "label_en": name,
            "vda5050": "",
        }
        robots.append(like.model_copy(update=place))
    return robots


def _grid(outlines: Sequence[tuple[str, Floats]], most: int) -> list[tuple[str, float, float]]:
    spacing_m = FINEST_M
    while len(places := _places(outlines, spacing_m)) > most:
        spacing_m *= 1.1
    return places


def _places(outlines: Sequence[tuple[str, Floats]], spacing_m: float) -> list[tuple[str, float, float]]:
    found = []
    for zone, outline in outlines:
        (west, south), (east, north) = outline.min(axis=0), outline.max(axis=0)
        x, y = (
            axis.ravel()
            for axis in np.meshgrid(
                np.arange(west + spacing_m / 2, east, spacing_m), np.arange(south + spacing_m / 2, north, spacing_m)
            )
        )
        inside = is_within(outline[:, 0], outline[:, 1], x, y)
        found += [(zone, float(a), float(b)) for a, b in zip(x[inside], y[inside], strict=True)]
    return found


def choose(
    site: Site, candidates: frozenset[str], rows: Sequence[dict[str, Any]], number: int
) -> tuple[float, list[Choice]]:
    """Return the mean time without more stations [s], and the stations chosen from the runs' `affected_after_s`, the best first."""
    stations = {station.name: station for station in site.stations if station.name in candidates}
    names = sorted(stations)
    times, now = _times(names, rows), _now(candidates, rows)
    before_s, chosen = float(now.mean()), []
    is_left = np.ones(len(names), dtype=bool)
    for _ in range(number):
        # Where nothing is left to gain, the next is another one all the same.
        means = np.where(is_left, np.minimum(now[:, None], times).mean(axis=0), np.inf)
        best = int(np.argmin(means))
        now = np.minimum(now, times[:, best])
        is_left[best] = False
        chosen.append(Choice(stations[names[best]], float(means[best])))
    return before_s, chosen


def choose_loop(site: Site, candidates: frozenset[str], rows: Sequence[dict[str, Any]]) -> LoopChoice | None:
    """Return the loop that lowers the mean time most, from the runs' `affected_after_s`; None where there is none to choose."""
    robots = {robot.name: robot for robot in site.robots if robot.name in candidates}
    if not robots:
        return None
    names = sorted(robots)
    means = np.minimum(_now(candidates, rows)[:, None], _times(names, rows)).mean(axis=0)
    best = int(np.argmin(means))
    return LoopChoice(robots[names[best]], float(means[best]))


def gain_of_each(site: Site, candidates: frozenset[str], rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return by how much each station among the candidates would lower the mean time alone [s]."""
    names = sorted(station.name for station in site.stations if station.name in candidates)
    now = _now(candidates, rows)
    gains = now.mean() - np.minimum(now[:, None], _times(names, rows)).mean(axis=0)
    return {name: float(gain) for name, gain in zip(names, gains, strict=True)}


def _times(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> Floats:
    """Return when the event of each run affects each of these devices (runs, devices) [s]."""
    return np.array([[min(row["affected_after_s"].get(name, CAP_S), CAP_S) for name in names] for row in rows])


def _now(candidates: frozenset[str], rows: Sequence[dict[str, Any]]) -> Floats:
    """Return when the event of each run affects a device that is there already [s]."""
    return np.array(
        [
            min([CAP_S, *(after for name, after in row["affected_after_s"].items() if name not in candidates)])
            for row in rows
        ]
    )
