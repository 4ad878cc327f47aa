"""How instruments err for hours, weeks and years: what one unit keeps to itself, what the aerosol does to all counters, humidity, cells that age.

Measured beside references (hourly residuals from a straight line): counters of particles keep 0.8 to 0.9 from hour to hour, an NO₂ cell 0.7, and an
O₃ cell 0.99, as its zero moves over weeks. Of three counters of one make side by side the residuals agree by 0.7 to 0.9: what they have in common is
the light that a microgram scatters, which changes with the aerosol. So that part is one for the whole city, and a smaller part is the unit's own.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
YEAR_S: Final = 365.25 * DAY_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Errors:
    """Errors with memory of the instrument of one quantity: levels are standard deviations in its unit, shares relative to the reading.

    `loss_per_year` is the share of sensitivity that is lost, `per_kelvin` and `per_percent` the spread between units of what is left of temperature
    and humidity after the maker's compensation.
    """

    fast_h: float = 4.0
    fast_level: float = 0.0
    fast_share: float = 0.0
    slow_days: float = 15.0
    slow_level: float = 0.0
    slow_share: float = 0.0
    loss_per_year: float = 0.0
    loss_spread: float = 0.0
    per_kelvin: float = 0.0
    per_percent: float = 0.0


_COUNTER: Final = Errors(
    fast_h=8, fast_level=0.8, fast_share=0.06, slow_days=20, slow_level=0.3, slow_share=0.08, loss_spread=0.04
)
# Levels and memories of NO₂, O₃ and particles are those of co-locations in England (QUANT, Diez et al. 2022), rounded, as is the loss of NO₂ cells:
# a unit of QUANT had a slope of 0.51 after 19 months; that such cells grow worse was seen elsewhere, too (Kim et al. 2022). Of an O₃ cell hardly any
# loss was seen. The other gases have no co-location here: half of their spread of offsets, assumed.
ERRORS: Final[dict[str, Errors]] = {
    "pm1": _COUNTER,
    "pm25": _COUNTER,
    "pm10": _COUNTER,
    "no2": Errors(
        fast_h=2,
        fast_level=0.0006,
        fast_share=0.12,
        slow_days=15,
        slow_level=0.0004,
        loss_per_year=0.27,
        loss_spread=0.05,
        per_kelvin=3e-5,
        per_percent=1e-5,
    ),
    "o3": Errors(
        fast_h=5,
        fast_level=0.0007,
        fast_share=0.015,
        slow_days=30,
        slow_level=0.0042,
        loss_per_year=0.03,
        loss_spread=0.03,
        per_kelvin=3e-5,
        per_percent=1e-5,
    ),
    "so2": Errors(fast_level=0.0005, slow_level=0.0005, loss_per_year=0.1, loss_spread=0.05, per_kelvin=3e-5),
    "co": Errors(
        fast_level=0.015, fast_share=0.03, slow_level=0.015, loss_per_year=0.05, loss_spread=0.03, per_kelvin=1e-3
    ),
    "h2s": Errors(fast_level=0.0002, slow_level=0.0002, loss_per_year=0.1, loss_spread=0.05),
    "nh3": Errors(fast_level=0.005, fast_share=0.05, slow_level=0.005, loss_per_year=0.1, loss_spread=0.05),
    "tvoc": Errors(fast_share=0.08, slow_share=0.10),
}
COUNTED: Final = ("pm1", "pm25", "pm10")

# The light that a microgram scatters changes with the aerosol, for all counters alike: spreads (of the logarithm) and memories.
AEROSOL_FAST: Final = 0.22
AEROSOL_FAST_S: Final = 8 * HOUR_S
AEROSOL_SLOW: Final = 0.12
AEROSOL_SLOW_S: Final = 15 * DAY_S
AEROSOL_MEMORY_S: Final = np.array([AEROSOL_FAST_S, AEROSOL_SLOW_S])
# Nothing loses more than four fifths, and no factor falls below a tenth.
LEAST_SENSITIVITY: Final = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """What a device of a kind is: how humid the particles are that it counts, and how well it is calibrated.

    `kappa` is the hygroscopicity that is left behind the inlet, `warmer_k` how much warmer the housing is. `counter_gain` is the mean gain of
    counters, `place_spread` that between places, where the usual aerosol differs, `unseen_ug_m3` the level at which half of the particles are too
    small to be seen, `age_years` how long ago it was calibrated.
    """

    kappa: float
    warmer_k: float = 0.0
    counter_gain: float = 1.0
    place_spread: float = 0.0
    unseen_ug_m3: float = 0.0
    age_years: float = 0.0
    age_spread: float = 0.0


# κ of urban PM2.5 is 0.15 to 0.29. Stations and robots of a city are calibrated when it begins (an assumption: operators of networks have them
# calibrated); stations have a heated inlet that leaves a little of κ, robots measure the air as it is. "uncorrected" is what one buys: no reference
# has corrected it, no inlet is heated. Counters as PurpleAirs, which read 40 % too high on average (Barkjohn et al. 2021), see less of clean air than
# of polluted air, and are 3.8 K warmer inside than the air (Tse and Liang 2025). Cells as old as those of QUANT.
GRADES: Final[dict[str, Grade]] = {
    "station": Grade(kappa=0.05),
    "robot": Grade(kappa=0.20),
    "uncorrected": Grade(
        kappa=0.20,
        warmer_k=3.8,
        counter_gain=1.60,
        place_spread=0.21,
        unseen_ug_m3=2.0,
        age_years=1.7,
        age_spread=0.3,
    ),
}

# Relative change of saturated vapour per kelvin, at 15 °C (Magnus).
VAPOUR_PER_K: Final = 0.064


def drying(warmer_k: Floats | float) -> Floats:
    """Return the share of the relative humidity of the air that is left in a housing that is warmer than it."""
    return np.exp(-VAPOUR_PER_K * np.asarray(warmer_k))


class UnitErrors:
    """What is drawn once for every device and instrument: ageing and the answer to temperature and humidity."""

    def __init__(self, keys: tuple[str, ...], grades: list[Grade], rngs: list[np.random.Generator]) -> None:
        rows = [ERRORS.get(key, Errors()) for key in keys]
        drawn = np.stack([rng.standard_normal((4, len(keys))) for rng in rngs], axis=1)
        self.loss_per_year = np.maximum(_of(rows, "loss_per_year") + drawn[0] * _of(rows, "loss_spread"), -0.1)
        self.per_kelvin = drawn[1] * _of(rows, "per_kelvin")
        self.per_percent = drawn[2] * _of(rows, "per_percent")
        self.age_years = np.array([max(g.age_years + g.age_spread * drawn[3, d, 0], 0) for d, g in enumerate(grades)])
        self.levels = np.stack([_of(rows, "fast_level"), _of(rows, "slow_level")])
        self.shares = np.stack([_of(rows, "fast_share"), _of(rows, "slow_share")])


def memory_s(keys: tuple[str, ...]) -> Floats:
    """Return the relaxation times of the fast and then of the slow error of every instrument (2 · instruments)."""
    rows = [ERRORS.get(key, Errors()) for key in keys]
    return np.concatenate([_of(rows, "fast_h") * HOUR_S, _of(rows, "slow_days") * DAY_S])


def wandering(keys: tuple[str, ...]) -> NDArray[np.int64]:
    """Return whose wander each instrument has: one laser counts all sizes of particles, so they err alike."""
    return np.array([keys.index("pm25") if key in COUNTED else k for k, key in enumerate(keys)])


def _of(rows: list[Errors], name: str) -> Floats:
    return np.array([getattr(row, name) for row in rows])
