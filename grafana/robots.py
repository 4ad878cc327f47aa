"""Robots: where they were, how they are, what they were sent for."""

from grafana_foundation_sdk.builders import dashboard, geomap, statetimeline, table, timeseries

from jeonju.grafana import fields, look, variables
from jeonju.grafana.board import board
from jeonju.grafana.influxql import BY_DEVICE, EVERY, IN_RANGE, OF_DEVICES, OF_SITE, InfluxQL, course, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import DEVICE, DEVICE_TAG, JOURNAL, KIND, ORIGIN, ZONE


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board(say, "robots", say("순찰 로봇", "Robots"), since="now-3h", refresh="30s")
    for variable in (variables.data_source(say), variables.site(say), variables.robots(say)):
        made.with_variable(variable)
    made.with_panel(track(say)).with_panel(state(say))
    made.with_panel(battery(say)).with_panel(hottest(say)).with_panel(dust(say))
    return made.with_panel(fleet(say)).with_panel(dispatches(say))


def track(say: Language) -> geomap.Panel:
    """The way of each robot, coloured by the dust on it, and where it is now."""
    way = select(
        'mean("lat") AS "lat", mean("lon") AS "lon", mean("pm25") AS "pm25"',
        where=(OF_SITE, OF_DEVICES, IN_RANGE),
        by=(EVERY, BY_DEVICE),
        fill="none",
    )
    now = select(
        'last("lat") AS "lat", last("lon") AS "lon", last("pm25") AS "pm25", last("battery") AS "battery", last("heading") AS "heading"',
        where=(OF_SITE, OF_DEVICES, IN_RANGE),
        by=(BY_DEVICE,),
    )
    layers = (
        look.markers(say("경로", "Track"), "A", colour="pm25", size=3),
        look.markers(
            say("현재 위치", "Now"), "B", colour="pm25", shape="triangle", size=10, text=DEVICE_TAG, turned_by="heading"
        ),
    )
    return (
        look.city_map(say("경로와 초미세먼지", "Track and PM2.5"), layers, width=13, height=15)
        .with_target(InfluxQL(query=way, table=True, ref_id="A"))
        .with_target(InfluxQL(query=now, table=True, ref_id="B"))
        .interval("10s")
        .max_data_points(1000)
        .color_scheme(fields.by_threshold())
        .thresholds(fields.class_steps("pm25"))
        .decimals(1)
        .override_by_name("lat", fields.digits(5))
        .override_by_name("lon", fields.digits(5))
    )


def state(say: Language) -> statetimeline.Panel:
    """What each did; a gap is a time when nothing was heard of it."""
    text = select('last("robot_activity")', where=(OF_SITE, OF_DEVICES, IN_RANGE), by=(EVERY, BY_DEVICE), fill="none")
    # As `jeonju.airquality.pollutants` numbers them.
    activities = {
        "0": (say("정지", "stands"), fields.NEUTRAL),
        "1": (say("순찰", "patrols"), fields.GOOD),
        "2": (say("출동", "on its way"), "#ff9830"),
        "3": (say("측정", "measures"), "#8f3bb8"),
        "4": (say("충전", "charges"), "#5794f2"),
    }
    return (
        look.timeline(say("상태", "State"), width=11, height=15)
        .interval("10s")
        .with_target(InfluxQL(query=text, alias=f"$tag_{DEVICE_TAG}"))
        .mappings(fields.by_value(activities))
    )


def fleet(say: Language) -> table.Panel:
    """What is known of each."""
    columns = {
        DEVICE_TAG: say("로봇", "Robot"),
        ZONE: say("구역", "Zone"),
        "state": say("연결", "Connection"),
        "since": say("부터", "Since"),
        ORIGIN: say("출처", "Origin"),
    }
    text = select(
        f'"{DEVICE_TAG}", "{ZONE}", "state", "state_at" / 1000 AS "since", "{ORIGIN}"',
        DEVICE,
        where=(OF_SITE, f"\"{KIND}\" = 'robot'"),
    )
    return (
        look.rows(say("로봇 목록", "Fleet"), columns, width=10, height=8)
        .with_target(InfluxQL(query=text, table=True))
        .override_by_name(columns["since"], fields.as_instant())
        .override_by_name(columns["state"], fields.connection(say))
    )


def battery(say: Language) -> timeseries.Panel:
    """Charge."""
    return look.chart(fields.label(say, "battery"), width=8, unit="%").min(0).max(100).with_target(course("battery"))


def hottest(say: Language) -> timeseries.Panel:
    """What the thermal cameras saw."""
    return (
        look.chart(fields.label(say, "thermal_max"), width=8, unit="°C")
        .interval("10s")
        .with_target(course("thermal_max", function="max"))
    )


def dust(say: Language) -> timeseries.Panel:
    """Dust on the way."""
    return look.chart(fields.label(say, "pm25"), width=8, unit="µg/m³").with_target(course("pm25"))


def dispatches(say: Language) -> table.Panel:
    """What was said and done about robots."""
    columns = {
        "Time": say("시각", "Time"),
        "who": say("누가", "Who"),
        "action": say("조치", "Action"),
        "subject": say("로봇", "Robot"),
        "details": say("자세히", "Details"),
    }
    about = '("action" =~ /dispatch|send|recall|forbid|allow/ OR "subject" =~ /^${device:regex}$/)'
    text = select('"who", "action", "subject", "details"', JOURNAL, where=(OF_SITE, IN_RANGE, about))
    return look.rows(
        say("출동", "Dispatches"), columns, width=14, height=8, nothing=say("출동 없음", "No dispatches")
    ).with_target(InfluxQL(query=f"{text} ORDER BY time DESC LIMIT 200", table=True))
