"""Pictures of how air goes with time and wind: the hours of a week, the wind and pollution rose, days of a month."""

import math
from typing import Final

from grafana_foundation_sdk.builders import geomap, statushistory, table
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue

from jeonju.airquality.index import POLLUTANTS
from jeonju.airquality.standards import LEAST_SHARE
from jeonju.grafana import fields, look, maps, queries, tables, variables, words
from jeonju.grafana.influxql import BY_DEVICE, IN_RANGE, OF_SITE, ROLLED_UP, TO, InfluxQL, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import AIR_1H

DAYS: Final = (("월", "Mon"), ("화", "Tue"), ("수", "Wed"), ("목", "Thu"), ("금", "Fri"), ("토", "Sat"), ("일", "Sun"))
COMPASS: Final = (("북", "N"), ("동", "E"), ("남", "S"), ("서", "W"))
# On the equator, where a degree is as long in both directions; a metre a second is so many degrees.
DEGREES_M_S: Final = 0.1
RINGS_M_S: Final = (2, 4, 6, 8)
CORNERS: Final = 48
# Grafana makes no column narrower.
HOUR_WIDE: Final = 50


def hours_of_week(
    say: Language, quantity: str, text: str, *where: str, width: int = 24, height: int = 9
) -> table.Panel:
    """Return the means of each hour of each day of the week over the last four weeks; `text` is how Grafana calls the quantity."""
    grouped = {
        "fields": {
            "weekday": {"aggregations": [], "operation": "groupby"},
            "hour": {"aggregations": [], "operation": "groupby"},
            "v": {"aggregations": ["mean"], "operation": "aggregate"},
        }
    }
    matrix = {"rowField": "weekday", "columnField": "hour", "valueField": "v (mean)"}
    days = tables.Column("weekday\\hour", say("요일", "Day"), 46, _weekdays(say))
    shaded = fields.shaded()
    hours = [tables.Column(str(hour), f"{hour:02}", None, shaded, least=HOUR_WIDE) for hour in range(24)]
    panel = tables.rows(
        say("요일과 시간별 평균, 최근 4주", "By hour and day of the week, last 4 weeks"),
        say(
            f"{text}의 시간 평균을 요일과 시각별로 다시 평균한 값. 고른 장비 전체의 평균입니다.",
            f"Hourly means of {text}, averaged by day of the week and hour of the day, over all chosen devices.",
        ),
        [days, *hours],
        width=width,
        height=height,
        first=[
            DataTransformerConfig(id_val="groupBy", options=grouped),
            DataTransformerConfig(id_val="sortBy", options={"fields": {}, "sort": [{"field": "weekday"}]}),
            DataTransformerConfig(id_val="groupingToMatrix", options=matrix),
        ],
    )
    return panel.with_target(InfluxQL(query=queries.hours_of_week(f'"{quantity}"', OF_SITE, *where), table=True))


def _weekdays(say: Language) -> list[DynamicConfigValue]:
    return words.as_named([(str(number), say(*pair)) for number, pair in enumerate(DAYS)])


