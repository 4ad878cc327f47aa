import pytest

from jeonju.common.errors import UnavailableError, UserError
from jeonju.common.waiting import wait_until_available


def test_pauses_double_up_to_ten_seconds_until_it_is_there(caplog: pytest.LogCaptureFixture) -> None:
    pauses: list[float] = []

    def attempt() -> str:
        if len(pauses) < 7:
            raise UnavailableError("no answer")
        return "there"

    def wait(pause_s: float) -> bool:
        pauses.append(pause_s)
        return False

    assert wait_until_available(attempt, wait) == "there"
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert caplog.messages == ["no answer; it is tried again"]


def test_it_gives_up_when_the_wait_says_so() -> None:
    def attempt() -> None:
        raise UnavailableError("no answer")

    assert wait_until_available(attempt, lambda _pause_s: True) is None


def test_what_a_person_must_change_is_raised_at_once() -> None:
    def attempt() -> None:
        raise UserError("a wrong password")

    with pytest.raises(UserError, match="wrong password"):
        wait_until_available(attempt, lambda _pause_s: pytest.fail("waited"))
