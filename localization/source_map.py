"""Where in the city a plume comes from: a map of probability, from an hour of readings around the moment at which it was noticed.

It uses only what the devices report: the wind of the stations, and the excess of one quantity at stations and robots, at their places of each time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability, pasquill_stability, solar_elevation_deg
from jeonju.airquality.dispersion.plume_rise import buoyant_rise
from jeonju.airquality.dispersion.puffs import NO_RISE
from jeonju.airquality.fuels import stored_units
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.localization.baseline import Baseline, mean_of_known
from jeonju.localization.camera_evidence import Observations, observe
from jeonju.localization.footprints import GridSources
from jeonju.localization.source_estimator import OUTLIERS, SURE_FROM, SourceEstimator

# The excess of a minute mean that a device can distinguish from zero: about two of its scatter in clean city air, in stored units.
DETECTION_LEVEL: Final = {
    "pm25": 4.0,
    "pm10": 10.0,
    "co": 0.02,
    "tvoc": 15.0,
    "h2s": 0.002,
    "nh3": 0.05,
    "no2": 0.006,
    "so2": 0.004,
    "ch4": 0.1,
}
RATES_G_S: Final = np.geomspace(0.01, 1000.0, 31)
EXTENT_M: Final = 5000.0
CELL_M: Final = 50.0
SOURCE_HEIGHT_M: Final = 2.0
# How a plume rises is not known: not at all, or with the buoyancy of fires of 0.3, 3 and 20 MW of convective heat.
BUOYANCY_M4_S3: Final = (0.0, 2.6, 26.0, 180.0)
TEMPERATURE_K: Final = 288.0
CLOUD_FRACTION: Final = 0.5
# Usual depth of the mixed air for classes A … F, where nothing is measured.
MIXING_HEIGHT_M: Final = (1500.0, 1200.0, 1000.0, 800.0, 300.0, 200.0)
LEAST_WIND_M_S: Final = 0.3
MINUTE_S: Final = 60.0
TICK_S: Final = 10.0
BLOCK_MIN: Final = 2
# Before the first block the plume has this long to reach across the map.
SPIN_UP_MIN: Final = 20
LEAD_MIN: Final = 10
BASELINE_MIN: Final = 60
AVERAGING_S: Final = 600.0
# The devices that raised an alert have several quantities and minutes behind them: that they are wrong is much less likely than usual.
NOTICED_OUTLIERS: Final = 1e-4
# As far from the best cell as still counts as the same place.
NEAR_M: Final = 300.0
# A camera observation is more precise than cells of 50 m: then the map is a close one with these.
CLOSE_EXTENT_M: Final = 600.0
CLOSE_CELL_M: Final = 10.0


@dataclass(frozen=True)
class SourceMap:
    """Where a source may be: `probability` over cells (x, y) whose middles are `x_m`, `y_m` on the site's map; the rest to 1 is elsewhere.

    `rate_g_s` are the 5 %, 50 % and 95 % points of the emission rate, if it is near the best cell. Of a large fire
    that is little more than what reaches the ground again. `air` is that of the last minutes, None where it is unknown.
    """

    quantity: str
    x_m: Floats
    y_m: Floats
    probability: Floats
    elsewhere: float
    rate_g_s: tuple[float, float, float]
    air: Meteorology | None = None

    @property
    def cell_m(self) -> float:
        """Width of a cell [m]."""
        return float(self.x_m[1] - self.x_m[0])

    @property
    def spread_m(self) -> float:
        """Root mean square distance of the source from the best cell, over the map [m]."""
        x_m, y_m = self.best_m
        square = (self.x_m[:, None] - x_m) ** 2 + (self.y_m[None] - y_m) ** 2
        return float(np.sqrt((self.probability * square).sum() / self.probability.sum()))

    @property
    def best_m(self) -> tuple[float, float]:
        """The middle of the most probable cell."""
        return _best(self.x_m, self.y_m, self.probability)

    @property
    def is_unsure(self) -> bool:
        """Whether the surroundings of the best cell hold less than half of the probability."""
        return bool(self.probability[near(self.x_m, self.y_m, self.best_m)].sum() < SURE_FROM)

    def rank(self, x_m: float, y_m: float) -> int | None:
        """Return how many cells are at least as probable as the one of a place, itself included; None outside the map."""
        a, b = int(np.abs(self.x_m - x_m).argmin()), int(np.abs(self.y_m - y_m).argmin())
        if max(abs(self.x_m[a] - x_m), abs(self.y_m[b] - y_m)) > self.cell_m:
            return None
        return int((self.probability >= self.probability[a, b]).sum())


@dataclass(frozen=True)
class Minutes:
    """Means over whole minutes: values (minutes, devices), places (minutes, devices, 3) and the motion of the air (minutes, 2)."""

    start_s: float
    values: Floats
    places_m: Floats
    wind_m_s: Floats


@dataclass(frozen=True)
class Evidence:
    """The evidence of an incident: minute means, their excess (minutes, devices), each device's probability of outliers, and camera observations."""

    quantity: str
    minutes: Minutes
    excess: Floats
    outliers: Floats
    observations: Observations


