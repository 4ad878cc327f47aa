"""Simulated instruments of the uncorrected grade in the air that a reference measured, averaged as the recording is."""

from datetime import UTC, datetime
from typing import Final

import numpy as np

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.evaluation.colocations import DAY_S, Recording
from jeonju.simulator.instrument_errors import GRADES, drying
from jeonju.simulator.instruments import Instruments

GRADE: Final = "uncorrected"
# A reading every minute of an hour; for means of days every half hour.
STEPS: Final = {"hour": 60, "day": 48}
# Values of a recording that are simulated at once.
AT_ONCE: Final = 12
PPB: Final = 1000.0
# Where neither humidity nor temperature were measured: a temperate year (assumed), °C and %, with a day, and weather that stays for some days.
MEAN_C: Final = 10.0
YEARLY_C: Final = 6.0
DAILY_C: Final = 2.5
MEAN_PERCENT: Final = 80.0
YEARLY_PERCENT: Final = 6.0
DAILY_PERCENT: Final = 8.0
WEATHER_C: Final = 2.5
WEATHER_PERCENT: Final = 6.0
WEATHER_MEMORY_S: Final = 36 * 3600.0
WARMEST_DAY: Final = 200
WARMEST_HOUR: Final = 15


def simulate(recording: Recording, quantities: set[str], units: int, sets: int, seed: int) -> dict[str, Floats]:
    """Return for each quantity the means of simulated instruments (sets, units, values); the units of a set have one aerosol in common."""
    devices = units * sets
    rngs = np.random.default_rng(seed).spawn(devices + sets + 1)
    fitted = np.zeros((devices, len(KEYS)), dtype=bool)
    fitted[:, [KEYS.index(key) for key in quantities]] = True
    step_s, times_s = recording.step_s, recording.times_s
    instruments = Instruments(
        [GRADE] * devices,
        fitted,
        start_s=float(times_s[0]),
        rngs=rngs[:devices],
        aerosol=rngs[devices:-1],
        place=np.repeat(np.arange(sets), units),
    )
    steps = STEPS["day"] if step_s >= DAY_S else STEPS["hour"]
    interval_s = step_s / steps
    air = _air(recording, rngs[-1])
    means: dict[str, list[Floats]] = {key: [] for key in quantities}
    for first in range(0, len(times_s), AT_ONCE):
        begins_s = times_s[first : first + AT_ONCE]
        at_s = (begins_s[:, None] + interval_s * np.arange(1, steps + 1)).ravel()
        truth = np.zeros((len(at_s), devices, len(KEYS)))
        for key, series in air.items():
            # Held for the hour, so that its mean is the reference's.
            truth[:, :, KEYS.index(key)] = np.repeat(series[first : first + AT_ONCE], steps)[:, None]
        truth[:, :, KEYS.index("pm10")] = truth[:, :, KEYS.index("pm25")]
        out = instruments.measure(truth, at_s, interval_s)
        for key, parts in means.items():
            scale = PPB if key in ("no2", "o3") else 1.0
            values = out[:, :, KEYS.index(key)].reshape(len(begins_s), steps, devices)
            parts.append(values.mean(axis=1) * scale)
    return {key: np.concatenate(parts).T.reshape(sets, units, -1) for key, parts in means.items()}


def _air(recording: Recording, rng: np.random.Generator) -> dict[str, Floats]:
    """Return the true air at every time, in stored units. An instrument goes on through a gap of the reference; such values are not scored."""
    air = {
        key: _bridged(recording.times_s, values) / (PPB if key in ("no2", "o3") else 1.0)
        for key, values in recording.truth.items()
    }
    season = _season(recording, rng)
    grade = GRADES[GRADE]
    for key, usual in season.items():
        measured = recording.air.get(key)
        if measured is None or np.isnan(measured).all():
            air[key] = usual
            continue
        air[key] = _bridged(recording.times_s, measured)
        if key in recording.inside:
            air[key] = air[key] - grade.warmer_k if key == "temperature" else air[key] / drying(grade.warmer_k)
    air["humidity"] = np.clip(air["humidity"], 5.0, 100.0)
    return air


def _bridged(times_s: Floats, values: Floats) -> Floats:
    there = ~np.isnan(values)
    return np.interp(times_s, times_s[there], values[there])


def _season(recording: Recording, rng: np.random.Generator) -> dict[str, Floats]:
    times_s = recording.times_s
    local = [datetime.fromtimestamp(at_s, tz=UTC) for at_s in times_s]
    of_year = np.cos(2 * np.pi * (np.array([at.timetuple().tm_yday for at in local]) - WARMEST_DAY) / 365.25)
    of_day = np.cos(2 * np.pi * (np.array([at.hour for at in local]) - WARMEST_HOUR) / 24)
    if recording.step_s >= DAY_S:
        of_day = np.zeros_like(of_day)
    keep = np.exp(-recording.step_s / WEATHER_MEMORY_S)
    weather = np.empty(len(times_s))
    state = rng.standard_normal()
    for at, shock in enumerate(rng.standard_normal(len(times_s))):
        weather[at] = state = keep * state + np.sqrt(1 - keep**2) * shock
    return {
        "temperature": MEAN_C + YEARLY_C * of_year + DAILY_C * of_day + WEATHER_C * weather,
        "humidity": MEAN_PERCENT - YEARLY_PERCENT * of_year - DAILY_PERCENT * of_day - WEATHER_PERCENT * weather,
    }
