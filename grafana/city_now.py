"""City now: how is the air everywhere, where is it worst, what is going on. It is what hangs on a wall."""

from grafana_foundation_sdk.builders import dashboard, table, timeseries

from jeonju.airquality.pollutants import QUANTITY
from jeonju.grafana import city_map, fields, look, queries, tables, variables
from jeonju.grafana import city_numbers as numbers
from jeonju.grafana.board import board, with_events
from jeonju.grafana.city_map import INDEX_NOW
from jeonju.grafana.influxql import (
    BY_DEVICE,
    EVERY,
    OF_SITE,
    TO,
    course,
    lately,
    mean,
    plausible,
    select,
)
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import INDEX


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = with_events(
        board(
            say,
            "city-now",
            say("지금 우리 도시", "City now"),
            say(
                "도시 대기질의 현재 상태. 표시 구간의 끝을 '지금'으로 봅니다. 간이측정기 자료로 참고용입니다.",
                "How the air of the city is now; now is the end of the time shown. Low-cost instruments, for reference only.",
            ),
            since="now-3h",
            refresh="30s",
        ),
        say,
    )
    for variable in (variables.data_source(say), variables.site(say), variables.page(say)):
        made.with_variable(variable)
    for panel in (
        numbers.grade(say),
        numbers.advice(say),
        numbers.worst_index(say),
        numbers.incidents_now(say),
        numbers.alerts_now(say),
        numbers.freshness(say),
    ):
        made.with_panel(panel)
    # The map takes the left; what is beside it has its place said, as Grafana's order would put it below.
    made.with_panel(city_map.city(say))
    right = (
        (numbers.heard(say), 14, 5, 3, 3),
        (numbers.dust_now(say), 17, 5, 3, 3),
        (numbers.wind_speed(say), 20, 5, 2, 3),
        (numbers.wind_from(say), 22, 5, 2, 3),
        (open_incidents(say), 14, 8, 10, 5),
        (alerts(say), 14, 13, 10, 5),
        (worst_stations(say), 14, 18, 10, 8),
    )
    for panel_, left, top, width, height in right:
        made.with_panel(panel_.grid_pos(look.at(left, top, width, height)))
    return made.with_panel(dust(say).grid_pos(look.at(0, 26, 12, 8))).with_panel(
        wind(say).grid_pos(look.at(12, 26, 12, 8))
    )


def open_incidents(say: Language) -> table.Panel:
    """Return the table of open incidents."""
    return tables.incident_table(
        say,
        say("진행 중인 사건", "Open incidents"),
        say(
            "지금 열려 있는 사건. 내용을 누르면 보고서가 열립니다.",
            "Incidents that are open now. The sentence leads to the report.",
        ),
        is_open=True,
        width=10,
        height=5,
    )


def alerts(say: Language) -> table.Panel:
    """Return the table of active alerts."""
    return tables.alert_table(
        say,
        say("진행 중인 경보", "Active alerts"),
        say("지금 지속되는 경보, 새로운 것부터.", "Alerts that last now, the newest first."),
        is_open=True,
        width=10,
        height=5,
    )


def worst_stations(say: Language) -> table.Panel:
    """The stations with the highest index, against the same hours of yesterday."""
    name = fields.index_name(say)
    now = select('last("cai") AS "now"', INDEX, where=(OF_SITE, INDEX_NOW), by=(BY_DEVICE,))
    before = select(
        'mean("cai") AS "before"',
        INDEX,
        where=(OF_SITE, f"time > {TO}ms - 25h", f"time <= {TO}ms - 23h"),
        by=(BY_DEVICE,),
    )
    dust_ = select('mean("pm25") AS "pm25"', where=(OF_SITE, lately()), by=(BY_DEVICE,))
    chosen = 'last("now") AS "now", last("before") AS "before", last("now") - last("before") AS "change"'
    against = select(chosen, f"({now}), ({before})", where=(), by=(BY_DEVICE,))
    index = fields.coloured_or_dash() + fields.thresholds_of(fields.index_steps()) + fields.digits(0)
    columns = [
        tables.of_device(say, width=None),
        tables.Column("now", say("지수", name), 70, index),
        tables.Column("before", say("어제", "Yesterday"), 85, [*fields.digits(0), *fields.or_dash()]),
        tables.Column("change", say("변화", "Change"), 75, [*fields.digits(0), *fields.or_dash()]),
        tables.Column(
            "pm25",
            "PM2.5",
            110,
            [
                *fields.of_quantity("pm25"),
                *fields.coloured_or_dash(),
                *fields.thresholds_of(fields.class_steps("pm25")),
            ],
        ),
    ]
    return tables.rows(
        say("대기질 순위", "Where it is worst"),
        say(
            f"{name}: 높은 순서. 어제는 24시간 전 2시간 평균입니다. 지수가 없으면 초미세먼지만 보입니다.",
            f"By {name}, the worst first; yesterday is the mean of two hours a day ago. Without an index only PM2.5 is shown.",
        ),
        columns,
        width=10,
        height=8,
        parts=[against, dust_],
    ).sort_by(tables.sorted_by(say("지수", name)))


def dust(say: Language) -> timeseries.Panel:
    """The course of fine dust at every device."""
    panel = look.chart(
        say("초미세먼지", "PM2.5"),
        say(
            "자체 장비별 평균. 있을 수 없는 값은 그리지 않습니다. 3시간이 넘으면 1분 평균을 씁니다. 점선은 WHO와 한국의 24시간 기준입니다.",
            "Means by own device without impossible values, of minutes beyond 3 hours. Lines: limits of WHO and Korea for 24 h.",
        ),
        unit="µg/m³",
    ).interval("1m")
    return look.of_devices(
        look.with_course(panel, course(mean("pm25"), where=(OF_SITE, queries.of_own(), plausible("pm25")))), say
    )


def wind(say: Language) -> timeseries.Panel:
    """The city's wind: speed, and where it comes from."""
    speed, direction = say("풍속", "speed"), say("풍향", "from")
    panel = (
        look.chart(
            say("바람", "Wind"),
            say(
                "모든 풍향풍속계의 평균 풍속과 풍향(점, 오른쪽 축).",
                "Mean speed of all masts, and where the wind comes from (points, axis at the right).",
            ),
            unit=QUANTITY["wind_speed"].unit,
            series=2,
        )
        .interval("1m")
        .override_by_name(direction, fields.as_directions())
    )
    look.with_course(panel, course(mean("wind_speed"), where=(OF_SITE,), by=(EVERY,)), speed)
    return look.with_course(panel, queries.wind_from((OF_SITE,), (EVERY,), "none"), direction, "B")
