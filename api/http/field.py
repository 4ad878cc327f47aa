"""A measured quantity over the city, interpolated between the devices. The console draws it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Response

from jeonju.airquality.interpolation import ACCURACY, TooFewError
from jeonju.airquality.pollutants import QUANTITY
from jeonju.api.http.answers import answer, example
from jeonju.api.http.instants import Instant
from jeonju.api.http.moment import newest_rows
from jeonju.api.http.state import Air, State
from jeonju.localization.quantity_field import field_of

router = APIRouter(prefix="/api/v1", tags=["site"])

_GRID: Final = {
    "south": 35.79,
    "west": 127.02,
    "step_lat": 0.0021,
    "step_lon": 0.0026,
    "rows": 2,
    "columns": 2,
    "value": [21.3, 22.0, 21.8, 24.1],
    "low": [14.0, 15.1, 14.2, 16.6],
    "high": [30.2, 31.0, 30.9, 34.8],
}
_FIELD: Final = {"quantity": "pm25", "unit": "µg/m³", "at": "2026-03-04T03:00:00Z", "devices": 26, "reason": None}


@router.get("/field", responses=example(_FIELD | {"grid": _GRID}))
async def field(
    air: Air,
    quantity: Annotated[str, Query(description=f"One of {', '.join(ACCURACY)}.", max_length=32)] = "pm25",
    at: Annotated[Instant | None, Query(description="The instant; now by default.")] = None,
) -> Response:
    """A quantity over the city at an instant, kriged from the newest value of each device, on at most 60 × 60 nodes.

    `value`, `low` and `high` are the median and the 5 and 95 % points of the air there, row by row from the south-west; they count what instruments
    err by and what lies between them, and know of no plume that reaches no device. Values that are flagged worthless or older than 15 minutes have no
    part in it; with fewer than three devices `grid` is null and `reason` says so.
    """
    if quantity not in ACCURACY:
        raise HTTPException(422, f"quantity: cannot be interpolated; can be: {', '.join(ACCURACY)}")
    now = air.now()
    if at is not None and at > now + timedelta(days=1):
        raise HTTPException(422, "at: lies in the future")
    return await air.turns.exports.run(lambda: answer(_field(air, quantity, at, now)))


def _field(air: State, quantity: str, at: datetime | None, now: datetime) -> dict[str, Any]:
    newest = newest_rows(air, at)
    # A scenario is played on a clock of its own: now is when the newest reading was made.
    instant = at or max((row for row in newest["time"].to_pylist()), default=now)
    about = {"quantity": quantity, "unit": QUANTITY[quantity].unit, "at": instant.astimezone(UTC)}
    try:
        found = field_of(air.site, newest, quantity, instant)
    except TooFewError as error:
        return about | {"devices": 0, "reason": str(error), "grid": None}
    rows, columns = found.between.value.shape
    digits = QUANTITY[quantity].decimals + 1
    grid = {key: getattr(found, key) for key in ("south", "west", "step_lat", "step_lon")}
    flat = {key: np.round(getattr(found.between, key).ravel(), digits) for key in ("value", "low", "high")}
    return about | {
        "devices": found.devices,
        "reason": None,
        "grid": grid | {"cell_m": round(found.cell_m, 1), "rows": rows, "columns": columns} | flat,
    }
