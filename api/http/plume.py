"""The plume of an incident, now and within the next hour, as a field of probability. The console draws it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Response

from jeonju.api.http.answers import answer, example
from jeonju.api.http.incidents import found_incident
from jeonju.api.http.instants import Instant
from jeonju.api.http.state import Air, State
from jeonju.contract.as_json import incident_json
from jeonju.localization.minutes import minute_means
from jeonju.localization.plume_ensemble import released_from
from jeonju.localization.plume_field import levels_of, plume_field
from jeonju.localization.plume_json import plume_json
from jeonju.storage.port import Series

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])

# The stations of an hour show how much the wind differs over the city.
WIND_OVER: Final = timedelta(hours=1)
STEP: Final = timedelta(minutes=2)

_PLUME: Final = {
    "quantity": "pm25",
    "unit": "µg/m³",
    "at": "2026-03-04T03:00:00Z",
    "minutes": [0, 10, 20, 30, 40, 50, 60],
    "levels": [4.0, 35.0],
    "rise_m": [12, 40, 130],
    "rise_over_m": 310,
    "grid": {"south": 35.84, "west": 127.08, "step_lat": 0.0018, "step_lon": 0.0022, "rows": 2, "columns": 2},
    "percent": [[[0, 2, 31, 90]], [[0, 0, 4, 61]]],
}


@router.get("/{incident}/plume", responses=example(_PLUME))
async def plume(
    air: Air,
    incident: str,
    at: Annotated[
        Instant | None, Query(description="An instant since it was opened; that of its map by default.")
    ] = None,
) -> Response:
    """How probable it is [%] that the plume adds a level or more at breathing height: `percent[level][time]`, row by row from the south-west.

    The levels are what a device can tell, and what makes the air bad. It counts what is not known of place and rate (as found by now, if the source
    is on its map), and how wind and source change within an hour, as one source in two ends; the plume is taken not to rise.
    `rise_m` is how high it rises if it is a fire's, at the 5, 50 and 95 % points of the rate, `rise_over_m` within what distance.
    `grid` is null where nothing is probable.
    """
    return await air.turns.exports.run(lambda: answer(_plume(air, incident, at)))


def _plume(air: State, incident_id: str, at: datetime | None) -> dict[str, Any]:
    record = found_incident(air, incident_id)
    source = incident_json(record)["details"]["source"]
    if source is None or source.get("says_nothing") or not source["cells"]:
        raise HTTPException(404, "the source is not traced yet; ask again in a few seconds")
    traced_at = datetime.fromisoformat(source["traced_at"])
    instant = traced_at if at is None else at - (at - datetime.min.replace(tzinfo=UTC)) % STEP
    if instant < record.opened_at - STEP:
        raise HTTPException(422, f"at: lies before the incident was opened, {record.opened_at.isoformat()}")
    if instant > max(air.now(), traced_at) + STEP:
        raise HTTPException(422, "at: lies in the future; `minutes` of the answer lead there")
    return air.plumes.get((record.id, traced_at, instant), lambda: _made(air, record.opened_at, source, instant))


def _made(air: State, opened_at: datetime, source: dict[str, Any], at: datetime) -> dict[str, Any]:
    stations = tuple(station.name for station in air.site.stations)
    readings = air.store.readings(
        Series(site=air.site.name, start=at - WIND_OVER, end=at, devices=stations, every_s=60)
    )
    until_s = at.timestamp()
    minutes = minute_means(
        air.site, readings, source["quantity"], start_s=until_s - WIND_OVER.total_seconds(), until_s=until_s
    )
    noticed_min = max((at - opened_at).total_seconds() / 60, 0.0)
    released = released_from(air.site, source["cells"], source["rate_g_s"], source["quantity"], noticed_min)
    found = plume_field(air.site, released, minutes, levels_of(source["quantity"]))
    if found is None:
        raise HTTPException(404, "no station reported the wind, so nobody can say where the plume goes")
    return plume_json(air.site, found, source["quantity"], at)
