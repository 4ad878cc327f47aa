"""Where the wind carries an incident, as CAP messages: zones with arrival times, in two languages, bounded, updated and cancelled."""

import json
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.contract.records import IncidentRecord
from jeonju.contract.site import Site
from jeonju.response.notify.cap import CAP, as_cap
from jeonju.response.notify.cap_incident import MOST_ZONES, downwind_entry
from jeonju.response.notify.cap_parts import MOST_POINTS, bounded, document
from jeonju.rules.rules import shipped_rules
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import local_client
from tests.response.cap_checks import check_cap
from tests.response.notifying import NOW, Clock, alert

DOWNWIND = [
    {"zone": "palbok", "probability": 0.9, "minutes": 2.0, "peak": 40.0, "minutes_10": 0.0, "minutes_90": 7.5},
    {"zone": "manseong", "probability": 0.3, "minutes": 21.0, "peak": 9.0, "minutes_10": 12.0, "minutes_90": 44.0},
]


def incident(downwind: list[dict[str, Any]], maps: int = 1, **changes: Any) -> IncidentRecord:
    course = [
        {"at": (NOW + timedelta(minutes=2 * number)).isoformat(), "says_nothing": False} for number in range(maps)
    ]
    details = {"alerts": ["one"], "devices": ["palbok-03"], "downwind": downwind, "course": course}
    record = IncidentRecord(
        "i1",
        "jeonju",
        "open",
        "fire",
        "critical",
        "palbok",
        NOW,
        NOW,
        None,
        35.86,
        127.1,
        90.0,
        2.0,
        0.9,
        "불",
        "fire",
        json.dumps(details),
    )
    return record._replace(**changes)


def message(site: Site, record: IncidentRecord, simulated: tuple[str, ...] = ()) -> ET.Element:
    found = downwind_entry(site, shipped_rules(), record, simulated)
    assert found is not None
    read = ET.fromstring(document(found.message))
    check_cap(read)
    return read


def texts(element: ET.Element, name: str) -> list[str | None]:
    return [one.text for one in element.iter(f"{{{CAP}}}{name}")]


def test_zones_downwind_are_polygons_with_the_times_of_arrival_in_both_languages(jeonju: Site) -> None:
    found = message(jeonju, incident(DOWNWIND), ("palbok-03",))
    assert texts(found, "language") == ["ko-KR", "ko-KR", "en-US", "en-US"]
    assert texts(found, "status") == ["Exercise"]
    assert texts(found, "incidents") == ["i1"]
    # NOW is 21:00 in Seoul.
    assert texts(found, "areaDesc")[:2] == [
        "팔복동 산업단지: 21:00~21:07 도달 예상, 확률 90 %",
        "만성지구: 21:12~21:44 도달 예상, 확률 30 %",
    ]
    assert "21:12 to 21:44, probability 30 %" in (texts(found, "areaDesc")[3] or "")
    assert texts(found, "urgency")[:2] == ["Immediate", "Expected"]
    assert texts(found, "certainty")[:2] == ["Likely", "Possible"]
    assert texts(found, "onset")[1] == "2026-03-04T12:12:00-00:00"
    assert "창문을 닫고" in (texts(found, "instruction")[0] or "")
    corners = {zone.name: zone.outline[0] for zone in jeonju.zones}
    assert (texts(found, "polygon")[1] or "").startswith("{},{} ".format(*corners["manseong"]))


def test_zone_that_is_reached_already_is_said_to_be(jeonju: Site) -> None:
    there = {**DOWNWIND[0], "minutes": 0.0, "minutes_90": 0.0}
    found = message(jeonju, incident([there]))
    assert texts(found, "areaDesc")[0] == "팔복동 산업단지: 이미 도달한 것으로 추정, 확률 90 %"
    assert texts(found, "urgency") == ["Immediate", "Immediate"]


