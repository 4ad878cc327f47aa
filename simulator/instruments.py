"""Models of instruments: response time, noise, drift, humidity effect, cross-sensitivity, and differences between units.

One row for each quantity. Values are those of common low-cost instruments (Sensirion SPS30, Alphasense B4 cells, SGP40, MLX90640) from their data
sheets and field studies; spreads are standard deviations between units after the maker's calibration.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS, QUANTITY
from jeonju.common.arrays import Floats

DAY_S: Final = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """Properties of the instrument of one quantity.

    `response_s` is the time to 63 %; `noise` and spreads are in the quantity's unit, `noise_share` and `gain_spread` relative.
    """

    key: str
    response_s: float
    noise: float
    resolution: float
    noise_share: float = 0.0
    offset_spread: float = 0.0
    gain_spread: float = 0.0
    drift_spread_per_day: float = 0.0
    lowest: float = -np.inf
    highest: float = np.inf
    cross: tuple[str, float] | None = (
        None  # (other quantity, spread between units of its residual effect after compensation)
    )


INSTRUMENTS: Final[tuple[Instrument, ...]] = (
    # Optical particle counters: ±10 % between units, full response within 10 s.
    Instrument(
        key="pm1",
        response_s=4,
        noise=1.0,
        noise_share=0.04,
        offset_spread=0.8,
        gain_spread=0.08,
        resolution=0.1,
        lowest=0,
        highest=1000,
    ),
    Instrument(
        key="pm25",
        response_s=4,
        noise=1.2,
        noise_share=0.05,
        offset_spread=1.0,
        gain_spread=0.08,
        resolution=0.1,
        lowest=0,
        highest=1000,
    ),
    Instrument(
        key="pm10",
        response_s=4,
        noise=2.0,
        noise_share=0.07,
        offset_spread=1.5,
        gain_spread=0.12,
        resolution=0.1,
        lowest=0,
        highest=1500,
    ),
    # Electrochemical cells: t90 80 s for NO₂ and O₃, 30 s for SO₂, 15 s for CO, 60 s for H₂S, 150 s for NH₃; t63 = t90/2.3.
    Instrument(
        key="no2",
        response_s=35,
        noise=0.0035,
        offset_spread=0.002,
        gain_spread=0.08,
        drift_spread_per_day=5e-5,
        resolution=0.0001,
        cross=("o3", 0.04),
    ),
    Instrument(
        key="o3",
        response_s=35,
        noise=0.0040,
        offset_spread=0.003,
        gain_spread=0.08,
        drift_spread_per_day=5e-5,
        resolution=0.0001,
        cross=("no2", 0.08),
    ),
    Instrument(
        key="so2",
        response_s=13,
        noise=0.0025,
        offset_spread=0.001,
        gain_spread=0.08,
        drift_spread_per_day=3e-5,
        resolution=0.0001,
        cross=("no2", 0.06),
    ),
    Instrument(
        key="co",
        response_s=6.5,
        noise=0.012,
        offset_spread=0.03,
        gain_spread=0.06,
        drift_spread_per_day=2e-4,
        resolution=0.001,
    ),
    Instrument(
        key="h2s",
        response_s=26,
        noise=0.0008,
        offset_spread=0.0005,
        gain_spread=0.08,
        drift_spread_per_day=1e-5,
        resolution=0.0001,
    ),
    Instrument(
        key="nh3",
        response_s=65,
        noise=0.02,
        offset_spread=0.01,
        gain_spread=0.10,
        drift_spread_per_day=5e-4,
        resolution=0.001,
        lowest=0,
    ),
    # Metal-oxide VOC sensor: t63 below 10 s, ±15 % between units. The index is made from its own reading.
    Instrument(
        key="tvoc", response_s=9, noise=3.0, noise_share=0.02, gain_spread=0.15, resolution=1, lowest=0, highest=60_000
    ),
    Instrument(key="voc_index", response_s=0, noise=2.0, resolution=1, lowest=1, highest=500),
    Instrument(key="temperature", response_s=30, noise=0.05, offset_spread=0.25, resolution=0.1),
    Instrument(key="humidity", response_s=20, noise=0.3, offset_spread=1.5, resolution=0.1, lowest=0, highest=100),
    Instrument(key="pressure", response_s=1, noise=0.05, offset_spread=0.4, resolution=0.1),
    Instrument(key="wind_speed", response_s=1, noise=0.0, noise_share=0.22, resolution=0.1, lowest=0, highest=60),
    Instrument(key="wind_direction", response_s=0, noise=7.0, resolution=1),
    Instrument(key="noise", response_s=1, noise=2.5, resolution=0.1, lowest=30, highest=130),
    # 32 × 24 pixel thermal camera: ±1 °C, at most 300 °C.
    Instrument(key="thermal_max", response_s=0, noise=0.5, offset_spread=0.8, resolution=0.1, lowest=-40, highest=300),
)
MEASURED: Final = tuple(row.key for row in INSTRUMENTS)
_COLUMN: Final = np.array([KEYS.index(key) for key in MEASURED])

# Growth of particles in humid air, C = 1 + (κ/1.65)/(1/aw − 1) (κ-Köhler; Crilley et al. 2018), held constant outside 40 to 97 %.
# Stations have a heated inlet that leaves a little of it; robots measure the air as it is. κ of urban PM2.5 is 0.15 to 0.29.
KAPPA: Final = {"station": 0.05, "robot": 0.20}
PARTICLE_DENSITY_G_CM3: Final = 1.65
# Optical counters see coarse dust badly: share of PM10 − PM2.5 that they report.
COARSE_EFFICIENCY: Final = 0.65
# The VOC index is 100 at the mean of the last day (Sensirion's definition); its answer to a change is damped.
VOC_INDEX_EXPONENT: Final = 0.9


@njit(cache=True, nogil=True)
def _respond(signal: Floats, keep: Floats, state: Floats) -> None:
    """Apply first-order response to the signal (times, devices, instruments) in place; `state` is the last value of each instrument."""
    for t in range(signal.shape[0]):
        for d in range(signal.shape[1]):
            for k in range(signal.shape[2]):
                last = state[d, k]
                value = signal[t, d, k] if np.isnan(last) else keep[k] * last + (1.0 - keep[k]) * signal[t, d, k]
                state[d, k] = value
                signal[t, d, k] = value


@njit(cache=True, nogil=True)
def _voc_index(tvoc: Floats, learn: float, baseline: Floats, out: Floats) -> None:
    """Write to `out` the VOC index of each VOC reading (times, devices) relative to the slowly learnt baseline of its device."""
    for t in range(tvoc.shape[0]):
        for d in range(tvoc.shape[1]):
            if np.isnan(baseline[d]):
                baseline[d] = max(tvoc[t, d], 1.0)
            baseline[d] += learn * (tvoc[t, d] - baseline[d])
            out[t, d] = 100.0 * (max(tvoc[t, d], 1.0) / max(baseline[d], 1.0)) ** VOC_INDEX_EXPONENT


class Instruments:
    """The instruments of all devices of a site; `fitted` (devices, len(KEYS)) says which a device has. One generator per device."""

    def __init__(
        self, kinds: list[str], fitted: NDArray[np.bool_], *, start_s: float, rngs: list[np.random.Generator]
    ) -> None:
        self._rngs = rngs
        self._start_s = start_s
        self._fitted = fitted
        shape = (len(kinds), len(INSTRUMENTS))
        units = np.stack([rng.standard_normal((4, len(INSTRUMENTS))) for rng in rngs], axis=1)
        self._offset = units[0] * np.array([row.offset_spread for row in INSTRUMENTS])
        self._gain = np.maximum(1 + units[1] * np.array([row.gain_spread for row in INSTRUMENTS]), 0.5)
        self._drift = units[2] * np.array([row.drift_spread_per_day for row in INSTRUMENTS])
        self._cross = units[3]
        self._state = np.full(shape, np.nan)
        self._baseline = np.full(len(kinds), np.nan)
        self._kappa = np.array([KAPPA[kind] for kind in kinds])

    def measure(self, truth: Floats, times_s: Floats, interval_s: float) -> Floats:
        """Return the readings (T, D, len(KEYS)) of the true air (T, D, len(KEYS)); NaN where a device has no such instrument."""
        # In the same order whatever the number of times: numba compiles a function for each order.
        signal = np.ascontiguousarray(truth[:, :, _COLUMN])
        self._count_particles(signal, truth)
        for k, row in enumerate(INSTRUMENTS):
            if row.cross is not None:
                other, spread = row.cross
                signal[:, :, k] += spread * self._cross[:, k] * truth[:, :, KEYS.index(other)]
        _respond(signal, np.exp(-interval_s / np.maximum([row.response_s for row in INSTRUMENTS], 1e-9)), self._state)
        _voc_index(
            signal[:, :, MEASURED.index("tvoc")],
            interval_s / DAY_S,
            self._baseline,
            signal[:, :, MEASURED.index("voc_index")],
        )
        days = (times_s - self._start_s)[:, None, None] / DAY_S
        signal = signal * self._gain + self._offset + self._drift * days
        noise = np.stack([rng.standard_normal((len(times_s), len(INSTRUMENTS))) for rng in self._rngs], axis=1)
        signal += noise * (_row("noise") + _row("noise_share") * np.abs(signal))
        return self._quantize(signal)

    def _count_particles(self, signal: Floats, truth: Floats) -> None:
        """Apply what optical counters do: hygroscopic growth at high humidity, and poor counting of coarse particles."""
        activity = np.clip(truth[:, :, KEYS.index("humidity")], 40.0, 97.0) / 100.0
        growth = 1 + (self._kappa / PARTICLE_DENSITY_G_CM3) / (1 / activity - 1)
        fine, coarse = MEASURED.index("pm25"), MEASURED.index("pm10")
        missed = (1 - COARSE_EFFICIENCY) * (signal[:, :, coarse] - signal[:, :, fine])
        signal[:, :, coarse] -= missed
        for key in ("pm1", "pm25", "pm10"):
            signal[:, :, MEASURED.index(key)] *= growth

    def _quantize(self, signal: Floats) -> Floats:
        """Round and clip as the instrument does; NaN where it is not fitted."""
        resolution = _row("resolution")
        rounded = np.clip(np.round(signal / resolution) * resolution, _row("lowest"), _row("highest"))
        direction = MEASURED.index("wind_direction")
        rounded[:, :, direction] %= 360.0
        out = np.full((*signal.shape[:2], len(KEYS)), np.nan)
        # Decimals: 0.1 · 233 is not 23.3 in binary, so round again to what a person would write.
        for k, key in enumerate(MEASURED):
            out[:, :, KEYS.index(key)] = np.round(rounded[:, :, k], max(QUANTITY[key].decimals, 1))
        out[:, ~self._fitted] = np.nan
        return out


def _row(name: str) -> Floats:
    return np.array([getattr(row, name) for row in INSTRUMENTS])
