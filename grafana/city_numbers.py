"""The numbers of *City now*: the class with advice, what is open, how fresh the data is, dust and wind."""

from typing import Any, Final

from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.models import common as shown

from jeonju.grafana import city, fields, look, queries, words
from jeonju.grafana.city_map import INDEX_NOW
from jeonju.grafana.influxql import BY_DEVICE, OF_SITE, InfluxQL, lately, open_at_end, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import ALERT, DEVICE, INCIDENT, INDEX

# After AirKorea's advice to everybody, in few words.
ADVICE: Final = {
    "good": ("야외 활동하기 좋습니다", "Good for being outdoors"),
    "moderate": ("예민한 분은 몸 상태에 따라 활동하세요", "Fine for most; the sensitive take care"),
    "bad": ("오래 무리하는 실외 활동을 줄이세요", "Cut long exertion outdoors"),
    "very-bad": ("실외 활동을 피하고 마스크를 쓰세요", "Stay indoors; wear a mask outside"),
}


def _highest_index() -> str:
    inner = select('last("cai") AS "cai"', INDEX, where=(OF_SITE, INDEX_NOW), by=(BY_DEVICE,))
    return f'SELECT max("cai") FROM ({inner})'


def _by_class(texts: dict[str, str], none: str) -> list[Any]:
    """Return what the index is shown as: a text for each class, and `none` for 0, which is none (`look.number_or_zero`)."""
    scheme = city.scheme()
    ends = [value + 0.5 for value in scheme.index_upper[:-1]]
    spans = zip((0.5, *ends), (*ends, 1000.0), scheme.grades, strict=True)
    classes = [(low, high, texts[grade_.key], grade_.colour) for low, high, grade_ in spans]
    return [*fields.ranges([*classes, (0.0, 0.5, none, "text")]), fields.no_value("–")]


def grade(say: Language) -> stat.Panel:
    """The class of the worst station in one word."""
    hours, name = fields.first_index_h(), fields.index_name(say)
    none = say(f"지수 없음 ({hours}시간 자료 필요)", f"no index: needs {hours} h of data")
    return (
        look.number_or_zero(
            say("대기질 등급", "Air quality"),
            say(
                f"지수가 가장 높은 측정소의 {name} 등급. {fields.index_needs(say)}",
                f"The class of the station with the highest {name}. {fields.index_needs(say)}",
            ),
            _highest_index(),
            width=5,
            height=5,
        )
        .color_mode(shown.BigValueColorMode.BACKGROUND)
        .thresholds(fields.index_steps())
        .mappings(
            _by_class({grade_.key: say(grade_.label_ko, grade_.label_en) for grade_ in city.scheme().grades}, none)
        )
    )


def advice(say: Language) -> stat.Panel:
    """What to do about it."""
    scheme = city.scheme()
    return (
        look.number_or_zero(
            say("행동 요령", "Advice"),
            say(
                "지수가 가장 높은 측정소 등급에 따른 안내입니다.",
                "What the class of the worst station means for people.",
            ),
            _highest_index(),
            width=7,
            height=5,
        )
        .mappings(_by_class({each.key: say(*ADVICE[scheme.advice_of(each)]) for each in scheme.grades}, "–"))
        .thresholds(fields.index_steps())
    )


def worst_index(say: Language) -> stat.Panel:
    """The highest index of the city."""
    name = fields.index_name(say)
    return (
        look.number(
            say("가장 높은 지수", f"Highest {name}"),
            say(
                f"측정소 가운데 가장 높은 {name}, 최근 10분.",
                f"The highest {name} of all stations, last 10 minutes.",
            ),
            width=3,
            height=5,
        )
        .thresholds(fields.index_steps())
        .with_target(InfluxQL(query=_highest_index()))
    )


def _count_open(measurement: str, start: str, end: str) -> str:
    return select('count("severity")', measurement, where=(OF_SITE, open_at_end(start, end)))


def incidents_now(say: Language) -> stat.Panel:
    """How many incidents are open."""
    return look.number_or_zero(
        say("진행 중인 사건", "Open incidents"),
        say("표시 구간과 상관없이 지금 열려 있는 사건의 수.", "Incidents that are open now, whenever they began."),
        _count_open(INCIDENT, "opened_at", "closed_at"),
        width=3,
        height=5,
    ).thresholds(fields.steps((None, words.GOOD), (1, words.BAD)))


def alerts_now(say: Language) -> stat.Panel:
    """How many alerts last."""
    return look.number_or_zero(
        say("진행 중인 경보", "Active alerts"),
        say("표시 구간과 상관없이 지금 지속되는 경보의 수.", "Alerts that last now, whenever they began."),
        _count_open(ALERT, "started_at", "ended_at"),
        width=3,
        height=5,
    ).thresholds(fields.steps((None, words.GOOD), (1, "#ff9830")))


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
        .with_target(InfluxQL(query=queries.age_s()))
    )


def heard(say: Language) -> stat.Panel:
    """How many of the known devices spoke lately."""
    inner = select('last("received_at") AS "at"', where=(OF_SITE, queries.of_own(), lately()), by=(BY_DEVICE,))
    known = select('count("state")', DEVICE, where=(OF_SITE, queries.of_own()))
    return (
        look.number(
            say("수신 장비", "Devices heard"),
            say(
                "최근 5분 동안 자료를 보낸 자체 장비와 알려진 자체 장비의 수.",
                "Devices of the city heard within the last 5 minutes, and devices known.",
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
            say("평균 초미세먼지", "PM2.5, city mean"),
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
        f'sin("wind_direction" * {queries.RADIANS}) AS "east", cos("wind_direction" * {queries.RADIANS}) AS "north"',
        where=(OF_SITE, lately()),
    )
    text = f'SELECT atan2("east", "north") / {queries.RADIANS} FROM (SELECT mean("east") AS "east", mean("north") AS "north" FROM ({inner}))'
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
