"""Methane at the METEC site: a release detector of this evaluation and the project's source estimator, over the observations as a stream.

A decision at a minute uses nothing later; the source of an event rests on what was measured up to its end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability, pasquill_stability, solar_elevation_deg
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.evaluation.named_sources import Candidate, NamedSources
from jeonju.evaluation.release_detector import Event, ReleaseDetector
from jeonju.evaluation.tables import Row, read_table
from jeonju.localization.baseline import mean_of_known
from jeonju.localization.source_estimator import SourceEstimate, SourceEstimator, observations_in

# The sensors tell 0.01 ppm; the METEC background wanders by a tenth within minutes.
LEAST_EXCESS_PPM: Final = 0.15
RESOLUTION_PPM: Final = 0.01
DETECTION_LEVEL_PPM: Final = 0.1
# From a valve that weeps to a large leak.
RATES_KG_H: Final = np.geomspace(0.05, 50.0, 61)
# Density of methane at 20 °C and 1013 hPa.
METHANE_KG_M3: Final = 0.668
PPM_PER_KG_H: Final = 1e6 / METHANE_KG_M3 / 3600.0
# What the files do not say: scattered tanks and pipes on open ground, a mast as high as the sensors, a half covered sky, a kilometre of mixed air.
ROUGHNESS_M: Final = 0.1
CLOUD_FRACTION: Final = 0.5
MIXING_HEIGHT_M: Final = 1000.0
TEMPERATURE_K: Final = 293.0
# In a calm the vane says little; slower than this the air is not taken to move.
LEAST_WIND_M_S: Final = 0.3
MINUTE_S: Final = 60.0
TICK_S: Final = 2.0
BLOCK_MIN: Final = 10
LEAD_MIN: Final = 10
# One anemometer speaks for the whole site: the spread covers what it does not see, as for ten-minute means.
AVERAGING_S: Final = 600.0
WIND_COLUMNS: Final = ("wind_speed_m_s", "wind_from_deg")
# What an angle may mean: where the wind comes from, as it should, or where the air goes, as a mathematician counts. Both give the motion
# (east, north). Which one a recording uses is decided by what the sensors saw so far (docs/decisions/0008).
WIND_READINGS: Final[dict[str, Callable[[Floats], tuple[Floats, Floats]]]] = {
    "from, clockwise from north": lambda angle: (-np.sin(angle), -np.cos(angle)),
    "towards, counter-clockwise from east": lambda angle: (np.cos(angle), np.sin(angle)),
}
# Wind that is missing for longer than this makes what is in the air unknown.
WIND_HELD_MIN: Final = 10


@dataclass(frozen=True)
class Site:
    """Sensors, candidate sources and one value a minute, gaps as NaN."""

    sensors: tuple[str, ...]
    places_m: Floats
    candidates: tuple[Candidate, ...]
    lat: float
    lon: float
    times_s: Floats
    values_ppm: Floats
    wind: Floats


@dataclass(frozen=True)
class Found:
    """An event and where it came from."""

    event: Event
    estimate: SourceEstimate


def read_site(folder: Path) -> Site:
    """Read sensors, sources and observations; the two columns of wind may be empty, a sensor may have nothing at all."""
    sensors = read_table(folder, "sensors.csv", ("name", "lat", "lon", "x_m", "y_m", "height_m"))
    sources = read_table(folder, "sources.csv", ("name", "x_m", "y_m", "height_m"))
    names = tuple(row.text("name") for row in sensors)
    rows = read_table(folder, "observations.csv", ("time", *names, *WIND_COLUMNS))
    times_s, minute = _minutes(rows)
    values, wind = np.full((len(times_s), len(names)), np.nan), np.full((len(times_s), 2), np.nan)
    for number, row in zip(minute, rows, strict=True):
        values[number] = [np.nan if (value := row.optional(name)) is None else value for name in names]
        wind[number] = [np.nan if (value := row.optional(name)) is None else value for name in WIND_COLUMNS]
    return Site(
        sensors=names,
        places_m=np.array([[row.number(key) for key in ("x_m", "y_m", "height_m")] for row in sensors]),
        candidates=tuple(
            Candidate(row.text("name"), row.number("x_m"), row.number("y_m"), row.number("height_m")) for row in sources
        ),
        lat=sensors[0].number("lat"),
        lon=sensors[0].number("lon"),
        times_s=times_s,
        values_ppm=values,
        wind=wind,
    )


def read_unplaced(folder: Path) -> Site:
    """Read observations of sensors whose places are not known: every column besides time and wind is one; there are no candidates."""
    rows = read_table(folder, "observations.csv", ("time",))
    names = tuple(name for name in rows[0].columns if name not in ("time", *WIND_COLUMNS))
    if not names:
        raise UserError(f"{folder / 'observations.csv'} has no column of a sensor beside time and wind")
    times_s, minute = _minutes(rows)
    values = np.full((len(times_s), len(names)), np.nan)
    for number, row in zip(minute, rows, strict=True):
        values[number] = [np.nan if (value := row.optional(name)) is None else value for name in names]
    return Site(names, np.zeros((len(names), 3)), (), 0.0, 0.0, times_s, values, np.full((len(times_s), 2), np.nan))


def detect(site: Site, on_progress: Callable[[float], None] = lambda _: None) -> list[Event]:
    """Let the minutes pass one by one; return the events that were found."""
    detector = ReleaseDetector(site.sensors, least_excess=LEAST_EXCESS_PPM, resolution=RESOLUTION_PPM, unit="ppm")
    events = []
    for minute, time_s in enumerate(site.times_s):
        _, closed = detector.update(time_s, site.values_ppm[minute])
        events += [closed] if closed is not None else []
        if minute % 60 == 0:
            on_progress(minute / len(site.times_s))
    last = detector.finish()
    return [*events, last] if last is not None else events


def _minutes(rows: list[Row]) -> tuple[Floats, NDArray[np.int64]]:
    """Return every minute from the first to the last, and which of them each row is."""
    at_s = np.array([row.instant("time") for row in rows])
    if np.any(np.diff(at_s) <= 0):
        late = int(np.argmax(np.diff(at_s) <= 0)) + 1
        raise UserError(
            f"{rows[late].where}: {rows[late].text('time')} does not come after the line before; sort the lines by time"
        )
    minute = np.round((at_s - at_s[0]) / MINUTE_S).astype(np.int64)
    return at_s[0] + MINUTE_S * np.arange(minute[-1] + 1), minute


def find(site: Site, on_progress: Callable[[float], None] = lambda _: None) -> tuple[list[Found], str]:
    """Let the minutes pass one by one; return the events that were found, each with its source, and how the wind was read in the end."""
    detector = ReleaseDetector(site.sensors, least_excess=LEAST_EXCESS_PPM, resolution=RESOLUTION_PPM, unit="ppm")
    excess = np.full_like(site.values_ppm, np.nan)
    evidence = dict.fromkeys(WIND_READINGS, 0.0)
    found = []

    def conclude(event: Event) -> None:
        estimates = {reading: locate(site, excess, event, reading) for reading in WIND_READINGS}
        for reading, estimate in estimates.items():
            evidence[reading] += estimate.log_evidence
        found.append(Found(event, estimates[max(evidence, key=evidence.__getitem__)]))

    for minute, time_s in enumerate(site.times_s):
        now, closed = detector.update(time_s, site.values_ppm[minute])
        excess[minute] = now.excess
        if closed is not None:
            conclude(closed)
        if minute % 60 == 0:
            on_progress(minute / len(site.times_s))
    if (last := detector.finish()) is not None:
        conclude(last)
    return found, max(evidence, key=evidence.__getitem__)


def locate(site: Site, excess_ppm: Floats, event: Event, reading: str) -> SourceEstimate:
    """Return the source of an event from the minutes between its start and its last evidence, with the wind read in one way."""
    first, last = np.searchsorted(site.times_s, [event.started_s - MINUTE_S * LEAD_MIN, event.last_evidence_s])
    estimator = SourceEstimator(len(site.candidates), rates=RATES_KG_H, detection_level=DETECTION_LEVEL_PPM)
    plumes = NamedSources(site.candidates, surroundings="open", averaging_time_s=AVERAGING_S, max_age_s=900.0)
    receptors = site.places_m[None]
    blocks = -(-int(last + 1 - first) // BLOCK_MIN)
    counts = observations_in(MINUTE_S * (last + 1 - first)) / max(blocks, 1)
    # The puffs of the minutes before are in the air already.
    for begin in range(int(max(first - BLOCK_MIN, 0)), int(last) + 1, BLOCK_MIN):
        minutes = slice(begin, min(begin + BLOCK_MIN, int(last) + 1))
        airs = _airs(site, minutes, reading)
        if airs is None:
            plumes.forget()
            continue
        response = PPM_PER_KG_H * plumes.respond(TICK_S, airs, receptors)
        if begin >= first:
            estimator.add(
                mean_of_known(excess_ppm[minutes]), response, MINUTE_S * (minutes.stop - begin), counts=counts
            )
    return estimator.estimate()


def _airs(site: Site, minutes: slice, reading: str) -> list[Meteorology] | None:
    """Return the air of every tick of some minutes, the wind drawn from minute to minute; None where it is not known."""
    before = slice(max(minutes.start - WIND_HELD_MIN, 0), minutes.stop + 1)
    known = np.isfinite(site.wind[before]).all(axis=1)
    if not np.isfinite(site.wind[minutes]).all(axis=1).any():
        return None
    at_s = site.times_s[minutes.start] + TICK_S * (
        np.arange(round((minutes.stop - minutes.start) * MINUTE_S / TICK_S)) + 0.5
    )
    # A value is the mean of the minute that it opens; between the middles the motion of the air is drawn straight.
    middles_s = site.times_s[before][known] + 0.5 * MINUTE_S
    speed_m_s, angle_deg = site.wind[before][known].T
    east, north = (
        np.interp(at_s, middles_s, speed_m_s * part) for part in WIND_READINGS[reading](np.radians(angle_deg))
    )
    speed = np.hypot(east, north)
    from_deg = np.mod(np.degrees(np.arctan2(-east, -north)), 360.0)
    sun_deg = solar_elevation_deg(at_s, site.lat, site.lon)
    stability = pasquill_stability(float(speed.mean()), sun_deg, CLOUD_FRACTION)
    return [
        Meteorology(
            wind_speed_m_s=float(max(speed[k], LEAST_WIND_M_S)),
            wind_from_deg=float(from_deg[k]),
            stability=Stability(int(stability[k])),
            mixing_height_m=MIXING_HEIGHT_M,
            temperature_k=TEMPERATURE_K,
            wind_height_m=float(site.places_m[:, 2].mean()),
            roughness_m=ROUGHNESS_M,
        )
        for k in range(len(at_s))
    ]
