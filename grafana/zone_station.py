"""Zone and station: every quantity at the chosen devices against its limits, the index over time, days and hours at a glance, doubtful values."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as shown

from jeonju.grafana import beside, fields, look, patterns, queries, tables, variables, words
from jeonju.grafana.board import board, with_events
from jeonju.grafana.influxql import (
    BY_DEVICE,
    EVERY,
    IN_RANGE,
    OF_DEVICES,
    OF_SITE,
    InfluxQL,
    course,
    known_devices,
    select,
)
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import DEVICE_TAG, INDEX

QUANTITY: Final = "${quantity}"
HERE: Final = (OF_SITE, OF_DEVICES)
SHORT: Final = {"pm25": "PM2.5", "pm10": "PM10", "o3": "O₃", "no2": "NO₂", "so2": "SO₂", "co": "CO"}
SHARE_STEPS: Final = ((None, words.BAD), (0.5, "#ff9830"), (0.9, words.GOOD))


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard; its last row is there once for each chosen quantity."""
    made = with_events(
        board(
            say,
            "zone-station",
            say("구역과 측정소", "Zone and station"),
            say(
                "고른 장비의 지수, 기준 초과, 자료 완결성과 항목별 추이. 항목 이름 옆의 수는 선으로 그린 기준입니다.",
                "Index, exceedances, completeness and every quantity at the chosen devices. The numbers beside a quantity are the limits that are drawn as lines.",
            ),
            since="now-24h",
            refresh="1m",
        ),
        say,
    )
    for variable in (
        variables.data_source(say),
        variables.site(say),
        variables.zone(say),
        variables.devices(say),
        variables.quantities(say),
        variables.page(say),
    ):
        made.with_variable(variable)
    made.with_panel(index(say)).with_panel(alerts(say)).with_panel(complete(say))
    made.with_panel(exceeded(say, fields.body_of_country(), OF_DEVICES, width=14))
    made.with_panel(exceeded(say, "who", OF_DEVICES, width=10))
    made.with_row(dashboard.Row("${quantity:text}").repeat("quantity"))
    text = "${quantity:text}"
    made.with_panel(measured(say)).with_panel(flags(say)).with_panel(patterns.rose(say, QUANTITY, text, OF_DEVICES))
    made.with_panel(beside.official(say)).with_panel(beside.ahead(say)).with_panel(beside.made(say))
    made.with_panel(patterns.hours_of_week(say, QUANTITY, text, OF_DEVICES))
    return made.with_panel(patterns.days(say, QUANTITY, OF_DEVICES, width=24))


def index(say: Language) -> statetimeline.Panel:
    """Classes of the index."""
    name, hours = fields.index_name(say), fields.first_index_h()
    text = select('last("grade")', INDEX, where=(*HERE, IN_RANGE), by=(EVERY, BY_DEVICE), fill="null")
    panel = (
        look.timeline(
            say(f"{name} 등급", f"{name} class"),
            say(
                f"측정소별 등급. 로봇은 지수가 없습니다. {fields.index_needs(say)}",
                f"Classes of each station; robots have none. {fields.index_needs(say)}",
            ),
            fields.grades(say),
            width=8,
            height=10,
        )
        # A past that was simulated in haste has an index every twenty minutes.
        .interval("30m")
        .no_value(say(f"{hours}시간 자료가 모이면 표시", f"needs {hours} h of data"))
        .with_target(InfluxQL(query=text, alias=f"$tag_{DEVICE_TAG}"))
    )
    return look.of_devices(panel, say)


def alerts(say: Language) -> table.Panel:
    """What was raised at these devices or in these zones."""
    here = f'("device" =~ /^${{device:regex}}$/ OR {variables.OF_ZONE})'
    return tables.alert_table(
        say,
        say("경보", "Alerts"),
        say(
            "표시 구간에 걸친 경보. 진행 중인 것은 시작이 언제든 보입니다.",
            "Alerts that touch the time shown; those that last are there whenever they began.",
        ),
        (here,),
        width=10,
        height=10,
    )


