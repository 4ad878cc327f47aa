"""Models of instruments: response time, noise, drift, humidity effect, cross-sensitivity, and differences between units.

What data sheets say of each is in `instrument_table`, what they keep for hours, weeks and years in `instrument_errors`.
"""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS, QUANTITY
from jeonju.common.arrays import Floats, unknown_by_column
from jeonju.simulator import instrument_loops as loops
from jeonju.simulator.carbon_dioxide import CarbonDioxide
from jeonju.simulator.instrument_errors import (
    AEROSOL_FAST,
    AEROSOL_MEMORY_S,
    AEROSOL_SLOW,
    COUNTED,
    DAY_S,
    GRADES,
    UnitErrors,
    drying,
    memory_s,
    wandering,
)
from jeonju.simulator.instrument_table import INSTRUMENTS, MEASURED
from jeonju.simulator.wander import GRID_S, Wander


def _of(name: str) -> Floats:
    """Return a property of all instruments of the table."""
    return np.array([getattr(row, name) for row in INSTRUMENTS])


_RESPONSE_S, _RESOLUTION = _of("response_s"), _of("resolution")
_LIMITS: Final = np.stack([_of("lowest"), _of("highest")])
_COLUMN: Final = np.array([KEYS.index(key) for key in MEASURED])
_TENS: Final = 10.0 ** np.array([max(QUANTITY[key].decimals, 1) for key in MEASURED])
_COUNTERS: Final = [MEASURED.index(key) for key in COUNTED]
_CLIMATE: Final = [KEYS.index("temperature"), KEYS.index("humidity")]
_TVOC, _VOC_INDEX = MEASURED.index("tvoc"), MEASURED.index("voc_index")
# The column of the other gas that an instrument sees a little of; -1 for none.
_OTHER: Final = np.array([-1 if row.cross is None else KEYS.index(row.cross[0]) for row in INSTRUMENTS])
_SEES: Final = np.array([0.0 if row.cross is None else row.cross[1] for row in INSTRUMENTS])


