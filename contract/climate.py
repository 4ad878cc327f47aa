"""The climate of a city as data: its months, its winds, and the air that comes to it from elsewhere."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Temperature = Annotated[float, Field(ge=-60, le=50, allow_inf_nan=False)]
# January to December of the local calendar, whatever the season is then.
Temperatures = Annotated[list[Temperature], Field(min_length=12, max_length=12)]
Rain = Annotated[list[Annotated[float, Field(ge=0, le=2000)]], Field(min_length=12, max_length=12)]
Percents = Annotated[list[Annotated[float, Field(ge=5, le=100)]], Field(min_length=12, max_length=12)]
Shares = Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=12, max_length=12)]
Speeds = Annotated[list[Annotated[float, Field(ge=0.3, le=20)]], Field(min_length=12, max_length=12)]
# Of hours, from north, north-north-east, … clockwise. No direction is quite without wind.
Rose = Annotated[list[Annotated[float, Field(gt=0, le=100)]], Field(min_length=16, max_length=16)]
Level = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RegionalAir(_Strict):
    """Annual means of the air that comes from elsewhere: PM [µg/m³], gases [ppm]; the simulated sources add the city's own.

    `seasons` is how strongly they swing over the year: 1 as in Korea, 0 not at all.
    """

    source: Annotated[str, Field(min_length=1)]
    pm25: Annotated[Level, Field(le=300)]
    pm10: Annotated[Level, Field(le=600)]
    no2: Annotated[Level, Field(le=0.2)]
    so2: Annotated[Level, Field(le=0.2)]
    o3: Annotated[Level, Field(le=0.2)]
    co: Annotated[Level, Field(le=5)]
    co2: Annotated[Level, Field(ge=350, le=800)] = 428.0
    seasons: Annotated[float, Field(ge=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _coarse_is_more(self) -> Self:
        if self.pm10 < self.pm25:
            raise ValueError(f"pm10 ({self.pm10:g}) is below pm25 ({self.pm25:g}), which is a part of it")
        return self


class Climate(_Strict):
    """Monthly normals: temperature [°C], rain [mm], humidity [%], cloud [share], wind [m/s], and the wind rose of the year [% of hours]."""

    source: Annotated[str, Field(min_length=1)]
    mean_c: Temperatures
    maximum_c: Temperatures
    minimum_c: Temperatures
    rain_mm: Rain
    humidity_percent: Percents
    cloud: Shares
    wind_m_s: Speeds
    wind_rose: Rose
    air: RegionalAir

    @model_validator(mode="after")
    def _temperatures_are_ordered(self) -> Self:
        for month, (low, mean, high) in enumerate(
            zip(self.minimum_c, self.mean_c, self.maximum_c, strict=True), start=1
        ):
            if not low < mean < high:
                raise ValueError(
                    f"month {month} has minimum {low:g}, mean {mean:g} and maximum {high:g} °C; each must be above the one before"
                )
        return self
