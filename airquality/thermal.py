"""What a robot's thermal camera sees of fire, and how far: used forward by the simulator, backward by the source estimator."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats

# A pixel of the 55° lens covers 1.7° (0.03 rad; MLX90640, 32 × 24 pixels). Its practical range for a flame is about 40 to 60 m; beyond, walls and
# smoke hide a flame more often than not.
PIXEL_RAD: Final = 0.03
RANGE_M: Final = 60.0
KELVIN: Final = 273.15
# Above this, and this far above the air, it is fire: roofs in the sun stay below 75 °C.
FLAME_C: Final = 85.0
FLAME_ABOVE_AIR_C: Final = 50.0


def pixel_c(distance_m: Floats, area_m2: float, temperature_c: float, surface_c: Floats) -> Floats:
    """Return the temperature [°C] that a pixel shows of a hot area before surfaces of `surface_c` at some distance [m].

    The area fills a share of a pixel of (0.03·distance)²; the pixel shows the fourth-power mean of both.
    """
    share = np.minimum(area_m2 / (PIXEL_RAD * np.maximum(distance_m, 1.0)) ** 2, 1.0)
    seen = (share * (temperature_c + KELVIN) ** 4 + (1 - share) * (surface_c + KELVIN) ** 4) ** 0.25
    return np.asarray(seen - KELVIN)


def is_fire(hottest_c: Floats, air_c: Floats) -> NDArray[np.bool_]:
    """Return where the hottest pixel is fire; False where nothing is known."""
    return np.asarray(
        np.nan_to_num(hottest_c, nan=-KELVIN) > np.maximum(FLAME_C, np.nan_to_num(air_c) + FLAME_ABOVE_AIR_C)
    )
