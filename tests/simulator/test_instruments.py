"""Instruments against what their makers state: response, noise, drift, humidity, limits, and which a device has."""

import numpy as np
import pytest
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.simulator import instrument_loops as loops
from jeonju.simulator.instrument_errors import ERRORS
from jeonju.simulator.instrument_table import INSTRUMENTS
from jeonju.simulator.instruments import Instruments

ROW = {row.key: row for row in INSTRUMENTS}
PM25, PM10, CO, NO2, O3 = (KEYS.index(key) for key in ("pm25", "pm10", "co", "no2", "o3"))
HUMIDITY, TVOC, VOC_INDEX = (KEYS.index(key) for key in ("humidity", "tvoc", "voc_index"))


def clean(steps: int, devices: int = 1, **levels: float) -> NDArray[np.float64]:
    """Return steady air (steps, devices, KEYS): dry, without anything in it but what is named."""
    truth = np.zeros((steps, devices, len(KEYS)))
    truth[:, :, HUMIDITY] = 40.0
    for key, level in levels.items():
        truth[:, :, KEYS.index(key)] = level
    return truth


def measured(
    truth: NDArray[np.float64],
    *,
    seed: int = 1,
    interval_s: float = 1.0,
    fitted: NDArray[np.bool_] | None = None,
    start_s: float = 0.0,
    kind: str = "station",
) -> NDArray[np.float64]:
    steps, devices, _ = truth.shape
    has = np.ones((devices, len(KEYS)), dtype=bool) if fitted is None else fitted
    rngs = np.random.default_rng(seed).spawn(devices)
    aerosol = [np.random.default_rng(seed + 1000)]
    instruments = Instruments([kind] * devices, has, start_s=0.0, rngs=rngs, aerosol=aerosol)
    return instruments.measure(truth, start_s + interval_s * np.arange(1, steps + 1), interval_s)


def test_history_and_live_blocks_share_what_numba_compiles() -> None:
    """Otherwise the first live block waits for the compiler, in a container after each start."""
    compiled = (loops.gather, loops.count_particles, loops.respond, loops.index_voc, loops.err, loops.display)
    before = [set(function.signatures) for function in compiled]
    for steps in (1, 60):
        measured(clean(steps, devices=3))
    new = [set(function.signatures) - known for function, known in zip(compiled, before, strict=True)]
    assert all(len(signatures) <= 1 for signatures in new)


def test_step_is_63_percent_there_after_the_response_time() -> None:
    """With a thousand units noise and differences between units average out."""
    truth = clean(120, 1000)
    truth[20:, :, CO] = 10.0
    mean = measured(truth)[:, :, CO].mean(axis=1)
    before, after = mean[10:20].mean(), mean[100:].mean()
    share = (mean - before) / (after - before)
    crossed_s = np.interp(1 - np.exp(-1), share[20:60], np.arange(1, 41))
    assert crossed_s == pytest.approx(ROW["co"].response_s, abs=1.0)


def test_first_reading_is_not_a_rise_from_zero() -> None:
    assert measured(clean(1, 1000, co=10.0))[0, :, CO].mean() == pytest.approx(10.0, abs=0.1)


@pytest.mark.parametrize("level", [20.0, 400.0])
def test_noise_of_one_unit_is_that_of_the_table(level: float) -> None:
    series = measured(clean(4000, pm25=level))[:, 0, PM25]
    row = ROW["pm25"]
    # White noise after the response, so it shows in full; from reading to reading nothing else changes.
    noise = np.diff(series).std() / np.sqrt(2)
    assert noise == pytest.approx(row.noise + row.noise_share * series.mean(), rel=0.08)


def test_units_differ_by_offset_and_gain() -> None:
    low, high = (measured(clean(300, 400, co=level))[100:, :, CO].mean(axis=0) for level in (2.0, 20.0))
    gain = (high - low) / 18.0
    errors = ERRORS["co"]
    # What wanders in hours and weeks stands still for these five minutes.
    assert gain.std() == pytest.approx(np.hypot(ROW["co"].gain_spread, errors.fast_share), rel=0.15)
    assert gain.mean() == pytest.approx(1.0, abs=0.02)
    levels = (ROW["co"].offset_spread, errors.fast_level, errors.slow_level, 20 * errors.per_kelvin)
    assert (low - 2.0 * gain).std() == pytest.approx(np.linalg.norm(levels), rel=0.2)


