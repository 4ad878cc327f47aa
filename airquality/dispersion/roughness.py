"""How much faster the wind is at 10 m over smoother land, and slower over rougher land, under one and the same wind aloft."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from jeonju.common.arrays import Floats

# At this height the wind no longer feels single fields and quarters; between there and the ground the profile is logarithmic with the local roughness
# (Wieringa 1986, Q. J. R. Meteorol. Soc. 112, 867: "roughness-dependent geographical interpolation of surface wind speed averages").
BLENDING_HEIGHT_M: Final = 60.0
WIND_HEIGHT_M: Final = 10.0
ROUGHEST_M: Final = 5.0


def speed_ratio(roughness_m: ArrayLike, reference_m: float) -> Floats:
    """Return the wind at 10 m over land of a roughness [m] relative to that over land of the reference roughness."""
    return np.asarray(_sheltered(np.asarray(roughness_m, dtype=float)) / _sheltered(np.asarray(reference_m)))


def _sheltered(roughness_m: Floats) -> Floats:
    """Return the wind at 10 m as a share of that at the blending height."""
    z0 = np.minimum(roughness_m, ROUGHEST_M)
    return np.asarray(np.log(WIND_HEIGHT_M / z0) / np.log(BLENDING_HEIGHT_M / z0))
