"""The life of an alert: waiting, firing, gone, ended."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jeonju.contract.details import SilentDetails, decode
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.condition import Condition
from jeonju.detection.lifecycle import REFRESH_S, AlertLifecycle
from jeonju.rules.rules import load_rules

T0 = datetime(2026, 3, 4, tzinfo=UTC)
SILENT = frozenset(["silent"])
RULES = "[rules.silent]\nfor = '2m'\nkeep_firing_for = '5m'\n[rules.dust]\nenabled = false\n[rules.stuck]\nseverity = 'critical'\n"


@pytest.fixture
def alerts(jeonju: Site, tmp_path: Path) -> AlertLifecycle:
    path = tmp_path / "rules.toml"
    path.write_text(RULES, encoding="utf-8")
    return AlertLifecycle(jeonju, load_rules(path))


def minute(number: float) -> datetime:
    return T0 + timedelta(minutes=number)


def condition(kind: str = "silent", place: str = "palbok-01", **facts: Any) -> Condition:
    return Condition(kind=kind, place=place, severity="info", details=SilentDetails(silent_s=60.0), **facts)


def fired(alerts: AlertLifecycle) -> AlertRecord:
    """Return the one alert that fires after its condition has held for its time."""
    for number in range(3):
        alerts.update(SILENT, [condition(value=1.0)], minute(number))
    (alert,) = alerts.take_changes()
    return alert


def test_condition_becomes_an_alert_only_after_its_time(alerts: AlertLifecycle) -> None:
    alerts.update(SILENT, [condition()], minute(0))
    alerts.update(SILENT, [condition()], minute(1.9))
    assert (alerts.take_changes(), alerts.active) == ([], [])
    alerts.settle(SILENT, minute(2))
    (alert,) = alerts.take_changes()
    assert (alert.kind, alert.device, alert.zone, alert.started_at, alert.ended_at) == (
        "silent",
        "palbok-01",
        "palbok",
        minute(2),
        None,
    )
    assert decode(alert.details, SilentDetails) == SilentDetails(silent_s=60.0)
    assert (alert.summary_ko, alert.summary_en) == ("", "")


def test_condition_that_is_interrupted_begins_anew(alerts: AlertLifecycle) -> None:
    for number, held in enumerate([[condition()], [], [condition()], [condition()]]):
        alerts.update(SILENT, held, minute(number))
    assert alerts.active == []
    alerts.update(SILENT, [condition()], minute(4))
    assert len(alerts.active) == 1


def test_alert_ends_only_after_its_condition_was_gone_for_its_time_and_is_handed_out_once(
    alerts: AlertLifecycle,
) -> None:
    alert = fired(alerts)
    alerts.update(SILENT, [], minute(3))
    alerts.settle(SILENT, minute(7.9))
    assert alerts.take_changes() == []
    alerts.settle(SILENT, minute(8))
    (ended,) = alerts.take_changes()
    assert (ended.id, ended.ended_at) == (alert.id, minute(8))
    assert (alerts.take_changes(), alerts.active) == ([], [])


def test_condition_that_comes_back_in_time_is_the_same_alert(alerts: AlertLifecycle) -> None:
    alert = fired(alerts)
    for number, held in ((3, []), (6, [condition()]), (7, []), (11, [])):
        alerts.update(SILENT, held, minute(number))
    assert [alert.id for alert in alerts.active] == [alert.id]


def test_alert_is_written_again_when_its_severity_changes_and_else_not_too_often(alerts: AlertLifecycle) -> None:
    fired(alerts)
    soon, later = (minute(2) + timedelta(seconds=REFRESH_S + more) for more in (-1, 0))
    alerts.update(SILENT, [condition(value=2.0)], soon)
    assert alerts.take_changes() == []
    alerts.update(SILENT, [condition(value=3.0)], later)
    assert [alert.value for alert in alerts.take_changes()] == [3.0]
    alerts.update(SILENT, [Condition(kind="silent", place="palbok-01", severity="warning")], later)
    assert [alert.severity for alert in alerts.take_changes()] == ["warning"]


def test_kinds_that_were_not_judged_stay_as_they_are(alerts: AlertLifecycle) -> None:
    alert = fired(alerts)
    alerts.update(frozenset(["odour"]), [], minute(60))
    assert [alert.id for alert in alerts.active] == [alert.id]


def test_disabled_rule_raises_nothing_and_the_rule_decides_the_severity(alerts: AlertLifecycle) -> None:
    alerts.update(frozenset(["dust", "stuck"]), [condition("dust"), condition("stuck")], minute(0))
    assert [(alert.kind, alert.severity) for alert in alerts.active] == [("stuck", "critical")]


def test_places_are_devices_zones_or_the_whole_site(alerts: AlertLifecycle) -> None:
    places = [condition("cai", place) for place in ("palbok-01", "palbok", "", "new-1")]
    alerts.update(frozenset(["cai"]), places, minute(0))
    assert {(alert.device, alert.zone) for alert in alerts.active} == {
        ("palbok-01", "palbok"),
        (None, "palbok"),
        (None, None),
        ("new-1", None),
    }


def test_restored_alert_goes_on_and_one_of_a_rule_that_is_gone_ends(alerts: AlertLifecycle) -> None:
    alert = fired(alerts)
    gone = alert._replace(id="gone", kind="my-rule")
    alerts.restore([alert, gone])
    alerts.end_all_but(SILENT)
    assert [alert.id for alert in alerts.active] == [alert.id]
    assert [(alert.id, alert.ended_at) for alert in alerts.take_changes()] == [("gone", gone.updated_at)]
    alerts.update(SILENT, [condition(value=9.0)], minute(10))
    assert [(alert.id, alert.value) for alert in alerts.take_changes()] == [(alert.id, 9.0)]
