"""A notification in words: what mail, chat, SMS and calls say, and the fields of templates."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from jeonju.contract.site import Site
from jeonju.messages.alerts import Labels
from jeonju.messages.catalogue import LANGUAGES, Language, text
from jeonju.messages.words import word
from jeonju.response.notify.notification import Due, Notification

# What is more is counted.
MOST_LINES: Final = 20
LONGEST_SUMMARY: Final = 500


class Wording:
    """The words of a site in the language of a channel."""

    def __init__(self, site: Site, language: Language) -> None:
        self._labels, self._zone = Labels(site), ZoneInfo(site.timezone)
        self._label_of_site = (site.label_ko, site.label_en)
        self._language, self._number = language, LANGUAGES.index(language)

    def title(self, notification: Notification) -> str:
        """Return severity, title, events and zone in one line."""
        events = sorted({self._event(due) for due in notification.due})
        severity = word("severity", notification.severity, self._language)
        what = (notification.title_ko, notification.title_en)[self._number]
        return f"[{severity}] {what} ({', '.join(events)}) {notification.zone or notification.site}"

    def lines(self, notification: Notification, *, with_runbook: bool = False) -> list[str]:
        """Return a line for each alert, at most `MOST_LINES` and one that counts the rest, then what to do."""
        states: dict[str, list[Due]] = {}
        for due in notification.due:
            states.setdefault(due.alert_id, []).append(due)
        shown = [self._line(of_alert, with_runbook=with_runbook) for of_alert in list(states.values())[:MOST_LINES]]
        if len(states) > MOST_LINES:
            shown.append(self._say("notify-more", count=str(len(states) - MOST_LINES)))
        advice = self.advice(notification)
        return [*shown, advice] if advice else shown

    def advice(self, notification: Notification) -> str:
        """Return what people should do by the worst alert that asks something of them; empty where none does, and in a summary of what is over."""
        asking = [due.alert for due in notification.due if due.state.startswith(("raised", "repeated"))]
        found = next((alert["advice"] for alert in asking if alert.get("advice")), None)
        if found is None:
            return ""
        everybody, sensitive = found[f"everybody_{self._language}"], found[f"sensitive_{self._language}"]
        return self._say("notify-advice", everybody=everybody, sensitive=sensitive)

    def fields(self, notification: Notification, to: str) -> dict[str, Any]:
        """Return the fields of templates (`rules.templates.FIELDS`)."""
        return {
            "id": notification.id,
            "site": notification.site,
            "kind": notification.kind,
            "zone": notification.zone,
            "zone_label": self._labels[notification.zone][self._number]
            if notification.zone
            else self._label_of_site[self._number],
            "severity": notification.severity,
            "severity_word": word("severity", notification.severity, self._language),
            "title": (notification.title_ko, notification.title_en)[self._number],
            "event": ", ".join(sorted({self._event(due) for due in notification.due})),
            "text": "\n".join(self.lines(notification)),
            "advice": self.advice(notification),
            "count": len({due.alert_id for due in notification.due}),
            "alerts": [self._alert(due) for due in notification.due],
            "to": to,
        }

    def _alert(self, due: Due) -> Mapping[str, Any]:
        kept = ("id", "device", "started_at", "ended_at", "severity", "value", "limit", "quantity", "runbook")
        return {name: due.alert[name] for name in kept} | {
            "event": due.state,
            "event_word": self._event(due),
            "summary": due.alert[f"summary_{self._language}"],
        }

    def _line(self, states: list[Due], *, with_runbook: bool) -> str:
        """Return one line for what is told of an alert; of one that began and ended, from when to when it lasted."""
        alert = states[-1].alert
        at = self._clock(alert["started_at"])
        if len(states) > 1 and alert["ended_at"]:
            at = self._say("notify-lasted", **{"from": at, "to": self._clock(alert["ended_at"])})
        summary = alert[f"summary_{self._language}"]
        return f"{at} {self._event(states[-1])}: {summary[:LONGEST_SUMMARY]}" + (
            f" (runbook: {alert['runbook']})" if with_runbook else ""
        )

    def _clock(self, instant: str) -> str:
        return f"{datetime.fromisoformat(instant).astimezone(self._zone):%m-%d %H:%M}"

    def _event(self, due: Due) -> str:
        return word("notification-event", due.state.split("-")[0], self._language)

    def _say(self, name: str, **facts: str) -> str:
        return text(name, facts, self._language)
