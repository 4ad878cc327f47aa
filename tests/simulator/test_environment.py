"""Weather and background air: are they like Jeonju, and the same however they are asked?"""

import csv
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.site import Site
from jeonju.simulator.background import Background, Episode
from jeonju.simulator.background_levels import ANNUAL
from jeonju.simulator.normals import MEAN_C
from jeonju.simulator.weather import FOG_M, Weather, WeatherOverrides
from tests.conftest import SHARED_DATA

START_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
YEAR_H = 365 * 24


def instants(step_s: float, count: int, start_s: float = START_S) -> NDArray[np.float64]:
    return np.asarray(start_s + step_s * np.arange(count), dtype=np.float64)


def pair(site: Site, seed: int, start_s: float = START_S, **overrides: Any) -> tuple[Weather, Background]:
    weather_rng, background_rng = np.random.default_rng(seed).spawn(2)
    weather = Weather(site, start_s=start_s, rng=weather_rng, overrides=WeatherOverrides(**overrides))
    return weather, Background(site, start_s=start_s, rng=background_rng, weather=weather)


@pytest.fixture(scope="module")
def years(jeonju: Site) -> dict[str, Any]:
    """Two years by the hour, and what they were: seeds whose two years together have about the mean rain of thirty, 1250 mm with a deviation of 280."""
    times = instants(3600.0, YEAR_H)
    air: list[Any] = []
    weather_rows: list[Any] = []
    for seed in (3, 4):
        weather, background = pair(jeonju, seed)
        # No more is kept than three hours.
        for hours in times.reshape(-1, 3):
            series = weather.sample(hours)
            weather_rows.append(
                np.column_stack(
                    [
                        series.temperature_c,
                        series.wind_speed_m_s,
                        series.rain_mm_h,
                        series.humidity_percent,
                        series.stability,
                        series.mixing_height_m,
                        series.wind_from_deg,
                        series.visibility_m,
                    ]
                )
            )
            air.append(background.sample(hours, np.zeros((3, 1, 2)))[:, 0])
    months = np.array([datetime.fromtimestamp(t + 9 * 3600, UTC).month for t in times] * 2)
    return {"air": np.concatenate(air), "weather": np.concatenate(weather_rows), "months": months}


def test_monthly_temperatures_are_those_of_jeonju(years: dict[str, Any]) -> None:
    means = [years["weather"][years["months"] == month, 0].mean() for month in range(1, 13)]
    assert np.abs(np.array(means) - MEAN_C).max() < 2.0


def test_wind_is_weak_with_many_calms(years: dict[str, Any]) -> None:
    wind = years["weather"][:, 1]
    assert wind.mean() == pytest.approx(1.62, abs=0.12)
    assert 0.08 < (wind < 0.5).mean() < 0.3


# Hours of KMA 146 (Jeonju), 2018 to 2020, without Decembers, which the record does not have; winds as it reports them, in sixteen points. Here are instants,
# so it is not the share of hours with 0.1 mm that counts but that with rain.
@pytest.mark.parametrize(
    ("name", "measured"),
    [
        ("n", 0.149),
        ("ne", 0.027),
        ("e", 0.145),
        ("se", 0.163),
        ("s", 0.097),
        ("sw", 0.073),
        ("w", 0.265),
        ("nw", 0.082),
        ("calm", 0.079),
        ("damp", 0.178),
        ("fog", 0.0051),
        ("wet", 0.068),
    ],
)
def test_shares_of_the_year_are_those_of_the_station(years: dict[str, Any], name: str, measured: float) -> None:
    _, speed, rain, humidity, _, _, from_deg, visibility = years["weather"][years["months"] < 12].T
    reported = np.floor(np.round(from_deg / 22.5) * 2.25 + 0.5) * 10
    sectors = dict(zip(("n", "ne", "e", "se", "s", "sw", "w", "nw"), range(8), strict=True))
    if name in sectors:
        share = (np.floor(((reported[speed >= 0.5] + 22.5) % 360) / 45) == sectors[name]).mean()
    else:
        share = {
            "calm": speed < 0.5,
            "damp": humidity >= 95,
            "fog": visibility < FOG_M,
            "wet": rain > 0,
        }[name].mean()
    assert share == pytest.approx(measured, rel=1 / 3)


def test_wind_comes_from_the_valleys_by_night_and_from_the_sea_by_day(years: dict[str, Any]) -> None:
    hour = (np.arange(2 * YEAR_H) + 9) % 24
    from_deg = years["weather"][:, 6]
    assert ((from_deg > 100) & (from_deg < 170))[hour < 7].mean() > 0.35
    assert ((from_deg > 225) & (from_deg < 350))[(hour > 12) & (hour < 18)].mean() > 0.5


