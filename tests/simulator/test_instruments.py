"""Instruments against what their makers state: response, noise, drift, humidity, limits, and which a device has."""

import numpy as np
import pytest
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.simulator.instruments import INSTRUMENTS, Instruments, _respond, _voc_index

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
    instruments = Instruments([kind] * devices, has, start_s=0.0, rngs=rngs)
    return instruments.measure(truth, start_s + interval_s * np.arange(1, steps + 1), interval_s)


def test_history_and_live_blocks_share_what_numba_compiles() -> None:
    """Otherwise the first live block waits for the compiler, in a container after each start."""
    for steps in (1, 60):
        measured(clean(steps, devices=3))
    assert len(_respond.signatures) == 1
    assert len(_voc_index.signatures) == 1


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
    # White noise after the response, so it shows in full.
    assert series.std() == pytest.approx(row.noise + row.noise_share * series.mean(), rel=0.08)


def test_units_differ_by_offset_and_gain() -> None:
    low, high = (measured(clean(300, 400, co=level))[100:, :, CO].mean(axis=0) for level in (2.0, 20.0))
    gain = (high - low) / 18.0
    assert gain.std() == pytest.approx(ROW["co"].gain_spread, rel=0.15)
    assert gain.mean() == pytest.approx(1.0, abs=0.02)
    assert (low - 2.0 * gain).std() == pytest.approx(ROW["co"].offset_spread, rel=0.2)


def test_drift_grows_with_the_days_since_the_start() -> None:
    day_s, truth = 86_400.0, clean(300, 400, no2=0.05)
    first, later = (measured(truth, start_s=days * day_s)[:, :, NO2].mean(axis=0) for days in (0, 100))
    assert (later - first).std() == pytest.approx(100 * ROW["no2"].drift_spread_per_day, rel=0.2)


@pytest.mark.parametrize(("kind", "kappa"), [("station", 0.05), ("robot", 0.20)])
def test_humid_particles_read_high_and_coarse_ones_low(kind: str, kappa: float) -> None:
    dry, humid = (
        measured(clean(50, 300, pm25=50.0, pm10=150.0, humidity=percent), kind=kind).mean(axis=(0, 1))
        for percent in (50.0, 90.0)
    )
    # κ-Köhler after Crilley et al. (2018) with particles of 1.65 g/cm³, by hand: C = 1 + κ/1.65 · aw/(1 − aw).
    growth = (1 + kappa / 1.65 * 9.0) / (1 + kappa / 1.65 * 1.0)
    assert humid[PM25] / dry[PM25] == pytest.approx(growth, rel=0.02)
    # Of 100 µg/m³ of coarse dust an optical counter reports about two thirds.
    coarse = (dry[PM10] - dry[PM25]) / (1 + kappa / 1.65)
    assert coarse == pytest.approx(65.0, rel=0.1)


def test_ozone_leaks_into_the_no2_cell_differently_in_each_unit() -> None:
    without, with_ozone = (measured(clean(400, 300, o3=level))[200:, :, NO2].mean(axis=0) for level in (0.0, 0.2))
    assert ROW["no2"].cross is not None
    # Readings below zero are not clipped for gases, so half of the units read low.
    assert (with_ozone - without).std() == pytest.approx(0.2 * ROW["no2"].cross[1], rel=0.35)


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


def test_missing_instruments_read_nothing_and_the_same_seed_reads_the_same() -> None:
    fitted = np.zeros((2, len(KEYS)), dtype=bool)
    fitted[0, PM25] = fitted[1, CO] = True
    truth = clean(30, 2, pm25=20.0, co=0.5)
    first, again = (measured(truth.copy(), fitted=fitted) for _ in range(2))
    assert np.array_equal(first, again, equal_nan=True)
    assert np.array_equal(np.isfinite(first).all(axis=0), fitted)
    assert np.array_equal(np.isfinite(first).any(axis=0), fitted)
    assert not np.array_equal(first, measured(truth.copy(), fitted=fitted, seed=2), equal_nan=True)
