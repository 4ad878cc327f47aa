"""What stands beside a city's own values: official stations, and what is foreseen of the next 24 hours."""

from typing import Final

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.models.common import VisibilityMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from jeonju.grafana import fields, look, queries, words
from jeonju.grafana.influxql import (
    EVERY,
    OF_DEVICES,
    OF_SITE,
    TO,
    InfluxQL,
    course,
    select,
)
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import DEVICE_TAG, FORECAST, QUANTITY_TAG

QUANTITY: Final = "${quantity}"
TITLE: Final = "${quantity:text}"
HOURS_AHEAD: Final = 24
OFFICIAL_COLOUR: Final = "#8f3bb8"
OWN_COLOUR: Final = "#3274d9"
FORECAST_COLOUR: Final = "#ff9830"
# Grafana before 10 puts the time of the dashboard into `__to`, whatever the panel shows; others may put that of the panel, a day later.
AHEAD: Final = f"time > {TO}ms - 26h AND time <= {TO}ms + 26h"
# What a station of another province measures is no comparison, and only the forecast asks for it.
OF_CITY: Final = f'"{DEVICE_TAG}" !~ /^upwind-/'
OF_QUANTITY: Final = f"\"{QUANTITY_TAG}\" = '{QUANTITY}'"


def official(say: Language) -> timeseries.Panel:
    """Own values and those of official stations, which stand as steps over the hour that they are the mean of."""
    own = say("자체: 고른 장비의 평균", "own: mean of the chosen devices")
    panel = look.chart(
        say(f"자체와 공식: {TITLE}", f"Own and official: {TITLE}"),
        say(
            "파란 선: 고른 장비(간이측정기)의 평균. 보라색 계단 점선: 공식 측정소의 1시간 평균(에어코리아 대기질, 기상청 기상)으로, 값이 나온 시각의 앞 1시간입니다. 공식 값은 `jeonju airkorea`와 `jeonju kma`가 가져오며 없으면 보이지 않습니다.",
            "Blue: mean of the chosen devices, low-cost instruments. Purple dashed steps: hourly means of official stations (air: AirKorea, weather: KMA), each over the hour before its time. `jeonju airkorea` and `jeonju kma` bring them; without them none are shown.",
        ),
        width=12,
        height=9,
        series=look.MOST_IN_LEGEND,
    ).interval("1m")
    mean = f'mean("{QUANTITY}") AS "{QUANTITY}"'
    ours = course(mean, where=(OF_SITE, queries.of_own(), OF_DEVICES), by=(EVERY,))
    theirs = course(mean, where=(OF_SITE, queries.of_official(), OF_CITY))
    look.with_course(panel, ours, f"{own} $col")
    look.with_course(panel, theirs, look.OF_QUANTITY, "B")
    look.of_chosen_quantity(panel)
    panel.override_by_regexp(f"/^{own} /", [*fields.named(own), *_line(OWN_COLOUR, 2)])
    for device, _ in words.officials(say):
        panel.override_by_regexp(f"/^{device} /", _as_official())
    return look.of_devices(panel.override_by_regexp("/^kma-/", _as_official()), say)


