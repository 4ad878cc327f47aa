"""Where more stations would shorten the time until a fire is noticed most.

Candidates on a grid over the zones measure in every run but are not listened to. They are chosen one after the other, each
the one that lowers the mean time until the event affects any station most. That mean is submodular, so the choice is within
37 % of the best there is of that number (Nemhauser, Wolsey and Fisher 1978; for sensors: Krause et al. 2008, J. Water Resour.
Plann. Manage. 134, 516). What it is worth is then measured by runs of their own, with the detection listening to the chosen.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from jeonju.airquality.geo import is_within
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.contract.site import Site, Station
from jeonju.evaluation.sweep.variation import outline_of

MOST_CANDIDATES: Final = 250
FINEST_M: Final = 100.0
# An event that affects nobody counts as noticed after this.
CAP_S: Final = 3600.0
PREFIX: Final = "candidate-"


class Choice(NamedTuple):
    """One chosen station, and the mean time until an event affects any station, with it and those before it [s]; without all of them first."""

    station: Station
    mean_s: float


def with_candidates(site: Site) -> tuple[Site, frozenset[str]]:
    """Return the site with candidates on as fine a grid as MOST_CANDIDATES allow, and their names. Raises UserError for a site without stations."""
    if not site.stations:
        raise UserError(
            f"--placement: the site {site.name!r} has no station whose instruments another could have; add one"
        )
    outlines = [(zone.name, outline_of(site, zone.outline)) for zone in site.zones]
    spacing_m = FINEST_M
    while len(places := _places(outlines, spacing_m)) > MOST_CANDIDATES:
        spacing_m *= 1.1
    like = max(site.stations, key=lambda station: len(station.quantities))
    stations = []
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
    wide = site.model_copy(update={"stations": [*site.stations, *stations]})
    return Site.model_validate(wide.model_dump()), frozenset(station.name for station in stations)


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
    names = sorted(candidates)
    times = np.array([[min(row["affected_after_s"].get(name, CAP_S), CAP_S) for name in names] for row in rows])
    now = np.array(
        [
            min([CAP_S, *(after for name, after in row["affected_after_s"].items() if name not in candidates)])
            for row in rows
        ]
    )
    before_s, chosen = float(now.mean()), []
    stations = {station.name: station for station in site.stations}
    is_left = np.ones(len(names), dtype=bool)
    for _ in range(number):
        # Where nothing is left to gain, the next is another one all the same.
        means = np.where(is_left, np.minimum(now[:, None], times).mean(axis=0), np.inf)
        best = int(np.argmin(means))
        now = np.minimum(now, times[:, best])
        is_left[best] = False
        chosen.append(Choice(stations[names[best]], float(means[best])))
    return before_s, chosen


def gain_of_each(candidates: frozenset[str], rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return by how much each candidate alone would lower the mean time [s]."""
    now = [
        min([CAP_S, *(after for name, after in row["affected_after_s"].items() if name not in candidates)])
        for row in rows
    ]
    return {
        name: float(
            np.mean(
                [max(0.0, base - row["affected_after_s"].get(name, CAP_S)) for base, row in zip(now, rows, strict=True)]
            )
        )
        for name in sorted(candidates)
    }
