import numpy as np
import pytest

from jeonju.ingest.quality.checks import Checks
from jeonju.ingest.quality.humidity import overreading
from tests.ingest.quality.feeding import feed


@pytest.mark.parametrize(("percent", "factor"), [(62, 1.3), (75, 1.55), (85, 2.03), (90, 2.64), (95, 4.45)])
def test_growth_agrees_with_crilley_for_kappa_of_0_3(percent: float, factor: float) -> None:
    assert overreading(percent, 0.3) == pytest.approx(factor, rel=0.01)


@pytest.mark.parametrize(
    ("percent", "reason"),
    [
        (74.9, None),
        (75, "humidity 75 %: wet particles read about 1.4 times too high, unless the inlet is heated"),
        (93, "humidity 93 %: wet particles read about 2.6 times too high, unless the inlet is heated"),
        (100, "humidity 100 %: wet particles read more than 3.3 times too high, fog counts as dust"),
        (np.nan, None),
    ],
)
def test_humid_air_makes_particles_suspect_and_says_by_how_much(percent: float, reason: str | None) -> None:
    said = feed(Checks(), 0, pm25=20, co=0.4, humidity=percent)
    assert said == ({} if reason is None else {(0, "pm25"): ("suspect", reason)})


def test_every_size_is_flagged_and_absent_ones_are_not() -> None:
    said = feed(Checks(), [0, 1], pm1=[5, np.nan], pm10=[30, 31], humidity=[90, 90])
    assert set(said) == {(0, "pm1"), (0, "pm10"), (1, "pm10")}
