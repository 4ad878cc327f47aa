"""Zone and station: every quantity at the chosen devices against its limits, the index over time, days at a glance, doubtful values."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard, statetimeline, statushistory, timeseries
from grafana_foundation_sdk.models import common as shown
from grafana_foundation_sdk.models.dashboard import FieldColorModeId

from jeonju.airquality.index import POLLUTANTS
from jeonju.grafana import city, fields, look, variables
from jeonju.grafana.board import Alerts, board
from jeonju.grafana.influxql import BY_DEVICE, EVERY, IN_RANGE, OF_DEVICES, OF_SITE, InfluxQL, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import AIR_1H, DEVICE_TAG, INDEX

# A device's series says which quantity it shows, so that unit and limits can be those of the quantity.
NAME: Final = f"$tag_{DEVICE_TAG} $col"
OF_QUANTITY: Final = '"${quantity}"'
FLAGS: Final = {"bad": "#d7322d", "suspect": "#ff9830", "estimated": "#5794f2"}


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard; its last row is there once for each chosen quantity."""
    made = board(
        say, "zone-station", say("구역과 측정소", "Zone and station"), since="now-24h", refresh="1m"
    ).annotation(Alerts(say))
    for variable in (
        variables.data_source(say),
        variables.site(say),
        variables.zone(say),
        variables.devices(say),
        variables.quantities(say),
    ):
        made.with_variable(variable)
    made.with_panel(index(say)).with_panel(alerts(say))
    made.with_row(dashboard.Row("${quantity:text}").repeat("quantity"))
    return made.with_panel(measured(say)).with_panel(days(say)).with_panel(flags(say))


def index(say: Language) -> statetimeline.Panel:
    """Classes of the index."""
    text = select(
        'last("grade")', INDEX, where=(OF_SITE, OF_DEVICES, IN_RANGE), by=("time($__interval)", BY_DEVICE), fill="none"
    )
    return (
        look.timeline(say("통합대기환경지수 등급", "CAI class"), width=14, height=11)
        .interval("10m")
        .mappings(fields.grades(say))
        .with_target(InfluxQL(query=text, alias=f"$tag_{DEVICE_TAG}"))
    )


def alerts(say: Language) -> dashboard.Panel:
    """What was raised at these devices or in these zones."""
    here = f'("device" =~ /^${{device:regex}}$/ OR {variables.OF_ZONE})'
    return look.alert_table(say, say("경보", "Alerts"), (here, IN_RANGE), width=10, height=11)  # type: ignore[return-value]


def measured(say: Language) -> timeseries.Panel:
    """The course of the row's quantity, and its limits."""
    text = select(
        f"mean({OF_QUANTITY}) AS {OF_QUANTITY}",
        where=(OF_SITE, OF_DEVICES, IN_RANGE),
        by=(EVERY, BY_DEVICE),
        fill="none",
    )
    panel = (
        look.chart("${quantity:text}", width=12, height=9)
        .description(fields.limits_in_words(say))
        .with_target(InfluxQL(query=text, alias=NAME))
        .interval("10s")
    )
    for key in variables.MEASURED:
        panel.override_by_regexp(f"/ {key}$/", fields.of_unit(key))
    return panel


def days(say: Language) -> statushistory.Panel:
    """Means of the hours of whole days by local time, over the last month."""
    text = select(
        f"mean({OF_QUANTITY}) AS {OF_QUANTITY}",
        AIR_1H,
        where=(OF_SITE, OF_DEVICES, IN_RANGE),
        by=("time(1d)", BY_DEVICE),
        fill="none",
    )
    panel = (
        look.calendar(say("일평균, 최근 30일", "Daily means, last 30 days"), width=8, height=9)
        .time_from("30d")
        .with_target(InfluxQL(query=f"{text} tz('{city.timezone()}')", alias=NAME))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.CONTINUOUS_GR_YL_RD))
    )
    for key in variables.MEASURED:
        own = fields.of_unit(key)[:2]
        if key in POLLUTANTS:
            own += [*fields.thresholds_of(fields.class_steps(key)), fields.coloured_by_threshold()]
        panel.override_by_regexp(f"/ {key}$/", own)
    return panel


def flags(say: Language) -> timeseries.Panel:
    """How many values are doubtful, of how many there are."""
    everything = select(f"count({OF_QUANTITY})", where=(OF_SITE, OF_DEVICES, IN_RANGE), by=(EVERY,), fill="0")
    panel = (
        look.chart(say("품질 표시", "Quality flags"), width=4, height=9)
        .draw_style(shown.GraphDrawStyle.BARS)
        .fill_opacity(60)
        .interval("1m")
        .with_target(InfluxQL(query=everything, alias=say("모든 값", "all values"), ref_id="A"))
        .override_by_name(say("모든 값", "all values"), fields.as_background())
    )
    names = {"bad": say("불량", "bad"), "suspect": say("의심", "suspect"), "estimated": say("추정", "estimated")}
    for ref_id, (flag, colour) in zip("BCD", FLAGS.items(), strict=True):
        flagged = f'"quality" =~ /"${{quantity}}":\\["{flag}"/'
        text = select(f"count({OF_QUANTITY})", where=(OF_SITE, OF_DEVICES, IN_RANGE, flagged), by=(EVERY,), fill="0")
        panel.with_target(InfluxQL(query=text, alias=names[flag], ref_id=ref_id)).override_by_name(
            names[flag], fields.of_colour(colour)
        )
    return panel
