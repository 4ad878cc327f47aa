"""What data sheets and field studies say of each instrument: response, noise, resolution, limits, and differences between units after calibration.

One row for each quantity. Values are those of common low-cost instruments (Sensirion SPS30, Alphasense B4 cells, SGP40, MLX90640); spreads are
standard deviations between units.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np


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
        gain_spread=0.12,
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
        gain_spread=0.12,
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
        gain_spread=0.14,
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
