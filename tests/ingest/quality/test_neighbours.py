"""Six stations of a zone; one of them is apart."""

import numpy as np
import pytest

from jeonju.ingest.quality.checks import Checks
from tests.ingest.quality.feeding import feed

STATIONS = [f"s{n}" for n in range(6)]
USUAL = {"pm25": 25.0, "pm10": 60.0, "o3": 0.03, "co": 0.4, "no2": 0.02, "temperature": 15.0, "humidity": 50.0}

NOISE = np.random.default_rng(5)


def minutes_until_flagged(
    key: str, value: float, *, stations: int = 6, zone: str = "z", also: dict[str, float] | None = None
) -> float | None:
    """Let the first station send `value`; return the minute of its first flag. No other value may ever be flagged."""
    checks = Checks(lambda _site, _device: zone)
    rng = np.random.default_rng(3)
    names = STATIONS[:stations]
    for minute in range(120):
        values = {name: mean * rng.normal(1, 0.03, stations) for name, mean in USUAL.items()}
        for name, other in {key: value, **(also or {})}.items():
            values[name][0] = other * rng.normal(1, 0.03)
        said = feed(checks, np.full(stations, 60.0 * minute), names, **values)
        if said:
            assert set(said) == {(0, key)}
            assert said[0, key][0] == "suspect"
            return minute
    return None


@pytest.mark.parametrize(
    ("key", "value", "flagged"),
    [
        ("pm25", 1.0, True),  # a blocked inlet
        ("pm25", 70.0, True),  # a counter that drifts: nothing else is up
        ("pm25", 32.0, False),
        ("o3", 0.1, True),
        ("temperature", 25.0, True),
        ("temperature", 17.0, False),
        ("humidity", 10.0, True),
        ("co", 5.0, False),  # local by nature
        ("no2", 0.2, False),
    ],
)
def test_who_stays_apart_is_suspect_within_fifty_minutes(key: str, value: float, *, flagged: bool) -> None:
    minute = minutes_until_flagged(key, value)
    assert (minute is not None) == flagged
    assert minute is None or 30 <= minute <= 50


@pytest.mark.parametrize("also", [{"co": 1.0}, {"pm10": 120.0}, {"no2": 0.06}])
def test_smoke_is_not_called_a_fault(also: dict[str, float]) -> None:
    assert minutes_until_flagged("pm25", 70.0, also=also) is None


def test_without_enough_neighbours_or_a_zone_nothing_is_said() -> None:
    assert minutes_until_flagged("pm25", 1.0, stations=3) is None
    assert minutes_until_flagged("pm25", 1.0, zone="") is None


def zone_of_first(first: float) -> np.ndarray:
    """Return PM2.5 of six stations with a little noise."""
    return np.array([first, 25, 26, 24, 25.5, 24.5]) + NOISE.normal(0, 0.1, 6)


def test_what_passes_is_not_flagged() -> None:
    checks = Checks(lambda _site, _device: "z")
    for minute in range(180):
        first = 1.0 if minute // 20 % 2 else 25.0
        assert feed(checks, np.full(6, 60.0 * minute), STATIONS, pm25=zone_of_first(first)) == {}


def test_the_reason_names_both_and_ends_when_the_station_is_back() -> None:
    checks = Checks(lambda _site, _device: "z")
    said = [
        feed(checks, np.full(6, 60.0 * minute), STATIONS, pm25=zone_of_first(2.0 if minute < 60 else 25.0))
        for minute in range(100)
    ]
    assert said[59][0, "pm25"][1].startswith("for 30 min far below its 5 neighbours: 2.0 against 24.")
    assert said[-1] == {}


def test_many_intervals_in_one_batch_are_as_good_as_one_by_one() -> None:
    pm25 = np.array([zone_of_first(2.0) for _ in range(90)])
    names = STATIONS * 90
    said = feed(Checks(lambda _site, _device: "z"), np.repeat(60.0 * np.arange(90), 6), names, pm25=pm25.ravel())
    assert {names[row] for row, _ in said} == {"s0"}