def rose(say: Language, quantity: str, text: str, *where: str, width: int = 8, height: int = 9) -> geomap.Panel:
    """Return the wind and pollution rose: where the wind came from, how strong it was, and how much was in it, at every mast."""
    ring = [_ring(speed) for speed in RINGS_M_S]
    named = [
        maps.feature("Point", [0, RINGS_M_S[at] * DEGREES_M_S], kind="name", label=f"{RINGS_M_S[at]} m/s")
        for at in (0, 2)
    ]
    far = (RINGS_M_S[-1] + 1) * DEGREES_M_S
    winds = [
        maps.feature("Point", [round(far * x, 4), round(far * y, 4)], kind="compass", label=say(*pair))
        for pair, (x, y) in zip(COMPASS, ((0, 1), (1, 0), (0, -1), (-1, 0)), strict=True)
    ]
    drawn = {
        "ring": {"color": {"fixed": "#808080"}, "opacity": 0, "lineWidth": 1},
        "name": maps.named("#9a9a9a", 10),
        "compass": maps.named("#9a9a9a", 14),
    }
    layers = (
        maps.geojson(say("눈금", "Scale"), [*ring, *named, *winds], drawn),
        *(maps.marks(f"{say('측정', 'Measured')} {ref}", ref, colour="value", size=3, opacity=0.6) for ref in "AB"),
    )
    each = f'"wind_speed" * {DEGREES_M_S}'
    turned = f'"wind_direction" * {queries.RADIANS}'
    parts = [
        select(
            f'{each} * cos({turned}) AS "lat", {each} * sin({turned}) AS "lon", "{quantity}" AS "value", "wind_speed"',
            tier.measurement,
            where=(OF_SITE, *where, tier.where, IN_RANGE, '"wind_speed" >= 0'),
        )
        for tier in ROLLED_UP
    ]
    panel = (
        maps.any_map(
            say("바람과 오염 장미", "Wind and pollution rose"),
            say(
                f"풍속계가 있는 장비의 {text}. 점의 방향은 바람이 불어온 쪽, 중심에서의 거리는 풍속(원 하나에 2 m/s), 색은 가장 낮은 값의 초록에서 가장 높은 값의 빨강까지입니다. 한쪽에 빨강이 모이면 그쪽에 배출원이 있습니다.",
                f"{text} at devices with a mast. A point lies where the wind came from, the further out the stronger it blew (2 m/s a ring); its colour goes from green at the lowest value to red at the highest. Red on one side mean a source there.",
            ),
            layers,
            middle=(0, 0),
            zoom=7.7,
            has_scale=False,
            width=width,
            height=height,
        )
        .override_by_name("value", [*fields.named(text), *fields.from_green_to_red()])
        .override_by_name("wind_speed", [*fields.named(say("풍속", "Wind speed")), *fields.of_quantity("wind_speed")])
    )
    for ref_id, part in zip("AB", parts, strict=True):
        panel.with_target(InfluxQL(query=f"{part} LIMIT 20000", table=True, ref_id=ref_id))
    return panel


def _ring(speed: float) -> dict[str, object]:
    angles = [2 * math.pi * corner / CORNERS for corner in range(CORNERS + 1)]
    line = [[round(speed * DEGREES_M_S * math.sin(a), 4), round(speed * DEGREES_M_S * math.cos(a), 4)] for a in angles]
    return maps.feature("LineString", line, kind="ring")


def days(say: Language, quantity: str, *where: str, width: int = 10, height: int = 12) -> statushistory.Panel:
    """Return means of the hours of whole days by local time, over the last month; a day counts with three quarters of its hours."""
    field = f'"{quantity}"'
    span = (f"time >= {TO}ms - 30d", f"time <= {TO}ms")
    inner = select(
        f'mean({field}) AS "v", count({field}) AS "n"',
        AIR_1H,
        where=(OF_SITE, *where, *span),
        by=(queries.local_days(), BY_DEVICE),
        fill="none",
    )
    text = select(f'"v" AS {field}', f"({inner})", where=(f'"n" >= {LEAST_SHARE * 24:g}', *span), by=(BY_DEVICE,))
    # In `__main__` the word that Grafana writes over the title about the time is hidden.
    panel = look.grid(
        say("일평균, 최근 30일 (18시간 이상인 날)", "Daily means, last 30 days (of days with 18 hours)"),
        say(
            "하루 18시간 이상의 자료가 있는 날만 보입니다. 색은 등급입니다.",
            "Days with at least 18 hours of data; colours are the classes of the index.",
        ),
        width=width,
        height=height,
    ).time_from("30d")
    panel.with_target(InfluxQL(query=text, alias=look.OF_QUANTITY))
    for key in variables.MEASURED:
        own = fields.of_quantity(key)
        if key in POLLUTANTS:
            own = [*own, *fields.thresholds_of(fields.class_steps(key))]
        panel.override_by_regexp(f"/ {key}$/", own)
    return look.of_devices(panel, say)
