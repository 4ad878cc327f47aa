"""Faults that readings show: one alert for each cause, with a hold and a clear time, whatever order readings come in."""

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.contract.columns import readings_table
from jeonju.contract.site import Site
from tests.detection.feeding import T0
from tests.detection.health.feeding import City, Row, flags, hour_of

ILL = "palbok-02"
STUCK = flags(pm25="stuck: the same value for 30 min")
DRIFT = flags(o3="for 30 min far above its 6 neighbours: 0.0900 against 0.0300 ppm")
RANGE = '{"co": ["bad", "outside the plausible range"]}'
AHEAD = flags(time="clock 2 h ahead of arrival")
FOG = flags(pm25="humidity 97 %: wet particles read more than 3.3 times too high, fog counts as dust")


def ill(quality: str, begin_h: float, end_h: float) -> Row:
    return lambda name, hour: {"quality": quality} if name == ILL and begin_h <= hour < end_h else {}


@pytest.mark.parametrize(
    ("kind", "quality", "raised_h", "clear_h"),
    [
        ("stuck", STUCK, 1 / 60, 1.0),
        ("drifting", DRIFT, 1 / 60, 1.0),
        ("out-of-range", RANGE, 5 / 60, 0.5),
        ("clock-skew", AHEAD, 1 / 60, 1 / 3),
    ],
)
def test_fault_is_raised_once_and_ends_when_it_has_not_shown_for_long(
    jeonju: Site, kind: str, quality: str, raised_h: float, clear_h: float
) -> None:
    city = City(jeonju)
    city.feed(0, 5, ill(quality, 1, 2))
    (alert,) = city.of()
    assert (alert.kind, alert.device, alert.severity) == (kind, ILL, "info")
    # An alert bears the end of a window, which is closed when all devices have reported past it.
    assert 1 + raised_h - 1 / 60 <= hour_of(alert) < 1 + raised_h + 3 / 60
    assert alert.ended_at is not None
    assert 2 + clear_h - 2 / 60 <= (alert.ended_at - T0).total_seconds() / 3600 < 2 + clear_h + 3 / 60


@pytest.mark.parametrize(("quality", "end_h"), [(STUCK, 1.01), (RANGE, 1.01), (RANGE, 1.05), (AHEAD, 1.008), (FOG, 3)])
def test_glitch_and_fog_raise_nothing(jeonju: Site, quality: str, end_h: float) -> None:
    city = City(jeonju)
    city.feed(0, 2, ill(quality, 1, end_h))
    assert city.of() == []


def test_fault_that_comes_and_goes_is_one_alert(jeonju: Site) -> None:
    city = City(jeonju)
    city.feed(
        0, 6, lambda name, hour: {"quality": STUCK} if name == ILL and 1 <= hour < 4 and hour * 2 % 1 < 0.3 else {}
    )
    assert [alert.kind for alert in city.of()] == ["stuck"]


def test_several_quantities_and_causes_are_one_alert_for_each_cause(jeonju: Site) -> None:
    both = flags(
        pm25="stuck: the same value for 30 min",
        temperature="stuck: the same value for 30 min",
        time="clock stands still while readings arrive",
    )
    city = City(jeonju)
    city.feed(0, 2, ill(both, 1, 2))
    clock, stuck = city.of()
    assert (clock.kind, stuck.kind) == ("clock-skew", "stuck")
    assert "초미세먼지" in stuck.summary_ko
    assert "Temperature" in stuck.summary_en


def test_silent_device_keeps_its_fault_and_others_keep_theirs_over_a_restart(jeonju: Site) -> None:
    city = City(jeonju)
    city.feed(
        0,
        12,
        lambda name, hour: (None if hour >= 2 else {"quality": STUCK} if hour >= 1 else {}) if name == ILL else {},
        every_s=60,
    )
    assert [alert.ended_at for alert in city.of("stuck")] == [None]
    city.restart()
    city.feed(12, 14, lambda name, _hour: None if name == ILL else {}, every_s=60)
    assert [alert.ended_at for alert in city.of("stuck")] == [None]
    city.feed(14, 16, every_s=60)
    (stuck,) = city.of("stuck")
    assert stuck.ended_at is not None


