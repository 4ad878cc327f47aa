from datetime import timedelta

from jeonju.contract.columns import READINGS
from jeonju.contract.records import AlertRecord, LedgerEntry
from jeonju.contract.site import Site
from jeonju.detection.detectors.detector import Observations
from jeonju.detection.engine import AlertEngine
from tests.detection.feeding import T0


def course(site: Site, repeated_per_window: list[int], received_per_window: int = 600) -> list[list[AlertRecord]]:
    engine, received, repeated = AlertEngine(site), 0, 0
    changes = []
    for window, more in enumerate([0, *repeated_per_window]):
        received, repeated = received + received_per_window, repeated + more
        for minute in range(10):
            entries = [
                LedgerEntry("jeonju", "palbok-02", "1", None, received, repeated, 0, 0, 0),
                LedgerEntry("jeonju", "palbok-01", "1", None, received, 0, 0, 0, 0),
            ]
            changes.append(
                engine.observe(Observations(at=T0 + timedelta(minutes=10 * window + minute), ledger=entries))
            )
    return [change for change in changes if change]


def test_two_windows_with_many_repeats_raise_one_alert_that_ends(jeonju: Site) -> None:
    changes = course(jeonju, [200, 200, 200, 0, 0])
    assert {alert.device for change in changes for alert in change} == {"palbok-02"}
    assert len({alert.id for change in changes for alert in change}) == 1
    assert changes[0][0].kind == "repeats"
    assert changes[0][0].started_at == T0 + timedelta(minutes=20)
    assert changes[-1][0].ended_at == T0 + timedelta(minutes=40)


def test_what_is_sent_again_once_after_a_broken_link_is_no_alert(jeonju: Site) -> None:
    assert course(jeonju, [0, 600, 0, 600, 0]) == []


def test_few_repeats_and_few_messages_are_no_alert(jeonju: Site) -> None:
    assert course(jeonju, [60] * 5) == []
    assert course(jeonju, [5] * 5, received_per_window=5) == []


def test_share_between_both_limits_keeps_what_was_raised(jeonju: Site) -> None:
    changes = course(jeonju, [200, 200, 60, 60])
    assert all(alert.ended_at is None for change in changes for alert in change)


def test_restart_keeps_the_alert_until_it_is_known_better(jeonju: Site) -> None:
    raised = course(jeonju, [200, 200])[-1][0]
    engine = AlertEngine(jeonju)
    engine.restore([raised], READINGS.empty_table(), 600, READINGS.empty_table())
    entry = LedgerEntry("jeonju", "palbok-02", "1", None, 5000, 400, 0, 0, 0)
    later = T0 + timedelta(hours=1)
    assert all(alert.ended_at is None for alert in engine.observe(Observations(at=later, ledger=[entry])))
    (ended,) = engine.observe(Observations(at=later + timedelta(minutes=10), ledger=[entry._replace(received=5600)]))
    assert (ended.id, ended.ended_at) == (raised.id, later + timedelta(minutes=10))
