"""A first guess of a city's climate by its latitude and height, to be replaced by the normals of the nearest weather station."""

from typing import Final

import numpy as np

from jeonju.cities.places import Place
from jeonju.common.arrays import Floats
from jeonju.contract.climate import Climate, RegionalAir
from jeonju.simulator.background_levels import ANNUAL, REGIONAL_SHARE
from jeonju.simulator.normals import MAXIMUM_C, MEAN_C, MINIMUM_C, RAIN_MM

# Means of all places of a latitude, land and sea, in January and July [°C] (Haurwitz and Austin 1944, Climatology, as textbooks give them).
_LATITUDE: Final = np.arange(-80.0, 81.0, 10.0)
_JANUARY_C: Final = (
    -10.8,
    -3.5,
    2.1,
    8.1,
    15.6,
    21.9,
    25.4,
    26.3,
    26.4,
    25.8,
    21.9,
    14.7,
    5.5,
    -7.2,
    -16.1,
    -26.3,
    -32.2,
)
_JULY_C: Final = (-39.5, -23.0, -9.1, 3.4, 9.0, 14.7, 20.0, 23.9, 25.6, 27.2, 28.0, 27.3, 24.0, 18.1, 14.1, 7.3, 2.0)
# Rain of a year [mm] of the belts of ten degrees from 80° S on (Sellers 1965, Physical Climatology).
_BELT_MIDDLE: Final = np.arange(-75.0, 76.0, 10.0)
_RAIN_MM_A_YEAR: Final = (82, 418, 1046, 1226, 932, 857, 1132, 1445, 1934, 1151, 790, 872, 907, 789, 415, 185)
# What follows has no source that is nearer to a city than these: rough values of ours.
_DAILY_RANGE_C: Final = 9.0
_COOLER_PER_M_C: Final = 0.0065
_HUMIDITY_PERCENT: Final = ((0, 10, 25, 40, 60, 80), (80.0, 77.0, 62.0, 69.0, 77.0, 80.0))
_CLOUD: Final = ((0, 10, 25, 40, 55, 80), (0.55, 0.52, 0.42, 0.5, 0.62, 0.6))
_WIND_M_S: Final = 2.5
_EVEN_SHARE_OF_ROSE: Final = 0.5
_KOREAN_HUMIDITY_PERCENT: Final = (66, 64, 63, 62, 66, 72, 80, 79, 75, 72, 70, 68)
_KOREAN_WIND_M_S: Final = (2.3, 2.4, 2.6, 2.6, 2.3, 2.1, 2.2, 2.1, 1.9, 1.9, 2.1, 2.2)
_COOLER_PER_DEGREE_NORTH_C: Final = 0.6
_JEONJU_LATITUDE: Final = 35.8

ASSUMED_PM25: Final = 15.0


def climate_of(place: Place, elevation_m: float, pm25_ug_m3: float | None = None) -> Climate:
    """Return the guess, with its source in words; `pm25_ug_m3` is the annual mean of the place where it is known."""
    return _korean(place, pm25_ug_m3) if place.country == "KR" else _by_latitude(place, elevation_m, pm25_ug_m3)


def _korean(place: Place, pm25_ug_m3: float | None) -> Climate:
    cooler_c = _COOLER_PER_DEGREE_NORTH_C * (place.lat - _JEONJU_LATITUDE)
    means, highs, lows = ([round(each - cooler_c, 1) for each in table] for table in (MEAN_C, MAXIMUM_C, MINIMUM_C))
    regional = {name: ANNUAL[name] * REGIONAL_SHARE[name] for name in ANNUAL}
    scale = 1.0 if pm25_ug_m3 is None else pm25_ug_m3 / regional["pm25"]
    return Climate(
        source=(
            "Guess: normals of Jeonju 1991-2020 (KMA), 0.6 °C colder for each degree further north; humidity, wind and rose are rough Korean ones. "
            "Replace them by the normals of the nearest station (data.kma.go.kr)."
        ),
        mean_c=means,
        maximum_c=highs,
        minimum_c=lows,
        rain_mm=list(RAIN_MM),
        humidity_percent=list(_KOREAN_HUMIDITY_PERCENT),
        cloud=[0.5, 0.48, 0.46, 0.44, 0.47, 0.53, 0.58, 0.55, 0.5, 0.42, 0.46, 0.48],
        wind_m_s=list(_KOREAN_WIND_M_S),
        wind_rose=_rose(290.0),
        air=RegionalAir(
            source="Jeonju's share that comes from elsewhere, 2019-2021 (AirKorea)"
            + ("." if pm25_ug_m3 is None else "; PM scaled to the annual mean that was given."),
            pm25=round(regional["pm25"] * scale, 1),
            pm10=round(regional["pm10"] * scale, 1),
            **{name: round(regional[name], 4) for name in ("no2", "so2", "o3", "co")},
        ),
    )


