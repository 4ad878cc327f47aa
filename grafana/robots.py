"""Robots: where they were, how they are, what they were sent for."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard, geomap, statetimeline, table, timeseries

from jeonju.grafana import fields, look, maps, queries, tables, variables, words
from jeonju.grafana.board import board
from jeonju.grafana.city_map import ROBOT, described
from jeonju.grafana.influxql import (
    BY_DEVICE,
    EVERY,
    OF_DEVICES,
    OF_SITE,
    InfluxQL,
    course,
    highest,
    lately,
    mean,
    plausible,
    select,
    tiered,
)
from jeonju.grafana.language import Language
from jeonju.grafana.smoke_incidents import journal_table
from jeonju.storage.influx.names import DEVICE, DEVICE_TAG, KIND

HERE: Final = (OF_SITE, OF_DEVICES)
BATTERY: Final = ((None, words.BAD), (20, "#ff9830"), (40, words.GOOD))
OF_FLEET: Final = 6


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board(
        say,
        "robots",
        say("순찰 로봇", "Robots"),
        say(
            "로봇의 위치와 경로, 상태와 배터리, 출동. 로봇이 없는 도시에서는 비어 있습니다.",
            "Where the robots are and were, what they do, their batteries, their missions. Empty in a city without robots.",
        ),
        since="now-3h",
        refresh="30s",
    )
    for variable in (variables.data_source(say), variables.site(say), variables.robots(say), variables.page(say)):
        made.with_variable(variable)
    made.with_panel(track(say))
    made.with_panel(fleet(say).grid_pos(look.at(13, 0, 11, 8))).with_panel(state(say).grid_pos(look.at(13, 8, 11, 8)))
    made.with_panel(battery(say).grid_pos(look.at(0, 16, 8, 8))).with_panel(hottest(say).grid_pos(look.at(8, 16, 8, 8)))
    made.with_panel(dust(say).grid_pos(look.at(16, 16, 8, 8)))
    return made.with_panel(dispatches(say).grid_pos(look.at(0, 24, 24, 8)))


def track(say: Language) -> geomap.Panel:
    """The way of each robot, coloured by the dust on it, and where it is now."""
    way = [
        f"{text} LIMIT 2000"
        for text in tiered(
            'mean("lat") AS "lat", mean("lon") AS "lon", mean("pm25") AS "pm25"',
            where=HERE,
            by=(EVERY, BY_DEVICE),
            fill="none",
        )
    ]
    now = queries.newest(("lat", "lon", "pm25", "battery", "heading", "robot_activity"), OF_DEVICES)
    layers = [maps.marks(f"{say('경로', 'Track')} {ref}", ref, colour="pm25", size=3, opacity=0.6) for ref in "ABC"]
    layers += [
        maps.marks(
            say("현재 위치", "Now"), "D", colour=ROBOT, mark=maps.turned(maps.POINTER), size=17, turned_by="heading"
        ),
        maps.labels(say("이름", "Name"), "D", DEVICE_TAG, colour=ROBOT, size=12, down=18),
    ]
    panel = (
        maps.city_map(
            say("경로와 초미세먼지", "Track and PM2.5"),
            say(
                "점: 지나온 길의 초미세먼지(등급 색). 보라색 화살촉: 지금 위치와 진행 방향. 최근 5분 동안 응답이 없으면 보이지 않습니다.",
                "Points: PM2.5 on the way, in the colour of its class. Purple pointers: where robots are and head now; one that was not heard for 5 minutes is not there.",
            ),
            layers,
            say,
            width=13,
        )
        .interval("10s")
        .max_data_points(1000)
    )
    for ref_id, text in zip("ABCD", [*way, now], strict=True):
        panel.with_target(InfluxQL(query=text, table=True, ref_id=ref_id))
    return described(panel, say).thresholds(fields.class_steps("pm25"))


def state(say: Language) -> statetimeline.Panel:
    """What each did; a gap is a time when nothing was heard of it."""
    panel = (
        look.timeline(
            say("상태", "State"),
            say(
                "로봇별 활동. 빈 곳은 응답이 없던 때입니다.",
                "What each robot did; a gap is a time when nothing was heard of it.",
            ),
            words.by_value(words.activities(say)),
        )
        .interval("1m")
        .max_data_points(300)
    )
    # The highest of a minute is a state that the robot had; a mean would be none.
    asked = tiered(
        lambda tier: f'last("robot_activity{"_max" if tier.is_rolled_up else ""}")',
        where=HERE,
        by=(EVERY, BY_DEVICE),
        fill="null",
    )
    for ref_id, text in zip("ABC", asked, strict=True):
        panel.with_target(InfluxQL(query=text, alias=f"$tag_{DEVICE_TAG}", ref_id=ref_id))
    return look.of_devices(panel, say)


def fleet(say: Language) -> table.Panel:
    """How each is now."""
    known = select('last("state") AS "state"', DEVICE, where=(OF_SITE, f"\"{KIND}\" = 'robot'"), by=(BY_DEVICE,))
    now = select(
        'last("robot_activity") AS "activity", last("battery") AS "battery", last("pm25") AS "pm25"',
        where=(OF_SITE, OF_DEVICES, lately("1d")),
        by=(BY_DEVICE,),
    )
    dust_ = [*fields.of_quantity("pm25"), *fields.coloured_or_dash(), *fields.thresholds_of(fields.class_steps("pm25"))]
    columns = [
        tables.of_device(say, width=None, title=say("로봇", "Robot")),
        tables.Column("state", say("연결", "Link"), 75, fields.connection(say)),
        tables.Column("activity", say("상태", "Activity"), 95, fields.coloured(words.by_value(words.activities(say)))),
        tables.Column(
            "battery",
            say("배터리", "Battery"),
            130,
            [
                *fields.of_quantity("battery"),
                *fields.as_gauge(100),
                *words.as_mapped([fields.no_value("–", "transparent")]),
                *fields.thresholds_of(fields.steps(*BATTERY)),
            ],
        ),
        tables.Column("pm25", "PM2.5", 90, dust_),
        tables.Column(
            "age",
            say("마지막 응답", "Last seen"),
            110,
            [
                *fields.unit(fields.of_age(say)),
                *fields.digits(0),
                *fields.coloured_text(),
                *fields.thresholds_of(fields.ages()),
            ],
        ),
    ]
    return tables.rows(
        say("로봇 현황", "Fleet"),
        say(
            "지금의 연결, 활동, 배터리와 마지막 응답(최근 하루).",
            "Link, activity, battery and when it was last heard (within the last day).",
        ),
        columns,
        nothing=say("로봇 없음", "No robots"),
        parts=[known, now, queries.ages(OF_DEVICES)],
    )


def battery(say: Language) -> timeseries.Panel:
    """Charge."""
    called = fields.label(say, "battery")
    panel = (
        look.chart(called, say("로봇별 배터리 잔량.", "The charge of each robot."), unit="%", series=OF_FLEET)
        .min(0)
        .max(100)
    )
    return look.of_devices(look.with_course(panel.interval("1m"), course(mean("battery"))), say)


def hottest(say: Language) -> timeseries.Panel:
    """What the thermal cameras saw."""
    called = fields.label(say, "thermal_max")
    panel = look.chart(
        called,
        say(
            "열화상 카메라가 본 가장 높은 온도. 100 °C가 넘으면 불입니다.",
            "The hottest that the thermal cameras saw; above 100 °C it is a fire.",
        ),
        unit="°C",
        series=OF_FLEET,
    )
    return look.of_devices(look.with_course(panel.interval("10s"), course(highest("thermal_max"))), say)


def dust(say: Language) -> timeseries.Panel:
    """Dust on the way."""
    panel = look.chart(
        fields.label(say, "pm25"),
        say("로봇이 지나며 잰 초미세먼지.", "PM2.5 on the robots' way."),
        unit="µg/m³",
        series=OF_FLEET,
    )
    return look.of_devices(
        look.with_course(panel.interval("10s"), course(mean("pm25"), where=(*HERE, plausible("pm25")))), say
    )


def dispatches(say: Language) -> table.Panel:
    """What was said and done about robots."""
    return journal_table(
        say,
        say("출동", "Missions"),
        say("로봇의 출동과 명령, 결과. 새로운 것부터.", "Missions, orders and outcomes, the newest first."),
        '("action" =~ /dispatch|send|recall|forbid|allow/ OR "subject" =~ /^${device:regex}$/)',
        width=24,
        height=8,
    )
