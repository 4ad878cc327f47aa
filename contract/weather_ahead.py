"""The newest official weather forecast of a city: one small file in the data folder, replaced whole. Nothing of it is measured."""

from datetime import datetime
from pathlib import Path

import msgspec

from jeonju.contract import kept_file


class HourAhead(msgspec.Struct, frozen=True, kw_only=True):
    """What is forecast for one hour, in the units of `jeonju.airquality.pollutants`; None where the service says nothing."""

    at: datetime
    temperature: float | None = None
    humidity: float | None = None
    wind_speed: float | None = None
    wind_direction: float | None = None
    rain_probability_percent: float | None = None


class WeatherAhead(msgspec.Struct, frozen=True, kw_only=True):
    """One issue of a forecast; `device` is the one under which the same source's measured hours are stored."""

    source: str
    device: str
    issued_at: datetime
    hours: list[HourAhead]


def file_of(folder: Path, site: str) -> Path:
    """Return where the newest forecast of a site is kept, within a data folder."""
    return folder / "official" / f"{site}-weather-ahead.json"


def kept(file: Path) -> WeatherAhead | None:
    """Return the newest forecast, None where there is none. Raises ValueError for a file of something else, OSError where it cannot be read."""
    return kept_file.kept(file, WeatherAhead, "weather forecast")
