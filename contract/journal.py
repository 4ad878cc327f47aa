"""What the journal can say was done: one list, so that whatever writes an entry and whatever shows it in words agree."""

from typing import Final, Literal, get_args

# Entries never change, so a name stays once it was written.
JournalAction = Literal[
    "acknowledge",
    "allow",
    "assign",
    "channel-opened",
    "channel-tested",
    "close",
    "comment",
    "confirm",
    "correction",
    "correction-withdrawn",
    "dispatch",
    "dispatch-on",
    "dispatch-over",
    "false-alarm",
    "forbid",
    "ngsi-subscribed",
    "ngsi-unsubscribed",
    "notification-refused",
    "notified",
    "nuisance",
    "nuisance-removed",
    "recall",
    "request",
    "send",
    "silence",
    "silence-ended",
    "what-if",
]
JOURNAL_ACTIONS: Final[tuple[JournalAction, ...]] = get_args(JournalAction)
