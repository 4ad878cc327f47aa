"""Is all well: for people, for supervisors, and for those who ask what was lost."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from jeonju.api.export import FILES, AsFormat, file_of, records_table
from jeonju.api.http.answers import answer, example
from jeonju.api.http.paging import ByName, shortened
from jeonju.api.http.state import Air, State
from jeonju.contract.records import LedgerEntry
from jeonju.ingest.daily_calls import calls_today

router = APIRouter(tags=["health"])

LONGEST_GAPS: Final = 1000


@router.get("/healthz", responses=example({"status": "alive"}))
async def alive(air: Air) -> Response:
    """Alerts are judged; 503 when that has ended, and only a restart helps."""
    is_alive = air.detection.is_alive and air.response.is_alive
    return answer({"status": "alive"}) if is_alive else answer({"status": "no alerts are judged any more"}, 503)


@router.get("/readyz", responses=example({"status": "ready"}))
async def ready(air: Air) -> Response:
    """Broker and store can be reached, the broker grants what is asked of it, and what is published comes through; 503 otherwise.

    `notices` says what goes wrong with single senders.
    """
    await air.readiness.check(lambda: air.store.latest(air.site.name))
    broker = air.broker.state
    trouble = (broker.refusal or air.trouble_of_publishers()) if broker.connected else "the broker is away"
    notices = {"notices": said} if (said := air.notices()) else {}
    return answer({"status": trouble or "ready", **notices}, 503 if trouble else 200)


@router.get(
    "/metrics",
    responses={200: {"content": {"text/plain": {"example": "jeonju_api_readings_total 17280.0"}}}},
    response_class=Response,
)
def metrics(request: Request) -> Response:
    """Statistics for Prometheus."""
    return Response(generate_latest(request.app.state.metrics), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/api/v1/health", responses=example({"broker": "connected", "store": "available", "lag_s": 0.4, "active_alerts": 0})
)
def health(air: Air) -> Response:
    """How data flows: connections, lag, listeners, what was dropped.

    `official_calls` says of each service of Korea's data portal how often it was asked today, how often it may be, and when the count begins anew.
    """
    ledger = air.store.ledger(air.site.name)
    totals = {
        name: sum(getattr(entry, name) for entry in ledger)
        for name in ("received", "repeated", "missing", "late", "rejected")
    }
    return answer(
        {
            **_services(air),
            "now": air.now(),
            "devices": len(ledger),
            "ledger": totals,
            "stream_listeners_dropped": air.stream.dropped,
            "official_calls": [calls._asdict() for calls in calls_today(air.data, air.now())] if air.data else [],
        }
    )


@router.get(
    "/api/v1/ledger",
    responses=example(
        [{"device": "palbok-03", "received": 86400, "repeated": 0, "missing": 0, "late": 0, "rejected": 0}], FILES
    ),
)
def ledger(air: Air, page: ByName, site: str | None = None, as_format: AsFormat = "json") -> Response:
    """What arrived of each device, and what did not, by name; the `Link` header gives the next page."""
    entries = air.store.ledger(site or air.site.name)
    if as_format != "json":
        return file_of(air, "ledger", [records_table(LedgerEntry, entries)], as_format)
    following = [entry for entry in entries if entry.device > page.after]
    return page.answer(following, len(entries), lambda entry: entry.device, _ledger_json)


def _ledger_json(entry: LedgerEntry) -> dict[str, Any]:
    return entry._asdict() | {"gaps": shortened(entry.gaps, LONGEST_GAPS)}


def _services(air: State) -> dict[str, Any]:
    broker, found = air.broker.state, air.detection.snapshot
    return {
        "broker": "connected" if broker.connected else "away",
        "subscriptions_refused": broker.refused,
        "notices": air.notices(),
        "store": "available" if found.store_available else "away",
        "readings_received": found.feed.readings,
        "last_reading_at": found.feed.last_reading_at,
        "lag_s": found.feed.lag_s(air.now()),
        "active_alerts": len(found.active),
        "readings_too_late_to_judge": found.late,
        "feed_batches_dropped": found.dropped,
        "notifications": air.response.snapshot.notifications,
    }
