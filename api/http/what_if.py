"""What if: forks of the living city with a fire, a leak, a closed road, another wind, robots elsewhere or one more station."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request, Response

from jeonju.api.access.keys import Role
from jeonju.api.http.answers import answer, example
from jeonju.api.http.identity import Who
from jeonju.api.http.state import Air
from jeonju.api.what_ifs import WhatIfs
from jeonju.common.errors import UserError
from jeonju.contract.what_if import WhatIf, what_is_wrong

router = APIRouter(prefix="/api/v1/what-if", tags=["what if"])

_FIRE: Final = {"kind": "fire", "lat": 35.8552, "lon": 127.0925, "fuel": "mixed-waste", "peak_heat_mw": 3}
_ASKED: Final = {"changes": [_FIRE, {"kind": "wind", "speed_m_s": 3, "from_deg": 270}], "hours": 2, "seed": 1}
_SHORT: Final = {
    "id": "5f3c0a1b9d2e",
    "asked_at": "2026-03-04T08:00:00Z",
    "who": "duty",
    "at": "2026-03-04T08:00:00Z",
    "until": "2026-03-04T10:00:00Z",
    **_ASKED,
    "noticed": [{"change": 0, "at": "2026-03-04T08:07:10Z", "device": "palbok-03", "after_s": 430}],
    "alerts": 3,
    "zones": ["palbok"],
}
_ANSWER: Final = {
    **{key: value for key, value in _SHORT.items() if key != "zones"},
    "present": {"wind_speed_m_s": 1.8, "wind_from_deg": 278, "background": {"pm25": 23.4}, "silent": [], "sources": []},
    "downwind": [{"change": 0, "quantity": "pm25", "zones": [{"zone": "palbok", "probability": 0.9, "minutes": 4}]}],
    "alerts": [{"kind": "smoke", "device": "palbok-03", "started_at": "2026-03-04T08:07:10Z", "change": 0}],
    "levels": {"step_s": 600, "stations": {"palbok-03": {"pm25": {"now": 23.4, "then": [24.0, 180.5]}}}},
    "kept": True,
}


@router.post("", responses=example(_ANSWER))
async def ask(air: Air, who: Who, wanted: WhatIf) -> Response:
    """Fork the living city: it goes on from what is measured now, with what is changed, for some hours; nothing of the city itself is touched.

    Changes are events as in scenario files (docs/scenarios.md), and `wind`, `station` and `robot` (docs/what-if.md); without any it is asked how it
    goes on. `hours` are at most 24, 2 by default; `at` is an instant of the past to start from. One question is answered at a time and three wait:
    beyond, 429.
    """
    if (wrong := what_is_wrong(wanted, air.site)) is not None:
        raise HTTPException(422, wrong)
    what_ifs = _of(air)
    return await air.turns.what_ifs.run(lambda: _told(lambda: what_ifs.ask(wanted, who)))


@router.get("", responses=example({"running": [], "kept": [_SHORT]}))
def kept(air: Air, request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> Response:
    """What was asked, the newest first, in short, and what is being answered now with the share of it that is done.

    Where an operator asks, the process that answers is made ready: a question is probably coming.
    """
    what_ifs = _of(air)
    if request.state.caller.role >= Role.OPERATOR:
        what_ifs.warm_up()
    return answer({"running": what_ifs.running(), "kept": what_ifs.kept(limit)})


@router.get("/{what_if}", responses=example(_ANSWER))
def one(air: Air, what_if: str) -> Response:
    """One answer, and in `then` what has happened since: levels as measured with their errors, and which alerts were raised."""
    found = _of(air).one(what_if)
    if found is None:
        raise HTTPException(404, f"no what-if is called {what_if!r}; GET /api/v1/what-if lists them")
    return answer(found)


def _of(air: Air) -> WhatIfs:
    if air.what_ifs is None:
        raise HTTPException(409, "this api answers no what-ifs")
    return air.what_ifs


def _told(work: Callable[[], dict[str, Any]]) -> Response:
    try:
        return answer(work())
    except UserError as error:
        raise HTTPException(409, str(error)) from error
