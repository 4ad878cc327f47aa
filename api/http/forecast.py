"""The next hours at the stations, as far as what is stored lets them be foreseen."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, HTTPException, Query, Response

from jeonju.airquality.pollutants import QUANTITY
from jeonju.api.http.answers import answer, example
from jeonju.api.http.state import Air
from jeonju.contract.forecast import CityForecast
from jeonju.forecast.city import QUANTITIES
from jeonju.forecast.panel import HORIZONS_H

router = APIRouter(prefix="/api/v1", tags=["indexes"])

RETRY_AFTER_S: Final = 5

_HOUR: Final = {
    "at": "2026-03-04T05:00:00Z",
    "hours_ahead": 1,
    "mean": 61.2,
    "median": 57.9,
    "low": 38.4,
    "high": 97.0,
    "classes": {"good": 0.02, "moderate": 0.83, "bad": 0.14, "very-bad": 0.01},
    "warns": False,
}
_FORECAST: Final = {
    "is_forecast": True,
    "is_current": True,
    "reason": None,
    "made_at": "2026-03-04T05:04:10Z",
    "last_hour": "2026-03-04T04:00:00Z",
    "models": {
        "pm10": {
            "model": "learnt",
            "history_hours": 6120,
            "inputs": ["own", "weather", "other quantities"],
            "reason": None,
            "unit": "µg/m³",
        }
    },
    "stations": {"palbok-03": {"pm10": {"hours": [_HOUR], "reason": None}}},
}


_WAIT: Final[dict[int | str, dict[str, Any]]] = {202: {"description": "The first forecast is being made; ask again."}}


@router.get("/forecast", responses=example(_FORECAST) | _WAIT)
async def forecast(
    air: Air,
    station: Annotated[list[str] | None, Query(max_length=100, description="These stations only.")] = None,
    quantity: Annotated[list[str] | None, Query(max_length=8, description=f"Of {', '.join(QUANTITIES)}.")] = None,
    hours: Annotated[int, Query(ge=1, le=len(HORIZONS_H), description="How many hours ahead.")] = len(HORIZONS_H),
) -> Response:
    """Hourly means of the next hours: mean, median, the 90 % interval (`low` to `high`), the probability of each class of the index, and `warns`.

    A forecast, nothing that was measured. `models` says of each quantity how it was made and from how many hours of this city: `learnt` from 60 days
    on, before that `persistence` (what is measured goes back to what is usual), with less than 12 hours `none`; `reason` says why. Classes are
    those of hourly means. It is made at most once an hour, when somebody asks: while it is being made the answer is the last one (`is_current` is
    false), or 202 before the first; ask again in some seconds.
    """
    known = {device.name for device in air.site.stations}
    if station is not None and (strange := sorted(set(station) - known)):
        raise HTTPException(404, f"station: there is no station {strange[0]!r}")
    if quantity is not None and (strange := sorted(set(quantity) - set(QUANTITIES))):
        raise HTTPException(422, f"quantity: {strange[0]!r} is not forecast; there are: {', '.join(QUANTITIES)}")
    made = air.forecast.ask()
    if made is None:
        reason = air.forecast.failure or f"the first forecast is being made; ask again in {RETRY_AFTER_S} s"
        content = {"is_forecast": True, "is_current": False, "reason": reason, "models": {}, "stations": {}}
        waiting = answer(content, 202)
        waiting.headers["Retry-After"] = str(RETRY_AFTER_S)
        return waiting
    content = {
        "is_forecast": True,
        "is_current": air.forecast.is_current(made),
        "reason": air.forecast.failure,
        "made_at": made.made_at,
        "last_hour": made.last_hour,
        **_chosen(made, station or sorted(known), quantity or list(QUANTITIES), hours),
    }
    return answer(content)


def _chosen(made: CityForecast, stations: list[str], quantities: list[str], hours: int) -> dict[str, Any]:
    models = {key: {**msgspec.to_builtins(made.models[key]), "unit": QUANTITY[key].unit} for key in quantities}
    chosen = {
        name: {
            key: {
                "hours": [msgspec.to_builtins(hour) for hour in made.stations[name][key].hours[:hours]],
                "reason": made.stations[name][key].reason,
            }
            for key in quantities
        }
        for name in stations
        if name in made.stations
    }
    return {"models": models, "stations": chosen}
