"""Network health: does everything that is measured arrive, how fast, and what was lost on the way and why."""

from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, stat, statetimeline, statushistory, timeseries
from grafana_foundation_sdk.models import common as shown

from jeonju.grafana import fields, look, network_tables, queries, variables, words
from jeonju.grafana.board import board
from jeonju.grafana.influxql import (
    BY_DEVICE,
    EVERY,
    IN_RANGE,
    OF_SITE,
    InfluxQL,
    lately,
    select,
)
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import (
    AIR_1M,
    DEAD_LETTER,
    DEVICE_TAG,
    LEDGER,
    REASON,
    SERVICE,
    SERVICE_TAG,
)

BY_SERVICE: Final = f'"{SERVICE_TAG}"'
NAME: Final = f"$tag_{SERVICE_TAG}"
CELLS: Final = 48
SHARE_STEPS: Final = ((None, words.BAD), (50, "#ff9830"), (95, words.GOOD))
# Services write their statistics every ten seconds.
STATED: Final = lately("1m")


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board(
        say,
        "network-health",
        say("네트워크 상태", "Network health"),
        say(
            "자료가 모두 제때 들어오는지, 무엇이 왜 빠졌는지. 수집 서비스(ingest)가 10초마다 남기는 통계와 측정값을 씁니다.",
            "Whether all data arrives in time, and what was lost and why; from the statistics that ingest writes every ten seconds, and the readings.",
        ),
        since="now-3h",
        refresh="30s",
    )
    for variable in (variables.data_source(say), variables.site(say), variables.page(say)):
        made.with_variable(variable)
    for panel in (complete(say), freshness(say), lag_now(say), waiting(say), lost(say), dead(say)):
        made.with_panel(panel)
    made.with_panel(states(say)).with_panel(arrived(say))
    made.with_panel(lag(say)).with_panel(throughput(say)).with_panel(backlog(say))
    # Devices take the left; what is beside them has its place said, as Grafana's order would put it below.
    made.with_panel(network_tables.devices(say).grid_pos(look.at(0, 25, 13, 16)))
    made.with_panel(network_tables.officials(say).grid_pos(look.at(13, 25, 11, 6)))
    made.with_panel(network_tables.ledger(say).grid_pos(look.at(13, 31, 11, 10)))
    made.with_panel(dead_letters(say).grid_pos(look.at(0, 41, 8, 8)))
    return made.with_panel(network_tables.letters(say).grid_pos(look.at(8, 41, 16, 8)))


def complete(say: Language) -> stat.Panel:
    """How much of what should be there is, over all devices."""
    panel = (
        look.number(
            say("자료 완결성", "Complete"),
            say(
                "자료가 있는 1분(4일이 넘으면 1시간)의 비율, 자체 장비 평균. 아직 집계되지 않았을 수 있는 최근 2분은 빼고 셉니다.",
                "Share of minutes (beyond four days: hours) that have readings, mean of the city's own devices. The last two minutes, which may not be counted yet, are left out.",
            ),
            nothing=say("집계 없음", "not counted yet"),
        )
        .unit("percentunit")
        .thresholds(fields.steps((None, words.BAD), (0.5, "#ff9830"), (0.9, words.GOOD)))
    )
    for ref_id, share in zip("AB", queries.completeness(OF_SITE, queries.of_own()), strict=True):
        panel.with_target(InfluxQL(query=f'SELECT mean("share") FROM ({share})', ref_id=ref_id))
    return panel


def freshness(say: Language) -> stat.Panel:
    """How old the newest reading is."""
    return (
        look.number(
            say("최신 자료", "Newest reading"),
            say("가장 최근에 받은 측정값이 몇 초 전 것인지.", "How long ago the newest reading was received."),
            nothing=say("자료 없음", "no data"),
        )
        .unit(fields.of_age(say))
        .thresholds(fields.ages())
        .with_target(InfluxQL(query=queries.age_s()))
    )


