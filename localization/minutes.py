"""Minute means of readings on a site's map, the wind that its stations measured, and the air that puffs need, made of them."""

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability, pasquill_stability, solar_elevation_deg
from jeonju.airquality.dispersion.wind_grid import WindGrid
from jeonju.common.arrays import Floats
from jeonju.contract.quality import POSITION, decode_flags
from jeonju.contract.site import Site
from jeonju.localization.baseline import mean_of_known
from jeonju.localization.wind_field import Winds, winds_over

MINUTE_S: Final = 60.0
TICK_S: Final = 10.0
TEMPERATURE_K: Final = 288.0
CLOUD_FRACTION: Final = 0.5
# Usual depth of the mixed air for classes A … F, where nothing is measured.
MIXING_HEIGHT_M: Final = (1500.0, 1200.0, 1000.0, 800.0, 300.0, 200.0)
LEAST_WIND_M_S: Final = 0.3
# Flags may be missing: what is beyond these is no measurement.
LARGEST: Final = 1e6
LARGEST_WIND_M_S: Final = 100.0
# What a flag says of a value that has no part in a mean, however grave it is; a step or a difference from its neighbours can be the plume itself.
WORTHLESS: Final = frozenset({"stuck", "out-of-range", "too-large", "filler", "impossible-position", "no-fix"})
# A mean that stays the same to the last digit for so many minutes in a plume is that of a sensor that is stuck.
STUCK_MIN: Final = 4


@dataclass(frozen=True)
class Minutes:
    """Means over whole minutes: values (minutes, devices), places (minutes, devices, 3) and the wind over the site."""

    start_s: float
    values: Floats
    places_m: Floats
    winds: Winds

    @property
    def wind_m_s(self) -> Floats:
        """The mean motion of the air (minutes, 2); NaN where no station reported it."""
        return self.winds.mean_m_s

    def places_in(self, block: slice) -> Floats:
        """Return where each device was in the middle of some minutes (devices, 3); NaN where no place is known."""
        return mean_of_known(self.places_m[block], least=1)


