import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.airquality.index import GRADES, POLLUTANTS, STEP, UPPER, cai, cai_of_hours, grade, moving_24h, sub_index


@pytest.mark.parametrize(
    ("pollutant", "value", "expected"),
    # Worked from AirKorea's table and linear formula.
    [
        ("pm25", 10, 33.3),
        ("pm25", 25, 74.2),
        ("pm25", 45, 135.4),
        ("pm25", 90, 259.2),
        ("pm10", 60, 80.0),
        ("pm10", 120, 185.2),
        ("o3", 0.070, 83.4),
        ("o3", 0.100, 123.7),
        ("no2", 0.020, 33.3),
        ("co", 0.5, 12.5),
        ("co", 12, 175.4),
        ("so2", 0.003, 7.5),
    ],
)
def test_sub_index_of_worked_values(pollutant: str, value: float, expected: float) -> None:
    assert sub_index(pollutant, value) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("pollutant", POLLUTANTS)
def test_class_edges_have_the_index_of_their_edge(pollutant: str) -> None:
    assert [sub_index(pollutant, edge) for edge in UPPER[pollutant]] == pytest.approx([50, 100, 250, 500])


def test_concentrations_are_rounded_before_the_table_is_entered() -> None:
    assert sub_index("pm25", 15.4) == pytest.approx(50.0)
    assert sub_index("pm25", 15.6) == pytest.approx(51.0)


@given(st.sampled_from(POLLUTANTS), st.floats(-10, 1e4), st.floats(0, 1e3))
def test_sub_index_never_falls_when_the_air_gets_worse(pollutant: str, value: float, more: float) -> None:
    low, high = sub_index(pollutant, value), sub_index(pollutant, value + more)
    assert 0 <= low <= high <= 500


def test_two_bad_pollutants_add_fifty_and_three_seventy_five() -> None:
    clean = {"no2": 0.02, "pm25": 10.0, "co": 0.5, "so2": 0.003}
    two = cai({**clean, "pm10": 120.0, "o3": 0.100})
    three = cai({**clean, "pm10": 120.0, "o3": 0.100, "pm25": 45.0})
    assert two is not None
    assert three is not None
    assert two.value == pytest.approx(235.2, abs=0.1)
    assert two.pollutant == "pm10"
    assert three.value == pytest.approx(260.2, abs=0.1)
    assert three.grade.key == "very-bad"


def test_one_bad_pollutant_adds_nothing() -> None:
    result = cai({"pm10": 120.0, "pm25": 10.0, "no2": 0.02, "o3": 0.02})
    assert result is not None
    assert result.value == pytest.approx(185.2, abs=0.1)


@pytest.mark.parametrize("missing", ["pm10", "pm25", "no2", "o3"])
def test_no_index_without_a_required_pollutant(missing: str) -> None:
    values = {"pm10": 20.0, "pm25": 10.0, "no2": 0.02, "o3": 0.02}
    assert cai({**values, missing: float("nan")}) is None


def test_index_without_the_optional_ones_is_given() -> None:
    assert cai({"pm10": 20.0, "pm25": 10.0, "no2": 0.02, "o3": 0.02}) is not None


@pytest.mark.parametrize(
    ("index", "key"),
    [
        (0, "good"),
        (50.4, "good"),
        (51, "moderate"),
        (100, "moderate"),
        (101, "bad"),
        (250, "bad"),
        (251, "very-bad"),
        (500, "very-bad"),
    ],
)
def test_classes_change_at_their_edges(index: float, key: str) -> None:
    assert grade(index).key == key


def test_there_are_four_classes_in_two_languages() -> None:
    assert [grade.label_ko for grade in GRADES] == ["좋음", "보통", "나쁨", "매우나쁨"]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([50.0] * 12, 43.75),
        ([20.0] * 8 + [100.0] * 4, 73.33),
        ([20.0] * 12, 20.0),
        ([20.0] * 9 + [float("nan")] * 3, float("nan")),
        ([float("nan")] * 4 + [20.0] * 8, float("nan")),
        ([float("nan")] * 3 + [20.0] * 9, 20.0),
        ([20.0] * 5, float("nan")),
    ],
)
def test_moving_average_of_worked_values(hours: list[float], expected: float) -> None:
    assert moving_24h(hours, "pm25") == pytest.approx(expected, abs=0.01, nan_ok=True)