def _newest(title: str, what: str, field: str, say: Language) -> stat.Panel:
    """Return a statistic of the services as it was stored within the last minute; what is older is not known."""
    text = select(f'last("{field}")', SERVICE, where=(OF_SITE, STATED), by=(BY_SERVICE,))
    return look.number(title, what, nothing=say("보고 없음", "not reported")).with_target(
        InfluxQL(query=text, alias=NAME)
    )


def lag_now(say: Language) -> stat.Panel:
    """How old readings are when they are stored."""
    panel = _newest(
        say("저장 지연", "Lag"),
        say(
            "측정에서 저장까지 걸린 시간, 최근 1분. 5초가 넘으면 주황, 60초가 넘으면 빨강.",
            "From measurement to store, within the last minute: orange from 5 s, red from 60 s.",
        ),
        "lag_s",
        say,
    )
    return (
        panel.unit(fields.suffix(say("초", "s")))
        .decimals(1)
        .thresholds(fields.steps((None, words.GOOD), (5, "#ff9830"), (60, words.BAD)))
    )


def waiting(say: Language) -> stat.Panel:
    """What has arrived and is not stored yet."""
    panel = _newest(
        say("저장 대기 메시지", "Waiting messages"),
        say(
            "받았으나 아직 저장되지 않은 메시지 수, 최근 1분.",
            "Messages that have arrived and are not stored yet, within the last minute.",
        ),
        "waiting",
        say,
    )
    return panel.thresholds(fields.steps((None, words.GOOD), (1000, "#ff9830"), (20_000, words.BAD)))


def lost(say: Language) -> stat.Panel:
    """How many messages never came, since the store was made."""
    return look.number_or_zero(
        say("유실 메시지", "Missing messages"),
        say(
            "저장소를 만든 뒤로 도착하지 않은 메시지 수(모든 장비의 합). 장비별로는 아래 유실 집계에 있습니다.",
            "Messages that never arrived since the store was made, of all devices; each device's are in the loss ledger below.",
        ),
        select('sum("missing")', LEDGER, where=(OF_SITE,)),
    ).thresholds(fields.steps((None, words.GOOD), (1, "#ff9830")))


def dead(say: Language) -> stat.Panel:
    """How many messages were not understood in the time shown."""
    return look.number_or_zero(
        say("해석 불가 메시지", "Dead letters"),
        say(
            "표시 구간에서 해석하지 못한 메시지 수(모든 도시). 이유는 아래 표에 있습니다.",
            "Messages of the time shown that were not understood, of all sites; the table below says why.",
        ),
        select(f'count("{REASON}")', DEAD_LETTER, where=(IN_RANGE,)),
    ).thresholds(fields.steps((None, words.GOOD), (1, "#ff9830"), (100, words.BAD)))


def states(say: Language) -> statetimeline.Panel:
    """When broker and store were there; a band ends where the service said nothing more."""
    panel = look.timeline(
        say("브로커와 저장소", "Broker and store"),
        say(
            "수집 서비스가 본 브로커와 저장소의 상태. 빈 곳은 수집 서비스가 아무 보고도 하지 않은 때입니다.",
            "Broker and store as ingest saw them; a gap is a time when ingest itself reported nothing.",
        ),
        words.by_value({"1": (say("정상", "there"), words.GOOD), "0": (say("없음", "away"), words.BAD)}),
        width=9,
        height=13,
    ).interval("30s")
    for ref_id, field, name in (
        ("A", "broker_connected", say("브로커", "broker")),
        ("B", "store_available", say("저장소", "store")),
    ):
        text = select(f'min("{field}")', SERVICE, where=(OF_SITE, IN_RANGE), by=(EVERY, BY_SERVICE), fill="null")
        panel.with_target(InfluxQL(query=text, alias=f"{name} ({NAME})", ref_id=ref_id))
    return panel


