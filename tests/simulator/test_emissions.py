from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from jeonju.airquality.dispersion import _kernels as kernels
from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.airquality.fuels import FUELS
from jeonju.airquality.pollutants import KEYS
from jeonju.common.durations import parse_duration_s
from jeonju.contract.events import EVENT, Dust, Fire, Leak
from jeonju.contract.site import Site
from jeonju.simulator.emissions import Emissions
from jeonju.simulator.fires import GROWTH_KW_S2, burning, flame, lifetime_s, peak_after_s
from jeonju.simulator.schedules import activity

AIR = Meteorology(
    wind_speed_m_s=2.0, wind_from_deg=270.0, stability=Stability.D, mixing_height_m=800.0, temperature_k=288.15
)
START_S = datetime(2026, 3, 4, 0, 0, tzinfo=UTC).timestamp()  # a Wednesday, 09:00 in Jeonju


def released(site: Site, emissions: Emissions, numbers: list[int], seconds: int, tick_s: float = 5.0) -> float:
    """Total amount that sources released."""
    total = 0.0
    for step in range(int(seconds / tick_s)):
        puffs = Puffs(n_sources=len(emissions.sources), box_m=(-1e5, -1e5, 1e5, 1e5))
        emissions.release(puffs, ticks_s=np.array([START_S + step * tick_s]), dt_s=tick_s, airs=[AIR])
        puffs.step(0.0, AIR)
        of = puffs.table[kernels.SOURCE]
        total += float(puffs.mass[np.isin(of, numbers)].sum())
    return total


def fire(**changes: object) -> Fire:
    event = EVENT.validate_python(
        {
            "kind": "fire",
            "lat": 35.855,
            "lon": 127.09,
            "fuel": "wood",
            "peak_heat_mw": 4.0,
            "smoulder": "2m",
            "plateau": "10m",
            "decay": "2m",
            "tail": "10m",
            **changes,
        }
    )
    assert isinstance(event, Fire)
    return event


def test_steady_source_releases_its_rate(jeonju: Site) -> None:
    emissions = Emissions(jeonju)
    number = next(source.number for source in emissions.sources if source.name == "srf-boiler")
    # Composition is per second at full rate: an hour is 3600 of it; the first release makes up for two minutes before.
    assert released(jeonju, emissions, [number], 3600) == pytest.approx(3600, abs=130)


@pytest.mark.parametrize("growth", GROWTH_KW_S2)
def test_fire_reaches_1055_kw_when_its_class_says(growth: str) -> None:
    seconds = {"slow": 600, "medium": 300, "fast": 150, "ultra-fast": 75}[growth]
    assert burning(fire(growth=growth), 120 + seconds).heat_kw == pytest.approx(1055, rel=0.01)


def test_fire_smoulders_grows_burns_decays_and_ends() -> None:
    event = fire()
    peak_at = 120 + peak_after_s(event)
    assert burning(event, -1) == (0, 0, 0)
    assert burning(event, 60).heat_kw == 0
    assert burning(event, 60).smouldering_kg_s == 0.005
    assert burning(event, peak_at + 300).heat_kw == 4000
    assert burning(event, peak_at + 300).flaming_kg_s == pytest.approx(4.0 / 14.2)
    assert burning(event, peak_at + 600 + 120).heat_kw == pytest.approx(4000 / np.e, rel=1e-6)
    assert burning(event, lifetime_s(event) - 1).smouldering_kg_s == pytest.approx(0.02, rel=0.05)
    assert burning(event, lifetime_s(event)) == (0, 0, 0)


def test_fuel_released_is_the_heat_divided_by_the_heat_of_combustion(jeonju: Site) -> None:
    event = fire()
    emissions = Emissions(jeonju)
    flaming, _ = emissions.add(event, START_S)
    heat_mj = sum(burning(event, t + 0.5).heat_kw for t in range(int(lifetime_s(event)))) / 1000
    assert released(jeonju, emissions, [flaming], int(lifetime_s(event)) + 60) == pytest.approx(
        heat_mj / 14.2, rel=0.02
    )


@pytest.mark.parametrize("fuel", FUELS)
def test_species_come_in_the_ratio_of_the_emission_factors(jeonju: Site, fuel: str) -> None:
    emissions = Emissions(jeonju)
    flaming, smouldering = emissions.add(fire(fuel=fuel), START_S)
    row = emissions.composition[flaming]
    factors = FUELS[fuel].flaming_g_kg
    assert row[KEYS.index("pm25")] == pytest.approx(1e6 * factors["pm25"])
    # 1 ppm of CO is 1.145 mg/m³ at 25 °C.
    assert row[KEYS.index("co")] * 1.145e-3 == pytest.approx(factors["co"], rel=1e-3)
    assert emissions.composition[smouldering][KEYS.index("co")] > 1.5 * row[KEYS.index("co")]


def test_decaying_leak_and_dust_end_in_time(jeonju: Site) -> None:
    emissions = Emissions(jeonju)
    leak = EVENT.validate_python(
        {
            "kind": "leak",
            "lat": 35.85,
            "lon": 127.09,
            "rates_g_s": {"h2s": 1.0},
            "duration": "10m",
            "course": "decaying",
        }
    )
    dust = EVENT.validate_python({"kind": "dust", "lat": 35.85, "lon": 127.09, "pm10_g_s": 5, "duration": "10m"})
    assert isinstance(leak, Leak)
    assert isinstance(dust, Dust)
    of_leak, of_dust = emissions.add(leak, START_S), emissions.add(dust, START_S)
    # ∫ exp(−3t/T) dt over T is T·(1 − e⁻³)/3.
    assert released(jeonju, emissions, of_leak, 1200) == pytest.approx(600 * (1 - np.exp(-3)) / 3, rel=0.03)
    assert released(jeonju, Emissions(jeonju), of_dust, 1) == 0
    emissions = Emissions(jeonju)
    assert released(jeonju, emissions, emissions.add(dust, START_S), 1200) == pytest.approx(600, rel=0.02)


def test_boost_multiplies_a_source_for_a_while(jeonju: Site) -> None:
    emissions = Emissions(jeonju)
    (number,) = emissions.boost("sewage-works", 5.0, START_S, START_S + 1800)
    assert released(jeonju, emissions, [number], 3600) == pytest.approx(1800 * 5 + 1800, rel=0.08)


def test_camera_sees_glow_before_flames_and_nothing_after() -> None:
    event = fire()
    glow, flames = flame(event, 60, 0, 0), flame(event, 120 + peak_after_s(event), 0, 0)
    assert glow is not None
    assert flames is not None
    assert glow.temperature_c < flames.temperature_c
    assert flames.area_m2 == pytest.approx(5.0)
    assert flame(event, lifetime_s(event), 0, 0) is None


def test_traffic_has_two_rush_hours_on_working_days_and_a_mean_of_one() -> None:
    korea = timezone(timedelta(hours=9))
    week = [datetime(2026, 3, 2, tzinfo=korea) + timedelta(hours=hour) for hour in range(168)]
    values = np.array([activity("rush-hours", at, AIR) for at in week])
    assert values.mean() == pytest.approx(1.0, abs=0.06)
    assert values[8] > 1.3 * values[12]
    assert values[18] > 1.3 * values[12]
    assert values[5 * 24 + 8] < values[8]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("2d", 172_800), (12, 12.0), ("0s", 0)]
)
def test_durations_are_read_as_people_write_them(text: object, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5", "1m30h", "-5m", None, True, "1 h"])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration_s(text)
