"""What was found: alerts that last, and those of the past, what people do about them, and the journal of it."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from jeonju.api.export import FILES, AsFormat, file_of, records_table
from jeonju.api.http.answers import answer, example
from jeonju.api.http.identity import Who
from jeonju.api.http.instants import Instant
from jeonju.api.http.paging import TOTAL, BySkipping
from jeonju.api.http.state import Air, State
from jeonju.common.errors import UserError
from jeonju.contract.as_json import details_of, journal_json
from jeonju.contract.records import AlertRecord, JournalEntry
from jeonju.response.handling import Action, Verdict
from jeonju.response.notify.cap import Entry, as_atom, as_cap, entry_of
from jeonju.response.notify.cap_incident import downwind_entry

router = APIRouter(prefix="/api/v1", tags=["alerts"])

_ALERT = {
    "id": "jeonju-smoke-palbok-03-20231005T040520",
    "kind": "smoke",
    "severity": "critical",
    "device": "palbok-03",
    "active": True,
    "started_at": "2023-10-05T04:05:20Z",
    "summary_en": "Centre of Palbok-dong: Smoke or fire (PM2.5 +95.1 µg/m³ …)",
    "details": {"class": "fire"},
    "handling": {"state": "acknowledged", "who": "kim"},
    "held_back": None,
    "runbook": "smoke",
}
_ENTRY = {
    "id": "5f0c…",
    "done_at": "2023-10-05T04:07:11Z",
    "who": "kim",
    "action": "acknowledge",
    "subject": _ALERT["id"],
    "details": {"note": "119"},
}
# The feed shows the end of an alert for this long.
CANCELLED_FOR: Final = timedelta(hours=1)
MOST_IN_FEED: Final = 500
# Of the journal of one alert.
MOST_ENTRIES: Final = 1000

Note = Annotated[str, Field(max_length=2000)]


class Noted(BaseModel):
    """A remark."""

    note: Note = ""


class Comment(BaseModel):
    """A comment that says something."""

    note: Annotated[Note, Field(min_length=1)]


class Assignment(Noted):
    """Who is to look after it; nobody where `assignee` is empty."""

    assignee: Annotated[str, Field(max_length=100)]


class Closing(Noted):
    """What it turned out to be."""

    verdict: Verdict


@router.get("/alerts", responses=example([_ALERT], FILES))
def alerts(
    air: Air,
    page: BySkipping,
    state: Annotated[Literal["active", "ended", "all"], Query(description="Which alerts.")] = "active",
    kind: str | None = None,
    since: Annotated[Instant | None, Query(description="Only alerts that touch the time from here on.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    as_format: AsFormat = "json",
) -> Response:
    """Alerts, the newest first; the `Link` header gives the next page."""
    active = {"active": True, "ended": False, "all": None}[state]
    found = [
        alert for alert in air.store.alerts(air.site.name, since=since, active=active) if kind in (None, alert.kind)
    ]
    if as_format != "json":
        return file_of(air, "alerts", [records_table(AlertRecord, found)], as_format)
    return page.answer(found, limit, air.alerts.to_json)


@router.get("/alerts.cap.xml", response_class=Response)
def feed(air: Air) -> Response:
    """Alerts that last or ended within the last hour as an Atom feed of CAP 1.2 messages; what is silenced or inhibited is not in it.

    Of each incident of theirs it has the newest message about the zones downwind. The newest 500 alerts; `X-Total-Count` is how many there are.
    """
    now, service = air.now(), air.alerts
    published = [
        alert
        for alert in service.recent()
        if service.rules.of(alert.kind).cap is not None
        and service.held_back_by(alert, now) is None
        and (alert.ended_at is None or alert.ended_at >= now - CANCELLED_FOR)
    ]
    newest = sorted(published, key=lambda alert: alert.started_at, reverse=True)[:MOST_IN_FEED]
    simulated = simulated_devices(air)
    entries = [entry_of(air.site, service.rules, alert, simulated) for alert in newest]
    entries += _downwind(air, {alert.id for alert in newest}, simulated, now)
    return Response(
        as_atom(air.site, entries, now),
        headers={TOTAL: str(len(published))},
        media_type="application/atom+xml; charset=utf-8",
    )


def _downwind(air: State, alerts: set[str], simulated: set[str], now: datetime) -> list[Entry]:
    """Return the messages about the zones downwind of incidents that last or ended within the last hour, and have one of the alerts."""
    recent = air.store.incidents(air.site.name, since=now - CANCELLED_FOR)[:MOST_IN_FEED]
    found = [
        downwind_entry(air.site, air.alerts.rules, incident, simulated)
        for incident in recent
        if alerts & set(details_of(incident)["alerts"])
    ]
    return [entry for entry in found if entry is not None]


@router.get("/alerts/{alert}/cap.xml", response_class=Response)
def cap(air: Air, alert: str) -> Response:
    """One alert as a CAP 1.2 message."""
    found = as_cap(air.site, air.alerts.rules, _found(air, alert), simulated_devices(air))
    return Response(found, media_type="application/cap+xml; charset=utf-8")


@router.get("/alerts/{alert}", responses=example(_ALERT | {"journal": [_ENTRY]}))
def one_alert(air: Air, alert: str) -> Response:
    """One alert with the newest 1000 entries of its journal; `journal_total` is how many there are."""
    found = _found(air, alert)
    journal = air.store.journal(air.site.name, subject=found.id)
    shown = [journal_json(entry) for entry in journal[-MOST_ENTRIES:]]
    return answer({**air.alerts.to_json(found), "journal": shown, "journal_total": len(journal)})


@router.post("/alerts/{alert}/acknowledge", responses=example(_ALERT))
def acknowledge(air: Air, who: Who, alert: str, noted: Noted | None = None) -> Response:
    """Acknowledge it: somebody looks after it, and it is not repeated any more."""
    return _act(air, alert, "acknowledge", who, noted.note if noted else "")


@router.post("/alerts/{alert}/comment", responses=example(_ALERT))
def comment(air: Air, who: Who, alert: str, said: Comment) -> Response:
    """Write something down about it."""
    return _act(air, alert, "comment", who, said.note)


@router.post("/alerts/{alert}/assign", responses=example(_ALERT))
def assign(air: Air, who: Who, alert: str, assignment: Assignment) -> Response:
    """Say who is to look after it, or that nobody is any more."""
    return _act(air, alert, "assign", who, assignment.note, assignee=assignment.assignee.strip())


@router.post("/alerts/{alert}/close", responses=example(_ALERT))
def close(air: Air, who: Who, alert: str, closing: Closing) -> Response:
    """Close it as confirmed or as a false alarm; nothing more is sent about it, though it lasts as long as it is measured."""
    return _act(air, alert, "close", who, closing.note, verdict=closing.verdict)


@router.get("/journal", responses=example([_ENTRY], FILES))
def journal(
    air: Air,
    page: BySkipping,
    subject: Annotated[
        str | None,
        Query(
            description="An alert, an incident, a device, `silences`, `nuisances`, `corrections`, or `channel:NAME`."
        ),
    ] = None,
    since: Instant | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    as_format: AsFormat = "json",
) -> Response:
    """What people and the system did, the newest last: it is never changed. `offset` skips the newest, of at most 10 000."""
    entries = air.store.journal(air.site.name, since=since, subject=subject)
    if as_format != "json":
        return file_of(air, "journal", [records_table(JournalEntry, entries)], as_format)
    return page.answer_from_the_end(entries, limit, journal_json)


def _act(
    air: State,
    alert: str,
    action: Action,
    who: str,
    note: str,
    *,
    verdict: Verdict | None = None,
    assignee: str = "",
) -> Response:
    found = _found(air, alert)
    try:
        air.alerts.act(found, action, who, note, verdict=verdict, assignee=assignee)
    except UserError as error:
        raise HTTPException(409, str(error)) from error
    return answer(air.alerts.to_json(found))


def _found(air: State, alert: str) -> AlertRecord:
    found = air.alerts.find(alert)
    if found is None:
        raise HTTPException(404, f"no alert is called {alert[:200]!r}; see /api/v1/alerts?state=all")
    return found


def simulated_devices(air: State) -> set[str]:
    """Return the devices that do not exist."""
    return {record.device for record in air.store.devices(air.site.name) if record.origin == "simulated"}
