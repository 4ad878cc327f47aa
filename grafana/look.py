"""The common look: a chart, a number, a band of states are the same on every dashboard. Tables are in `tables.py`, maps in `maps.py`.

Every panel says what it shows (`what`), and has thresholds: Grafana draws what has none in red from 80 on.
"""

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, stat, statetimeline, statushistory, text, timeseries
from grafana_foundation_sdk.models import common as shown
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue, GridPos
from grafana_foundation_sdk.models.text import TextMode

from jeonju.airquality.pollutants import QUANTITY
from jeonju.grafana import fields, variables, words
from jeonju.grafana.influxql import DATA_SOURCE, HOURS, InfluxQL, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import DEVICE, DEVICE_TAG

# A line is broken where nothing came for so long, and where means of hours are shown, where one of them is missing.
GAP_MS = 300_000
HOURS_GAP_MS = 3_600_000 + GAP_MS
# A device's series says which quantity it shows, so that unit and limits can be those of the quantity.
OF_QUANTITY = f"$tag_{DEVICE_TAG} $col"
# So many series at most are told apart by a legend; more have none, and say their names when pointed at.
MOST_IN_LEGEND = 8


def at(left: int, top: int, width: int, height: int) -> GridPos:
    """Return a place on a dashboard, of 24 columns."""
    return GridPos(x=left, y=top, w=width, h=height)


def chart(
    title: str,
    what: str,
    *,
    width: int = 12,
    height: int = 8,
    unit: str = "",
    series: int = MOST_IN_LEGEND + 1,
) -> timeseries.Panel:
    """Return a chart of `series` courses at most."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(what)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .line_width(1)
        .fill_opacity(8 if series == 1 else 0)
        .show_points(shown.VisibilityMode.AUTO)
        .span_nulls(GAP_MS)
        .thresholds(fields.neutral())
        .legend(_legend(is_shown=series <= MOST_IN_LEGEND))
        .tooltip(common.VizTooltipOptions().mode(shown.TooltipDisplayMode.MULTI).sort(shown.SortOrder.DESCENDING))
    )
    return panel.unit(fields.suffix(unit)) if unit else panel


def with_course(
    panel: timeseries.Panel, asked: Iterable[str], alias: str = f"$tag_{DEVICE_TAG}", ref_id: str = "A"
) -> timeseries.Panel:
    """Have a chart ask for a course: of readings, of means of minutes and of hours."""
    for number, query in enumerate(asked):
        panel.with_target(InfluxQL(query=query, alias=alias, ref_id=f"{ref_id}{number or ''}"))
    return panel.override_by_query(
        f"{ref_id}{HOURS}", [DynamicConfigValue(id_val="custom.spanNulls", value=HOURS_GAP_MS)]
    )


class _Panel(Protocol):
    """A panel of series, of whatever kind."""

    def override_by_regexp(self, regexp: str, properties: list[DynamicConfigValue]) -> Any:
        """Have the series whose names match look in a way of their own."""


Panel = TypeVar("Panel", bound=_Panel)


def of_devices(panel: Panel, say: Language) -> Panel:
    """Have series whose names begin with a device's be called by what the site file calls it. Comes after what matches their names."""
    for name, called in words.devices(say):
        panel.override_by_regexp(f"/^{name}( |$)/", fields.named(called))
    panel.override_by_regexp("/^kma-/", fields.named(words.weather_service(say)))
    return panel


def of_chosen_quantity(panel: Panel, *, has_limits: bool = True) -> Panel:
    """Have series whose names end with a quantity's have its unit, and lines for its limits. Comes before what gives them other names."""
    alike: dict[tuple[Any, ...], list[str]] = {}
    for key in variables.MEASURED:
        row, limits = QUANTITY[key], fields.limits_of(key) if has_limits else []
        alike.setdefault((row.unit, row.decimals, *limits), []).append(key)
    for (_, _, *limits), keys in alike.items():
        panel.override_by_regexp(
            f"/ ({'|'.join(keys)})$/", fields.of_unit(keys[0]) if limits else fields.of_quantity(keys[0])
        )
    return panel


