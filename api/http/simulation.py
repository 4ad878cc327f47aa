"""What truly happens in the simulated city, how well the network finds it, and letting something happen there."""

import math
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Body, HTTPException, Response
from pydantic import BaseModel, Field, ValidationError

from jeonju.api.access.guard import ADMIN_ONLY
from jeonju.api.http.answers import answer, example
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
_RESULT = {"detected": True, "delay_s": 240.0, "devices_reached": 3, "class_right": True, "location_error_m": 120}
_TRUTH = {
    "kind": "live",
    "speed": 10.0,
    "happened": [_FIRE | {"started_at": "2026-03-04T08:00:00Z", "reached": {"palbok-03": "…"}, "result": _RESULT}],
    "happened_total": 1,
    "score": {"released": 1, "reached": 1, "detected": 1, "cannot_be_seen": 0, "false_alarms": 0},
    "scenarios": [{"name": "palbok-recycler-fire", "title_en": "…", "events": [_FIRE]}],
}


class Speed(BaseModel):
    """How many times as fast as real time."""

    speed: Annotated[float, Field(ge=0.1, le=60)]


@router.get("", responses=example(_TRUTH))
def truth(air: Air) -> Response:
    """The newest 200 events with the devices they reached, what the network found of each so far, and the score: as `jeonju run` scores.

    `kind` is `live`, `run` for a finished run (`jeonju show`), and null where no simulator runs in this process: then nothing else is known.
    Detection is given nothing of this. `scenarios` are those whose events can be handed to `/events`, one by one.
    """
    city = air.simulated
    if city is None:
        return answer({"kind": None, "happened": [], "happened_total": 0, "score": None, "scenarios": []})
    about = {key: getattr(city, key) for key in ("kind", "title_ko", "title_en", "start", "end")}
    return answer(
        {**about, "speed": city.speed() if city.set_speed else None, **city.truth(), "scenarios": city.scenarios()}
    )


@router.post("/speed", **ADMIN_ONLY, responses=example({"speed": 10.0}))
def set_speed(air: Air, wanted: Speed) -> Response:
    """Let the simulated time run faster or slower from now on; it never goes back."""
    if air.simulated is None or air.simulated.set_speed is None:
        raise HTTPException(409, "no simulated time runs in this process; see `jeonju up`")
    air.simulated.set_speed(wanted.speed)
    return answer({"speed": wanted.speed})


@router.post(
    "/events",
    status_code=202,
    **ADMIN_ONLY,
    responses={202: {"content": {"application/json": {"example": {"accepted": _FIRE}}}}},
)
def add_event(air: Air, event: Annotated[dict[str, Any], Body(examples=[_FIRE])]) -> Response:
    """Hand an event to the running simulator: it begins now, or `after` a while. The same members as in scenario files (docs/scenarios.md)."""
    if air.simulated is not None and air.simulated.kind == "run":
        raise HTTPException(409, "this is a finished run: nothing more happens in it")
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