def test_zero_drifts_and_sensitivity_is_lost_with_the_days_since_the_start() -> None:
    day_s, truth = 86_400.0, clean(300, 400, no2=0.05)
    first, later = (measured(truth, start_s=days * day_s)[:, :, NO2].mean(axis=0) for days in (0, 200))
    errors, level, years = ERRORS["no2"], 0.05, 200 / 365.25
    drift, lost = 200 * ROW["no2"].drift_spread_per_day, level * errors.loss_spread * years
    # A wander of hours is another one after half a year.
    wander = np.sqrt(2) * np.hypot(errors.fast_level + errors.fast_share * level, errors.slow_level)
    assert (later - first).mean() == pytest.approx(-errors.loss_per_year * level * years, rel=0.2)
    assert (later - first).std() == pytest.approx(np.linalg.norm([drift, lost, wander]), rel=0.2)


@pytest.mark.parametrize(("kind", "kappa"), [("station", 0.05), ("robot", 0.20)])
def test_humid_particles_read_high_and_coarse_ones_low(kind: str, kappa: float) -> None:
    dry, humid = (
        measured(clean(50, 300, pm25=50.0, pm10=150.0, humidity=percent), kind=kind).mean(axis=(0, 1))
        for percent in (50.0, 90.0)
    )
    # κ-Köhler after Crilley et al. (2018) with particles of 1.65 g/cm³, by hand: C = 1 + κ/1.65 · aw/(1 − aw).
    growth = (1 + kappa / 1.65 * 9.0) / (1 + kappa / 1.65 * 1.0)
    assert humid[PM25] / dry[PM25] == pytest.approx(growth, rel=0.02)
    # Of 100 µg/m³ of coarse dust an optical counter reports about two thirds: all of a city count too many or too few by the same share.
    assert (dry[PM10] - dry[PM25]) / dry[PM25] == pytest.approx(1.3, rel=0.1)


def test_ozone_leaks_into_the_no2_cell_differently_in_each_unit() -> None:
    without, with_ozone = (measured(clean(400, 300, o3=level))[200:, :, NO2].mean(axis=0) for level in (0.0, 0.2))
    assert ROW["no2"].cross is not None
    # Readings below zero are not clipped for gases, so half of the units read low.
    assert (with_ozone - without).std() == pytest.approx(0.2 * ROW["no2"].cross[1], rel=0.35)


def residuals(kind: str, days: int = 25, devices: int = 8, **levels: float) -> NDArray[np.float64]:
    """Return hourly means (hours, devices, KEYS) of steady air, without their mean of the time."""
    truth = clean(days * 1440, devices, **levels)
    hours = measured(truth, interval_s=60.0, kind=kind).reshape(days * 24, 60, devices, -1).mean(axis=1)
    return np.asarray(hours - hours.mean(axis=0))


@pytest.mark.parametrize(("key", "lowest", "highest"), [("pm25", 0.75, 0.97), ("no2", 0.55, 0.85), ("o3", 0.85, 1.0)])
def test_errors_are_remembered_for_hours(key: str, lowest: float, highest: float) -> None:
    """Beside references particles keep 0.89 from hour to hour, NO2 cells 0.71, an O3 cell 0.99."""
    of = residuals("station", pm25=20.0, no2=0.02, o3=0.03)[:, :, KEYS.index(key)]
    kept = [np.corrcoef(one[:-1], one[1:])[0, 1] for one in of.T]
    assert lowest < np.median(kept) < highest


def test_counters_of_a_city_have_most_of_their_error_in_common_and_cells_have_none() -> None:
    """Of three counters side by side residuals agree by 0.7 to 0.9."""
    off = residuals("station", pm25=20.0, no2=0.02)
    together = {
        key: np.atleast_2d(np.corrcoef(off[:, :, KEYS.index(key)].T))[np.triu_indices(8, 1)].mean()
        for key in ("pm25", "no2")
    }
    assert 0.6 < together["pm25"] < 0.95
    assert abs(together["no2"]) < 0.15