def minute_means(site: Site, readings: pa.Table, quantity: str, *, start_s: float, until_s: float) -> Minutes:
    """Return the minute means of readings; NaN where a device did not report, or where its quality flags say that a value is worth nothing."""
    readings = without_flagged(readings)
    devices = [device.name for device in site.devices]
    count = max(int((until_s - start_s) // MINUTE_S), 1)
    times = readings["time"].cast(pa.int64()).to_numpy() / 1e6
    known = pc.index_in(readings["device"].cast(pa.string()), value_set=pa.array(devices, pa.string()))
    device = pc.fill_null(known, -1).to_numpy().astype(np.int64)
    minute = np.floor((times - start_s) / MINUTE_S).astype(np.int64)
    inside = (minute >= 0) & (minute < count) & (device >= 0)
    lat, lon, values, speed, from_deg = (
        _plausible(readings[key].cast(pa.float64()).to_numpy()[inside], limit)
        for key, limit in (
            ("lat", 90.0),
            ("lon", 180.0),
            (quantity, LARGEST),
            ("wind_speed", LARGEST_WIND_M_S),
            ("wind_direction", 360.0),
        )
    )
    # Half of a place is none.
    x, y = np.where(np.isfinite(lat) & np.isfinite(lon), site.map.to_xy(lat, lon), np.nan)
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
        winds_over(site, means[..., 3:], means[..., 1:3]),
    )


def _plausible(values: Floats, limit: float) -> Floats:
    """Return the values, NaN where they are infinite or farther from zero than anything real."""
    return np.where(np.abs(values) <= limit, values, np.nan)


def without_flagged(readings: pa.Table) -> pa.Table:
    """Return the table with null in place of what its flags call bad or give one of `WORTHLESS` for; the same table where nothing is."""
    if "quality" not in readings.column_names or readings["quality"].null_count == readings.num_rows:
        return readings
    encoded = readings["quality"].cast(pa.string()).combine_chunks().dictionary_encode()
    worthless = [_worthless(text) for text in encoded.dictionary.to_pylist()]
    for key in sorted({key for keys in worthless for key in keys} & set(readings.column_names)):
        number = readings.column_names.index(key)
        is_worthless = pc.take(pa.array([key in keys for keys in worthless]), encoded.indices)
        column = readings[key].combine_chunks()
        kept = pc.if_else(pc.fill_null(is_worthless, False), pa.scalar(None, column.type), column)  # noqa: FBT003
        readings = readings.set_column(number, key, kept)
    return readings


@lru_cache(maxsize=10_000)
def _worthless(text: str) -> frozenset[str]:
    flags = decode_flags(text)
    keys = {
        key
        for key, flag in flags.items()
        if flag.severity == "bad" or any(reason.code in WORTHLESS for reason in flag.reasons)
    }
    return frozenset(keys | {"lat", "lon"} if POSITION in keys else keys)


def without_stuck(values: Floats, excess: Floats, least: float) -> Floats:
    """Return the excess (minutes, devices) without what stands still well above the baseline: NaN from the second minute on.

    In a plume no instrument shows the same mean for minutes on end. Flags say so only once it has lasted as long as is unusual for the instrument.
    """
    out = excess.copy()
    for device in range(values.shape[1]):
        column = values[:, device]
        changes = np.flatnonzero(np.diff(column) != 0) + 1
        for first, last in itertools.pairwise([0, *changes.tolist(), len(column)]):
            if last - first >= STUCK_MIN and excess[first, device] > least:
                out[first + 1 : last, device] = np.nan
    return out


def _by_cell(columns: Floats, cell: NDArray[np.int64], cells: int) -> Floats:
    """Return the mean of each column over the rows of each cell, NaN where there is none."""
    known = np.isfinite(columns)
    sums, counts = np.zeros((cells, columns.shape[1])), np.zeros((cells, columns.shape[1]))
    np.add.at(sums, cell, np.where(known, columns, 0.0))
    np.add.at(counts, cell, known)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def airs_of(site: Site, minutes: Minutes, block: slice) -> list[Meteorology] | None:
    """Return the air of every tick of a block, drawn from minute to minute; None where no station reported the wind."""
    drawn = _drawn(minutes, minutes.wind_m_s, block)
    if drawn is None:
        return None
    at_s, (east, north) = _ticks_s(minutes, block), drawn.T
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
        for k in range(len(at_s))
    ]


def winds_of(minutes: Minutes, block: slice) -> WindGrid | None:
    """Return the wind over the site at every tick of a block, as `airs_of` does that of the whole site; None where no station reported it."""
    grid, field = minutes.winds.grid, minutes.winds.field_m_s
    drawn = _drawn(minutes, field.reshape(len(field), -1), block)
    if drawn is None:
        return None
    east, north = np.moveaxis(drawn.reshape(len(drawn), *field.shape[1:]), 1, 0)
    speed = np.maximum(np.hypot(east, north), 1e-6)
    faster = np.maximum(LEAST_WIND_M_S / speed, 1.0)
    return WindGrid(grid.west_m, grid.south_m, grid.cell_m, east * faster, north * faster)


def _ticks_s(minutes: Minutes, block: slice) -> Floats:
    """Return the middles of the ticks of a block."""
    ticks = round((block.stop - block.start) * MINUTE_S / TICK_S)
    return minutes.start_s + MINUTE_S * block.start + TICK_S * (np.arange(ticks) + 0.5)


def _drawn(minutes: Minutes, columns: Floats, block: slice) -> Floats | None:
    """Return columns (minutes, n) at every tick of a block, drawn from minute to minute; None where none is known around it."""
    around = slice(max(block.start - 2, 0), block.stop + 1)
    known = np.flatnonzero(np.isfinite(columns[around, 0]))
    if not len(known):
        return None
    values = columns[around][known]
    middles_s = minutes.start_s + MINUTE_S * (known + around.start + 0.5)
    place = np.interp(_ticks_s(minutes, block), middles_s, np.arange(len(known)))
    low = np.minimum(place.astype(np.int64), max(len(known) - 2, 0))
    share = (place - low)[:, None]
    return np.asarray((1 - share) * values[low] + share * values[np.minimum(low + 1, len(known) - 1)])
