"""The loops over particles: move, rise, stall, wash out, thin out, and add up at receptors. Compiled with numba.

A particle follows Thomson's (1987) well-mixed Langevin equation for Gaussian turbulence without correlation between
components: the wind divided by its σ is what is remembered, and in the vertical the drift is dσw/dz. Random numbers
come from one generator whose state goes on from tick to tick, so that a run does not depend on how many ticks are
marched at once.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from jeonju.simulator.nature.turbulence import (
    BEND_M,
    LEVELS,
    MEMORY_W,
    SIGMA_W,
    SLOPE_W,
    SPEED,
    SPREAD,
    STABILITY,
    STEP,
    TURN_COS,
    TURN_SIN,
)
from jeonju.simulator.nature.wind import DRAINAGE_DEPTH_M

# What is known of a particle: place; wind of large eddies along and across, of all in the vertical, of small ones along
# and across, each relative to its σ; mass, and the share of particulate matter left; age; how long it stays stalled;
# squared widths of its kernel; buoyancy, volume and momentum flux of the plume around it, its entrainment; source; bits
# that decide when it is thinned out; how late in its first tick it is released.
X, Y, Z, U, V, W, SMALL_U, SMALL_V = range(8)
MASS, LEFT, AGE, STALLED, WIDE2, HIGH2, BUOYANCY, VOLUME, MOMENTUM, ENTRAINMENT, SOURCE, BITS, LATE = range(8, 21)
ROWS: Final = 21
# Columns of the air of one tick.
EAST, NORTH, SIGMA_U, SIGMA_V, MEMORY_H, HEIGHT, ROOFS, DRAIN_EAST, DRAIN_NORTH, DRY, WASHOUT = range(11)
AIR_COLUMNS: Final = 11
# Columns of the parameters of the grid of winds.
WEST, SOUTH, CELL = range(3)

# Steps in the vertical are so much of the memory there.
STEP_SHARE: Final = 0.15
# Widths of a kernel are this share of the spread of the plume: 3 % more spread for a smooth field.
KERNEL_SHARE2: Final = 0.25**2
WIDEST2: Final = 100.0**2
HIGHEST2: Final = 20.0**2
CUT_OFF: Final = 3.5
# Particles are halved, and what is left doubled, at these ages [s].
THINNED_S: Final = (300.0, 900.0, 2400.0)
OLDEST_S: Final = 14_400.0
CEILING_M: Final = 3000.0
# Stalls: between buildings, air is caught so often, and is held for so long on average [s]: an assumption, for streets
# of some tens of metres in which air turns round for one to three minutes.
CAUGHT_PER_S: Final = 1.0 / 300.0
HELD_S: Final = 120.0
# Dry deposition acts on what is below this [m].
DEPOSITION_M: Final = 15.0
# Entrainment along the axis of a rising plume, and by eddies of its size (Webster and Thomson 2002, Atmos. Environ. 36, 5031).
ALONG: Final = 0.11
BY_EDDIES: Final = 0.655
C0: Final = 3.0


@njit(cache=True, nogil=True)
def uniform(state: Any) -> float:
    """Return a number from 0 to 1 (xorshift64)."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return float((x * np.uint64(0x2545F4914F6CDD1D)) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True)
