"""`jeonju evaluate forecast`: the forecast that the live city makes, learnt from all years but the last, and judged on that one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from jeonju.airquality.index import UPPER
from jeonju.common.arrays import Floats
from jeonju.evaluation.forecast_data import Series, all_series
from jeonju.evaluation.forecast_score import reliability, scores
from jeonju.forecast.learning import FLOOR_SHARE, learn
from jeonju.forecast.panel import HOUR_S, Bools, Cases, Inputs, Panel, all_cases, happened, lone
from jeonju.forecast.regressors import Line
from jeonju.forecast.spread import learn_spread, probability_above
from jeonju.forecast.warning_level import Issued, Warnings

HORIZONS_H: Final = (1, 6, 24)
# Ridge regression is what the forecast must beat: all lags of a day and the weather of now, as they were measured.
LAGS_H: Final = 24
RIDGES: Final = (0.0003, 0.003, 0.03, 0.3)
KST_H: Final = 9
DAY_H: Final = 24


class Split(NamedTuple):
    """The cases of a number of hours ahead: those to learn from and those that are judged, with what was measured."""

    learn: Cases
    judge: Cases
    learn_measured: Floats
    measured: Floats


def evaluate_forecast(folder: Path, on_progress: Callable[[float], None] = lambda _: None) -> dict[str, Any]:
    """Return the scores of each place, quantity and set of inputs beside those of persistence, climatology and ridge regression."""
    found, baselines = [], {}
    every = list(all_series(folder))
    for number, series in enumerate(every):
        key = f"{series.place} {series.quantity}"
        if key not in baselines:
            fullest = next((one for one in every if one[:2] == series[:2] and one.panel.weather), series)
            baselines[key] = _baselines(fullest)
        found.append(_judged(series))
        on_progress((number + 1) / len(every))
    return {"series": found, "baselines": list(baselines.values()), "target": _target(found, baselines)}


def _judged(series: Series) -> dict[str, Any]:
    panel, bad_above = series.panel, UPPER[series.quantity][1]
    learnt = learn(panel, bad_above, HORIZONS_H, until=series.judged_from)
    inputs, out = Inputs(panel), {}
    for ahead_h in HORIZONS_H:
        split = _split(series, ahead_h)
        mean = learnt.regressor.predict(inputs.of(split.judge))
        points = learnt.spread.points(mean, split.judge.ahead_h)
        probability = probability_above(points, bad_above)
        levels = _levels(learnt.warnings, panel, split.judge, probability, bad_above)
        out[str(ahead_h)] = {
            **scores(mean, points, split.measured, _is_air(panel, split.judge), bad_above, probability >= levels),
            "warns_from": [round(float(level), 2) for level in np.quantile(levels, (0.0, 0.5, 1.0))],
            "reliability": reliability(points, split.measured, bad_above),
        }
    about = {"place": series.place, "quantity": series.quantity, "inputs": series.inputs}
    return {**about, "judged_year": series.judged_year, "hours_ahead": out}


def _levels(warnings: Warnings, panel: Panel, cases: Cases, probability: Floats, bad_above: float) -> Floats:
    """Return the level of each case: found anew each day from what was forecast before it, as a living city does each hour."""
    was_bad = panel.own[cases.station, cases.origin] > bad_above
    since = Issued(cases.origin, cases.ahead_h, probability, was_bad)
    ahead_h, day = int(cases.ahead_h[0]), cases.origin // DAY_H
    by_day = {one: warnings.level(ahead_h, int(one) * DAY_H, since) for one in np.unique(day)}
    return np.array([by_day[one] for one in day])


def _baselines(series: Series) -> dict[str, Any]:
    out: dict[str, Any] = {"place": series.place, "quantity": series.quantity, "hours_ahead": {}}
    for ahead_h in HORIZONS_H:
        split = _split(series, ahead_h)
        out["hours_ahead"][str(ahead_h)] = {
            "persistence": _of_mean(series, split, *(_now(series.panel, part) for part in (split.learn, split.judge))),
            "climatology": _of_mean(series, split, *_climatology(series.panel, split)),
            "ridge": _of_mean(series, split, *_ridge(series.panel, split)),
        }
    return out


def _of_mean(series: Series, split: Split, learnt_mean: Floats, mean: Floats) -> dict[str, Any]:
    """Return the scores of a mean that is given the spread that it had in the years to learn from; it warns when it is above the limit."""
    bad_above = UPPER[series.quantity][1]
    spread = learn_spread(learnt_mean, split.learn_measured, split.learn.ahead_h, FLOOR_SHARE * bad_above)
    points = spread.points(mean, split.judge.ahead_h)
    is_air = _is_air(series.panel, split.judge)
    return scores(mean, points, split.measured, is_air, bad_above, mean > bad_above)


def _split(series: Series, ahead_h: int) -> Split:
    cases = all_cases(series.panel, (ahead_h,))
    cases = cases.where(np.isfinite(happened(series.panel, cases)))
    is_judged = cases.origin + ahead_h >= series.judged_from
    learnt, judged = cases.where(~is_judged), cases.where(is_judged)
    return Split(learnt, judged, happened(series.panel, learnt), happened(series.panel, judged))


def _is_air(panel: Panel, cases: Cases) -> Bools:
    return np.asarray(~lone(panel)[cases.station, cases.origin + cases.ahead_h])


def _now(panel: Panel, cases: Cases) -> Floats:
    return np.asarray(panel.own[cases.station, cases.origin])


def _climatology(panel: Panel, split: Split) -> tuple[Floats, Floats]:
    """Return the mean of the hour of the day in a twelfth of the year."""
    learnt, judged = (_hour_and_season(panel, cases) for cases in (split.learn, split.judge))
    sums = np.bincount(learnt, split.learn_measured, minlength=288)
    counts = np.bincount(learnt, minlength=288)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), split.learn_measured.mean())
    return means[learnt], means[judged]


def _hour_and_season(panel: Panel, cases: Cases) -> Any:
    local_h = (panel.time_s[0] / HOUR_S + cases.origin + cases.ahead_h + KST_H).astype(np.int64)
    twelfth = np.floor(local_h / 24 % 365.2425 / 365.2425 * 12).astype(np.int64)
    return twelfth * 24 + local_h % 24


def _ridge(panel: Panel, split: Split) -> tuple[Floats, Floats]:
    """Return ridge regression on a day of lags and the weather, strengths tried on the last fifth of what it learns from."""
    given, wanted = (_lags_and_weather(panel, cases) for cases in (split.learn, split.judge))
    order = np.argsort(split.learn.origin, kind="stable")
    early, late = np.split(order, [len(order) * 4 // 5])

    def error(strength: float) -> float:
        line = Line(strength).fit(given[early], split.learn_measured[early])
        return float(np.mean((line.predict(given[late]) - split.learn_measured[late]) ** 2))

    line = Line(min(RIDGES, key=error)).fit(given, split.learn_measured)
    return line.predict(given), line.predict(wanted)


def _lags_and_weather(panel: Panel, cases: Cases) -> Floats:
    back = cases.origin[:, None] - np.arange(LAGS_H)
    lags = np.where(back >= 0, panel.own[cases.station[:, None], np.maximum(back, 0)], np.nan)
    beside = [series[cases.origin] for series in (*panel.weather.values(), *panel.beside.values())]
    angle = 2 * np.pi * ((panel.time_s[cases.origin] / HOUR_S + cases.ahead_h + KST_H) % 24) / 24
    year = 2 * np.pi * (panel.time_s[cases.origin] / HOUR_S / 24 % 365.2425) / 365.2425
    when = [np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle), np.sin(year), np.cos(year)]
    return np.column_stack([lags, *beside, *when])


def _target(found: list[dict[str, Any]], baselines: dict[str, Any]) -> list[dict[str, Any]]:
    """Return how the forecast of PM10 in the city stands beside ridge regression and persistence."""
    rows = []
    for series in (one for one in found if one["place"] == "jeonju"):
        for ahead_h in ("6", "24"):
            ours = series["hours_ahead"][ahead_h]
            others = baselines["jeonju pm10"]["hours_ahead"][ahead_h]
            ridge, persistence = others["ridge"], others["persistence"]
            names = ("rmse", "rmse_without_lone_hours", "crps")
            rows.append(
                {
                    "inputs": series["inputs"],
                    "hours_ahead": int(ahead_h),
                    **{f"{name}_to_ridge": round(ours[name] / ridge[name], 3) for name in names},
                    "hits_to_persistence": ours["hits"] - persistence["hits"],
                    "false_alarms_to_persistence": ours["false_alarms"] - persistence["false_alarms"],
                }
            )
    return rows
