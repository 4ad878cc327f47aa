"""Who is told of an alert, and when: people and their channels, who is on call, and who is told next while nobody acknowledges."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from jeonju.contract.site import Name
from jeonju.rules.channel_base import RANK, Channel, Quiet, Seconds, Severity
from jeonju.rules.hours import Hours, first_free

Globs = Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]
# Alerts that ended are known for so long, so that channels still learn of it; longer where a summary may have to wait for it.
REMEMBERED: Final = timedelta(days=1)
REMEMBERED_QUIET: Final = timedelta(days=8)
_LONG_QUIET_MIN: Final = 720


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Entry):
    """Somebody with channels of their own, which are sent nothing but what an escalation brings them."""

    name: Name
    channels: Annotated[tuple[Name, ...], Field(min_length=1, max_length=10)]
    quiet: Quiet | None = None


class Shift(Hours):
    """People who have a role in some hours, from the first to the last day where these are given."""

    role: Name
    people: Annotated[tuple[Name, ...], Field(min_length=1, max_length=50)]
    first_day: date | None = None
    last_day: date | None = None

    @model_validator(mode="after")
    def _is_in_order(self) -> "Shift":
        if self.first_day is not None and self.last_day is not None and self.last_day < self.first_day:
            raise ValueError("ends before it begins")
        return self

    def lasts(self, day: date) -> bool:
        """Return whether the shift is in force on a day."""
        return (self.first_day is None or day >= self.first_day) and (self.last_day is None or day <= self.last_day)


class Step(_Entry):
    """The role that is told once nobody has acknowledged for a time."""

    role: Name
    after: Seconds = 0.0


class Escalation(_Entry):
    """The steps for alerts of some kinds and zones, of at least a severity."""

    kinds: Globs = ("*",)
    zones: Globs = ("*",)
    severity: Severity = "warning"
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=10)]

    @model_validator(mode="after")
    def _is_in_order(self) -> "Escalation":
        times = [step.after for step in self.steps]
        if times != sorted(times):
            raise ValueError("has steps that are not in the order of `after`")
        return self

    def is_for(self, kind: str, zone: str | None, severity: str) -> bool:
        """Return whether alerts of this kind, zone and severity are escalated by it."""
        return (
            RANK[severity] >= RANK[self.severity]
            and any(fnmatchcase(kind, glob) for glob in self.kinds)
            and any(fnmatchcase(zone or "", glob) for glob in self.zones)
        )


@dataclass(frozen=True)
class Calling:
    """People, shifts and escalations of a rules file, and the dates that are holidays."""

    people: Sequence[Person] = ()
    on_call: Sequence[Shift] = ()
    escalations: Sequence[Escalation] = ()
    holidays: frozenset[date] = field(default=frozenset())

    def owners(self, channel: str) -> frozenset[str]:
        """Return the people whose channel it is; nobody's channels are sent everything at once."""
        return frozenset(person.name for person in self.people if channel in person.channels)

    def quiet_of(self, channel: Channel) -> tuple[Quiet, ...]:
        """Return the quiet hours of a channel: its own, and those of whose channel it is."""
        of_people = (person.quiet for person in self.people if channel.name in person.channels)
        return tuple(quiet for quiet in (channel.quiet, *of_people) if quiet is not None)

    def holds_back(self, channel: Channel, severity: str, local: datetime) -> bool:
        """Return whether quiet hours hold back what is of a severity at a local time."""
        return any(
            RANK[severity] < RANK[quiet.unless] and quiet.cover(local, self.holidays)
            for quiet in self.quiet_of(channel)
        )

    def has(self, role: str, local: datetime) -> frozenset[str]:
        """Return who has a role at a local time; all who ever have it where nobody has it then, as somebody must be told."""
        shifts = [shift for shift in self.on_call if shift.role == role]
        now = [shift for shift in shifts if shift.lasts(local.date()) and shift.cover(local, self.holidays)]
        return frozenset(name for shift in now or shifts for name in shift.people)

    def waits_s(self, channel: str, kind: str, zone: str | None, severity: str, local: datetime) -> float | None:
        """Return after what time without an acknowledgement an alert goes to a channel; None for never."""
        if not (owners := self.owners(channel)):
            return 0.0
        steps = (step for one in self.escalations if one.is_for(kind, zone, severity) for step in one.steps)
        return min((step.after for step in steps if owners & self.has(step.role, local)), default=None)

    def remembered(self, channels: Sequence[Channel]) -> timedelta:
        """Return for how long alerts that ended must be known."""
        spans = [quiet for channel in channels for quiet in self.quiet_of(channel)]
        return REMEMBERED_QUIET if any(quiet.lasts_min > _LONG_QUIET_MIN for quiet in spans) else REMEMBERED

    def gaps(self) -> Iterator[str]:
        """Yield the roles of escalations that nobody has at some time of an ordinary week, by the shifts that always hold."""
        for role in sorted({step.role for one in self.escalations for step in one.steps}):
            shifts = [shift for shift in self.on_call if shift.role == role]
            always = [shift for shift in shifts if shift.first_day is None and shift.last_day is None]
            if (free := first_free(always)) is not None and len(always) == len(shifts):
                yield f"nobody is {role} on {free}; all who ever are will be told then"

    def faults(self, channels: Sequence[Channel]) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield what does not fit together: where it stands, and what is wrong."""
        yield from self._faults_of_people({channel.name for channel in channels})
        yield from self._faults_of_roles()
        yield from self._faults_of_quiet(channels)

    def _faults_of_people(self, channels: set[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
        names = [person.name for person in self.people]
        called = {step.role for one in self.escalations for step in one.steps}
        reached = {name for shift in self.on_call if shift.role in called for name in shift.people}
        for number, person in enumerate(self.people):
            if person.name in names[:number]:
                yield ("people", number, "name"), f"is taken twice: {person.name!r}"
            for name in person.channels:
                if name not in channels:
                    yield ("people", number, "channels"), f"names {name!r}, which is no channel"
            if person.name not in reached:
                what = "has no role of an escalation, so nothing would ever be sent there"
                yield ("people", number, "name"), f"{person.name!r} {what}"

    def _faults_of_roles(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        names, roles = {person.name for person in self.people}, {shift.role for shift in self.on_call}
        for number, shift in enumerate(self.on_call):
            for name in shift.people:
                if name not in names:
                    yield ("on_call", number, "people"), f"names {name!r}, who is not among the people"
        for number, escalation in enumerate(self.escalations):
            for at, step in enumerate(escalation.steps):
                if step.role not in roles:
                    there = f"there are: {', '.join(sorted(roles))}" if roles else "no on_call says who has one"
                    yield ("escalations", number, "steps", at, "role"), f"is {step.role!r}, which nobody has; {there}"

    def _faults_of_quiet(self, channels: Sequence[Channel]) -> Iterator[tuple[tuple[str | int, ...], str]]:
        for number, channel in enumerate(channels):
            spans = self.quiet_of(channel)
            if spans and first_free(spans) is None:
                what = "cover all day, every day: a summary would never be sent"
                if channel.quiet is not None:
                    yield ("channels", number, "quiet"), what
                else:
                    at = next(
                        at for at, person in enumerate(self.people) if channel.name in person.channels and person.quiet
                    )
                    yield ("people", at, "quiet"), what
