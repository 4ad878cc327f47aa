from datetime import UTC, datetime

import numpy as np
import pytest

from jeonju.airquality.dispersion.meteorology import (
    Meteorology,
    Stability,
    pasquill_stability,
    solar_elevation_deg,
    wind_towards,
)


@pytest.mark.parametrize(
    ("at", "elevation_deg"),
    [
        # At noon the sun stands at 90° − latitude + declination; solar noon in Jeonju is about 12:30 KST.
        (datetime(2024, 6, 21, 3, 33, tzinfo=UTC), 90 - 35.84 + 23.44),
        (datetime(2024, 12, 21, 3, 30, tzinfo=UTC), 90 - 35.84 - 23.44),
        (datetime(2024, 3, 20, 3, 39, tzinfo=UTC), 90 - 35.84),
    ],
)
def test_noon_sun_follows_the_season(at: datetime, elevation_deg: float) -> None:
    assert solar_elevation_deg(at.timestamp(), 35.84, 127.1) == pytest.approx(elevation_deg, abs=0.7)


def test_sun_is_down_at_midnight() -> None:
    assert solar_elevation_deg(datetime(2024, 6, 21, 15, 0, tzinfo=UTC).timestamp(), 35.84, 127.1) < -25


@pytest.mark.parametrize(
    ("wind", "sun", "cloud", "expected"),
    [
        (1.5, 70, 0.1, Stability.A),
        (1.5, 40, 0.1, Stability.A),
        (4.0, 40, 0.1, Stability.B),
        (4.0, 20, 0.1, Stability.C),
        (7.0, 70, 0.1, Stability.C),
        (7.0, 20, 0.1, Stability.D),
        (1.5, -30, 0.1, Stability.F),
        (1.5, -30, 0.8, Stability.E),
        (4.0, -30, 0.1, Stability.E),
        (4.0, -30, 0.8, Stability.D),
        (1.5, 70, 1.0, Stability.D),
        (1.5, 5, 0.1, Stability.D),
    ],
)
def test_classes_are_pasquills_table(wind: float, sun: float, cloud: float, expected: Stability) -> None:
    assert pasquill_stability(wind, sun, cloud) == expected


def test_classes_of_arrays_keep_their_shape() -> None:
    assert pasquill_stability(np.ones((3, 4)), 50.0, 0.0).shape == (3, 4)


def test_wind_from_the_west_moves_east() -> None:
    air = Meteorology(
        wind_speed_m_s=2, wind_from_deg=270, stability=Stability.D, mixing_height_m=800, temperature_k=290
    )
    assert wind_towards(air) == pytest.approx((1.0, 0.0), abs=1e-12)