def normal(state: Any) -> float:
    """Return a number of mean 0 and variance 1: the sum of four uniform ones of 16 bits (kurtosis 2.7 instead of 3)."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    x *= np.uint64(0x2545F4914F6CDD1D)
    low = np.uint64(0xFFFF)
    total = (x & low) + ((x >> np.uint64(16)) & low) + ((x >> np.uint64(32)) & low) + (x >> np.uint64(48))
    return (float(total) - 131070.0) * (1.0 / 37837.227)


@njit(cache=True, nogil=True)
def grow(
    p: Any, i: int, dt: float, age: float, sigma_w: float, memory_w: float, sigma_v: float, memory_h: float
) -> None:
    """Widen the kernel of a particle as its plume spreads here (Taylor 1921, by its derivative)."""
    small = KERNEL_SHARE2 * 2 * sigma_w * sigma_w * memory_w * (1 - np.exp(-age / memory_w)) * dt
    large = KERNEL_SHARE2 * 2 * sigma_v * sigma_v * memory_h * (1 - np.exp(-age / memory_h)) * dt
    p[WIDE2, i] = min(p[WIDE2, i] + small + large, WIDEST2)
    p[HIGH2, i] = min(p[HIGH2, i] + small, HIGHEST2)


@njit(cache=True, nogil=True)
def rise(p: Any, i: int, dt: float, speed: float, n2: float, sigma_w: float, memory_w: float) -> float:
    """Advance the buoyant plume around a particle; return its vertical speed [m/s], 0 once it is spent.

    The integral plume of Morton, Taylor and Turner (1956) in a cross wind, as in Webster and Thomson (2002): volume
    flux grows by entrainment along and across the axis and by eddies of the air, momentum by buoyancy, and buoyancy is
    lost to stratification.
    """
    volume, momentum = p[VOLUME, i], p[MOMENTUM, i]
    w = momentum / volume
    along = np.sqrt(speed * speed + w * w) + 1e-6
    radius = np.sqrt(volume / along)
    eddies = min((2 * sigma_w * sigma_w / (C0 * memory_w) * radius) ** (1 / 3), sigma_w) * BY_EDDIES
    across = p[ENTRAINMENT, i] * speed * abs(w) / along
    p[VOLUME, i] = volume + dt * along * 2 * radius * (ALONG * w * w / along + across + eddies)
    p[MOMENTUM, i] = momentum + dt * p[BUOYANCY, i]
    p[BUOYANCY, i] -= dt * n2 * momentum
    p[WIDE2, i] = max(p[WIDE2, i], 0.25 * radius * radius)
    p[HIGH2, i] = min(max(p[HIGH2, i], 0.25 * radius * radius), HIGHEST2)
    if p[MOMENTUM, i] <= 0.0 or p[MOMENTUM, i] < 0.2 * sigma_w * p[VOLUME, i]:
        p[VOLUME, i] = 0.0
    return float(w)


@njit(cache=True, nogil=True)
def move(
    p: Any, i: int, dt_s: float, air: Any, table: Any, east: float, north: float, slope: float, state: Any
) -> None:
    """Carry one particle through a tick; `east`, `north` are the mean wind at 10 m where it is, `slope` the share of the drainage flow."""
    left = dt_s - p[LATE, i]
    p[LATE, i] = 0.0
    decay = np.exp(-left / air[MEMORY_H])
    kick = np.sqrt(1 - decay * decay)
    p[U, i] = decay * p[U, i] + kick * normal(state)
    p[V, i] = decay * p[V, i] + kick * normal(state)
    if air[ROOFS] > 0.0 and p[STALLED, i] <= 0.0 and p[Z, i] < air[ROOFS] and uniform(state) < CAUGHT_PER_S * left:
        p[STALLED, i] = -HELD_S * np.log(1.0 - uniform(state))
    base = np.sqrt(east * east + north * north)
    head_e, head_n = (east / base, north / base) if base > 1e-9 else (0.0, 1.0)
    side_e = air[SIGMA_U] * p[U, i] * head_e + air[SIGMA_V] * p[V, i] * head_n
    side_n = air[SIGMA_U] * p[U, i] * head_n - air[SIGMA_V] * p[V, i] * head_e
    z, omega, lid = p[Z, i], p[W, i], air[HEIGHT]
    while left > 1e-9:
        at = np.log(z / BEND_M + 1.0) / STEP
        low = min(int(at), LEVELS - 2)
        share = min(at - low, 1.0)
        sigma_w = (1 - share) * table[low, SIGMA_W] + share * table[low + 1, SIGMA_W]
        memory_w = (1 - share) * table[low, MEMORY_W] + share * table[low + 1, MEMORY_W]
        dt = min(left, STEP_SHARE * memory_w)
        lift = 0.0
        factor = (1 - share) * table[low, SPEED] + share * table[low + 1, SPEED]
        if p[VOLUME, i] > 0.0:
            w = p[MOMENTUM, i] / p[VOLUME, i]
            along = np.sqrt((factor * base) ** 2 + w * w) + 1e-6
            dt = min(dt, max(0.3 * np.sqrt(p[VOLUME, i] / along) / along, 0.05))
            lift = rise(p, i, dt, factor * base, table[low, STABILITY], sigma_w, memory_w)
        if p[STALLED, i] <= 0.0:
            drain = slope * np.exp(-z / DRAINAGE_DEPTH_M) * min(factor, 1.0)
            mean_e = factor * east + drain * air[DRAIN_EAST]
            mean_n = factor * north + drain * air[DRAIN_NORTH]
            east_m_s = mean_e * table[low, TURN_COS] + mean_n * table[low, TURN_SIN] + table[low, SPREAD] * side_e
            north_m_s = mean_n * table[low, TURN_COS] - mean_e * table[low, TURN_SIN] + table[low, SPREAD] * side_n
            p[X, i] += dt * (east_m_s + sigma_w * p[SMALL_U, i])
            p[Y, i] += dt * (north_m_s + sigma_w * p[SMALL_V, i])
        else:
            p[STALLED, i] -= dt
        a = dt / memory_w
        keep = 1 - a + 0.5 * a * a - a * a * a / 6
        shock = np.sqrt(1 - keep * keep)
        omega = keep * omega + table[low, SLOPE_W] * dt + shock * normal(state)
        p[SMALL_U, i] = keep * p[SMALL_U, i] + shock * normal(state)
        p[SMALL_V, i] = keep * p[SMALL_V, i] + shock * normal(state)
        before = z
        # The second term is how σ changes on the way.
        z += dt * (sigma_w * omega * (1 + 0.5 * dt * table[low, SLOPE_W] * omega) + lift)
        if z < 0.0:
            z, omega = -z, -omega
        if before < lid < z and lift == 0.0:
            z, omega = 2 * lid - z, -omega
            z = max(z, 0.0)
        if p[STALLED, i] > 0.0 and z > air[ROOFS]:
            p[STALLED, i] = 0.0
        p[AGE, i] += dt
        grow(p, i, dt, p[AGE, i], sigma_w, memory_w, table[low, SPREAD] * air[SIGMA_V], air[MEMORY_H])
        left -= dt
    p[Z, i], p[W, i] = min(z, CEILING_M), omega
    p[LEFT, i] *= air[WASHOUT] if z >= DEPOSITION_M else air[WASHOUT] * air[DRY]


@njit(cache=True, nogil=True)
def is_over(p: Any, i: int, before_s: float, box: Any) -> bool:
    """Thin out at each of the ages; return whether this particle goes, having left the box, grown old, or lost its place to its double."""
    if not (box[0] < p[X, i] < box[2] and box[1] < p[Y, i] < box[3]) or p[AGE, i] > OLDEST_S:
        return True
    bits = int(p[BITS, i])
    for k in range(len(THINNED_S)):
        if before_s <= THINNED_S[k] < p[AGE, i]:
            if bits >> k & 1:
                return True
            p[MASS, i] *= 2
    return False


@njit(cache=True, nogil=True)
def add_up(p: Any, count: int, receptors: Any, out: Any) -> None:
    """Add what each particle's Gaussian kernel, with its image in the ground, puts at each receptor, (receptors, sources, 2)."""
    for i in range(count):
        wide2 = p[WIDE2, i]
        reach2 = CUT_OFF * CUT_OFF * wide2
        z, high2 = p[Z, i], p[HIGH2, i]
        for r in range(len(receptors)):
            d2 = (p[X, i] - receptors[r, 0]) ** 2 + (p[Y, i] - receptors[r, 1]) ** 2
            if d2 > reach2:
                continue
            down = (z - receptors[r, 2]) ** 2 / (2 * high2)
            if down > 0.5 * CUT_OFF * CUT_OFF:
                continue
            up = (z + receptors[r, 2]) ** 2 / (2 * high2)
            amount = p[MASS, i] * np.exp(-d2 / (2 * wide2)) * (np.exp(-down) + np.exp(-up))
            amount /= 15.749609945722419 * wide2 * np.sqrt(high2)
            source = int(p[SOURCE, i])
            out[r, source, 0] += amount
            out[r, source, 1] += amount * p[LEFT, i]


