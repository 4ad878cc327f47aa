"""Filler values are flagged in the quantities in which instruments send them, and nothing else is."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.airquality.pollutants import KEYS, QUANTITY
from jeonju.contract.columns import TOO_LARGE
from jeonju.contract.quality import Flag
from jeonju.ingest.quality import fillers
from jeonju.ingest.quality.fillers import FILLERS
from tests.ingest.quality.feeding import flags_of


def said(key: str, *values: float) -> dict[int, Flag]:
    finding = fillers.judge(key, np.array(values, dtype=np.float64))
    return dict(flags_of(finding)) if finding else {}


def cases() -> Iterator[tuple[str, float, bool]]:
    """Yield every key and filler with whether any row calls it certain."""
    certain = {(key, value) for row in FILLERS if row.certain for key in row.keys for value in row.values}
    for key, value in sorted({(key, value) for row in FILLERS for key in row.keys for value in row.values}):
        yield key, value, (key, value) in certain


def test_every_row_names_quantities_of_ours_a_source_and_no_zero() -> None:
    for row in FILLERS:
        assert set(row.keys) <= set(KEYS)
        assert row.source
        assert all(value != 0 and abs(value) < TOO_LARGE for value in row.values)


def test_every_filler_is_flagged_in_its_quantities_and_in_32_bits_too() -> None:
    for key, value, certain in cases():
        expected = Flag.of("bad" if certain else "suspect", "filler", value=value)
        assert said(key, 1.0, value, np.nan, float(np.float32(value))) == {1: expected, 3: expected}, (key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        # Inside the plausible range: nothing but the table knows them.
        ("pm10", 6553.5),
        ("pm10", 6553.4),
        ("pm25", 3276.7),
        ("co2", 32767),
        ("co2", 33792),
        ("tvoc", 32767),
        ("tvoc", 6553.5),
        ("ch4", 32767),
        ("co", 655.35),
        ("co", 65.535),
        ("h2s", 65.535),
        ("voltage", 65.535),
        ("voltage", 655.35),
        ("voc_index", 327.67),
    ],
)
def test_fillers_inside_the_plausible_range_are_bad(key: str, value: float) -> None:
    assert QUANTITY[key].minimum <= value <= QUANTITY[key].maximum
    assert said(key, value)[0].severity == "bad"


@pytest.mark.parametrize(("key", "value"), [("pm25", 999.9), ("pm10", 1999.9), ("pm25", 985), ("thermal_max", 327.67)])
def test_what_smoke_and_flames_can_reach_is_only_suspect(key: str, value: float) -> None:
    assert said(key, value)[0].severity == "suspect"


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("pm10", [6553.3, 6553.45, 6553.6, 999.8, 1000, 0, 99, 100]),
        ("temperature", [-1, 0, 25.5, 32.767, 84.9375, 85.0625, -40]),
        ("humidity", [0, 99, 99.9, 100]),
        ("pressure", [999, 999.9, 1013.25]),
        ("wind_direction", [327.67, 360, 99]),
        ("heading", [327.67]),
        ("altitude", [-99, 327.67, 3276.7, 85]),
        ("rssi", [-99, -99.9, -127, -1]),
        ("noise", [85, 65.535, 99.9]),
        ("co2", [400, 410, 2000, 5000, 10_000]),
        ("voltage", [32.767, 3.2767, 12.0]),
        ("battery", [0, 100, 99]),
        ("thermal_max", [999.9, 85, 85.0]),
        ("speed", [0, 3.2767]),
    ],
)
def test_values_that_occur_by_themselves_are_left_alone(key: str, values: list[float]) -> None:
    assert said(key, *values) == {}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, TOO_LARGE, -TOO_LARGE, 1.7976931348623157e308, 0.0, -0.0])
def test_any_number_is_looked_up(value: float) -> None:
    for key in KEYS:
        assert said(key, value) == {}


@given(st.sampled_from(KEYS), st.lists(st.floats(), max_size=20))
def test_only_what_equals_a_filler_is_flagged(key: str, values: list[float]) -> None:
    mine = [value for of, value, _ in cases() if of == key]
    for row, flag in said(key, *values).items():
        ((_, filler),) = flag.reasons[0].parameters
        assert filler in mine
        assert values[row] == pytest.approx(filler, rel=fillers.ROUNDING)
