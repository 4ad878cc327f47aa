"""City now: how is the air everywhere, where is it worst, what is going on."""

from grafana_foundation_sdk.builders import bargauge, dashboard, geomap, stat, table, timeseries

from jeonju.grafana import fields, look, variables
from jeonju.grafana.board import board
from jeonju.grafana.influxql import BY_DEVICE, EVERY, IN_RANGE, OF_SITE, InfluxQL, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import ALERT, DEVICE_TAG, INDEX

# A robot has no index, which takes hours at one place; it shows the class that its dust has now.
MOVING = '"speed" >= 0'


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board(say, "city-now", say("지금 우리 도시", "City now"), since="now-3h", refresh="30s")
    for variable in (variables.data_source(say), variables.site(say)):
        made.with_variable(variable)
    for panel in (heard(say), worst_index(say), alerts_now(say), wind_speed(say), wind_from(say), dust_now(say)):
        made.with_panel(panel)
    made.with_panel(city(say)).with_panel(alerts(say))
    made.with_panel(worst_stations(say)).with_panel(wind(say))
    return made


def heard(say: Language) -> stat.Panel:
    """How many devices spoke lately."""
    inner = select('last("received_at") AS "at"', where=(OF_SITE, IN_RANGE), by=(BY_DEVICE,))
    return (
        look.number(say("최근 15분 수신 장비", "Devices heard, last 15 min"))
        .time_from("15m")
        .with_target(InfluxQL(query=f'SELECT count("at") FROM ({inner})'))
    )


def worst_index(say: Language) -> stat.Panel:
    """The highest index of the city."""
    inner = select('last("cai") AS "cai"', INDEX, where=(OF_SITE, IN_RANGE), by=(BY_DEVICE,))
    return (
        look.number(say("가장 높은 통합대기환경지수", "Highest CAI"))
        .thresholds(fields.index_steps())
        .color_scheme(fields.by_threshold())
        .with_target(InfluxQL(query=f'SELECT max("cai") FROM ({inner})'))
    )


def alerts_now(say: Language) -> stat.Panel:
    """How many alerts last."""
    text = select('count("severity")', ALERT, where=(OF_SITE, '"ended_at" = 0'))
    return (
        look.number(say("진행 중인 경보", "Active alerts"))
        .no_value("0")
        .with_target(InfluxQL(query=text))
        .thresholds(fields.steps((None, fields.GOOD), (1, fields.BAD)))
        .color_scheme(fields.by_threshold())
    )


def wind_speed(say: Language) -> stat.Panel:
    """The wind's speed over all masts."""
    text = select('mean("wind_speed")', where=(OF_SITE, IN_RANGE), by=(EVERY,), fill="none")
    return look.number(say("풍속", "Wind speed"), unit="m/s", decimals=1).with_target(InfluxQL(query=text))


def wind_from(say: Language) -> stat.Panel:
    """Where the wind comes from, as a mean of directions."""
    radians = "0.017453292519943295"
    inner = select(
        f'sin("wind_direction" * {radians}) AS "east", cos("wind_direction" * {radians}) AS "north"',
        where=(OF_SITE, IN_RANGE),
    )
    text = select(
        f'atan2(mean("east"), mean("north")) / {radians}', f"({inner})", where=(IN_RANGE,), by=(EVERY,), fill="none"
    )
    compass = say("북,북동,동,남동,남,남서,서,북서", "N,NE,E,SE,S,SW,W,NW").split(",")
    return (
        look.number(say("풍향", "Wind from"), unit="°")
        .with_target(InfluxQL(query=text))
        .mappings(fields.compass(compass))
    )


def dust_now(say: Language) -> stat.Panel:
    """The city's mean of fine dust."""
    text = select('mean("pm25")', where=(OF_SITE, IN_RANGE), by=(EVERY,), fill="none")
    return (
        look.number(say("도시 평균 초미세먼지", "PM2.5, mean of the city"), unit="µg/m³", decimals=1)
        .thresholds(fields.class_steps("pm25"))
        .color_scheme(fields.by_threshold())
        .with_target(InfluxQL(query=text))
    )


