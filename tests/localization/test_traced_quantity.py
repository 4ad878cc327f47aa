"""Which quantity of an incident's alerts its plume is traced by."""

import pytest

from jeonju.localization.trace import traced_quantity
from tests.response.notifying import alert


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["co", "pm25", "co"], "co"),
        (["pm25", None, None], "pm25"),
        (["pm25", "pm10"], "pm25"),
        (["temperature"], "pm25"),
        ([None], "pm25"),
        ([], "pm25"),
    ],
)
def test_most_alerts_decide_and_without_any_it_is_fine_particles(named: list[str | None], expected: str) -> None:
    assert traced_quantity([alert("one")._replace(quantity=quantity) for quantity in named]) == expected
