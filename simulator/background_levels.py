"""Levels of the background air of Jeonju: annual means, seasons, hours of the day, and how much and how fast they vary."""

from typing import Final

import numpy as np

SPECIES: Final = ("pm25", "pm10", "no2", "so2", "o3", "co")
# Mean of Deokjin-gu, Jeonju, 2019–2021 (AirKorea), in stored units.
ANNUAL: Final = dict(zip(SPECIES, (23.3, 40.1, 0.0150, 0.0029, 0.0316, 0.395), strict=True))
# The share of it that comes from outside; the simulated sources add the rest.
REGIONAL_SHARE: Final = dict(zip(SPECIES, (0.93, 0.90, 0.78, 0.85, 1.0, 0.92), strict=True))
# Korean monthly means and day-to-day standard deviations 2015–2020 in µg/m³ and ppb (CO: 0.01 ppm), January to December.
MONTHLY: Final[dict[str, tuple[float, ...]]] = {
    "pm25": (30.4, 29.0, 31.5, 23.8, 24.3, 23.0, 17.0, 16.3, 15.9, 19.0, 25.6, 27.4),
    "pm10": (49.7, 51.4, 55.1, 51.0, 48.5, 38.5, 28.7, 28.5, 28.7, 35.9, 44.8, 43.7),
    "no2": (24.6, 22.6, 22.4, 19.3, 18.0, 15.7, 13.4, 12.9, 14.9, 18.5, 23.6, 24.3),
    "so2": (4.6, 4.5, 4.4, 4.1, 4.3, 4.0, 3.6, 3.5, 3.2, 3.3, 3.7, 4.1),
    "o3": (19.2, 25.1, 32.1, 38.0, 43.1, 41.3, 28.9, 28.9, 29.1, 24.7, 18.8, 16.9),
    "co": (60.1, 54.7, 49.9, 42.9, 41.1, 39.2, 36.1, 36.7, 39.0, 42.9, 52.6, 57.9),
}
MONTHLY_STD: Final[dict[str, tuple[float, ...]]] = {
    "pm25": (14.6, 12.0, 15.5, 9.3, 9.7, 8.1, 8.6, 7.0, 8.1, 10.3, 10.4, 12.3),
    "pm10": (19.0, 27.0, 22.3, 23.4, 22.2, 11.8, 11.6, 9.2, 11.2, 15.4, 17.9, 15.9),
    "no2": (7.6, 7.0, 7.4, 5.7, 5.5, 3.9, 3.4, 3.4, 4.4, 6.0, 6.6, 7.5),
    "so2": (1.0, 1.1, 1.3, 1.1, 1.2, 0.9, 0.8, 0.7, 0.5, 0.5, 0.6, 0.8),
    "o3": (5.4, 5.5, 6.3, 6.8, 8.5, 7.4, 8.4, 8.0, 7.0, 4.9, 5.2, 5.4),
    "co": (14.5, 11.1, 10.1, 5.8, 6.0, 4.4, 5.2, 5.9, 6.3, 8.0, 9.9, 13.4),
}
# Day-to-day lag-1 autocorrelation of the same data, as relaxation time −24 h / ln r.
DAY_RELAXATION_H: Final = {
    name: -24 / np.log(r) for name, r in zip(SPECIES, (0.71, 0.68, 0.70, 0.81, 0.83, 0.78), strict=True)
}
# Within a day: lag-1 h autocorrelation 0.9 to 0.95 for PM2.5, 0.75 to 0.85 for NO₂ (typical of Korean cities). PM10 at KMA 146, 2018–2020:
# the covariance of its logarithm over k hours is 0.19·exp(−k/50) for the days and 0.14·exp(−k/5) within them; 0.07 more at k = 0 is of the
# gauge and no part of the air.
HOUR_RELAXATION_S: Final = dict(zip(SPECIES, (5 * 3600, 5 * 3600, 4 * 3600, 3 * 3600, 5 * 3600, 6 * 3600), strict=True))
HOUR_SPREAD: Final = dict(zip(SPECIES, (0.30, 0.37, 0.25, 0.25, 0.12, 0.10), strict=True))
# Correlation of PM10 within the day with PM2.5, which is a part of it: 0.89 in the hourly means of Seoul, 2018–2020.
PM10_OF_PM25_HOUR: Final = 0.85
# Correlation of the day-to-day change with one common process (stagnant or clean air); ozone goes against it.
COMMON: Final = dict(zip(SPECIES, (0.9, 0.8, 0.75, 0.55, -0.35, 0.8), strict=True))
# Relative difference across 3 km: PM2.5 correlates above 0.9 over 5 km, NO₂ 0.6 to 0.7.
SPATIAL_SPREAD: Final = dict(zip(SPECIES, (0.04, 0.06, 0.16, 0.12, 0.06, 0.06), strict=True))
SPATIAL_LENGTH_M: Final = 3000.0

# Hourly shape, 0 to 23 h local, mean 1: NO₂ and CO follow the rush hours, O₃ the sun, PM2.5 has its minimum in the late afternoon.
DIURNAL: Final[dict[str, tuple[float, ...]]] = {
    "no2": (
        *(1.0, 0.92, 0.86, 0.82, 0.85, 0.95, 1.12, 1.32, 1.38, 1.22, 1.0, 0.85),
        *(0.76, 0.70, 0.68, 0.70, 0.78, 0.92, 1.1, 1.3, 1.36, 1.3, 1.2, 1.1),
    ),
    "co": (
        *(1.03, 1.0, 0.97, 0.95, 0.95, 0.98, 1.06, 1.15, 1.18, 1.12, 1.03, 0.96),
        *(0.91, 0.88, 0.86, 0.86, 0.88, 0.93, 1.0, 1.07, 1.1, 1.1, 1.08, 1.05),
    ),
    "o3": (
        *(0.8, 0.77, 0.74, 0.71, 0.67, 0.6, 0.5, 0.48, 0.6, 0.82, 1.04, 1.24),
        *(1.41, 1.55, 1.63, 1.64, 1.55, 1.38, 1.16, 0.98, 0.9, 0.87, 0.85, 0.82),
    ),
    "pm25": (
        *(1.04, 1.03, 1.02, 1.01, 1.01, 1.02, 1.05, 1.1, 1.15, 1.17, 1.14, 1.08),
        *(1.01, 0.95, 0.9, 0.86, 0.84, 0.85, 0.89, 0.94, 0.98, 1.01, 1.03, 1.04),
    ),
    "pm10": (
        *(0.98, 0.96, 0.95, 0.94, 0.95, 0.97, 1.02, 1.09, 1.13, 1.14, 1.12, 1.08),
        *(1.04, 1.01, 0.98, 0.96, 0.95, 0.95, 0.96, 0.97, 0.99, 1.0, 1.0, 0.99),
    ),
    "so2": (
        *(0.93, 0.91, 0.9, 0.9, 0.91, 0.94, 0.98, 1.03, 1.1, 1.16, 1.18, 1.16),
        *(1.12, 1.08, 1.05, 1.03, 1.01, 0.99, 0.98, 0.97, 0.96, 0.96, 0.95, 0.94),
    ),
}

# Levels of clean suburban air that hardly vary; typical figures, in stored units.
CONSTANT: Final = {"nh3": 0.012, "h2s": 0.0003, "co2": 428.0, "ch4": 2.02, "tvoc": 55.0}
