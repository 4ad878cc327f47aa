"""What a store must do. Every store passes the same tests (`tests/storage/`)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import pyarrow as pa

from jeonju.contract.columns import READINGS
from jeonju.contract.records import (
    AlertRecord,
    DeadLetter,
    DeviceRecord,
    IncidentRecord,
    JournalEntry,
    LedgerEntry,
    LetterMark,
    Statistics,
)


@dataclass(frozen=True, kw_only=True)
class Commit:
    """What ingest hands over at once: all of it is durable when `write` returns, or none of it."""

    readings: pa.Table = field(default_factory=READINGS.empty_table)
    devices: Sequence[DeviceRecord] = ()
    dead_letters: Sequence[DeadLetter] = ()
    ledger: Sequence[LedgerEntry] = ()
    letter_marks: Sequence[LetterMark] = ()


@dataclass(frozen=True, kw_only=True)
class LetterChoice:
    """Which dead letters are wanted: those that fit all that is given."""

    since: datetime | None = None
    topic: str | None = None  # an MQTT topic filter
    reason: str | None = None  # a text within the reason, in any case of letters
    is_asked: bool = False  # only those whose replay is asked for
    replayed_since: datetime | None = None


ANY_LETTER: Final = LetterChoice()


@dataclass(frozen=True, kw_only=True)
class Series:
    """Which readings are wanted: `start` <= time < `end`; all devices where `devices` is empty.

    With `every_s` the values are means over intervals of that many seconds, each stamped with the interval's start.
    They come from hours and minutes as far as `every_s` is a multiple of 3600 or 60, however long the span, so they outlive the readings;
    edges within a minute and minutes that are not rolled up yet come from the readings.
    At most `limit` rows come back, the earliest first. Where `quantities` names some, a store need not read the others, which may be null.
    """

    site: str
    start: datetime
    end: datetime
    devices: tuple[str, ...] = ()
    every_s: int | None = None
    limit: int = 1_000_000
    quantities: tuple[str, ...] = ()


class Retention(NamedTuple):
    """How long things are kept after they were measured or (in DuckDB) arrived, whichever was later; None is for ever."""

    readings_s: float | None = 30 * 86_400.0
    minutes_s: float | None = 400 * 86_400.0
    hours_s: float | None = None


DEFAULT_RETENTION: Final = Retention()


class Store(Protocol):
    """A place where readings are kept. Writing the same device and instant again merges into the same row.

    Every method raises `jeonju.common.errors.UnavailableError` when the store cannot be reached now.
    """

    def write(self, commit: Commit) -> Mapping[tuple[str, str], int]:
        """Make all of `commit` durable, or nothing of it.

        Return, for each (site, device), how many readings were dead letters instead because they are older than anything the store keeps.
        """

    def write_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        """Insert or update alerts by `id`."""

    def readings(self, series: Series) -> pa.Table:
        """Return rows in the READINGS schema, ordered by time then device."""

    def latest(self, site: str) -> pa.Table:
        """Return the newest row of every device of the site, in the READINGS schema."""

    def devices(self, site: str) -> list[DeviceRecord]:
        """Return every device that has ever sent something, by name."""

    def ledger(self, site: str) -> list[LedgerEntry]:
        """Return the loss ledger of every device, by name."""

    def alert(self, alert_id: str) -> AlertRecord | None:
        """Return the alert of an id, None when there is none."""

    def alerts(self, site: str, *, since: datetime | None = None, active: bool | None = None) -> list[AlertRecord]:
        """Return alerts that touch the time from `since` on, newest first; `active` picks those that last or have ended."""

    def write_incidents(self, incidents: Sequence[IncidentRecord]) -> None:
        """Insert or update incidents by `id`."""

    def incident(self, incident_id: str) -> IncidentRecord | None:
        """Return the incident of an id, None when there is none."""

    def incidents(
        self, site: str, *, since: datetime | None = None, active: bool | None = None
    ) -> list[IncidentRecord]:
        """Return incidents that touch the time from `since` on, newest first; `active` picks those that are not closed, or that are."""

    def write_journal(self, entries: Sequence[JournalEntry]) -> None:
        """Append entries; one that is there already, by `id`, stays as it is."""

    def journal(self, site: str, *, since: datetime | None = None, subject: str | None = None) -> list[JournalEntry]:
        """Return entries from `since` on, of one subject if it is given, in the order of time, then of ids, at most the newest 10 000."""

    def write_statistics(self, statistics: Sequence[Statistics]) -> None:
        """Keep statistics over time for the dashboards that read the store itself; a store that none can read keeps none."""

    def dead_letters(self, *, limit: int = 100, choice: LetterChoice = ANY_LETTER) -> list[DeadLetter]:
        """Return the newest dead letters, newest first; of payloads the first 64 KiB (`LONGEST_LETTER_BYTES`), `dead_letter` has all."""

    def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """Return the dead letter of an id, None when there is none."""

    def letters_in_order(
        self, choice: LetterChoice = ANY_LETTER, *, after: str = "", limit: int, payloads: bool = True
    ) -> list[DeadLetter]:
        """Return dead letters in the order of arrival, from the one that follows the id `after`; payloads are empty without `payloads`."""

    def mark_letters(self, marks: Sequence[LetterMark]) -> None:
        """Note what has become of dead letters; a mark of a letter that is gone changes nothing that can be seen."""

    def maintenance(self, now: datetime) -> Iterator[None]:
        """Roll up and forget, one short step at each turn: the owner calls it about every minute, and may stop after any step."""

    def notices(self) -> list[str]:
        """Return, each in a line for people, what maintenance could not do the last time it tried."""

    def back_up(self, folder: Path) -> Path:
        """Write all that the store holds into a new file in `folder`, while it is in use, and return the file."""

    def close(self) -> None:
        """Finish what is being written and let go of the store."""
