"""City now: how is the air everywhere, where is it worst, what is going on. It is what hangs on a wall."""

from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard, geomap, stat, table, timeseries
from grafana_foundation_sdk.models import common as shown

from jeonju.airquality.index import GRADES, INDEX_UPPER, LEAST_OF_12_H
from jeonju.airquality.pollutants import QUANTITY
from jeonju.grafana import fields, look, maps, questions, tables, variables, words
from jeonju.grafana.board import board, with_alerts
from jeonju.grafana.influxql import (
    BY_DEVICE,
    EVERY,
    OF_SITE,
    TO,
    InfluxQL,
    course,
    lately,
    mean,
    open_at_end,
    select,
    tiered,
)
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import AIR_1M, ALERT, DEVICE, DEVICE_TAG, ID, INCIDENT, INDEX

# What robots say of themselves and stations do not.
MOVING: Final = '"speed" >= 0'
# How the index stands now: it is worked out about once a minute.
INDEX_NOW: Final = lately("10m")
# A circle of this radius is drawn as large as it is while the map is as it opens.
WIDEST_M: Final = 2000
STRONG_M_S: Final = 8
# After AirKorea's advice to everybody, in few words.
ADVICE: Final = {
    "good": ("야외 활동하기 좋습니다", "Good for being outdoors"),
    "moderate": ("예민한 분은 몸 상태에 따라 활동하세요", "Fine for most; the sensitive take care"),
    "bad": ("오래 무리하는 실외 활동을 줄이세요", "Cut long exertion outdoors"),
    "very-bad": ("실외 활동을 피하고 마스크를 쓰세요", "Stay indoors; wear a mask outside"),
}


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = with_alerts(
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
    for panel in (grade(say), advice(say), worst_index(say), incidents_now(say), alerts_now(say), freshness(say)):
        made.with_panel(panel)
    # The map takes the left; what is beside it has its place said, as Grafana's order would put it below.
    made.with_panel(city(say))
    right = (
        (heard(say), 14, 5, 3, 3),
        (dust_now(say), 17, 5, 3, 3),
        (wind_speed(say), 20, 5, 2, 3),
        (wind_from(say), 22, 5, 2, 3),
        (open_incidents(say), 14, 8, 10, 5),
        (alerts(say), 14, 13, 10, 5),
        (worst_stations(say), 14, 18, 10, 8),
    )
    for panel_, left, top, width, height in right:
        made.with_panel(panel_.grid_pos(look.at(left, top, width, height)))
    return made.with_panel(dust(say).grid_pos(look.at(0, 26, 12, 8))).with_panel(
        wind(say).grid_pos(look.at(12, 26, 12, 8))
    )


def _highest_index() -> InfluxQL:
    inner = select('last("cai") AS "cai"', INDEX, where=(OF_SITE, INDEX_NOW), by=(BY_DEVICE,))
    return InfluxQL(query=f'SELECT max("cai") FROM ({inner})')


def _by_class(texts: dict[str, str]) -> list[Any]:
    lower = (0.0, *(upper + 0.5 for upper in INDEX_UPPER[:-1]))
    upper = (*(value + 0.5 for value in INDEX_UPPER[:-1]), 1000.0)
    return fields.ranges(
        [(low, high, texts[grade_.key], grade_.colour) for low, high, grade_ in zip(lower, upper, GRADES, strict=True)]
    )


def _wait(say: Language) -> str:
    return say(f"{LEAST_OF_12_H}시간 자료가 모이면 표시", f"needs {LEAST_OF_12_H} h of data")


def grade(say: Language) -> stat.Panel:
    """The class of the worst station in one word."""
    return (
        look.number(
            say("대기질 등급", "Air quality"),
            say(
                f"지수가 가장 높은 측정소의 통합대기환경지수 등급. 지수는 12시간 중 {LEAST_OF_12_H}시간 이상의 자료가 있어야 계산됩니다.",
                f"The class of the station with the highest CAI. The index needs {LEAST_OF_12_H} valid hours of the last twelve.",
            ),
            width=5,
            height=5,
            nothing=_wait(say),
        )
        .color_mode(shown.BigValueColorMode.BACKGROUND)
        .thresholds(fields.index_steps())
        .mappings(_by_class({grade_.key: say(grade_.label_ko, grade_.label_en) for grade_ in GRADES}))
        .with_target(_highest_index())
    )


def advice(say: Language) -> stat.Panel:
    """What to do about it."""
    return (
        look.number(
            say("행동 요령", "Advice"),
            say(
                "지수가 가장 높은 측정소 등급에 따른 안내입니다.",
                "What the class of the worst station means for people.",
            ),
            width=7,
            height=5,
            nothing=_wait(say),
        )
        .mappings(_by_class({key: say(*pair) for key, pair in ADVICE.items()}))
        .thresholds(fields.index_steps())
        .with_target(_highest_index())
    )


def worst_index(say: Language) -> stat.Panel:
    """The highest index of the city."""
    return (
        look.number(
            say("가장 높은 지수", "Highest CAI"),
            say(
                "측정소 가운데 가장 높은 통합대기환경지수(CAI), 최근 10분.",
                "The highest CAI of all stations, last 10 minutes.",
            ),
            width=3,
            height=5,
        )
        .thresholds(fields.index_steps())
        .with_target(_highest_index())
    )


def _count_open(measurement: str, start: str, end: str) -> InfluxQL:
    return InfluxQL(query=select('count("severity")', measurement, where=(OF_SITE, open_at_end(start, end))))


def incidents_now(say: Language) -> stat.Panel:
    """How many incidents are open."""
    return (
        look.number(
            say("진행 중인 사건", "Open incidents"),
            say("표시 구간과 상관없이 지금 열려 있는 사건의 수.", "Incidents that are open now, whenever they began."),
            width=3,
            height=5,
            nothing="0",
        )
        .with_target(_count_open(INCIDENT, "opened_at", "closed_at"))
        .thresholds(fields.steps((None, words.GOOD), (1, words.BAD)))
    )


def alerts_now(say: Language) -> stat.Panel:
    """How many alerts last."""
    return (
        look.number(
            say("진행 중인 경보", "Active alerts"),
            say("표시 구간과 상관없이 지금 지속되는 경보의 수.", "Alerts that last now, whenever they began."),
            width=3,
            height=5,
            nothing="0",
        )
        .with_target(_count_open(ALERT, "started_at", "ended_at"))
        .thresholds(fields.steps((None, words.GOOD), (1, "#ff9830")))
    )


def freshness(say: Language) -> stat.Panel:
    """How old the newest reading is: what else is shown is no newer."""
    return (
        look.number(
            say("최신 자료", "Newest reading"),
            say(
                "가장 최근에 받은 측정값이 몇 초 전 것인지. 1분이 넘으면 주황, 5분이 넘으면 빨강이며 다른 값도 그만큼 오래된 것입니다.",
                "How long ago the newest reading was received: orange after a minute, red after five. All else on this page is no newer.",
            ),
            width=3,
            height=5,
            nothing=say("자료 없음", "no data"),
        )
        .unit(fields.of_age(say))
        .thresholds(fields.ages())
        .with_target(InfluxQL(query=questions.age_s()))
    )


def heard(say: Language) -> stat.Panel:
    """How many of the known devices spoke lately."""
    inner = select('last("received_at") AS "at"', where=(OF_SITE, lately()), by=(BY_DEVICE,))
    known = select('count("state")', DEVICE, where=(OF_SITE,))
    return (
        look.number(
            say("수신 장비", "Devices heard"),
            say(
                "최근 5분 동안 자료를 보낸 장비와 알려진 장비의 수.",
                "Devices heard within the last 5 minutes, and devices known.",
            ),
        )
        .with_target(InfluxQL(query=f'SELECT count("at") FROM ({inner})', alias=say("수신", "heard")))
        .with_target(InfluxQL(query=known, alias=say("등록", "known"), ref_id="B"))
    )


def dust_now(say: Language) -> stat.Panel:
    """The city's mean of fine dust."""
    text = select('mean("pm25")', where=(OF_SITE, lately()))
    return (
        look.number(
            say("도시 평균 초미세먼지", "PM2.5, city mean"),
            say("모든 장비의 최근 5분 평균.", "Mean of all devices over the last 5 minutes."),
            unit="µg/m³",
            decimals=1,
        )
        .thresholds(fields.class_steps("pm25"))
        .with_target(InfluxQL(query=text))
    )


def wind_speed(say: Language) -> stat.Panel:
    """The wind's speed over all masts."""
    text = select('mean("wind_speed")', where=(OF_SITE, lately()))
    return look.number(
        say("풍속", "Wind"),
        say("모든 풍향풍속계의 최근 5분 평균.", "Mean of all masts over the last 5 minutes."),
        unit="m/s",
        decimals=1,
    ).with_target(InfluxQL(query=text))


def wind_from(say: Language) -> stat.Panel:
    """Where the wind comes from, as a mean of directions."""
    inner = select(
        f'sin("wind_direction" * {questions.RADIANS}) AS "east", cos("wind_direction" * {questions.RADIANS}) AS "north"',
        where=(OF_SITE, lately()),
    )
    text = f'SELECT atan2("east", "north") / {questions.RADIANS} FROM (SELECT mean("east") AS "east", mean("north") AS "north" FROM ({inner}))'
    compass = say("북,북동,동,남동,남,남서,서,북서", "N,NE,E,SE,S,SW,W,NW").split(",")
    return (
        look.number(
            say("풍향", "From"),
            say("바람이 불어오는 방향, 최근 5분 평균.", "Where the wind comes from, mean of the last 5 minutes."),
            unit="°",
        )
        .with_target(InfluxQL(query=text))
        .mappings(fields.compass(compass))
    )


def city(say: Language) -> geomap.Panel:
    """Stations by index, or by their dust while they have none; robots by their dust; the wind; open incidents."""
    asked = (
        (
            "A",
            select(
                'last("lat") AS "lat", last("lon") AS "lon"', AIR_1M, where=(OF_SITE, lately("2d")), by=(BY_DEVICE,)
            ),
        ),
        ("B", questions.newest(("lat", "lon", "pm25"))),
        (
            "C",
            select(
                'last("cai") AS "cai", last("lat") AS "lat", last("lon") AS "lon", last("grade") AS "grade", last("pollutant") AS "pollutant"',
                INDEX,
                where=(OF_SITE, INDEX_NOW),
                by=(BY_DEVICE,),
            ),
        ),
        ("D", questions.newest(("lat", "lon", "pm25", "heading", "battery", "robot_activity"), MOVING)),
        (
            "E",
            select(
                'last("lat") AS "lat", last("lon") AS "lon", mean("wind_speed") AS "wind_speed", last("wind_direction") + 180 AS "towards"',
                where=(OF_SITE, lately(), '"wind_speed" >= 0'),
                by=(BY_DEVICE,),
            ),
        ),
        (
            "F",
            select(
                f'"lat", "lon", "radius_m", "kind", "{say("summary_ko", "summary_en")}" AS "summary"',
                INCIDENT,
                where=(OF_SITE, open_at_end("opened_at", "closed_at"), '"radius_m" > 0'),
            ),
        ),
    )
    layers = (
        maps.marks(
            say("응답 없는 장비", "Silent devices"), "A", colour="#6e6e6e", size=8, opacity=0.35, has_tooltip=False
        ),
        maps.marks(
            say("추정 범위", "Where it may be"),
            "F",
            colour="#d7322d",
            opacity=0.18,
            line=2,
            sized_by=("radius_m", maps.metres_as_pixels(WIDEST_M)),
        ),
        maps.marks(say("장비(초미세먼지)", "Devices by PM2.5"), "B", colour="pm25", size=11),
        maps.marks(say("측정소(지수)", "Stations by CAI"), "C", colour="cai", size=14, has_legend=True),
        maps.labels(say("지수", "CAI"), "C", "cai"),
        maps.marks(
            say("로봇", "Robots"), "D", colour="#ffffff", mark=maps.turned(maps.POINTER), size=14, turned_by="heading"
        ),
        maps.marks(
            say("바람", "Wind"),
            "E",
            colour="#6ed0ff",
            mark=maps.turned(maps.ARROW),
            sized_by=("wind_speed", 45),
            turned_by="towards",
        ),
        maps.marks(
            say("추정 위치", "Likely source"), "F", colour="#d7322d", mark="img/icons/marker/x-mark.svg", size=9, line=3
        ),
        maps.labels(say("사건", "Incident"), "F", "kind", colour="#ff7383", size=13, down=-18),
    )
    panel = maps.city_map(
        say("지도", "Map"),
        say(
            "큰 원: 측정소의 통합대기환경지수(없으면 초미세먼지 등급의 작은 원). 흰 화살촉: 로봇과 진행 방향. 하늘색 화살표: 바람이 불어가는 방향, 클수록 강한 바람. 빨간 원: 사건의 추정 범위. 회색: 최근 5분 무응답.",
            "Large circles: CAI of stations; small ones: class of PM2.5 where there is no index. White pointers: robots and where they head. Light blue arrows: where the wind blows to, larger when stronger. Red circle: where an incident may be. Grey: not heard for 5 minutes. Circles of incidents are to scale as the map opens.",
        ),
        layers,
        say,
        width=14,
        height=21,
    )
    for ref_id, text in asked:
        panel.with_target(InfluxQL(query=text, table=True, ref_id=ref_id))
    return described(panel, say).thresholds(fields.index_steps())


def described(panel: geomap.Panel, say: Language) -> geomap.Panel:
    """Have what a map shows when pointed at be in words and units."""
    station = fields.link(
        say("이 측정소 보기", "Show this device"),
        f"/d/jeonju-air-zone-station-{say.code}?var-site=${{site}}&var-device=${{__value.raw}}&${{__url_time_range}}",
        is_new_page=False,
    )
    dust = [*fields.of_quantity("pm25"), *fields.thresholds_of(fields.class_steps("pm25"))]
    for name, called, look_ in (
        (DEVICE_TAG, say("장비", "Device"), [*words.as_named(words.devices(say)), *station]),
        ("cai", say("통합대기환경지수", "CAI"), fields.digits(0)),
        ("grade", say("등급", "Class"), words.as_mapped(fields.grades(say))),
        ("pollutant", say("주요 물질", "Led by"), words.as_named(fields.labels(say))),
        ("pm25", fields.label(say, "pm25"), dust),
        ("battery", fields.label(say, "battery"), fields.of_quantity("battery")),
        ("robot_activity", say("상태", "Activity"), words.as_mapped(words.by_value(words.activities(say)))),
        ("heading", say("진행 방향", "Heading"), [*fields.unit(fields.suffix("°")), *fields.digits(0)]),
        (
            "wind_speed",
            fields.label(say, "wind_speed"),
            [*fields.of_quantity("wind_speed"), *fields.spanning(0, STRONG_M_S)],
        ),
        ("towards", say("불어가는 방향", "Blows to"), [*fields.unit(fields.suffix("°")), *fields.digits(0)]),
        (
            "radius_m",
            say("위치 오차", "Within"),
            [*fields.unit(fields.suffix("m")), *fields.digits(0), *fields.spanning(0, WIDEST_M)],
        ),
        ("kind", say("종류", "Class"), words.as_named(words.incident_classes(say))),
        ("summary", say("내용", "What"), []),
        (ID, say("사건", "Incident"), []),
    ):
        panel.override_by_name(name, [*fields.named(called), *look_])
    return panel


def open_incidents(say: Language) -> table.Panel:
    """What is open."""
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
    """What lasts."""
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
    index = fields.coloured() + fields.thresholds_of(fields.index_steps()) + fields.digits(0)
    columns = [
        tables.of_device(say, width=None),
        tables.Column("now", say("지수", "CAI"), 70, index),
        tables.Column("before", say("어제", "Yesterday"), 85, fields.digits(0)),
        tables.Column("change", say("변화", "Change"), 75, fields.digits(0)),
        tables.Column(
            "pm25",
            "PM2.5",
            110,
            [*fields.of_quantity("pm25"), *fields.coloured(), *fields.thresholds_of(fields.class_steps("pm25"))],
        ),
    ]
    return tables.rows(
        say("대기질 순위", "Where it is worst"),
        say(
            "통합대기환경지수가 높은 순서. 어제는 24시간 전 2시간 평균입니다. 지수가 없으면 초미세먼지만 보입니다.",
            "By CAI, the worst first; yesterday is the mean of two hours a day ago. Without an index only PM2.5 is shown.",
        ),
        columns,
        width=10,
        height=8,
        parts=[against, dust_],
    ).sort_by(tables.sorted_by(say("지수", "CAI")))


def dust(say: Language) -> timeseries.Panel:
    """The course of fine dust at every device."""
    panel = look.chart(
        say("초미세먼지", "PM2.5"),
        say(
            "장비별 평균. 3시간이 넘으면 1분 평균을 씁니다. 점선은 WHO와 한국의 24시간 기준입니다.",
            "Means by device, of minutes beyond 3 hours. Lines: limits of WHO and Korea for 24 h.",
        ),
        unit="µg/m³",
    ).interval("1m")
    return look.of_devices(panel.targets([*course(mean("pm25"), where=(OF_SITE,))]), say)


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
    asked = [(speed, text) for text in tiered('mean("wind_speed")', where=(OF_SITE,), by=(EVERY,), fill="none")]
    asked += [(direction, text) for text in questions.wind_from((OF_SITE,), (EVERY,), "none")]
    for ref_id, (name, text) in zip("ABCDEF", asked, strict=True):
        panel.with_target(InfluxQL(query=text, alias=name, ref_id=ref_id))
    return panel
