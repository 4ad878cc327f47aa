"""Alerts on a forecast: raised by detection at work, kept over a restart of its engine, ended when no forecast is made any more."""

import json
from datetime import timedelta

import pytest
from msgspec import structs

from jeonju.contract.forecast import CityForecast, ModelOfQuantity
from jeonju.contract.site import Site
from jeonju.detection.detectors.detector import Observations
from jeonju.detection.detectors.forecast import ForecastDetector
from jeonju.storage.duckdb.store import DuckDBStore
from tests.detection.feeding import T0
from tests.detection.test_clock_steps import City
from tests.detection.timelines import forecast_of_bad_air


def test_alert_is_marked_as_a_forecast_lives_over_a_restart_and_ends_without_new_ones(
    jeonju: Site, store: DuckDBStore
) -> None:
    city = City(jeonju, store)
    city.detection._follow()
    city.detection._judge_forecast(forecast_of_bad_air(city.now(), 4))
    (alert,) = [alert for alert in city.alerts.changed if alert.kind == "forecast"]
    assert (alert.device, alert.severity, alert.value, alert.limit, alert.quantity) == (
        "palbok-01",
        "info",
        48.0,
        35.0,
        "pm25",
    )
    details = json.loads(alert.details)
    assert details == {"probability": 0.8, "hours_ahead": 4, "history_hours": 2000, "is_forecast": True}
    city.detection._restore()
    city.work()
    assert "forecast" in city.kinds
    city.passed += timedelta(hours=3, minutes=1)
    city.work()
    assert "forecast" in city.kinds
    city.passed += timedelta(hours=1, minutes=1)
    city.work()
    assert "forecast" not in city.kinds


@pytest.mark.parametrize("change", ["model", "warns", "hours"])
def test_nothing_is_raised_on_little_history_a_small_chance_or_tomorrow(change: str) -> None:
    forecast: CityForecast = forecast_of_bad_air(T0, 20 if change == "hours" else 4)
    hours = forecast.stations["palbok-01"]["pm25"]
    if change == "model":
        little = ModelOfQuantity(model="persistence", history_hours=48)
        forecast = structs.replace(forecast, models={"pm25": little})
    if change == "warns":
        mild = structs.replace(hours, hours=[structs.replace(hours.hours[0], warns=False)])
        forecast = structs.replace(forecast, stations={"palbok-01": {"pm25": mild}})
    detector = ForecastDetector()
    assert detector.conditions(T0) is None
    detector.observe(Observations(forecast=forecast))
    assert detector.conditions(T0) == []
