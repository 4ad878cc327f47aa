"""Counts what arrives: by the sequence numbers of each device and boot, gaps and repeats show."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jeonju.contract.records import LedgerEntry

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

    def restore(self, entries: list[LedgerEntry]) -> None:
        """Take over the accounts of an earlier run, with the numbers that were missing in the newest boot of each device."""
        for entry in entries:
            account = _Account(
                {}, entry.boot, entry.received, entry.repeated, entry.missing, entry.late, entry.rejected
            )
            if entry.last_seq is not None:
                account.boots[entry.boot] = _Boot(entry.last_seq, entry.last_seq + 1, from_ranges(entry.gaps))
            self._accounts[entry.site, entry.device] = account

    def count(self, site: str, device: str, boot: str | None, seq: int | None, readings: int = 1) -> list[int]:
        """Account for readings numbered `seq`, `seq` + 1, … or not numbered; return which have come before, without doubt, counted from 0.

        A number counts once for each boot. Of a device that names no boot it may be that it has begun again.
        """
        account = self._account(site, device)
        account.received += readings
        if seq is None:
            return []
        if boot not in account.boots:
            self._first_of_boot(account, boot, seq)
        known, end = account.boots[boot], seq + readings
        again = range(seq, min(end, known.last_seq + 1))
        late = known.missing.intersection(again)
        known.missing -= late
        account.missing -= len(late)
        account.late += len(late)
        account.repeated += len(again) - len(late)
        if end > known.last_seq + 1:
            self._go_on(account, known, max(seq, known.last_seq + 1), end - 1)
        certain_from = known.known_from if boot is not None else end
        return [number - seq for number in again if number >= certain_from and number not in late]

    def count_batch(
        self, devices: Sequence[tuple[str, str]], device: NDArray[np.int64], boots: pa.Array, seqs: pa.Array
    ) -> NDArray[np.bool_]:
        """Account for readings in order of arrival, `device` counting into `devices`; return which have come before, without doubt."""
        encoded = boots.dictionary_encode()
        names = [*encoded.dictionary.to_pylist(), None]
        boot = encoded.indices.fill_null(len(names) - 1).to_numpy().astype(np.int64)
        order = np.argsort(device * len(names) + boot, kind="stable")
        device, boot = device[order], boot[order]
        seq, numbered = seqs.fill_null(0).to_numpy()[order], seqs.is_valid().to_numpy(zero_copy_only=False)[order]
        goes_on = (device[1:] == device[:-1]) & (boot[1:] == boot[:-1]) & (numbered[1:] == numbered[:-1])
        goes_on &= (seq[1:] == seq[:-1] + 1) | ~numbered[1:]
        starts = np.flatnonzero(np.append(True, ~goes_on))
        lengths = np.diff(np.append(starts, len(seq)))
        # In order of arrival, because the newest boot is the one that was heard of last.
        runs = np.argsort(order[starts])
        repeated = np.zeros(len(seq), dtype=np.bool_)
        for start, length in zip(starts[runs].tolist(), lengths[runs].tolist(), strict=True):
            site, name = devices[device[start]]
            number = int(seq[start]) if numbered[start] else None
            if again := self.count(site, name, names[boot[start]], number, length):
                repeated[order[start + np.array(again)]] = True
        return repeated

    def reject(self, site: str, device: str, count: int = 1) -> None:
        """Account for messages, or readings, that went to the dead letters."""
        self._account(site, device).rejected += count

    def changes(self) -> list[LedgerEntry]:
        """Return the accounts that changed since the last call."""
        entries = []
        for site, device in sorted(self._changed):
            account = self._accounts[site, device]
            boot = account.boots.get(account.newest_boot)
            entries.append(
                LedgerEntry(
                    site,
                    device,
                    account.newest_boot,
                    boot.last_seq if boot else None,
                    account.received,
                    account.repeated,
                    min(account.missing, MOST_MISSING),
                    account.late,
                    account.rejected,
                    to_ranges(boot.missing) if boot else "",
                )
            )
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
    def _go_on(account: _Account, known: _Boot, first: int, last: int) -> None:
        gap = first - known.last_seq - 1
        room = REMEMBERED_GAPS - len(known.missing)
        if gap > room:
            known.known_from = first
        account.missing += gap
        known.missing.update(range(known.last_seq + 1, known.last_seq + 1 + min(gap, room)))
        known.last_seq = last

    @staticmethod
    def _first_of_boot(account: _Account, boot: str | None, seq: int) -> None:
        account.boots[boot] = _Boot(seq - 1, seq)
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
