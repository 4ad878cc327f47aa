"""Corrections of devices, which a person agrees to and ingest applies."""

from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, HTTPException, Query, Response

from jeonju.api.access.guard import ADMIN_ONLY
from jeonju.api.http.answers import answer, example
from jeonju.api.http.identity import Who
from jeonju.api.http.paging import MOST_ROWS, BySkipping
from jeonju.api.http.state import Air
from jeonju.common.errors import UserError
from jeonju.contract.correction import Agreement
from jeonju.contract.official import source_of

router = APIRouter(prefix="/api/v1", tags=["site"])

_CORRECTION: Final[dict[str, Any]] = {
    "id": "5c1e…",
    "device": "palbok-03",
    "quantity": "pm25",
    "gain": 1.38,
    "offset": 4.9,
    "reason": "30 days beside 팔복동, 330 m",
    "who": "kim",
    "agreed_at": "2026-03-04T08:00:00Z",
    "from_at": "2026-03-04T08:01:00Z",
    "until_at": None,
    "withdrawn_by": None,
}


@router.get("/corrections", responses=example([_CORRECTION]))
def corrections(
    air: Air,
    page: BySkipping,
    state: Annotated[Literal["active", "all"], Query(description="Those in force, or all.")] = "active",
    device: Annotated[str | None, Query(description="Of this device.", max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = MOST_ROWS,
) -> Response:
    """Corrections that people agreed to, the newest first: measured = gain · true + offset. The `Link` header gives the next page."""
    known = air.alerts.corrections.in_force() if state == "active" else [*air.alerts.corrections.known().values()]
    return page.answer([one for one in known[::-1] if device in (None, one.device)], limit, asdict)


@router.post("/corrections", status_code=201, **ADMIN_ONLY)
def accept(air: Air, who: Who, agreed: Agreement) -> Response:
    """Agree to correct a quantity of a device, from a minute later on: (measured - offset) / gain is stored, what was measured stands in its flag.

    What is stored already stays as it is. A new correction ends the one before of the same device and quantity. Official values are not corrected.
    """
    if (source := source_of(air.site, agreed.device)) is not None:
        raise HTTPException(
            422, f"{agreed.device!r} is official: its values are kept as {source} publishes them, and are not corrected"
        )
    known = {device.name for device in air.site.devices}
    if agreed.device not in known and agreed.device not in {each.device for each in air.store.devices(air.site.name)}:
        raise HTTPException(404, f"{agreed.device!r} is no device of {air.site.name}; see /api/v1/devices")
    try:
        return answer(asdict(air.alerts.corrections.accept(agreed, who)), 201)
    except UserError as error:
        raise HTTPException(422, str(error)) from error


@router.post("/corrections/{correction_id}/withdraw", responses=example(_CORRECTION), **ADMIN_ONLY)
def withdraw(air: Air, who: Who, correction_id: str) -> Response:
    """End a correction, from a minute later on."""
    try:
        return answer(asdict(air.alerts.corrections.withdraw(correction_id, who)))
    except UserError as error:
        raise HTTPException(404, str(error)) from error
