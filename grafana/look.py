"""The common look: a chart, a number, a table, a map are the same on every dashboard."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    geomap,
    stat,
    statetimeline,
    statushistory,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as shown
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig
from grafana_foundation_sdk.models.geomap import TooltipMode

from jeonju.grafana import city, fields
from jeonju.grafana.influxql import DATA_SOURCE, OF_SITE, InfluxQL, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import ALERT

# At this zoom the 7 km of the city fill a panel of half a screen.
CITY_ZOOM: Final = 13.4
HERE: Final = shown.FrameGeometrySource(mode=shown.FrameGeometrySourceMode.COORDS, latitude="lat", longitude="lon")


def chart(title: str, *, width: int = 12, height: int = 8, unit: str = "") -> timeseries.Panel:
    """Return a chart of courses."""
    panel = (
        timeseries.Panel()
        .title(title)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .line_width(1)
        .fill_opacity(4)
        .show_points(shown.VisibilityMode.NEVER)
        .span_nulls(300_000)
        .legend(
            common.VizLegendOptions()
            .display_mode(shown.LegendDisplayMode.LIST)
            .placement(shown.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(shown.TooltipDisplayMode.MULTI).sort(shown.SortOrder.DESCENDING))
    )
    return panel.unit(fields.suffix(unit)) if unit else panel


def number(title: str, *, width: int = 4, height: int = 4, unit: str = "", decimals: int = 0) -> stat.Panel:
    """Return a panel that shows the newest number in large."""
    panel = (
        stat.Panel()
        .title(title)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .decimals(decimals)
        .color_mode(shown.BigValueColorMode.VALUE)
        .graph_mode(shown.BigValueGraphMode.NONE)
        .no_value("–")
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    )
    return panel.unit(fields.suffix(unit)) if unit else panel


def rows(
    title: str, columns: Mapping[str, str], *, width: int = 12, height: int = 8, nothing: str = "–"
) -> table.Panel:
    """Return a table with these columns, by their name in the question, in this order and under these titles; the time only if it is among them.

    `nothing` is shown while there are no rows, so that good news does not look like a fault.
    """
    organized = {
        "excludeByName": {} if "Time" in columns else {"Time": True},
        "indexByName": {name: place for place, name in enumerate(columns)},
        "renameByName": dict(columns),
    }
    return (
        table.Panel()
        .title(title)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .no_value(nothing)
        .show_header(True)
        .cell_height(shown.TableCellHeight.SM)
        .with_transformation(DataTransformerConfig(id_val="organize", options=organized))
    )


def timeline(title: str, *, width: int = 12, height: int = 8) -> statetimeline.Panel:
    """Return bands of states over time."""
    return (
        statetimeline.Panel()
        .title(title)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .merge_values(True)
        .show_value(shown.VisibilityMode.NEVER)
        .row_height(0.85)
        .fill_opacity(85)
        .line_width(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(shown.LegendDisplayMode.LIST)
            .placement(shown.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )


def calendar(title: str, *, width: int = 12, height: int = 8) -> statushistory.Panel:
    """Return a grid of days, one row for each device."""
    return (
        statushistory.Panel()
        .title(title)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .show_value(shown.VisibilityMode.AUTO)
        .row_height(0.9)
        .col_width(0.95)
        .fill_opacity(80)
        .line_width(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(shown.LegendDisplayMode.LIST)
            .placement(shown.LegendPlacement.BOTTOM)
            .show_legend(False)
        )
    )


def bars(title: str, *, width: int = 12, height: int = 8) -> bargauge.Panel:
    """Return horizontal bars, one for each series."""
    return (
        bargauge.Panel()
        .title(title)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .orientation(shown.VizOrientation.HORIZONTAL)
        .display_mode(shown.BarGaugeDisplayMode.BASIC)
        .no_value("–")
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    )


def city_map(title: str, layers: Sequence[shown.MapLayerOptions], *, width: int = 12, height: int = 16) -> geomap.Panel:
    """Return a map of the built-in city. It stays as the reader moves it: a map that fits its data would jump back at every refresh."""
    lat, lon = city.middle()
    # The toolkit's types want whole degrees, Grafana takes any.
    view = geomap.MapViewConfig().id("coords").lat(cast("int", lat)).lon(cast("int", lon)).zoom(cast("int", CITY_ZOOM))
    return (
        geomap.Panel()
        .title(title)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .view(view)
        .controls(
            geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(True).show_attribution(True).show_scale(True)
        )
        .tooltip(geomap.TooltipOptions().mode(TooltipMode.DETAILS))
        .basemap(_Layer(shown.MapLayerOptions(type_val="default", name="basemap", config={})))
        .layers([_Layer(layer) for layer in layers])
    )


class _Layer(Builder[shown.MapLayerOptions]):
    """A layer that is complete; the toolkit asks for something that builds it."""

    def __init__(self, layer: shown.MapLayerOptions) -> None:
        self._layer = layer

    def build(self) -> shown.MapLayerOptions:
        """Return it."""
        return self._layer


def markers(
    name: str, ref_id: str, *, colour: str, shape: str = "circle", size: int = 7, text: str = "", turned_by: str = ""
) -> shown.MapLayerOptions:
    """Return a layer of marks, one for each row of a question; `colour`, `text` and `turned_by` [degrees] name its columns."""
    style: dict[str, Any] = {
        "size": {"fixed": size, "min": 2, "max": 15},
        "color": {"field": colour, "fixed": fields.NEUTRAL} if not colour.startswith("#") else {"fixed": colour},
        "opacity": 0.9,
        "symbol": {"fixed": f"img/icons/marker/{shape}.svg", "mode": "fixed"},
        "symbolAlign": {"horizontal": "center", "vertical": "center"},
        "rotation": {"fixed": 0, "mode": "mod", "min": -360, "max": 360} | ({"field": turned_by} if turned_by else {}),
        "textConfig": {"fontSize": 11, "offsetX": 0, "offsetY": -12, "textAlign": "center", "textBaseline": "middle"},
    }
    if text:
        style["text"] = {"field": text, "fixed": "", "mode": "field"}
    return shown.MapLayerOptions(
        type_val="markers",
        name=name,
        config={"showLegend": False, "style": style},
        location=HERE,
        tooltip=True,
        filter_data={"id": "byRefId", "options": ref_id},
    )


def every_row() -> common.ReduceDataOptions:
    """Show every row of a table instead of one number."""
    return common.ReduceDataOptions().calcs([]).values(True).fields("/^CAI$/")


def alert_table(say: Language, title: str, where: Sequence[str], *, width: int, height: int) -> table.Panel:
    """Return the alerts for which `where` holds, the newest first."""
    columns = {
        "at": say("시작", "Since"),
        "severity": say("심각도", "Severity"),
        "kind": say("종류", "Kind"),
        "device": say("장비", "Device"),
        "zone": say("구역", "Zone"),
        "summary": say("내용", "What"),
        "end": say("끝", "Ended"),
    }
    text = select(
        f'"started_at" / 1000 AS "at", "severity", "kind", "device", "zone", "{say("summary_ko", "summary_en")}" AS "summary", "ended_at" / 1000 AS "end"',
        ALERT,
        where=(OF_SITE, *where),
    )
    return (
        rows(title, columns, width=width, height=height, nothing=say("경보 없음", "No alerts"))
        .with_target(InfluxQL(query=f"{text} ORDER BY time DESC LIMIT 200", table=True))
        .override_by_name(columns["severity"], fields.severities(say) + fields.wide(80))
        .override_by_name(columns["at"], fields.as_instant() + fields.wide(150))
        .override_by_name(columns["end"], fields.as_instant() + fields.wide(150))
        .override_by_name(columns["kind"], fields.wide(110))
        .override_by_name(columns["device"], fields.wide(110))
        .override_by_name(columns["zone"], fields.wide(90))
    )
