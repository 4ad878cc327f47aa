"""Let something happen in the simulated city."""

import math
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Body, HTTPException, Response
from pydantic import ValidationError

from jeonju.api.access.guard import ADMIN_ONLY
from jeonju.api.http.answers import answer
from jeonju.api.http.state import Air
from jeonju.contract import topics
from jeonju.contract.events import EVENT, Dispatch, Dust, Fire, Leak, unknown_name

router = APIRouter(prefix="/api/v1/simulation", tags=["simulation"])

FURTHEST_M: Final = 15_000.0
_FIRE = {
    "kind": "fire",
    "lat": 35.8552,
    "lon": 127.0925,
    "fuel": "waste-paper",
    "peak_heat_mw": 5,
    "smoulder": "2m",
    "growth": "fast",
}


@router.post(
    "/events",
    status_code=202,
    **ADMIN_ONLY,
    responses={202: {"content": {"application/json": {"example": {"accepted": _FIRE}}}}},
)
def add_event(air: Air, event: Annotated[dict[str, Any], Body(examples=[_FIRE])]) -> Response:
    """Hand an event to the running simulator: it begins now, or `after` a while. The same members as in scenario files (docs/scenarios.md)."""
    try:
        checked = EVENT.validate_python(event)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "kind"
        raise HTTPException(422, f"{where}: {first['msg'].removeprefix('Value error, ')}") from error
    if (wrong := unknown_name(checked, air.site)) is not None:
        raise HTTPException(422, f"{checked.kind} {wrong}")
    if isinstance(checked, Fire | Leak | Dust | Dispatch):
        x_m, y_m = (float(value) for value in air.site.map.to_xy(checked.lat, checked.lon))
        if math.hypot(x_m, y_m) > FURTHEST_M:
            raise HTTPException(
                422, f"lat, lon: is more than {FURTHEST_M / 1000:.0f} km from the middle of {air.site.label_en}"
            )
    air.broker.send(topics.command(air.site.name, topics.SIMULATOR), orjson.dumps({"event": event}))
    return answer({"accepted": event}, 202)
