"""Instants in the forms in which devices send them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.decoders.fields import at_pointer
from jeonju.decoders.times import UnreadTime, instant

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
        "noon",
        "12:30",
        "11/28/2025 10:15:30",
        "Tue Jan  2 03:04:05 EST 2024",
        "2024-01-02T03:04:05/06:07",
        "20241399999999",
        True,
        10**400,
    ],
)
def test_what_is_no_instant_is_not_passed_over(value: Any) -> None:
    assert instant(value) == UnreadTime(str(value)[:64])


@pytest.mark.parametrize(
    "value", [None, "", "-", "nan", "2024-01-02 03:04:05", "2024/01/02 03:04:05", "Tue Jan  2 03:04:05 2024"]
)
def test_no_time_and_a_time_without_a_zone_are_none(value: Any) -> None:
    assert instant(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-02 12:04:05.123456789 +0900 KST m=+0.0123",
        "2024-01-02 03:04:05.123 +0000 UTC",
        "2024-01-02 12:04:05.123 +0900 +0900",
        "2024-01-02T12:04:05.123+09:00[Asia/Seoul]",
        "2024-01-02T03:04:05.123Z[UTC]",
        "Tue Jan  2 03:04:05.123 UTC 2024",
        "Tue Jan 02 12:04:05.123 +0900 2024",
        "/Date(1704164645123+0900)/",
        "2.1.2024 12:04:05.123",
        "2024/01/02 12:04:05.123 +0900",
        '"2024-01-02T03:04:05.123Z"',
    ],
)
def test_what_clocks_of_languages_write(value: str) -> None:
    assert instant(value, "Asia/Seoul") == AT


@pytest.mark.parametrize(
    "value",
    [
        "Tue, 02 Jan 2024 03:04:05 GMT",
        "2 Jan 2024 12:04:05 +0900",
        "Tue Jan 02 2024 12:04:05 GMT+0900 (Korean Standard Time)",
        "Tue Jan  2 12:04:05 KST 2024",
    ],
)
def test_what_mail_and_browsers_write_to_the_second(value: str) -> None:
    assert instant(value) == AT.replace(microsecond=0)


@pytest.mark.parametrize(
    "value", ["2024-01-01T24:00:00Z", "20240101T2400Z", "2024-01-01 24:00 UTC", "2024-01-01T23:59:60Z"]
)
def test_end_of_a_day_and_leap_second_are_the_next_day(value: str) -> None:
    assert instant(value) == datetime(2024, 1, 2, tzinfo=UTC)


def test_an_integer_of_too_many_digits_is_no_instant() -> None:
    assert instant(10**5000) == UnreadTime("(int)")


def test_pointer_step_that_only_looks_like_a_digit_leads_nowhere() -> None:
    assert at_pointer({"a": [1, 2]}, "/a/²") is None


LISTED = {
    "m": [
        7,
        {"name": "pm25", "value": 4},
        {"name": "rh", "value": 40},
        {"id": 4097, "v": 2, "ok": True},
        {"name": "rh", "value": 41},
    ]
}


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("/m/name=pm25/value", 4),
        ("/m/name=rh/value", 40),
        ("/m/id=4097/v", 2),
        ("/m/name=co/value", None),
        ("/m/ok=True/v", None),
        ("/m/name/value", None),
        ("/name=pm25/value", None),
    ],
)
def test_element_of_a_list_by_one_of_its_members(pointer: str, expected: Any) -> None:
    assert at_pointer(LISTED, pointer) == expected


def test_element_by_a_member_that_holds_slashes_or_an_endless_number() -> None:
    assert at_pointer([{"t": "a/b=c", "v": 1}], "/t=a~1b=c/v") == 1
    assert at_pointer([{"t": 10**5000, "v": 1}], "/t=1/v") is None


def test_object_is_entered_only_where_its_member_is_so() -> None:
    message = {"sensor": "TC", "value": 4, "at=1": {"x": 5}, "at": 1}
    assert at_pointer(message, "/sensor=TC/value") == 4
    assert at_pointer(message, "/sensor=RH/value") is None
    assert at_pointer(message, "/at=1/x") == 5
    assert at_pointer({"value": None}, "/value/value") is None
