"""What the response writes into the store is read by other versions too: it looks as it always did."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from jeonju.contract.records import AlertRecord, JournalEntry
from jeonju.contract.site import Site
from jeonju.contract.vda5050 import Stop
from jeonju.localization.arrivals import Downwind
from jeonju.localization.trace import Source
from jeonju.response.fleet.mission import Mission
from jeonju.response.fleet.mission_log import MissionDetails
from jeonju.response.handling import Handling, handling_of
from jeonju.response.incidents.incident import Incident
from jeonju.response.incidents.stored import incident_of, record_of
from jeonju.response.journal import details_of
from jeonju.response.silences import silences_of
from tests.response.notifying import alert

AT = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
MISSION = (
    '{"incident":"i1","robot":"robot-1","order_id":"o1","sent_at":"2026-03-04T03:00:00Z","places":[[1450.0,1220.0,90.0]],"update_id":2,'
    '"order":null,"told_at":"2026-03-04T03:00:00Z","sendings":1,"taken":true,"turned_back":0,"turning":true,"ended_at":null,"outcome":"","revision":3}'
)
DETAILS = (
    '{"alerts": ["one"], "devices": ["palbok-03"], "classes": {"fire": 1.0}, "verdict": null, "places": {"one": [35.85, 127.1]}, '
    '"source": {"quantity": "pm25", "lat": 35.85, "lon": 127.1, "radius_m": 90.0, "elsewhere": 0.1, "is_unsure": false, "rate_g_s": [1.0, 2.0, 3.0], '
    '"cells": [[35.85, 127.1, 0.5]], "cell_m": 100.0, "traced_at": "2026-03-04T03:00:00+00:00", '
    '"cells_of_half": 1, "says_nothing": false, "unexplained": [], "radius_90_m": 410.0}, '
    '"downwind": [{"zone": "palbok", "probability": 0.9, "minutes": 2.5, "peak": 30.0, '
    '"minutes_10": 1.0, "minutes_90": 9.5}], "visits": [], "assignee": "", "course": []}'
)


def entry(action: str, details: str, name: str = "e1", who: str = "kim") -> JournalEntry:
    return JournalEntry(name, "jeonju", AT, who, action, "one", details)


def test_mission_in_the_journal() -> None:
    mission = Mission(
        "i1",
        "robot-1",
        "o1",
        AT,
        stops=[Stop(1450.0, 1220.0, 90.0)],
        update_id=2,
        order_sent_at=AT,
        is_accepted=True,
        is_turning_back=True,
        revision=3,
    )
    assert msgspec.json.encode(mission).decode() == MISSION
    whole = f'{{"incident": "i1", "robot": "robot-1", "visit": {MISSION}}}'
    assert details_of(entry("dispatch", whole), MissionDetails).visit == mission


def traced(one: AlertRecord) -> Incident:
    source = Source(
        quantity="pm25",
        lat=35.85,
        lon=127.1,
        radius_m=90.0,
        elsewhere=0.1,
        is_unsure=False,
        rate_g_s=(1.0, 2.0, 3.0),
        cells=((35.85, 127.1, 0.5),),
        cell_m=100.0,
        traced_at=AT,
        cells_of_half=1,
        radius_90_m=410.0,
    )
    return Incident(
        id="i1",
        site="jeonju",
        opened_at=AT,
        updated_at=AT,
        zone="palbok",
        alerts={"one": one},
        places={"one": (35.85, 127.1)},
        source=source,
        downwind=(Downwind("palbok", 0.9, 2.5, 30.0, 1.0, 9.5),),
    )


def test_incident_in_the_store() -> None:
    one = alert("one")
    incident = traced(one)
    record = record_of(incident)
    assert record.details == DETAILS
    assert (record.lat, record.lon, record.radius_m, record.radius_90_m) == (35.85, 127.1, 90.0, 410.0)
    assert (record.rate_g_s, record.confidence) == (2.0, 1.0)
    assert incident_of(record, {"one": one}) == incident


def test_incident_whose_map_says_nothing_is_stored_without_a_place() -> None:
    """So that dashboards, which draw the columns, draw none; the details keep the cells."""
    incident = traced(alert("one"))
    assert incident.source is not None
    incident.source = replace(incident.source, says_nothing=True)
    record = record_of(incident)
    assert (record.lat, record.lon, record.radius_m, record.radius_90_m) == (None, None, None, None)
    assert '"says_nothing": true' in record.details


@pytest.mark.parametrize("details", ["{}", '{"alerts": ["one"], "source": null, "robot": "of another version"}'])
def test_incident_that_an_earlier_version_stored_with_less(jeonju: Site, details: str) -> None:
    record = record_of(traced(alert("one")))._replace(site=jeonju.name, details=details)
    incident = incident_of(record, {"one": alert("one")})
    assert (incident.source, incident.downwind, incident.missions, incident.places) == (None, (), [], {})
    assert list(incident.alerts) == json.loads(details).get("alerts", [])


def test_zone_downwind_that_an_earlier_version_stored_without_an_interval() -> None:
    details = '{"downwind": [{"zone": "palbok", "probability": 0.9, "minutes": 2.5, "peak": 30.0}]}'
    incident = incident_of(record_of(traced(alert("one")))._replace(details=details), {})
    assert incident.downwind == (Downwind("palbok", 0.9, 2.5, 30.0),)


def test_what_people_did_in_the_journal() -> None:
    entries = [
        entry("acknowledge", '{"note": "119"}'),
        entry("comment", "{}"),
        entry("close", '{"verdict": "confirmed"}'),
    ]
    assert handling_of(entries) == Handling(state="closed", verdict="confirmed", who="kim", since=AT, comments=1)
    until = AT + timedelta(hours=1)
    details = {"until": until.isoformat(), "reason": "exercise", "kind": "smoke", "zone": "*", "device": "*"}
    begun, ended = entry("silence", json.dumps(details)), entry("silence-ended", '{"silence": "e1"}', "e2", "lee")
    (silence,) = silences_of([begun]).values()
    assert (silence.id, silence.who, silence.until_at, silence.kind) == ("e1", "kim", until, "smoke")
    assert silences_of([begun, ended])["e1"].until_at == AT
