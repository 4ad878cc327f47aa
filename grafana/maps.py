"""Maps: the ground of the site file, drawn without any other server, and layers of marks over it."""

import json
import math
from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import quote

from grafana_foundation_sdk.builders import geomap
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as shown
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig
from grafana_foundation_sdk.models.geomap import TooltipMode

from jeonju.grafana import city, fields, words
from jeonju.grafana.influxql import DATA_SOURCE, KNOWN
from jeonju.grafana.language import Language

# A panel's pixels for each of its 24 columns on a laptop, and for each of its rows, less its frame; the city takes so much of them.
COLUMN_PX: Final = 55
ROW_PX: Final = 38
FRAME_PX: Final = 45
FILLED: Final = 0.9
HERE: Final = shown.FrameGeometrySource(mode=shown.FrameGeometrySourceMode.COORDS, latitude="lat", longitude="lon")
# A clear picture: without it Grafana fetches streets from a server of its own choice, which sees who looks at what, or cannot be reached.
_NOTHING: Final = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR42mNgAAIAAAUAAen63NgAAAAASUVORK5CYII="
)
_SVG: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="100" height="100"><path d="{path}"/></svg>'
)
# Grafana's own marks that can be turned look the same every 120 or 72 degrees. These point up and are turned clockwise.
ARROW: Final = "M50 0 L80 42 H60 V100 H40 V42 H20 Z"
POINTER: Final = "M50 0 L90 100 L50 76 L10 100 Z"


def circle() -> str:
    """Return the mark that is a circle."""
    return "img/icons/marker/circle.svg"


def turned(path: str) -> str:
    """Return a mark of our own, drawn by the path of an SVG of 100 by 100. Grafana knows an SVG by how its address ends."""
    svg = _SVG.format(path=path).replace('"', "'")
    return f"data:image/svg+xml,{quote(svg, safe=':/=')}#.svg"


def city_zoom(width: int, height: int) -> float:
    """Return the zoom at which the whole city is seen in a panel of so many columns and rows."""
    north_m, east_m = city.extent_m()
    pixel_m = max(north_m / (height * ROW_PX - FRAME_PX), east_m / (width * COLUMN_PX)) / FILLED
    return math.floor(10 * math.log2(_pixel_m(0) / pixel_m)) / 10


def metres_as_pixels(metres: float, zoom: float) -> float:
    """Return how many pixels a length is on a map of the city as it opens."""
    return metres / _pixel_m(zoom)


def pixels_as_degrees(pixels: float, zoom: float) -> float:
    """Return how many degrees of latitude so many pixels are on a map of the city as it opens."""
    return round(pixels * _pixel_m(zoom) / city.DEGREE_M, 5)


def _pixel_m(zoom: float) -> float:
    return city.PIXEL_M * math.cos(math.radians(city.middle()[0])) / float(2**zoom)


def city_map(
    title: str,
    what: str,
    layers: Sequence[shown.MapLayerOptions],
    say: Language,
    *,
    width: int = 12,
    height: int = 16,
) -> geomap.Panel:
    """Return a map of the whole city. It stays as the reader moves it: a map that fits its data would jump back at every refresh."""
    zoom = city_zoom(width, height)
    return any_map(title, what, [*ground(say), *layers], middle=city.middle(), zoom=zoom, width=width, height=height)


def any_map(
    title: str,
    what: str,
    layers: Sequence[shown.MapLayerOptions],
    *,
    middle: tuple[float, float],
    zoom: float,
    width: int,
    height: int,
    has_scale: bool = True,
) -> geomap.Panel:
    """Return a map of some place; one whose distances are no metres has no scale."""
    # The toolkit's types want whole degrees, Grafana takes any.
    lat, lon = (cast("int", degrees) for degrees in middle)
    view = geomap.MapViewConfig().id("coords").lat(lat).lon(lon).zoom(cast("int", zoom))
    nothing = shown.MapLayerOptions(type_val="xyz", name="basemap", config={"url": _NOTHING, "attribution": " "})
    # The first column is shown in every tooltip, and the time of a query for the newest values is the start of what was asked.
    tidy = {"excludeByName": {"Time": True, KNOWN: True}, "indexByName": {"device": 0}, "renameByName": {}}
    return (
        geomap.Panel()
        .title(title)
        .description(what)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .view(view)
        .controls(
            geomap.ControlsOptions()
            .show_zoom(True)
            .mouse_wheel_zoom(True)
            .show_attribution(False)
            .show_scale(has_scale)
        )
        .tooltip(geomap.TooltipOptions().mode(TooltipMode.DETAILS))
        .basemap(_Layer(nothing))
        .layers([_Layer(layer) for layer in layers])
        .with_transformation(DataTransformerConfig(id_val="organize", options=tidy))
        .thresholds(fields.neutral())
        .color_scheme(fields.by_threshold())
        .override_by_name("lat", fields.hidden())
        .override_by_name("lon", fields.hidden())
    )


class _Layer(Builder[shown.MapLayerOptions]):
    """A layer that is complete; the toolkit asks for something that builds it."""

    def __init__(self, layer: shown.MapLayerOptions) -> None:
        self._layer = layer

    def build(self) -> shown.MapLayerOptions:
        """Return it."""
        return self._layer


