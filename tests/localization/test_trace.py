"""Which quantity a plume is traced by: one answer for live incidents, offline runs and scores."""

from datetime import UTC, datetime

import pytest

from jeonju.contract.records import AlertRecord
from jeonju.localization.trace import traced_quantity

AT = datetime(2026, 3, 4, tzinfo=UTC)


def alert(quantity: str | None) -> AlertRecord:
    return AlertRecord(
        id=f"a-{quantity}",
        site="jeonju",
        kind="smoke",
        severity="warning",
        device="palbok-03",
        zone="palbok",
        started_at=AT,
        updated_at=AT,
        ended_at=None,
        value=1.0,
        limit=None,
        quantity=quantity,
        summary_ko="",
        summary_en="",
        details="{}",
    )


@pytest.mark.parametrize(
    ("quantities", "traced"),
    [
        (["co", "pm25", "co"], "co"),
        (["pm25", "co", "co"], "co"),  # not simply that of the first alert
        (["tvoc", "h2s"], "tvoc"),  # as many of each: the same answer in any order
        (["h2s", "tvoc"], "tvoc"),
        ([None, "thermal_max", "noise"], "pm25"),  # nothing that a plume carries
        ([None, "h2s"], "h2s"),
        ([], "pm25"),
    ],
)
def test_plume_is_traced_by_the_quantity_of_most_alerts(quantities: list[str | None], traced: str) -> None:
    assert traced_quantity([alert(quantity) for quantity in quantities]) == traced