def test_battery_is_low_until_it_is_charged(jeonju: Site) -> None:
    def battery(percent_at: Callable[[float], float]) -> Row:
        return lambda name, hour: {"battery": percent_at(hour)} if name == ILL else {}

    city = City(jeonju)
    city.feed(0, 4, battery(lambda hour: 40 - 20 * hour if hour < 2 else 30 * (hour - 2)))
    (alert,) = city.of()
    assert (alert.kind, alert.limit, alert.quantity) == ("battery-low", 15.0, "battery")
    assert 1.25 < hour_of(alert) < 1.35
    assert alert.ended_at is not None
    assert (alert.ended_at - T0).total_seconds() / 3600 == pytest.approx(2 + 25 / 30, abs=0.06)
    assert "배터리" in alert.summary_ko


def test_battery_around_its_limit_does_not_flap_and_empty_is_graver(jeonju: Site) -> None:
    city = City(jeonju)
    city.feed(
        0, 3, lambda name, hour: {"battery": 14 + 2 * (hour * 60 % 2 >= 1) if hour < 2 else 3.0} if name == ILL else {}
    )
    (alert,) = city.of()
    assert (alert.kind, alert.severity, alert.ended_at) == ("battery-low", "warning", None)


def test_readings_without_battery_do_not_end_a_low_battery(jeonju: Site) -> None:
    city = City(jeonju)
    city.feed(0, 4, lambda name, hour: {"battery": 10.0} if name == ILL and hour < 1 else {})
    assert [alert.ended_at for alert in city.of()] == [None]


def test_shuffled_repeated_and_late_batches_change_nothing(jeonju: Site) -> None:
    def run(seed: int | None) -> list[tuple[str, object]]:
        city, rng = City(jeonju), random.Random(seed)
        for minute in range(240):
            rows = [
                {
                    "site": "jeonju",
                    "device": device,
                    "time": at,
                    "received_at": at,
                    "pm25": 18.0,
                    "quality": STUCK if device == ILL and 60 <= minute < 120 else None,
                }
                for device in city.devices
                for at in (T0 + timedelta(minutes=minute, seconds=10 * step) for step in range(6))
            ]
            if seed is not None:
                rng.shuffle(rows)
                rows += rows[:5]
            city.take(rows)
        return [(alert.id, alert.ended_at) for alert in city.of()]

    expected = run(None)
    assert len(expected) == 1
    assert run(3) == expected


def test_flags_of_an_hour_ago_raise_nothing_now(jeonju: Site) -> None:
    city = City(jeonju)
    city.feed(0, 2)
    late = [
        {
            "site": "jeonju",
            "device": ILL,
            "time": T0 + timedelta(minutes=minute),
            "received_at": T0 + timedelta(hours=2),
            "pm25": 1.0,
            "quality": AHEAD,
        }
        for minute in range(50, 60)
    ]
    city.take(late)
    city.feed(2, 3)
    assert city.of() == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.none(),
            st.text(max_size=40),
            st.sampled_from([STUCK, DRIFT, RANGE, FOG, '{"a":1}', "[]", '{"time":["x"]}']),
        ),
        max_size=30,
    )
)
def test_any_quality_text_is_survived(jeonju: Site, texts: list[str | None]) -> None:
    city = City(jeonju, [ILL])
    rows = [
        {"site": "jeonju", "device": ILL, "time": T0 + timedelta(seconds=10 * at), "received_at": T0, "quality": text}
        for at, text in enumerate(texts)
    ]
    city.note(city.engine.update(readings_table(rows)))
    city.note(city.engine.finish())


def test_value_that_is_known_to_be_bad_is_no_smoke(jeonju: Site) -> None:
    city = City(jeonju)
    broken = {
        "pm25": 4000.0,
        "pm10": 5000.0,
        "co": 50.0,
        "quality": '{"pm25":["bad","stuck: the same value for 6 h"],"pm10":["bad","AirKorea: x"]}',
    }
    city.feed(0, 2, lambda name, hour: broken if name == ILL and hour > 1.5 else {"co": 0.4}, every_s=10)
    assert city.of("smoke", "dust") == []
