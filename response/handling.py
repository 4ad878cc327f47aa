"""What people did about an alert, as the journal has it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, get_args

import msgspec

from jeonju.common.errors import UserError
from jeonju.contract.records import JournalEntry
from jeonju.response.journal import details_of

Action = Literal["acknowledge", "comment", "assign", "close"]
Verdict = Literal["confirmed", "false-alarm"]
ACTIONS: Final = get_args(Action)


class ActionDetails(msgspec.Struct, omit_defaults=True):
    """The details of an entry about an alert."""

    note: str = ""
    verdict: Verdict | None = None  # of `close`
    assignee: str = ""  # of `assign`; nobody where it is empty


@dataclass(frozen=True, kw_only=True)
class Handling:
    """Where an alert stands with people: open → acknowledged → closed. The alert itself ends by what is measured, whatever people do."""

    state: Literal["open", "acknowledged", "closed"] = "open"
    verdict: Verdict | None = None
    who: str | None = None
    since: datetime | None = None
    comments: int = 0
    assignee: str | None = None  # who looks after it, whatever its state


def handling_after(handling: Handling, entry: JournalEntry) -> Handling:
    """Return the state after one more entry about the alert."""
    if entry.action == "comment":
        return replace(handling, comments=handling.comments + 1)
    if entry.action == "assign":
        return replace(handling, assignee=details_of(entry, ActionDetails).assignee or None)
    if entry.action == "acknowledge":
        return replace(handling, state="acknowledged", who=entry.who, since=entry.done_at)
    verdict = details_of(entry, ActionDetails).verdict
    return replace(handling, state="closed", verdict=verdict, who=entry.who, since=entry.done_at)


def handling_of(entries: Iterable[JournalEntry]) -> Handling:
    """Return the state after all entries about one alert, in order."""
    handling = Handling()
    for entry in entries:
        if entry.action in ACTIONS:
            handling = handling_after(handling, entry)
    return handling


def check_allowed(handling: Handling, action: Action) -> None:
    """Raise UserError for what the state does not allow; comments always are."""
    if handling.state == "closed" and action != "comment":
        raise UserError(f"the alert is closed as {handling.verdict} by {handling.who}")
    if handling.state == "acknowledged" and action == "acknowledge":
        raise UserError(f"the alert is acknowledged by {handling.who} already")