@njit(cache=True, nogil=True)
def wind_at(grid: Any, place: Any, x: float, y: float) -> tuple[float, float, float]:
    """Return a grid (3, columns, rows) at a place, bilinear, as at its edge beyond it: east, north, share of the drainage flow."""
    a = min(max((x - place[WEST]) / place[CELL], 0.0), grid.shape[1] - 1.001)
    b = min(max((y - place[SOUTH]) / place[CELL], 0.0), grid.shape[2] - 1.001)
    i, j = int(a), int(b)
    s, t = a - i, b - j
    c00, c01, c10, c11 = (1 - s) * (1 - t), (1 - s) * t, s * (1 - t), s * t
    east = c00 * grid[0, i, j] + c01 * grid[0, i, j + 1] + c10 * grid[0, i + 1, j] + c11 * grid[0, i + 1, j + 1]
    north = c00 * grid[1, i, j] + c01 * grid[1, i, j + 1] + c10 * grid[1, i + 1, j] + c11 * grid[1, i + 1, j + 1]
    slope = c00 * grid[2, i, j] + c01 * grid[2, i, j + 1] + c10 * grid[2, i + 1, j] + c11 * grid[2, i + 1, j + 1]
    return east, north, slope


@njit(cache=True, nogil=True)
def march(
    p: Any,
    count: int,
    new: Any,
    due: Any,
    dt_s: float,
    airs: Any,
    tables: Any,
    grids: Any,
    place: Any,
    receptors: Any,
    box: Any,
    state: Any,
    out: Any,
) -> int:
    """Carry all particles through all ticks; `new` joins at its ticks `due`. Returns how many there are then.

    What they add up to is put into `out` (ticks, receptors, sources, 2).
    """
    entered = 0
    for k in range(len(airs)):
        while entered < len(due) and due[entered] <= k:
            for row in range(ROWS):
                p[row, count] = new[row, entered]
            count += 1
            entered += 1
        i = 0
        while i < count:
            before_s = p[AGE, i]
            east, north, slope = wind_at(grids[k], place, p[X, i], p[Y, i])
            move(p, i, dt_s, airs[k], tables[k], airs[k, EAST] + east, airs[k, NORTH] + north, slope, state)
            if is_over(p, i, before_s, box):
                count -= 1
                # The last one, which has not moved yet, takes the place.
                for row in range(ROWS):
                    p[row, i] = p[row, count]
            else:
                i += 1
        if receptors.shape[1] > 0:
            add_up(p, count, receptors[min(k, len(receptors) - 1)], out[k])
    return count
