"""Windows of devices that report every few minutes."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from jeonju.contract.columns import readings_table
from jeonju.detection.windows import ALLOWED_LATENESS_S, Windows
from jeonju.rules.watched import WINDOW_S

T0 = datetime(2026, 3, 4, tzinfo=UTC)
AFTER_S = WINDOW_S + ALLOWED_LATENESS_S


def judged(readings: Iterable[tuple[float, str]]) -> tuple[dict[float, float], Windows]:
    """Let readings of devices arrive one by one, and time pass; return by window how long after its beginning it was judged."""
    windows, found = Windows(), {}
    for time_s, device in readings:
        at = T0 + timedelta(seconds=time_s)
        row = {"site": "s", "device": device, "time": at, "received_at": at, "pm25": 5.0}
        windows.add(readings_table([row]))
        for second in (0.0, AFTER_S):
            windows.pass_time((at + timedelta(seconds=second)).timestamp())
            for window in windows.close():
                begin_s = window.end_s - WINDOW_S - T0.timestamp()
                found[begin_s] = time_s + second - begin_s
    return found, windows


def test_window_of_slow_devices_is_judged_before_their_next_readings_come() -> None:
    found, windows = judged(
        (600.0 * step + offset, name) for step in range(8) for name, offset in (("a", 0.0), ("b", 300.0))
    )
    assert found[2400.0] == found[3600.0] == AFTER_S
    assert windows.late == 0


def test_reading_of_a_slow_device_that_is_long_on_its_way_is_waited_for() -> None:
    """It is due. Only the second is late: nobody knows its step yet."""
    windows = Windows()
    for step in range(12):
        for name, delay_s in (("a", 0.0), ("b", 0.0), ("c", 50.0)):
            at = T0 + timedelta(seconds=600.0 * step)
            arrived = at + timedelta(seconds=delay_s)
            windows.pass_time(arrived.timestamp())
            list(windows.close())
            windows.add(
                readings_table([{"site": "s", "device": name, "time": at, "received_at": arrived, "pm25": 5.0}])
            )
    assert windows.late == 1


def test_device_that_begins_to_report_often_loses_nothing() -> None:
    slow, quick = [600.0 * step for step in range(8)], [4200.0 + 10.0 * step for step in range(1, 60)]
    found, windows = judged((time_s, "a") for time_s in (*slow, *quick))
    assert windows.late == 0
    assert set(slow + quick[:-2]) <= set(found)


def test_quick_device_is_waited_for_as_ever() -> None:
    """One that lags by ten seconds and sends every ten is in every window."""
    windows = Windows()
    for step in range(60):
        rows = [
            {
                "site": "s",
                "device": name,
                "time": T0 + timedelta(seconds=10.0 * step - lag),
                "received_at": T0 + timedelta(seconds=10.0 * step),
                "pm25": 5.0,
            }
            for name, lag in (("a", 0.0), ("b", 10.0))
        ]
        windows.add(readings_table(rows))
        list(windows.close())
    assert windows.late == 0
