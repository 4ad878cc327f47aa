"""The index that a site chooses: classes, bad air and standards of Korea, the United States and Europe."""

import numpy as np
import pytest

from jeonju.airquality.eu_aqi import UPPER_UG_M3, grade, per_stored, sub_index
from jeonju.airquality.index import POLLUTANTS
from jeonju.airquality.schemes import SCHEMES


@pytest.mark.parametrize(
    ("pollutant", "ug_m3", "key"),
    # The bands of the European Environment Agency, 2025: the last value of one class and the first of the next.
    [
        ("pm25", 5, "good"),
        ("pm25", 6, "fair"),
        ("pm25", 50, "moderate"),
        ("pm25", 51, "poor"),
        ("pm25", 141, "extremely-poor"),
        ("pm10", 45, "fair"),
        ("no2", 60, "moderate"),
        ("no2", 61, "poor"),
        ("o3", 100, "fair"),
        ("o3", 161, "very-poor"),
        ("so2", 20, "good"),
    ],
)
def test_european_classes_begin_where_the_agency_says(pollutant: str, ug_m3: float, key: str) -> None:
    assert grade(float(sub_index(pollutant, ug_m3 / per_stored(pollutant)))).key == key


def test_the_number_of_a_class_is_that_of_others() -> None:
    # Worked elsewhere from the bands of 2025 as continuous lines of 20 a class: 44 for 19.5 µg/m³ of PM2.5 and 104 of ozone.
    air = _hours(pm25=19.5, pm10=10.0, no2=0.001, o3=104 / per_stored("o3"))
    (found,) = SCHEMES["eu"].of_hours(air)
    assert found is not None
    assert (round(found.value), found.pollutant, found.grade.key) == (44, "o3", "moderate")


def test_gases_are_counted_at_20_degrees() -> None:
    # 1 ppb of NO₂ is 1.91, of O₃ 2.00, of SO₂ 2.66 µg/m³ (Directive 2008/50/EC, annex VI: 293 K).
    assert [per_stored(gas) / 1000 for gas in ("no2", "o3", "so2")] == pytest.approx([1.91, 2.00, 2.66], abs=0.01)


def _hours(**values: float) -> np.ndarray:
    hours = np.full((1, 24, len(POLLUTANTS)), np.nan)
    for key, value in values.items():
        hours[:, :, POLLUTANTS.index(key)] = value
    return hours


def test_the_same_air_is_judged_by_each_index() -> None:
    air = _hours(pm25=60.0, pm10=90.0, no2=0.02, o3=0.03, so2=0.003, co=0.4)
    found = {key: scheme.of_hours(air)[0] for key, scheme in SCHEMES.items()}
    assert {key: index.grade.key for key, index in found.items() if index} == {
        "cai": "bad",
        "us": "unhealthy",
        "eu": "poor",
    }
    for key, index in found.items():
        assert index is not None
        assert index.pollutant == "pm25"
        assert index.value > SCHEMES[key].bad_above
        assert SCHEMES[key].advice_of(index.grade) == "bad"


def test_the_european_index_needs_particles_and_nitrogen_dioxide() -> None:
    of_hours = SCHEMES["eu"].of_hours
    assert of_hours(_hours(pm25=10.0)) == [None]
    assert of_hours(_hours(no2=0.01)) == [None]
    assert of_hours(_hours(pm10=10.0, no2=0.01)) != [None]


@pytest.mark.parametrize("key", SCHEMES)
def test_tables_are_whole(key: str) -> None:
    scheme = SCHEMES[key]
    assert len(scheme.grades) == len(scheme.index_upper)
    assert all(len(upper) <= len(scheme.index_upper) for upper in scheme.upper.values())
    assert all(list(upper) == sorted(upper) for upper in scheme.upper.values())
    assert 0 < scheme.bad_from < scheme.very_bad_from < len(scheme.grades)
    assert {standard.body for standard in scheme.standards} <= {"who", "korea", "us", "eu"}


def test_ends_of_the_european_table_are_kept_in_stored_units() -> None:
    assert SCHEMES["eu"].upper["no2"][0] == pytest.approx(UPPER_UG_M3["no2"][0] / 1912, rel=0.01)