def test_readings_do_not_depend_on_how_time_is_cut() -> None:
    truth = clean(900, 3, pm25=20.0, no2=0.02)
    has, times_s = np.ones((3, len(KEYS)), dtype=bool), np.asarray(1e9 + 60.0 * np.arange(1, 901), np.float64)

    def instruments() -> Instruments:
        return Instruments(
            ["station", "robot", "uncorrected"],
            has,
            start_s=1e9,
            rngs=np.random.default_rng(5).spawn(3),
            aerosol=[np.random.default_rng(6)],
        )

    whole, parts = instruments(), instruments()
    expected = whole.measure(truth.copy(), times_s, 60.0)
    cut = [parts.measure(truth[at : at + 7].copy(), times_s[at : at + 7], 60.0) for at in range(0, 900, 7)]
    assert np.array_equal(expected, np.concatenate(cut), equal_nan=True)


def test_uncorrected_counters_read_high_and_differ_most_between_places() -> None:
    truth = clean(50, 400, pm25=9.0, humidity=70.0)

    def gains(place: NDArray[np.int64]) -> NDArray[np.float64]:
        instruments = Instruments(
            ["uncorrected"] * 400,
            np.ones((400, len(KEYS)), dtype=bool),
            start_s=0.0,
            rngs=np.random.default_rng(1).spawn(400),
            aerosol=np.random.default_rng(2).spawn(int(place.max()) + 1),
            place=place,
        )
        out = instruments.measure(truth.copy(), np.arange(1.0, 51.0), 1.0)
        return np.asarray(out[:, :, PM25].mean(axis=0) / 9.0)

    apart, together = gains(np.arange(400)), gains(np.zeros(400, dtype=np.int64))
    # PurpleAirs: 1.43 on average, 0.35 apart; here the weather of one hour comes on top.
    assert apart.mean() == pytest.approx(1.43, abs=0.15)
    assert 0.35 < apart.std() < 0.65
    assert together.std() < 0.7 * apart.std()


def test_voc_index_is_100_in_steady_air_and_rises_with_a_release() -> None:
    truth = clean(600, 20, tvoc=60.0)
    truth[500:, :, TVOC] = 600.0
    index = measured(truth)[:, :, VOC_INDEX]
    assert index[400:500].mean() == pytest.approx(100.0, abs=15.0)
    assert index[560:].mean() > 400.0


def test_readings_stay_in_the_range_and_resolution_of_the_instrument() -> None:
    truth = clean(200, 5, pm25=5000.0, co=1e6)
    out = measured(truth)
    for row in INSTRUMENTS:
        values = out[:, :, KEYS.index(row.key)]
        assert values.min() >= row.lowest, row.key
        assert values.max() <= row.highest, row.key
    steps = out[:, :, PM25] / ROW["pm25"].resolution
    assert np.allclose(steps, np.round(steps))


def test_a_counter_reports_no_less_of_the_larger_sizes() -> None:
    out = measured(clean(600, 20, pm1=14.0, pm25=18.0, pm10=19.0))
    pm1, pm25, pm10 = (out[:, :, KEYS.index(key)] for key in ("pm1", "pm25", "pm10"))
    assert (pm1 <= pm25).all()
    assert (pm25 <= pm10).all()


def test_missing_instruments_read_nothing_and_the_same_seed_reads_the_same() -> None:
    fitted = np.zeros((2, len(KEYS)), dtype=bool)
    fitted[0, PM25] = fitted[1, CO] = True
    truth = clean(30, 2, pm25=20.0, co=0.5)
    first, again = (measured(truth.copy(), fitted=fitted) for _ in range(2))
    assert np.array_equal(first, again, equal_nan=True)
    assert np.array_equal(np.isfinite(first).all(axis=0), fitted)
    assert np.array_equal(np.isfinite(first).any(axis=0), fitted)
    assert not np.array_equal(first, measured(truth.copy(), fitted=fitted, seed=2), equal_nan=True)


@pytest.mark.parametrize("fitted", [("pm10",), ("pm25", "o3"), ("voc_index",), ("tvoc", "no2", "wind_direction")])
def test_readings_do_not_depend_on_what_else_is_fitted(fitted: tuple[str, ...]) -> None:
    columns = [KEYS.index(key) for key in fitted]
    has = np.zeros((2, len(KEYS)), dtype=bool)
    has[:, columns] = True
    air = clean(30, 2, pm1=9.0, pm25=10.0, pm10=10.0, tvoc=300.0, no2=0.02, o3=0.03, wind_direction=359.9)
    alone, among_all = measured(air, fitted=has), measured(air)
    assert np.array_equal(alone[:, :, columns], among_all[:, :, columns])
    assert np.isnan(np.delete(alone, columns, axis=2)).all()
