"""The loops in which the time goes: move and grow all puffs, and add them up at all receptors, over many ticks in one call.

A puff is a column of one table whose rows are named here, so that puffs can be copied, dropped and grown as a whole.
One file, although it has some 460 lines: numba caches compiled functions by file, and a change in one that another file inlines would go unseen.
"""

from math import exp, log, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

Table = NDArray[np.float64]
Numbers = NDArray[np.int64]

X, Y, Z = 0, 1, 2  # centre [m]
DISTANCE = 3  # travelled path [m]
SIGMA_Y, SIGMA_Z = 4, 5  # spread now [m]
OFFSET_Y, OFFSET_Z = 6, 7  # turbulent spread beyond what the present curve gives for the path [m]
INITIAL_Y2, INITIAL_Z2 = 8, 9  # square of the spread at release [m²]
RELEASE_Z = 10  # height of the source [m]
RISE, RISE_DISTANCE = 11, 12  # final rise and the path over which it is gained [m]
MASS = 13
PARTICLES_LEFT = 14  # share of particles that rain has not yet taken
AGE = 15  # [s]
SOURCE = 16
ROWS = 17

# Columns of the air of one tick.
TOWARDS_X, TOWARDS_Y = 0, 1  # unit vector the air moves along
U_STAR = 2  # friction velocity [m/s]
LID = 3  # mixing height [m]
SURVIVAL = 4  # share of particles that the rain of this tick leaves
PER_REFERENCE = 5  # u* over the wind at the height at which the winds of a grid hold
AIR_COLUMNS = 6

# Where a puff came from that is over a receptor now.
CAME_X, CAME_Y, CAME_STRETCH, CAME_ERROR2 = 0, 1, 2, 3
CAME_COLUMNS = 4
# σ² grows with about this power of the path (Briggs' σ with 0.7 to 1); paths that differ by more than this factor are counted as if by this.
GROWTH = 1.8
LEAST_STRETCH = 0.4

# Profiles are tables over heights z = (i/16)² [m]: fine near the ground, where they bend.
HEIGHTS_PER_ROOT_M = 16.0
HEIGHTS_M = (np.arange(228) / HEIGHTS_PER_ROOT_M) ** 2
# Rows of a profile: u/u* at this height, dσz/dx of a plume with this mean height, and u/u* of the air that carries one on the ground.
SPEED, SLOPE, CARRIED = 0, 1, 2

# Even in a calm, slow eddies spread a puff as if it moved this fast [m/s].
LEAST_GROWTH_SPEED = 0.5
# Buoyant entrainment spreads a rising plume by Δh/3.5 (Pasquill 1976, as used in ISC3).
ENTRAINMENT = 1.0 / 3.5
SQRT_TWO_PI = (2.0 * np.pi) ** 0.5
# The mean height of a puff on the ground is √(2/π)·σz.
MEAN_HEIGHT = (2.0 / np.pi) ** 0.5
# A puff counts within this many σ; what is left out is below 0.1 % of the centre line.
CULL_SIGMAS = 4.0
# Neighbours in the train of one source become one puff when they are nearer to each other than this share of their σ. A train of puffs is smooth
# to 1e-4 up to a spacing of 1.4 σ; here it stays below 0.6 σ.
MERGE_SIGMAS = 0.3
# Ticks between two looks for puffs to merge.
MERGE_EVERY = 4
# Puffs are merged only when their spreads differ by less than this share.
ALIKE = 0.25
# Above this ratio of σz to the lid the air below it is well mixed (the image sum agrees within 0.2 %).
WELL_MIXED_RATIO = 1.2
# Below this ratio the lid is not felt.
LID_UNFELT_RATIO = 0.35
# Reflections at the lid that count while it is not well mixed.
IMAGES = 3