class Instruments:
    """The instruments of all devices of a site; `fitted` (devices, len(KEYS)) says which a device has. One generator per device.

    `kinds` are the devices' grades (GRADES). `aerosol` has a generator for every place with an aerosol of its own, `place` says which is a
    device's; a city is one place. With `is_steady` their errors do not wander.
    """

    def __init__(
        self,
        kinds: list[str],
        fitted: NDArray[np.bool_],
        *,
        start_s: float,
        rngs: list[np.random.Generator],
        aerosol: list[np.random.Generator],
        place: NDArray[np.int64] | None = None,
        is_steady: bool = False,
    ) -> None:
        self._rngs = rngs
        self._start_s = start_s
        used = _used(fitted[:, _COLUMN])
        self._device, self._row = (np.ascontiguousarray(axis) for axis in np.nonzero(used))
        # What is fitted is made of these, but the device does not report them.
        self._inputs_only = np.zeros_like(fitted)
        self._inputs_only[:, _COLUMN] = used & ~fitted[:, _COLUMN]
        grades = [GRADES[kind] for kind in kinds]
        own = [rng.spawn(1)[0] for rng in rngs]
        drawn = np.stack([rng.standard_normal((4, len(INSTRUMENTS))) for rng in rngs], axis=1)
        self._co2 = CarbonDioxide(fitted[:, KEYS.index("co2")], [rng.spawn(1)[0] for rng in rngs])
        self._cross = (_SEES * drawn[3])[used]
        self._place = np.zeros(len(kinds), dtype=np.int64) if place is None else place
        usual = np.array([rng.spawn(1)[0].standard_normal() for rng in aerosol])[self._place]
        gain = _gains(drawn[1])
        bought = np.array([(grade.counter_gain, grade.place_spread) for grade in grades]).T
        gain[:, _COUNTERS] *= (bought[0] * np.exp(bought[1] * usual))[:, None]
        self._units = _unit_rows(gain, drawn, UnitErrors(MEASURED, grades, own))[:, used]
        self._wander = Wander(memory_s(MEASURED), start_s=start_s, rngs=own, is_steady=is_steady)
        self._aerosol = Wander(AEROSOL_MEMORY_S, start_s=start_s, rngs=aerosol, is_steady=is_steady)
        self._processes = wandering(MEASURED)[self._row] + np.array([[0], [len(MEASURED)]])
        pair = np.cumsum(used).reshape(used.shape) - 1
        # Where one size of particles or the index is computed, all that it is made of is.
        self._counters = np.ascontiguousarray(pair[used[:, _COUNTERS[0]]][:, _COUNTERS].T)
        self._tvoc, self._index = (pair[used[:, _VOC_INDEX], at] for at in (_TVOC, _VOC_INDEX))
        self._state = np.full(len(self._device), np.nan)
        self._baseline = np.full(len(self._index), np.nan)
        # Used again and again: a new piece of memory of that size costs a third of what it takes to fill it.
        self._drawn = np.empty((len(rngs), 0, len(INSTRUMENTS)))
        self._kappa = np.array([grade.kappa for grade in grades])
        self._drying = drying(np.array([grade.warmer_k for grade in grades]))
        self._unseen = np.array([grade.unseen_ug_m3 for grade in grades])

    def measure(self, truth: Floats, times_s: Floats, interval_s: float) -> Floats:
        """Return the readings (T, D, len(KEYS)) of the true air (T, D, len(KEYS)); NaN where a device has no such instrument."""
        # In one order whatever the number of times: numba compiles a function for each order.
        air = np.ascontiguousarray(np.moveaxis(truth, -1, 0))
        device, row = self._device, self._row
        signal = loops.gather(air, _COLUMN[row], device, _OTHER[row], self._cross)
        self._count_particles(signal, air, times_s)
        keep = np.exp(-interval_s / np.maximum(_RESPONSE_S, 1e-9))
        loops.respond(signal, keep[row], self._state)
        loops.index_voc(signal, self._tvoc, self._index, interval_s / DAY_S, self._baseline)
        step, ahead, wander = self._wander.at(times_s)
        begins_s = times_s[0] - (step[0] + ahead[0]) * GRID_S
        days = (begins_s + GRID_S * np.arange(len(wander)) - self._start_s) / DAY_S
        wanders = loops.Wanders(self._processes, days, wander, step, ahead)
        loops.err(signal, device, row, self._units, wanders, air[_CLIMATE], self._noise(len(times_s)))
        out = self._displayed(signal)
        if len(self._co2.fitted):
            at = (slice(None), self._co2.fitted, KEYS.index("co2"))
            out[at] = self._co2.measure(truth[at], interval_s)
        return out

    def _noise(self, steps: int) -> Floats:
        """Return normal numbers (devices, steps, instruments): also for what a device has not, so that nothing depends on what else it has."""
        if self._drawn.shape[1] != steps:
            self._drawn = np.empty((len(self._rngs), steps, len(INSTRUMENTS)))
        for rng, own in zip(self._rngs, self._drawn, strict=True):
            rng.standard_normal(out=own)
        return self._drawn

    def _count_particles(self, signal: Floats, air: Floats, times_s: Floats) -> None:
        step, ahead, grid = self._aerosol.at(times_s)
        kind = (1 - ahead)[:, None, None] * grid[step] + ahead[:, None, None] * grid[step + 1]
        light = np.exp(kind @ np.array([AEROSOL_FAST, AEROSOL_SLOW]) - (AEROSOL_FAST**2 + AEROSOL_SLOW**2) / 2)
        humidity = air[KEYS.index("humidity")]
        device = self._device[self._counters[0]]
        loops.count_particles(
            signal,
            self._counters,
            device,
            humidity,
            self._drying,
            self._kappa,
            self._unseen,
            np.ascontiguousarray(light[:, self._place]),
        )

    def _displayed(self, signal: Floats) -> Floats:
        """Return what the instruments show (T, D, len(KEYS)): rounded, within their ranges, NaN where a device has none."""
        out = unknown_by_column(len(signal), len(self._rngs), len(KEYS))
        row, columns = self._row, np.moveaxis(out, -1, 0)
        loops.display(signal, _COLUMN[row], self._device, _RESOLUTION[row], _LIMITS[:, row], _TENS[row], columns)
        out[:, :, KEYS.index("wind_direction")] %= 360.0
        # A counter adds up its bins of sizes: it never reports less of PM10 than of PM2.5, nor less of that than of PM1.
        for smaller, larger in pairwise(COUNTED):
            larger_column = out[:, :, KEYS.index(larger)]
            np.maximum(larger_column, out[:, :, KEYS.index(smaller)], out=larger_column)
        out[:, self._inputs_only] = np.nan
        return out


def _used(fitted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which signals (devices, instruments) are needed: those of what is fitted, and those that these are made of."""
    used = fitted.copy()
    used[:, _COUNTERS] |= fitted[:, _COUNTERS].any(axis=1, keepdims=True)
    used[:, _TVOC] |= fitted[:, _VOC_INDEX]
    return used


def _gains(drawn: Floats) -> Floats:
    """Return the gains (devices, instruments) of normal numbers. One laser counts all sizes of particles: four fifths of a deviation are common."""
    drawn = drawn.copy()
    fine = drawn[:, MEASURED.index("pm25")]
    for key in ("pm1", "pm10"):
        column = MEASURED.index(key)
        drawn[:, column] = 0.8 * fine + 0.6 * drawn[:, column]
    return np.maximum(1 + drawn * _of("gain_spread"), 0.3)


def _unit_rows(gain: Floats, drawn: Floats, errors: UnitErrors) -> Floats:
    """Return what `instrument_loops` knows of each unit (UNIT_ROWS, devices, instruments)."""
    units = np.empty((loops.UNIT_ROWS, *gain.shape))
    units[loops.GAIN] = gain
    units[loops.OFFSET] = drawn[0] * _of("offset_spread")
    units[loops.PER_DAY] = drawn[2] * _of("drift_spread_per_day")
    units[loops.LOSS_PER_YEAR], units[loops.AGE_YEARS] = errors.loss_per_year, errors.age_years[:, None]
    units[loops.PER_KELVIN], units[loops.PER_PERCENT] = errors.per_kelvin, errors.per_percent
    units[loops.FAST_LEVEL], units[loops.SLOW_LEVEL] = errors.levels
    units[loops.FAST_SHARE], units[loops.SLOW_SHARE] = errors.shares
    units[loops.NOISE], units[loops.NOISE_SHARE] = _of("noise"), _of("noise_share")
    return units
