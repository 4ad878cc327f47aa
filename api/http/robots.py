"""Patrol robots: how they are, and what operators tell them."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, Field

from jeonju.airquality.geo import is_within
from jeonju.api.http.answers import answer, example
from jeonju.api.http.state import Air, State
from jeonju.api.http.who import Who
from jeonju.common.errors import UserError
from jeonju.contract.site import Latitude, Longitude, Site
from jeonju.contract.vda5050 import Stop
from jeonju.response.fleet.control import Work
from jeonju.response.fleet.fleet import FleetRobot
from jeonju.response.fleet.planning import STAY_S
from jeonju.response.fleet.visit import Visit

router = APIRouter(prefix="/api/v1/robots", tags=["robots"])

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
def robots(air: Air) -> Response:
    """Every robot of the site as it last told, and whether it could be sent somewhere now, or why not."""
    with air.live.fleet.dispatching() as dispatcher:
        return answer([_robot_json(air, one, dispatcher.visits) for one in dispatcher.fleet.robots.values()])


@router.post("/{robot}/send", status_code=202, responses=example({"sent": "robot-3"}))
def send(air: Air, who: Who, robot: str, place: Place) -> Response:
    """Send a robot to a place in the site's zones; it measures there and goes back to its patrol."""
    x_m, y_m = (float(value) for value in air.site.map.to_xy(place.lat, place.lon))
    if not _is_inside(air.site, x_m, y_m):
        raise HTTPException(422, f"lat, lon: lies in no zone of {air.site.label_en}")
    return _tell(
        air, who, ("send", "sent"), robot, lambda fleet, now: fleet.send(robot, [Stop(x_m, y_m, place.stay_s)], now)
    )


@router.post("/{robot}/recall", status_code=202, responses=example({"recalled": "robot-3"}))
def recall(air: Air, who: Who, robot: str) -> Response:
    """Call off what a robot was sent to do; it goes back to its patrol."""
    return _tell(air, who, ("recall", "recalled"), robot, lambda fleet, now: fleet.recall(robot, now))


@router.post("/{robot}/forbid", status_code=202, responses=example({"forbidden": "robot-3"}))
def forbid(air: Air, who: Who, robot: str) -> Response:
    """Send a robot nowhere until it is allowed again; one that is under way is called back."""
    return _tell(air, who, ("forbid", "forbidden"), robot, lambda fleet, now: fleet.forbid(robot, now))


@router.post("/{robot}/allow", status_code=202, responses=example({"allowed": "robot-3"}))
def allow(air: Air, who: Who, robot: str) -> Response:
    """Let a robot be sent again."""
    return _tell(air, who, ("allow", "allowed"), robot, lambda fleet, _now: fleet.allow(robot))


def _tell(air: State, who: str, action: tuple[str, str], robot: str, work: Work) -> Response:
    if robot not in (known := [one.name for one in air.site.robots]):
        raise HTTPException(404, f"no robot is named {robot!r}; there are: {', '.join(known)}")
    try:
        air.live.fleet.operate(action[0], robot, who, work)
    except UserError as error:
        raise HTTPException(409, str(error)) from error
    return answer({action[1]: robot}, 202)


def _robot_json(air: State, one: FleetRobot, visits: list[Visit]) -> dict[str, Any]:
    state, place, now = one.state, one.place_m, air.now()
    visit = next(
        (visit for visit in reversed(visits) if visit.robot == one.robot.name and visit.ended_at is None), None
    )
    reason = one.why_not(now)
    out: dict[str, Any] = {
        "robot": one.robot.name,
        "label_ko": one.robot.label_ko,
        "label_en": one.robot.label_en,
        "zone": one.robot.zone,
        "connected": one.is_heard(now),
        "told_at": one.state_at,
        "forbidden": one.forbidden,
        "available": reason is None,
        "reason": reason,
        "visit": None if visit is None else _visit_json(air.site, visit),
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
                {"type": error.error_type, "level": error.error_level, "text": error.error_description}
                for error in state.errors
            ],
        }
    if place is not None:
        out["position"] = [round(float(value), 6) for value in air.site.map.to_latlon(*place)]
    return out


def _visit_json(site: Site, visit: Visit) -> dict[str, Any]:
    places = [[round(float(value), 6) for value in site.map.to_latlon(stop.x_m, stop.y_m)] for stop in visit.places]
    return {"incident": visit.incident, "sent_at": visit.sent_at, "stops": len(places), "places": places}


def _is_inside(site: Site, x_m: float, y_m: float) -> bool:
    return any(is_within(*site.map.to_xy(*np.array(zone.outline).T), x_m, y_m) for zone in site.zones)