def test_each_map_updates_the_message_before_and_a_false_alarm_cancels_it(jeonju: Site) -> None:
    first, second = message(jeonju, incident(DOWNWIND)), message(jeonju, incident(DOWNWIND, maps=2))
    over = message(jeonju, incident(DOWNWIND, maps=2, state="false-alarm", updated_at=NOW + timedelta(minutes=5)))
    kinds = [texts(one, "msgType")[0] for one in (first, second, over)]
    names = [texts(one, "identifier")[0] for one in (first, second, over)]
    assert kinds == ["Alert", "Update", "Cancel"]
    assert len(set(names)) == 3
    assert (texts(second, "references")[0] or "").split(",")[1:] == [names[0], texts(first, "sent")[0]]
    assert (texts(over, "references")[0] or "").split(",")[1:] == [names[1], texts(second, "sent")[0]]
    assert texts(over, "responseType") == ["AllClear", "AllClear"]


def test_without_zones_it_says_where_it_is_and_without_a_map_nothing(jeonju: Site) -> None:
    assert texts(message(jeonju, incident([])), "areaDesc") == ["팔복동 산업단지", "Palbok-dong industrial complex"]
    assert downwind_entry(jeonju, shipped_rules(), incident([], maps=0), ()) is None


def test_zones_are_bounded_and_those_that_are_gone_left_out(jeonju: Site) -> None:
    many = [{**DOWNWIND[0], "zone": zone} for zone in ("gone", *["manseong"] * (MOST_ZONES + 5))]
    found = message(jeonju, incident(many))
    assert len(texts(found, "polygon")) == 2 * MOST_ZONES


@given(st.lists(st.tuples(st.floats(33, 39), st.floats(125, 130)), min_size=3, max_size=300, unique=True))
def test_polygons_are_bounded_and_keep_corners(corners: list[tuple[float, float]]) -> None:
    kept = bounded(tuple(corners))
    assert len(kept) == min(len(corners), MOST_POINTS - 1)
    assert set(kept) <= set(corners)


def test_bounded_outline_keeps_its_shape() -> None:
    square = (
        [(35.0 + 0.001 * step, 127.0) for step in range(100)]
        + [(35.1, 127.0 + 0.001 * step) for step in range(101)]
        + [(35.0, 127.1)]
    )
    assert {(35.0, 127.0), (35.1, 127.0), (35.1, 127.1), (35.0, 127.1)} <= set(bounded(tuple(square)))


@pytest.mark.parametrize(
    ("kind", "value", "details", "said"),
    [
        ("smoke", 90.0, "{}", "창문을 닫고"),
        ("pm25-advisory", 160.0, '{"level": "warning"}', "외출을 줄이세요"),
        ("pm25-advisory", 76.0, '{"level": "advisory"}', "외출을 줄이세요"),
        ("cai", 130.0, '{"grade": "bad"}', "실외활동을 줄이세요"),
        ("silent", None, "{}", None),
    ],
)
def test_alerts_advise_the_public(jeonju: Site, kind: str, value: float | None, details: str, said: str | None) -> None:
    record = alert("a", kind=kind)._replace(value=value, details=details)
    found = texts(ET.fromstring(as_cap(jeonju, shipped_rules(), record, ())), "instruction")
    assert (said is None) == (not found)
    assert said is None or said in (found[0] or "")
    ended = record._replace(ended_at=NOW)
    assert not texts(ET.fromstring(as_cap(jeonju, shipped_rules(), ended, ())), "instruction")


def test_feed_has_the_newest_message_of_an_incident(jeonju: Site, store: DuckDBStore) -> None:
    store.write_alerts([alert("one")])
    store.write_incidents(
        [incident(DOWNWIND, maps=2), incident(DOWNWIND, id="other")._replace(details='{"alerts": ["x"]}')]
    )
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=Clock())) as client:
        feed = ET.fromstring(client.get("/api/v1/alerts.cap.xml").content)
        messages = list(feed.iter(f"{{{CAP}}}alert"))
        for one in messages:
            check_cap(one)
        assert sorted(texts(feed, "msgType"), key=str) == ["Alert", "Update"]
        single = client.get("/api/v1/incidents/i1/cap.xml")
        assert single.headers["content-type"].startswith("application/cap+xml")
        assert texts(ET.fromstring(single.content), "msgType") == ["Update"]
        assert client.get("/api/v1/incidents/other/cap.xml").status_code == 404
        assert datetime.fromisoformat(texts(ET.fromstring(single.content), "sent")[0] or "") == NOW + timedelta(
            minutes=2
        )
