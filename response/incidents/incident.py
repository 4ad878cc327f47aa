"""One incident: alerts that belong together in space and time, what is thought of them, and how far people have come with it."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

import numpy as np

from jeonju.common.errors import UserError
from jeonju.contract.as_json import details_of
from jeonju.contract.records import AlertRecord, IncidentRecord
from jeonju.localization.plume_forecast import Downwind
from jeonju.localization.trace import Source
from jeonju.messages.alerts import CLASSES

LatLon = tuple[float, float]
Action = Literal["acknowledge", "confirm", "false-alarm", "close", "comment"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
# What an action makes of an incident, and from which states it may be taken.
MOVES: Final[dict[Action, tuple[str, frozenset[str]]]] = {
    "acknowledge": ("acknowledged", frozenset({"open"})),
    "confirm": ("confirmed", frozenset({"open", "acknowledged", "false-alarm"})),
    "false-alarm": ("false-alarm", frozenset({"open", "acknowledged", "confirmed"})),
    "close": ("closed", frozenset({"open", "acknowledged", "confirmed", "false-alarm"})),
}
SEVERITIES: Final = ("info", "warning", "critical")
TITLES: Final = {
    "fire": ("화재·연기 의심", "Suspected fire"),
    "industrial": ("가스·악취 누출 의심", "Suspected gas release"),
    "dust": ("국지적 먼지", "Local dust"),
}


@dataclass(kw_only=True)
class Incident:
    """Changed only by the book; `places` are those of the alerts' devices when the alert was raised."""

    id: str
    site: str
    opened_at: datetime
    updated_at: datetime
    zone: str | None
    state: str = "open"
    verdict: str | None = None  # confirmed or false-alarm, kept when it is closed
    closed_at: datetime | None = None
    alerts: dict[str, AlertRecord] = field(default_factory=dict)
    places: dict[str, LatLon] = field(default_factory=dict)
    source: Source | None = None
    downwind: tuple[Downwind, ...] = ()
    visits: list[dict[str, Any]] = field(default_factory=list)  # of robots, as fleet control tells them

    @property
    def is_active(self) -> bool:
        """Whether any of its alerts lasts."""
        return any(alert.ended_at is None for alert in self.alerts.values())

    @property
    def active_until(self) -> datetime:
        """Up to when one of its alerts was known to last."""
        return max(alert.ended_at or alert.updated_at for alert in self.alerts.values())

    @property
    def classes(self) -> dict[str, float]:
        """What it may be, with probabilities, the most probable first: those of its alerts, which see the same thing, taken together."""
        logs: dict[str, float] = {}
        each = [_classes_of(alert) for alert in self.alerts.values()]
        for name in {name for classes in each for name in classes}:
            logs[name] = float(np.mean([np.log(max(classes.get(name, 0.0), _LEAST_SHARE)) for classes in each]))
        shares = {name: float(np.exp(value)) for name, value in logs.items()}
        total = sum(shares.values())
        return {name: round(share / total, 3) for name, share in sorted(shares.items(), key=lambda item: -item[1])}

    @property
    def kind(self) -> str:
        """The most probable class."""
        return next(iter(self.classes))

    @property
    def severity(self) -> str:
        """The worst of its alerts."""
        return max((alert.severity for alert in self.alerts.values()), key=SEVERITIES.index)

    def move(self, action: Action, at: datetime) -> None:
        """Take an action of people. Raises UserError where the state does not allow it."""
        if action == "comment":
            return
        state, allowed = MOVES[action]
        if self.state not in allowed:
            raise UserError(f"the incident is {self.state}; {action} needs one that is {' or '.join(sorted(allowed))}")
        self.state = state
        self.updated_at = at
        if action in ("confirm", "false-alarm"):
            self.verdict = state
        if action == "close":
            self.closed_at = at

    def record(self, labels: dict[str, tuple[str, str]]) -> IncidentRecord:
        """Return the row that is stored."""
        classes, place = self.classes, labels[self.zone or ""]
        ko, en = TITLES.get(self.kind, (self.kind, self.kind))
        devices = sorted({alert.device for alert in self.alerts.values() if alert.device})
        source = self.source
        details = {
            "alerts": sorted(self.alerts),
            "devices": devices,
            "classes": classes,
            "verdict": self.verdict,
            "places": self.places,
            "source": _plain(source),
            "downwind": [one._asdict() for one in self.downwind],
            "visits": self.visits,
        }
        return IncidentRecord(
            id=self.id,
            site=self.site,
            state=self.state,
            kind=self.kind,
            severity=self.severity,
            zone=self.zone,
            opened_at=self.opened_at,
            updated_at=self.updated_at,
            closed_at=self.closed_at,
            lat=source.lat if source else None,
            lon=source.lon if source else None,
            radius_m=source.radius_m if source else None,
            rate_g_s=source.rate_g_s[1] if source else None,
            confidence=classes[self.kind],
            summary_ko=f"{place[0]}: {ko} ({len(devices)}개 장비에서 감지)",
            summary_en=f"{place[1]}: {en}, seen by {_count(devices)}",
            details=json.dumps(details, ensure_ascii=False),
        )


def incident_of(record: IncidentRecord, alerts: dict[str, AlertRecord]) -> Incident:
    """Return the incident of a stored row; alerts that the store has no more are left out."""
    details = details_of(record)
    source = details["source"]
    if source is not None:
        source |= {"traced_at": datetime.fromisoformat(source["traced_at"]), "rate_g_s": tuple(source["rate_g_s"])}
        source["cells"] = tuple(tuple(cell) for cell in source["cells"])
    return Incident(
        id=record.id,
        site=record.site,
        opened_at=record.opened_at,
        updated_at=record.updated_at,
        zone=record.zone,
        state=record.state,
        verdict=details["verdict"],
        closed_at=record.closed_at,
        alerts={key: alerts[key] for key in details["alerts"] if key in alerts},
        places={key: tuple(place) for key, place in details["places"].items()},
        source=None if source is None else Source(**source),
        downwind=tuple(Downwind(**one) for one in details["downwind"]),
        visits=details["visits"],
    )


# What an alert does not speak of is not impossible.
_LEAST_SHARE: Final = 0.01


def _classes_of(alert: AlertRecord) -> dict[str, float]:
    details = json.loads(alert.details)
    classes: dict[str, float] = details.get("classes") or {details.get("class", CLASSES[alert.kind]): 1.0}
    return classes


def _plain(source: Source | None) -> dict[str, Any] | None:
    return None if source is None else {**vars(source), "traced_at": source.traced_at.isoformat()}


def _count(devices: list[str]) -> str:
    return f"{len(devices)} device{'' if len(devices) == 1 else 's'}"
