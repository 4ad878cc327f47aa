"""Air quality report: a month of a city on one page, for a council meeting or the printer."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard, stat, table, text
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from jeonju.airquality.pollutants import QUANTITY
from jeonju.grafana import fields, look, patterns, queries, tables, variables, words
from jeonju.grafana.board import board
from jeonju.grafana.influxql import (
    BY_DEVICE,
    IN_RANGE,
    OF_DEVICES,
    OF_SITE,
    InfluxQL,
    known_devices,
    plausible_hours,
    select,
    touching,
)
from jeonju.grafana.language import Language
from jeonju.grafana.zone_station import SHARE_STEPS, exceeded
from jeonju.storage.influx.names import AIR_1H, ALERT

HERE: Final = (OF_SITE, OF_DEVICES)
REPORTED: Final = queries.pollutants_of()


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board(
        say,
        "air-report",
        say("대기질 보고서", "Air quality report"),
        say(
            "한 달의 평균, 기준 초과, 달력, 시간대와 바람, 사건. 1시간 평균으로 만들며 인쇄할 수 있습니다.",
            "Means, exceedances, calendar, hours and wind, incidents of a month, from means of hours; made to be printed.",
        ),
        since="now-30d",
        refresh="",
    )
    for variable in (
        variables.data_source(say),
        variables.site(say),
        variables.zone(say),
        variables.devices(say),
        variables.page(say),
    ):
        made.with_variable(variable)
    made.with_panel(about(say))
    for quantity in REPORTED:
        made.with_panel(mean(say, quantity))
    made.with_panel(means(say))
    # Each as wide as the page: what does not fit beside the names is not printed.
    for body in (fields.body_of_country(), "who"):
        made.with_panel(exceeded(say, body, OF_DEVICES, width=24, height=12))
    made.with_panel(patterns.days(say, "pm25", OF_DEVICES, plausible_hours("pm25"), width=15, height=11))
    made.with_panel(patterns.rose(say, "pm25", fields.label(say, "pm25"), OF_DEVICES, width=9, height=11))
    made.with_panel(patterns.hours_of_week(say, "pm25", fields.label(say, "pm25"), OF_DEVICES, plausible_hours("pm25")))
    return made.with_panel(incidents(say)).with_panel(kinds(say))


def about(say: Language) -> text.Panel:
    """Return the introduction: what the report shows and how to print it."""
    return look.words_panel(
        say("이 보고서", "This report"),
        say(
            "**${site} 대기질 보고서.** 위에서 기간(예: 지난달), 구역, 장비를 고르세요. 인쇄: 주소 끝에 `&kiosk`를 붙이고 밝은 테마에서 브라우저의 인쇄(PDF 저장)를 쓰세요. 간이측정기 자료로 참고용이며 공식 측정값이 아닙니다.",
            "**Air quality report, ${site}.** Choose the time (such as last month), zone and devices at the top. To print: append `&kiosk` to the address, take the light theme, and print to PDF. Low-cost instruments: for reference only, not official.",
        ),
    )


def mean(say: Language, quantity: str) -> stat.Panel:
    """The mean of all chosen devices."""
    row = QUANTITY[quantity]
    asked = select(f'mean("{quantity}")', AIR_1H, where=(*HERE, IN_RANGE, plausible_hours(quantity)))
    return (
        look.number(
            fields.label(say, quantity),
            say(
                f"고른 장비 전체의 평균. 기준: {fields.limits_in_words(say, quantity)}",
                f"Mean of all chosen devices. Limits: {fields.limits_in_words(say, quantity)}",
            ),
            unit=row.unit,
            decimals=row.decimals,
        )
        .thresholds(fields.class_steps(quantity))
        .with_target(InfluxQL(query=asked))
    )


def means(say: Language) -> table.Panel:
    """The mean of each pollutant at each device, and how complete it is."""
    asked = [
        select(f'mean("{key}") AS "{key}"', AIR_1H, where=(*HERE, IN_RANGE, plausible_hours(key)), by=(BY_DEVICE,))
        for key in REPORTED
    ]
    columns = [tables.of_device(say, width=None)]
    for key in REPORTED:
        own = [*fields.of_quantity(key), *fields.coloured_or_dash(), *fields.thresholds_of(fields.class_steps(key))]
        columns.append(tables.Column(key, fields.label(say, key), 140, own))
    shares = [*fields.as_share(), *fields.as_gauge(1), *fields.thresholds_of(fields.steps(*SHARE_STEPS))]
    columns.append(tables.Column("share", say("완결성", "Complete"), 140, shares))
    return tables.rows(
        say("장비별 평균", "Means by device"),
        say(
            "표시 구간의 평균(등급 색)과 자료가 있는 시간의 비율. 있을 수 없는 값이 든 시간은 뺍니다.",
            "Means over the time shown in the colour of their class, and the share of time that has data. Hours with an impossible value are left out.",
        ),
        columns,
        width=24,
        height=12,
        parts=[known_devices(OF_DEVICES), *asked, *queries.completeness(*HERE)],
    ).sort_by(tables.sorted_by(fields.label(say, "pm25")))


def incidents(say: Language) -> table.Panel:
    """Return the table of incidents."""
    return tables.incident_table(
        say,
        say("사건", "Incidents"),
        say("표시 구간에 걸친 사건, 새로운 것부터.", "Incidents that touch the time shown, the newest first."),
        width=17,
        height=10,
    )


def kinds(say: Language) -> table.Panel:
    """How many alerts of each kind there were."""
    counted = {
        "fields": {
            "kind": {"aggregations": [], "operation": "groupby"},
            "severity": {"aggregations": ["count"], "operation": "aggregate"},
        }
    }
    columns = [
        tables.Column("kind", say("종류", "Kind"), None, words.as_named(words.kinds(say))),
        tables.Column("severity (count)", say("건수", "Number"), 90),
    ]
    asked = select('"kind", "severity"', ALERT, where=(OF_SITE, touching("started_at", "ended_at")))
    return tables.rows(
        say("종류별 경보", "Alerts by kind"),
        say("표시 구간에 걸친 경보의 수.", "How many alerts touch the time shown."),
        columns,
        width=7,
        height=10,
        first=[DataTransformerConfig(id_val="groupBy", options=counted)],
    ).with_target(InfluxQL(query=asked, table=True))
