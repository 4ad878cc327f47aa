"""Arrays that grow with the devices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.common.device_array import DeviceArray


def test_new_rows_hold_the_fill_and_old_ones_what_was_written() -> None:
    array = DeviceArray(np.float64, np.nan)
    array.grow(2)
    array[1] = 5.0
    array.grow(4)
    assert len(array) == 4
    np.testing.assert_array_equal(array.values, [np.nan, 5.0, np.nan, np.nan])


def test_it_never_shrinks_and_growing_to_the_same_length_keeps_everything() -> None:
    array = DeviceArray(np.int64, 7)
    array.grow(3)
    view = array.values
    array.grow(1)
    array.grow(3)
    assert array.values.tolist() == [7, 7, 7]
    assert np.shares_memory(view, array.values)


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.bool_])
def test_type_and_row_shape_stay(dtype: type[np.generic]) -> None:
    array = DeviceArray(dtype, 0, (2, 3))
    assert array.values.shape == (0, 2, 3)
    array.grow(5)
    assert array.values.shape == (5, 2, 3)
    assert array.values.dtype == np.dtype(dtype)


def test_fill_may_be_a_whole_row() -> None:
    array = DeviceArray(np.float64, [1.0, 2.0], (2,))
    array.grow(3)
    np.testing.assert_array_equal(array.values, [[1.0, 2.0]] * 3)


def test_values_are_written_in_place() -> None:
    array = DeviceArray(np.float64)
    array.grow(3)
    np.add.at(array.values, [0, 0, 2], 1.0)
    array[:] += 1.0
    assert array.values.tolist() == [3.0, 1.0, 2.0]


def test_rows_can_be_added_with_values_of_their_own() -> None:
    array = DeviceArray(np.float64, 0.0, (2,))
    array.extend([[1.0, 2.0]])
    array.extend(np.empty((0, 2)))
    array.grow(2)
    assert array.values.tolist() == [[1.0, 2.0], [0.0, 0.0]]


@given(st.lists(st.integers(0, 200), max_size=30))
def test_it_is_as_long_as_the_longest_that_was_asked_for_and_forgets_nothing(lengths: list[int]) -> None:
    array, longest = DeviceArray(np.int64, -1), 0
    for length in lengths:
        array.grow(length)
        array[longest:] = np.arange(longest, max(longest, length))
        longest = max(longest, length)
        assert array.values.tolist() == list(range(longest))


def test_one_device_after_another_copies_each_row_a_few_times_only() -> None:
    array, copies = DeviceArray(np.float64), 0
    for length in range(1, 10_000):
        before = array.values
        array.grow(length)
        copies += len(before) * (not np.shares_memory(before, array.values))
    assert copies < 5 * 10_000
