"""Corrections of a device's quantity by a gain and an offset, which a person has agreed to; the journal holds them, ingest applies them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jeonju.contract.records import JournalEntry

# All entries have one subject, so that those in force are found however long the journal has become.
SUBJECT: Final = "corrections"
ACCEPTED: Final = "correction"
WITHDRAWN: Final = "correction-withdrawn"
# A correction holds for what is measured from so long after the agreement on: by then ingest, in whichever process, has read of it.
BEGINS_AFTER: Final = timedelta(minutes=1)


class Agreement(BaseModel):
    """What a person agrees to: measured = gain · true + offset, in the unit of the quantity, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: Annotated[str, Field(min_length=1, max_length=200)]
    quantity: Annotated[str, Field(min_length=1, max_length=50)]
    gain: Annotated[float, Field(ge=0.1, le=10)]
    offset: Annotated[float, Field(allow_inf_nan=False)]
    reason: Annotated[str, Field(min_length=3, max_length=2000)]


class _Withdrawal(BaseModel):
    correction: str


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One correction, with who agreed and when: it holds for what is measured at `from_at` <= time < `until_at`, for ever where that is None."""

    id: str
    device: str
    quantity: str
    gain: float
    offset: float
    reason: str
    who: str
    agreed_at: datetime
    from_at: datetime
    until_at: datetime | None = None
    withdrawn_by: str | None = None


def corrections_of(entries: Iterable[JournalEntry]) -> dict[str, Correction]:
    """Return every correction of the entries, by id, in their order; a new one of the same device and quantity ends the one before.

    What cannot be read corrects nothing.
    """
    known: dict[str, Correction] = {}
    newest: dict[tuple[str, str], str] = {}
    withdrawals: list[tuple[str, JournalEntry]] = []
    for entry in entries:
        try:
            if entry.action == ACCEPTED:
                one = _accepted(entry)
                if (before := newest.get((one.device, one.quantity))) is not None:
                    known[before] = replace(known[before], until_at=one.from_at)
                known[one.id] = one
                newest[one.device, one.quantity] = one.id
            elif entry.action == WITHDRAWN:
                withdrawals.append((_Withdrawal.model_validate_json(entry.details).correction, entry))
        except ValidationError:
            continue
    # Last, as entries of one instant come in any order.
    for name, entry in withdrawals:
        ends = entry.done_at + BEGINS_AFTER
        if (found := known.get(name)) is not None and (found.until_at is None or ends < found.until_at):
            known[name] = replace(found, until_at=ends, withdrawn_by=entry.who)
    return known


def _accepted(entry: JournalEntry) -> Correction:
    agreed = Agreement.model_validate_json(entry.details)
    begins = entry.done_at + BEGINS_AFTER
    return Correction(id=entry.id, **agreed.model_dump(), who=entry.who, agreed_at=entry.done_at, from_at=begins)
