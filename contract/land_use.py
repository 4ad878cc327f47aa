"""The land of a site on a grid: how much faster or slower the wind is at each node than over the site's usual land."""

import itertools
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jeonju.airquality.dispersion.roughness import speed_ratio
from jeonju.airquality.geo import LocalMap, is_within
from jeonju.common.arrays import Floats
from jeonju.contract.land import Land

CELL_M: Final = 500.0
# Land is looked at in steps of this, and the logarithm of its roughness averaged (Taylor 1987, Boundary-Layer Meteorol. 39, 197) with a Gaussian
# weight of this radius: the 10 m wind has adjusted to new land after some hundreds of metres.
FINE_M: Final = 50.0
FETCH_M: Final = 300.0


class SpeedRatios(NamedTuple):
    """The wind at 10 m relative to that over the site's usual land, at nodes (ny, nx) `cell_m` apart, the first at (west, south)."""

    west_m: float
    south_m: float
    cell_m: float
    ratio: Floats

    @property
    def x_m(self) -> Floats:
        """The nodes' places along x."""
        return np.asarray(self.west_m + self.cell_m * np.arange(self.ratio.shape[1]), dtype=np.float64)

    @property
    def y_m(self) -> Floats:
        """The nodes' places along y."""
        return np.asarray(self.south_m + self.cell_m * np.arange(self.ratio.shape[0]), dtype=np.float64)

    def at(self, x_m: ArrayLike, y_m: ArrayLike) -> Floats:
        """Return the ratio at places, bilinear between nodes."""
        return bilinear(self, self.ratio, np.asarray(x_m, dtype=float), np.asarray(y_m, dtype=float))


def bilinear(grid: SpeedRatios, field: Floats, x_m: Floats, y_m: Floats) -> Floats:
    """Return a field (…, ny, nx) on the nodes of a grid at places of one shape (…, places), as at the nearest edge beyond them."""
    corners, shares = weights_at(grid, x_m, y_m)
    flat = field.reshape(*field.shape[:-2], -1)
    return np.asarray(sum(share * flat[..., corner] for corner, share in zip(corners, shares, strict=True)))


def weights_at(grid: SpeedRatios, x_m: Floats, y_m: Floats) -> tuple[list[NDArray[np.int64]], list[Floats]]:
    """Return the four nodes (numbers in the flat grid) around places and their shares."""
    ny, nx = grid.ratio.shape
    east = np.clip((x_m - grid.west_m) / grid.cell_m, 0.0, nx - 1.0)
    north = np.clip((y_m - grid.south_m) / grid.cell_m, 0.0, ny - 1.0)
    a, b = np.minimum(east.astype(np.int64), nx - 2), np.minimum(north.astype(np.int64), ny - 2)
    along, up = east - a, north - b
    first = b * nx + a
    return [first, first + 1, first + nx, first + nx + 1], [
        (1 - along) * (1 - up),
        along * (1 - up),
        (1 - along) * up,
        along * up,
    ]


def speed_ratios(
    land: Sequence[Land], area: LocalMap, box_m: tuple[float, float, float, float], reference_m: float
) -> SpeedRatios:
    """Return the ratios over a box (west, south, east, north) of land that is of the reference roughness where nothing is said of it."""
    west, south, east, north = box_m
    # Two cells at least, so that there is something to interpolate.
    nx, ny = (max(int(np.ceil(length / CELL_M)), 2) + 1 for length in (east - west, north - south))
    if not land:
        return SpeedRatios(west, south, CELL_M, np.ones((ny, nx)))
    steps = round(CELL_M / FINE_M)
    pad = round(3 * FETCH_M / FINE_M)
    x, y = np.meshgrid(
        west + FINE_M * np.arange(-pad, (nx - 1) * steps + pad + 1),
        south + FINE_M * np.arange(-pad, (ny - 1) * steps + pad + 1),
    )
    log_z0 = np.full(x.shape, np.log(reference_m))
    for patch in land:
        log_z0 = np.where(_covers(patch, area, x, y), np.log(patch.z0_m), log_z0)
    kernel = np.exp(-0.5 * (FINE_M * np.arange(-pad, pad + 1) / FETCH_M) ** 2)
    kernel /= kernel.sum()
    # Only the rows and columns of nodes are wanted.
    at_nodes = _smooth(_smooth(log_z0, kernel, steps).T, kernel, steps).T
    return SpeedRatios(west, south, CELL_M, speed_ratio(np.exp(at_nodes), reference_m))


def _smooth(rows: Floats, kernel: Floats, steps: int) -> Floats:
    """Return the weighted means along the last axis, at every `steps`-th place that has a whole neighbourhood."""
    windows = np.lib.stride_tricks.sliding_window_view(rows, len(kernel), axis=-1)[..., ::steps, :]
    return np.asarray(windows @ kernel)


def _covers(patch: Land, area: LocalMap, x_m: Floats, y_m: Floats) -> NDArray[np.bool_]:
    if patch.kind == "river":
        distance_m, _ = along_line(line_of(patch, area), x_m, y_m)
        # Steps of the raster are wider than some brooks: what is narrower counts with its whole width once at least.
        return np.asarray(distance_m <= max(patch.width_m or 0.0, FINE_M) / 2)
    corners = np.array(patch.outline)
    return is_within(*area.to_xy(corners[:, 0], corners[:, 1]), x_m, y_m)


def line_of(patch: Land, area: LocalMap) -> Floats:
    """Return the points of a river (points, 2) on the map."""
    points = np.array(patch.line)
    return np.column_stack(area.to_xy(points[:, 0], points[:, 1]))


def along_line(line_m: Floats, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
    """Return how far places are from a line, and the unit vector (…, 2) along its nearest stretch."""
    nearest = np.full(x_m.shape, np.inf)
    towards = np.zeros((*x_m.shape, 2))
    for begin, end in itertools.pairwise(line_m):
        step = end - begin
        length = max(float(np.hypot(*step)), 1e-9)
        place = np.clip(((x_m - begin[0]) * step[0] + (y_m - begin[1]) * step[1]) / length**2, 0.0, 1.0)
        distance = np.hypot(x_m - begin[0] - place * step[0], y_m - begin[1] - place * step[1])
        is_nearer = distance < nearest
        nearest = np.where(is_nearer, distance, nearest)
        towards[is_nearer] = step / length
    return nearest, towards
