"""The score of alerts against the known truth: which events were detected, how late and as what class, and false alarms."""

import json
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeVar

from jeonju.simulator.exposure import EventExposure

# The kinds of alert that detect each kind of event.
FOUND_BY: Final = {"fire": ("smoke",), "leak": ("release",), "dust": ("dust",), "odour": ("release",)}
CLASS_OF: Final = {"fire": "fire", "leak": "industrial", "dust": "dust", "odour": "industrial"}
LOCAL_KINDS: Final = ("smoke", "dust", "release")
# A plume needs time to pass after its source has ended.
AFTERMATH_S: Final = 1800.0


class Alert(Protocol):
    """The members of an alert that the score uses."""

    @property
    def kind(self) -> str:
        """The kind of alert."""

    @property
    def device(self) -> str | None:
        """The device whose readings raised it."""

    @property
    def started_at(self) -> Any:
        """The time at which it was raised."""

    @property
    def details(self) -> str:
        """Its details as JSON, with its class."""


A = TypeVar("A", bound=Alert)


def score(events: Sequence[EventExposure], alerts: Sequence[Alert]) -> dict[str, Any]:
    """Match alerts with events.

    An alert belongs to an event when it is raised while the event lasts or within half an hour after, by a device that the event's plume has
    reached, or whose thermal camera sees it. An event is detected by the first such alert of a fitting kind. Local alerts that belong to no
    event are false alarms. An event that adds nothing measurable to what any device measures cannot be seen: it is neither reached nor missed. Delays
    count from the start of the event and from the first instant at which its plume reached any device.
    """
    results = []
    explained: set[int] = set()
    for event in events:
        explained.update(number for number, alert in enumerate(alerts) if belongs(alert, event))
        results.append(_result(event, min(fitting(event, alerts), key=lambda alert: alert.started_at, default=None)))
    false = [alert for number, alert in enumerate(alerts) if alert.kind in LOCAL_KINDS and number not in explained]
    return {
        "events": results,
        "detected": sum(result["detected"] for result in results),
        "reached": sum(result["reached"] for result in results),
        "cannot_be_seen": sum(result["outcome"] == "cannot be seen" for result in results),
        "false_alarms": len(false),
        "false_alarm_list": [{"kind": a.kind, "device": a.device, "at": a.started_at.isoformat()} for a in false],
    }


def fitting(event: EventExposure, alerts: Sequence[A]) -> list[A]:
    """Return the alerts that belong to an event and are of the kind that detects it."""
    return [alert for alert in alerts if alert.kind in FOUND_BY[event.event.kind] and belongs(alert, event)]


def belongs(alert: Alert, event: EventExposure) -> bool:
    """Return whether a local alert was caused by an event."""
    if alert.kind not in LOCAL_KINDS:
        return False
    raised_s = alert.started_at.timestamp()
    seen_hot = "thermal_max" in json.loads(alert.details).get("rises", {})
    return event.start_s <= raised_s <= event.end_s + AFTERMATH_S and (alert.device in event.reached_s or seen_hot)


def _result(event: EventExposure, alert: Alert | None) -> dict[str, Any]:
    first_reached_s = min(event.reached_s.values(), default=None)
    result = {
        "kind": event.event.kind,
        "title": event.event.title,
        "reached": first_reached_s is not None,
        "outcome": _outcome(event, is_detected=alert is not None),
        "devices_reached": len(event.reached_s),
        "detected": alert is not None,
        "delay_s": None,
        "delay_from_first_reached_s": None,
        "detected_by": None,
        "class": None,
        "class_right": None,
    }
    if alert is not None:
        raised_s = alert.started_at.timestamp()
        found_class = json.loads(alert.details).get("class")
        result |= {
            "delay_s": round(raised_s - event.start_s, 1),
            "delay_from_first_reached_s": None if first_reached_s is None else round(raised_s - first_reached_s, 1),
            "detected_by": alert.device,
            "class": found_class,
            "class_right": found_class == CLASS_OF[event.event.kind],
        }
    return result


def _outcome(event: EventExposure, *, is_detected: bool) -> str:
    if is_detected:
        return "detected"
    return "missed" if event.reached_s else "cannot be seen"
