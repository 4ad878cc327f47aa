"""Smoke and incidents: the evidence side by side, what was concluded from it, where it is, what was done."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard, geomap, table, timeseries
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from jeonju.airquality.pollutants import QUANTITY
from jeonju.grafana import fields, look, maps, tables, variables, words
from jeonju.grafana.board import board, with_events
from jeonju.grafana.city_map import described, within_radii
from jeonju.grafana.influxql import (
    BY_DEVICE,
    IN_RANGE,
    OF_DEVICES,
    OF_SITE,
    ROLLED_UP,
    InfluxQL,
    course,
    highest,
    plausible,
    select,
    tiered,
    touching,
)
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import INCIDENT, JOURNAL

# What distinguishes fire from dust, traffic and solvents when it rises together.
EVIDENCE: Final = ("pm25", "pm10", "co", "tvoc", "no2", "thermal_max")
# Of the chosen zones; an incident or alert may have none, and must not vanish for it.
IN_ZONES: Final = f"({variables.OF_ZONE} OR \"zone\" = '')"

# Columns and rows of the map.
MAP: Final = (10, 14)


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = with_events(
        board(
            say,
            "smoke-incidents",
            say("연기와 사건", "Smoke and incidents"),
            say(
                "함께 오른 징후, 판단과 추정 위치, 조치. 위의 구역과 장비는 모든 표와 지도에 적용됩니다.",
                "Which signs rose together, what was concluded, where the source seems to be, what was done. Zone and device at the top hold for all of it.",
            ),
            since="now-6h",
            refresh="30s",
        ),
        say,
    )
    for variable in (
        variables.data_source(say),
        variables.site(say),
        variables.zone(say),
        variables.devices(say),
        variables.page(say),
    ):
        made.with_variable(variable)
    made.with_panel(incidents(say)).with_panel(places(say))
    made.with_row(dashboard.Row(say("증거", "Evidence")))
    for quantity in EVIDENCE:
        made.with_panel(evidence(say, quantity))
    made.with_row(dashboard.Row(say("경보와 조치", "Alerts and actions")))
    return made.with_panel(alerts(say)).with_panel(journal(say))


def incidents(say: Language) -> table.Panel:
    """Incidents; the sentence of each leads to its report, the zone to the evidence there."""
    return tables.incident_table(
        say,
        say("사건", "Incidents"),
        say(
            "표시 구간에 걸친 사건. 진행 중인 것은 시작이 언제든 보입니다. 내용을 누르면 보고서, 구역을 누르면 그 구역의 증거만 보입니다.",
            "Incidents that touch the time shown; open ones whenever they began. The sentence leads to the report, the zone to the evidence there alone.",
        ),
        (IN_ZONES,),
        width=14,
        height=14,
    )


def places(say: Language) -> geomap.Panel:
    """Where the sources seem to be and within what radius, among the devices."""
    sources = select(
        f'"lat", "lon", "radius_m", "radius_90_m", "kind", "{say("summary_ko", "summary_en")}" AS "summary"',
        INCIDENT,
        where=(OF_SITE, IN_ZONES, touching("opened_at", "closed_at"), '"radius_m" > 0'),
    )
    around = tiered(
        'last("lat") AS "lat", last("lon") AS "lon", max("pm25_max") AS "pm25"',
        where=(OF_SITE, OF_DEVICES),
        by=(BY_DEVICE,),
        tiers=ROLLED_UP,
    )
    layers = (
        *within_radii(say, "B", maps.city_zoom(*MAP)),
        maps.marks(say("장비", "Devices"), "A", colour="pm25", size=8, has_legend=True),
        maps.marks(say("장비(1시간)", "Devices, by hours"), "C", colour="pm25", size=8),
        maps.marks(
            say("추정 위치", "Likely sources"),
            "B",
            colour="#d7322d",
            mark="img/icons/marker/x-mark.svg",
            size=10,
            line=3,
        ),
        maps.labels(say("종류", "Class"), "B", "kind", colour="#ff7383", size=13, down=-18),
    )
    panel = maps.city_map(
        say("추정 위치와 최고 초미세먼지", "Likely sources, and the highest PM2.5"),
        say(
            "원: 표시 구간에서 가장 높았던 초미세먼지(등급 색). 빨간 ×와 원: 추정 위치와 확률의 50 %, 90 %가 드는 범위(처음 배율에서 실제 크기). 위치를 알 수 없는 동안에는 표시하지 않습니다.",
            "Circles: the highest PM2.5 of the time shown, in the colour of its class. Red cross and circles: the likely source and within what half and nine tenths of the probability lie, to scale as the map opens; none while a map says nothing.",
        ),
        layers,
        say,
        width=MAP[0],
        height=MAP[1],
    )
    panel.with_target(InfluxQL(query=sources, table=True, ref_id="B"))
    for ref_id, text in zip("AC", around, strict=True):
        panel.with_target(InfluxQL(query=text, table=True, ref_id=ref_id))
    return described(panel, say).thresholds(fields.class_steps("pm25"))


def evidence(say: Language, quantity: str) -> timeseries.Panel:
    """One quantity at all chosen devices, fine enough to see a plume pass."""
    called = fields.label(say, quantity)
    panel = look.chart(
        called,
        say(
            f"{called}의 최댓값, 고른 장비별. 있을 수 없는 값은 그리지 않습니다. 3시간이 넘으면 1분의 최댓값을 씁니다.",
            f"The highest {called} at each chosen device without impossible values, of minutes beyond 3 hours.",
        ),
        width=8,
        unit=QUANTITY[quantity].unit,
    ).interval("10s")
    return look.of_devices(
        look.with_course(panel, course(highest(quantity), where=(OF_SITE, OF_DEVICES, plausible(quantity)))), say
    )


def alerts(say: Language) -> table.Panel:
    """Every alert of the time shown."""
    return tables.alert_table(
        say,
        say("경보", "Alerts"),
        say(
            "표시 구간에 걸친 경보. 진행 중인 것은 시작이 언제든 보입니다.",
            "Alerts that touch the time shown; those that last whenever they began.",
        ),
        (f'("device" =~ /^${{device:regex}}$/ OR {IN_ZONES})',),
        width=14,
        height=9,
    )


def journal_table(say: Language, title: str, what: str, where: str, *, width: int, height: int) -> table.Panel:
    """Return what people and the system did, in words: what was done, about what, with which note or outcome."""
    extract = DataTransformerConfig(
        id_val="extractFields", options={"source": "details", "format": "json", "replace": False}
    )
    # Of the details only these are in words; others differ from action to action, and the api shows them.
    wanted = ("Time", "who", "action", "subject", "note", "outcome")
    keep = DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(wanted)}})
    text = select('"who", "action", "subject", "details"', JOURNAL, where=(OF_SITE, IN_RANGE, where))
    columns = [
        tables.Column("Time", say("시각", "Time"), tables.INSTANT_WIDE, fields.as_instant()),
        tables.Column("who", say("누가", "Who"), 70, words.as_named([("system", say("시스템", "system"))])),
        tables.Column("action", say("조치", "Action"), 130, words.as_named(words.actions(say))),
        tables.Column("subject", say("대상", "About"), None, words.as_subjects(say)),
        tables.Column("outcome", say("결과", "Outcome"), 90, words.as_named(words.outcomes(say))),
        tables.Column("note", say("메모", "Note"), 110),
    ]
    return tables.rows(title, what, columns, width=width, height=height, first=[extract, keep]).with_target(
        InfluxQL(query=f"{text} {tables.NEWEST_FIRST}", table=True)
    )


def journal(say: Language) -> table.Panel:
    """What people and the system did."""
    return journal_table(
        say,
        say("조치 기록", "Journal"),
        say(
            "고른 구역과 장비에 관한 조치, 새로운 것부터.",
            "What was done about the chosen zones and devices, the newest first.",
        ),
        # A request is written down beside what it did, which has an entry of its own.
        '("subject" =~ /${device:regex}|${zone:regex}/ OR "who" != \'system\') AND "action" != \'request\'',
        width=10,
        height=9,
    )
