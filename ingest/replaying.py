"""What becomes of dead letters that are taken once more."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from jeonju.contract.records import LONGEST_LETTER_TEXT, DeadLetter, LetterMark
from jeonju.storage.port import Commit


def mark(letter: DeadLetter, *, replayed_at: datetime | None = None, reason: str | None = None) -> LetterMark:
    """Return the mark of a letter that was tried: taken at an instant, or refused again for a reason. It is not asked for any more."""
    return LetterMark(
        letter.id, None, replayed_at or letter.replayed_at, (reason or letter.reason)[:LONGEST_LETTER_TEXT]
    )


def with_marks(commit: Commit, letters: Sequence[DeadLetter], now: datetime) -> Commit:
    """Return the commit of replayed letters with their marks: one that is refused again stays the letter that it is, with its new reason."""
    refused = {(dead.received_at, dead.topic, dead.payload): dead.reason for dead in commit.dead_letters}
    marks = []
    for letter in letters:
        reason = refused.get((letter.received_at, letter.topic, letter.payload))
        if reason is None and letter.is_whole:
            # Who asked reads this to know what became of it; the clock of another machine may be ahead.
            marks.append(mark(letter, replayed_at=max(now, letter.asked_at or now)))
        else:
            marks.append(mark(letter, reason=reason))
    return replace(commit, dead_letters=(), letter_marks=marks)