@njit(cache=True, nogil=True, error_model="numpy")
def march(
    puffs: Table,
    count: int,
    waiting: Table,
    due: Numbers,
    dt: float,
    air: Table,
    profiles: NDArray[np.float64],
    profile_of: Numbers,
    before: Table,
    curves: NDArray[np.float64],
    curves_of: Numbers,
    grid: tuple[float, float, float],
    winds: NDArray[np.float64],
    receptors: NDArray[np.float64],
    cull_sigmas: float,
    merge_sigmas: float,
    ticks_before: int,
    box: Table,
    max_age: float,
    out: NDArray[np.float64],
) -> int:
    """Let ticks pass: at each, take in the puffs that are due, move all, and add them up at the receptors; return how many puffs are left.

    Columns of `waiting` become puffs at the ticks `due`, in ascending order. `air` is (ticks, AIR_COLUMNS), `profiles` (kinds, 3, heights) with
    `profile_of` (ticks), `curves` (kinds, 2, 3) with `curves_of` (ticks) and those in force before, `receptors` (ticks or 1, receptors, 3), `out`
    (ticks, receptors, sources, 2). `winds` (ticks or 1, ny, nx, 2) over the frame `grid` (west, south, cell) carry the puffs; without ticks, the
    air of each tick does. Puffs are merged at every `MERGE_EVERY`th tick, `ticks_before` this call included.
    """
    next_due = 0
    many = receptors.shape[1]
    level = _levels(receptors[0])
    order = np.argsort(receptors[0, :, 0], kind="mergesort")
    nodes = np.empty((0, 0, 2))
    partner = np.empty(out.shape[2], dtype=np.int64)
    for t in range(air.shape[0]):
        growth = curves[curves_of[t]]
        if not np.array_equal(before, growth):
            _rebase(puffs, count, before, growth)
            before = growth
        while next_due < due.shape[0] and due[next_due] <= t:
            puffs[:, count] = waiting[:, next_due]
            count += 1
            next_due += 1
        if winds.shape[0]:
            nodes = winds[min(t, winds.shape[0] - 1)]
        count = _advance(puffs, count, dt, air[t], profiles[profile_of[t]], growth, grid, nodes, box, max_age)
        if merge_sigmas > 0.0 and (ticks_before + t + 1) % MERGE_EVERY == 0:
            count = _merge(puffs, count, merge_sigmas, partner)
        if many:
            place = receptors[min(t, receptors.shape[0] - 1)]
            if t > 0 and receptors.shape[0] > 1:
                order = np.argsort(place[:, 0], kind="mergesort")
            add_up(puffs, count, place, order, level, air[t, LID], cull_sigmas, out[t])
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _levels(receptors: Table) -> Numbers:
    """Number the distinct heights of the receptors."""
    level = np.zeros(receptors.shape[0], dtype=np.int64)
    heights = 0
    for r in range(receptors.shape[0]):
        level[r] = heights
        for other in range(r):
            if receptors[other, 2] == receptors[r, 2]:
                level[r] = level[other]
                break
        if level[r] == heights:
            heights += 1
    return level


@njit(cache=True, nogil=True, error_model="numpy")
def _merge(puffs: Table, count: int, merge_sigmas: float, partner: Numbers) -> int:
    """Make one puff of two that follow each other from one source and are much nearer than their spread; return how many are left.

    Mass and centre of mass are kept; all else of the pair becomes its mean by mass. A puff takes part in one merger at a time, so that a train keeps
    even spaces.
    """
    partner[:] = -1
    kept = 0
    for i in range(count):
        source = int(puffs[SOURCE, i])
        p = partner[source]
        if p >= 0 and _are_near(puffs, p, i, merge_sigmas):
            mass = puffs[MASS, p] + puffs[MASS, i]
            share = puffs[MASS, i] / mass if mass > 0.0 else 0.5
            for row in range(SOURCE):
                puffs[row, p] += share * (puffs[row, i] - puffs[row, p])
            puffs[MASS, p] = mass
            partner[source] = -1
            continue
        if kept != i:
            for row in range(ROWS):
                puffs[row, kept] = puffs[row, i]
        partner[source] = kept
        kept += 1
    return kept