def exceeded(say: Language, body: str, *where: str, width: int, height: int = 9) -> table.Panel:
    """How often each standard of a body was exceeded."""
    judged = [standard for standard in queries.judged() if standard.body == body]
    standards = sorted(judged, key=lambda standard: ([*SHORT].index(standard.quantity), standard.hours))
    names = [f"{standard.quantity}_{standard.body}_{standard.hours}" for standard in standards]
    parts = [
        queries.exceedances(standard, name, OF_SITE, *where) for standard, name in zip(standards, names, strict=True)
    ]
    colours = fields.thresholds_of(fields.steps((None, "transparent"), (1, "#ff9830"), (18, words.BAD)))
    columns = [tables.of_device(say, width=None)]
    for name, standard in zip(names, standards, strict=True):
        short = SHORT[standard.quantity]
        column = tables.Column(name, f"{short} {standard.hours}h", 62 + 6 * len(short), fields.coloured() + colours)
        columns.append(column)
    whose = say(*fields.BODIES[body])
    return tables.rows(
        say(f"기준 초과 횟수, {whose}", f"Exceedances, {whose}"),
        say(
            "표시 구간에서 기준을 넘은 횟수: 24h는 일수(18시간 이상의 자료), 8h는 이동평균, 1h는 시간. 자료가 모자라면 칸이 비고, 하루치도 없으면 24h 열이 없습니다.",
            "How often the standards were exceeded in the time shown: 24h counts days with at least 18 hours of data, 8h moving means, 1h hours. An empty cell has too little data; without a whole day there are no columns of 24h.",
        ),
        columns,
        width=width,
        height=height,
        parts=[known_devices(*where), *parts],
    ).sort_by(tables.sorted_by(columns[1].title))


def complete(say: Language) -> table.Panel:
    """How much of what should be there is."""
    parts = [known_devices(OF_DEVICES), *queries.completeness(*HERE), queries.ages(OF_DEVICES)]
    columns = [
        tables.of_device(say, width=None),
        tables.Column(
            "share",
            say("완결성", "Complete"),
            95,
            [*fields.as_share(), *fields.as_gauge(1), *fields.thresholds_of(fields.steps(*SHARE_STEPS))],
        ),
        tables.Column(
            "age",
            say("최신 자료", "Newest"),
            95,
            [
                *fields.unit(fields.of_age(say)),
                *fields.digits(0),
                *fields.coloured_text(),
                *fields.thresholds_of(fields.ages()),
            ],
        ),
    ]
    return tables.rows(
        say("자료 완결성", "Completeness"),
        say(
            "자료가 있는 1분(4일이 넘으면 1시간)의 비율과 가장 최근 측정값의 나이. 최근 2분은 아직 집계되지 않았을 수 있습니다.",
            "Share of minutes (beyond four days: hours) that have readings, and the age of the newest one. The last two minutes may not be counted yet.",
        ),
        columns,
        width=6,
        height=10,
        parts=parts,
    )


def measured(say: Language) -> timeseries.Panel:
    """The course of the row's quantity, and its limits; a single spike does not flatten it.

    Values without a flag have no field that says so, and a query cannot ask for what is not there: hence medians rather than a filter.
    """
    asked = course(lambda tier: f'{"mean" if tier.is_rolled_up else "median"}("{QUANTITY}") AS "{QUANTITY}"')
    panel = look.chart(
        "${quantity:text}",
        say(
            "장비별 평균. 제목의 수가 선으로 그린 기준입니다. 3시간까지는 중앙값으로 튀는 값을 눅이고, 3시간이 넘으면 1분, 4일이 넘으면 1시간 평균을 씁니다.",
            "Means by device; the numbers in the title are the limits drawn as lines. Medians up to 3 hours, so that a spike does not hide the rest; means of minutes beyond, of hours beyond 4 days.",
        ),
        width=12,
        height=9,
    ).interval("30s")
    look.with_course(panel, asked, look.OF_QUANTITY)
    return look.of_devices(look.of_chosen_quantity(panel), say)


def flags(say: Language) -> timeseries.Panel:
    """How many values are doubtful."""
    name = say("의심스러운 값", "doubtful values")
    panel = (
        look.chart(
            say("의심스러운 값", "Doubtful values"),
            say(
                "불량·의심·추정으로 표시된 값의 수. 3시간이 넘으면 그런 값이 있는 분의 수입니다.",
                "How many values are marked bad, suspect or estimated; beyond 3 hours, how many minutes have such a value.",
            ),
            width=4,
            height=9,
            series=1,
        )
        .no_value("–")
        .draw_style(shown.GraphDrawStyle.BARS)
        .fill_opacity(60)
        .min(0)
        .decimals(0)
        .interval("1m")
        .override_by_name(name, fields.of_colour("#ff9830"))
    )
    for ref_id, text in zip("ABC", queries.flag_shares(QUANTITY, *HERE, by=(EVERY,)), strict=True):
        panel.with_target(InfluxQL(query=text, alias=name, ref_id=ref_id))
    return panel
