"""What is forecast of the hours to come at the stations of a city, and from how much it was learnt."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

# `learnt`: trees and lines, from two months of hours on; `persistence`: what is measured now, on its way back to what is usual; `none`: too little.
Model = Literal["learnt", "persistence", "none"]


class ForecastHour(Struct, frozen=True, kw_only=True):
    """The mean of one hour that begins at `at`, in the unit of the quantity; of ten hours such as this one nine lie between `low` and `high`.

    `classes` has the probability of each class of the index that an hourly mean can be in. `warns`: a bad or worse hour is so probable that the model
    warns of it.
    """

    at: datetime
    hours_ahead: int
    mean: float
    median: float
    low: float
    high: float
    classes: dict[str, float]
    warns: bool


class QuantityForecast(Struct, frozen=True, kw_only=True):
    """The next hours of one quantity at one station; none where it has not been heard for hours, as `reason` says."""

    hours: list[ForecastHour] = []
    reason: str | None = None


class ModelOfQuantity(Struct, frozen=True, kw_only=True):
    """How a quantity is forecast: from what inputs, and from how many hours of the city."""

    model: Model
    history_hours: int
    inputs: list[str] = []
    reason: str | None = None


class CityForecast(Struct, frozen=True, kw_only=True):
    """Forecasts by station and quantity; `last_hour` is the begin of the last full hour that they know."""

    made_at: datetime
    last_hour: datetime
    models: dict[str, ModelOfQuantity]
    stations: dict[str, dict[str, QuantityForecast]]