def test_dusty_hours_are_rare_but_come(years: dict[str, Any]) -> None:
    """29 h a year of KMA 146 are above 150 µg/m³, 13 in the quietest year of three and 41 in the dustiest; four or five of them are spikes of the gauge."""
    hours = (years["air"][:, KEYS.index("pm10")] > 150).sum() / 2
    assert 8 < hours < 60


def test_rain_of_a_year_is_about_right_and_falls_in_summer(years: dict[str, Any]) -> None:
    rain = years["weather"][:, 2]
    assert rain.sum() / 2 == pytest.approx(1287, rel=0.35)
    assert rain[np.isin(years["months"], (7, 8))].sum() > 0.3 * rain.sum()


def test_stable_nights_and_unstable_days_both_occur(years: dict[str, Any]) -> None:
    share = np.bincount(years["weather"][:, 4].astype(int), minlength=6) / len(years["weather"])
    assert share.min() > 0.02
    assert years["weather"][:, 5].min() >= 140


@pytest.mark.parametrize("key", ["pm25", "pm10", "no2", "o3", "co", "so2"])
def test_background_has_the_level_of_jeonju(years: dict[str, Any], key: str) -> None:
    mean = years["air"][:, KEYS.index(key)].mean()
    assert mean == pytest.approx(ANNUAL[key], rel=0.35)  # the simulated sources add their part


@pytest.mark.parametrize(("key", "low", "high"), [("pm25", 0.90, 0.985), ("no2", 0.72, 0.95), ("o3", 0.85, 0.99)])
def test_background_remembers_from_hour_to_hour(years: dict[str, Any], key: str, low: float, high: float) -> None:
    values = years["air"][:YEAR_H, KEYS.index(key)]
    assert low < np.corrcoef(values[:-1], values[1:])[0, 1] < high


def test_ozone_peaks_in_the_afternoon_and_no2_in_the_rush_hours(years: dict[str, Any]) -> None:
    by_hour = years["air"][:YEAR_H].reshape(-1, 24, len(KEYS)).mean(axis=0)
    assert (int(by_hour[:, KEYS.index("o3")].argmax()) + 9) % 24 in (14, 15, 16)
    assert (int(by_hour[:, KEYS.index("no2")].argmax()) + 9) % 24 in (7, 8, 9, 19, 20, 21)


def test_monthly_shape_follows_the_measured_one(years: dict[str, Any]) -> None:
    path = SHARED_DATA / "jeonju_climate" / "national_monthly.csv"
    if not path.exists():
        pytest.skip("the measured climate is not beside the project (../shared/data/jeonju_climate)")
    with path.open() as file:
        measured = np.array([float(row["pm2_5_ug_m3"]) for row in csv.DictReader(file)])
    simulated = np.array([years["air"][years["months"] == month, KEYS.index("pm25")].mean() for month in range(1, 13)])
    # Of two years the mean of a month is uncertain by a tenth, as days are alike for three: of a shape that fits, chance leaves 0.9 ± 0.1.
    assert np.corrcoef(measured, simulated)[0, 1] > 0.6


def test_result_does_not_depend_on_how_the_calls_are_cut(jeonju: Site) -> None:
    times = instants(7.0, 1500)
    xy = np.random.default_rng(0).normal(0, 2000, (1500, 5, 2))
    weather, background = pair(jeonju, 4)
    whole = weather.sample(times), background.sample(times, xy)
    weather, background = pair(jeonju, 4)
    parts = [
        (weather.sample(times[i : i + 11]), background.sample(times[i : i + 11], xy[i : i + 11]))
        for i in range(0, 1500, 11)
    ]
    for name in whole[0]._fields:
        assert np.array_equal(np.concatenate([getattr(part[0], name) for part in parts]), getattr(whole[0], name)), name
    assert np.array_equal(np.concatenate([part[1] for part in parts]), whole[1], equal_nan=True)


