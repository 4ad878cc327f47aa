"""Scenario review: what the devices of a simulated city measured against the truth that only the simulator knows."""

from grafana_foundation_sdk.builders import dashboard, table, timeseries
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from jeonju.contract import topics
from jeonju.grafana import look, variables
from jeonju.grafana.board import Alerts, board
from jeonju.grafana.influxql import BY_DEVICE, EVERY, IN_RANGE, OF_SITE, InfluxQL, select
from jeonju.grafana.language import Language
from jeonju.storage.influx.names import DEVICE_TAG, SITE

OF_TRUTH = f"\"{SITE}\" = '{topics.TRUTH.format(site='${site}')}'"
OF_DEVICE = f"\"{DEVICE_TAG}\" = '${{device}}'"
QUANTITY = '"${quantity}"'


def build(say: Language) -> dashboard.Dashboard:
    """Return the dashboard."""
    made = board(
        say, "scenario-review", say("시나리오 검토", "Scenario review"), since="now-6h", refresh="1m"
    ).annotation(Alerts(say))
    for variable in (
        variables.data_source(say),
        variables.site(say),
        variables.zone(say),
        variables.device(say),
        variables.quantity(say),
    ):
        made.with_variable(variable)
    made.with_panel(both(say)).with_panel(difference(say)).with_panel(devices(say)).with_panel(everywhere(say))
    return made.with_panel(alerts(say))


def _courses(say: Language, function: str) -> list[InfluxQL]:
    """Ask for both; the truth is stored at whole minutes, so that no interval may be shorter."""
    found = []
    for ref_id, of, name in (("A", OF_SITE, say("측정", "measured")), ("B", OF_TRUTH, say("참값", "truth"))):
        text = select(f"{function}({QUANTITY})", where=(of, OF_DEVICE, IN_RANGE), by=(EVERY,), fill="none")
        found.append(InfluxQL(query=text, alias=name, ref_id=ref_id))
    return found


def both(say: Language) -> timeseries.Panel:
    """Both courses."""
    return (
        look.chart(
            say("측정과 참값: ${device}, ${quantity:text}", "Measured and true: ${device}, ${quantity:text}"),
            width=24,
            height=10,
        )
        .interval("1m")
        .targets([*_courses(say, "mean")])
    )


def difference(say: Language) -> timeseries.Panel:
    """Measured less truth at the same instants: the first of an interval is, for both, that of the whole minute."""
    name = say("측정 − 참값", "measured − truth")
    subtract = {
        "mode": "binary",
        "replaceFields": True,
        "alias": name,
        "binary": {"left": say("측정", "measured"), "operator": "-", "right": say("참값", "truth"), "reducer": "sum"},
    }
    return (
        look.chart(say("차이", "Difference"), width=12)
        .interval("1m")
        .targets([*_courses(say, "first")])
        .with_transformation(DataTransformerConfig(id_val="joinByField", options={"byField": "Time", "mode": "inner"}))
        .with_transformation(DataTransformerConfig(id_val="calculateField", options=subtract))
    )


def devices(say: Language) -> table.Panel:
    """Means over the time shown at every device of the zone."""
    columns = {
        DEVICE_TAG: say("장비", "Device"),
        "measured": say("측정 평균", "Measured, mean"),
        "truth": say("참값 평균", "True mean"),
        "difference": say("차이", "Difference"),
    }
    subtract = {
        "mode": "binary",
        "alias": "difference",
        "binary": {"left": "measured", "operator": "-", "right": "truth", "reducer": "sum"},
    }
    panel = look.rows(say("모든 장비", "All devices"), columns)
    organized = panel.build().transformations or []
    panel.transformations(
        [
            DataTransformerConfig(id_val="merge", options={}),
            DataTransformerConfig(id_val="calculateField", options=subtract),
            *organized,
        ]
    )
    for ref_id, name, of in (("A", "measured", OF_SITE), ("B", "truth", OF_TRUTH)):
        text = select(f'mean({QUANTITY}) AS "{name}"', where=(of, IN_RANGE), by=(BY_DEVICE,))
        panel.with_target(InfluxQL(query=text, table=True, ref_id=ref_id))
    return panel.decimals(3)


def everywhere(say: Language) -> timeseries.Panel:
    """The truth at every device: where the plume really was."""
    text = select(f"max({QUANTITY})", where=(OF_TRUTH, IN_RANGE), by=(EVERY, BY_DEVICE), fill="none")
    return (
        look.chart(say("참값: 모든 장비", "Truth at every device"), width=12)
        .interval("1m")
        .with_target(InfluxQL(query=text, alias=f"$tag_{DEVICE_TAG}"))
    )


def alerts(say: Language) -> table.Panel:
    """What was raised."""
    return look.alert_table(say, say("경보", "Alerts"), (IN_RANGE,), width=12, height=8)
