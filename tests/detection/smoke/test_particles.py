"""Devices that only count particles: which course of PM2.5 is that of a fire."""

import numpy as np
import pytest

from jeonju.contract.site import Site
from jeonju.detection.smoke.particles import CO_SILENT_S, Particles
from jeonju.detection.smoke.tracker import SmokeTracker
from jeonju.detection.windows import Window
from jeonju.rules.watched import QUANTITIES

CALM = np.full(2, np.nan)
STEP_S = 600.0
# Devices in a row, 100 m, 3 km and 3.1 km from the first.
XY_M = np.array([[0.0, 0.0], [100.0, 0.0], [3000.0, 0.0], [3100.0, 0.0]])
FAR_M = np.array([[0.0, 0.0], [3000.0, 0.0], [6000.0, 0.0], [9000.0, 0.0]])


def is_fire(*rises: list[float], xy_m: np.ndarray = FAR_M, every_s: float = STEP_S, wind: np.ndarray = CALM) -> bool:
    """Show some readings of all devices; return whether the first one shows a fire at the end."""
    particles = Particles()
    particles.grow(len(xy_m))
    everyone = np.ones(len(xy_m), dtype=bool)
    for number, row in enumerate(rises):
        rise = np.array(row + [0.0] * (len(xy_m) - len(row)))
        particles.step(rise, everyone, ~everyone, np.full(len(xy_m), every_s), every_s * (number + 1))
    return particles.is_fire(0, every_s * len(rises), xy_m, wind)


def test_rise_that_lasts_and_grows_is_a_fire() -> None:
    assert not is_fire([0.0], [25.0])  # one reading
    assert is_fire([0.0], [25.0], [30.0])


def test_burst_that_falls_is_none() -> None:
    assert not is_fire([0.0], [39.0], [22.0])


def test_slow_rise_is_none() -> None:
    assert not is_fire(*([float(rise)] for rise in (12, 13, 14, 15, 16, 17, 18)))


def test_strong_rise_is_a_fire_at_once_whatever_is_usual() -> None:
    assert is_fire([0.0], [60.0])
    assert is_fire([70.0], [0.0], [60.0])


def test_what_a_device_shows_again_and_again_is_usual_there() -> None:
    assert not is_fire([0.0], [40.0], [0.0], [0.0], [25.0], [28.0])
    assert is_fire([0.0], [40.0], [0.0], [0.0], [25.0], [45.0])


@pytest.mark.parametrize(("beside", "fire"), [(0.0, False), (8.0, True)])
def test_device_beside_it_must_see_some_of_it(beside: float, fire: bool) -> None:
    assert is_fire([0.0], [25.0], [30.0, beside], xy_m=XY_M) is fire


@pytest.mark.parametrize(
    ("wind_m_s", "fire"), [((np.nan, np.nan), False), ((3.0, 0.0), True), ((0.0, 3.0), False)], ids=str
)
def test_neighbour_in_line_with_the_wind_makes_it_a_fire_at_once(wind_m_s: tuple[float, float], fire: bool) -> None:
    """900 m to the east; in a calm only those within 500 m count."""
    xy_m = np.array([[0.0, 0.0], [900.0, 0.0], [5000.0, 0.0]])
    assert is_fire([0.0], [25.0, 15.0], xy_m=xy_m, wind=np.array(wind_m_s)) is fire


WEST_WIND = np.array([3.0, 0.0])


@pytest.mark.parametrize(
    ("others", "fire"), [((0.0,), True), ((15.0,), False), ((15.0, 30.0), False), ((15.0, 2.0), True)]
)
def test_rise_everywhere_is_weather_also_where_devices_are_too_few_for_a_median(
    others: tuple[float, ...], fire: bool
) -> None:
    """Even with the wind along them all."""
    rises = [[0.0], [25.0, *others], [28.0, *others]]
    assert is_fire(*rises, xy_m=FAR_M[: 1 + len(others)], wind=WEST_WIND) is fire


def test_device_without_any_other_raises_only_what_is_strong() -> None:
    assert not is_fire([0.0], [25.0], [30.0], xy_m=FAR_M[:1])
    assert is_fire([0.0], [60.0], xy_m=FAR_M[:1])


def test_device_whose_carbon_monoxide_cell_fell_silent_is_judged_by_its_particles() -> None:
    particles, one = Particles(), np.array([True])
    particles.grow(1)
    particles.step(np.array([0.0]), one, one, np.array([10.0]), 10.0)
    assert not particles.are_alone(20.0)[0]
    assert particles.are_alone(20.0 + CO_SILENT_S)[0]


