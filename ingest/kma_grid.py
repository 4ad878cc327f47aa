"""The weather service's forecast grid: cells of 5 km on a Lambert conformal conic projection of the sphere."""

import math
from typing import Final, NamedTuple

from jeonju.common.errors import UserError

# Parameters as the service documents them with its interface (data.go.kr 15084084): radius and cell [km], degrees, and the cell of the origin.
EARTH_KM: Final = 6371.00877
CELL_KM: Final = 5.0
PARALLELS_DEG: Final = (30.0, 60.0)
ORIGIN_DEG: Final = (38.0, 126.0)
ORIGIN_CELL: Final = (43, 136)
# The grid has so many cells to the east and to the north.
SIZE: Final = (149, 253)


def _half(lat_deg: float) -> float:
    return math.tan(math.pi / 4 + math.radians(lat_deg) / 2)


_SOUTH, _NORTH = (math.radians(lat) for lat in PARALLELS_DEG)
_CONE: Final = math.log(math.cos(_SOUTH) / math.cos(_NORTH)) / math.log(
    _half(PARALLELS_DEG[1]) / _half(PARALLELS_DEG[0])
)
_SCALE: Final = EARTH_KM / CELL_KM * _half(PARALLELS_DEG[0]) ** _CONE * math.cos(_SOUTH) / _CONE
_ORIGIN_RADIUS: Final = _SCALE / _half(ORIGIN_DEG[0]) ** _CONE


class Cell(NamedTuple):
    """One cell; nx counts to the east, ny to the north."""

    nx: int
    ny: int


def cell_at(lat: float, lon: float) -> Cell:
    """Return the cell of a place in WGS84 degrees. Raises UserError outside of the grid."""
    if not -90 < lat < 90:
        raise UserError(f"{lat}, {lon} is no place on the grid of Korea's weather service")
    radius = _SCALE / _half(lat) ** _CONE
    angle = math.radians((lon - ORIGIN_DEG[1] + 180) % 360 - 180) * _CONE
    cell = Cell(
        math.floor(radius * math.sin(angle) + ORIGIN_CELL[0] + 0.5),
        math.floor(_ORIGIN_RADIUS - radius * math.cos(angle) + ORIGIN_CELL[1] + 0.5),
    )
    if not (1 <= cell.nx <= SIZE[0] and 1 <= cell.ny <= SIZE[1]):
        raise UserError(f"{lat}, {lon} lies outside of the grid of Korea's weather service")
    return cell


def middle_of(cell: Cell) -> tuple[float, float]:
    """Return the latitude and longitude of the middle of a cell [°], to some 10 m."""
    east, north = cell.nx - ORIGIN_CELL[0], _ORIGIN_RADIUS - (cell.ny - ORIGIN_CELL[1])
    lat = 2 * math.atan((_SCALE / math.hypot(east, north)) ** (1 / _CONE)) - math.pi / 2
    lon = math.radians(ORIGIN_DEG[1]) + math.atan2(east, north) / _CONE
    return round(math.degrees(lat), 4), round(math.degrees(lon), 4)
