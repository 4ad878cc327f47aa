"""Instants in the forms in which devices send them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.ingest.decoders.fields import at_pointer
from jeonju.ingest.decoders.times import instant

AT = datetime(2024, 1, 2, 3, 4, 5, 123000, tzinfo=UTC)


# Of times that can be true: ingest takes none before 2000.
@given(milliseconds=st.integers(946_684_800_000, 4 * 10**12))
def test_no_millisecond_is_lost_to_a_double(milliseconds: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert instant(milliseconds) == at
    assert instant(float(f"{milliseconds // 1000}.{milliseconds % 1000:03}")) == at
    assert instant(milliseconds * 1000) == at
    assert instant(milliseconds * 10**6) == at


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-02T03:04:05.1234567Z",
        "2024/01/02 12:04:05.123",
        "2024-01-02 12:04:05.123",
        "20240102T120405.123",
        "2024.01.02 12:04:05.123",
        "20240102120405123",
        20240102120405123,
        "2024-01-02 12:04:05.123 KST",
        "2024-01-02 03:04:05.123 UTC",
        "1704164645.1239",
        1704164645123,
        "1704164645123",
        1704164645123999,
        1704164645123999999,
    ],
)
def test_forms_of_one_instant(value: Any) -> None:
    assert instant(value, "Asia/Seoul") == AT


@pytest.mark.parametrize("value", ["20240102120405", 20240102120405])
def test_date_and_time_without_separators_is_no_number_of_milliseconds(value: Any) -> None:
    assert instant(value, "Asia/Seoul") == AT.replace(microsecond=0)
    assert instant(value) is None


@pytest.mark.parametrize("value", ["202401021204", 202401021204])
def test_date_and_time_may_lack_the_seconds(value: Any) -> None:
    assert instant(value, "Asia/Seoul") == AT.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-02 03:04:05",
        "2024/01/02 03:04:05",
        "noon",
        "2024-01-02T03:04:05/06:07",
        "20241399999999",
        True,
        10**400,
    ],
)
def test_what_is_no_instant(value: Any) -> None:
    assert instant(value) is None


def test_pointer_step_that_only_looks_like_a_digit_leads_nowhere() -> None:
    assert at_pointer({"a": [1, 2]}, "/a/²") is None
