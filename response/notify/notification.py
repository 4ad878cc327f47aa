"""What is due for a channel, and the notifications of it: alerts of the same kind and zone go out as one."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from jeonju.contract.records import AlertRecord
from jeonju.messages.catalogue import both
from jeonju.response.handling import Handling
from jeonju.rules.channel_base import RANK, Channel

# What was sent to a channel about an alert: each state, and when. States are `raised-SEVERITY`, `repeated-N`, `closed-VERDICT`, `ended`.
Sent = Mapping[str, datetime]
# The rest goes out as further notifications.
MOST_IN_ONE: Final = 100
SUMMARY: Final = "summary"
TEST: Final = "test"


class Due(NamedTuple):
    """One state of one alert; `alert` is its JSON, the same for every channel."""

    alert_id: str
    state: str
    alert: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Notification:
    """News of one kind in one zone for one channel. `id` is the same whenever the same states are sent, so a receiver can know a repeat.

    The kind is `summary` for what quiet hours held back, and `test` for a test.
    """

    id: str
    site: str
    kind: str
    zone: str | None
    title_ko: str
    title_en: str
    due: tuple[Due, ...]

    @property
    def severity(self) -> str:
        """The worst among its alerts."""
        return max((due.alert["severity"] for due in self.due), key=RANK.__getitem__)

    @property
    def is_repeat(self) -> bool:
        """Whether it says nothing new."""
        return all(due.state.startswith("repeated") for due in self.due)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        alerts = [{**due.alert, "event": due.state, "event_id": f"{due.alert_id}/{due.state}"} for due in self.due]
        about = {
            name: getattr(self, name) for name in ("id", "site", "kind", "zone", "severity", "title_ko", "title_en")
        }
        return {**about, "alerts": alerts}


def due_state(
    channel: Channel,
    alert: AlertRecord,
    handling: Handling,
    sent: Sent,
    *,
    is_held_back: bool,
    now: datetime,
    is_called: bool = True,
) -> str | None:
    """Return the next state of an alert that is to be sent to a channel, None for none.

    `is_called` says whether it is the channel's turn yet; once it was sent something it learns of the end whatever is said here.
    """
    if "ended" in sent or any(state.startswith("closed") for state in sent):
        return None
    loudest = loudest_of(sent)
    may_raise = is_called and not is_held_back and handling.state != "closed" and _is_for(channel, alert)
    # What began and ended while nothing could be sent is sent all the same, first that it began.
    if RANK[alert.severity] > loudest and may_raise and (alert.ended_at is None or not sent):
        return f"raised-{alert.severity}"
    if not sent:
        return None
    if handling.state == "closed":
        return f"closed-{handling.verdict}" if channel.tells_end else None
    if alert.ended_at is not None:
        return "ended" if channel.tells_end else None
    is_old = channel.repeat > 0 and (now - max(sent.values())).total_seconds() >= channel.repeat
    if is_old and may_raise and handling.state == "open":
        return f"repeated-{sum(state.startswith('repeated') for state in sent) + 1}"
    return None


def loudest_of(sent: Sent) -> int:
    """Return the rank of the worst severity that was sent, −1 for none."""
    return max((RANK[state.removeprefix("raised-")] for state in sent if state.startswith("raised")), default=-1)


def happened_at(alert: AlertRecord, handling: Handling, state: str, called_at: datetime, now: datetime) -> datetime:
    """Return since when a state was to be sent; `called_at` is when it was the channel's turn."""
    if state.startswith("raised"):
        return called_at
    if state == "ended":
        return alert.ended_at or now
    return handling.since or now if state.startswith("closed") else now


def _is_for(channel: Channel, alert: AlertRecord) -> bool:
    is_severe = RANK[alert.severity] >= RANK[channel.severity]
    return is_severe and any(fnmatchcase(alert.kind, glob) for glob in channel.kinds)


def grouped(channel: str, site: str, due: Iterable[Due], titles: Mapping[str, tuple[str, str]]) -> list[Notification]:
    """Return one notification for each kind and zone (of at most `MOST_IN_ONE` states), the worst first, and what is new before what is repeated."""
    groups: dict[tuple[str, str | None], list[Due]] = {}
    for state in due:
        groups.setdefault((state.alert["kind"], state.alert["zone"]), []).append(state)
    notifications = [
        notification
        for (kind, zone), members in groups.items()
        for notification in _in_parts(channel, site, kind, zone, titles[kind], members)
    ]
    return sorted(notifications, key=lambda one: (-RANK[one.severity], one.is_repeat))


def summaries(channel: str, site: str, held: Sequence[Due]) -> list[Notification]:
    """Return what quiet hours held back, as one notification of at most `MOST_IN_ONE` states, or as few as it takes."""
    return _in_parts(channel, site, SUMMARY, None, both("notify-summary"), held)


def trial(channel: str, site: str, now: datetime) -> Notification:
    """Return a notification that says that nothing has happened."""
    korean, english = both("notify-test-line", channel=channel)
    at = now.isoformat().replace("+00:00", "Z")
    name = f"{site}-test-{channel}-{now:%Y%m%dT%H%M%S%f}"
    alert = {
        "id": name,
        "site": site,
        "kind": TEST,
        "severity": "info",
        "device": None,
        "zone": None,
        "started_at": at,
        "ended_at": None,
        "value": None,
        "limit": None,
        "quantity": None,
        "summary_ko": korean,
        "summary_en": english,
        "runbook": TEST,
        "advice": None,
    }
    return _in_parts(channel, site, TEST, None, both("notify-test"), [Due(name, TEST, alert)])[0]


def _in_parts(
    channel: str, site: str, kind: str, zone: str | None, title: tuple[str, str], due: Sequence[Due]
) -> list[Notification]:
    parts = [tuple(due[first : first + MOST_IN_ONE]) for first in range(0, len(due), MOST_IN_ONE)]
    return [
        Notification(
            id=_id_of(channel, part),
            site=site,
            kind=kind,
            zone=zone,
            title_ko=title[0],
            title_en=title[1],
            due=part,
        )
        for part in parts
    ]


def _id_of(channel: str, due: Iterable[Due]) -> str:
    states = sorted(f"{state.alert_id}/{state.state}" for state in due)
    return hashlib.sha256("\n".join([channel, *states]).encode()).hexdigest()[:32]
