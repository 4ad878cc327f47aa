"""Network health: does everything that is measured arrive, how fast, and what was lost on the way."""

from grafana_foundation_sdk.builders import dashboard, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common as shown

from jeonju.grafana import fields, look, variables
from jeonju.grafana.board import board
from jeonju.grafana.influxql import BY_DEVICE, EVERY, IN_RANGE, OF_SITE, InfluxQL, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import (
    DEAD_LETTER,
    DEVICE,
    DEVICE_TAG,
    KIND,
    LEDGER,
    ORIGIN,
    REASON,
    SERVICE,
    SERVICE_TAG,
    TOPIC,
    ZONE,
)

BY_SERVICE = f'"{SERVICE_TAG}"'
NAME = f"$tag_{SERVICE_TAG}"


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board(say, "network-health", say("네트워크 상태", "Network health"), since="now-3h", refresh="30s")
    for variable in (variables.data_source(say), variables.site(say)):
        made.with_variable(variable)
    for title, field, unit in (
        (say("지연", "Lag"), "lag_s", "s"),
        (say("저장 대기 메시지", "Waiting messages"), "waiting", ""),
        (say("거부된 메시지", "Rejected messages"), "rejected", ""),
    ):
        made.with_panel(newest(title, field, unit))
    made.with_panel(states(say))
    made.with_panel(lag(say)).with_panel(throughput(say)).with_panel(backlog(say))
    made.with_panel(ledger(say)).with_panel(devices(say))
    return made.with_panel(stored(say)).with_panel(dead_letters(say)).with_panel(letters(say))


def newest(title: str, field: str, unit: str) -> stat.Panel:
    """A statistic of the services as it was last stored."""
    text = select(f'last("{field}")', SERVICE, where=(OF_SITE, IN_RANGE), by=(BY_SERVICE,))
    return look.number(title, unit=unit, decimals=1 if unit else 0).with_target(InfluxQL(query=text, alias=NAME))


def states(say: Language) -> statetimeline.Panel:
    """When broker and store were there."""
    panel = look.timeline(say("브로커와 저장소", "Broker and store"), width=12, height=4).interval("10s")
    for ref_id, field, name in (
        ("A", "broker_connected", say("브로커", "broker")),
        ("B", "store_available", say("저장소", "store")),
    ):
        text = select(f'min("{field}")', SERVICE, where=(OF_SITE, IN_RANGE), by=(EVERY, BY_SERVICE), fill="none")
        panel.with_target(InfluxQL(query=text, alias=f"{name} ({NAME})", ref_id=ref_id))
    return panel.mappings(
        fields.by_value({"1": (say("정상", "there"), fields.GOOD), "0": (say("없음", "away"), fields.BAD)})
    )


def lag(say: Language) -> timeseries.Panel:
    """How old readings are when they are stored."""
    text = select('max("lag_s")', SERVICE, where=(OF_SITE, IN_RANGE), by=(EVERY, BY_SERVICE), fill="none")
    return (
        look.chart(say("측정에서 저장까지", "From measurement to store"), width=8, unit="s")
        .interval("10s")
        .with_target(InfluxQL(query=text, alias=NAME))
    )


def throughput(say: Language) -> timeseries.Panel:
    """Readings and messages each second."""
    panel = look.chart(say("처리량", "Throughput"), width=8, unit="/s").interval("10s")
    for ref_id, field, name in (
        ("A", "readings", say("측정값", "readings")),
        ("B", "messages", say("메시지", "messages")),
    ):
        text = select(
            f'non_negative_derivative(last("{field}"), 1s)',
            SERVICE,
            where=(OF_SITE, IN_RANGE),
            by=(EVERY, BY_SERVICE),
            fill="none",
        )
        panel.with_target(InfluxQL(query=text, alias=f"{name} ({NAME})", ref_id=ref_id))
    return panel


