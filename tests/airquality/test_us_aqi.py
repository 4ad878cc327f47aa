import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.airquality.us_aqi import BREAKPOINTS, GRADES, grade, sub_index, us_aqi

INDEX_UPPER = (50, 100, 150, 200, 300, 500)


@pytest.mark.parametrize(
    ("pollutant", "value", "expected"),
    [
        *[
            (key, edge / row.per_stored, INDEX_UPPER[at])
            for key, row in BREAKPOINTS.items()
            for at, edge in enumerate(row.upper)
        ],
        *[
            (key, (edge + row.step) / row.per_stored, INDEX_UPPER[at] + 1)
            for key, row in BREAKPOINTS.items()
            for at, edge in enumerate(row.upper[:-1])
        ],
        # Worked by hand from the breakpoints of May 2024.
        ("pm25", 12.0, 56),
        # The example of the EPA's own guide to reporting (EPA-454/B-24-002, part IV), and two by others (an R package's tests).
        ("o3", 0.07853333, 126),
        ("pm25", 35.92431999, 102),
        ("co", 8.47532711, 90),
        ("no2", 0.040, 38),
        ("no2", 0.500, 175),
        ("pm25", 35.0, 99),
        ("pm25", 0.0, 0),
        ("pm25", -3.0, 0),
        ("pm25", 1000.0, 500),
        # Truncated to 0.1 before the table is entered.
        ("pm25", 9.09, 50),
        ("pm25", 35.49, 100),
        ("pm10", 154.9, 100),
        ("o3", 0.0709, 100),
        ("co", 9.49, 100),
    ],
)
def test_sub_index_of_breakpoints(pollutant: str, value: float, expected: float) -> None:
    assert float(sub_index(pollutant, value)) == expected


@given(st.sampled_from(sorted(BREAKPOINTS)), st.floats(-10, 1e4), st.floats(0, 1e3))
def test_sub_index_never_falls_when_the_air_gets_worse(pollutant: str, value: float, more: float) -> None:
    low, high = float(sub_index(pollutant, value)), float(sub_index(pollutant, value + more))
    assert 0 <= low <= high <= 500


@pytest.mark.parametrize(
    ("index", "key"),
    [
        (0, "good"),
        (50, "good"),
        (51, "moderate"),
        (100, "moderate"),
        (101, "sensitive"),
        (150, "sensitive"),
        (151, "unhealthy"),
        (200, "unhealthy"),
        (201, "very-unhealthy"),
        (300, "very-unhealthy"),
        (301, "hazardous"),
        (500, "hazardous"),
    ],
)
def test_classes_change_at_their_edges(index: float, key: str) -> None:
    assert grade(index).key == key


def test_the_highest_counts_and_what_is_missing_does_not() -> None:
    result = us_aqi({"pm25": 12.0, "o3": 0.072, "co": float("nan")})
    assert result is not None
    assert (result.value, result.pollutant, sorted(result.sub_indices)) == (105, "o3", ["o3", "pm25"])
    assert us_aqi({}) is None


def test_every_class_is_named_in_both_languages() -> None:
    assert all(grade.label_ko and grade.label_en and grade.colour.startswith("#") for grade in GRADES)
