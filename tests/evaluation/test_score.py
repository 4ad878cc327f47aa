"""The score by hand: which alert belongs to which event, delays, classes, false alarms."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.events import EVENT
from jeonju.evaluation.score import AFTERMATH_S, belongs, fitting, score
from jeonju.simulator.exposure import EventExposure, Exposure

START_S = 1_772_000_000.0
END_S = START_S + 1200.0
PLACE = {"lat": 35.85, "lon": 127.1}


@dataclass
class Alert:
    kind: str
    device: str | None
    after_s: float  # the start of the event
    has: dict[str, Any] = field(default_factory=dict)

    @property
    def started_at(self) -> datetime:
        return datetime.fromtimestamp(START_S + self.after_s, UTC)

    @property
    def details(self) -> str:
        return json.dumps(self.has)


def event(kind: str = "fire", *, reached: dict[str, float] | None = None) -> EventExposure:
    """Return an event of 20 minutes; `reached` maps devices to the seconds after its start."""
    settings: dict[str, dict[str, Any]] = {
        "fire": PLACE,
        "leak": {**PLACE, "rates_g_s": {"h2s": 1.0}, "duration": 1200},
        "dust": {**PLACE, "pm10_g_s": 5.0, "duration": 1200},
        "odour": {"source": "sewage-works", "factor": 5.0, "duration": 1200},
    }
    made = EVENT.validate_python({"kind": kind, **settings[kind]})
    return EventExposure(
        made,  # type: ignore[arg-type]
        START_S,
        END_S,
        [0],
        reached_s={name: START_S + after_s for name, after_s in (reached or {}).items()},
    )


def test_first_fitting_alert_detects_and_its_delays_count_from_start_and_first_reach() -> None:
    alerts = [
        Alert("smoke", "b", 400.0, {"class": "dust"}),
        Alert("smoke", "a", 300.0, {"class": "fire"}),
        Alert("dust", "a", 200.0),  # belongs to the fire, but does not find it
    ]
    result = score([event(reached={"a": 120.0, "b": 60.0})], alerts)
    (found,) = result["events"]
    assert (result["detected"], result["reached"], result["false_alarms"]) == (1, 1, 0)
    assert (found["delay_s"], found["delay_from_first_reached_s"], found["detected_by"]) == (300.0, 240.0, "a")
    assert (found["class"], found["class_right"]) == ("fire", True)
    assert found["devices_reached"] == 2


def test_wrong_class_is_said() -> None:
    (found,) = score([event(reached={"a": 0.0})], [Alert("smoke", "a", 60.0, {"class": "dust"})])["events"]
    assert found["detected"]
    assert found["class_right"] is False


@pytest.mark.parametrize(
    ("kind", "finds"),
    [("fire", {"smoke"}), ("leak", {"release"}), ("dust", {"dust"}), ("odour", {"release"})],
)
def test_each_kind_of_event_is_found_by_its_kind_of_alert(kind: str, finds: set[str]) -> None:
    one = event(kind, reached={"a": 0.0})
    assert {k for k in ("smoke", "release", "dust", "pollution") if fitting(one, [Alert(k, "a", 60.0)])} == finds


@pytest.mark.parametrize(
    ("after_s", "is_its"),
    [
        (-1.0, False),
        (0.0, True),
        (END_S - START_S + AFTERMATH_S, True),
        (END_S - START_S + AFTERMATH_S + 1.0, False),
    ],
)
def test_alert_belongs_from_the_start_until_half_an_hour_after_the_end(after_s: float, *, is_its: bool) -> None:
    one, alert = event(reached={"a": 0.0}), Alert("smoke", "a", after_s)
    assert belongs(alert, one) is is_its
    assert score([one], [alert])["false_alarms"] == (0 if is_its else 1)


def test_device_that_no_plume_reached_raises_a_false_alarm_unless_its_camera_saw_the_fire() -> None:
    one = event(reached={"a": 0.0})
    blind, seeing = Alert("smoke", "far", 60.0), Alert("smoke", "robot", 60.0, {"rises": {"thermal_max": 40.0}})
    result = score([one], [blind, seeing])
    assert result["false_alarm_list"] == [{"kind": "smoke", "device": "far", "at": blind.started_at.isoformat()}]
    assert result["events"][0]["detected_by"] == "robot"


def test_event_without_an_alert_is_missed_and_one_that_reached_nobody_is_said_so() -> None:
    result = score([event(reached={"a": 0.0}), event()], [])
    assert (result["detected"], result["reached"]) == (0, 1)
    assert [found["reached"] for found in result["events"]] == [True, False]
    assert result["events"][1]["delay_s"] is None


def test_alerts_of_regional_air_and_of_devices_are_no_false_alarms() -> None:
    alerts = [Alert("pm25", "a", 0.0), Alert("silent", "a", 0.0), Alert("advisory-pm10", None, 0.0)]
    assert score([], alerts)["false_alarms"] == 0


def test_alert_explained_by_any_of_two_events_is_no_false_alarm() -> None:
    first, second = event(reached={"a": 0.0}), event("leak", reached={"b": 0.0})
    result = score([first, second], [Alert("release", "b", 90.0, {"class": "industrial"}), Alert("smoke", "a", 60.0)])
    assert result["false_alarms"] == 0
    assert [found["detected_by"] for found in result["events"]] == ["a", "b"]


def test_event_that_no_instrument_measures_cannot_be_seen_and_is_not_missed() -> None:
    unseen, missed = event("leak"), event("leak", reached={"a": 30.0})
    unseen.passed_s["b"] = START_S + 60.0
    result = score([unseen, missed], [])
    assert [one["outcome"] for one in result["events"]] == ["cannot be seen", "missed"]
    assert (result["reached"], result["cannot_be_seen"]) == (1, 1)


def test_event_reaches_only_devices_that_measure_what_it_releases() -> None:
    fitted = np.array([[key == "h2s" for key in KEYS], [key == "pm25" for key in KEYS]])
    exposure = Exposure(("a", "b"), fitted)
    leak = event("leak")
    exposure.add(leak.event, START_S, [0])
    composition = np.array([[1.0 if key == "h2s" else 0.0 for key in KEYS]])
    exposure.update(START_S + 5.0, np.ones((2, 1, 2)), composition)
    (seen,) = exposure.events
    assert list(seen.reached_s) == ["a"]
    assert list(seen.passed_s) == ["b"]
    assert seen.peak == {"a": {"h2s": 1.0}}
