"""The two loops in which the time goes: move and grow all puffs, and add them up at all receptors.

A puff is a column of one table whose rows are named here, so that puffs can be copied, dropped and grown as a whole.
"""

from math import exp, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

Table = NDArray[np.float64]

X, Y, Z = 0, 1, 2  # centre [m]
DISTANCE = 3  # travelled path [m]
SIGMA_Y, SIGMA_Z = 4, 5  # spread now [m]
OFFSET_Y, OFFSET_Z = (
    6,
    7,
)  # turbulent spread less what the present curve gives for the path; set when the class changes [m]
INITIAL_Y2, INITIAL_Z2 = 8, 9  # square of the spread at release [m²]
RELEASE_Z = 10  # height of the source [m]
RISE, RISE_DISTANCE = 11, 12  # final rise and the path over which it is gained [m]
MASS = 13
PARTICLES_LEFT = 14  # share of particles that rain has not yet taken
AGE = 15  # [s]
SOURCE = 16
ROWS = 17

# Buoyant entrainment spreads a rising plume by Δh/3.5 (Pasquill 1976, as used in ISC3).
ENTRAINMENT = 1.0 / 3.5
SQRT_TWO_PI_CUBED = (2.0 * np.pi) ** 1.5
SQRT_TWO_PI = (2.0 * np.pi) ** 0.5
# A puff counts within this many σ; what is left out is below 0.1 % of the centre line.
CULL_SIGMAS = 4.0
# Above this ratio of σz to the lid the air below it is well mixed (the image sum agrees within 0.2 %).
WELL_MIXED_RATIO = 1.2
# Below this ratio the lid is not felt.
LID_UNFELT_RATIO = 0.35


@njit(cache=True, nogil=True, error_model="numpy")
def _briggs(distance: float, a: float, b: float, c: float) -> float:
    if c == -0.5:
        return a * distance / sqrt(1.0 + b * distance)
    if c == 0.0:
        return a * distance
    if c == 0.5:
        return a * distance * sqrt(1.0 + b * distance)
    return a * distance / (1.0 + b * distance)


@njit(cache=True, nogil=True, error_model="numpy")
def rebase(puffs: Table, count: int, old: Table, new: Table, scale_y: float) -> None:
    """Let all puffs go on growing from their present spread on the curves `new` instead of `old`; rows (a, b, c) for y and z."""
    for i in range(count):
        path = puffs[DISTANCE, i]
        puffs[OFFSET_Y, i] += scale_y * (
            _briggs(path, old[0, 0], old[0, 1], old[0, 2]) - _briggs(path, new[0, 0], new[0, 1], new[0, 2])
        )
        puffs[OFFSET_Z, i] += _briggs(path, old[1, 0], old[1, 1], old[1, 2]) - _briggs(
            path, new[1, 0], new[1, 1], new[1, 2]
        )


@njit(cache=True, nogil=True, error_model="numpy")
def advance(
    puffs: Table,
    count: int,
    dt: float,
    towards_x: float,
    towards_y: float,
    wind_by_height: Table,
    curves: Table,
    scale_y: float,
    least_growth_speed: float,
    particle_survival: float,
    box: Table,
    max_age: float,
) -> int:
    """Move, grow and lift all puffs by one step, drop those that left the box or grew too old; return how many are left."""
    kept = 0
    highest = wind_by_height.shape[0] - 1
    for i in range(count):
        sigma_z = puffs[SIGMA_Z, i]
        # A puff on the ground moves with the wind at its mean height, √(2/π)·σz.
        height = max(puffs[Z, i], 0.8 * sigma_z)
        wind = wind_by_height[min(int(height), highest)]
        x = puffs[X, i] + towards_x * wind * dt
        y = puffs[Y, i] + towards_y * wind * dt
        age = puffs[AGE, i] + dt
        if age > max_age or x < box[0] or y < box[1] or x > box[2] or y > box[3]:
            continue
        if kept != i:
            for row in range(ROWS):
                puffs[row, kept] = puffs[row, i]
        path = puffs[DISTANCE, kept] + max(wind, least_growth_speed) * dt
        rise = puffs[RISE, kept]
        if path < puffs[RISE_DISTANCE, kept]:
            rise *= (path / puffs[RISE_DISTANCE, kept]) ** (2.0 / 3.0)
        entrained2 = (ENTRAINMENT * rise) ** 2
        turbulent_y = max(
            puffs[OFFSET_Y, kept] + scale_y * _briggs(path, curves[0, 0], curves[0, 1], curves[0, 2]), 0.0
        )
        turbulent_z = max(puffs[OFFSET_Z, kept] + _briggs(path, curves[1, 0], curves[1, 1], curves[1, 2]), 0.0)
        puffs[X, kept] = x
        puffs[Y, kept] = y
        puffs[Z, kept] = puffs[RELEASE_Z, kept] + rise
        puffs[DISTANCE, kept] = path
        puffs[SIGMA_Y, kept] = sqrt(puffs[INITIAL_Y2, kept] + turbulent_y**2 + entrained2)
        puffs[SIGMA_Z, kept] = sqrt(puffs[INITIAL_Z2, kept] + turbulent_z**2 + entrained2)
        puffs[PARTICLES_LEFT, kept] *= particle_survival
        puffs[AGE, kept] = age
        kept += 1
    return kept


