"""How wide and high a puff is after a travelled distance: the curves of Briggs (1973)."""

import warnings
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jeonju.airquality.dispersion.meteorology import Stability

BriggsSurroundings = Literal["urban", "downtown", "rural"]

# σ = a·x·(1 + b·x)^c as rows (a, b, c), for classes A … F. Briggs, G. A. (1973): Diffusion estimation for small emissions,
# ATDL contribution 79; as tabulated by Hanna, Briggs & Hosker (1982), Handbook on Atmospheric Diffusion, DOE/TIC-11223, table 4.5.
# "rural" rests on open-country releases, "urban" on the St. Louis experiment of McElroy & Pooler (1968).
_SIGMA_Y: Final[dict[BriggsSurroundings, tuple[tuple[float, float, float], ...]]] = {
    "rural": tuple((a, 1e-4, -0.5) for a in (0.22, 0.16, 0.11, 0.08, 0.06, 0.04)),
    "urban": tuple((a, 4e-4, -0.5) for a in (0.32, 0.32, 0.22, 0.16, 0.11, 0.11)),
}
_SIGMA_Z: Final[dict[BriggsSurroundings, tuple[tuple[float, float, float], ...]]] = {
    "rural": (
        (0.20, 0, 0),
        (0.12, 0, 0),
        (0.08, 2e-4, -0.5),
        (0.06, 1.5e-3, -0.5),
        (0.03, 3e-4, -1),
        (0.016, 3e-4, -1),
    ),
    "urban": (
        (0.24, 1e-3, 0.5),
        (0.24, 1e-3, 0.5),
        (0.20, 0, 0),
        (0.14, 3e-4, -0.5),
        (0.08, 1.5e-3, -0.5),
        (0.08, 1.5e-3, -0.5),
    ),
}
# Between tall buildings Briggs' urban curves hold for what has passed the first of them.
_SIGMA_Y["downtown"], _SIGMA_Z["downtown"] = _SIGMA_Y["urban"], _SIGMA_Z["urban"]
# Distances within which the curves were drawn, and the averaging time of the measurements behind them.
VALID_FROM_M: Final = 100.0
VALID_TO_M: Final = 10_000.0
AVERAGING_TIME_S: Final = 600.0

# Over flat, open land σy = σθ·x·(1 + 78·σθ·x/h)^(−0.3), h the mixing height: the AERMOD formulation (EPA-454/R-03-004, eq. 77) for near-ground
# sources. Its two numbers were set by its authors on the lateral spread of the Prairie Grass experiment.
_OPEN_GROWTH: Final = 78.0
_OPEN_EXPONENT: Final = -0.3

# A puff is never narrower than this at release; keeps the first metres finite.
LEAST_SIGMA_M: Final = 0.5
# The initial spread between tall buildings of which the literature on releases in downtowns speaks (after Hanna and Baja 2009, Atmos. Environ. 43,
# 3033): tens of metres, taken as 40 m. An industrial complex of halls 8 to 10 m high is no downtown.
DOWNTOWN_SIGMA_M: Final = 40.0

# σy grows with averaging time as t^0.2 from about 3 minutes to an hour (Hino 1968; Gifford 1975).
AVERAGING_EXPONENT: Final = 0.2


def least_sigma_m(surroundings: str, height_m: float) -> float:
    """Return the least spread [m] of what is released at a height.

    What is released in the streets of a downtown fills the space between its tall buildings at once: an initial spread of the order of their height
    (`DOWNTOWN_SIGMA_M`). For sources and receptors below the roofs, from about one block on to some 2 km.
    """
    return DOWNTOWN_SIGMA_M if surroundings == "downtown" and height_m < DOWNTOWN_SIGMA_M else LEAST_SIGMA_M


def coefficients(surroundings: BriggsSurroundings, stability: int) -> NDArray[np.float64]:
    """Return rows (a, b, c) of σy and of σz for one class, shape (2, 3)."""
    return np.array([_SIGMA_Y[surroundings][stability], _SIGMA_Z[surroundings][stability]])


def sigma_y(distance_m: ArrayLike, stability: Stability, surroundings: BriggsSurroundings) -> NDArray[np.float64]:
    """Return the horizontal spread σy [m] after `distance_m` [m] of travel, for 10-minute means.

    Briggs (1973): σy = a·x·(1 + b·x)^(−1/2). Drawn for 100 m to 10 km; outside that range a warning is given and the formula used.
    """
    return _curve(distance_m, _SIGMA_Y[surroundings][stability])


def sigma_z(distance_m: ArrayLike, stability: Stability, surroundings: BriggsSurroundings) -> NDArray[np.float64]:
    """Return the vertical spread σz [m] after `distance_m` [m] of travel.

    Briggs (1973): σz = a·x·(1 + b·x)^c. Drawn for 100 m to 10 km; outside that range a warning is given and the formula used.
    """
    return _curve(distance_m, _SIGMA_Z[surroundings][stability])


def _curve(distance_m: ArrayLike, row: tuple[float, float, float]) -> NDArray[np.float64]:
    x = np.asarray(distance_m, dtype=float)
    if np.any((x < VALID_FROM_M) | (x > VALID_TO_M)):
        warnings.warn("Briggs' curves were drawn for 100 m to 10 km", stacklevel=3)
    a, b, c = row
    return a * x * (1 + b * x) ** c


def open_coefficients(direction_std_rad: float, mixing_height_m: float) -> NDArray[np.float64]:
    """Return rows (a, b, c) of σy over flat, open land, and of zeros for σz, which grows with the surface layer; shape (2, 3).

    `direction_std_rad` is the standard deviation of the wind's direction [rad] over the averaging time. For sources and receptors below about
    10 m and distances up to about 2 km.
    """
    growth = _OPEN_GROWTH * direction_std_rad / mixing_height_m
    return np.array([(direction_std_rad, growth, _OPEN_EXPONENT), (0.0, 0.0, 0.0)])


def averaging_factor(averaging_time_s: float) -> float:
    """Return by how much σy is narrower (or wider) than for 10-minute means, for 3 to 60 minutes.

    Puffs that are carried by a wind which itself meanders within 10 minutes must not be spread by that meander again.
    """
    return float((averaging_time_s / AVERAGING_TIME_S) ** AVERAGING_EXPONENT)