def test_overrides_hold_what_they_say(jeonju: Site) -> None:
    weather, _ = pair(
        jeonju,
        1,
        wind_speed_m_s=3.0,
        wind_from_deg=90.0,
        meander="none",
        temperature_c=12.0,
        rain_mm_h=2.0,
        stability="E",
        mixing_height_m=200.0,
    )
    series = weather.sample(instants(60.0, 100))
    assert np.allclose(series.wind_speed_m_s, 3.0)
    assert np.allclose(series.wind_from_deg, 90.0)
    assert np.allclose(series.temperature_c, 12.0)
    assert set(series.stability) == {4}
    assert np.allclose(series.mixing_height_m, 200.0)
    assert np.allclose(series.rain_mm_h, 2.0)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"rain_mm_h": 2.0, "cloud_fraction": 0.1}, "does not rain with a cloud_fraction below 0.5"),
        ({"rain_mm_h": 2.0, "humidity_percent": 40.0}, "humidity_percent below 60; leave"),
        ({"visibility_m": 200.0, "humidity_percent": 50.0}, "which is fog"),
    ],
)
def test_weather_that_cannot_be_is_refused(overrides: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        WeatherOverrides(**overrides)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "overrides",
    [
        {"wind_speed_m_s": 2.0},
        {"wind_from_deg": 200.0},
        {"rain_mm_h": 3.0},
        {"rain_mm_h": 0.0},
        {"visibility_m": 300.0},
        {"humidity_percent": 99.0},
        {"cloud_fraction": 0.0},
        {"mixing_height_m": 100.0},
        {"meander": "none"},
        {"wind_speed_m_s": 0.0, "wind_from_deg": 90.0},
    ],
)
def test_half_of_the_weather_prescribed_leaves_the_other_half_whole(jeonju: Site, overrides: dict[str, Any]) -> None:
    """Everything is a number, and what follows from what is prescribed fits it. The day is a leap day."""
    start_s = datetime(2028, 2, 29, tzinfo=UTC).timestamp()
    weather, background = pair(jeonju, 3, start_s, **overrides)
    for hour in range(36):
        times_s = instants(300.0, 12, start_s + 3600.0 * hour)
        series = weather.sample(times_s)
        air = background.sample(times_s, np.zeros((12, 1, 2)))[:, :, KEYS.index("pm25")]
        assert all(np.isfinite(column).all() for column in (*series, air))
        if overrides.get("rain_mm_h"):
            assert (series.cloud_fraction == 1).all()
            assert (series.humidity_percent >= 85).all()
        if overrides.get("rain_mm_h") == 0 or "cloud_fraction" in overrides:
            assert (series.rain_mm_h == 0).all()
        if "visibility_m" in overrides:
            assert np.allclose(series.visibility_m, 300)
            assert (series.humidity_percent >= 99).all()
        if overrides.get("wind_speed_m_s") == 0:
            assert (series.wind_speed_m_s < 0.01).all()
            # Still air keeps its direction: it swings about it, with a standard deviation of 40°.
            assert np.cos(np.radians(series.wind_from_deg - 90)).mean() > 0.2


def test_wind_without_meander_is_steady_within_minutes_though_it_is_not_prescribed(jeonju: Site) -> None:
    swing = []
    for meander in ("natural", "none"):
        series = pair(jeonju, 5, meander=meander)[0].sample(instants(60.0, 170))
        turns = np.diff(np.unwrap(np.radians(series.wind_from_deg)))
        swing.append((np.abs(turns).mean(), np.abs(np.diff(series.wind_speed_m_s)).mean()))
    assert swing[1][0] < 0.7 * swing[0][0]
    assert swing[1][1] < swing[0][1]


def test_fog_needs_damp_air(years: dict[str, Any]) -> None:
    humidity, visibility = years["weather"][:, 3], years["weather"][:, 7]
    foggy = visibility < FOG_M
    assert foggy.sum() > 30
    assert (humidity[foggy] >= 90).mean() > 0.9
    assert np.median(visibility[humidity < 60]) > 15_000


def test_the_weather_goes_on_over_the_end_of_seasons_and_leap_years(jeonju: Site) -> None:
    """From minute to minute nothing jumps, in the night of a leap day and of the year either."""
    for begin in (datetime(2028, 2, 28, 12, tzinfo=UTC), datetime(2027, 12, 31, 12, tzinfo=UTC)):
        weather, _ = pair(jeonju, 6, begin.timestamp())
        rows = [weather.sample(instants(60.0, 60, begin.timestamp() + 3600.0 * h)) for h in range(8)]
        temperature = np.concatenate([row.temperature_c for row in rows])
        assert np.abs(np.diff(temperature)).max() < 2.0


def test_dust_front_comes_from_the_west_and_is_coarse(jeonju: Site) -> None:
    _, background = pair(jeonju, 1, rain_mm_h=0.0)
    background.episodes.append(
        Episode(kind="dust", start_s=START_S, peak_pm10_ug_m3=500, rise_h=1, front_speed_m_s=8, from_deg=270)
    )
    xy = np.tile([[[-4000.0, 0.0], [4000.0, 0.0]]], (1, 1, 1))
    at_half_rise = background.sample(np.array([START_S + 1800.0]), xy)[0]
    assert at_half_rise[0, KEYS.index("pm10")] > at_half_rise[1, KEYS.index("pm10")] + 50
    later = background.sample(np.array([START_S + 3 * 3600.0]), xy)[0, 0]
    assert later[KEYS.index("pm10")] > 480
    assert later[KEYS.index("pm25")] < 0.5 * later[KEYS.index("pm10")]