def test_devices_that_report_often_need_ten_minutes_as_well() -> None:
    rises = [[25.0]] * 60
    assert not is_fire(*rises[:50], every_s=10.0)
    assert is_fire(*rises, every_s=10.0)


# Air as a network of particle counters shows it every ten minutes.
def windows(site: Site, minutes: int, adds: dict[int, dict[str, float]], *, co: bool = False) -> list[Window]:
    """Return windows of all stations in clean, dry air; `adds` holds by minute what the first one shows above it."""
    names = [station.name for station in site.stations]
    rng = np.random.default_rng(4)
    found = []
    for minute in range(0, minutes, 10):
        means = np.full((len(names), len(QUANTITIES)), np.nan)
        values = {"pm25": 5.0, "pm10": 6.0, "humidity": 40.0} | ({"co": 0.3} if co else {})
        for key, value in values.items():
            means[:, QUANTITIES.index(key)] = value + 0.01 * rng.standard_normal(len(names))
        for key, value in adds.get(minute, {}).items():
            means[0, QUANTITIES.index(key)] += value
        found.append(Window(60.0 * minute + 10.0, names, means))
    return found


def raised(site: Site, shown: list[Window]) -> list[str]:
    tracker = SmokeTracker(site)
    for window in shown:
        tracker.step(window)
    return [finding.kind for finding in tracker.raised.values()]


SMOKE = {"pm25": 30.0, "pm10": 34.0}


def test_smoke_of_particles_alone_is_raised_at_the_second_reading(jeonju: Site) -> None:
    assert raised(jeonju, windows(jeonju, 190, {180: SMOKE})) == []
    assert raised(jeonju, windows(jeonju, 200, {180: SMOKE, 190: SMOKE})) == ["smoke"]


@pytest.mark.parametrize(
    "added",
    [
        {"pm25": 40.0, "pm10": 200.0},  # dust
        {"pm25": 30.0, "pm10": 34.0, "humidity": 55.0},  # fog
        {"pm25": 9.0, "pm10": 10.0},  # heating
    ],
    ids=["dust", "fog", "heating"],
)
def test_what_is_no_smoke_is_not_raised(jeonju: Site, added: dict[str, float]) -> None:
    assert "smoke" not in raised(jeonju, windows(jeonju, 210, {180: added, 190: added, 200: added}))


@pytest.mark.parametrize("silent", [1, 20], ids=["one-device", "all-devices"])
def test_fire_is_found_where_humidity_is_not_measured(jeonju: Site, silent: int) -> None:
    """One device takes it from the others; where nobody measures it, nothing speaks for fog."""
    shown = windows(jeonju, 210, dict.fromkeys((180, 190, 200), SMOKE))
    for window in shown:
        window.means[:silent, QUANTITIES.index("humidity")] = np.nan
    assert raised(jeonju, shown) == ["smoke"]


def test_device_without_humidity_in_humid_air_shows_fog(jeonju: Site) -> None:
    shown = windows(jeonju, 210, dict.fromkeys((180, 190, 200), SMOKE))
    for window in shown:
        window.means[:, QUANTITIES.index("humidity")] = [np.nan, *[96.0] * (len(window.means) - 1)]
    assert raised(jeonju, shown) == []


def test_alert_of_devices_that_report_rarely_ends_ten_minutes_after_the_smoke(jeonju: Site) -> None:
    """By the time that has passed, not by the number of readings."""
    smoke = dict.fromkeys((180, 190, 200), SMOKE)
    assert raised(jeonju, windows(jeonju, 220, smoke)) == ["smoke"]
    assert raised(jeonju, windows(jeonju, 240, smoke)) == []


def test_devices_with_a_carbon_monoxide_cell_are_judged_by_it(jeonju: Site) -> None:
    """Particles that rise without CO are no smoke where CO is measured."""
    assert raised(jeonju, windows(jeonju, 210, dict.fromkeys((180, 190, 200), SMOKE), co=True)) == []


@pytest.mark.parametrize(("pm10", "kinds"), [(38.0, ["smoke"]), (60.0, [])], ids=["smoke", "engines-in-dust"])
def test_engines_that_idle_in_dust_are_no_fire(jeonju: Site, pm10: float, kinds: list[str]) -> None:
    """As much carbon monoxide for each gram of PM2.5 as in smoke, but half of the particles are coarse."""
    added = {"pm25": 30.0, "pm10": pm10, "co": 0.09}
    assert raised(jeonju, windows(jeonju, 240, dict.fromkeys(range(180, 240, 10), added), co=True)) == kinds
