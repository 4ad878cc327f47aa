"""The newest forecast as the store keeps it for the dashboards, which read the store and nothing else."""

from jeonju.contract.forecast import CityForecast
from jeonju.contract.records import ForecastRecord


def records_of(site: str, forecast: CityForecast) -> list[ForecastRecord]:
    """Return a record for each hour, quantity and station that is forecast; none where nothing could be."""
    return [
        ForecastRecord(
            site,
            station,
            quantity,
            hour.at,
            hour.mean,
            hour.low,
            hour.high,
            hour.hours_ahead,
            int(forecast.models[quantity].model == "learnt"),
            forecast.made_at,
        )
        for station, quantities in forecast.stations.items()
        for quantity, found in quantities.items()
        for hour in found.hours
    ]
