"""Counts what arrives: by the sequence numbers of each device and boot, gaps and repeats show."""

from dataclasses import dataclass, field
from typing import Final

from storage.schema import LedgerEntry

# So many stretches of missing numbers are written down, the newest; what is older counts as repeated when it comes after a restart.
MOST_RANGES: Final = 500
# Of this many missing numbers per boot it is remembered which they are, so that a late one can be told from a repeat.
REMEMBERED_GAPS: Final = 5000
REMEMBERED_BOOTS: Final = 4
# Stores count in 64 bits; a device that makes up numbers must not stop the commit.
MOST_MISSING: Final = 2**63 - 1


@dataclass(slots=True)
class _Boot:
    last_seq: int
    # From this number on it is known of each number whether it has come.
    known_from: int
    missing: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Account:
    boots: dict[str | None, _Boot] = field(default_factory=dict)
    newest_boot: str | None = None
    received: int = 0
    repeated: int = 0
    missing: int = 0
    late: int = 0
    rejected: int = 0
    has_changed: bool = False


class Ledger:
    """The accounts of all devices; goes on from what the store holds."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._changed: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._accounts)

    def resume(self, entries: list[LedgerEntry]) -> None:
        """Take over the accounts of an earlier run, with the numbers that were missing in the newest boot of each device."""
        for entry in entries:
            account = _Account(
                {}, entry.boot, entry.received, entry.repeated, entry.missing, entry.late, entry.rejected
            )
            if entry.last_seq is not None:
                account.boots[entry.boot] = _Boot(entry.last_seq, entry.last_seq + 1, from_ranges(entry.gaps))
            self._accounts[entry.site, entry.device] = account

    def count(self, site: str, device: str, boot: str | None, seq: int | None) -> bool:
        """Account for one reading; True when this very reading has come before, without doubt.

        A number counts once for each boot. Of a device that names no boot it may be that it has begun again.
        """
        account = self._account(site, device)
        account.received += 1
        if seq is None:
            return False
        known = account.boots.get(boot)
        if known is None:
            self._first_of_boot(account, boot, seq)
        elif seq == known.last_seq + 1:
            known.last_seq = seq
        elif seq > known.last_seq:
            account.missing += seq - known.last_seq - 1
            room = REMEMBERED_GAPS - len(known.missing)
            if seq - known.last_seq - 1 > room:
                known.known_from = seq
            known.missing.update(range(known.last_seq + 1, min(seq, known.last_seq + 1 + room)))
            known.last_seq = seq
        elif seq in known.missing:
            known.missing.remove(seq)
            account.missing -= 1
            account.late += 1
        else:
            account.repeated += 1
            return boot is not None and seq >= known.known_from
        return False

    def reject(self, site: str, device: str) -> None:
        """Account for one message that went to the dead letters."""
        self._account(site, device).rejected += 1

    def changes(self) -> list[LedgerEntry]:
        """Return the accounts that changed since the last call."""
        entries = []
        for site, device in sorted(self._changed):
            account = self._accounts[site, device]
            boot = account.boots.get(account.newest_boot)
            entries.append(
                LedgerEntry(site, device, account.newest_boot, boot.last_seq if boot else None, account.received, account.repeated,
                            min(account.missing, MOST_MISSING), account.late, account.rejected, to_ranges(boot.missing) if boot else "")
            )  # fmt: skip
            account.has_changed = False
        self._changed.clear()
        return entries

    def _account(self, site: str, device: str) -> _Account:
        account = self._accounts.get((site, device))
        if account is None:
            account = self._accounts[site, device] = _Account()
        if not account.has_changed:
            account.has_changed = True
            self._changed.append((site, device))
        return account

    @staticmethod
    def _first_of_boot(account: _Account, boot: str | None, seq: int) -> None:
        account.boots[boot] = _Boot(seq, seq)
        account.newest_boot = boot
        while len(account.boots) > REMEMBERED_BOOTS:
            del account.boots[next(iter(account.boots))]


def to_ranges(numbers: set[int]) -> str:
    """Return numbers as text, such as `3:7,12`."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(f"{first}:{last}" if last > first else str(first) for first, last in ranges[-MOST_RANGES:])


def from_ranges(text: str) -> set[int]:
    """Return the numbers that `to_ranges` wrote down."""
    numbers: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition(":")
        numbers.update(range(int(first), int(last or first) + 1))
    return numbers
