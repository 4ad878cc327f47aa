"""Let something happen in the simulated city."""

import json
import math
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, HTTPException, Response

from airquality import topics
from api.http.answers import answer
from api.http.state import Air

router = APIRouter(prefix="/api/v1/simulation", tags=["simulation"])

FURTHEST_M: Final = 15_000.0
KINDS: Final = ("fire", "leak", "dust", "odour", "episode", "fault", "breakdown", "lost-link", "dispatch")
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
    "/events", status_code=202, responses={202: {"content": {"application/json": {"example": {"accepted": _FIRE}}}}}
)
def add_event(air: Air, event: Annotated[dict[str, Any], Body(examples=[_FIRE])]) -> Response:
    """Hand an event to the running simulator: it begins now. The same members as in scenario files (docs/scenarios.md)."""
    if event.get("kind") not in KINDS:
        raise HTTPException(422, f"kind: must be one of {', '.join(KINDS)}")
    if "lat" in event or "lon" in event or event["kind"] in ("fire", "leak", "dust", "dispatch"):
        _check_place(air, event.get("lat"), event.get("lon"))
    air.live.send_command(topics.SIMULATOR, json.dumps({"event": event}).encode())
    return answer({"accepted": event}, 202)


def _check_place(air: Air, lat: Any, lon: Any) -> None:
    for name, value in (("lat", lat), ("lon", lon)):
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise HTTPException(422, f"{name}: must be a number")
    x_m, y_m = air.site.map.to_xy(float(lat), float(lon))
    if math.hypot(float(x_m), float(y_m)) > FURTHEST_M:
        raise HTTPException(
            422, f"lat, lon: is more than {FURTHEST_M / 1000:.0f} km from the middle of {air.site.label_en}"
        )