@njit(cache=True, nogil=True, error_model="numpy")
def _are_near(puffs: Table, p: int, i: int, merge_sigmas: float) -> bool:
    """Return whether two puffs are so near and alike that one can stand for both."""
    sigma_y, sigma_z = puffs[SIGMA_Y, i], puffs[SIGMA_Z, i]
    dx, dy = puffs[X, p] - puffs[X, i], puffs[Y, p] - puffs[Y, i]
    return (
        dx * dx + dy * dy < (merge_sigmas * sigma_y) ** 2
        and abs(puffs[Z, p] - puffs[Z, i]) < merge_sigmas * sigma_z
        and abs(puffs[RISE, p] - puffs[RISE, i]) < merge_sigmas * sigma_z
        and abs(puffs[SIGMA_Y, p] - sigma_y) < ALIKE * sigma_y
        and abs(puffs[SIGMA_Z, p] - sigma_z) < ALIKE * sigma_z
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _curve(distance: float, a: float, b: float, c: float) -> float:
    """Return a·x·(1 + b·x)^c; the exponents of Briggs' curves without a power."""
    if c == -0.5:
        return a * distance / sqrt(1.0 + b * distance)
    if c == 0.0:
        return a * distance
    if c == 0.5:
        return a * distance * sqrt(1.0 + b * distance)
    if c == -1.0:
        return a * distance / (1.0 + b * distance)
    return a * distance * exp(c * log(1.0 + b * distance))


@njit(cache=True, nogil=True, error_model="numpy")
def _rebase(puffs: Table, count: int, old: Table, new: Table) -> None:
    """Let all puffs go on growing from their present spread on the curves `new` instead of `old`; rows (a, b, c) for y and z."""
    for axis in range(2):
        for i in range(count):
            path = puffs[DISTANCE, i]
            puffs[OFFSET_Y + axis, i] += _curve(path, old[axis, 0], old[axis, 1], old[axis, 2]) - _curve(
                path, new[axis, 0], new[axis, 1], new[axis, 2]
            )


@njit(cache=True, nogil=True, error_model="numpy")
def _between_nodes(
    nodes: NDArray[np.float64], grid: tuple[float, float, float], x: float, y: float
) -> tuple[float, float]:
    """Return the wind (east, north) at a place: bilinear between the nodes, as at the edge beyond them."""
    along = min(max((x - grid[0]) / grid[2], 0.0), nodes.shape[1] - 1.0)
    up = min(max((y - grid[1]) / grid[2], 0.0), nodes.shape[0] - 1.0)
    west, south = int(along), int(up)
    a, b = along - west, up - south
    row, next_row = nodes[south], nodes[min(south + 1, nodes.shape[0] - 1)]
    right = min(west + 1, nodes.shape[1] - 1)
    sw, se, nw, ne = (1.0 - a) * (1.0 - b), a * (1.0 - b), (1.0 - a) * b, a * b
    return (
        sw * row[west, 0] + se * row[right, 0] + nw * next_row[west, 0] + ne * next_row[right, 0],
        sw * row[west, 1] + se * row[right, 1] + nw * next_row[west, 1] + ne * next_row[right, 1],
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _advance(
    puffs: Table,
    count: int,
    dt: float,
    air: Table,
    profile: Table,
    curves: Table,
    grid: tuple[float, float, float],
    nodes: NDArray[np.float64],
    box: Table,
    max_age: float,
) -> int:
    """Move, grow and lift all puffs by one step, drop those that left the box or grew too old; return how many are left."""
    towards_x, towards_y, u_star, survival = air[TOWARDS_X], air[TOWARDS_Y], air[U_STAR], air[SURVIVAL]
    y_a, y_b, y_c = curves[0, 0], curves[0, 1], curves[0, 2]
    z_a, z_b, z_c = curves[1, 0], curves[1, 1], curves[1, 2]
    highest = profile.shape[1] - 2
    kept = 0
    for i in range(count):
        # A puff on the ground moves as fast as its mean height says.
        mean_height = MEAN_HEIGHT * puffs[SIGMA_Z, i]
        height = max(puffs[Z, i], mean_height)
        speed = CARRIED if mean_height > puffs[Z, i] else SPEED
        place = HEIGHTS_PER_ROOT_M * sqrt(height)
        low = min(int(place), highest)
        share = min(place - low, 1.0)
        per_u_star = profile[speed, low] + share * (profile[speed, low + 1] - profile[speed, low])
        wind = u_star * per_u_star
        slope = profile[SLOPE, low] + share * (profile[SLOPE, low + 1] - profile[SLOPE, low])
        if nodes.shape[0]:
            east, north = _between_nodes(nodes, grid, puffs[X, i], puffs[Y, i])
            with_height = air[PER_REFERENCE] * per_u_star
            wind = with_height * sqrt(east * east + north * north)
            x = puffs[X, i] + with_height * east * dt
            y = puffs[Y, i] + with_height * north * dt
        else:
            x = puffs[X, i] + towards_x * wind * dt
            y = puffs[Y, i] + towards_y * wind * dt
        age = puffs[AGE, i] + dt
        if age > max_age or x < box[0] or y < box[1] or x > box[2] or y > box[3]:
            continue
        if kept != i:
            for row in range(ROWS):
                puffs[row, kept] = puffs[row, i]
        step = max(wind, LEAST_GROWTH_SPEED) * dt
        path = puffs[DISTANCE, kept] + step
        offset_z = puffs[OFFSET_Z, kept] + slope * step
        turbulent_y = max(puffs[OFFSET_Y, kept] + _curve(path, y_a, y_b, y_c), 0.0)
        turbulent_z = max(offset_z + _curve(path, z_a, z_b, z_c), 0.0)
        spread_y2 = puffs[INITIAL_Y2, kept] + turbulent_y * turbulent_y
        spread_z2 = puffs[INITIAL_Z2, kept] + turbulent_z * turbulent_z
        rise = puffs[RISE, kept]
        if rise > 0.0:
            if path < puffs[RISE_DISTANCE, kept]:
                rise *= (path / puffs[RISE_DISTANCE, kept]) ** (2.0 / 3.0)
            entrained2 = (ENTRAINMENT * rise) ** 2
            spread_y2 += entrained2
            spread_z2 += entrained2
            puffs[Z, kept] = puffs[RELEASE_Z, kept] + rise
        puffs[X, kept] = x
        puffs[Y, kept] = y
        puffs[DISTANCE, kept] = path
        puffs[OFFSET_Z, kept] = offset_z
        puffs[SIGMA_Y, kept] = sqrt(spread_y2)
        puffs[SIGMA_Z, kept] = sqrt(spread_z2)
        puffs[PARTICLES_LEFT, kept] *= survival
        puffs[AGE, kept] = age
        kept += 1
    return kept


@njit(cache=True, nogil=True, error_model="numpy")
def vertical(z: float, height: float, sigma: float, lid: float) -> float:
    """Return the vertical part of a puff's concentration [1/m] with reflection at the ground and at the lid."""
    if height >= lid:  # above the lid the puff does not reach the ground
        return 0.0
    if sigma > WELL_MIXED_RATIO * lid:
        return 1.0 / lid
    scale = -0.5 / (sigma * sigma)
    below, above = exp(scale * (z - height) ** 2), exp(scale * (z + height) ** 2)
    total = below + above
    if sigma > LID_UNFELT_RATIO * lid and z <= 10.0 * lid:
        # exp(−(d ± 2n·lid)²/2σ²) is a product of powers: three exponentials instead of twelve. Higher up they would overflow.
        at, up, odd = exp(4.0 * scale * lid * z), exp(4.0 * scale * lid * height), exp(4.0 * scale * lid * lid)
        share, down, down_twice, square = 1.0, 1.0, 1.0, odd * odd
        for _ in range(IMAGES):
            share, odd = share * odd, odd * square
            down, down_twice = down * at / up, down_twice * at * up
            total += share * (below * (down + 1.0 / down) + above * (down_twice + 1.0 / down_twice))
    elif height + 3.0 * sigma > lid:
        # Farther images are beyond five of its spreads.
        for distance in (
            z - height - 2.0 * lid,
            z - height + 2.0 * lid,
            z + height - 2.0 * lid,
            z + height + 2.0 * lid,
        ):
            total += exp(scale * distance**2)
    return total / (SQRT_TWO_PI * sigma)


@njit(cache=True, nogil=True, error_model="numpy")
def add_up(
    puffs: Table,
    count: int,
    receptors: Table,
    order: Numbers,
    level: Numbers,
    lid: float,
    cull_sigmas: float,
    out: NDArray[np.float64],
) -> None:
    """Add every puff at every receptor to out[receptor, source, gas or particles].

    `order` sorts the receptors by x, `level` numbers their distinct heights: the vertical part of a puff is worked out once for each height.
    """
    many = receptors.shape[0]
    along, across = np.empty(many), np.empty(many)
    for r in range(many):
        along[r], across[r] = receptors[order[r], 0], receptors[order[r], 1]
    south, north = across.min(), across.max()
    upright = np.empty(level.max() + 1)
    for i in range(count):
        sigma = puffs[SIGMA_Y, i]
        reach = cull_sigmas * sigma
        x, y = puffs[X, i], puffs[Y, i]
        if y < south - reach or y > north + reach or x < along[0] - reach or x > along[many - 1] + reach:
            continue
        # Only receptors within reach along x are looked at: find the first by halving.
        first, last = 0, many
        while first < last:
            middle = (first + last) // 2
            if along[middle] < x - reach:
                first = middle + 1
            else:
                last = middle
        upright[:] = -1.0
        scale = -0.5 / (sigma * sigma)
        peak = -puffs[MASS, i] * scale / np.pi
        source = int(puffs[SOURCE, i])
        for r in range(first, many):
            dx = along[r] - x
            if dx > reach:
                break
            dy = across[r] - y
            distance2 = dx * dx + dy * dy
            if distance2 > reach * reach:
                continue
            at = order[r]
            if upright[level[at]] < 0.0:
                upright[level[at]] = vertical(receptors[at, 2], puffs[Z, i], puffs[SIGMA_Z, i], lid)
            dose = peak * upright[level[at]] * exp(scale * distance2)
            out[at, source, 0] += dose
            out[at, source, 1] += dose * puffs[PARTICLES_LEFT, i]


@njit(cache=True, nogil=True, error_model="numpy")
def trace_back(
    receptors: Table,
    moved: NDArray[np.float64],
    seconds: Table,
    departures: NDArray[np.float64],
    errors: NDArray[np.float64],
    grid: tuple[float, float, float],
    came: NDArray[np.float64],
) -> None:
    """Write to came[receptor, puff] from where each puff came if it is over the receptor now, where the wind differs from place to place.

    `moved` (spans, puffs, 2) is how far each puff was carried in each span of time by the wind that is the same everywhere, NaN before its release,
    and `seconds` (spans, puffs) how long a departure from that wind acted on it. `departures` (spans, ny, nx, 2) and their `errors` (the same) are on
    the nodes of the grid. CAME_X, CAME_Y, CAME_STRETCH (its path relative to that in the wind that is the same everywhere) and CAME_ERROR2.
    """
    for r in range(receptors.shape[0]):
        for i in range(moved.shape[1]):
            x, y = receptors[r, 0], receptors[r, 1]
            path, usual, error_x, error_y = 1e-3, 1e-3, 0.0, 0.0
            for span in range(moved.shape[0] - 1, -1, -1):
                if np.isnan(moved[span, i, 0]):
                    break
                acted = seconds[span, i]
                east, north = _between_nodes(departures[span], grid, x, y)
                wide_x, wide_y = _between_nodes(errors[span], grid, x, y)
                step_x, step_y = moved[span, i, 0] + acted * east, moved[span, i, 1] + acted * north
                path += sqrt(step_x * step_x + step_y * step_y)
                usual += sqrt(moved[span, i, 0] ** 2 + moved[span, i, 1] ** 2)
                error_x += acted * wide_x
                error_y += acted * wide_y
                x -= step_x
                y -= step_y
            came[r, i, CAME_X], came[r, i, CAME_Y] = x, y
            came[r, i, CAME_STRETCH] = path / usual
            came[r, i, CAME_ERROR2] = 0.5 * (error_x * error_x + error_y * error_y)


@njit(cache=True, nogil=True, error_model="numpy")
def add_up_shifted(
    puffs: Table,
    count: int,
    receptors: Table,
    came: NDArray[np.float64],
    x_axis: Table,
    y_axis: Table,
    lid: float,
    cull_sigmas: float,
    out: NDArray[np.float64],
) -> None:
    """Add every puff, moved to each place of a grid, at every receptor: out[receptor, source, x, y].

    A puff is right over a receptor if it `came` (receptors, puffs, 4) from there; from a place beside that it passes as far beside the receptor. It
    has grown along its own path. A Gaussian over a grid is a product of one along x and one along y, so that only those need an exponential.
    """
    east, north = np.empty(x_axis.shape[0]), np.empty(y_axis.shape[0])
    step_x = x_axis[1] - x_axis[0] if x_axis.shape[0] > 1 else 1.0
    step_y = y_axis[1] - y_axis[0] if y_axis.shape[0] > 1 else 1.0
    for i in range(count):
        grown_y = puffs[SIGMA_Y, i] ** 2 - puffs[INITIAL_Y2, i]
        grown_z = puffs[SIGMA_Z, i] ** 2 - puffs[INITIAL_Z2, i]
        for r in range(receptors.shape[0]):
            x, y = came[r, i, CAME_X], came[r, i, CAME_Y]
            stretch = min(max(came[r, i, CAME_STRETCH], LEAST_STRETCH), 1.0 / LEAST_STRETCH)
            longer = 1.0 if stretch == 1.0 else exp(GROWTH * log(stretch))
            sigma2 = puffs[INITIAL_Y2, i] + grown_y * longer + came[r, i, CAME_ERROR2]
            reach = cull_sigmas * sqrt(sigma2)
            west = max(int(np.ceil((x - reach - x_axis[0]) / step_x)), 0)
            last_x = min(int(np.floor((x + reach - x_axis[0]) / step_x)), x_axis.shape[0] - 1)
            south = max(int(np.ceil((y - reach - y_axis[0]) / step_y)), 0)
            last_y = min(int(np.floor((y + reach - y_axis[0]) / step_y)), y_axis.shape[0] - 1)
            if west > last_x or south > last_y:
                continue
            scale = -0.5 / sigma2
            peak = -puffs[MASS, i] * scale / np.pi
            upright = vertical(receptors[r, 2], puffs[Z, i], sqrt(puffs[INITIAL_Z2, i] + grown_z * longer), lid)
            for a in range(west, last_x + 1):
                east[a] = exp(scale * (x_axis[a] - x) ** 2)
            for b in range(south, last_y + 1):
                north[b] = exp(scale * (y_axis[b] - y) ** 2)
            source = int(puffs[SOURCE, i])
            for a in range(west, last_x + 1):
                here = peak * upright * east[a]
                for b in range(south, last_y + 1):
                    out[r, source, a, b] += here * north[b]