@njit(cache=True, nogil=True, error_model="numpy")
def _vertical(z: float, height: float, sigma: float, lid: float) -> float:
    """Return the vertical part of a puff's concentration [1/m] with reflection at the ground and at the lid."""
    if height >= lid:  # above the lid the puff does not reach the ground
        return 0.0
    if sigma > WELL_MIXED_RATIO * lid:
        return 1.0 / lid
    scale = -0.5 / (sigma * sigma)
    total = exp(scale * (z - height) ** 2) + exp(scale * (z + height) ** 2)
    if sigma > LID_UNFELT_RATIO * lid or height + 3.0 * sigma > lid:
        for image in range(1, 4):
            shift = 2.0 * image * lid
            total += exp(scale * (z - height - shift) ** 2) + exp(scale * (z - height + shift) ** 2)
            total += exp(scale * (z + height - shift) ** 2) + exp(scale * (z + height + shift) ** 2)
    return total / (SQRT_TWO_PI * sigma)


@njit(cache=True, nogil=True, error_model="numpy")
def add_up(
    puffs: Table,
    count: int,
    receptors: Table,
    order: NDArray[np.int64],
    level: NDArray[np.int64],
    lid: float,
    cull_sigmas: float,
    out: NDArray[np.float64],
) -> None:
    """Add every puff at every receptor to out[receptor, source, gas or particles].

    `receptors` are rows (x, y, z) in ascending x; `order` says which row of `out` each belongs to, `level` which of the distinct heights
    it has: the vertical part of a puff is worked out once for each height.
    """
    many = receptors.shape[0]
    vertical = np.empty(level.max() + 1 if many else 0)
    for i in range(count):
        sigma2 = puffs[SIGMA_Y, i] ** 2
        reach2 = cull_sigmas * cull_sigmas * sigma2
        reach = sqrt(reach2)
        x, y = puffs[X, i], puffs[Y, i]
        # Only receptors within reach along x are looked at: find the first by halving.
        first, last = 0, many
        while first < last:
            middle = (first + last) // 2
            if receptors[middle, 0] < x - reach:
                first = middle + 1
            else:
                last = middle
        vertical[:] = -1.0
        for r in range(first, many):
            dx = receptors[r, 0] - x
            if dx > reach:
                break
            distance2 = dx * dx + (receptors[r, 1] - y) ** 2
            if distance2 > reach2:
                continue
            if vertical[level[r]] < 0.0:
                vertical[level[r]] = _vertical(receptors[r, 2], puffs[Z, i], puffs[SIGMA_Z, i], lid)
            dose = puffs[MASS, i] * vertical[level[r]] * exp(-0.5 * distance2 / sigma2) / (2.0 * np.pi * sigma2)
            source = int(puffs[SOURCE, i])
            out[order[r], source, 0] += dose
            out[order[r], source, 1] += dose * puffs[PARTICLES_LEFT, i]
