"""Where in the city a plume comes from: a map of probability, from an hour of readings around the moment at which it was noticed.

It uses only what the devices report: the wind of the stations, and the excess of one quantity at stations and robots, at their places of each time.
When it began, how its rate goes on, whether it has ended and how high its plume rises are not known: all are hypotheses beside the place.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jeonju.airquality.dispersion.meteorology import Meteorology
from jeonju.airquality.fuels import stored_units
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.localization.baseline import Baseline, mean_of_known
from jeonju.localization.camera_evidence import Observations, observe
from jeonju.localization.footprints import GridSources
from jeonju.localization.hypotheses import (
    BASELINE_MIN,
    COURSE,
    DETECTION_LEVEL,
    LEAD_MIN,
    ONSETS_MIN,
    RATES_G_S,
    blocks_from,
    counts_of,
    grids_of,
    latest_air,
    rate_prior,
    responses,
)
from jeonju.localization.minutes import MINUTE_S, Minutes, minute_means, without_stuck
from jeonju.localization.source_estimator import OUTLIERS, SURE_FROM, SourceEstimator

EXTENT_M: Final = 5000.0
CELL_M: Final = 50.0
# The devices that raised an alert have several quantities and minutes behind them: that they are wrong is much less likely than usual,
# and that they are while something burns unseen elsewhere on the map is less likely still.
NOTICED_OUTLIERS: Final = 1e-6
# A plume has arrived at a device with an excess of so many detection levels.
ARRIVED: Final = 2.0
# As far from the best cell as still counts as the same place.
NEAR_M: Final = 300.0
# A map whose 90 % region is as large as this share of it says nothing.
SAYS_NOTHING_FROM: Final = 0.5
# A camera observation is more precise than cells of 50 m: then the map is a close one with these.
CLOSE_EXTENT_M: Final = 600.0
CLOSE_CELL_M: Final = 10.0


@dataclass(frozen=True)
class SourceMap:
    """Where a source may be: `probability` over cells (x, y) whose middles are `x_m`, `y_m` on the site's map; the rest to 1 is elsewhere.

    `rate_g_s` are the 5 %, 50 % and 95 % points of the emission rate, if it is near the best cell. Of a large fire
    that is little more than what reaches the ground again. `air` is that of the last minutes, None where it is unknown;
    `unexplained` are devices that noticed a plume which a source near the best cell does not explain: there may be a second one.
    """

    quantity: str
    x_m: Floats
    y_m: Floats
    probability: Floats
    elsewhere: float
    rate_g_s: tuple[float, float, float]
    air: Meteorology | None = None
    unexplained: tuple[str, ...] = ()

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

    def region(self, share: float) -> NDArray[np.bool_]:
        """Return the smallest set of cells (x, y) that holds this share of the probability on the map; cells of one probability go together.

        It says where the source is if it is on the map at all: `elsewhere` is not part of it.
        """
        falling = np.sort(self.probability.ravel())[::-1]
        held = np.cumsum(falling)
        last = min(int(np.searchsorted(held, share * held[-1] * (1 - 1e-9))), len(falling) - 1)
        return np.asarray(self.probability >= falling[last])

    def holds(self, share: float, x_m: float, y_m: float) -> bool:
        """Return whether a place lies in the region of this share."""
        cell = self._cell(x_m, y_m)
        return cell is not None and bool(self.region(share)[cell])

    @property
    def says_nothing(self) -> bool:
        """Whether the 90 % region covers half of the map or more."""
        return bool(self.region(0.9).mean() >= SAYS_NOTHING_FROM)

    def rank(self, x_m: float, y_m: float) -> int | None:
        """Return how many cells are at least as probable as the one of a place, itself included; None outside the map."""
        cell = self._cell(x_m, y_m)
        return None if cell is None else int((self.probability >= self.probability[cell]).sum())

    def _cell(self, x_m: float, y_m: float) -> tuple[int, int] | None:
        a, b = int(np.abs(self.x_m - x_m).argmin()), int(np.abs(self.y_m - y_m).argmin())
        is_outside = max(abs(self.x_m[a] - x_m), abs(self.y_m[b] - y_m)) > self.cell_m
        return None if is_outside else (a, b)


@dataclass(frozen=True)
class Evidence:
    """The evidence of an incident: minute means, their excess (minutes, devices), each device's probability of outliers, and camera observations."""

    quantity: str
    minutes: Minutes
    excess: Floats
    outliers: Floats
    observations: Observations


def locate_source(
    site: Site,
    readings: pa.Table,
    quantity: str,
    *,
    noticed_s: float,
    until_s: float,
    noticed_by: Collection[str],
    smelt_by: Collection[str] | None = None,
) -> SourceMap:
    """Return where the source of a plume may be.

    `readings` holds device, time, lat, lon, wind_speed, wind_direction and the quantity from an hour before `noticed_s` to `until_s`; with
    temperature and thermal_max, the cameras of robots count from `noticed_s` on, and with quality, what it calls worthless is left out. The map is
    centred on the devices that noticed it. The values of those that noticed it by a plume (`smelt_by`, by default all of them) are hardly ever
    outliers. When a robot has seen fire, the map is a close one around the best cell. Without wind or readings it is flat.
    """
    minutes = minute_means(
        site, readings, quantity, start_s=noticed_s - MINUTE_S * (BASELINE_MIN + LEAD_MIN), until_s=until_s
    )
    noticing = _are_in(site, noticed_by)
    smelling = noticing if smelt_by is None else _are_in(site, smelt_by)
    level = DETECTION_LEVEL[quantity]
    baseline = Baseline(len(site.devices), resolution=0.1 * level)
    above = np.array([baseline.update(row).excess for row in minutes.values])
    excess = without_stuck(minutes.values, above, ARRIVED * level)
    # What such a device noticed is not seen in this quantity, or not yet: its clean values are no evidence against a source upwind.
    excess[:, smelling & ~_arrived(excess, level)] = np.nan
    observations = observe(site, readings, since_s=noticed_s, until_s=until_s)
    known = Evidence(quantity, minutes, excess, np.where(smelling, NOTICED_OUTLIERS, OUTLIERS), observations)
    wide = _map(site, known, _centre(minutes, noticing), EXTENT_M, CELL_M)
    found = _map(site, known, wide.best_m, CLOSE_EXTENT_M, CLOSE_CELL_M) if observations.hot.any() else wide
    return replace(found, unexplained=_unexplained(site, known, smelling, found))