def marks(
    name: str,
    ref_id: str,
    *,
    colour: str,
    mark: str = "",
    size: int = 7,
    sized_by: tuple[str, float] | None = None,
    turned_by: str = "",
    opacity: float = 0.9,
    line: int = 1,
    has_tooltip: bool = True,
    has_legend: bool = False,
) -> shown.MapLayerOptions:
    """Return a layer of marks, one for each row of a query; `colour`, `sized_by` and `turned_by` [degrees] name its columns.

    A mark whose size follows a column is 0 pixels at the column's lowest value (`fields.spanning`) and as large as is said at its highest.
    """
    column, largest = sized_by or ("", 15)
    style = _style(colour, opacity=opacity) | {
        "size": {"fixed": size, "min": 0 if sized_by else 2, "max": largest} | ({"field": column} if column else {}),
        "symbol": {"fixed": mark or circle(), "mode": "fixed"},
        "symbolAlign": {"horizontal": "center", "vertical": "center"},
        "rotation": {"fixed": 0, "mode": "mod", "min": -360, "max": 360} | ({"field": turned_by} if turned_by else {}),
        "lineWidth": line,
    }
    return _layer(name, ref_id, {"showLegend": has_legend, "style": style}, has_tooltip=has_tooltip)


def labels(
    name: str, ref_id: str, text: str, *, colour: str = "#ffffff", size: int = 11, down: int = 0
) -> shown.MapLayerOptions:
    """Return a layer of words, `down` pixels below their places; Grafana draws a mark's own text in the mark's colour, where it cannot be read."""
    style = _style(colour, opacity=1.0) | {
        "size": {"fixed": 5, "min": 2, "max": 15},
        "symbol": {"fixed": "", "mode": "fixed"},
        "text": {"field": text, "fixed": "", "mode": "field"},
        "textConfig": _text(size, down),
    }
    return _layer(name, ref_id, {"showLegend": False, "style": style}, has_tooltip=False)


def ground(say: Language) -> list[shown.MapLayerOptions]:
    """Return the zones and roads of the site file, with their names."""
    found: list[dict[str, Any]] = []
    for zone in city.site().zones:
        ring = [_point(corner) for corner in (*zone.outline, zone.outline[0])]
        found.append(feature("Polygon", [ring], kind="zone"))
    for source in city.site().sources:
        if source.kind == "road":
            found.append(feature("LineString", [_point(corner) for corner in source.line], kind="road"))
            middle = source.line[len(source.line) // 2]
            found.append(
                feature("Point", _point(middle), kind="road-name", label=say(source.label_ko, source.label_en))
            )
    for zone in city.site().zones:
        lats, lons = zip(*zone.outline, strict=True)
        top = (max(lats) + 0.0006, (min(lons) + max(lons)) / 2)
        found.append(feature("Point", _point(top), kind="zone-name", label=say(zone.label_ko, zone.label_en)))
    drawn = {
        "zone": {"color": {"fixed": "#8ab8ff"}, "opacity": 0.08, "lineWidth": 1},
        "road": {"color": {"fixed": "#9a9a9a"}, "opacity": 0.5, "lineWidth": 3},
        "road-name": named("#9a9a9a", 10),
        "zone-name": named("#8ab8ff", 14),
    }
    return [geojson(say("지도", "Ground"), found, drawn)]


def named(colour: str, size: int) -> dict[str, Any]:
    """Return how the name of a feature is written."""
    return {
        "color": {"fixed": colour},
        "opacity": 1,
        "symbol": {"fixed": "", "mode": "fixed"},
        "size": {"fixed": 1, "min": 1, "max": 1},
        "text": {"field": "label", "fixed": "", "mode": "field"},
        "textConfig": _text(size, 0),
    }


def geojson(name: str, features: list[dict[str, Any]], drawn: dict[str, dict[str, Any]]) -> shown.MapLayerOptions:
    """Return a layer of features, each drawn as its `kind` says. They are in the address itself, so that no server has to have them."""
    content = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, separators=(",", ":"))
    rules = [
        {"check": {"property": "kind", "operation": "eq", "value": kind}, "style": style}
        for kind, style in drawn.items()
    ]
    config = {
        "src": f"data:application/geo+json,{quote(content, safe=':,[]{}')}",
        "rules": rules,
        "style": {"color": {"fixed": "#808080"}, "opacity": 0.2},
    }
    return shown.MapLayerOptions(type_val="geojson", name=name, config=config, tooltip=False)


def feature(shape: str, coordinates: Any, **properties: str) -> dict[str, Any]:
    """Return a feature of GeoJSON."""
    return {"type": "Feature", "geometry": {"type": shape, "coordinates": coordinates}, "properties": properties}


def _point(place: tuple[float, float]) -> list[float]:
    return [round(place[1], 5), round(place[0], 5)]


def _style(colour: str, *, opacity: float) -> dict[str, Any]:
    own = {"fixed": colour} if colour.startswith("#") else {"field": colour, "fixed": words.NEUTRAL}
    return {"color": own, "opacity": opacity}


def _text(size: int, down: int) -> dict[str, Any]:
    return {"fontSize": size, "offsetX": 0, "offsetY": down, "textAlign": "center", "textBaseline": "middle"}


def _layer(name: str, ref_id: str, config: dict[str, Any], *, has_tooltip: bool) -> shown.MapLayerOptions:
    return shown.MapLayerOptions(
        type_val="markers",
        name=name,
        config=config,
        location=HERE,
        tooltip=has_tooltip,
        filter_data={"id": "byRefId", "options": ref_id},
    )