def arrived(say: Language) -> statushistory.Panel:
    """When each device was heard."""
    text = select(
        'count("reading_count") * 6000000.0 / $__interval_ms',
        AIR_1M,
        where=(OF_SITE, queries.of_own(), *queries.whole_intervals()),
        by=(EVERY, BY_DEVICE),
        fill="0",
    )
    panel = (
        look.grid(
            say("장비별 도착률", "What arrived of each device"),
            say(
                "자체 장비에서, 칸마다 자료가 있는 1분의 비율. 초록 95 % 이상, 주황 50 % 이상, 빨강은 그보다 적음. 아직 차지 않은 칸은 보이지 않습니다.",
                "Share of minutes with readings of the city's own devices in each cell: green from 95 %, orange from 50 %, red below. A cell that cannot be full yet is not shown.",
            ),
            width=15,
            height=13,
        )
        .interval("1m")
        .max_data_points(CELLS)
        .unit("percent")
        .decimals(0)
        .thresholds(fields.steps(*SHARE_STEPS))
        .with_target(InfluxQL(query=text, alias=f"$tag_{DEVICE_TAG}"))
    )
    return look.of_devices(panel, say)


def _of_service(what: str, fill: str = "none") -> str:
    return select(what, SERVICE, where=(OF_SITE, IN_RANGE), by=(EVERY, BY_SERVICE), fill=fill)


def lag(say: Language) -> timeseries.Panel:
    """How old readings are when they are stored; past readings that are sent later are hours old, so the axis is one of powers."""
    axis = common.ScaleDistributionConfig().type(shown.ScaleDistribution.LOG).log(10)
    return (
        look.chart(
            say("측정에서 저장까지", "From measurement to store"),
            say(
                "가장 오래 걸린 측정값의 지연. 지난 자료를 나중에 보내면 몇 시간이 되므로 로그 축입니다.",
                "The longest delay; past data that is sent later is hours old, hence the logarithmic axis.",
            ),
            width=8,
            unit=say("초", "s"),
            series=2,
        )
        .interval("10s")
        .scale_distribution(axis)
        # Grafana names the lines between two powers after it.
        .no_value("")
        .with_target(InfluxQL(query=_of_service('max("lag_s")', "null"), alias=NAME))
    )


def throughput(say: Language) -> timeseries.Panel:
    """Readings and messages each second."""
    panel = look.chart(
        say("처리량", "Throughput"),
        say("1초에 저장한 측정값과 받은 메시지.", "Readings stored and messages received each second."),
        width=8,
        unit=say("개/초", "/s"),
        series=2,
    ).interval("30s")
    for ref_id, field, name in (
        ("A", "readings", say("측정값", "readings")),
        ("B", "messages", say("메시지", "messages")),
    ):
        text = _of_service(f'non_negative_derivative(last("{field}"), 1s)')
        panel.with_target(InfluxQL(query=text, alias=f"{name} ({NAME})", ref_id=ref_id))
    return panel


def backlog(say: Language) -> timeseries.Panel:
    """Messages that have arrived and are not stored yet."""
    return (
        look.chart(
            say("저장 대기", "Waiting"),
            say("받았으나 아직 저장되지 않은 메시지 수.", "Messages that have arrived and are not stored yet."),
            width=8,
            unit=say("개", "messages"),
            series=2,
        )
        .min(0)
        .decimals(0)
        .interval("10s")
        .with_target(InfluxQL(query=_of_service('max("waiting")', "null"), alias=NAME))
    )


def dead_letters(say: Language) -> timeseries.Panel:
    """Messages that could not be understood, zeros too."""
    return (
        look.chart(
            say("해석 불가 메시지", "Dead letters"),
            say("구간마다 해석하지 못한 메시지 수.", "Messages that were not understood, in each interval."),
            width=8,
            unit=say("개", "messages"),
            series=2,
        )
        .interval("1m")
        .min(0)
        .decimals(0)
        .draw_style(shown.GraphDrawStyle.BARS)
        .fill_opacity(60)
        .with_target(InfluxQL(query=_of_service('non_negative_difference(last("rejected"))'), alias=NAME))
    )
