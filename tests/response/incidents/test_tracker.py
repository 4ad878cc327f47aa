"""Which alerts belong together, what people may do, and when an incident is over."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jeonju.common.errors import UserError
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.messages.alerts import Labels
from jeonju.messages.incidents import summaries
from jeonju.response.incidents.stored import incident_of, record_of
from jeonju.response.incidents.tracker import GAP, OVER_AFTER, IncidentTracker

T0 = datetime(2026, 3, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def alert(
    device: str,
    minute: float = 0.0,
    kind: str = "smoke",
    *,
    ended: float | None = None,
    classes: dict[str, float] | None = None,
) -> AlertRecord:
    started, end = T0 + minute * MINUTE, None if ended is None else T0 + ended * MINUTE
    details = (
        {"classes": classes}
        if classes
        else {"class": {"smoke": "fire", "release": "industrial", "dust": "dust"}.get(kind)}
    )
    return AlertRecord(
        f"jeonju-{kind}-{device}-{minute}",
        "jeonju",
        kind,
        "critical" if kind == "smoke" else "warning",
        device,
        "palbok",
        started,
        end or started,
        end,
        90.0,
        None,
        "pm25",
        "연기",
        "smoke",
        json.dumps(details),
    )


def places(site: Site) -> dict[str, tuple[float, float]]:
    return {station.name: (station.lat, station.lon) for station in site.stations} | {"robot-3": (35.855, 127.097)}


def add(tracker: IncidentTracker, site: Site, *alerts: AlertRecord) -> list[str]:
    return [incident.id for incident in tracker.add(alerts, places(site))]


def test_alerts_near_each_other_are_one_incident_and_far_ones_another(jeonju: Site) -> None:
    tracker = IncidentTracker(jeonju)
    (first,) = add(tracker, jeonju, alert("palbok-03"), alert("palbok-10", 5), alert("robot-3", 9))
    (other,) = add(tracker, jeonju, alert("innovation-05", 6))
    assert set(tracker.open) == {first, other}
    assert len(tracker.open[first].alerts) == 3
    assert tracker.open[first].severity == "critical"


def test_alert_after_a_long_quiet_is_a_new_incident(jeonju: Site) -> None:
    tracker = IncidentTracker(jeonju)
    (first,) = add(tracker, jeonju, alert("palbok-03", ended=10))
    just, late = 10 + GAP / MINUTE, 10 + GAP / MINUTE + 1
    assert add(tracker, jeonju, alert("palbok-03", just, ended=just + 0.5)) == [first]
    (second,) = add(tracker, jeonju, alert("palbok-03", late + GAP / MINUTE))
    assert second != first


def test_pollution_opens_no_incident(jeonju: Site) -> None:
    assert add(IncidentTracker(jeonju), jeonju, alert("palbok-03", kind="cai"), alert("palbok-03", kind="silent")) == []


def test_device_without_a_place_has_an_incident_of_its_own(jeonju: Site) -> None:
    tracker = IncidentTracker(jeonju)
    assert len({*add(tracker, jeonju, alert("palbok-03")), *add(tracker, jeonju, alert("balcony"))}) == 2


def test_same_alert_again_changes_its_incident_and_opens_none(jeonju: Site) -> None:
    tracker = IncidentTracker(jeonju)
    (first,) = add(tracker, jeonju, alert("palbok-03"))
    assert add(tracker, jeonju, alert("palbok-03", ended=200)) == [first]
    assert not tracker.open[first].is_active


def test_classes_of_several_alerts_are_taken_together(jeonju: Site) -> None:
    tracker = IncidentTracker(jeonju)
    sure, unsure = {"fire": 0.9, "dust": 0.1}, {"fire": 0.4, "dust": 0.6}
    (first,) = add(tracker, jeonju, alert("palbok-03", classes=sure), alert("palbok-10", 2, classes=unsure))
    classes = tracker.open[first].classes
    assert list(classes) == ["fire", "dust"]
    assert classes["fire"] == pytest.approx(0.36**0.5 / (0.36**0.5 + 0.06**0.5), abs=1e-3)


def test_people_take_it_from_open_to_closed_and_no_other_way(jeonju: Site) -> None:
    tracker = IncidentTracker(jeonju)
    (first,) = add(tracker, jeonju, alert("palbok-03"))
    assert tracker.act(first, "acknowledge", T0 + MINUTE).state == "acknowledged"
    with pytest.raises(UserError, match="is acknowledged; acknowledge needs one that is open"):
        tracker.act(first, "acknowledge", T0 + MINUTE)
    assert tracker.act(first, "false-alarm", T0 + MINUTE).state == "false-alarm"
    assert tracker.act(first, "confirm", T0 + MINUTE).verdict == "confirmed"
    assert tracker.act(first, "comment", T0 + MINUTE).state == "confirmed"
    closed = tracker.act(first, "close", T0 + 2 * MINUTE)
    assert (closed.state, closed.verdict, closed.closed_at) == ("closed", "confirmed", T0 + 2 * MINUTE)
    with pytest.raises(UserError, match="no open incident is called"):
        tracker.act(first, "comment", T0 + MINUTE)


def test_end_of_an_alert_whose_incident_was_closed_opens_nothing(jeonju: Site) -> None:
    tracker = IncidentTracker(jeonju)
    (first,) = add(tracker, jeonju, alert("palbok-03"))
    tracker.act(first, "close", T0 + MINUTE)
    assert add(tracker, jeonju, alert("palbok-03", ended=10)) == []


def test_it_is_over_when_nothing_was_seen_for_long_and_not_while_something_lasts(jeonju: Site) -> None:
    tracker = IncidentTracker(jeonju)
    add(tracker, jeonju, alert("palbok-03", ended=10), alert("innovation-05", 1))
    assert tracker.close_idle(T0 + 9 * MINUTE + OVER_AFTER) == []
    (over,) = tracker.close_idle(T0 + 10 * MINUTE + OVER_AFTER)
    assert over.state == "closed"
    assert len(tracker.open) == 1


def test_stored_incident_comes_back_as_it_was(jeonju: Site) -> None:
    tracker = IncidentTracker(jeonju)
    alerts = [alert("palbok-03"), alert("palbok-10", 5)]
    (first,) = add(tracker, jeonju, *alerts)
    before = tracker.act(first, "confirm", T0 + 9 * MINUTE)
    again = incident_of(record_of(before), {alert.id: alert for alert in alerts})
    assert again == before
    assert add(IncidentTracker(jeonju, [again]), jeonju, alert("palbok-03", ended=9)) == [first]


def test_facts_of_an_incident_are_put_into_words_by_the_catalogue(jeonju: Site) -> None:
    tracker = IncidentTracker(jeonju)
    (first,) = add(tracker, jeonju, alert("palbok-03"))
    record = record_of(tracker.open[first])
    assert (record.summary_ko, record.summary_en) == ("", "")
    place = Labels(jeonju)["palbok"]
    assert summaries(record, Labels(jeonju)) == (
        f"{place[0]}: 화재·연기 의심 (1개 장비에서 감지)",
        f"{place[1]}: Suspected fire, seen by 1 device",
    )
    add(tracker, jeonju, alert("palbok-10", 5))
    record = record_of(tracker.open[first])._replace(kind="unheard-of", zone="nowhere")
    assert summaries(record, Labels(jeonju)) == (
        "nowhere: unheard-of (2개 장비에서 감지)",
        "nowhere: unheard-of, seen by 2 devices",
    )
