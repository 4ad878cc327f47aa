"""What all detectors promise."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from jeonju.contract.columns import READINGS, readings_table
from jeonju.contract.records import LedgerEntry
from jeonju.contract.site import Site
from jeonju.detection.detectors.detector import LinkState, Observations
from jeonju.detection.engine import AlertEngine
from jeonju.detection.windows import History, Windows
from jeonju.messages.alerts import KINDS
from jeonju.rules.rules import shipped_rules
from jeonju.rules.watched import QUANTITIES

T0 = datetime(2026, 3, 4, tzinfo=UTC)


def test_every_kind_has_exactly_one_detector(jeonju: Site) -> None:
    kinds = Counter(kind for detector in AlertEngine(jeonju)._detectors for kind in detector.kinds)
    assert set(kinds) == {*KINDS, *shipped_rules().thresholds}
    assert set(kinds.values()) == {1}


def test_nothing_is_said_before_anything_is_known(jeonju: Site) -> None:
    engine = AlertEngine(jeonju)
    engine.restore([], READINGS.empty_table(), 600.0, READINGS.empty_table())
    assert engine.update(READINGS.empty_table()) == engine.finish() == []
    assert engine.observe(Observations(at=T0, ledger=[LedgerEntry("jeonju", "a", "1", 1, 1, 0, 0, 0, 0)])) == []
    assert engine.observe(Observations(at=T0, links=LinkState(True, True, None))) == []
    assert engine.observe(Observations(device_states={"palbok-01": "offline"})) == []


def test_observation_without_a_time_of_the_clock_ends_no_alert_of_the_clock(jeonju: Site) -> None:
    engine = AlertEngine(jeonju)
    for seconds in (0, 60):
        engine.observe(Observations(at=T0 + timedelta(seconds=seconds), links=LinkState(False, True, None)))
    assert [alert.kind for alert in engine.active] == ["store-away"]
    engine.observe(Observations(device_states={"palbok-01": "online"}))
    engine.observe(Observations(at=T0 + timedelta(seconds=70), ledger=[]))
    assert [alert.kind for alert in engine.active] == ["store-away"]


def test_history_gives_its_windows_in_order_and_more_than_once() -> None:
    rows = [
        {
            "site": "jeonju",
            "device": device,
            "time": T0 + timedelta(minutes=10 * step),
            "received_at": T0,
            "pm25": value,
        }
        for step, device, value in ((1, "b", 4.0), (0, "a", 1.0), (1, "a", 2.0), (3, "a", 3.0))
    ]
    history = History(Windows(), readings_table(rows), 600.0)
    assert history
    assert history.begin_s == T0.timestamp()
    for _ in range(2):
        windows = list(history)
        assert [window.end_s - T0.timestamp() for window in windows] == [600.0, 1200.0, 2400.0]
        assert {window.seconds for window in windows} == {600.0}
        pm25 = np.array([window.means[:, QUANTITIES.index("pm25")] for window in windows])
        row_of = {device: row for row, device in enumerate(windows[0].devices)}
        assert pm25[:, row_of["a"]].tolist() == [1.0, 2.0, 3.0]
        assert pm25[:, row_of["b"]] == pytest.approx([np.nan, 4.0, np.nan], nan_ok=True)
    assert not History(Windows(), READINGS.empty_table(), 600.0)
    assert list(History(Windows(), READINGS.empty_table(), 600.0)) == []
