"""What sets of rises are, by the ratios that the literature gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.detection.smoke.baseline import LEAST_SCATTER, WATCHED
from jeonju.detection.smoke.classes import CLASSES, log_likelihoods, probabilities


def classes_of(
    rises: dict[str, float], *, humidity: float = 60.0, missing: tuple[str, ...] = (), fire_log_odds: float = 0.0
) -> dict[str, float]:
    local = np.array([[rises.get(key, 0.0) for key in WATCHED]])
    present = np.array([[key not in missing for key in WATCHED]])
    log_odds = np.zeros((1, len(CLASSES) + 1))
    log_odds[0, 0] = fire_log_odds
    shares = probabilities(log_likelihoods(local, LEAST_SCATTER[None], present), np.array([humidity]), log_odds)[0]
    assert shares.sum() == pytest.approx(1.0)
    return dict(zip((*CLASSES, "nothing"), shares.tolist(), strict=True))


@pytest.mark.parametrize(
    ("rises", "of_class"),
    [
        # 100 µg/m³ of smoke with 0.6 ppm CO (wood), 1.4 ppm (straw), 0.16 ppm (buildings and vehicles).
        ({"pm25": 100.0, "pm10": 125.0, "co": 0.6, "tvoc": 21.0}, "fire"),
        ({"pm25": 100.0, "pm10": 125.0, "co": 1.4, "tvoc": 40.0}, "fire"),
        ({"pm25": 100.0, "pm10": 120.0, "co": 0.16, "tvoc": 12.0}, "fire"),
        ({"pm25": 20.0, "pm10": 25.0, "co": 0.1, "tvoc": 6.0}, "fire"),
        ({"pm25": 30.0, "pm10": 180.0}, "dust"),
        ({"pm25": 150.0, "pm10": 700.0}, "dust"),
        # 1 ppm of CO from engines comes with 8 to 23 µg/m³ PM2.5 and about a tenth as much NO₂.
        ({"co": 1.0, "pm25": 15.0, "pm10": 40.0, "no2": 0.12, "tvoc": 38.0}, "traffic"),
        ({"co": 0.3, "pm25": 5.0, "pm10": 15.0, "no2": 0.04, "tvoc": 10.0}, "traffic"),
        ({"tvoc": 800.0}, "industrial"),
        ({"tvoc": 500.0, "h2s": 0.04}, "industrial"),
        ({"nh3": 1.0, "h2s": 0.03}, "industrial"),
        # One counter alone: fine particles cannot rise without PM10.
        ({"pm25": 300.0}, "sensor fault"),
        ({"no2": 0.2}, "sensor fault"),
        ({}, "nothing"),
    ],
)
def test_published_ratios_are_distinguished(rises: dict[str, float], of_class: str) -> None:
    assert classes_of(rises)[of_class] > 0.8


def test_fog_is_weather_where_the_air_is_humid_and_never_fire() -> None:
    fog = {"pm25": 60.0, "pm10": 85.0}
    assert classes_of(fog, humidity=98.0)["regional"] > 0.8
    assert classes_of(fog, humidity=50.0)["fire"] < 0.1


def test_without_a_carbon_monoxide_cell_fine_smoke_and_coarse_dust_are_still_distinguished() -> None:
    without = ("co", "no2", "so2", "tvoc", "h2s", "nh3")
    assert classes_of({"pm25": 100.0, "pm10": 120.0}, missing=without)["fire"] > 0.5
    assert classes_of({"pm25": 30.0, "pm10": 180.0}, missing=without)["dust"] > 0.7


def test_a_wrong_instrument_alone_does_not_hide_a_fire() -> None:
    assert classes_of({"pm25": 100.0, "pm10": 125.0, "co": 0.6, "tvoc": 21.0, "h2s": 0.5})["fire"] > 0.9


def test_people_can_make_a_class_weigh_less() -> None:
    weak = {"pm25": 14.0, "pm10": 17.0, "co": 0.08}
    assert classes_of(weak, fire_log_odds=-3.0)["fire"] < classes_of(weak)["fire"]


@given(
    st.lists(st.floats(-1e4, 1e5), min_size=len(WATCHED), max_size=len(WATCHED)),
    st.floats(0, 100) | st.just(float("nan")),
)
def test_whatever_rises_has_probabilities(values: list[float], humidity: float) -> None:
    shares = classes_of(dict(zip(WATCHED, values, strict=True)), humidity=humidity)
    assert all(0.0 <= share <= 1.0 + 1e-9 for share in shares.values())
