"""What is due to be told, and the notifications that tell it: alerts of the same kind and zone go out as one."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from jeonju.contract.records import AlertRecord
from jeonju.response.handling import Handling
from jeonju.rules.channels import RANK, Channel

# What a channel was told of an alert: each state with the instant of telling. States are `raised-SEVERITY`, `repeated-N`, `closed-VERDICT`, `ended`.
Told = Mapping[str, datetime]


class Due(NamedTuple):
    """One state of one alert; `alert` is what everybody is told of it."""

    alert_id: str
    state: str
    alert: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Notification:
    """News of one kind in one zone for one channel. `id` is the same whenever the same states are told, so a receiver can know a repeat."""

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
        return max((one.alert["severity"] for one in self.due), key=RANK.__getitem__)

    def body(self) -> dict[str, Any]:
        """Return it as JSON."""
        alerts = [{**one.alert, "event": one.state, "event_id": f"{one.alert_id}/{one.state}"} for one in self.due]
        about = {
            name: getattr(self, name) for name in ("id", "site", "kind", "zone", "severity", "title_ko", "title_en")
        }
        return {**about, "alerts": alerts}


def due_state(
    channel: Channel, alert: AlertRecord, handling: Handling, told: Told, *, is_held_back: bool, now: datetime
) -> str | None:
    """Return the next state of an alert that a channel is to be told, None for none."""
    if "ended" in told or any(state.startswith("closed") for state in told):
        return None
    loudest = max((RANK[state.removeprefix("raised-")] for state in told if state.startswith("raised")), default=-1)
    may_raise = not is_held_back and handling.state != "closed" and _is_for(channel, alert)
    # What began and ended while nobody could be told is told all the same, first that it began.
    if RANK[alert.severity] > loudest and may_raise and (alert.ended_at is None or not told):
        return f"raised-{alert.severity}"
    if not told:
        return None
    if handling.state == "closed":
        return f"closed-{handling.verdict}"
    if alert.ended_at is not None:
        return "ended"
    is_old = channel.repeat > 0 and (now - max(told.values())).total_seconds() >= channel.repeat
    if is_old and may_raise and handling.state == "open":
        return f"repeated-{sum(state.startswith('repeated') for state in told) + 1}"
    return None


def _is_for(channel: Channel, alert: AlertRecord) -> bool:
    is_severe = RANK[alert.severity] >= RANK[channel.severity]
    return is_severe and any(fnmatchcase(alert.kind, glob) for glob in channel.kinds)


def grouped(channel: str, site: str, due: Iterable[Due], titles: Mapping[str, tuple[str, str]]) -> list[Notification]:
    """Return one notification for each kind and zone, the worst first."""
    groups: dict[tuple[str, str | None], list[Due]] = {}
    for one in due:
        groups.setdefault((one.alert["kind"], one.alert["zone"]), []).append(one)
    found = [
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
    return sorted(found, key=lambda one: -RANK[one.severity])


def _id_of(channel: str, due: list[Due]) -> str:
    told = sorted(f"{one.alert_id}/{one.state}" for one in due)
    return hashlib.sha256("\n".join([channel, *told]).encode()).hexdigest()[:32]