def locate_source(
    site: Site, readings: pa.Table, quantity: str, *, noticed_s: float, until_s: float, noticed_by: Collection[str]
) -> SourceMap:
    """Return where the source of a plume may be.

    `readings` holds device, time, lat, lon, wind_speed, wind_direction and the quantity from an hour before `noticed_s` to `until_s`; with
    temperature and thermal_max, the cameras of robots count from `noticed_s` on. The map is centred on the devices that noticed it, whose values
    are hardly ever outliers. When a robot has seen fire, the map is a close one around the best cell. Without wind or readings it is flat.
    """
    minutes = minute_means(
        site, readings, quantity, start_s=noticed_s - MINUTE_S * (BASELINE_MIN + LEAD_MIN), until_s=until_s
    )
    noticing = np.array([device.name in noticed_by for device in site.devices])
    baseline = Baseline(len(site.devices), resolution=0.1 * DETECTION_LEVEL[quantity])
    excess = np.array([baseline.update(row).excess for row in minutes.values])
    observations = observe(site, readings, since_s=noticed_s, until_s=until_s)
    known = Evidence(quantity, minutes, excess, np.where(noticing, NOTICED_OUTLIERS, OUTLIERS), observations)
    wide = _map(site, known, _centre(minutes, noticing), EXTENT_M, CELL_M)
    return _map(site, known, wide.best_m, CLOSE_EXTENT_M, CLOSE_CELL_M) if observations.hot.any() else wide


def _map(site: Site, known: Evidence, centre_m: tuple[float, float], extent_m: float, cell_m: float) -> SourceMap:
    half = np.arange(-extent_m / 2, extent_m / 2 + 1, cell_m)
    x_m, y_m = (middle + half for middle in centre_m)
    grids = _grids(site, known.minutes, x_m, y_m)
    level = DETECTION_LEVEL[known.quantity]
    estimator = SourceEstimator(sum(grid.n for grid in grids), rates=RATES_G_S, detection_level=level)
    _add_blocks(estimator, site, known, grids)
    estimator.add_evidence(np.tile(known.observations.log_ratio(x_m, y_m).ravel(), len(grids)))
    estimate = estimator.estimate()
    by_rise = estimate.probability.reshape(len(grids), len(half), len(half))
    probability = by_rise.sum(axis=0)
    around = near(x_m, y_m, _best(x_m, y_m, probability))
    rate = estimator.rate_of(np.broadcast_to(around, by_rise.shape).ravel())
    return SourceMap(known.quantity, x_m, y_m, probability, estimate.elsewhere, rate, _latest_air(site, known.minutes))


def _add_blocks(estimator: SourceEstimator, site: Site, known: Evidence, grids: list[GridSources]) -> None:
    """Add every block from the lead on to the estimator; before it the puffs only spread over the map."""
    gain = stored_units({known.quantity: 1.0})[KEYS.index(known.quantity)]
    minutes, excess = known.minutes, known.excess
    for begin in range(BASELINE_MIN - SPIN_UP_MIN, len(excess), BLOCK_MIN):
        block = slice(begin, min(begin + BLOCK_MIN, len(excess)))
        airs = airs_of(site, minutes, block)
        if airs is None:
            for grid in grids:
                grid.forget()
            continue
        places = minutes.places_m[block][-1:]
        receptors = np.nan_to_num(places) if begin >= BASELINE_MIN else places[:, :0]
        response = np.concatenate([grid.respond(TICK_S, airs, receptors) for grid in grids], axis=1)
        if begin >= BASELINE_MIN:
            mean = np.where(np.isfinite(places[0, :, 0]), mean_of_known(excess[block]), np.nan)
            estimator.add(mean, gain * response, MINUTE_S * (block.stop - block.start), outliers=known.outliers)


def near(x_m: Floats, y_m: Floats, place_m: tuple[float, float]) -> NDArray[np.bool_]:
    """Return which cells (x, y) count as the same place."""
    return np.asarray(np.hypot(x_m[:, None] - place_m[0], y_m[None] - place_m[1]) <= NEAR_M)


def _best(x_m: Floats, y_m: Floats, probability: Floats) -> tuple[float, float]:
    a, b = np.unravel_index(int(probability.argmax()), probability.shape)
    return float(x_m[a]), float(y_m[b])


