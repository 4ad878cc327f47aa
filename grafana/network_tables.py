"""The tables of *Network health*: devices, what was lost of each, messages that were not understood."""

from grafana_foundation_sdk.builders import table

from jeonju.grafana import fields, queries, tables, words
from jeonju.grafana.influxql import BY_DEVICE, IN_RANGE, OF_SITE, InfluxQL, lately, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import (
    AIR_1H,
    AIR_1M,
    DEAD_LETTER,
    DEVICE,
    DEVICE_TAG,
    KIND,
    LEDGER,
    ORIGIN,
    REASON,
    TOPIC,
)


def devices(say: Language) -> table.Panel:
    """Who is there, and how each is."""
    known = select(
        f'last("{KIND}") AS "kind", last("state") AS "state", last("{ORIGIN}") AS "origin"',
        DEVICE,
        where=(OF_SITE, queries.of_own()),
        by=(BY_DEVICE,),
    )
    itself = select(
        'last("battery") AS "battery", last("rssi") AS "rssi"',
        AIR_1M,
        where=(OF_SITE, queries.of_own(), lately("1d")),
        by=(BY_DEVICE,),
    )
    age = [
        *fields.unit(fields.of_age(say)),
        *fields.digits(0),
        *fields.coloured_text(),
        *fields.thresholds_of(fields.ages()),
    ]
    columns = [
        tables.of_device(say, width=None),
        tables.Column("kind", say("종류", "Kind"), 70, words.as_named(words.device_kinds(say))),
        tables.Column("state", say("연결", "Link"), 75, fields.connection(say)),
        tables.Column("age", say("최신 자료", "Newest"), 110, age),
        tables.Column("battery", say("배터리", "Battery"), 75, [*fields.of_quantity("battery"), *fields.or_dash()]),
        tables.Column("rssi", say("신호", "Signal"), 80, [*fields.of_quantity("rssi"), *fields.or_dash()]),
        tables.Column("origin", say("출처", "Origin"), 85, words.as_named(words.origins(say))),
    ]
    return tables.rows(
        say("장비 목록", "Devices"),
        say(
            "알려진 모든 자체 장비의 연결, 최신 자료, 배터리와 신호 세기(보내는 장비만).",
            "Every known device of the city: link, newest reading, battery and signal where it says so.",
        ),
        columns,
        width=13,
        height=16,
        nothing=say("장비 없음", "No devices"),
        parts=[known, queries.ages(queries.of_own()), itself],
    )


def officials(say: Language) -> table.Panel:
    """Whether the values of official networks come: once an hour, so that they are judged by hours."""
    shown = [
        *fields.unit(fields.suffix(say("분 전", "min ago"))),
        *fields.digits(0),
        *fields.coloured_text(),
        *fields.thresholds_of(fields.official_ages()),
    ]
    columns = [
        tables.of_device(say, width=None),
        tables.Column("hours", say("받은 시간 수", "Hours"), 110),
        tables.Column("age", say("최신 자료", "Newest"), 110, shown),
    ]
    age = select(
        f'{queries.age_of("received_at")} / 60 AS "age"',
        where=(OF_SITE, queries.of_official(), queries.UP_TO_END),
        by=(BY_DEVICE,),
    )
    hours = select(
        'count("reading_count") AS "hours"', AIR_1H, where=(OF_SITE, queries.of_official(), IN_RANGE), by=(BY_DEVICE,)
    )
    return tables.rows(
        say("공식 측정소", "Official stations"),
        say(
            "공식 측정망(에어코리아, 기상청)의 값은 한 시간에 한 번 들어옵니다. 받은 시간 수: 표시 구간에서 값이 있는 시간. 최신 자료: 마지막으로 받은 때, 90분이 넘으면 주황, 3시간이 넘으면 빨강.",
            "Values of official networks (AirKorea, KMA) come once an hour. Hours: how many of the time shown have values. Newest: when the last one was received, orange after 90 minutes, red after 3 hours.",
        ),
        columns,
        width=11,
        height=6,
        parts=[age, hours],
    )


def ledger(say: Language) -> table.Panel:
    """What arrived, what did not."""
    bad = fields.coloured() + fields.thresholds_of(fields.steps((None, "transparent"), (1, words.BAD)))
    columns = [
        tables.of_device(say, width=None),
        tables.Column("received", say("수신", "Received"), 85),
        tables.Column("missing", say("유실", "Missing"), 75, bad),
        tables.Column("repeated", say("중복", "Repeated"), 80),
        tables.Column("late", say("지연", "Late"), 65),
        tables.Column("rejected", say("거부", "Rejected"), 80, bad),
    ]
    text = select(f'"{DEVICE_TAG}", "received", "missing", "repeated", "late", "rejected"', LEDGER, where=(OF_SITE,))
    return tables.rows(
        say("유실 집계", "Loss ledger"),
        say(
            "저장소를 만든 뒤로 장비마다 받은 메시지와 빠진 메시지.",
            "Messages received and lost of each device since the store was made.",
        ),
        columns,
        width=11,
        height=10,
    ).with_target(InfluxQL(query=text, table=True))


def letters(say: Language) -> table.Panel:
    """The newest of them, and why."""
    columns = [
        tables.Column("Time", say("시각", "Time"), tables.INSTANT_WIDE, fields.as_instant()),
        tables.Column(TOPIC, say("토픽", "Topic"), 300),
        tables.Column(REASON, say("이유", "Reason")),
    ]
    text = select(f'"{TOPIC}", "{REASON}"', DEAD_LETTER, where=(IN_RANGE,))
    return tables.rows(
        say("최근 해석 불가 메시지", "Newest dead letters"),
        say(
            "표시 구간의 해석 불가 메시지와 이유, 새로운 것부터.",
            "Dead letters of the time shown and why, the newest first.",
        ),
        columns,
        width=16,
    ).with_target(InfluxQL(query=f"{text} ORDER BY time DESC LIMIT 100", table=True))
