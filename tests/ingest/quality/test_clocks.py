import numpy as np
import pytest

from jeonju.ingest.quality.checks import Checks
from tests.ingest.quality.feeding import feed

H = 3600


@pytest.mark.parametrize(
    ("ahead_s", "reason"),
    [
        (0, None),
        (50, None),
        (120, "clock 2 min ahead of arrival"),
        (9 * H, "clock 9 h ahead of arrival"),
        (-200, None),
    ],
)
def test_a_clock_ahead_is_suspect_at_once(ahead_s: float, reason: str | None) -> None:
    said = feed(Checks(), ahead_s, received_s=0.0, pm25=20)
    assert said == ({} if reason is None else {(0, "time"): ("suspect", reason)})


def run(checks: Checks, seconds: int, lag_s: float = 0, start_s: int = 0, **more: float) -> list[str]:
    """Send one reading a second, each a batch; return the reasons for the time's flag, or ""."""
    rng = np.random.default_rng(1)
    reasons = []
    for at in range(start_s, start_s + seconds):
        time_s = more.get("time_s", at - lag_s)
        said = feed(checks, time_s, received_s=float(at), seq=at, pm25=20 + rng.normal())
        assert {key for _, key in said} <= {"time"}
        reasons.append(said.get((0, "time"), ("", ""))[1])
    return reasons


def test_a_clock_behind_is_suspect_after_ten_minutes() -> None:
    checks = Checks()
    assert set(run(checks, 60)) == {""}
    reasons = run(checks, 900, lag_s=900, start_s=60)
    assert reasons.index("clock 15 min behind arrival") == 600
    assert set(reasons[600:]) == {"clock 15 min behind arrival"}
    assert set(run(checks, 60, start_s=960)) == {""}


def test_values_are_judged_again_once_the_clock_is_known_to_be_behind() -> None:
    checks = Checks()
    run(checks, 60)
    run(checks, 700, lag_s=900, start_s=60)
    said = feed(checks, [760 - 900, 761 - 900], received_s=[760.0, 761.0], pm25=[20, 500])
    assert (1, "pm25") in said


def test_values_are_judged_while_the_clock_is_ahead_and_after() -> None:
    checks = Checks()
    run(checks, 60, lag_s=-9 * H)
    assert (0, "pm25") in feed(checks, 60 + 9 * H, received_s=60.0, pm25=500)
    assert feed(checks, 61, received_s=61.0, pm25=20) == {}
    assert (0, "pm25") in feed(checks, 62, received_s=62.0, pm25=500)


def test_a_backlog_is_no_slow_clock() -> None:
    checks = Checks()
    for at in range(1200):
        assert feed(checks, np.arange(5) + 5 * at - 10_000, received_s=float(at), pm25=20 + at % 7) == {}


def test_a_recording_is_no_slow_clock() -> None:
    assert set(run(Checks(), 900, lag_s=30 * 86_400)) == {""}


def test_hourly_values_are_no_slow_clock() -> None:
    checks = Checks()
    for hour in range(100):
        assert feed(checks, hour * H, received_s=hour * H + 1200.0, so2=0.003 + hour % 2 / 1000) == {}


def test_a_clock_that_stands_still_is_suspect_after_a_minute() -> None:
    checks = Checks()
    run(checks, 30)
    reasons = run(checks, 120, start_s=30, time_s=30)
    assert reasons.index("clock stands still while readings arrive") == 60
    assert set(reasons[60:]) == {"clock stands still while readings arrive"}
    assert set(run(checks, 60, start_s=150)) == {""}


def test_the_same_reading_again_is_only_a_repeat() -> None:
    checks = Checks()
    for at in range(600):
        assert feed(checks, 0, received_s=float(at), seq=-1, pm25=20, co=0.4) == {}
