"""The tables by which the weather and the background air of a city vary: those measured in Jeonju, or made of the climate in a site file.

What a site file does not say is Jeonju's, moved to the city's own seasons: half a year in the south, and all year that of the warm half where the
months hardly differ.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.contract.climate import Climate
from jeonju.contract.site import Site
from jeonju.simulator import background_levels, moisture, normals, wind_climate

# Months differ by less than this [°C]: there is no winter.
TROPICAL_RANGE_C: Final = 8.0
_JEONJU_RANGE_C: Final = max(normals.MEAN_C) - min(normals.MEAN_C)
_SUMMER: Final = 2
# Of rain, hours have this much at least and at most; in between as in Jeonju, where 1300 mm fall in 7 % of the hours.
_LEAST_WET, _MOST_WET = 0.005, 0.25
# A mean of humidity counts the hours with rain, the medians of the table do not.
_RAIN_ADDS_PERCENT: Final = 2.0
_MOST_MEDIAN_PERCENT: Final = 96.0

Months = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Tables:
    """Monthly values are in the order of the calendar; seasonal ones hold in the middle of January, April, July and October."""

    mean_c: Months
    maximum_c: Months
    minimum_c: Months
    temperature_std_c: Months
    rain_mm: Months
    wet_share: Months
    cloud: Floats
    humidity_percent: Floats
    humidity_spread: Floats
    visibility_km: Floats
    wind: wind_climate.WindTables
    # Half of the difference between the pressures of winter and summer [hPa], positive where January is the winter.
    pressure_swing_hpa: float
    levels: dict[str, float]
    monthly: dict[str, Months]
    monthly_std: dict[str, Months]
    constant: dict[str, float]


JEONJU: Final = Tables(
    mean_c=normals.MEAN_C,
    maximum_c=normals.MAXIMUM_C,
    minimum_c=normals.MINIMUM_C,
    temperature_std_c=normals.TEMPERATURE_STD_C,
    rain_mm=normals.RAIN_MM,
    wet_share=normals.WET_SHARE,
    cloud=np.array(normals.CLOUD),
    humidity_percent=moisture.MEDIAN_PERCENT,
    humidity_spread=moisture.SPREAD_PERCENT,
    visibility_km=moisture.VISIBILITY_KM,
    wind=wind_climate.JEONJU,
    pressure_swing_hpa=8.0,
    levels={name: level * background_levels.REGIONAL_SHARE[name] for name, level in background_levels.ANNUAL.items()},
    monthly=background_levels.MONTHLY,
    monthly_std=background_levels.MONTHLY_STD,
    constant=background_levels.CONSTANT,
)


def tables_of(site: Site) -> Tables:
    """Return the tables of a site: Jeonju's where its file has no `[climate]`."""
    return JEONJU if site.climate is None else _made(site.climate.model_dump_json(), site.origin[0])


@lru_cache(maxsize=16)
def _made(climate_json: str, lat: float) -> Tables:
    climate = Climate.model_validate_json(climate_json)
    range_c = max(climate.mean_c) - min(climate.mean_c)
    is_tropical, is_south = range_c < TROPICAL_RANGE_C, lat < 0
    strength = min(range_c / _JEONJU_RANGE_C, 1.3)

    def seasons(table: Floats) -> Floats:
        """Jeonju's seasons, as they fall in this city."""
        if is_tropical:
            return np.repeat(table[_SUMMER : _SUMMER + 1], 4, axis=0)
        return np.roll(table, 2, axis=0) if is_south else table

    def months(table: Months) -> Months:
        return (*table[6:], *table[:6]) if is_south else table

    def swinging(name: str) -> Months:
        shape = np.array(months(background_levels.MONTHLY[name]))
        return tuple((1 + climate.air.seasons * (shape / shape.mean() - 1)).tolist())

    air = climate.air
    monthly = {name: swinging(name) for name in background_levels.SPECIES}
    spread = {
        name: tuple(
            share * std / mean
            for share, std, mean in zip(
                monthly[name],
                months(background_levels.MONTHLY_STD[name]),
                months(background_levels.MONTHLY[name]),
                strict=True,
            )
        )
        for name in background_levels.SPECIES
    }
    std = np.array(months(normals.TEMPERATURE_STD_C))
    humidity = seasons(moisture.MEDIAN_PERCENT)
    wanted = _of_seasons(climate.humidity_percent) - _RAIN_ADDS_PERCENT
    return Tables(
        mean_c=tuple(climate.mean_c),
        maximum_c=tuple(climate.maximum_c),
        minimum_c=tuple(climate.minimum_c),
        temperature_std_c=tuple(np.maximum(std * strength, 0.7).tolist()),
        rain_mm=tuple(max(amount, 0.1) for amount in climate.rain_mm),
        wet_share=tuple(_wet_share(amount) for amount in climate.rain_mm),
        cloud=_of_seasons(climate.cloud),
        humidity_percent=np.clip(
            humidity + (wanted - humidity.mean(axis=1))[:, None],
            moisture.LEAST_PERCENT,
            _MOST_MEDIAN_PERCENT,
        ),
        humidity_spread=seasons(moisture.SPREAD_PERCENT),
        visibility_km=seasons(moisture.VISIBILITY_KM),
        wind=wind_climate.tables(climate.wind_rose, _of_seasons(climate.wind_m_s), seasons),
        pressure_swing_hpa=(-1.0 if is_south else 1.0) * 8.0 * min(strength, 1.0),
        levels={name: getattr(air, name) for name in background_levels.SPECIES},
        monthly=monthly,
        monthly_std=spread,
        constant={**background_levels.CONSTANT, "co2": air.co2},
    )


def _of_seasons(months: list[float]) -> Floats:
    """Return the means (4) of the three months around January, April, July and October."""
    table = np.array(months)
    return np.asarray((np.roll(table, 1) + table + np.roll(table, -1))[::3] / 3)


def _wet_share(rain_mm: float) -> float:
    """Return the share of the hours of a month in which it rains: more rain falls in more hours, but stronger too."""
    mm, share = np.array(sorted(zip(normals.RAIN_MM, normals.WET_SHARE, strict=True))).T
    per_mm = np.interp(rain_mm, mm, share)
    return float(np.clip(per_mm * min(rain_mm / min(normals.RAIN_MM), 1.0), _LEAST_WET, _MOST_WET))
