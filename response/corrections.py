"""Agreed corrections, as the journal has them: accepted and withdrawn by people, applied by ingest."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import UserError
from jeonju.contract.correction import ACCEPTED, SUBJECT, WITHDRAWN, Agreement, Correction, corrections_of
from jeonju.response.journal import Journal

# The store returns the newest 10 000 entries: beyond that old agreements would be forgotten.
MOST_ENTRIES: Final = 9000


class Corrections:
    """The corrections of a site. Safe to use from several threads; every method reads the journal, which other processes write too.

    Every method raises UnavailableError while the store is away.
    """

    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._journal, self._now = journal, now
        self._lock = threading.Lock()

    def known(self) -> dict[str, Correction]:
        """Return every correction by id, those that are over too, the oldest first."""
        return corrections_of(self._journal.read(SUBJECT))

    def in_force(self) -> list[Correction]:
        """Return those that hold now or begin within a minute, one at most for a device and a quantity."""
        now = self._now()
        known = self.known().values()
        return [one for one in known if one.until_at is None or one.from_at <= now < one.until_at]

    def accept(self, agreed: Agreement, who: str) -> Correction:
        """Agree to a correction, which ends one of the same device and quantity. Raises UserError for what cannot be applied."""
        quantity = QUANTITY.get(agreed.quantity)
        if quantity is None:
            raise UserError(f"quantity: {agreed.quantity[:50]!r} is none; see /api/v1/quantities")
        if quantity.unit == "°":
            raise UserError(f"{quantity.label_en} goes round: no gain and offset correct it; turn the instrument")
        if abs(agreed.offset) > quantity.maximum - quantity.minimum:
            raise UserError(f"offset: {agreed.offset:g} {quantity.unit} is more than {quantity.label_en} can differ by")
        with self._lock:
            if len(self._journal.read(SUBJECT)) >= MOST_ENTRIES:
                raise UserError(
                    f"corrections were accepted and withdrawn {MOST_ENTRIES} times, which is all that is kept"
                )
            entry = self._journal.entry(ACCEPTED, SUBJECT, who, agreed.model_dump())
            self._journal.write(entry)
        return corrections_of([entry])[entry.id]

    def withdraw(self, correction_id: str, who: str) -> Correction:
        """End a correction. Raises UserError where none without an end has the id."""
        with self._lock:
            found = self.known().get(correction_id)
            if found is None or found.until_at is not None:
                raise UserError(f"no correction in force has the id {correction_id[:100]!r}")
            self._journal.write(self._journal.entry(WITHDRAWN, SUBJECT, who, {"correction": correction_id}))
            return self.known()[correction_id]
