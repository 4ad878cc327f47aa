"""One incident: alerts that belong together in space and time, what is thought of them, and how far people have come with it.

It holds facts only. `stored` makes its record, `messages.incidents` the sentence.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self, get_args

import msgspec
import numpy as np

from jeonju.common.errors import UserError
from jeonju.contract.kinds import CLASS_OF_KIND
from jeonju.contract.records import AlertRecord
from jeonju.localization.arrivals import Downwind
from jeonju.localization.trace import Source

LatLon = tuple[float, float]
Action = Literal["acknowledge", "confirm", "false-alarm", "close", "comment", "assign"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
# The state after an action, and the states that allow it.
TRANSITIONS: Final[dict[Action, tuple[str, frozenset[str]]]] = {
    "acknowledge": ("acknowledged", frozenset({"open"})),
    "confirm": ("confirmed", frozenset({"open", "acknowledged", "false-alarm"})),
    "false-alarm": ("false-alarm", frozenset({"open", "acknowledged", "confirmed"})),
    "close": ("closed", frozenset({"open", "acknowledged", "confirmed", "false-alarm"})),
}
SEVERITIES: Final = ("info", "warning", "critical")
# Two hours are traced at most, every two minutes, and sooner while a robot measures.
ESTIMATE_EVERY: Final = timedelta(minutes=1)
MOST_ESTIMATES: Final = 130
# A class that an alert does not name is not impossible.
LEAST_SHARE: Final = 0.01


class Estimate(msgspec.Struct, frozen=True):
    """A source map in a line: the most probable place, and the radii that hold half and nine tenths of the probability."""

    at: datetime
    lat: float
    lon: float
    radius_m: float
    radius_90_m: float
    is_unsure: bool
    says_nothing: bool

    @classmethod
    def of(cls, found: Source) -> Self:
        """Return what a map says."""
        return cls(
            found.traced_at,
            found.lat,
            found.lon,
            found.radius_m,
            found.radius_90_m,
            found.is_unsure,
            found.says_nothing,
        )


class _ClassDetails(msgspec.Struct):
    """What the details of an alert say of its class."""

    classes: dict[str, float] | None = None
    best: str | None = msgspec.field(default=None, name="class")


@dataclass(kw_only=True)
class Incident:
    """Changed only by its tracker, and by the service that traces its source."""

    id: str
    site: str
    opened_at: datetime
    updated_at: datetime
    zone: str | None
    state: str = "open"
    verdict: str | None = None  # confirmed or false-alarm, kept when it is closed
    closed_at: datetime | None = None
    alerts: dict[str, AlertRecord] = field(default_factory=dict)
    places: dict[str, LatLon] = field(
        default_factory=dict
    )  # of the alerts' devices when each alert was raised, by alert
    source: Source | None = None
    downwind: tuple[Downwind, ...] = ()
    missions: list[dict[str, Any]] = field(default_factory=list)  # of robots, as fleet control reports them
    assignee: str = ""  # who looks after it
    course: tuple[Estimate, ...] = ()  # what was known of the source, by time

    def add_estimate(self, found: Source) -> None:
        """Remember what a map says, so that the incident can be looked at as it was: one a minute, at most `MOST_ESTIMATES`."""
        newest = Estimate.of(found)
        is_soon = bool(self.course) and newest.at - self.course[-1].at < ESTIMATE_EVERY
        self.course = (*self.course[: -1 if is_soon else None], newest)[-MOST_ESTIMATES:]

    @property
    def is_active(self) -> bool:
        """Whether any of its alerts lasts."""
        return any(alert.ended_at is None for alert in self.alerts.values())

    @property
    def active_until(self) -> datetime:
        """Up to when one of its alerts was known to last."""
        return max(alert.ended_at or alert.updated_at for alert in self.alerts.values())

    @property
    def devices(self) -> list[str]:
        """The devices that noticed it, by name."""
        return sorted({alert.device for alert in self.alerts.values() if alert.device})

    @property
    def classes(self) -> dict[str, float]:
        """What it may be, with probabilities, the most probable first: the geometric mean of what its alerts say, for they see the same thing."""
        logs: dict[str, float] = {}
        each = [_classes_of(alert) for alert in self.alerts.values()]
        for name in {name for classes in each for name in classes}:
            logs[name] = float(np.mean([np.log(max(classes.get(name, 0.0), LEAST_SHARE)) for classes in each]))
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

    def apply(self, action: Action, at: datetime) -> None:
        """Change the state as an action of people does. Raises UserError where the state does not allow it."""
        if action in ("comment", "assign"):
            return
        state, allowed = TRANSITIONS[action]
        if self.state not in allowed:
            raise UserError(f"the incident is {self.state}; {action} needs one that is {' or '.join(sorted(allowed))}")
        self.state = state
        self.updated_at = at
        if action in ("confirm", "false-alarm"):
            self.verdict = state
        if action == "close":
            self.closed_at = at


def _classes_of(alert: AlertRecord) -> dict[str, float]:
    details = msgspec.json.decode(alert.details, type=_ClassDetails)
    return details.classes or {details.best or CLASS_OF_KIND[alert.kind]: 1.0}
