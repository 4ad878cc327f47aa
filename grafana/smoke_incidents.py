"""Smoke and incidents: the evidence side by side, what was concluded from it, where it is, what was done."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard, geomap, table, timeseries

from jeonju.airquality.pollutants import QUANTITY
from jeonju.grafana import fields, look, variables
from jeonju.grafana.board import Alerts, board
from jeonju.grafana.influxql import BY_DEVICE, IN_RANGE, OF_SITE, InfluxQL, course, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import DEVICE_TAG, ID, INCIDENT, JOURNAL

# What distinguishes fire from dust, traffic and solvents when it rises together.
EVIDENCE: Final = ("pm25", "pm10", "co", "tvoc", "no2", "thermal_max")


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board(
        say, "smoke-incidents", say("연기와 사건", "Smoke and incidents"), since="now-6h", refresh="30s"
    ).annotation(Alerts(say))
    for variable in (
        variables.data_source(say),
        variables.site(say),
        variables.zone(say),
        variables.devices(say),
        variables.api(),
    ):
        made.with_variable(variable)
    made.with_panel(incidents(say)).with_panel(places(say))
    made.with_row(dashboard.Row(say("증거", "Evidence")))
    for quantity in EVIDENCE:
        made.with_panel(evidence(say, quantity))
    made.with_row(dashboard.Row(say("경보와 조치", "Alerts and actions")))
    return made.with_panel(alerts(say)).with_panel(journal(say))


def incidents(say: Language) -> table.Panel:
    """Incidents; the name of each leads to all that the api knows of it."""
    columns = {
        ID: say("사건", "Incident"),
        "at": say("시작", "Opened"),
        "state": say("상태", "State"),
        "severity": say("심각도", "Severity"),
        "kind": say("종류", "Class"),
        "confidence": say("확률", "Confidence"),
        "rate_g_s": say("배출률 g/s", "Rate g/s"),
        "radius_m": say("위치 오차 m", "Within m"),
        "summary": say("내용", "What"),
    }
    text = select(
        f'"{ID}", "opened_at" / 1000 AS "at", "state", "severity", "kind", "confidence", "rate_g_s", "radius_m", '
        f'"{say("summary_ko", "summary_en")}" AS "summary"',
        INCIDENT,
        where=(OF_SITE, IN_RANGE),
    )
    return (
        look.rows(say("사건", "Incidents"), columns, width=14, height=12, nothing=say("사건 없음", "No incidents"))
        .with_target(InfluxQL(query=f"{text} ORDER BY time DESC LIMIT 200", table=True))
        .override_by_name(
            columns[ID], fields.link(say("API에서 보기", "Show in the api"), "${api}/api/v1/incidents/${__value.raw}")
        )
        .override_by_name(columns["at"], fields.as_instant() + fields.wide(150))
        .override_by_name(columns["severity"], fields.severities(say) + fields.wide(80))
        .override_by_name(columns["confidence"], fields.as_share())
        .override_by_name(columns["rate_g_s"], fields.digits(1))
        .override_by_name(columns["radius_m"], fields.digits(0))
    )


def places(say: Language) -> geomap.Panel:
    """Where the sources seem to be, among the devices."""
    sources = select(f'"lat", "lon", "radius_m", "kind", "{ID}"', INCIDENT, where=(OF_SITE, IN_RANGE, '"radius_m" > 0'))
    around = select(
        'last("lat") AS "lat", last("lon") AS "lon", max("pm25") AS "pm25"', where=(OF_SITE, IN_RANGE), by=(BY_DEVICE,)
    )
    layers = (
        look.markers(say("장비", "Devices"), "A", colour="pm25", size=6, text=DEVICE_TAG),
        look.markers(say("추정 위치", "Likely sources"), "B", colour="#8f3bb8", shape="star", size=12, text="kind"),
    )
    return (
        look.city_map(
            say("추정 위치와 최고 초미세먼지", "Likely sources, and the highest PM2.5"), layers, width=10, height=12
        )
        .with_target(InfluxQL(query=around, table=True, ref_id="A"))
        .with_target(InfluxQL(query=sources, table=True, ref_id="B"))
        .color_scheme(fields.by_threshold())
        .thresholds(fields.class_steps("pm25"))
        .decimals(1)
        .override_by_name("lat", fields.digits(5))
        .override_by_name("lon", fields.digits(5))
    )


def evidence(say: Language, quantity: str) -> timeseries.Panel:
    """One quantity at all chosen devices, fine enough to see a plume pass."""
    unit = QUANTITY[quantity].unit
    return (
        look.chart(fields.label(say, quantity), width=8, unit=unit)
        .interval("10s")
        .with_target(course(quantity, function="max"))
    )


def alerts(say: Language) -> table.Panel:
    """Every alert of the time shown."""
    return look.alert_table(say, say("경보", "Alerts"), (IN_RANGE,), width=14, height=9)


def journal(say: Language) -> table.Panel:
    """What people and the system did."""
    columns = {
        "Time": say("시각", "Time"),
        "who": say("누가", "Who"),
        "action": say("조치", "Action"),
        "subject": say("대상", "About"),
        "details": say("자세히", "Details"),
    }
    text = select('"who", "action", "subject", "details"', JOURNAL, where=(OF_SITE, IN_RANGE))
    return look.rows(
        say("조치 기록", "Journal"), columns, width=10, height=9, nothing=say("조치 없음", "Nothing was done")
    ).with_target(InfluxQL(query=f"{text} ORDER BY time DESC LIMIT 200", table=True))
