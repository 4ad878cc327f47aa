"""Scenario review: what the devices of a simulated city measured against the truth that only the simulator knows."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard, table, timeseries

from jeonju.grafana import fields, look, queries, tables, variables
from jeonju.grafana.board import board, with_events
from jeonju.grafana.influxql import BY_DEVICE, EVERY, IN_RANGE, OF_SITE, course, highest, select, tiered
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
    of_either = {"A": (say("측정", "measured"), OF_SITE), "B": (say("참값", "truth"), OF_TRUTH)}
    look.of_chosen_quantity(panel.interval("1m"), has_limits=False)
    for ref_id, (name, of) in of_either.items():
        asked = course(f'mean("{QUANTITY}") AS "{QUANTITY}"', where=(of, OF_DEVICE), by=(EVERY,))
        look.with_course(panel, asked, f"{name} $col", ref_id).override_by_regexp(f"/^{name} /", fields.named(name))
    return panel


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
    chosen = f'mean("measured") - mean("truth") AS "{QUANTITY}"'
    asked = [
        select(chosen, f"({measured}), ({truth})", where=(IN_RANGE,), by=(EVERY,), fill="null")
        for measured, truth in _both((EVERY,), (OF_DEVICE,), "none")
    ]
    look.of_chosen_quantity(look.with_course(panel, asked, f"{name} $col"), has_limits=False)
    return panel.override_by_regexp(f"/^{name} /", fields.named(name))


def devices(say: Language) -> table.Panel:
    """Means over the time shown at every device."""
    chosen = (
        'last("measured") AS "measured", last("truth") AS "truth", last("measured") - last("truth") AS "difference"'
    )
    parts = [
        select(chosen, f"({measured}), ({truth})", where=(), by=(BY_DEVICE,))
        for measured, truth in _both((BY_DEVICE,), (queries.of_own(),), "")
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
    asked = course(lambda tier: f'{highest(QUANTITY)(tier)} AS "{QUANTITY}"', where=(OF_TRUTH,))
    look.of_chosen_quantity(look.with_course(panel.interval("1m"), asked, look.OF_QUANTITY), has_limits=False)
    return look.of_devices(panel, say)


def alerts(say: Language) -> table.Panel:
    """What was raised."""
    return tables.alert_table(
        say,
        say("경보", "Alerts"),
        say("표시 구간에 걸친 경보.", "Alerts that touch the time shown."),
        width=12,
        height=8,
    )
