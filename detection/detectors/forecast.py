"""Bad air that is forecast: an alert of its own kind, which says that nothing of it was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jeonju.airquality.index import UPPER
from jeonju.contract.details import ForecastDetails
from jeonju.contract.forecast import CityForecast, ForecastHour, QuantityForecast
from jeonju.detection.condition import Condition
from jeonju.detection.detectors.detector import Observations, Pace, Past
from jeonju.detection.windows import Window

KIND: Final = "forecast"
# What is forecast further ahead is shown, but too seldom right to be an alert (docs/forecast-skill.md).
MOST_AHEAD_H: Final = 6
# A forecast that is no longer made anew holds no more.
VALID_FOR: Final = timedelta(hours=3)


@dataclass
class ForecastDetector:
    """Says at which stations bad air is forecast by a model that was learnt from months; from less history nothing is raised."""

    kinds: frozenset[str] = frozenset([KIND])
    pace: Pace = Pace.CLOCK
    _forecast: CityForecast | None = None

    def restore(self, past: Past) -> None:
        """The next forecast says it anew."""

    def observe(self, seen: Observations) -> None:
        """Note the newest forecast."""
        self._forecast = seen.forecast or self._forecast

    def step(self, window: Window) -> None:
        """Windows hold what was measured."""

    def conditions(self, now: datetime) -> Sequence[Condition] | None:
        """Return every station at which bad air is forecast; None before the first forecast."""
        forecast = self._forecast
        if forecast is None:
            return None
        if now - forecast.made_at > VALID_FOR:
            return []
        found = (self._at(forecast, station, quantities) for station, quantities in forecast.stations.items())
        return [condition for condition in found if condition is not None]

    def _at(self, forecast: CityForecast, station: str, quantities: dict[str, QuantityForecast]) -> Condition | None:
        warned = [
            (chance(hour), quantity, hour)
            for quantity, of in quantities.items()
            if forecast.models[quantity].model == "learnt"
            for hour in of.hours
            if hour.warns and hour.hours_ahead <= MOST_AHEAD_H
        ]
        if not warned:
            return None
        probability, quantity, hour = max(warned, key=lambda one: one[0])
        details = ForecastDetails(
            probability=round(probability, 2),
            hours_ahead=hour.hours_ahead,
            history_hours=forecast.models[quantity].history_hours,
        )
        return Condition(
            kind=KIND,
            place=station,
            severity="info",
            details=details,
            value=hour.mean,
            limit=UPPER[quantity][1],
            quantity=quantity,
        )


def chance(hour: ForecastHour) -> float:
    """Return how probable a bad or worse hour is."""
    return sum(probability for grade, probability in hour.classes.items() if grade in ("bad", "very-bad"))