def _are_in(site: Site, names: Collection[str]) -> NDArray[np.bool_]:
    return np.array([device.name in names for device in site.devices])


def _arrived(excess: Floats, level: float) -> NDArray[np.bool_]:
    """Return which devices a plume reached since the lead began."""
    return np.asarray(np.any(np.nan_to_num(excess[BASELINE_MIN:]) > ARRIVED * level, axis=0))


def _unexplained(site: Site, known: Evidence, smelling: NDArray[np.bool_], found: SourceMap) -> tuple[str, ...]:
    """Return the devices that noticed a plume which no source near the best cell can have brought there, however it began and rises."""
    level = DETECTION_LEVEL[known.quantity]
    arrived = smelling & _arrived(known.excess, level)
    if arrived.sum() < 2 or found.is_unsure:
        return ()
    offsets = np.arange(-NEAR_M, NEAR_M + 1, CELL_M)
    grids = grids_of(site, known.quantity, found.air, found.best_m[0] + offsets, found.best_m[1] + offsets)
    gain = float(stored_units({known.quantity: 1.0})[KEYS.index(known.quantity)])
    highest = np.zeros(len(site.devices))
    for _, response in responses(site, known.minutes, grids):
        highest = np.maximum(highest, response.max(axis=(0, 2)))
    return tuple(
        device.name
        for device, here, most in zip(site.devices, arrived, highest * gain * found.rate_g_s[2], strict=True)
        if here and most < level
    )


def _map(site: Site, known: Evidence, centre_m: tuple[float, float], extent_m: float, cell_m: float) -> SourceMap:
    half = np.arange(-extent_m / 2, extent_m / 2 + 1, cell_m)
    x_m, y_m = (middle + half for middle in centre_m)
    air = latest_air(site, known.minutes)
    grids = grids_of(site, known.quantity, air, x_m, y_m)
    shape = (len(grids), 1 + len(ONSETS_MIN), len(half), len(half))
    estimator = SourceEstimator(
        int(np.prod(shape)),
        rates=RATES_G_S,
        detection_level=DETECTION_LEVEL[known.quantity],
        prior=rate_prior(known.quantity, len(grids)),
        course=COURSE,
    )
    _add_blocks(estimator, site, known, grids)
    cameras = known.observations.log_ratio(x_m, y_m)
    estimator.add_evidence(np.broadcast_to(cameras, shape).ravel())
    estimate = estimator.estimate(with_rates=False)
    probability = estimate.probability.reshape(shape).sum(axis=(0, 1))
    around = near(x_m, y_m, _best(x_m, y_m, probability))
    rate = estimator.rate_of(np.broadcast_to(around, shape).ravel())
    return SourceMap(known.quantity, x_m, y_m, probability, estimate.elsewhere, rate, air)


def _add_blocks(estimator: SourceEstimator, site: Site, known: Evidence, grids: list[GridSources]) -> None:
    """Add every block from the lead on to the estimator; before it the puffs only spread over the map."""
    gain = float(stored_units({known.quantity: 1.0})[KEYS.index(known.quantity)])
    blocks = blocks_from(len(known.excess), BASELINE_MIN)
    means = np.array([mean_of_known(known.excess[block]) for block in blocks])
    counts = counts_of(means > ARRIVED * DETECTION_LEVEL[known.quantity])
    for block, response in responses(site, known.minutes, grids):
        number = blocks.index(block)
        estimator.add(
            np.where(np.isfinite(known.minutes.places_in(block)[:, 0]), means[number], np.nan),
            response,
            MINUTE_S * (block.stop - block.start),
            counts=counts[number],
            outliers=known.outliers,
            per_rate=gain,
        )


def near(x_m: Floats, y_m: Floats, place_m: tuple[float, float]) -> NDArray[np.bool_]:
    """Return which cells (x, y) count as the same place."""
    return np.asarray(np.hypot(x_m[:, None] - place_m[0], y_m[None] - place_m[1]) <= NEAR_M)


def _best(x_m: Floats, y_m: Floats, probability: Floats) -> tuple[float, float]:
    a, b = np.unravel_index(int(probability.argmax()), probability.shape)
    return float(x_m[a]), float(y_m[b])


def _centre(minutes: Minutes, noticing: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the last known mean position of the devices that noticed it, or of all devices."""
    places = mean_of_known(minutes.places_m[-LEAD_MIN:], least=1)[:, :2]
    for wanted in (noticing, np.ones_like(noticing)):
        heard = places[wanted & np.isfinite(places[:, 0])]
        if len(heard):
            return float(heard[:, 0].mean()), float(heard[:, 1].mean())
    return 0.0, 0.0
