"""Geographic conditions of NGSI-LD (ETSI GS CIM 009, clause 4.10): near, within, contains, intersects, equals, disjoint, overlaps."""

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from jeonju.airquality.geo import LocalMap
from jeonju.api.ngsi.entities import Entity
from jeonju.api.ngsi.models import short_term
from jeonju.api.ngsi.problems import bad
from jeonju.api.ngsi.query import Condition

LONGEST_CHARACTERS: Final = 20_000
FURTHEST_M: Final = 20_100_000.0
_GEOMETRIES: Final = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")
_RELATIONS: Final[dict[str, Callable[..., Any]]] = {
    name: getattr(shapely, name) for name in ("within", "contains", "intersects", "equals", "disjoint", "overlaps")
}
_NEAR: Final = re.compile(r"near;(maxDistance|minDistance)==(\d{1,12}(?:\.\d{1,6})?)")


def parse_geo(area: LocalMap, georel: str, geometry: str, coordinates: str, geoproperty: str) -> Condition:
    """Return a condition on where an entity is. Raises NgsiError for one that cannot be read."""
    wanted = _geometry(geometry, coordinates)
    name = short_term(geoproperty)
    if near := _NEAR.fullmatch(georel):
        limit_m = float(near[2])
        if limit_m > FURTHEST_M:
            raise bad("georel: no two places are further apart than 20 100 km")
        flat = _on_map(wanted, area)
        is_most = near[1] == "maxDistance"

        def is_near(found: BaseGeometry) -> bool:
            distance_m = float(shapely.distance(_on_map(found, area), flat))
            return distance_m <= limit_m if is_most else distance_m >= limit_m

        return _of_place(name, is_near)
    if georel not in _RELATIONS:
        known = ", ".join(_RELATIONS)
        raise bad(
            f"georel: {georel[:60]!r} is not known; there are near;maxDistance==METRES, near;minDistance==METRES, {known}"
        )
    return _of_place(name, lambda found: bool(_RELATIONS[georel](found, wanted)))


def _of_place(name: str, holds: Callable[[BaseGeometry], bool]) -> Condition:
    def is_there(entity: Entity) -> bool:
        attribute = entity.attributes.get(name)
        if attribute is None or attribute.kind != "GeoProperty":
            return False
        try:
            return holds(shape(attribute.value))
        except shapely.errors.ShapelyError:
            # A shape that crosses itself has no inside.
            return False

    return is_there


def _geometry(geometry: str, coordinates: str) -> BaseGeometry:
    if geometry not in _GEOMETRIES:
        raise bad(f"geometry: must be one of {', '.join(_GEOMETRIES)}")
    if len(coordinates) > LONGEST_CHARACTERS:
        raise bad(f"coordinates: longer than {LONGEST_CHARACTERS} characters")
    try:
        found = shape({"type": geometry, "coordinates": orjson.loads(coordinates)})
        numbers = shapely.get_coordinates(found)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, shapely.errors.ShapelyError) as error:
        raise bad(f"coordinates: no coordinates of a {geometry} in JSON, longitude first") from error
    if found.is_empty or not np.isfinite(numbers).all() or (np.abs(numbers) > (180, 90)).any():
        raise bad("coordinates: longitude lies within -180 and 180, latitude, which follows, within -90 and 90")
    return found


def _on_map(found: BaseGeometry, area: LocalMap) -> BaseGeometry:
    """Return a geometry in metres."""

    def to_metres(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(area.to_xy(points[:, 1], points[:, 0]))

    return shapely.transform(found, to_metres)
