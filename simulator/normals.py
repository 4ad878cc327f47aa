"""Monthly normals of Jeonju."""

from typing import Final

# 1991–2020 [°C]: mean, mean daily maximum, mean daily minimum (Korea Meteorological Administration).
MEAN_C: Final = (0.0, 2.0, 6.8, 12.9, 18.5, 22.8, 26.2, 26.5, 21.9, 15.4, 8.8, 2.2)
MAXIMUM_C: Final = (4.8, 7.5, 13.0, 19.7, 25.0, 28.4, 30.6, 31.3, 27.4, 21.7, 14.4, 7.1)
MINIMUM_C: Final = (-4.3, -2.8, 1.4, 6.9, 12.7, 18.2, 22.7, 22.9, 17.4, 10.1, 3.9, -2.1)
# Day-to-day standard deviation of temperature [°C], Korean monthly means 2015–2020.
TEMPERATURE_STD_C: Final = (3.5, 3.5, 3.4, 2.9, 2.2, 1.7, 2.5, 2.3, 2.0, 3.1, 3.7, 3.6)
# Monthly rain [mm], about 1300 mm a year; July, August and December from the normals, the others after the national shape.
RAIN_MM: Final = (33.0, 38.0, 52.0, 85.0, 82.0, 120.0, 300.0, 280.0, 150.0, 62.0, 55.0, 30.0)
# Share of hours with rain; heavy summer rain falls in few hours.
WET_SHARE: Final = (0.05, 0.05, 0.06, 0.07, 0.06, 0.08, 0.14, 0.12, 0.08, 0.04, 0.06, 0.05)
# Mean cloud [fraction] of hours without rain in winter, spring, summer and autumn (KMA 146, 2018–2020).
CLOUD: Final = (0.50, 0.44, 0.55, 0.46)