def ahead(say: Language) -> timeseries.Panel:
    """What is foreseen of the next 24 hours, with its interval."""
    shown = {
        "mean": say("예보", "forecast"),
        "low": say("90 % 구간의 아래", "low end of 90 %"),
        "high": say("90 % 구간의 위", "high end of 90 %"),
    }
    panel = (
        look.chart(
            say("앞으로 24시간 예보", "Forecast, 24 hours"),
            say(
                "측정값이 아닌 예보. 고른 측정소의 시간 평균 예보와, 열에 아홉이 드는 구간의 평균입니다. 초미세먼지, 미세먼지, 오존, 이산화질소만 예보합니다. 누가 물을 때, 경보를 내는 도시에서는 매시간 만듭니다.",
                "A forecast, nothing that was measured: hourly means at the chosen stations, and the interval that holds nine of ten hours, both averaged over them. Of PM2.5, PM10, O₃ and NO₂ only. Made every hour where alerts may be raised on it, otherwise when somebody asks.",
            ),
            width=9,
            height=9,
            series=len(shown),
        )
        # From now on: Grafana takes a time that begins with + so.
        .time_from(f"+{HOURS_AHEAD}h")
        .no_value(say("예보 없음", "no forecast"))
        .show_points(VisibilityMode.NEVER)
    )
    look.of_chosen_quantity(panel)
    band = [
        DynamicConfigValue(id_val="custom.fillBelowTo", value=shown["low"]),
        DynamicConfigValue(id_val="custom.fillOpacity", value=20),
    ]
    drawn = {
        "mean": _line(FORECAST_COLOUR, 2),
        "low": _line(FORECAST_COLOUR, 0),
        "high": _line(FORECAST_COLOUR, 0) + band,
    }
    for ref_id, (field, name) in zip("ABC", shown.items(), strict=True):
        text = select(
            f'mean("{field}") AS "{QUANTITY}"',
            FORECAST,
            where=(OF_SITE, OF_DEVICES, OF_QUANTITY, AHEAD),
            by=("time(1h)",),
            fill="none",
        )
        panel.with_target(InfluxQL(query=text, alias=f"{name} $col", ref_id=ref_id))
        panel.override_by_regexp(f"/^{name} /", [*fields.named(name), *drawn[field]])
    return panel


def made(say: Language) -> stat.Panel:
    """From what the forecast was made, and how old it is."""
    learnt = [
        (0.999, 2.0, say("이 도시에서 학습", "learnt here"), words.GOOD),
        (-1.0, 0.999, say("지속성(학습 전)", "persistence, not learnt"), FORECAST_COLOUR),
    ]
    name, age = say("방법", "made"), say("나이", "age")
    panel = look.number(
        say("예보의 근거", "Forecast by"),
        say(
            "60일 이상의 자료가 있으면 이 도시에서 학습한 모형, 그 전에는 지금 값이 평소로 돌아간다고 보는 지속성 예보입니다. 나이가 몇 시간이면 예보가 새로 만들어지지 않고 있습니다.",
            "Learnt from this city's past where that is 60 days or longer; before, what is measured now goes back to what is usual. An age of hours means that no new one is being made.",
        ),
        width=3,
        height=9,
    )
    ahead_of_end = (f"time > {TO}ms", f"time <= {TO}ms + {HOURS_AHEAD}h")
    # What was made after the time shown says nothing of it.
    where = (OF_SITE, OF_DEVICES, OF_QUANTITY, *ahead_of_end, f'"made_at" <= {TO}000')
    panel.with_target(InfluxQL(query=select('min("learnt")', FORECAST, where=where), alias=name))
    newest = select(f'({TO} - max("made_at") / 1000) / 1000', FORECAST, where=where)
    panel.with_target(InfluxQL(query=newest, alias=age, ref_id="B"))
    panel.override_by_name(name, [DynamicConfigValue(id_val="mappings", value=fields.ranges(learnt))])
    return panel.override_by_name(age, fields.unit("s"))


def _as_official() -> list[DynamicConfigValue]:
    """Return how an official station is drawn: a value holds for the hour before it, and no line leads over an hour that is missing."""
    return [
        *_line(OFFICIAL_COLOUR, 2),
        DynamicConfigValue(id_val="custom.lineInterpolation", value="stepBefore"),
        DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 6]}),
        DynamicConfigValue(id_val="custom.showPoints", value="always"),
        DynamicConfigValue(id_val="custom.spanNulls", value=look.HOURS_GAP_MS),
    ]


def _line(colour: str, width: int) -> list[DynamicConfigValue]:
    return [*fields.of_colour(colour), DynamicConfigValue(id_val="custom.lineWidth", value=width)]
