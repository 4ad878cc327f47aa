from typing import Any

import numpy as np
import pytest

from jeonju.ingest.quality.checks import Checks
from tests.ingest.quality.feeding import feed

H = 3600


def flags_of_hours(key: str, value: float, hours: float, interval_s: float = 60) -> list[tuple[float, str]]:
    """Return when [h] which flag begins."""
    times = np.arange(0, hours * H, interval_s)
    values: dict[str, Any] = {key: value}
    said = feed(Checks(), times, **values)
    changes, last = [], ""
    for row in range(len(times)):
        flag = said.get((row, key), ("", ""))[0]
        if flag != last:
            changes.append((times[row] / H, flag))
        last = flag
    return changes


@pytest.mark.parametrize(
    ("key", "value", "hours", "interval_s", "expected"),
    [
        ("pm25", 23.4, 7, 60, [(0.5, "suspect"), (6, "bad")]),
        ("temperature", 21.5, 7, 60, [(0.5, "suspect"), (6, "bad")]),
        ("pm25", 23.4, 6, 600, [(29 / 6, "suspect")]),  # thirty readings first
        ("so2", 0.003, 12, H, []),  # hourly values of clean air repeat
        ("pm25", 0, 25, 60, [(24, "suspect")]),  # clean air or dead: suspect, never bad
        ("humidity", 100, 20, 60, []),  # fog
        ("wind_speed", 0, 20, 60, []),  # calm
        ("wind_direction", 180, 20, 60, []),  # the vane rests
        ("battery", 80, 20, 60, []),  # not noisy
    ],
)
def test_a_value_that_stands_still_becomes_suspect_then_bad(
    key: str, value: float, hours: float, interval_s: float, expected: list[tuple[float, str]]
) -> None:
    assert flags_of_hours(key, value, hours, interval_s) == expected


def test_batches_do_not_matter() -> None:
    times = np.arange(0, 7 * H, 60)
    whole = feed(Checks(), times, no2=0.021)
    checks, parts = Checks(), {}
    for start in range(0, len(times), 7):
        for (row, key), flag in feed(checks, times[start : start + 7], no2=0.021).items():
            parts[row + start, key] = flag
    assert parts == whole


def test_one_other_value_begins_anew() -> None:
    times = np.arange(0, 3000, 60)
    values = np.where(times == 1500, 23.5, 23.4)
    assert feed(Checks(), times, pm25=values) == {}


def test_a_coarse_instrument_is_given_more_time() -> None:
    """One that changes every 25 minutes by itself is suspect only after three times as long."""
    checks = Checks()
    times = np.arange(0, 10 * H, 30)
    feed(checks, times, co=0.3 + 0.1 * (times // 1500 % 2))
    said = feed(checks, 10 * H + np.arange(0, 2 * H, 30), co=0.7)
    assert min(row for row, _ in said) * 30 == pytest.approx(3 * 1470)


def test_a_dead_instrument_does_not_teach_patience() -> None:
    checks = Checks()
    feed(checks, np.arange(0, 5 * H, 30), co=0.3)
    feed(checks, np.arange(5 * H, 6 * H, 30), co=np.tile([0.4, 0.5], 60))
    said = feed(checks, np.arange(6 * H, 7 * H, 30), co=0.3)
    assert min(row for row, _ in said) * 30 == 1800


def test_the_reason_says_how_long() -> None:
    said = feed(Checks(), np.arange(0, 8 * H, 60), pm25=23.4)
    assert {flag for _, flag in said.items()} >= {
        ("suspect", "stuck: the same value for 30 min"),
        ("suspect", "stuck: the same value for 5 h"),
        ("bad", "stuck: the same value for 7 h"),
    }