def number(
    title: str, what: str, *, width: int = 4, height: int = 4, unit: str = "", decimals: int = 0, nothing: str = "–"
) -> stat.Panel:
    """Return a panel that shows the newest number in large, without colour unless thresholds are set; `nothing` while there is none."""
    panel = (
        stat.Panel()
        .title(title)
        .description(what)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .decimals(decimals)
        .color_mode(shown.BigValueColorMode.VALUE)
        .graph_mode(shown.BigValueGraphMode.NONE)
        .thresholds(fields.neutral())
        .color_scheme(fields.by_threshold())
        .no_value(nothing)
        .mappings([fields.no_value(nothing)])
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    )
    return panel.unit(fields.suffix(unit)) if unit else panel


def number_or_zero(title: str, what: str, query: str, *, width: int = 4, height: int = 4) -> stat.Panel:
    """Return a panel of one number: 0 where the store answers and has none, a dash where it does not answer."""
    # InfluxDB counts nothing as no answer. What always is 0 is added, once there is a device.
    none = select('0 * count("state")', DEVICE, where=())
    one_column = DataTransformerConfig(id_val="reduce", options={"reducers": ["lastNotNull"], "mode": "seriesToRows"})
    return (
        number(title, what, width=width, height=height)
        .with_target(InfluxQL(query=query))
        .with_target(InfluxQL(query=none, ref_id="Z"))
        .with_transformation(one_column)
        .reduce_options(common.ReduceDataOptions().calcs(["sum"]).values(False))
    )


def timeline(title: str, what: str, states: list[Any], *, width: int = 12, height: int = 8) -> statetimeline.Panel:
    """Return bands of states over time; a state ends where nothing more is known, and the legend says which colour is which."""
    # What is not known is no state with a name in the legend.
    unknown = fields.no_value("", "transparent")
    return (
        statetimeline.Panel()
        .title(title)
        .description(what)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .merge_values(True)
        .mappings([*states, unknown])
        .show_value(shown.VisibilityMode.NEVER)
        .row_height(0.8)
        .fill_opacity(85)
        .line_width(0)
        .thresholds(fields.neutral())
        # Where thresholds colour, Grafana shows these in the legend, and numbers by these alone.
        .color_scheme(fields.by_name())
        .legend(_legend(is_shown=True))
    )


def grid(title: str, what: str, *, width: int = 12, height: int = 8) -> statushistory.Panel:
    """Return a grid of coloured cells, one row for each series."""
    return (
        statushistory.Panel()
        .title(title)
        .description(what)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .show_value(shown.VisibilityMode.NEVER)
        .row_height(0.9)
        .col_width(0.95)
        .fill_opacity(85)
        .line_width(0)
        .thresholds(fields.neutral())
        .color_scheme(fields.by_threshold())
        .legend(_legend(is_shown=False))
    )


def bars(title: str, what: str, *, width: int = 12, height: int = 8, column: str) -> bargauge.Panel:
    """Return horizontal bars, one for each row of `column`."""
    return (
        bargauge.Panel()
        .title(title)
        .description(what)
        .span(width)
        .height(height)
        .datasource(DATA_SOURCE)
        .orientation(shown.VizOrientation.HORIZONTAL)
        .display_mode(shown.BarGaugeDisplayMode.BASIC)
        .thresholds(fields.neutral())
        .color_scheme(fields.by_threshold())
        .no_value("–")
        .reduce_options(common.ReduceDataOptions().calcs([]).values(True).fields(f"/^{column}$/"))
    )


def words_panel(title: str, what: str, *, width: int = 24, height: int = 3) -> text.Panel:
    """Return a panel of words."""
    return (
        text.Panel()
        .title(title)
        .description(what)
        .span(width)
        .height(height)
        .mode(TextMode.MARKDOWN)
        .content(what)
        .thresholds(fields.neutral())
    )


def _legend(*, is_shown: bool) -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(shown.LegendDisplayMode.LIST)
        .placement(shown.LegendPlacement.BOTTOM)
        .show_legend(is_shown)
    )
