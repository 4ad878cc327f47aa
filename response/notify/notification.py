"""What is due for a channel, and the notifications of it: alerts of the same kind and zone go out as one."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from jeonju.contract.records import AlertRecord
from jeonju.response.handling import Handling
from jeonju.rules.channels import RANK, Channel

# What was sent to a channel about an alert: each state, and when. States are `raised-SEVERITY`, `repeated-N`, `closed-VERDICT`, `ended`.
Sent = Mapping[str, datetime]


class Due(NamedTuple):
    """One state of one alert; `alert` is its JSON, the same for every channel."""

    alert_id: str
    state: str
    alert: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Notification:
    """News of one kind in one zone for one channel. `id` is the same whenever the same states are sent, so a receiver can know a repeat."""

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

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        alerts = [{**due.alert, "event": due.state, "event_id": f"{due.alert_id}/{due.state}"} for due in self.due]
        about = {
            name: getattr(self, name) for name in ("id", "site", "kind", "zone", "severity", "title_ko", "title_en")
        }
        return {**about, "alerts": alerts}


def due_state(
    channel: Channel, alert: AlertRecord, handling: Handling, sent: Sent, *, is_held_back: bool, now: datetime
) -> str | None:
    """Return the next state of an alert that is to be sent to a channel, None for none."""
    if "ended" in sent or any(state.startswith("closed") for state in sent):
        return None
    loudest = max((RANK[state.removeprefix("raised-")] for state in sent if state.startswith("raised")), default=-1)
    may_raise = not is_held_back and handling.state != "closed" and _is_for(channel, alert)
    # What began and ended while nothing could be sent is sent all the same, first that it began.
    if RANK[alert.severity] > loudest and may_raise and (alert.ended_at is None or not sent):
        return f"raised-{alert.severity}"
    if not sent:
        return None
    if handling.state == "closed":
        return f"closed-{handling.verdict}"
    if alert.ended_at is not None:
        return "ended"
    is_old = channel.repeat > 0 and (now - max(sent.values())).total_seconds() >= channel.repeat
    if is_old and may_raise and handling.state == "open":
        return f"repeated-{sum(state.startswith('repeated') for state in sent) + 1}"
    return None


def _is_for(channel: Channel, alert: AlertRecord) -> bool:
    is_severe = RANK[alert.severity] >= RANK[channel.severity]
    return is_severe and any(fnmatchcase(alert.kind, glob) for glob in channel.kinds)


def grouped(channel: str, site: str, due: Iterable[Due], titles: Mapping[str, tuple[str, str]]) -> list[Notification]:
    """Return one notification for each kind and zone, the worst first."""
    groups: dict[tuple[str, str | None], list[Due]] = {}
    for state in due:
        groups.setdefault((state.alert["kind"], state.alert["zone"]), []).append(state)
    notifications = [
        Notification(
            id=_id_of(channel, members),
            site=site,
            kind=kind,
            zone=zone,
            title_ko=titles[kind][0],
            title_en=titles[kind][1],
            due=tuple(members),
        )
        for (kind, zone), members in groups.items()
    ]
    return sorted(notifications, key=lambda notification: -RANK[notification.severity])


def _id_of(channel: str, due: list[Due]) -> str:
    states = sorted(f"{state.alert_id}/{state.state}" for state in due)
    return hashlib.sha256("\n".join([channel, *states]).encode()).hexdigest()[:32]
