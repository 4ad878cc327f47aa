"""What people did about an alert, as the journal tells it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from jeonju.common.errors import UserError
from jeonju.contract.records import JournalEntry

Action = Literal["acknowledge", "comment", "close"]
Verdict = Literal["confirmed", "false-alarm"]
ACTIONS: Final = ("acknowledge", "comment", "close")


@dataclass(frozen=True, kw_only=True)
class Handling:
    """Where an alert stands with people: open → acknowledged → closed. It ends by itself, whatever people do."""

    state: Literal["open", "acknowledged", "closed"] = "open"
    verdict: Verdict | None = None
    who: str | None = None
    since: datetime | None = None
    comments: int = 0


def after(handling: Handling, entry: JournalEntry) -> Handling:
    """Return the state after one more entry about the alert."""
    if entry.action == "comment":
        return replace(handling, comments=handling.comments + 1)
    if entry.action == "acknowledge":
        return replace(handling, state="acknowledged", who=entry.who, since=entry.done_at)
    verdict = json.loads(entry.details)["verdict"]
    return replace(handling, state="closed", verdict=verdict, who=entry.who, since=entry.done_at)


def handling_of(entries: Iterable[JournalEntry]) -> Handling:
    """Return the state after all entries about one alert, in order."""
    handling = Handling()
    for entry in entries:
        if entry.action in ACTIONS:
            handling = after(handling, entry)
    return handling


def check_allowed(handling: Handling, action: Action) -> None:
    """Raise UserError for what the state does not allow; comments always are."""
    if handling.state == "closed" and action != "comment":
        raise UserError(f"the alert is closed as {handling.verdict} by {handling.who}")
    if handling.state == "acknowledged" and action == "acknowledge":
        raise UserError(f"the alert is acknowledged by {handling.who} already")
