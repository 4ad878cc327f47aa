"""Scenario review: what the devices of a simulated city measured against the truth that only the simulator knows."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard, table, timeseries

from jeonju.grafana import fields, look, tables, variables
from jeonju.grafana.board import board, with_events
from jeonju.grafana.influxql import BY_DEVICE, EVERY, IN_RANGE, OF_SITE, InfluxQL, course, highest, mean, select, tiered
from jeonju.grafana.language import Language
from jeonju.grafana.queries import OF_TRUTH
from jeonju.storage.influx.names import DEVICE_TAG

OF_DEVICE: Final = f"\"{DEVICE_TAG}\" = '${{device}}'"
QUANTITY: Final = "${quantity}"


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = with_events(
        board(
            say,
            "scenario-review",
            say("시나리오 검토", "Scenario review"),
            say(
                "모의 도시의 측정값과 시뮬레이터만 아는 참값. 실제 장비만 있는 도시에서는 참값이 없습니다.",
                "What a simulated city measured, and the truth that only the simulator knows; a city of real devices has no truth.",
            ),
            since="now-6h",
            refresh="1m",
        ),
        say,
    )
    for variable in (
        variables.data_source(say),
        variables.site(say),
        variables.zone(say),
        variables.device(say),
        variables.quantity(say),
        variables.page(say),
    ):
        made.with_variable(variable)
    made.with_panel(both(say)).with_panel(difference(say)).with_panel(devices(say)).with_panel(everywhere(say))
    return made.with_panel(alerts(say))


def both(say: Language) -> timeseries.Panel:
    """Both courses; the truth is stored at whole minutes, so that no interval may be shorter."""
    found = [
        *course(mean(QUANTITY), where=(OF_SITE, OF_DEVICE), by=(EVERY,), alias=say("측정", "measured"), ref_id="A"),
        *course(mean(QUANTITY), where=(OF_TRUTH, OF_DEVICE), by=(EVERY,), alias=say("참값", "truth"), ref_id="B"),
    ]
    panel = look.chart(
        say("측정과 참값: ${device}, ${quantity:text}", "Measured and true: ${device}, ${quantity:text}"),
        say(
            "고른 장비의 측정값과 그 자리의 참값, 1분 이상의 평균.",
            "What the chosen device measured and what was true there, means of a minute or more.",
        ),
        width=24,
        height=10,
        series=2,
    )
    return panel.interval("1m").targets([*found])


def _both(by: tuple[str, ...], where: tuple[str, ...], fill: str) -> list[tuple[str, str]]:
    """Return for readings, minutes and hours the queries for means of what was measured and of what was true, under their names."""
    measured, truth = (
        tiered(f'mean("{QUANTITY}") AS "{name}"', where=(of, *where), by=by, fill=fill)
        for name, of in (("measured", OF_SITE), ("truth", OF_TRUTH))
    )
    return list(zip(measured, truth, strict=True))


def difference(say: Language) -> timeseries.Panel:
    """Measured less truth, as means of the same intervals."""
    panel = look.chart(
        say("차이: ${device}, ${quantity:text}", "Difference: ${device}, ${quantity:text}"),
        say("측정값에서 참값을 뺀 것, 같은 구간의 평균끼리.", "Measured less truth, as means of the same intervals."),
        series=1,
    ).interval("1m")
    name = say("측정 − 참값", "measured − truth")
    for ref_id, (measured, truth) in zip("ABC", _both((EVERY,), (OF_DEVICE,), "none"), strict=True):
        both_ = f"({measured}), ({truth})"
        text = select('mean("measured") - mean("truth")', both_, where=(IN_RANGE,), by=(EVERY,), fill="none")
        panel.with_target(InfluxQL(query=text, alias=name, ref_id=ref_id))
    return panel


def devices(say: Language) -> table.Panel:
    """Means over the time shown at every device."""
    chosen = (
        'last("measured") AS "measured", last("truth") AS "truth", last("measured") - last("truth") AS "difference"'
    )
    parts = [
        select(chosen, f"({measured}), ({truth})", where=(), by=(BY_DEVICE,))
        for measured, truth in _both((BY_DEVICE,), (), "")
    ]
    digits = fields.digits(3)
    columns = [
        tables.of_device(say, width=None),
        tables.Column("measured", say("측정 평균", "Measured, mean"), 130, digits),
        tables.Column("truth", say("참값 평균", "True mean"), 110, digits),
        tables.Column("difference", say("차이", "Difference"), 110, digits),
    ]
    return tables.rows(
        say("모든 장비: ${quantity:text}", "All devices: ${quantity:text}"),
        say("표시 구간의 평균, 고른 항목의 단위로.", "Means over the time shown, in the unit of the chosen quantity."),
        columns,
        parts=parts,
    )


def everywhere(say: Language) -> timeseries.Panel:
    """The truth at every device: where the plume really was."""
    panel = look.chart(
        say("모든 장비의 참값: ${quantity:text}", "Truth at every device: ${quantity:text}"),
        say(
            "모든 장비 자리의 참값, 구간의 최댓값: 연기가 실제로 지나간 곳.",
            "The truth at every device, the highest of each interval: where the plume really was.",
        ),
    )
    asked = course(highest(QUANTITY), where=(OF_TRUTH,))
    return look.of_devices(panel.interval("1m").targets([*asked]), say)


def alerts(say: Language) -> table.Panel:
    """What was raised."""
    return tables.alert_table(
        say,
        say("경보", "Alerts"),
        say("표시 구간에 걸친 경보.", "Alerts that touch the time shown."),
        width=12,
        height=8,
    )
