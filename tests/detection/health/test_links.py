"""One alert says that the store, the broker or all data are gone."""

from datetime import datetime, timedelta

import pytest

from jeonju.contract.columns import READINGS
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.detectors.detector import LinkState, Observations
from jeonju.detection.engine import AlertEngine
from tests.detection.feeding import T0


def course(site: Site, minutes: int, store: set[int], broker: set[int], data: set[int]) -> list[AlertRecord]:
    """Return every alert in its last state; the sets hold the minutes in which something is there."""
    engine, heard_at, alerts = AlertEngine(site), T0, dict[str, AlertRecord]()
    for step in range(minutes * 12):
        now: datetime = T0 + timedelta(seconds=5 * step)
        minute = step // 12
        if minute in data:
            heard_at = now
        links = LinkState(minute in store, minute in broker, heard_at)
        alerts |= {alert.id: alert for alert in engine.observe(Observations(at=now, links=links))}
    return list(alerts.values())


ALL = set(range(60))
GAP = set(range(10, 30))


@pytest.mark.parametrize(
    ("kind", "store", "broker", "data"),
    [
        ("store-away", ALL - GAP, ALL, ALL - GAP),
        ("broker-away", ALL, ALL - GAP, ALL - GAP),
        ("store-away", ALL - GAP, ALL - GAP, ALL - GAP),
        ("no-data", ALL, ALL, ALL - GAP),
    ],
)
def test_one_alert_for_the_first_cause(
    jeonju: Site, kind: str, store: set[int], broker: set[int], data: set[int]
) -> None:
    (alert,) = course(jeonju, 60, store, broker, data)
    assert (alert.kind, alert.device, alert.zone, alert.severity) == (kind, None, None, "critical")
    assert alert.ended_at is not None
    assert timedelta(minutes=10) < alert.started_at - T0 <= timedelta(minutes=13, seconds=5)
    assert timedelta(minutes=29) < alert.ended_at - T0 <= timedelta(minutes=30, seconds=5)


def test_data_that_does_not_come_back_with_the_broker_is_an_alert_of_its_own(jeonju: Site) -> None:
    first, second = course(jeonju, 60, ALL, ALL - GAP, set(range(10)))
    assert (first.kind, second.kind) == ("broker-away", "no-data")
    assert second.started_at - T0 > timedelta(minutes=33)


def test_short_break_is_no_alert(jeonju: Site) -> None:
    engine = AlertEngine(jeonju)
    for step in range(200):
        now = T0 + timedelta(seconds=step)
        links = LinkState(True, not 100 <= step < 129, now)
        assert engine.observe(Observations(at=now, links=links)) == []


def test_an_alert_that_no_data_comes_goes_on_when_the_engine_is_made_anew(jeonju: Site) -> None:
    """As at each connection to the broker; the feed may not have brought anything yet, or nothing for long."""
    (firing,) = course(jeonju, 20, ALL, ALL, set(range(10)))
    for heard_at in (None, T0 + timedelta(minutes=10)):
        engine = AlertEngine(jeonju)
        engine.restore([firing], READINGS.empty_table(), 600, READINGS.empty_table())
        now = T0 + timedelta(minutes=20)
        changed = engine.observe(Observations(at=now, links=LinkState(True, True, heard_at)))
        assert [alert.ended_at for alert in changed] in ([], [None])
        assert [alert.id for alert in engine.active] == [firing.id]
        (ended,) = engine.observe(Observations(at=now, links=LinkState(True, True, now)))
        assert (ended.id, ended.ended_at) == (firing.id, now)
