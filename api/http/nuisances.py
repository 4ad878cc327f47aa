"""Places that people have marked because they smoke, smell or dust again and again: there, and at those hours, alerts weigh less."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Path, Response

from airquality.topics import NAME
from api.access.guard import Who
from api.alerts.smoke.nuisance import MARKED, UNMARKED, Nuisance, from_journal
from api.http.answers import answer, example
from api.http.state import Air, State
from storage.schema import JournalEntry

router = APIRouter(prefix="/api/v1/nuisances", tags=["alerts"])

_GRILL = {
    "lat": 35.8546,
    "lon": 127.0976,
    "radius_m": 150,
    "of_class": "fire",
    "weekdays": [4],
    "from_hour": 17,
    "to_hour": 1,
}
PlaceName = Annotated[str, Path(pattern=f"^(?:{NAME.pattern})$", description="A short name of the place.")]


@router.get("", responses=example({"grill-street": _GRILL}))
def nuisances(air: Air) -> Response:
    """Every marked place by its name. Weekdays count from Monday, 0; hours are local and may go over midnight."""
    return answer({name: place.model_dump() for name, place in _marked(air).items()})


@router.put("/{name}", responses=example(_GRILL))
def mark(air: Air, who: Who, name: PlaceName, place: Nuisance) -> Response:
    """Mark a place, or change one: the class of alert that weighs less there, and when. It is written down with the name of the key."""
    _write(air, who, MARKED, name, place.model_dump_json())
    return answer(place.model_dump())


@router.delete("/{name}", status_code=204)
def unmark(air: Air, who: Who, name: PlaceName) -> None:
    """Mark a place no more."""
    if name not in _marked(air):
        raise HTTPException(404, f"no place is marked as {name!r}; see /api/v1/nuisances")
    _write(air, who, UNMARKED, name, "{}")


def _marked(air: State) -> dict[str, Nuisance]:
    return from_journal(air.store.journal(air.site.name))


def _write(air: State, who: str, action: str, name: str, details: str) -> None:
    air.store.write_journal([JournalEntry(uuid4().hex, air.site.name, air.now(), who, action, name, details)])
    air.live.places_marked()