def test_index_of_a_day_takes_gases_of_the_last_hour_and_moving_particles() -> None:
    hours = np.tile([0.003, 0.020, 0.5, 0.020, 40.0, 20.0], (24, 1))
    hours[-1, POLLUTANTS.index("no2")] = 0.100
    (result,) = cai_of_hours(hours[None])
    assert result is not None
    assert result.pollutant == "no2"
    assert result.sub_indices["pm25"] == pytest.approx(float(sub_index("pm25", 20)))


@pytest.mark.parametrize(
    ("pollutant", "value", "expected"),
    [
        *[(key, UPPER[key][klass], (50, 100, 250, 500)[klass]) for key in POLLUTANTS for klass in range(4)],
        *[(key, UPPER[key][klass] + STEP[key], (51, 101, 251)[klass]) for key in POLLUTANTS for klass in range(3)],
        *[(key, 10 * UPPER[key][-1], 500) for key in POLLUTANTS],
        *[(key, -1.0, 0) for key in POLLUTANTS],
        ("pm25", 15.5, 51),
        ("pm25", 15.49, 50),
        ("pm10", 80.5, 101),
        ("o3", 0.0305, 51),
        ("co", 9.004, 100),
        ("co", 9.005, 101),
    ],
)
def test_sub_index_at_every_edge(pollutant: str, value: float, expected: float) -> None:
    assert float(sub_index(pollutant, value)) == pytest.approx(expected)


def test_arrays_are_judged_like_numbers() -> None:
    values = np.array([[10.0, np.nan], [45.0, 90.0]])
    one_by_one = [[float(sub_index("pm25", value)) for value in row] for row in values]
    assert sub_index("pm25", values) == pytest.approx(np.array(one_by_one), nan_ok=True)


@pytest.mark.parametrize(
    ("bad", "value"),
    [
        ({}, 80.0),
        ({"o3": 0.100}, 123.7),
        ({"o3": 0.100, "no2": 0.061}, 173.7),  # exactly two: + 50
        ({"o3": 0.100, "no2": 0.061, "so2": 0.051}, 198.7),  # three: + 75
        ({"o3": 0.100, "no2": 0.061, "so2": 0.051, "co": 9.01}, 198.7),  # four: no more than three
        ({"o3": 0.6, "no2": 2.0}, 500.0),  # cut at 500
    ],
)
def test_surcharge_counts_bad_pollutants(bad: dict[str, float], value: float) -> None:
    result = cai({"pm10": 60.0, "pm25": 10.0, "no2": 0.02, "o3": 0.02, "co": 0.5, "so2": 0.003} | bad)
    assert result is not None
    assert result.value == pytest.approx(value, abs=0.05)


@given(
    st.lists(st.one_of(st.just(float("nan")), st.floats(0, 1000)), min_size=0, max_size=24),
    st.sampled_from(["pm10", "pm25"]),
)
def test_moving_average_lies_between_three_eighths_and_the_highest_hour(hours: list[float], pollutant: str) -> None:
    value = float(moving_24h(hours, pollutant))
    last = np.array([hour for hour in hours[-12:] if not np.isnan(hour)])
    assert np.isnan(value) or 0 <= value <= last.max() + 1e-9


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([29.0] * 12, 29.0),  # below M: one to one
        ([30.0] * 12, 26.25),  # at M and steady: three quarters
        ([100.0] * 8 + [80.0] * 4, (12 * 93.333 + 12 * 80.0) / 24),  # falls: ratio below 0.9
        ([100.0] * 8 + [90.0] * 4, (12 * 96.667 + 12 * 67.5) / 24),  # ratio 0.93
        ([10.0] * 11 + [100.0], (12 * 17.5 + 12 * 32.5) / 24),  # rises: ratio above 1.7
    ],
)
def test_moving_average_at_its_bounds(hours: list[float], expected: float) -> None:
    assert float(moving_24h(hours, "pm25")) == pytest.approx(expected, abs=0.01)