def backlog(say: Language) -> timeseries.Panel:
    """Messages that have arrived and are not stored yet."""
    text = select('max("waiting")', SERVICE, where=(OF_SITE, IN_RANGE), by=(EVERY, BY_SERVICE), fill="none")
    return (
        look.chart(say("저장 대기", "Backlog"), width=8).interval("10s").with_target(InfluxQL(query=text, alias=NAME))
    )


def ledger(say: Language) -> table.Panel:
    """What became of every device's messages, since the store was made."""
    columns = {
        DEVICE_TAG: say("장비", "Device"),
        "received": say("수신", "Received"),
        "missing": say("유실", "Missing"),
        "repeated": say("중복", "Repeated"),
        "late": say("지연 도착", "Late"),
        "rejected": say("거부", "Rejected"),
    }
    text = select(f'"{DEVICE_TAG}", "received", "missing", "repeated", "late", "rejected"', LEDGER, where=(OF_SITE,))
    return (
        look.rows(say("유실 집계", "Loss ledger"), columns, height=10)
        .with_target(InfluxQL(query=text, table=True))
        .override_by_name(
            columns["missing"],
            fields.coloured() + fields.thresholds_of(fields.steps((None, "transparent"), (1, fields.BAD))),
        )
        .override_by_name(
            columns["rejected"],
            fields.coloured() + fields.thresholds_of(fields.steps((None, "transparent"), (1, fields.BAD))),
        )
    )


def devices(say: Language) -> table.Panel:
    """Who is there."""
    columns = {
        DEVICE_TAG: say("장비", "Device"),
        KIND: say("종류", "Kind"),
        ZONE: say("구역", "Zone"),
        "state": say("연결", "Connection"),
        "since": say("부터", "Since"),
        ORIGIN: say("출처", "Origin"),
    }
    text = select(
        f'"{DEVICE_TAG}", "{KIND}", "{ZONE}", "state", "state_at" / 1000 AS "since", "{ORIGIN}"',
        DEVICE,
        where=(OF_SITE,),
    )
    return (
        look.rows(say("장비 목록", "Devices"), columns, height=10)
        .with_target(InfluxQL(query=text, table=True))
        .override_by_name(columns["since"], fields.as_instant())
        .override_by_name(columns["state"], fields.connection(say))
    )


def stored(say: Language) -> timeseries.Panel:
    """Readings of each device that are in the store."""
    text = select('count("received_at")', where=(OF_SITE, IN_RANGE), by=(EVERY, BY_DEVICE), fill="0")
    return (
        look.chart(say("장비별 저장된 측정값", "Stored readings by device"), width=24)
        .interval("1m")
        .with_target(InfluxQL(query=text, alias=f"$tag_{DEVICE_TAG}"))
    )


def dead_letters(say: Language) -> timeseries.Panel:
    """Messages that could not be understood, zeros too."""
    text = select(
        'non_negative_difference(last("rejected"))',
        SERVICE,
        where=(OF_SITE, IN_RANGE),
        by=(EVERY, BY_SERVICE),
        fill="none",
    )
    return (
        look.chart(say("해석 불가 메시지", "Dead letters"), width=8)
        .interval("1m")
        .draw_style(shown.GraphDrawStyle.BARS)
        .fill_opacity(60)
        .with_target(InfluxQL(query=text, alias=NAME))
    )


def letters(say: Language) -> table.Panel:
    """The newest of them, and why."""
    columns = {"Time": say("시각", "Time"), TOPIC: say("토픽", "Topic"), REASON: say("이유", "Reason")}
    text = select(f'"{TOPIC}", "{REASON}"', DEAD_LETTER, where=(IN_RANGE,))
    return look.rows(
        say("최근 해석 불가 메시지", "Newest dead letters"),
        columns,
        width=16,
        nothing=say("모든 메시지를 이해했습니다", "Every message was understood"),
    ).with_target(InfluxQL(query=f"{text} ORDER BY time DESC LIMIT 100", table=True))
