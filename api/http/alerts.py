"""What was found: alerts that last, and those of the past."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Response

from api.http.answers import answer, example
from api.http.state import Air
from api.records import alert_json

router = APIRouter(prefix="/api/v1", tags=["alerts"])

_ALERT = {"id": "jeonju-smoke-palbok-03-20231005T040520", "kind": "smoke", "severity": "critical", "device": "palbok-03", "active": True,
          "started_at": "2023-10-05T04:05:20Z", "summary_en": "Centre of Palbok-dong: Smoke or fire (PM2.5 +95.1 µg/m³ …)",
          "details": {"class": "fire"}}  # fmt: skip


@router.get("/alerts", responses=example([_ALERT]))
def alerts(
    air: Air,
    state: Annotated[Literal["active", "ended", "all"], Query(description="Which alerts.")] = "active",
    kind: str | None = None,
    since: Annotated[datetime | None, Query(description="Only alerts that touch the time from here on.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> Response:
    """Alerts, the newest first."""
    if since is not None and since.tzinfo is None:
        raise HTTPException(422, "since needs a time zone, for example 2026-03-02T08:00:00Z")
    active = {"active": True, "ended": False, "all": None}[state]
    found = [
        alert for alert in air.store.alerts(air.site.name, since=since, active=active) if kind in (None, alert.kind)
    ]
    return answer([alert_json(alert) for alert in found[:limit]])