def _by_latitude(place: Place, elevation_m: float, pm25_ug_m3: float | None) -> Climate:
    months = np.arange(12)
    january, july = (float(np.interp(place.lat, _LATITUDE, table)) for table in (_JANUARY_C, _JULY_C))
    mean = (january + july) / 2 + (january - july) / 2 * np.cos(2 * np.pi * months / 12)
    mean = mean - _COOLER_PER_M_C * elevation_m
    north = abs(place.lat)
    warm = -np.cos(2 * np.pi * months / 12) * (1 if place.lat >= 0 else -1)
    # Rain follows the sun in the tropics and hardly the season beyond the subtropics.
    swing = float(np.interp(north, (0, 5, 15, 30, 45), (0.0, 0.4, 0.8, 0.4, 0.1)))
    rain = float(np.interp(place.lat, _BELT_MIDDLE, _RAIN_MM_A_YEAR)) / 12 * (1 + swing * warm)
    humidity = float(np.interp(north, *_HUMIDITY_PERCENT)) + 8 * swing * warm
    cloud = float(np.interp(north, *_CLOUD)) + 0.1 * swing * warm
    pm25 = ASSUMED_PM25 if pm25_ug_m3 is None else pm25_ug_m3
    return Climate(
        source=(
            f"Guess for {abs(place.lat):.1f}° {'N' if place.lat >= 0 else 'S'}, {elevation_m:.0f} m: means of all "
            "places of that latitude, land and sea "
            "(temperature: Haurwitz and Austin 1944; rain: Sellers 1965), 6.5 °C colder for each km of height; humidity, cloud, wind and rose are "
            "rough values "
            "of ours. Replace them by the normals of the nearest weather station."
        ),
        mean_c=_rounded(mean),
        maximum_c=_rounded(mean + _DAILY_RANGE_C / 2),
        minimum_c=_rounded(mean - _DAILY_RANGE_C / 2),
        rain_mm=_rounded(rain),
        humidity_percent=_rounded(np.clip(humidity, 30, 92)),
        cloud=_rounded(np.clip(cloud, 0.1, 0.9), 2),
        wind_m_s=[_WIND_M_S] * 12,
        wind_rose=_rose(_prevailing_deg(place.lat)),
        air=RegionalAir(
            source=(
                "PM2.5 as given"
                if pm25_ug_m3 is not None
                else f"Assumed: PM2.5 {ASSUMED_PM25:g} µg/m³ (nobody has measured it here; give --pm25)"
            )
            + "; PM10 1.8 times of it and gases of a usual town are assumed. Replace them by annual means of the nearest official station.",
            pm25=pm25,
            pm10=round(1.8 * pm25, 1),
            no2=0.01,
            so2=0.0015,
            o3=0.03,
            co=0.25,
            seasons=round(min(north / _JEONJU_LATITUDE, 1.0), 2),
        ),
    )


def _prevailing_deg(lat: float) -> float:
    """Return where the wind of a latitude belt comes from: trade winds, westerlies, polar easterlies."""
    if abs(lat) < 30:
        return 60.0 if lat >= 0 else 120.0
    if abs(lat) < 60:
        return 250.0 if lat >= 0 else 290.0
    return 70.0 if lat >= 0 else 110.0


def _rose(prevailing_deg: float) -> list[float]:
    """Return shares [%] of 16 directions: half of all hours from anywhere, half around the prevailing wind (within some 40°)."""
    apart = (np.arange(16) * 22.5 - prevailing_deg + 180) % 360 - 180
    around = np.exp(-0.5 * (apart / 40) ** 2)
    return _rounded(100 * (_EVEN_SHARE_OF_ROSE / 16 + (1 - _EVEN_SHARE_OF_ROSE) * around / around.sum()))


def _rounded(values: Floats, decimals: int = 1) -> list[float]:
    return [float(value) for value in np.round(values, decimals)]