def city(say: Language) -> geomap.Panel:
    """Stations by index, robots by their dust, the wind at the masts."""
    stations = select(
        'last("cai") AS "cai", last("lat") AS "lat", last("lon") AS "lon", last("grade") AS "grade", last("pollutant") AS "pollutant"',
        INDEX,
        where=(OF_SITE, IN_RANGE),
        by=(BY_DEVICE,),
    )
    robots = select(
        'last("lat") AS "lat", last("lon") AS "lon", last("pm25") AS "pm25", last("battery") AS "battery"',
        where=(OF_SITE, IN_RANGE, MOVING),
        by=(BY_DEVICE,),
    )
    masts = select(
        'last("lat") AS "lat", last("lon") AS "lon", last("wind_speed") AS "wind", last("wind_direction") + 180 AS "towards"',
        where=(OF_SITE, IN_RANGE, '"wind_speed" >= 0'),
        by=(BY_DEVICE,),
    )
    layers = (
        look.markers(say("측정소", "Stations"), "A", colour="cai", size=10, text="cai"),
        look.markers(say("로봇", "Robots"), "B", colour="pm25", shape="square", size=7, text=DEVICE_TAG),
        look.markers(say("바람", "Wind"), "C", colour="#5794f2", shape="triangle", size=6, turned_by="towards"),
    )
    return (
        look.city_map(
            say("측정소(지수)와 로봇(초미세먼지 등급)", "Stations by CAI, robots by class of PM2.5"),
            layers,
            width=14,
            height=18,
        )
        .description(
            say(
                "원은 측정소의 통합대기환경지수, 사각형은 로봇의 현재 초미세먼지 등급, 삼각형은 바람이 부는 방향입니다. 간이측정기 자료이므로 참고용입니다.",
                "Circles: the stations' CAI. Squares: robots, in the class of their PM2.5 now. Triangles point where the wind blows to. Low-cost instruments: for reference only.",
            )
        )
        .with_target(InfluxQL(query=stations, table=True, ref_id="A"))
        .with_target(InfluxQL(query=robots, table=True, ref_id="B"))
        .with_target(InfluxQL(query=masts, table=True, ref_id="C"))
        .color_scheme(fields.by_threshold())
        .thresholds(fields.index_steps())
        .decimals(0)
        .override_by_name("pm25", fields.thresholds_of(fields.class_steps("pm25")))
        .override_by_name("lat", fields.digits(5))
        .override_by_name("lon", fields.digits(5))
    )


def alerts(say: Language) -> table.Panel:
    """What lasts."""
    return look.alert_table(say, say("진행 중인 경보", "Active alerts"), ('"ended_at" = 0',), width=10, height=18)


def worst_stations(say: Language) -> bargauge.Panel:
    """The stations with the highest index."""
    inner = select('last("cai") AS "cai"', INDEX, where=(OF_SITE, IN_RANGE), by=(BY_DEVICE,))
    text = f'SELECT top("cai", "{DEVICE_TAG}", 8) AS "CAI" FROM ({inner})'
    return (
        look.bars(say("지수가 높은 측정소", "Worst stations"), width=8, height=9)
        .reduce_options(look.every_row())
        .with_target(InfluxQL(query=text, table=True))
        .thresholds(fields.index_steps())
        .color_scheme(fields.by_threshold())
        .min(0)
        .max(500)
        .decimals(0)
    )


def wind(say: Language) -> timeseries.Panel:
    """Speed and direction at the masts."""
    speed = select('mean("wind_speed")', where=(OF_SITE, IN_RANGE), by=(EVERY, BY_DEVICE), fill="none")
    direction = select('last("wind_direction")', where=(OF_SITE, IN_RANGE), by=(EVERY, BY_DEVICE), fill="none")
    name = say("풍향", "from")
    return (
        look.chart(say("바람", "Wind"), width=16, height=9, unit="m/s")
        .with_target(InfluxQL(query=speed, alias=f"$tag_{DEVICE_TAG}", ref_id="A"))
        .with_target(InfluxQL(query=direction, alias=f"$tag_{DEVICE_TAG} {name}", ref_id="B"))
        .override_by_regexp(f"/ {name}$/", fields.as_directions())
    )
