"""Patrol robots: their states, and the commands of operators."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, Field

from jeonju.api.http.answers import answer, example
from jeonju.api.http.identity import Who
from jeonju.api.http.paging import shortened
from jeonju.api.http.state import Air, State
from jeonju.common.errors import UserError
from jeonju.contract.site import Latitude, Longitude, Site
from jeonju.contract.vda5050 import Stop
from jeonju.response.fleet.control import RobotStatus
from jeonju.response.fleet.mission import Mission
from jeonju.response.fleet.planning import STAY_S
from jeonju.response.fleet.search_map import is_in_a_zone

router = APIRouter(prefix="/api/v1/robots", tags=["robots"])

# Of what a robot says is wrong with it.
MOST_ERRORS: Final = 20
LONGEST_ERROR: Final = 500

_ROBOT = {
    "robot": "robot-3",
    "connected": True,
    "position": [35.8558, 127.0971],
    "battery": 71.5,
    "charging": False,
    "driving": True,
    "order": "",
    "forbidden": False,
    "available": True,
    "reason": None,
    "visit": None,
}


class Place(BaseModel):
    """Where a robot is to look, and for how long [s]."""

    lat: Latitude
    lon: Longitude
    stay_s: Annotated[float, Field(ge=0, le=3600)] = STAY_S


@router.get("", responses=example([_ROBOT]))
async def robots(air: Air) -> Response:
    """Every robot of the site as it last reported, and whether it could be sent somewhere now, or why not."""
    return answer([_robot_json(air.site, status) for status in air.response.snapshot.robots])


@router.post("/{robot}/send", status_code=202, responses=example({"sent": "robot-3"}))
def send(air: Air, who: Who, robot: str, place: Place) -> Response:
    """Send a robot to a place in the site's zones; it measures there and goes back to its patrol."""
    x_m, y_m = (float(value) for value in air.site.map.to_xy(place.lat, place.lon))
    if not is_in_a_zone(air.site, x_m, y_m):
        raise HTTPException(422, f"lat, lon: lies in no zone of {air.site.label_en}")
    _check_name(air, robot)
    with _conflicts():
        air.orders.send(robot, [Stop(x_m, y_m, place.stay_s)], who)
    return answer({"sent": robot}, 202)


@router.post("/{robot}/recall", status_code=202, responses=example({"recalled": "robot-3"}))
def recall(air: Air, who: Who, robot: str) -> Response:
    """Call off what a robot was sent to do; it goes back to its patrol."""
    _check_name(air, robot)
    with _conflicts():
        air.orders.recall(robot, who)
    return answer({"recalled": robot}, 202)


@router.post("/{robot}/forbid", status_code=202, responses=example({"forbidden": "robot-3"}))
def forbid(air: Air, who: Who, robot: str) -> Response:
    """Send a robot nowhere until it is allowed again; one that is under way is called back."""
    _check_name(air, robot)
    with _conflicts():
        air.orders.forbid(robot, who)
    return answer({"forbidden": robot}, 202)


@router.post("/{robot}/allow", status_code=202, responses=example({"allowed": "robot-3"}))
def allow(air: Air, who: Who, robot: str) -> Response:
    """Let a robot be sent again."""
    _check_name(air, robot)
    with _conflicts():
        air.orders.allow(robot, who)
    return answer({"allowed": robot}, 202)


def _check_name(air: State, robot: str) -> None:
    if robot not in (known := [patrol.name for patrol in air.site.robots]):
        raise HTTPException(404, f"no robot is named {robot!r}; there are: {', '.join(known)}")


@contextmanager
def _conflicts() -> Iterator[None]:
    """Answer 409 to what a robot cannot do now."""
    try:
        yield
    except UserError as error:
        raise HTTPException(409, str(error)) from error


def _robot_json(site: Site, status: RobotStatus) -> dict[str, Any]:
    robot, state = status.robot, status.state
    out: dict[str, Any] = {
        "robot": robot.name,
        "label_ko": robot.label_ko,
        "label_en": robot.label_en,
        "zone": robot.zone,
        "connected": status.is_online,
        "told_at": status.state_at,
        "forbidden": status.is_disabled,
        "available": status.unavailable_because is None,
        "reason": status.unavailable_because,
        "visit": None if status.mission is None else _visit_json(site, status.mission),
    }
    if state is not None:
        out |= {
            "battery": state.power_supply.state_of_charge,
            "charging": state.power_supply.charging,
            "driving": state.driving,
            "paused": state.paused,
            "mode": state.operating_mode.lower(),
            "order": "" if state.is_idle else state.order_id,
            "errors": [
                {
                    "type": shortened(error.error_type, LONGEST_ERROR),
                    "level": error.error_level,
                    "text": shortened(error.error_description or "", LONGEST_ERROR),
                }
                for error in state.errors[:MOST_ERRORS]
            ],
            "errors_total": len(state.errors),
        }
    if status.place_m is not None:
        out["position"] = [round(float(value), 6) for value in site.map.to_latlon(*status.place_m)]
    return out


def _visit_json(site: Site, mission: Mission) -> dict[str, Any]:
    places = mission.to_json(site)["places"]
    return {"incident": mission.incident, "sent_at": mission.sent_at, "stops": len(places), "places": places}
