"""The map of the city as it is now, and the tooltips of all maps."""

from typing import Final

from grafana_foundation_sdk.builders import geomap
from grafana_foundation_sdk.models import common as shown

from jeonju.grafana import fields, maps, queries, words
from jeonju.grafana.influxql import BY_DEVICE, OF_SITE, InfluxQL, lately, open_at_end, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import DEVICE_TAG, ID, INCIDENT, INDEX

# What robots say of themselves and stations do not.
MOVING: Final = '"speed" >= 0'
# How the index stands now: it is worked out about once a minute.
INDEX_NOW: Final = lately("10m")
# A circle of this radius is drawn as large as it is while the map is as it opens.
WIDEST_M: Final = 2000
STRONG_M_S: Final = 8
# An arrow stands so many pixels north of its station, that it does not cover the value inside while the map is as it opens.
BESIDE_PX: Final = 24
# Columns and rows of the map.
MAP: Final = (14, 21)
# To be seen on dark and on light ground.
ROBOT: Final = "#b877d9"
WIND: Final = "#5794f2"


def city(say: Language) -> geomap.Panel:
    """Stations by index, or by their dust while they have none; robots by their dust; the wind; open incidents."""
    name, zoom = fields.index_name(say), maps.city_zoom(*MAP)
    asked = (
        (
            "A",
            select(
                # Of readings, so that those that are heard lie under their marks: means of minutes are where a robot was.
                'last("lat") AS "lat", last("lon") AS "lon"',
                where=(OF_SITE, lately("2d")),
                by=(BY_DEVICE,),
            ),
        ),
        ("B", queries.newest(("lat", "lon", "pm25"))),
        (
            "G",
            select(
                'last("lat") AS "lat", last("lon") AS "lon", round(last("pm25")) AS "dust"',
                where=(OF_SITE, lately()),
                by=(BY_DEVICE,),
            ),
        ),
        (
            "C",
            select(
                'last("cai") AS "cai", last("cai") AS "ink", last("lat") AS "lat", last("lon") AS "lon", last("grade") AS "grade", last("pollutant") AS "pollutant"',
                INDEX,
                where=(OF_SITE, INDEX_NOW),
                by=(BY_DEVICE,),
            ),
        ),
        ("D", queries.newest(("lat", "lon", "pm25", "heading", "battery", "robot_activity"), MOVING)),
        (
            "E",
            select(
                f'last("lat") + {maps.pixels_as_degrees(BESIDE_PX, zoom)} AS "lat", last("lon") AS "lon", mean("wind_speed") AS "wind_speed", last("wind_direction") + 180 AS "towards"',
                where=(OF_SITE, lately(), '"wind_speed" >= 0'),
                by=(BY_DEVICE,),
            ),
        ),
        (
            "F",
            select(
                f'"lat", "lon", "radius_m", "radius_90_m", "kind", "{say("summary_ko", "summary_en")}" AS "summary"',
                INCIDENT,
                where=(OF_SITE, open_at_end("opened_at", "closed_at"), '"radius_m" > 0'),
            ),
        ),
    )
    layers = (
        maps.marks(
            say("응답 없는 장비", "Silent devices"), "A", colour="#6e6e6e", size=8, opacity=0.35, has_tooltip=False
        ),
        *within_radii(say, "F", zoom),
        maps.marks(say("장비(초미세먼지)", "Devices by PM2.5"), "B", colour="pm25", size=11),
        maps.marks(
            say("로봇", "Robots"), "D", colour=ROBOT, mark=maps.turned(maps.POINTER), size=16, turned_by="heading"
        ),
        maps.labels(say("초미세먼지", "PM2.5"), "G", "dust", colour="dust"),
        # Over the other value of a station, which has both.
        maps.marks(say("측정소(지수)", f"Stations by {name}"), "C", colour="cai", size=14, opacity=1, has_legend=True),
        maps.labels(say("지수", name), "C", "cai", colour="ink"),
        maps.marks(
            say("바람", "Wind"),
            "E",
            colour=WIND,
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
            f"큰 원과 안의 수: 측정소의 {name}(없으면 작은 원에 초미세먼지와 그 등급). 보라색 화살촉: 로봇과 진행 방향, 안의 수는 초미세먼지. 측정소 위의 파란 화살표: 바람이 불어가는 방향, 클수록 강한 바람. 빨간 원: 사건의 추정 범위(확률 50 %와 90 %). 회색: 최근 5분 무응답.",
            f"Large circles and the number inside: {name} of stations; small ones: PM2.5 and its class where there is no index. Purple pointers: robots and where they head, with their PM2.5. Blue arrows above stations: where the wind blows to, larger when stronger. Red circles: within what half and nine tenths of the probability of an incident's place lie. Grey: not heard for 5 minutes. Circles of incidents are to scale as the map opens.",
        ),
        layers,
        say,
        width=MAP[0],
        height=MAP[1],
    )
    for ref_id, text in asked:
        panel.with_target(InfluxQL(query=text, table=True, ref_id=ref_id))
    return described(panel, say).thresholds(fields.index_steps())


def within_radii(say: Language, ref_id: str, zoom: float) -> list[shown.MapLayerOptions]:
    """Return the layers of circles that hold nine tenths and half of a source's probability, to scale as the map opens."""
    largest = maps.metres_as_pixels(WIDEST_M, zoom)
    return [
        maps.marks(name, ref_id, colour="#d7322d", opacity=opacity, line=line, sized_by=(column, largest))
        for name, column, opacity, line in (
            (say("추정 범위 90 %", "Where it may be, 90 %"), "radius_90_m", 0.08, 1),
            (say("추정 범위 50 %", "Where it may be, 50 %"), "radius_m", 0.18, 2),
        )
    ]


def described(panel: geomap.Panel, say: Language) -> geomap.Panel:
    """Show names and units in the tooltips of a map."""
    station = fields.link(
        say("이 측정소 보기", "Show this device"),
        f"/d/jeonju-air-zone-station-{say.code}?var-site=${{site}}&var-device=${{__value.raw}}&${{__url_time_range}}",
        is_new_page=False,
    )
    dust = [*fields.of_quantity("pm25"), *fields.thresholds_of(fields.class_steps("pm25"))]
    for name, called, look_ in (
        (DEVICE_TAG, say("장비", "Device"), [*words.as_devices(say), *station]),
        ("cai", fields.index_name(say), fields.digits(0)),
        ("ink", "", [*fields.hidden(), *fields.thresholds_of(fields.inks(fields.index_steps()))]),
        ("dust", "", [*fields.digits(0), *fields.thresholds_of(fields.inks(fields.class_steps("pm25")))]),
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
            say("위치 오차(50 %)", "Within (50 %)"),
            [*fields.unit(fields.suffix("m")), *fields.digits(0), *fields.spanning(0, WIDEST_M)],
        ),
        (
            "radius_90_m",
            say("위치 오차(90 %)", "Within (90 %)"),
            [*fields.unit(fields.suffix("m")), *fields.digits(0), *fields.spanning(0, WIDEST_M)],
        ),
        ("kind", say("종류", "Class"), words.as_named(words.incident_classes(say))),
        ("summary", say("내용", "What"), []),
        (ID, say("사건", "Incident"), []),
    ):
        panel.override_by_name(name, [*fields.named(called), *look_])
    return panel