def minute_means(site: Site, readings: pa.Table, quantity: str, *, start_s: float, until_s: float) -> Minutes:
    """Return the minute means of readings; NaN where a device did not report."""
    devices = [device.name for device in site.devices]
    count = max(int((until_s - start_s) // MINUTE_S), 1)
    times = readings["time"].cast(pa.int64()).to_numpy() / 1e6
    known = pc.index_in(readings["device"].cast(pa.string()), value_set=pa.array(devices, pa.string()))
    device = pc.fill_null(known, -1).to_numpy().astype(np.int64)
    minute = np.floor((times - start_s) / MINUTE_S).astype(np.int64)
    inside = (minute >= 0) & (minute < count) & (device >= 0)
    lat, lon, values, speed, from_deg = (
        readings[key].cast(pa.float64()).to_numpy()[inside]
        for key in ("lat", "lon", quantity, "wind_speed", "wind_direction")
    )
    x, y = site.map.to_xy(lat, lon)
    angle = np.radians(from_deg)
    columns = np.column_stack([values, x, y, -speed * np.sin(angle), -speed * np.cos(angle)])
    means = _by_cell(columns, minute[inside] * len(devices) + device[inside], count * len(devices)).reshape(
        count, len(devices), 5
    )
    height = np.broadcast_to(np.array([d.height_m for d in site.devices]), (count, len(devices)))
    return Minutes(
        start_s,
        means[..., 0],
        np.dstack([means[..., 1], means[..., 2], height]),
        mean_of_known(means[..., 3:].swapaxes(0, 1), least=1),
    )


def _by_cell(columns: Floats, cell: NDArray[np.int64], cells: int) -> Floats:
    """Return the mean of each column over the rows of each cell, NaN where there is none."""
    known = np.isfinite(columns)
    sums, counts = np.zeros((cells, columns.shape[1])), np.zeros((cells, columns.shape[1]))
    np.add.at(sums, cell, np.where(known, columns, 0.0))
    np.add.at(counts, cell, known)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _centre(minutes: Minutes, noticing: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the last known mean position of the devices that noticed it, or of all devices."""
    places = mean_of_known(minutes.places_m[-LEAD_MIN:], least=1)[:, :2]
    for wanted in (noticing, np.ones_like(noticing)):
        heard = places[wanted & np.isfinite(places[:, 0])]
        if len(heard):
            return float(heard[:, 0].mean()), float(heard[:, 1].mean())
    return 0.0, 0.0


def _grids(site: Site, minutes: Minutes, x_m: Floats, y_m: Floats) -> list[GridSources]:
    """Return the same cells once for each height that the plume may rise to in the latest wind."""
    air = _latest_air(site, minutes)
    rises = [buoyant_rise(flux, air.wind_speed_m_s, air) for flux in BUOYANCY_M4_S3] if air else [NO_RISE]
    options = {
        "surroundings": site.surroundings,
        "averaging_time_s": AVERAGING_S,
        "max_age_s": 1.5 * MINUTE_S * SPIN_UP_MIN,
    }
    return [GridSources(x_m, y_m, height_m=SOURCE_HEIGHT_M, rise=rise, **options) for rise in rises]  # type: ignore[arg-type]


def _latest_air(site: Site, minutes: Minutes) -> Meteorology | None:
    for minute in reversed(range(len(minutes.values))):
        if (airs := airs_of(site, minutes, slice(minute, minute + 1))) is not None:
            return airs[0]
    return None


def airs_of(site: Site, minutes: Minutes, block: slice) -> list[Meteorology] | None:
    """Return the air of every tick of a block, drawn from minute to minute; None where no station reported the wind."""
    around = slice(max(block.start - 2, 0), block.stop + 1)
    known = np.isfinite(minutes.wind_m_s[around, 0])
    if not known.any():
        return None
    ticks = round((block.stop - block.start) * MINUTE_S / TICK_S)
    at_s = minutes.start_s + MINUTE_S * block.start + TICK_S * (np.arange(ticks) + 0.5)
    middles_s = (minutes.start_s + MINUTE_S * (np.arange(len(minutes.values))[around] + 0.5))[known]
    east, north = (np.interp(at_s, middles_s, minutes.wind_m_s[around][known, axis]) for axis in (0, 1))
    speed = np.maximum(np.hypot(east, north), LEAST_WIND_M_S)
    from_deg = np.mod(np.degrees(np.arctan2(-east, -north)), 360.0)
    stability = int(
        pasquill_stability(float(speed.mean()), float(solar_elevation_deg(at_s[0], *site.origin)), CLOUD_FRACTION)
    )
    return [
        Meteorology(
            wind_speed_m_s=float(speed[k]),
            wind_from_deg=float(from_deg[k]),
            stability=Stability(stability),
            mixing_height_m=MIXING_HEIGHT_M[stability],
            temperature_k=TEMPERATURE_K,
            roughness_m=site.roughness_m,
        )
        for k in range(ticks)
    ]
