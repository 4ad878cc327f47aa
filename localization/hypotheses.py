"""What a source map weighs: places, heights of rise and beginnings of a plume; and what each of them adds at every device, block by block."""

import itertools
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.dispersion.meteorology import Meteorology
from jeonju.airquality.dispersion.plume_rise import buoyant_rise
from jeonju.airquality.dispersion.puffs import NO_RISE
from jeonju.common.arrays import Floats, Singles
from jeonju.contract.site import Site
from jeonju.localization.footprints import GridSources
from jeonju.localization.minutes import MINUTE_S, TICK_S, Minutes, airs_of, winds_of
from jeonju.localization.source_estimator import BLOCK_S, Course, observations_in

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
RATES_G_S: Final = np.geomspace(0.01, 1000.0, 21)
SOURCE_HEIGHT_M: Final = 2.0
# How a plume rises is not known: not at all, or with the buoyancy of fires of 0.3, 3 and 20 MW of convective heat.
BUOYANCY_M4_S3: Final = (0.0, 2.6, 26.0, 180.0)
CONVECTIVE_MW: Final = (0.0, 0.3, 3.0, 20.0)
# What a fire of 1 MW of convective heat releases [g/s]: the median of the fuels, of which nine in ten are within a factor of three; the steps between
# the buoyancies add as much. What else is released does not rise.
RELEASED_G_S_PER_MW: Final = {"pm25": 1.7, "pm10": 2.1, "co": 7.5}
RELEASED_SPREAD_LOG: Final = 1.0
# Large releases are rare, as sizes of fires follow a power law: of ten times the rate there are so many powers of ten fewer.
SIZES: Final = 0.5
# When it began: long ago, or so many minutes before it was noticed.
ONSETS_MIN: Final = (16, 10, 6, 4, 2)
# A fire grows and dies down by a few e-folds within an hour; one release in two ends within it.
COURSE: Final = Course(drift_log_per_hour=2.0, ends_per_hour=0.7)
BLOCK_MIN: Final = 2
# Before the first block the plume has this long to reach across the map.
SPIN_UP_MIN: Final = 20
LEAD_MIN: Final = 10
BASELINE_MIN: Final = 60
AVERAGING_S: Final = 180.0


def rate_prior(quantity: str, rises: int) -> Floats:
    """Return the prior of each rate for each height of rise (rises, rates): what rises has heat, and with the heat goes what fires release."""
    prior = np.tile(RATES_G_S**-SIZES, (rises, 1))
    for number in range(1, rises):
        usual = np.log(RELEASED_G_S_PER_MW[quantity] * CONVECTIVE_MW[number])
        prior[number] = np.exp(-0.5 * ((np.log(RATES_G_S) - usual) / RELEASED_SPREAD_LOG) ** 2)
    return prior / prior.sum(axis=1, keepdims=True)


def responses(site: Site, minutes: Minutes, grids: list[GridSources]) -> Iterator[tuple[slice, Singles]]:
    """Run the puffs of all grids through the lead and the minutes since; yield each block that counts, and the dilution in it.

    The dilution is (grids, devices, onsets × cells), in one array that the next block changes.
    """
    response = np.empty((len(grids), minutes.values.shape[1], grids[0].n), dtype=np.float32)
    for block in blocks_from(len(minutes.values), BASELINE_MIN - SPIN_UP_MIN):
        airs = airs_of(site, minutes, block)
        if airs is None:
            for grid in grids:
                grid.forget()
            continue
        is_counted = block.start >= BASELINE_MIN
        winds, error = winds_of(minutes, block), minutes.winds.error_m_s
        places = minutes.places_in(block)[None]
        onset = sum(block.start >= BASELINE_MIN + LEAD_MIN - before for before in ONSETS_MIN)
        for grid, out in zip(grids, response, strict=True):
            if is_counted:
                grid.respond(TICK_S, airs, np.nan_to_num(places), winds=winds, error_m_s=error, onset=onset, out=out)
            else:
                grid.respond(TICK_S, airs, places[:, :0], winds=winds, error_m_s=error, onset=onset)
        if is_counted:
            yield block, response


def blocks_from(minutes: int, first: int) -> list[slice]:
    """Return the blocks of so many minutes, from the first one on."""
    return [slice(begin, min(begin + BLOCK_MIN, minutes)) for begin in range(first, minutes, BLOCK_MIN)]


def counts_of(touched: NDArray[np.bool_]) -> Floats:
    """Return how many observations each block of each device is worth (blocks, devices).

    That a plume arrived is news, and that it left: each stretch with and without it has errors of its own.
    """
    out = np.empty(touched.shape)
    for device in range(touched.shape[1]):
        for stretch in _stretches(touched[:, device]):
            n = stretch.stop - stretch.start
            out[stretch, device] = observations_in(MINUTE_S * BLOCK_MIN * n) / n
    return out


def _stretches(touched: NDArray[np.bool_]) -> list[slice]:
    """Return the stretches of blocks with and without a plume, in order; one that comes back within ten minutes had not left."""
    filled = touched.copy()
    for left, back in itertools.pairwise(np.flatnonzero(touched).tolist()):
        if MINUTE_S * BLOCK_MIN * (back - left) <= BLOCK_S:
            filled[left:back] = True
    edges = [0, *(np.flatnonzero(np.diff(filled)) + 1).tolist(), len(filled)]
    return [slice(first, last) for first, last in itertools.pairwise(edges) if last > first]


def grids_of(site: Site, quantity: str, air: Meteorology | None, x_m: Floats, y_m: Floats) -> list[GridSources]:
    """Return the same cells once for each height that the plume may rise to in the latest wind."""
    fluxes = BUOYANCY_M4_S3 if air and quantity in RELEASED_G_S_PER_MW else BUOYANCY_M4_S3[:1]
    return [
        GridSources(
            x_m,
            y_m,
            height_m=SOURCE_HEIGHT_M,
            rise=buoyant_rise(flux, air.wind_speed_m_s, air) if air else NO_RISE,
            surroundings=site.surroundings,
            averaging_time_s=AVERAGING_S,
            max_age_s=1.5 * MINUTE_S * SPIN_UP_MIN,
            onsets=1 + len(ONSETS_MIN),
        )
        for flux in fluxes
    ]


def latest_air(site: Site, minutes: Minutes) -> Meteorology | None:
    """Return the air of the last minute of which the wind is known."""
    for minute in reversed(range(len(minutes.values))):
        if (airs := airs_of(site, minutes, slice(minute, minute + 1))) is not None:
            return airs[0]
    return None
